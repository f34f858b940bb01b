import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { findByEnvironment, identify, isAlive, parseStat, signalProcess } from '../../../src/support/process.ts';
import { skipped } from '../../support/skipped.ts';

describe('process identities', () => {
  it('knows a living process and notices its end', async () => {
    const child = spawn('sleep', ['100']);
    const identity = identify(child.pid!);
    expect(identity?.pid).toBe(child.pid);
    expect(isAlive(identity!)).toBe(true);
    signalProcess(identity!, 'SIGKILL');
    await once(child, 'exit');
    expect(isAlive(identity!)).toBe(false);
    expect(signalProcess(identity!, 'SIGKILL')).toBe(false);
  });

  it('is not fooled by a reused pid', () => {
    const own = identify(process.pid)!;
    expect(isAlive({ ...own, startTime: '1' })).toBe(false);
    expect(signalProcess({ ...own, startTime: '1' }, 'SIGKILL')).toBe(false);
  });

  it('reads stat lines whatever the command is called', () => {
    const rest = `S 1 42 42 ${Array.from({ length: 15 }, (_, i) => i).join(' ')} 777 0`;
    expect(parseStat(`42 (a) b (c) ${rest}`)).toEqual({
      pid: 42,
      startTime: '777',
      state: 'S',
      parent: 1,
      group: 42,
      session: 42,
    });
    expect(parseStat('garbage')).toBeUndefined();
  });

  it.skipIf(skipped(process.platform === 'linux', 'processes by their environment', 'only Linux has /proc'))(
    'finds processes by a variable they were started with',
    async () => {
      const marker = `/tmp/marker-${process.pid}-${Date.now()}`;
      const child = spawn('sleep', ['100'], { env: { MARKER: `${marker}/x` } });
      await once(child, 'spawn');
      expect(findByEnvironment('MARKER', marker).map(({ pid }) => pid)).toEqual([child.pid]);
      expect(findByEnvironment('ARKER', marker)).toEqual([]);
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  );
});
