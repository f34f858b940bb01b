import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disconnectAgent } from '../../../src/embedded/mesos-master/core/agent-departures.ts';
import { accounted } from '../../../src/embedded/mesos-master/core/agents.ts';
import { disconnectFramework } from '../../../src/embedded/mesos-master/core/frameworks.ts';
import type { Cluster } from '../../../src/embedded/mesos-master/core/model.ts';
import { addResources, containsResources, rangesOf, resourcesToState } from '../../../src/protocols/mesos/resources.ts';
import type { TaskState } from '../../../src/protocols/mesos/types.ts';
import { createWorld, task, type World } from './cluster.ts';

/** Anything that may happen to a cluster; numbers pick among what is there. */
type Step =
  | { do: 'agent'; cpus: number }
  | { do: 'framework'; role: string; checkpoint: boolean }
  | { do: 'launch'; pick: number; cpus: number; ports: number; refuse: number }
  | { do: 'reserve'; pick: number; cpus: number }
  | { do: 'decline'; pick: number; refuse: number }
  | { do: 'report'; pick: number; state: TaskState; acknowledge: boolean }
  | { do: 'loseFramework'; pick: number }
  | { do: 'teardown'; pick: number }
  | { do: 'loseAgent'; pick: number }
  | { do: 'returnAgent'; pick: number }
  | { do: 'pass'; ms: number };

const nat = fc.nat(1000);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('agent' as const), cpus: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ do: fc.constant('framework' as const), role: fc.constantFrom('*', 'web'), checkpoint: fc.boolean() }),
  fc.record({
    do: fc.constant('launch' as const),
    pick: nat,
    cpus: fc.integer({ min: 1, max: 4000 }).map((n) => n / 1000),
    ports: fc.nat(3),
    refuse: fc.constantFrom(0, 5, 100),
  }),
  fc.record({ do: fc.constant('reserve' as const), pick: nat, cpus: fc.constantFrom(0.5, 1) }),
  fc.record({ do: fc.constant('decline' as const), pick: nat, refuse: fc.constantFrom(0, 5) }),
  fc.record({
    do: fc.constant('report' as const),
    pick: nat,
    state: fc.constantFrom<TaskState>('TASK_RUNNING', 'TASK_FINISHED', 'TASK_FAILED'),
    acknowledge: fc.boolean(),
  }),
  fc.record({ do: fc.constant('loseFramework' as const), pick: nat }),
  fc.record({ do: fc.constant('teardown' as const), pick: nat }),
  fc.record({ do: fc.constant('loseAgent' as const), pick: nat }),
  fc.record({ do: fc.constant('returnAgent' as const), pick: nat }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 100_000 }) }),
);

