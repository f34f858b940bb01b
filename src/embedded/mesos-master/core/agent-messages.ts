import type { AgentMessage } from '../../../protocols/mesos/agent-link.ts';
import type { TaskStatus } from '../../../protocols/mesos/types.ts';
import { endTask, removeAgent } from './agent-departures.ts';
import { type Agent, type Cluster, count, taskKey } from './model.ts';
import { recordStatus, removeExecutor, sendUpdate, stateFor } from './tasks.ts';

/** Everything but SUBSCRIBE that an agent says. */
export function agentMessage(
  cluster: Cluster,
  agent: Agent,
  message: Exclude<AgentMessage, { type: 'SUBSCRIBE' }>,
): void {
  // Whatever it says, it lives.
  agent.ping.answered = true;
  agent.ping.missed = 0;
  switch (message.type) {
    case 'PONG':
      return;
    case 'UPDATE':
      statusUpdate(cluster, agent, message.framework_id.value, message.status);
      return;
    case 'EXECUTOR_EXITED': {
      count(cluster, 'master/messages_exited_executor');
      const executor = agent.executors.get(taskKey(message.framework_id.value, message.executor_id.value));
      if (!executor) return;
      removeExecutor(cluster, agent, executor);
      cluster.effects.toFramework(executor.frameworkId, {
        type: 'FAILURE',
        failure: { agent_id: { value: agent.id }, executor_id: message.executor_id, status: message.status },
      });
      return;
    }
    case 'MESSAGE':
      count(cluster, 'master/messages_executor_to_framework');
      cluster.effects.toFramework(message.framework_id.value, {
        type: 'MESSAGE',
        message: { agent_id: { value: agent.id }, executor_id: message.executor_id, data: message.data },
      });
      return;
    case 'UNKNOWN_TASKS':
      for (const { value: taskId } of message.task_ids) loseUnknown(cluster, agent, message.framework_id.value, taskId);
      return;
    case 'UNSUBSCRIBE':
      removeAgent(cluster, agent, `Agent ${agent.info.hostname} removed: the agent unregistered`);
      return;
  }
}

function statusUpdate(cluster: Cluster, agent: Agent, frameworkId: string, given: TaskStatus): void {
  count(cluster, 'master/messages_status_update');
  const status: TaskStatus = { ...given, agent_id: { value: agent.id } };
  const framework = cluster.frameworks.get(frameworkId);
  const task = agent.tasks.get(taskKey(frameworkId, status.task_id.value));
  count(cluster, task && framework?.connected ? 'master/valid_status_updates' : 'master/invalid_status_updates');
  if (!framework) {
    if (cluster.completedFrameworks.has(frameworkId))
      cluster.effects.toAgent(agent.id, { type: 'SHUTDOWN_FRAMEWORK', framework_id: { value: frameworkId } });
    return;
  }
  if (task) recordStatus(cluster, task, status);
  sendUpdate(cluster, framework, status);
}

/** A task in the books that the agent, asked after re-registering, never got. */
function loseUnknown(cluster: Cluster, agent: Agent, frameworkId: string, taskId: string): void {
  const task = agent.tasks.get(taskKey(frameworkId, taskId));
  const framework = cluster.frameworks.get(frameworkId);
  if (!task || !framework) return;
  endTask(cluster, framework, task, stateFor(framework, 'TASK_DROPPED'), {
    message: 'Reconciliation: task unknown to the agent',
    reason: 'REASON_RECONCILIATION',
  });
}
