import { isTerminal, type TaskStatus } from '../../../protocols/mesos/types.ts';
import { type Agent, type Cluster, count, type Framework, seconds, type Task } from './model.ts';
import { requestAllocation, rescindOffer } from './offers.ts';
import { masterStatus, recordStatus, removeExecutor, removeTask, sendUpdate, stateFor } from './tasks.ts';

/** Its link broke: nothing of it is offered; frameworks that don't checkpoint lose their tasks on it. */
export function disconnectAgent(cluster: Cluster, agent: Agent): void {
  if (!agent.connected) return;
  cluster.effects.log(`Agent ${agent.id} at ${agent.pid} (${agent.info.hostname}) disconnected`);
  agent.connected = false;
  agent.active = false;
  agent.reregisterBy = cluster.sources.monotonic() + cluster.settings.agentReregisterTimeoutMs;
  for (const offer of [...agent.offers.values()]) rescindOffer(cluster, offer);
  for (const task of [...agent.tasks.values()]) {
    const framework = cluster.frameworks.get(task.frameworkId);
    if (!framework || framework.info.checkpoint) continue;
    endTask(cluster, framework, task, 'TASK_LOST', {
      message: `Agent ${agent.info.hostname} disconnected`,
      reason: 'REASON_AGENT_DISCONNECTED',
    });
  }
  for (const executor of [...agent.executors.values()])
    if (!cluster.frameworks.get(executor.frameworkId)?.info.checkpoint) removeExecutor(cluster, agent, executor);
}

/** It was silent too long, or is wanted gone. */
export function markUnreachable(cluster: Cluster, agent: Agent, why: string): void {
  const since = seconds(cluster);
  cluster.unreachableAgents.set(agent.id, since);
  count(cluster, 'master/slave_unreachable_completed');
  count(cluster, 'master/slave_removals');
  count(cluster, 'master/slave_removals/reason_unhealthy');
  cluster.effects.log(`Agent ${agent.id} at ${agent.pid} (${agent.info.hostname}) is unreachable: ${why}`);
  leave(cluster, agent, (framework) => ({
    state: stateFor(framework, 'TASK_UNREACHABLE'),
    message: `Agent ${agent.info.hostname} is unreachable: ${why}`,
    reason: 'REASON_AGENT_REMOVED',
    unreachable_time: { nanoseconds: Math.round(since * 1e9) },
  }));
}

/** MARK_AGENT_GONE: its tasks are declared gone, and it shuts down if it can hear. */
export function markGone(cluster: Cluster, agentId: string): void {
  cluster.goneAgents.set(agentId, seconds(cluster));
  cluster.unreachableAgents.delete(agentId);
  cluster.recoveredAgents.delete(agentId);
  const agent = cluster.agents.get(agentId);
  if (agent) {
    if (agent.connected) cluster.effects.toAgent(agentId, { type: 'SHUTDOWN', message: 'Agent has been marked gone' });
    leave(cluster, agent, (framework) => ({
      state: stateFor(framework, 'TASK_GONE_BY_OPERATOR'),
      message: 'Agent has been marked gone',
      reason: framework.capabilities.has('PARTITION_AWARE')
        ? 'REASON_AGENT_REMOVED_BY_OPERATOR'
        : 'REASON_AGENT_REMOVED',
    }));
  }
  cluster.effects.registryChanged();
}

/** It left for good: it said so, or another one has its address. */
export function removeAgent(cluster: Cluster, agent: Agent, why: string): void {
  count(cluster, 'master/slave_removals');
  count(cluster, 'master/slave_removals/reason_unregistered');
  cluster.effects.log(`Agent ${agent.id} removed: ${why}`);
  leave(cluster, agent, () => ({ state: 'TASK_LOST', message: why, reason: 'REASON_AGENT_REMOVED' }));
}

type Ending = Pick<TaskStatus, 'state' | 'message' | 'reason' | 'unreachable_time'>;

function leave(cluster: Cluster, agent: Agent, ending: (framework: Framework) => Ending): void {
  agent.active = false;
  for (const offer of [...agent.offers.values()]) rescindOffer(cluster, offer);
  // Out of the books first, so that nothing of it is offered again.
  cluster.agents.delete(agent.id);
  for (const task of [...agent.tasks.values()]) {
    const framework = cluster.frameworks.get(task.frameworkId);
    if (!framework) continue;
    const { state, ...rest } = ending(framework);
    endTask(cluster, framework, task, state, rest);
  }
  for (const executor of [...agent.executors.values()]) removeExecutor(cluster, agent, executor);
  for (const framework of cluster.frameworks.values()) {
    framework.filters = framework.filters.filter((filter) => filter.agentId !== agent.id);
    cluster.effects.toFramework(framework.id, { type: 'FAILURE', failure: { agent_id: { value: agent.id } } });
  }
  cluster.effects.toOperators({ type: 'AGENT_REMOVED', agentId: agent.id });
  if (agent.connected) cluster.effects.closeAgent(agent.id);
  agent.connected = false;
  cluster.effects.registryChanged();
}

/** Ends a task by the master's word alone. */
export function endTask(
  cluster: Cluster,
  framework: Framework,
  task: Task,
  state: TaskStatus['state'],
  fields: Omit<Ending, 'state'>,
): void {
  if (isTerminal(task.state)) {
    // Its end was reported and waits for an acknowledgement that can't be passed on any more.
    removeTask(cluster, task);
    return;
  }
  const status = masterStatus(cluster, {
    taskId: task.id,
    agentId: task.agentId,
    state,
    ...fields,
    ...(task.executorId === undefined ? {} : { executor_id: { value: task.executorId } }),
  });
  recordStatus(cluster, task, status);
  removeTask(cluster, task, fields.unreachable_time !== undefined);
  sendUpdate(cluster, framework, status);
}

/** DEACTIVATE_AGENT and REACTIVATE_AGENT: whether its resources are offered. */
export function setDeactivated(cluster: Cluster, agent: Agent, deactivated: boolean): void {
  agent.deactivated = deactivated;
  agent.active = agent.connected && !deactivated;
  if (deactivated) {
    cluster.deactivatedAgents.add(agent.id);
    for (const offer of [...agent.offers.values()]) rescindOffer(cluster, offer);
  } else {
    cluster.deactivatedAgents.delete(agent.id);
    requestAllocation(cluster, 'now');
  }
}
