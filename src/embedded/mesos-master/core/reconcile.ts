import type { TaskStatus } from '../../../protocols/mesos/types.ts';
import type { Cluster, Framework, Task } from './model.ts';
import { lastKnown, masterStatus, sendUpdate, stateFor } from './tasks.ts';

/** A task as RECONCILE names it. */
export interface Asked {
  task_id: { value: string };
  agent_id?: { value: string };
}

/**
 * Answers RECONCILE: every known task for an empty list, else one answer for each named task, but none while the
 * agent in question (or, with none named, any agent) is still expected back after this master's election.
 */
export function reconcile(cluster: Cluster, framework: Framework, asked: readonly Asked[]): void {
  const answers =
    asked.length === 0
      ? [...framework.tasks.values()].map((task) => latest(cluster, framework, task))
      : asked.map((task) => answer(cluster, framework, task));
  for (const status of answers) if (status) sendUpdate(cluster, framework, status);
}

function latest(cluster: Cluster, framework: Framework, task: Task): TaskStatus {
  return masterStatus(cluster, {
    taskId: task.id,
    agentId: task.agentId,
    state: stateFor(framework, task.forwarded?.state ?? task.state),
    message: 'Reconciliation: Latest task state',
    reason: 'REASON_RECONCILIATION',
    ...(task.executorId === undefined ? {} : { executor_id: { value: task.executorId } }),
    ...lastKnown(task),
  });
}

function answer(cluster: Cluster, framework: Framework, asked: Asked): TaskStatus | undefined {
  const task = framework.tasks.get(asked.task_id.value);
  if (task) return latest(cluster, framework, task);
  const agentId = asked.agent_id?.value;
  if (agentId === undefined ? cluster.recoveredAgents.size > 0 : cluster.recoveredAgents.has(agentId)) return undefined;
  const status = (state: TaskStatus['state'], message: string, more: Partial<TaskStatus> = {}) =>
    masterStatus(cluster, {
      taskId: asked.task_id.value,
      agentId,
      state: stateFor(framework, state),
      message: `Reconciliation: ${message}`,
      reason: 'REASON_RECONCILIATION',
      ...more,
    });
  if (agentId === undefined) return status('TASK_UNKNOWN', 'Task is unknown');
  if (cluster.agents.has(agentId)) return status('TASK_GONE', 'Task is unknown to the agent');
  const unreachableSince = cluster.unreachableAgents.get(agentId);
  if (unreachableSince !== undefined)
    return status('TASK_UNREACHABLE', 'Task is unreachable', {
      unreachable_time: { nanoseconds: Math.round(unreachableSince * 1e9) },
    });
  if (cluster.goneAgents.has(agentId)) return status('TASK_GONE_BY_OPERATOR', 'Task is gone');
  return status('TASK_UNKNOWN', 'Task is unknown');
}
