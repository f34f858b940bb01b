import { addResources, subtractResources } from '../../../protocols/mesos/resources.ts';
import {
  type ExecutorInfo,
  isTerminal,
  type Resource,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
} from '../../../protocols/mesos/types.ts';
import {
  type Agent,
  type Cluster,
  count,
  type Executor,
  type Framework,
  seconds,
  type Task,
  taskKey,
} from './model.ts';
import { release, requestAllocation } from './offers.ts';

/** States that only frameworks with PARTITION_AWARE know; the others are told TASK_LOST. */
const partitionStates: ReadonlySet<TaskState> = new Set([
  'TASK_DROPPED',
  'TASK_UNREACHABLE',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNKNOWN',
]);

/** The state as this framework is told. */
export function stateFor(framework: Framework, state: TaskState): TaskState {
  return partitionStates.has(state) && !framework.capabilities.has('PARTITION_AWARE') ? 'TASK_LOST' : state;
}

/** A status of the master's own making: without uuid, so it needs no acknowledgement. */
export function masterStatus(
  cluster: Cluster,
  fields: Omit<TaskStatus, 'source' | 'timestamp' | 'uuid' | 'task_id' | 'agent_id'> & {
    taskId: string;
    agentId?: string | undefined;
  },
): TaskStatus {
  const { taskId, agentId, ...rest } = fields;
  return {
    task_id: { value: taskId },
    ...rest,
    source: 'SOURCE_MASTER',
    ...(agentId === undefined ? {} : { agent_id: { value: agentId } }),
    timestamp: seconds(cluster),
  };
}

/** Tells a framework; when it isn't connected nothing is kept, since agents retry and frameworks reconcile. */
export function sendUpdate(cluster: Cluster, framework: Framework, status: TaskStatus): void {
  if (!framework.connected) return;
  if (status.uuid !== undefined) {
    const task = framework.tasks.get(status.task_id.value);
    if (task) task.forwarded = { state: status.state, uuid: status.uuid };
  }
  const state = stateFor(framework, status.state);
  cluster.effects.toFramework(framework.id, {
    type: 'UPDATE',
    update: { status: state === status.state ? status : { ...status, state } },
  });
}

/** Takes resources of an agent for a task or executor; the caller has taken them out of `available` or an offer. */
export function use(agent: Agent, framework: Framework, resources: readonly Resource[]): void {
  agent.used = addResources(agent.used, resources);
  framework.used = addResources(framework.used, resources);
}

/** Ends that use; what becomes free is offered at once. */
export function endUse(
  cluster: Cluster,
  agent: Agent | undefined,
  frameworkId: string,
  resources: readonly Resource[],
) {
  const framework = cluster.frameworks.get(frameworkId);
  if (framework) framework.used = subtractResources(framework.used, resources);
  if (!agent) return;
  agent.used = subtractResources(agent.used, resources);
  release(agent, resources);
  requestAllocation(cluster, 'now');
}

export function createTask(
  framework: Framework,
  info: TaskInfo,
  resources: Resource[],
  executorId: string | undefined,
): Task {
  return {
    id: info.task_id.value,
    frameworkId: framework.id,
    agentId: info.agent_id.value,
    executorId,
    info,
    resources,
    state: 'TASK_STAGING',
    statuses: [],
    forwarded: undefined,
    released: false,
  };
}

/** Enters a task into the books of its framework and agent, its resources included. */
export function addTask(cluster: Cluster, agent: Agent, framework: Framework, task: Task): void {
  framework.tasks.set(task.id, task);
  agent.tasks.set(taskKey(framework.id, task.id), task);
  if (!isTerminal(task.state)) use(agent, framework, task.resources);
  else task.released = true;
  cluster.effects.toOperators({ type: 'TASK_ADDED', task });
}

