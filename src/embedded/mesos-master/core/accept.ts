import {
  addResources,
  containsResources,
  formatResources,
  subtractResources,
} from '../../../protocols/mesos/resources.ts';
import type { Filters, OfferOperation, Resource, TaskInfo, TaskStatus } from '../../../protocols/mesos/types.ts';
import { type Agent, type Cluster, count, type Framework, type Offer } from './model.ts';
import { discardOffer, dropOffer, refuse, release, requestAllocation } from './offers.ts';
import { type Conversion, convert, isConversion } from './operations.ts';
import { addExecutor, addTask, countEnd, createTask, masterStatus, sendUpdate } from './tasks.ts';
import { checkTask, checkTaskGroup } from './validation.ts';

export interface Acceptance {
  offerIds: readonly string[];
  operations: readonly OfferOperation[];
  filters: Filters;
}

/**
 * ACCEPT: applies the operations in their order to what the offers hold together; what is left is declined. Tasks that
 * can't be launched are answered with a status each; other operations that can't be done are only logged.
 * Source: Master::accept and Master::_accept of Apache Mesos.
 */
export function accept(cluster: Cluster, framework: Framework, { offerIds, operations, filters }: Acceptance): void {
  for (const operation of operations)
    if (operation.type === 'LAUNCH')
      count(
        cluster,
        (operation.launch?.task_infos.length ?? 0) > 0
          ? 'master/messages_launch_tasks'
          : 'master/messages_decline_offers',
      );
  const problem = offersProblem(cluster, framework, offerIds);
  if (problem !== undefined) {
    for (const id of offerIds) {
      const offer = cluster.offers.get(id);
      if (offer) discardOffer(cluster, offer);
    }
    refuseTasks(cluster, framework, operations.flatMap(tasksOf), {
      state: framework.capabilities.has('PARTITION_AWARE') ? 'TASK_DROPPED' : 'TASK_LOST',
      message: `Task launched with invalid offers: ${problem}`,
      reason: 'REASON_INVALID_OFFERS',
    });
    return;
  }

  const offers = offerIds.map((id) => cluster.offers.get(id)!);
  const first = offers[0]!;
  const agent = cluster.agents.get(first.agentId)!;
  for (const offer of offers) dropOffer(cluster, offer);
  const offered = addResources(...offers.map((offer) => offer.resources));
  const work: Work = { cluster, framework, agent, role: first.role, remaining: offered, launched: false };
  for (const operation of operations) apply(work, operation);

  // What an operation made (reserved, a volume) was never refused; only what nothing touched is declined.
  const converted = subtractResources(work.remaining, offered);
  const untouched = subtractResources(work.remaining, converted);
  release(agent, work.remaining);
  refuse(cluster, framework, first, untouched, filters);
  requestAllocation(cluster, work.launched || converted.length > 0 ? 'now' : 'interval');
}

interface Work {
  readonly cluster: Cluster;
  readonly framework: Framework;
  readonly agent: Agent;
  readonly role: string;
  /** What is left of the offers, allocated. */
  remaining: Resource[];
  launched: boolean;
}

function offersProblem(cluster: Cluster, framework: Framework, ids: readonly string[]): string | undefined {
  if (ids.length === 0) return 'No offers specified';
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) return `Duplicate offer ${id} in offer list`;
    seen.add(id);
  }
  let first: Offer | undefined;
  for (const id of ids) {
    const offer = cluster.offers.get(id);
    if (!offer) return `Offer ${id} is no longer valid`;
    if (offer.frameworkId !== framework.id)
      return `Offer ${id} has invalid framework ${offer.frameworkId} while framework ${framework.id} is expected`;
    first ??= offer;
    if (offer.role !== first.role)
      return `Aggregated offers must be allocated to the same role. Offer ${id} uses role '${offer.role} but another is using role '${first.role}`;
    if (offer.agentId !== first.agentId)
      return `Aggregated offers must belong to one single agent. Offer ${id} uses agent ${offer.agentId} and agent ${first.agentId}`;
  }
  return undefined;
}

function tasksOf(operation: OfferOperation): readonly TaskInfo[] {
  if (operation.type === 'LAUNCH') return operation.launch?.task_infos ?? [];
  if (operation.type === 'LAUNCH_GROUP') return operation.launch_group?.task_group.tasks ?? [];
  return [];
}

/** Answers tasks that never come into the books. */
function refuseTasks(
  cluster: Cluster,
  framework: Framework,
  tasks: readonly TaskInfo[],
  answer: Pick<TaskStatus, 'state' | 'message' | 'reason'>,
): void {
  for (const task of tasks) {
    const status = masterStatus(cluster, { taskId: task.task_id.value, agentId: task.agent_id.value, ...answer });
    countEnd(cluster, status);
    sendUpdate(cluster, framework, status);
  }
}

