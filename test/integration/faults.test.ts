import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findByEnvironment } from '../../src/support/process.ts';
import { createWorkplace, type Workplace } from './devcluster.ts';
import { type AppDocument, observe } from './observe.ts';

let place: Workplace;
let observed: ReturnType<typeof observe>;

beforeAll(async () => {
  place = await createWorkplace();
  observed = observe(place);
  const result = await place.run('up');
  expect(result.code, result.stderr).toBe(0);
});
afterAll(() => place.close());

describe('a node that fails', () => {
  it('killed: its processes and tasks are gone, the others go on with leaders, and up repairs it', async () => {
    expect((await place.run('node', 'kill', 'node-2')).code).toBe(0);
    const found = await observed.statusUntil(({ nodes }) =>
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
    expect((await observed.status()).state).toBe('running');
    for (;;) if ((await observed.hello())?.tasksRunning === 3) break;
  });

  it('paused and resumed: the cluster is whole again by itself', async () => {
    expect((await place.run('node', 'pause', 'node-1')).code).toBe(0);
    expect((await observed.statusUntil(({ nodes }) => nodes[0]?.state === 'paused')).state).toBe('degraded');
    expect((await place.run('node', 'resume', 'node-1')).code).toBe(0);
    await observed.statusUntil(({ state }) => state === 'running');
  });

  it('cut off and connected again: every node stays alive, and the cluster is whole again by itself', async () => {
    const before = (await observed.hosts()).sort();
    expect((await place.run('node', 'partition', 'node-3')).code).toBe(0);
    const found = await observed.statusUntil(
      ({ nodes }) =>
        nodes.flatMap(({ name, services }) =>
          services.filter(({ leader, ready }) => name !== 'node-3' && leader && ready),
        ).length === 3,
    );
    expect(found.nodes.map(({ state }) => state)).toEqual(['running', 'running', 'partitioned']);
    expect((await observed.hosts()).sort()).toEqual(before);
    expect((await place.run('node', 'heal', 'node-3')).code).toBe(0);
    await observed.statusUntil(({ state }) => state === 'running');
    expect((await observed.hosts()).sort()).toEqual(before);
  });

  it('there is none of that name: exit code 5', async () => {
    expect((await place.run('node', 'kill', 'node-9')).code).toBe(5);
  });
});

describe('stop and start', () => {
  it('keeps data and apps', async () => {
    const versions = (await place.json<AppDocument[]>('apps')).map(({ id }) => id).sort();
    expect((await place.run('stop')).code).toBe(0);
    expect((await observed.status()).state).toBe('stopped');
    expect(findByEnvironment('MESOS_SANDBOX', place.stateHome)).toEqual([]);
    expect((await place.run('start')).code).toBe(0);
    expect((await place.json<AppDocument[]>('apps')).map(({ id }) => id).sort()).toEqual(versions);
    for (;;) if ((await observed.hello())?.tasksRunning === 3) break;
  });
});

describe('clean-up', () => {
  it('two commands that change one cluster do not interleave: exit code 6', async () => {
    const first = place.start(['restart']);
    // Once something has stopped, the first one holds the lock; it keeps it while it is held itself.
    await observed.statusUntil(({ state }) => state !== 'running');
    first.child.kill('SIGSTOP');
    const second = await place.run('stop', '--json');
    first.child.kill('SIGCONT');
    const ended = await first.ended;
    expect([second.code, JSON.parse(second.stdout).error.code]).toEqual([6, 'CLUSTER_LOCKED']);
    expect(ended.code, ended.stderr).toBe(0);
    expect((await place.run('up', '--no-samples')).code).toBe(0);
  });

  it('down removes everything after somebody killed some of the processes', async () => {
    const [first, second] = await observed.hosts();
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
