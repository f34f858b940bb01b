import { describe, expect, it } from 'vitest';
import { disconnectAgent, markGone } from '../../../src/embedded/mesos-master/core/agent-departures.ts';
import type { Agent, Framework } from '../../../src/embedded/mesos-master/core/model.ts';
import { createWorld, task, type World } from './cluster.ts';

function begin(info: Parameters<World['subscribe']>[0] = {}) {
  const world = createWorld();
  const agent = world.subscribeAgent();
  const framework = world.subscribe(info);
  world.launch(framework, [task('a', agent)]);
  world.report(agent, framework, 'a', 'TASK_RUNNING');
  world.events(framework);
  world.messages(agent);
  return { world, agent, framework };
}

/** Registers an agent again, with what it runs. */
function comeBack(world: World, agent: Agent, framework: Framework, taskIds: readonly string[] = ['a']) {
  return world.subscribeAgent({
    agent: agent.info,
    pid: agent.pid,
    resources: agent.total,
    frameworks: [framework.info],
    tasks: taskIds.map((id) => ({
      framework_id: { value: framework.id },
      executor_id: { value: id },
      info: task(id, agent),
      statuses: [{ task_id: { value: id }, state: 'TASK_RUNNING', timestamp: 1 }],
    })),
  });
}

describe('an agent that registers', () => {
  it('gets an id and the terms of the pings', () => {
    const world = createWorld();
    const agent = world.subscribeAgent();
    expect(world.messages(agent)).toEqual([
      { type: 'SUBSCRIBED', agent_id: { value: 'M-S0' }, ping_timeout_ms: 15_000, max_missed_pings: 5 },
    ]);
    expect(world.operatorEvents).toMatchObject([{ type: 'AGENT_ADDED', agent: { id: 'M-S0' } }]);
  });

  it('anew at the address of another replaces that one', () => {
    const { world, agent, framework } = begin();
    const next = world.subscribeAgent({ pid: agent.pid });
    expect(next.id).toBe('M-S1');
    expect(world.cluster.agents.has(agent.id)).toBe(false);
    expect(world.updates(framework)).toMatchObject([
      {
        state: 'TASK_LOST',
        reason: 'REASON_AGENT_REMOVED',
        message: 'Agent node-1 removed: a new agent registered at the same address',
      },
    ]);
  });

  it('with an id that nobody knows here is taken in with its tasks, and so are their frameworks', () => {
    const world = createWorld();
    const framework = { user: 'me', name: 'old', id: { value: 'OLD-0000' }, checkpoint: true };
    const agent = world.subscribeAgent({
      id: 'OLD-S3',
      frameworks: [framework],
      tasks: [
        {
          framework_id: framework.id,
          executor_id: { value: 'a' },
          info: { ...task('a', { id: 'OLD-S3' } as Agent), agent_id: { value: 'OLD-S3' } },
          statuses: [{ task_id: { value: 'a' }, state: 'TASK_RUNNING' }],
        },
      ],
    });
    expect(agent.id).toBe('OLD-S3');
    const recovered = world.cluster.frameworks.get('OLD-0000')!;
    expect(recovered).toMatchObject({ recovered: true, active: false, connected: false });
    expect(recovered.tasks.get('a')).toMatchObject({ state: 'TASK_RUNNING' });

    const back = world.subscribe({ id: { value: 'OLD-0000' }, capabilities: [], roles: [] });
    expect(back).toBe(recovered);
    expect(back).toMatchObject({ recovered: false, active: true });
    expect(world.offers(back)).toHaveLength(1);
  });
});

describe('a broken link', () => {
  it('takes the offers back and keeps the tasks', () => {
    const { world, agent, framework } = begin();
    const offered = [...framework.offers.keys()];
    disconnectAgent(world.cluster, agent);
    expect(world.events(framework)).toEqual(
      offered.map((id) => ({ type: 'RESCIND', rescind: { offer_id: { value: id } } })),
    );
    expect(agent).toMatchObject({ active: false, connected: false });
    expect(framework.tasks.size).toBe(1);
    comeBack(world, agent, framework);
    expect(agent).toMatchObject({ active: true, connected: true });
    expect(framework.tasks.get('a')).toMatchObject({ state: 'TASK_RUNNING' });
    expect(world.offers(framework)).toHaveLength(1);
  });

  it('loses the tasks of frameworks that do not checkpoint, and kills them when the agent is back', () => {
    const { world, agent, framework } = begin({ checkpoint: false });
    disconnectAgent(world.cluster, agent);
    expect(world.updates(framework)).toMatchObject([
      { state: 'TASK_LOST', reason: 'REASON_AGENT_DISCONNECTED', message: 'Agent node-1 disconnected' },
    ]);
    comeBack(world, agent, framework);
    expect(framework.tasks.size).toBe(0);
    expect(world.messages(agent)).toContainEqual({
      type: 'KILL',
      framework_id: { value: framework.id },
      task_id: { value: 'a' },
    });
  });

  it('has the agent asked for tasks that it did not report', () => {
    const { world, agent, framework } = begin();
    disconnectAgent(world.cluster, agent);
    comeBack(world, agent, framework, []);
    expect(world.messages(agent)).toContainEqual({
      type: 'RECONCILE_TASKS',
      framework_id: { value: framework.id },
      task_ids: [{ value: 'a' }],
    });
    world.says(agent, { type: 'UNKNOWN_TASKS', framework_id: { value: framework.id }, task_ids: [{ value: 'a' }] });
    expect(world.updates(framework)).toMatchObject([{ state: 'TASK_DROPPED', reason: 'REASON_RECONCILIATION' }]);
    expect(framework.tasks.size).toBe(0);
  });
});

