import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  checkTargetName,
  checkTargetUrl,
  findTarget,
  isThisMachine,
  readTargets,
  targetsFile,
  writeTargets,
} from '../../../src/apps/targets.ts';

describe('targets', () => {
  it('are kept in a file that only the user can read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'targets-'));
    const file = targetsFile({ XDG_CONFIG_HOME: join(folder, 'config') });
    expect(await readTargets(file)).toEqual({ targets: {} });
    const list = { current: 'a', targets: { a: { url: 'http://a', credentials: { token: 'x' } } } };
    await writeTargets(file, list);
    expect(await readTargets(file)).toEqual(list);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await rm(folder, { recursive: true });
  });

  it('have the address of a Marathon, in any of the forms that people copy', () => {
    expect(checkTargetUrl('https://m.example.com:8443/')).toBe('https://m.example.com:8443');
    expect(checkTargetUrl('http://m/service/marathon/ui/#/apps')).toBe('http://m/service/marathon');
    expect(checkTargetUrl('http://m/v2')).toBe('http://m');
    for (const wrong of ['m.example.com', 'ftp://m', 'https://me:secret@m'])
      expect(() => checkTargetUrl(wrong)).toThrowError(expect.objectContaining({ code: 'BAD_URL' }));
    expect(() => checkTargetUrl('https://me:secret@m')).not.toThrowError(/secret@/);
  });

  it('are found by name, and a near one is proposed', () => {
    const list = { targets: { shared: { url: 'http://s' } } };
    expect(findTarget(list, 'shared')).toEqual({ url: 'http://s' });
    expect(() => findTarget(list, 'shard')).toThrowError(expect.objectContaining({ hint: 'Did you mean shared?' }));
    expect(() => findTarget(list, 'constructor')).toThrowError(expect.objectContaining({ kind: 'notFound' }));
    expect(() => checkTargetName('local')).toThrowError();
  });

  it.each([
    ['http://127.1.2.3:8080', true],
    ['http://localhost:8080', true],
    ['http://[::1]:8080', true],
    ['http://web.localhost', true],
    ['http://10.0.0.1', false],
    ['https://marathon.example.com', false],
    ['http://127.0.0.1.example.com', false],
  ])('%s is on this machine: %s', (url, here) => {
    expect(isThisMachine(url)).toBe(here);
  });
});
