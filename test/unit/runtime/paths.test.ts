import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkClusterName } from '../../../src/config/names.ts';
import { statePaths } from '../../../src/runtime/paths.ts';

describe("the paths of a cluster's state", () => {
  it('begin at XDG_STATE_HOME, or in the home folder', () => {
    expect(statePaths({ XDG_STATE_HOME: '/var/x', HOME: '/h' }).root).toBe('/var/x/devcluster');
    expect(statePaths({ HOME: '/h' }).root).toBe('/h/.local/state/devcluster');
    expect(statePaths({ XDG_STATE_HOME: 'relative', HOME: '/h' }).root).toBe('/h/.local/state/devcluster');
  });

  it('keep the control socket beside the other files of its node where that fits', () => {
    const node = statePaths({ HOME: '/h' }).cluster('dev').node('node-1');
    expect(node.controlSocket).toBe(join(node.folder, 'control.sock'));
  });

  it('give the control socket a short path when the state folder has a long one', () => {
    const long = `/${'x'.repeat(90)}`;
    const inRuntimeDir = statePaths({ XDG_STATE_HOME: long, XDG_RUNTIME_DIR: '/run/user/1' }).cluster('dev');
    expect(inRuntimeDir.node('node-1').controlSocket).toMatch(/^\/run\/user\/1\/devcluster\/[0-9a-f]{20}\.sock$/);
    const elsewhere = statePaths({ XDG_STATE_HOME: long }).cluster('dev');
    expect(elsewhere.node('node-1').controlSocket.length).toBeLessThanOrEqual(100);
    expect(elsewhere.node('node-1').controlSocket).not.toBe(elsewhere.node('node-2').controlSocket);
  });

  it('are never those of something else', () => {
    const paths = statePaths({ HOME: '/h' });
    for (const name of ['', '..', 'a/b', 'A', '1a', 'a'.repeat(32), 'a.b', 'a b', 'ä'])
      expect(() => paths.cluster(name), name).toThrow(expect.objectContaining({ kind: 'usage' }));
    expect(() => paths.cluster('dev').node('../x')).toThrow(expect.objectContaining({ kind: 'usage' }));
    expect(checkClusterName('dev-jane-2')).toBe('dev-jane-2');
  });
});
