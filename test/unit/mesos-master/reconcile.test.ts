import { describe, expect, it } from 'vitest';
import {
  disconnectAgent,
  markGone,
  markUnreachable,
} from '../../../src/embedded/mesos-master/core/agent-departures.ts';
import type { TaskStatus } from '../../../src/protocols/mesos/types.ts';
import { createWorld, task } from './cluster.ts';

function begin(capabilities = ['MULTI_ROLE', 'PARTITION_AWARE']) {
  const world = createWorld();
  const agent = world.subscribeAgent();
  const framework = world.subscribe({ capabilities: capabilities.map((type) => ({ type })) });
  const ask = (...tasks: [string, string?][]): Partial<TaskStatus>[] => {
    world.events(framework);
    world.call(framework, {
      type: 'RECONCILE',
      reconcile: {
        tasks: tasks.map(([task_id, agent_id]) => ({
          task_id: { value: task_id },
          ...(agent_id === undefined ? {} : { agent_id: { value: agent_id } }),
        })),
      },
    });
    return world.updates(framework);
  };
  return { world, agent, framework, ask };
}

describe('reconciliation of named tasks', () => {
  it('answers a known task with its latest state, health and container', () => {
    const { world, agent, framework, ask } = begin();
    world.launch(framework, [task('a', agent)]);
    world.report(agent, framework, 'a', 'TASK_RUNNING', {
      healthy: true,
      container_status: { container_id: { value: 'c' } },
    });
    expect(ask(['a'])).toEqual([
      {
        task_id: { value: 'a' },
        state: 'TASK_RUNNING',
        message: 'Reconciliation: Latest task state',
        reason: 'REASON_RECONCILIATION',
        source: 'SOURCE_MASTER',
        agent_id: { value: agent.id },
        healthy: true,
        container_status: { container_id: { value: 'c' } },
        timestamp: expect.any(Number),
      },
    ]);
  });

  it('says TASK_UNKNOWN when nobody knows', () => {
    const { ask } = begin();
    expect(ask(['x'], ['y', 'M-S9'])).toMatchObject([
      { state: 'TASK_UNKNOWN', message: 'Reconciliation: Task is unknown' },
      { state: 'TASK_UNKNOWN', agent_id: { value: 'M-S9' } },
    ]);
  });

  it('says TASK_GONE when its agent is there without it', () => {
    const { agent, ask } = begin();
    expect(ask(['x', agent.id])).toMatchObject([
      { state: 'TASK_GONE', message: 'Reconciliation: Task is unknown to the agent' },
    ]);
  });

  it('says TASK_UNREACHABLE, since when, for an unreachable agent', () => {
    const { world, agent, ask } = begin();
    markUnreachable(world.cluster, agent, 'test');
    expect(ask(['x', agent.id])).toMatchObject([
      {
        state: 'TASK_UNREACHABLE',
        message: 'Reconciliation: Task is unreachable',
        unreachable_time: { nanoseconds: expect.any(Number) },
      },
    ]);
  });

  it('says TASK_GONE_BY_OPERATOR for an agent marked gone', () => {
    const { world, agent, ask } = begin();
    markGone(world.cluster, agent.id);
    expect(ask(['x', agent.id])).toMatchObject([
      { state: 'TASK_GONE_BY_OPERATOR', message: 'Reconciliation: Task is gone' },
    ]);
  });

  it('says TASK_LOST in all these cases to frameworks that are not partition-aware', () => {
    const { world, agent, ask } = begin(['MULTI_ROLE']);
    const gone = world.subscribeAgent();
    const unreachable = world.subscribeAgent();
    markGone(world.cluster, gone.id);
    markUnreachable(world.cluster, unreachable, 'test');
    const states = ask(['x'], ['x', agent.id], ['x', gone.id], ['x', unreachable.id], ['x', 'nobody']);
    expect(states.map(({ state }) => state)).toEqual(Array(5).fill('TASK_LOST'));
  });

  it('says nothing while the agent in question, or any with none named, is expected back after an election', () => {
    const { world, agent, ask } = begin();
    world.cluster.recoveredAgents.set('M-S7', {
      id: 'M-S7',
      info: { hostname: 'h' },
      pid: 'slave(1)@10.0.0.7:5051',
      version: '1.11.0',
      capabilities: [],
      registeredTime: 0,
    });
    expect(ask(['x', 'M-S7'], ['y'])).toEqual([]);
    expect(ask(['x', agent.id])).toMatchObject([{ state: 'TASK_GONE' }]);
  });
});

describe('reconciliation of everything', () => {
  it('answers every task that is known', () => {
    const { world, agent, framework, ask } = begin();
    world.launch(framework, [task('a', agent), task('b', agent)]);
    world.report(agent, framework, 'b', 'TASK_FAILED');
    expect(ask().map(({ task_id, state }) => [task_id!.value, state])).toEqual([
      ['a', 'TASK_STAGING'],
      ['b', 'TASK_FAILED'],
    ]);
  });
});

describe('KILL', () => {
  const kill = (id: string, agentId?: string) => ({
    type: 'KILL',
    kill: { task_id: { value: id }, ...(agentId === undefined ? {} : { agent_id: { value: agentId } }) },
  });

  it('goes to the agent, with its policy', () => {
    const { world, agent, framework } = begin();
    world.launch(framework, [task('a', agent)]);
    world.messages(agent);
    world.call(framework, {
      type: 'KILL',
      kill: { task_id: { value: 'a' }, kill_policy: { grace_period: { nanoseconds: 5 } } },
    });
    expect(world.messages(agent)).toEqual([
      {
        type: 'KILL',
        framework_id: { value: framework.id },
        task_id: { value: 'a' },
        kill_policy: { grace_period: { nanoseconds: 5 } },
      },
    ]);
  });

  it('of an unknown task is answered like a reconciliation', () => {
    const { world, agent, framework } = begin();
    world.call(framework, kill('x', agent.id));
    expect(world.updates(framework)).toMatchObject([{ state: 'TASK_GONE', reason: 'REASON_RECONCILIATION' }]);
  });

  it('that names the wrong agent does nothing', () => {
    const { world, agent, framework } = begin();
    world.launch(framework, [task('a', agent)]);
    world.messages(agent);
    world.call(framework, kill('a', 'M-S9'));
    expect(world.messages(agent)).toEqual([]);
  });

  it('waits for a disconnected agent', () => {
    const { world, agent, framework } = begin();
    world.launch(framework, [task('a', agent)]);
    const info = framework.tasks.get('a')!.info;
    disconnectAgent(world.cluster, agent);
    world.messages(agent);
    world.call(framework, kill('a'));
    expect(world.messages(agent)).toEqual([]);
    world.subscribeAgent({
      agent: agent.info,
      pid: agent.pid,
      frameworks: [framework.info],
      tasks: [{ framework_id: { value: framework.id }, executor_id: { value: 'a' }, info, statuses: [] }],
    });
    expect(world.messages(agent)).toContainEqual({
      type: 'KILL',
      framework_id: { value: framework.id },
      task_id: { value: 'a' },
    });
  });
});
