import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findByEnvironment } from '../../src/support/process.ts';
import { createWorkplace, type Workplace } from './devcluster.ts';

interface Status {
  state: string;
  nodes: {
    name: string;
    state: string;
    services: { component: string; ready: boolean; leader: boolean; pid?: number }[];
  }[];
}

interface AppDocument {
  id: string;
  tasksRunning: number;
  tasks: { id: string; host: string }[];
}

let place: Workplace;
const status = () => place.json<Status>('status');
const hosts = async () => [
  ...new Set(
    (await status()).nodes.flatMap((node) => node.services.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))),
  ),
];
const hello = async () => (await place.json<AppDocument[]>('apps')).find(({ id }) => id === '/samples/hello');

/** `status` until it is as expected; the test's time limit ends a wait that is in vain. */
async function statusUntil(satisfied: (found: Status) => boolean): Promise<Status> {
  for (;;) {
    const found = await status();
    if (satisfied(found)) return found;
  }
}

beforeAll(async () => {
  place = await createWorkplace();
  const result = await place.run('up');
  expect(result.code, result.stderr).toBe(0);
});
afterAll(() => place.close());

describe('a node that fails', () => {
  it('killed: its processes and tasks are gone, the others go on with leaders, and up repairs it', async () => {
    expect((await place.run('node', 'kill', 'node-2')).code).toBe(0);
    const found = await statusUntil(({ nodes }) =>
      ['zookeeper', 'mesos-master', 'marathon'].every((component) =>
        nodes.some(
          ({ name, services }) =>
            name !== 'node-2' && services.some((service) => service.component === component && service.leader),
        ),
      ),
    );
    expect(found.state).toBe('degraded');
    expect(found.nodes.find(({ name }) => name === 'node-2')?.state).not.toBe('running');
    expect((await place.run('up', '--no-samples')).code).toBe(0);
    expect((await status()).state).toBe('running');
    for (;;) if ((await hello())?.tasksRunning === 3) break;
  });

  it('paused and resumed: the cluster is whole again by itself', async () => {
    expect((await place.run('node', 'pause', 'node-1')).code).toBe(0);
    expect((await statusUntil(({ nodes }) => nodes[0]?.state === 'paused')).state).toBe('degraded');
    expect((await place.run('node', 'resume', 'node-1')).code).toBe(0);
    await statusUntil(({ state }) => state === 'running');
  });

  it('cut off and connected again: every node stays alive, and the cluster is whole again by itself', async () => {
    const before = (await hosts()).sort();
    expect((await place.run('node', 'partition', 'node-3')).code).toBe(0);
    const found = await statusUntil(
      ({ nodes }) =>
        nodes.flatMap(({ name, services }) =>
          services.filter(({ leader, ready }) => name !== 'node-3' && leader && ready),
        ).length === 3,
    );
    expect(found.nodes.map(({ state }) => state)).toEqual(['running', 'running', 'partitioned']);
    expect((await hosts()).sort()).toEqual(before);
    expect((await place.run('node', 'heal', 'node-3')).code).toBe(0);
    await statusUntil(({ state }) => state === 'running');
    expect((await hosts()).sort()).toEqual(before);
  });

  it('there is none of that name: exit code 5', async () => {
    expect((await place.run('node', 'kill', 'node-9')).code).toBe(5);
  });
});

describe('a laptop that slept', () => {
  it('is ready again by itself, with the same tasks', async () => {
    for (;;) if ((await hello())?.tasksRunning === 3) break;
    const before = (await hello())!.tasks.map(({ id }) => id).sort();
    const pids = [...(await hosts()), ...findByEnvironment('MESOS_SANDBOX', place.stateHome).map(({ pid }) => pid)];
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    // Longer than every session and ping of the development timing: what sleeps is the point of this test.
    await new Promise((resolve) => setTimeout(resolve, 7000));
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    await statusUntil(({ state }) => state === 'running');
    for (;;) if ((await hello())?.tasksRunning === 3) break;
    expect((await hello())!.tasks.map(({ id }) => id).sort()).toEqual(before);
  });
});

describe('stop and start', () => {
  it('keeps data and apps', async () => {
    const versions = (await place.json<AppDocument[]>('apps')).map(({ id }) => id).sort();
    expect((await place.run('stop')).code).toBe(0);
    expect((await status()).state).toBe('stopped');
    expect(findByEnvironment('MESOS_SANDBOX', place.stateHome)).toEqual([]);
    expect((await place.run('start')).code).toBe(0);
    expect((await place.json<AppDocument[]>('apps')).map(({ id }) => id).sort()).toEqual(versions);
    for (;;) if ((await hello())?.tasksRunning === 3) break;
  });
});

describe('clean-up', () => {
  it('two commands that change one cluster do not interleave: exit code 6', async () => {
    const first = place.start(['restart']);
    // Once something has stopped, the first one holds the lock; it keeps it while it is held itself.
    await statusUntil(({ state }) => state !== 'running');
    first.child.kill('SIGSTOP');
    const second = await place.run('stop', '--json');
    first.child.kill('SIGCONT');
    const ended = await first.ended;
    expect([second.code, JSON.parse(second.stdout).error.code]).toEqual([6, 'CLUSTER_LOCKED']);
    expect(ended.code, ended.stderr).toBe(0);
    expect((await place.run('up', '--no-samples')).code).toBe(0);
  });

  it('down removes everything after somebody killed some of the processes', async () => {
    const [first, second] = await hosts();
    process.kill(first!, 'SIGKILL');
    process.kill(second!, 'SIGSTOP');
    const [task] = findByEnvironment('MESOS_SANDBOX', place.stateHome);
    if (task) process.kill(task.pid, 'SIGKILL');
    expect((await place.run('down')).code).toBe(0);
    expect(place.leftovers()).toEqual([]);
  });

  it.each([50, 300, 700])('Ctrl-C %d ms into up leaves nothing', async (ms) => {
    const { child, ended } = place.start(['up']);
    await new Promise((resolve) => setTimeout(resolve, ms));
    child.kill('SIGINT');
    const result = await ended;
    expect([0, 130]).toContain(result.code);
    if (result.code === 130) {
      expect(place.leftovers()).toEqual([]);
      expect(JSON.parse((await place.run('status', '--json')).stdout)).toMatchObject({ state: 'absent' });
    } else expect((await place.run('down')).code).toBe(0);
  });
});
