import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, type DevclusterError, startCluster } from '../../src/fixture/index.ts';

let stateHome: string;
beforeAll(async () => {
  stateHome = await mkdtemp(join(tmpdir(), 'fixture-determinism-'));
});
afterAll(() => rm(stateHome, { recursive: true, force: true }));

/** What a seed decides: ids, and ports out of the same offers. */
async function choices(cluster: Cluster) {
  const app = { id: 'ports', cmd: 'sleep 1000', cpus: 0.1, mem: 16, instances: 2, portDefinitions: [{ port: 0 }] };
  await cluster.deploy(app);
  const { slaves } = await cluster.mesos.state();
  const tasks = await cluster.marathon.tasks();
  const [begin] = cluster.nodes.length > 0 ? [await firstPort(cluster)] : [0];
  return {
    agents: slaves.map(({ id }) => id),
    ports: tasks
      .flatMap(({ ports }) => ports ?? [])
      .map((port) => port - begin)
      .sort((a, b) => a - b),
    // The other half of a time-based id is the time.
    ids: tasks.map(({ id }) => /-[0-9a-f]{4}-([0-9a-f]{12})\./.exec(id)?.[1]).sort(),
  };
}

async function firstPort({ mesos }: Cluster): Promise<number> {
  const { slaves } = await mesos.state();
  const { resources } = slaves[0] as unknown as { resources: { ports: string } };
  return Number(/\[(\d+)-/.exec(resources.ports)?.[1]);
}

describe('a seed', () => {
  it('makes the same choices again; another one makes others', async () => {
    const made = [];
    for (const seed of ['first', 'first', 'second']) {
      await using cluster = await startCluster({ nodes: 1, stateHome, seed });
      made.push(await choices(cluster));
    }
    expect(made[1]).toEqual(made[0]);
    expect(made[2]).not.toEqual(made[0]);
  });
});

describe('the time of apps', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ nodes: 3, stateHome });
  });
  afterAll(() => cluster.stop());

  it('moves on: what waits for its backoff is started, on whichever node leads', async () => {
    // Five minutes are the longest that Marathon waits.
    const app = { id: 'flaky', cmd: 'exit 1', cpus: 0.1, mem: 16, backoffSeconds: 280, backoffFactor: 1 };
    const deploying = cluster.deploy(app).catch(() => {});
    const failures = async () => (await cluster.mesos.state()).frameworks[0]!.completed_tasks.length;
    const isWaiting = async () => ((await cluster.marathon.queue())[0]?.delay.timeLeftSeconds ?? 0) > 200;
    await cluster.waitFor(async () => (await failures()) === 1 && (await isWaiting()));
    await cluster.advance('290s');
    await cluster.waitFor(async () => (await failures()) === 2 && (await isWaiting()));
    await cluster.advance(290_000);
    await cluster.waitFor(async () => (await failures()) === 3);
    await cluster.reset();
    await deploying;
  });

  it('moves on: health checks are made, and sessions live on', async () => {
    const leader = await cluster.marathon.leader();
    const { frameworks } = await cluster.mesos.state();
    const checked = {
      id: 'checked',
      cmd: 'sleep 1000',
      cpus: 0.1,
      mem: 16,
      healthChecks: [
        {
          protocol: 'COMMAND',
          command: { value: 'test -e well' },
          delaySeconds: 0,
          gracePeriodSeconds: 0,
          intervalSeconds: 3600,
          maxConsecutiveFailures: 3,
        },
      ],
    };
    const deploying = cluster.deploy(checked, { timeoutMs: 60_000 });
    const unhealthy = async () => (await cluster.marathon.app(cluster.id('checked'))).tasksUnhealthy === 1;
    await cluster.waitFor(unhealthy);
    const [task] = await cluster.marathon.tasks();
    const { directory } = await cluster.mesos.sandbox(task!.id);
    await writeFile(join(directory, 'well'), '');
    await cluster.advance('1h');
    await deploying;
    expect((await cluster.waitFor('checked')).tasksHealthy).toBe(1);
    expect(await cluster.marathon.leader()).toBe(leader);
    expect((await cluster.mesos.state()).frameworks.map(({ id }) => id)).toEqual(frameworks.map(({ id }) => id));
    expect((await cluster.status()).state).toBe('running');
  });

  it('keeps to durations', async () => {
    const error: DevclusterError = await cluster.advance('soon').catch((thrown) => thrown);
    expect([error.kind, error.code]).toEqual(['usage', 'BAD_DURATION']);
  });
});
