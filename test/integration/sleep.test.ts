import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findByEnvironment } from '../../src/support/process.ts';
import { createWorkplace, type Workplace } from './devcluster.ts';
import { observe } from './observe.ts';

let place: Workplace;
let observed: ReturnType<typeof observe>;

beforeAll(async () => {
  place = await createWorkplace();
  observed = observe(place);
  const result = await place.run('up');
  expect(result.code, result.stderr).toBe(0);
});
afterAll(() => place.close());

describe('a laptop that slept', () => {
  it('is ready again by itself, with the same tasks', async () => {
    for (;;) if ((await observed.hello())?.tasksRunning === 3) break;
    const before = (await observed.hello())!.tasks.map(({ id }) => id).sort();
    const pids = [
      ...(await observed.hosts()),
      ...findByEnvironment('MESOS_SANDBOX', place.stateHome).map(({ pid }) => pid),
    ];
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    // Longer than every session and ping of the development timing: what sleeps is the point of this test.
    await new Promise((resolve) => setTimeout(resolve, 7000));
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    await observed.statusUntil(({ state }) => state === 'running');
    for (;;) if ((await observed.hello())?.tasksRunning === 3) break;
    expect((await observed.hello())!.tasks.map(({ id }) => id).sort()).toEqual(before);
  });
});