function apply(work: Work, operation: OfferOperation): void {
  const { cluster, framework, agent } = work;
  const tasks = tasksOf(operation);
  const launches = operation.type === 'LAUNCH' || operation.type === 'LAUNCH_GROUP';
  const invalid = operation.type === 'LAUNCH_GROUP' ? 'REASON_TASK_GROUP_INVALID' : 'REASON_TASK_INVALID';
  if (launches && !agent.connected) {
    refuseTasks(cluster, framework, tasks, {
      state: framework.capabilities.has('PARTITION_AWARE') ? 'TASK_DROPPED' : 'TASK_LOST',
      message: 'Agent disconnected',
      reason: 'REASON_AGENT_DISCONNECTED',
    });
  } else if (launches && operation.id) {
    refuseTasks(cluster, framework, tasks, {
      state: 'TASK_ERROR',
      message: `The \`id\` field cannot be set on ${operation.type} operations`,
      reason: invalid,
    });
  } else if (operation.type === 'LAUNCH') {
    for (const task of tasks) launch(work, task);
  } else if (operation.type === 'LAUNCH_GROUP') {
    launchGroup(work, operation);
  } else if (isConversion(operation)) {
    applyConversion(work, operation, convert(operation, work.role));
  } else {
    drop(work, operation, 'the operation is not supported');
  }
}

function launch(work: Work, given: TaskInfo): void {
  const { cluster, framework, agent, role } = work;
  const info = withFrameworkId(given, framework.id);
  const checked = checkTask(info, { framework, agent, role, available: work.remaining });
  if (checked.problem !== undefined) {
    refuseTasks(cluster, framework, [info], {
      state: 'TASK_ERROR',
      message: checked.problem,
      reason: 'REASON_TASK_INVALID',
    });
    return;
  }
  const task: TaskInfo = { ...info, resources: checked.task };
  if (info.executor && checked.executor) {
    work.remaining = subtractResources(work.remaining, checked.executor);
    addExecutor(agent, framework, info.executor, checked.executor);
  }
  work.remaining = subtractResources(work.remaining, checked.task);
  work.launched = true;
  addTask(cluster, agent, framework, createTask(framework, task, checked.task, info.executor?.executor_id.value));
  cluster.effects.toAgent(agent.id, {
    type: 'LAUNCH',
    framework: framework.info,
    task,
    ...(info.executor ? { executor: info.executor } : {}),
  });
}

function launchGroup(work: Work, operation: OfferOperation): void {
  const { cluster, framework, agent, role } = work;
  const group = operation.launch_group;
  if (!group) return;
  const executor = { ...group.executor, framework_id: group.executor.framework_id ?? { value: framework.id } };
  const checked = checkTaskGroup(group.task_group.tasks, executor, {
    framework,
    agent,
    role,
    available: work.remaining,
  });
  if (checked.problem !== undefined) {
    refuseTasks(cluster, framework, group.task_group.tasks, {
      state: 'TASK_ERROR',
      message: checked.problem,
      reason: 'REASON_TASK_GROUP_INVALID',
    });
    return;
  }
  if (checked.executor) {
    work.remaining = subtractResources(work.remaining, checked.executor);
    addExecutor(agent, framework, executor, checked.executor);
  }
  work.launched = true;
  const tasks = group.task_group.tasks.map((info, index) => {
    const resources = checked.tasks[index]!;
    const task: TaskInfo = { ...info, executor, resources };
    work.remaining = subtractResources(work.remaining, resources);
    addTask(cluster, agent, framework, createTask(framework, task, resources, executor.executor_id.value));
    return task;
  });
  cluster.effects.toAgent(agent.id, { type: 'LAUNCH_GROUP', framework: framework.info, executor, tasks });
}

function withFrameworkId(task: TaskInfo, frameworkId: string): TaskInfo {
  if (!task.executor || task.executor.framework_id) return task;
  return { ...task, executor: { ...task.executor, framework_id: { value: frameworkId } } };
}

function applyConversion(work: Work, operation: OfferOperation, conversion: Conversion | { problem: string }): void {
  if ('problem' in conversion) {
    drop(work, operation, conversion.problem);
    return;
  }
  if (!containsResources(work.remaining, conversion.consumed)) {
    drop(
      work,
      operation,
      `${formatResources(work.remaining)} does not contain ${formatResources(conversion.consumed)}`,
    );
    return;
  }
  const { cluster, agent } = work;
  work.remaining = addResources(subtractResources(work.remaining, conversion.consumed), conversion.made);
  agent.total = addResources(subtractResources(agent.total, conversion.consumedTotal), conversion.madeTotal);
  cluster.effects.toAgent(agent.id, { type: 'CHECKPOINT_RESOURCES', resources: agent.total });
  feedback(work, operation, { state: 'OPERATION_FINISHED', agent_id: { value: agent.id } });
}

function drop(work: Work, operation: OfferOperation, why: string): void {
  work.cluster.effects.log(`Dropping ${operation.type} operation of framework ${work.framework.id}: ${why}`);
  feedback(work, operation, { state: 'OPERATION_ERROR', message: why });
}

/** Operations with an id are answered. Without a uuid, as these are final and nothing repeats them. */
function feedback(
  { cluster, framework }: Work,
  operation: OfferOperation,
  status: { state: string; message?: string; agent_id?: { value: string } },
): void {
  if (!operation.id) return;
  cluster.effects.toFramework(framework.id, {
    type: 'UPDATE_OPERATION_STATUS',
    update_operation_status: { status: { operation_id: operation.id, ...status } },
  });
}