export function addExecutor(agent: Agent, framework: Framework, info: ExecutorInfo, resources: Resource[]): Executor {
  const executor: Executor = {
    id: info.executor_id.value,
    frameworkId: framework.id,
    agentId: agent.id,
    info,
    resources,
  };
  agent.executors.set(taskKey(framework.id, executor.id), executor);
  use(agent, framework, resources);
  return executor;
}

export function removeExecutor(cluster: Cluster, agent: Agent, executor: Executor): void {
  agent.executors.delete(taskKey(executor.frameworkId, executor.id));
  endUse(cluster, agent, executor.frameworkId, executor.resources);
}

/** Notes a status in the task's history and its state, and frees its resources when it ended. */
export function recordStatus(cluster: Cluster, task: Task, status: TaskStatus): void {
  if (!isTerminal(task.state)) task.state = status.state;
  const { data: _, ...kept } = status;
  const last = task.statuses.at(-1);
  const repeated = last?.state === status.state;
  if (repeated) task.statuses[task.statuses.length - 1] = kept;
  else task.statuses.push(kept);
  const isCheck =
    status.reason === 'REASON_TASK_CHECK_STATUS_UPDATED' || status.reason === 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED';
  if (!repeated || isCheck) cluster.effects.toOperators({ type: 'TASK_UPDATED', task, status });
  if (!task.released && (isTerminal(task.state) || task.state === 'TASK_UNREACHABLE')) {
    task.released = true;
    countEnd(cluster, status);
    endUse(cluster, cluster.agents.get(task.agentId), task.frameworkId, task.resources);
  }
}

/** Counts a task's end for the metrics. */
export function countEnd(cluster: Cluster, status: Pick<TaskStatus, 'state' | 'source' | 'reason'>): void {
  if (isTerminal(status.state)) count(cluster, `master/tasks_${status.state.slice('TASK_'.length).toLowerCase()}`);
  if (status.reason === undefined || status.source === undefined) return;
  const source = status.source === 'SOURCE_AGENT' ? 'source_slave' : status.source.toLowerCase();
  count(
    cluster,
    `master/${status.state.toLowerCase()}/${source}/${status.reason.toLowerCase().replace('agent', 'slave')}`,
  );
}

/** Takes an ended or unreachable task out of the books and into its framework's history. */
export function removeTask(cluster: Cluster, task: Task, unreachable = false): void {
  const framework = cluster.frameworks.get(task.frameworkId);
  const agent = cluster.agents.get(task.agentId);
  agent?.tasks.delete(taskKey(task.frameworkId, task.id));
  agent?.pendingKills.delete(taskKey(task.frameworkId, task.id));
  if (!task.released) {
    task.released = true;
    endUse(cluster, agent, task.frameworkId, task.resources);
  }
  if (!framework) return;
  framework.tasks.delete(task.id);
  if (unreachable) {
    framework.unreachableTasks.set(task.id, task);
    dropOldest(framework.unreachableTasks, cluster.settings.maxUnreachableTasks);
  } else addCompletedTask(cluster, framework, task);
}

export function addCompletedTask(cluster: Cluster, framework: Framework, task: Task): void {
  framework.completedTasks.push(task);
  const excess = framework.completedTasks.length - cluster.settings.maxCompletedTasks;
  if (excess > 0) framework.completedTasks.splice(0, excess);
}

/** Keeps the newest entries of a map that is filled in order. */
export function dropOldest(map: Map<string, unknown>, limit: number): void {
  for (const key of map.keys()) {
    if (map.size <= limit) return;
    map.delete(key);
  }
}

/** What the last status says and later answers repeat. */
export function lastKnown(task: Task): Pick<TaskStatus, 'healthy' | 'check_status' | 'container_status'> {
  const last = task.statuses.at(-1);
  return {
    ...(last?.healthy === undefined ? {} : { healthy: last.healthy }),
    ...(last?.check_status === undefined ? {} : { check_status: last.check_status }),
    ...(last?.container_status === undefined ? {} : { container_status: last.container_status }),
  };
}
