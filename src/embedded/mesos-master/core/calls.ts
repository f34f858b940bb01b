import { isTerminal, type KillPolicy, type SchedulerCall } from '../../../protocols/mesos/types.ts';
import { accept } from './accept.ts';
import { removeFramework, revive, suppress } from './frameworks.ts';
import { type Cluster, count, type Framework, taskKey } from './model.ts';
import { discardOffer } from './offers.ts';
import { reconcile } from './reconcile.ts';
import { removeTask } from './tasks.ts';

/**
 * Does a call of a subscribed framework, other than SUBSCRIBE and UPDATE_FRAMEWORK. Nothing is answered: what comes of
 * it are events. The call's payload is present.
 */
export function frameworkCall(cluster: Cluster, framework: Framework, call: SchedulerCall): void {
  switch (call.type) {
    case 'TEARDOWN':
      count(cluster, 'master/messages_unregister_framework');
      removeFramework(cluster, framework);
      return;
    case 'ACCEPT':
      accept(cluster, framework, {
        offerIds: call.accept!.offer_ids.map(({ value }) => value),
        operations: call.accept!.operations ?? [],
        filters: call.accept!.filters ?? {},
      });
      return;
    case 'DECLINE':
      count(cluster, 'master/messages_decline_offers');
      for (const { value: id } of call.decline!.offer_ids) {
        const offer = cluster.offers.get(id);
        if (offer?.frameworkId === framework.id) discardOffer(cluster, offer, call.decline!.filters ?? {});
      }
      return;
    case 'REVIVE':
      count(cluster, 'master/messages_revive_offers');
      logProblem(cluster, framework, call, revive(cluster, framework, call.revive?.roles ?? []));
      return;
    case 'SUPPRESS':
      count(cluster, 'master/messages_suppress_offers');
      logProblem(cluster, framework, call, suppress(framework, call.suppress?.roles ?? []));
      return;
    case 'KILL':
      count(cluster, 'master/messages_kill_task');
      kill(cluster, framework, call.kill!.task_id.value, call.kill!.agent_id?.value, call.kill!.kill_policy);
      return;
    case 'ACKNOWLEDGE':
      acknowledge(cluster, framework, call.acknowledge!);
      return;
    case 'RECONCILE':
      count(cluster, 'master/messages_reconcile_tasks');
      reconcile(cluster, framework, call.reconcile!.tasks ?? []);
      return;
    case 'SHUTDOWN': {
      const { agent_id, executor_id } = call.shutdown!;
      if (cluster.agents.get(agent_id.value)?.connected)
        cluster.effects.toAgent(agent_id.value, {
          type: 'SHUTDOWN_EXECUTOR',
          framework_id: { value: framework.id },
          executor_id,
        });
      return;
    }
    case 'MESSAGE': {
      count(cluster, 'master/messages_framework_to_executor');
      const { agent_id, executor_id, data } = call.message!;
      if (cluster.agents.get(agent_id.value)?.connected)
        cluster.effects.toAgent(agent_id.value, {
          type: 'MESSAGE',
          framework_id: { value: framework.id },
          executor_id,
          data,
        });
      return;
    }
    default:
      // REQUEST has no effect with this allocator; there are no inverse offers and no operation feedback to answer.
      return;
  }
}

function logProblem(cluster: Cluster, framework: Framework, call: SchedulerCall, problem: string | undefined): void {
  if (problem !== undefined)
    cluster.effects.log(`Dropping ${call.type} call from framework ${framework.id}: ${problem}`);
}

function kill(
  cluster: Cluster,
  framework: Framework,
  taskId: string,
  agentId: string | undefined,
  policy: KillPolicy | undefined,
): void {
  const task = framework.tasks.get(taskId);
  if (!task) {
    reconcile(cluster, framework, [
      { task_id: { value: taskId }, ...(agentId === undefined ? {} : { agent_id: { value: agentId } }) },
    ]);
    return;
  }
  if (agentId !== undefined && agentId !== task.agentId) {
    cluster.effects.log(`Cannot kill task ${taskId} of agent ${agentId}: it belongs to agent ${task.agentId}`);
    return;
  }
  const agent = cluster.agents.get(task.agentId)!;
  agent.pendingKills.add(taskKey(framework.id, taskId));
  if (!agent.connected) return;
  cluster.effects.toAgent(agent.id, {
    type: 'KILL',
    framework_id: { value: framework.id },
    task_id: { value: taskId },
    ...(policy ? { kill_policy: policy } : {}),
  });
}

function acknowledge(
  cluster: Cluster,
  framework: Framework,
  { agent_id, task_id, uuid }: NonNullable<SchedulerCall['acknowledge']>,
): void {
  count(cluster, 'master/messages_status_update_acknowledgement');
  const agent = cluster.agents.get(agent_id.value);
  const task = agent?.tasks.get(taskKey(framework.id, task_id.value));
  if (!agent?.connected || (task && !task.forwarded)) {
    // A master that never forwarded the update lets the agent repeat it, so that the books get it too.
    count(cluster, 'master/invalid_status_update_acknowledgements');
    return;
  }
  if (task?.forwarded && isTerminal(task.forwarded.state) && task.forwarded.uuid === uuid) removeTask(cluster, task);
  cluster.effects.toAgent(agent.id, { type: 'ACKNOWLEDGE', framework_id: { value: framework.id }, task_id, uuid });
  count(cluster, 'master/valid_status_update_acknowledgements');
}
