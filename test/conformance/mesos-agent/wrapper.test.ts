import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createContainers } from '../../../src/embedded/mesos-agent/containers.ts';
import { createProcessScans } from '../../../src/embedded/mesos-agent/scans.ts';
import { findTaskRecords, readTaskRecord } from '../../../src/protocols/mesos/task-processes.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { identify } from '../../../src/support/process.ts';
import { skipped } from '../../support/skipped.ts';

let folder: string;
let directory: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'devcluster-wrapper-'));
  directory = join(folder, 'sandbox');
  await mkdir(directory);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const shells = ['/bin/sh', '/bin/dash', '/bin/bash', '/bin/ash'].filter(existsSync);

describe.each(shells)('the wrapper run by %s', (shell) => {
  const scans = createProcessScans(systemClock);
  const launch = (...command: [string, ...string[]]) =>
    createContainers({ clock: systemClock, scans, folder, shell }).launch({
      directory,
      command,
      environment: { PATH: '/usr/bin:/bin', MESOS_SANDBOX: directory },
    });
  const run = async (script: string) => (await launch('/bin/sh', '-c', script)).exited;

  test.each([
    ['exit 0', { status: 0 }],
    ['exit 77', { status: 77 }],
    ['exit 143', { status: 143 }],
    ['exit 255', { status: 255 }],
    ['kill -TERM $$', { signal: 'SIGTERM' }],
    ['kill -KILL $$', { signal: 'SIGKILL' }],
    ['kill -HUP $$', { signal: 'SIGHUP' }],
    ['kill -INT $$', { signal: 'SIGINT' }],
    ['kill -ABRT $$', { signal: 'SIGABRT' }],
    // A signal to the whole group passes the wrapper by.
    ['kill -TERM 0', { signal: 'SIGTERM' }],
  ])('tells how `%s` ends, also to who comes later', async (script, end) => {
    expect(await run(script)).toMatchObject(end);
    expect((await readTaskRecord(directory))?.end).toMatchObject(end);
  });

  test('records who runs before the command does', async () => {
    const container = await launch('/bin/sh', '-c', 'cat .devcluster-task; exec sleep 1000');
    await expect.poll(() => readFile(join(directory, 'stdout'), 'utf8').catch(() => '')).toMatch(/^started .*\n/);
    expect((await readTaskRecord(directory))?.leader).toEqual(identify(container.pid));
    container.kill(1000);
    expect(await container.exited).toMatchObject({ signal: 'SIGTERM' });
    expect(await findTaskRecords(directory)).toEqual([]);
  });

  test('runs programs only, never builtins of the shell', async () => {
    expect(await (await launch('exit', '7')).exited).toEqual(expect.objectContaining({ status: expect.any(Number) }));
    expect((await readTaskRecord(directory))?.end).not.toEqual({ status: 7 });
  });

  test('passes arguments, the environment and an empty input as they are', async () => {
    const odd = `a  b\n'"$HOME\\ *`;
    await (await launch('sh', '-c', 'printf %s "$1"; printf %s "$MESOS_SANDBOX"; cat', 'x', odd)).exited;
    expect(await readFile(join(directory, 'stdout'), 'utf8')).toBe(odd + directory);
  });

  test.skipIf(skipped(process.platform === 'linux', 'open files of a command', 'only Linux has /proc'))(
    'leaves no more of its files open in the command than its two',
    async () => {
      await run('ls -l /proc/self/fd');
      const open = await readFile(join(directory, 'stdout'), 'utf8');
      const ours = open.split('\n').filter((line) => line.includes(directory));
      expect(ours.map((line) => line.replace(/.*\//, ''))).toEqual(['stdout', 'stderr']);
    },
  );
});