describe('an agent that falls silent', () => {
  it('is unreachable after the pings it may miss, with its tasks', () => {
    const { world, agent, framework } = begin();
    world.silentAgents.add(agent.id);
    world.pass(89_000);
    expect(world.cluster.agents.has(agent.id)).toBe(true);
    world.pass(1000);
    expect(world.cluster.agents.has(agent.id)).toBe(false);
    const events = world.events(framework);
    expect(events).toContainEqual({ type: 'FAILURE', failure: { agent_id: { value: agent.id } } });
    expect(events.find(({ type }) => type === 'UPDATE')).toMatchObject({
      update: {
        status: {
          state: 'TASK_UNREACHABLE',
          reason: 'REASON_AGENT_REMOVED',
          source: 'SOURCE_MASTER',
          unreachable_time: { nanoseconds: expect.any(Number) },
        },
      },
    });
    expect(framework.unreachableTasks.has('a')).toBe(true);
    expect(framework.used).toEqual([]);
    expect(world.operatorEvents.at(-1)).toEqual({ type: 'AGENT_REMOVED', agentId: agent.id });
  });

  it('is not blamed for the time in which the master itself stood still', () => {
    const { world, agent } = begin();
    world.stall(3_600_000);
    world.stall(3_600_000);
    expect(world.cluster.agents.get(agent.id)).toBe(agent);
  });

  it('loses the tasks of frameworks that are not partition-aware', () => {
    const { world, agent, framework } = begin({ capabilities: [], roles: [] });
    world.silentAgents.add(agent.id);
    world.pass(90_000);
    expect(world.updates(framework)).toMatchObject([{ state: 'TASK_LOST', reason: 'REASON_AGENT_REMOVED' }]);
  });

  it('brings its tasks back when it returns', () => {
    const { world, agent, framework } = begin();
    world.silentAgents.add(agent.id);
    world.pass(90_000);
    world.events(framework);
    const back = comeBack(world, agent, framework);
    expect(back.id).toBe(agent.id);
    expect(world.updates(framework)).toMatchObject([{ state: 'TASK_RUNNING', reason: 'REASON_AGENT_REREGISTERED' }]);
    expect(framework.tasks.has('a')).toBe(true);
    expect(framework.unreachableTasks.size).toBe(0);
    expect(world.cluster.unreachableAgents.size).toBe(0);
  });
});

describe('an agent marked gone', () => {
  it('loses its tasks for good and is turned away', () => {
    const { world, agent, framework } = begin();
    markGone(world.cluster, agent.id);
    expect(world.messages(agent)).toContainEqual({ type: 'SHUTDOWN', message: 'Agent has been marked gone' });
    expect(world.updates(framework)).toMatchObject([
      { state: 'TASK_GONE_BY_OPERATOR', reason: 'REASON_AGENT_REMOVED_BY_OPERATOR' },
    ]);
    expect(() => comeBack(world, agent, framework)).toThrow('Agent has been marked gone');
  });
});

describe('status updates', () => {
  it('reach the framework with their uuid and are acknowledged to the agent', () => {
    const { world, agent, framework } = begin();
    const sent = world.report(agent, framework, 'a', 'TASK_FINISHED');
    expect(world.updates(framework)).toEqual([{ ...sent, agent_id: { value: agent.id } }]);
    expect(framework.tasks.get('a')).toMatchObject({ state: 'TASK_FINISHED' });
    expect(framework.used).toEqual([]);
    world.acknowledge(framework, agent, sent);
    expect(world.messages(agent)).toContainEqual({
      type: 'ACKNOWLEDGE',
      framework_id: { value: framework.id },
      task_id: { value: 'a' },
      uuid: sent.uuid,
    });
    expect(framework.tasks.size).toBe(0);
    expect(framework.completedTasks.map(({ id }) => id)).toEqual(['a']);
  });

  it('replace the last one of the same state in the history, without their data', () => {
    const { world, agent, framework } = begin();
    world.report(agent, framework, 'a', 'TASK_RUNNING', { healthy: true, data: 'AAAA' });
    expect(framework.tasks.get('a')!.statuses).toHaveLength(1);
    expect(framework.tasks.get('a')!.statuses[0]).toMatchObject({ healthy: true });
    expect(framework.tasks.get('a')!.statuses[0]).not.toHaveProperty('data');
    expect(world.updates(framework)[0]).toHaveProperty('data', 'AAAA');
  });

  it('never bring an ended task back', () => {
    const { world, agent, framework } = begin();
    world.report(agent, framework, 'a', 'TASK_FAILED');
    world.report(agent, framework, 'a', 'TASK_RUNNING');
    expect(framework.tasks.get('a')!.state).toBe('TASK_FAILED');
  });

  it('of frameworks that were torn down have the agent end them', () => {
    const { world, agent, framework } = begin();
    world.call(framework, { type: 'TEARDOWN' });
    world.messages(agent);
    world.report(agent, framework, 'a', 'TASK_KILLED');
    expect(world.messages(agent)).toEqual([{ type: 'SHUTDOWN_FRAMEWORK', framework_id: { value: framework.id } }]);
  });
});