function perform(world: World, action: Step, count: number): void {
  const { cluster } = world;
  const pick = <T>(items: Iterable<T>, n: number): T | undefined => {
    const list = [...items];
    return list[n % Math.max(list.length, 1)];
  };
  switch (action.do) {
    case 'agent':
      world.subscribeAgent({
        resourcesText: `cpus:${action.cpus};mem:1024;ports:[1-9]`,
        pid: `slave(1)@10.0.1.${count}:5051`,
      });
      return;
    case 'framework':
      world.subscribe({ roles: [action.role], checkpoint: action.checkpoint, failover_timeout: 20 });
      return;
    case 'launch': {
      const offer = pick(cluster.offers.values(), action.pick);
      if (!offer) return;
      const agent = cluster.agents.get(offer.agentId)!;
      const ports = rangesOf(offer.resources, 'ports')[0];
      const wanted = ports && action.ports > 0 ? `;ports:[${ports.begin}-${ports.begin + action.ports - 1}]` : '';
      world.accept(
        cluster.frameworks.get(offer.frameworkId)!,
        [offer.id],
        [{ type: 'LAUNCH', launch: { task_infos: [task(`t${count}`, agent, `cpus:${action.cpus};mem:32${wanted}`)] } }],
        action.refuse,
      );
      return;
    }
    case 'reserve': {
      const offer = pick(cluster.offers.values(), action.pick);
      if (!offer || offer.role === '*') return;
      const resources = [
        {
          name: 'cpus',
          type: 'SCALAR' as const,
          scalar: { value: action.cpus },
          reservations: [{ type: 'DYNAMIC' as const, role: offer.role }],
        },
      ];
      world.accept(
        cluster.frameworks.get(offer.frameworkId)!,
        [offer.id],
        [{ type: 'RESERVE', reserve: { resources } }],
      );
      return;
    }
    case 'decline': {
      const framework = pick(cluster.frameworks.values(), action.pick);
      const offers = [...(framework?.offers.values() ?? [])].map(({ id }) => ({ value: id }));
      if (framework)
        world.call(framework, {
          type: 'DECLINE',
          decline: { offer_ids: offers, filters: { refuse_seconds: action.refuse } },
        });
      return;
    }
    case 'report': {
      const agent = pick(cluster.agents.values(), action.pick);
      const known = agent && pick(agent.tasks.values(), action.pick);
      const framework = known && cluster.frameworks.get(known.frameworkId);
      if (!agent || !known || !framework) return;
      const status = world.report(agent, framework, known.id, action.state);
      if (action.acknowledge && framework.connected) world.acknowledge(framework, agent, status);
      return;
    }
    case 'loseFramework': {
      const framework = pick(cluster.frameworks.values(), action.pick);
      if (framework) disconnectFramework(cluster, framework);
      world.settle();
      return;
    }
    case 'teardown': {
      const framework = pick(cluster.frameworks.values(), action.pick);
      if (framework) world.call(framework, { type: 'TEARDOWN' });
      return;
    }
    case 'loseAgent': {
      const agent = pick(cluster.agents.values(), action.pick);
      if (agent) disconnectAgent(cluster, agent);
      world.settle();
      return;
    }
    case 'returnAgent': {
      const agent = pick(cluster.agents.values(), action.pick);
      if (!agent) return;
      world.subscribeAgent({
        agent: agent.info,
        pid: agent.pid,
        resources: agent.total,
        tasks: [...agent.tasks.values()].map(({ frameworkId, info, statuses }) => ({
          framework_id: { value: frameworkId },
          executor_id: info.task_id,
          info,
          statuses,
        })),
        frameworks: [...cluster.frameworks.values()].map(({ info }) => info),
      });
      return;
    }
    case 'pass':
      world.pass(action.ms);
  }
}

function checkBooks(cluster: Cluster): void {
  for (const agent of cluster.agents.values()) {
    expect(resourcesToState(accounted(agent))).toEqual(resourcesToState(agent.total));
    expect(containsResources(agent.total, accounted(agent))).toBe(true);
    const inUse = [...agent.tasks.values()].filter((known) => !known.released).map((known) => known.resources);
    const executors = [...agent.executors.values()].map((executor) => executor.resources);
    expect(resourcesToState(agent.used)).toEqual(resourcesToState(addResources(...inUse, ...executors)));
    if (!agent.active) expect(agent.offers.size).toBe(0);
  }
  for (const framework of cluster.frameworks.values()) {
    const inUse = [...framework.tasks.values()].filter((known) => !known.released).map((known) => known.resources);
    expect(resourcesToState(framework.used)).toEqual(resourcesToState(addResources(...inUse)));
    if (!framework.active) expect(framework.offers.size).toBe(0);
  }
  for (const offer of cluster.offers.values()) {
    expect(cluster.agents.get(offer.agentId)?.offers.get(offer.id)).toBe(offer);
    expect(cluster.frameworks.get(offer.frameworkId)?.offers.get(offer.id)).toBe(offer);
  }
}

describe('whatever happens', () => {
  it('every resource of an agent is free, offered once or used once', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const world = createWorld();
        world.subscribeAgent();
        world.subscribe();
        steps.forEach((action, index) => {
          perform(world, action, index);
          checkBooks(world.cluster);
        });
      }),
      { numRuns: 150 },
    );
  });
});
