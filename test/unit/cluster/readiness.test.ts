import { describe, expect, it, vi } from 'vitest';
import { awaitReady, type ReadinessOptions } from '../../../src/cluster/readiness.ts';
import { applyDefaults } from '../../../src/config/defaults.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import type { Progress } from '../../../src/support/progress.ts';
import { silentProgress } from '../../../src/support/progress.ts';
import { fakeProbe, makeSite } from './fakes.ts';

const config = applyDefaults({}, 'test');
const plan = makePlan({ config, site: makeSite(config), runtime: 'process', engine: 'embedded' });

/** Marathon as one on a JVM. */
const slow: typeof plan = {
  ...plan,
  nodes: plan.nodes.map((node) => ({
    ...node,
    units: node.units.map((unit) => ({
      ...unit,
      services: unit.services.map((service) =>
        service.component === 'marathon' ? { ...service, startSeconds: 180 } : service,
      ),
    })),
  })),
};

function wait(more: Partial<ReadinessOptions> = {}, notReady = new Map<string, string>()) {
  return awaitReady({
    plan,
    nodes: plan.nodes,
    timeoutMs: 60_000,
    serviceTimeoutMs: 60_000,
    progress: silentProgress,
    signal: new AbortController().signal,
    eventful: false,
    probe: fakeProbe(() => plan, notReady),
    ...more,
  });
}

describe('waiting until a cluster is ready', () => {
  it('ends when every service says so in its own protocol, without any event', async () => {
    expect(await wait().result).toEqual({
      ready: true,
      leaders: { zookeeper: 'node-1', 'mesos-master': 'node-1', marathon: 'node-1' },
    });
  });

  it('asks a service as soon as its event comes', async () => {
    const readiness = wait({ eventful: true });
    for (const node of plan.nodes)
      for (const unit of node.units)
        for (const { component } of unit.services) readiness.event({ type: 'service-ready', unit: unit.id, component });
    expect(await readiness.result).toMatchObject({ ready: true });
  });

  it('asks again after an answer that it is not ready yet', async () => {
    const notReady = new Map([['node-2/marathon', 'there is no leader yet']]);
    let asked = 0;
    const probe = fakeProbe(() => plan, notReady);
    const readiness = wait({
      probe: (service, node, limits) => {
        if (service.component === 'marathon' && node.name === 'node-2' && ++asked === 3) notReady.clear();
        return probe(service, node, limits);
      },
    });
    expect(await readiness.result).toMatchObject({ ready: true });
    expect(asked).toBe(3);
  });

  it("takes the leading master's word for agents and Marathon's framework", async () => {
    const notReady = new Map([
      ['node-3/mesos-agent', 'unknown'],
      ['framework', 'inactive'],
    ]);
    const readiness = wait({ timeoutMs: 700 }, notReady);
    const result = await readiness.result;
    expect(result).toMatchObject({
      ready: false,
      failure: {
        cause: 'timeout',
        node: 'node-3',
        component: 'mesos-agent',
        reason: 'it is not registered with the leading master',
        pending: [{ service: 'node-3/mesos-agent' }],
      },
    });
  });

  it('names the cause rather than its consequences when time is up', async () => {
    const notReady = new Map([
      ['zookeeper', 'it has not joined a quorum'],
      ['marathon', 'there is no leader yet'],
    ]);
    const result = await wait({ timeoutMs: 300 }, notReady).result;
    expect(result).toMatchObject({
      ready: false,
      failure: { component: 'zookeeper', reason: 'it has not joined a quorum' },
    });
  });

  it("counts a service's own time only from when what it needs is ready", async () => {
    const notReady = new Map([['marathon', 'there is no leader yet']]);
    const result = await wait({ serviceTimeoutMs: 300 }, notReady).result;
    expect(result).toMatchObject({
      ready: false,
      failure: { cause: 'timeout', component: 'marathon', limit: { of: 'service', seconds: 0.3 } },
    });
  });

  it('gives a program that starts slowly its own time, and tells now and then that it still does', async () => {
    vi.useFakeTimers();
    try {
      const notes: string[] = [];
      const notReady = new Map([['node-1/marathon', 'it does not listen yet']]);
      const { result } = wait(
        {
          plan: slow,
          nodes: slow.nodes,
          timeoutMs: 300_000,
          probe: fakeProbe(() => slow, notReady),
          progress: { ...silentProgress, note: (text) => void notes.push(text) },
        },
        notReady,
      );
      const told: number[] = [];
      for (let second = 1; second <= 180; second++) {
        const before = notes.length;
        await vi.advanceTimersByTimeAsync(1000);
        if (notes.length > before) told.push(second);
      }
      expect(await result).toMatchObject({
        failure: { component: 'marathon', reason: 'it does not listen yet', limit: { of: 'service', seconds: 180 } },
      });
      expect(told).toHaveLength(6);
      expect(notes[0]).toBe('node-1/marathon starts slowly, for 10 s of at most 180 s now: it does not listen yet');
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends at once when a unit ends', async () => {
    const readiness = wait({ eventful: true });
    readiness.event({ type: 'unit-exited', unit: 'node-2', reason: 'ended with code 1' });
    expect(await readiness.result).toMatchObject({
      ready: false,
      failure: { cause: 'exited', node: 'node-2', reason: 'ended with code 1' },
    });
  });

  it('forgives a service that ends once, not one that ends again and again', async () => {
    const readiness = wait({ eventful: true });
    const exit = {
      type: 'service-exited',
      unit: 'node-1',
      component: 'marathon',
      code: 1,
      reason: 'no ZooKeeper',
    } as const;
    readiness.event(exit);
    readiness.event(exit);
    readiness.event(exit);
    expect(await readiness.result).toMatchObject({
      ready: false,
      failure: { cause: 'exited', node: 'node-1', component: 'marathon', reason: 'no ZooKeeper' },
    });
  });

  it('waits for the chosen nodes only', async () => {
    const notReady = new Map([['node-3/zookeeper', 'it does not listen yet']]);
    const nodes = plan.nodes.slice(0, 2);
    expect(await wait({ nodes }, notReady).result).toMatchObject({ ready: true });
  });

  it("rejects with the signal's reason", async () => {
    const abort = new AbortController();
    const readiness = wait({ signal: abort.signal }, new Map([['zookeeper', 'no']]));
    abort.abort(new Error('stop it'));
    await expect(readiness.result).rejects.toThrow('stop it');
  });

  it('tells what it waits for, and who leads when it is done', async () => {
    const told: string[] = [];
    const progress: Progress = {
      ...silentProgress,
      steps: (titles) =>
        titles.map((title) => ({
          update: (text) => told.push(`${title}: ${text}`),
          done: (text) => told.push(`${title} done ${text}`),
          fail: () => told.push(`${title} failed`),
        })),
    };
    await wait({ progress }).result;
    expect(told).toContain('ZooKeeper: node-1/zookeeper: it is starting');
    expect(told.filter((text) => text.includes(' done ')).sort()).toEqual([
      'Marathon done led by node-1',
      'Mesos agents done 3 registered',
      'Mesos masters done led by node-1',
      'Mesos-DNS done on 3 nodes',
      'ZooKeeper done led by node-1',
    ]);
  });
});
