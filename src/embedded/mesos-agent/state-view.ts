import { attributesToState } from '../../protocols/mesos/attributes.ts';
import {
  addResources,
  refineAll,
  reservationsByRole,
  reservedToState,
  resourcesToState,
  toEndpointForm,
  unallocate,
  unreservedOf,
} from '../../protocols/mesos/resources.ts';
import { isTerminal, type Resource, type TaskStatus } from '../../protocols/mesos/types.ts';
import { versionInfo } from '../../protocols/mesos/version-info.ts';
import { type Books, type ExecutorBook, executorsOf, type FrameworkBook, stateOf, type TaskBook } from './books.ts';
import type { AgentFlags } from './flags.ts';

/** What the agent's answers are made of. */
export interface AgentView {
  books: Books;
  flags: AgentFlags;
  /** The port that is listened on. */
  port: number;
  /** Seconds since 1970. */
  startTime: number;
  resources: readonly Resource[];
  masterHostname: string | undefined;
}

/** Capabilities of this agent, as /state lists them. */
export const agentCapabilities = [
  'MULTI_ROLE',
  'HIERARCHICAL_ROLE',
  'RESERVATION_REFINEMENT',
  'RESOURCE_PROVIDER',
  'RESIZE_VOLUME',
  'AGENT_OPERATION_FEEDBACK',
  'AGENT_DRAINING',
  'TASK_RESOURCE_LIMITS',
];

export function agentPid({ flags, port }: Pick<AgentView, 'flags' | 'port'>): string {
  return `slave(1)@${flags.advertiseIp}:${flags.advertisePort ?? port}`;
}

/** GET /state. Source: Http::state in src/slave/http.cpp of Apache Mesos, and a recorded answer. */
export function stateView(view: AgentView): object {
  const { books, flags, resources } = view;
  const allocated = unallocate(allocatedResources(books));
  return {
    ...versionInfo,
    start_time: view.startTime,
    id: books.agent?.id.value ?? '',
    pid: agentPid(view),
    hostname: flags.hostname,
    capabilities: agentCapabilities,
    ...(flags.domain ? { domain: flags.domain } : {}),
    resources: resourcesToState(resources),
    reserved_resources: reservedToState(resources),
    unreserved_resources: resourcesToState(unreservedOf(resources)),
    reserved_resources_full: Object.fromEntries(
      [...reservationsByRole(resources)].map(([role, reserved]) => [role, toEndpointForm(reserved)]),
    ),
    unreserved_resources_full: toEndpointForm(unreservedOf(resources)),
    reserved_resources_allocated: reservedToState(allocated),
    unreserved_resources_allocated: resourcesToState(unreservedOf(allocated)),
    resource_providers: [],
    attributes: attributesToState(flags.attributes),
    ...(view.masterHostname === undefined ? {} : { master_hostname: view.masterHostname }),
    ...(flags.logDir === undefined ? {} : { log_dir: flags.logDir }),
    ...(flags.externalLogFile === undefined ? {} : { external_log_file: flags.externalLogFile }),
    flags: flags.shown,
    frameworks: [...books.frameworks.values()].map((framework) => frameworkView(framework, view)),
    completed_frameworks: books.completedFrameworks.map((framework) => frameworkView(framework, view)),
  };
}

function frameworkView(framework: FrameworkBook, view: AgentView): object {
  const { id, info } = framework;
  const multiRole = info.capabilities?.some(({ type }) => type === 'MULTI_ROLE') ?? false;
  return {
    id,
    name: info.name,
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? '',
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    ...(multiRole ? { roles: info.roles ?? [] } : { role: info.role ?? '*' }),
    executors: [...framework.executors.values()].map((executor) => executorView(executor, view)),
    completed_executors: framework.completedExecutors.map((executor) => executorView(executor, view)),
  };
}

function executorView(executor: ExecutorBook, view: AgentView): object {
  const { info } = executor;
  const tasks = [...executor.tasks.values()];
  const running = tasks.filter((task) => stateOf(task) !== 'TASK_STAGING' && !isTerminal(stateOf(task)));
  const ended = tasks.filter((task) => isTerminal(stateOf(task)));
  const role = roleOf(info.resources);
  return {
    id: info.executor_id.value,
    name: info.name ?? '',
    source: info.source ?? '',
    container: executor.containerId,
    directory: executor.directory,
    resources: resourcesToState(executorResources(executor)),
    ...(role === undefined ? {} : { role }),
    ...(info.labels ? { labels: info.labels.labels } : {}),
    ...(executor.kind === 'command' ? {} : { type: executor.kind === 'default' ? 'DEFAULT' : 'CUSTOM' }),
    tasks: running.map((task) => taskView(task, executor, view)),
    queued_tasks: tasks
      .filter((task) => stateOf(task) === 'TASK_STAGING')
      .map((task) => queuedTaskView(task, executor, view)),
    completed_tasks: [...executor.completedTasks, ...ended].map((task) => taskView(task, executor, view)),
  };
}

function roleOf(resources: readonly Resource[] | undefined): string | undefined {
  return resources?.find((resource) => resource.allocation_info?.role)?.allocation_info?.role;
}

function queuedTaskView(task: TaskBook, executor: ExecutorBook, { books }: AgentView): Record<string, unknown> {
  const { info } = task;
  const role = roleOf(info.resources);
  return {
    id: info.task_id.value,
    name: info.name,
    framework_id: task.frameworkId,
    executor_id: executor.kind === 'command' ? '' : task.executorId,
    slave_id: books.agent?.id.value ?? '',
    resources: resourcesToState(info.resources),
    ...(role === undefined ? {} : { role }),
    ...(info.command?.user === undefined ? {} : { user: info.command.user }),
    ...(info.labels ? { labels: info.labels.labels } : {}),
    ...(info.discovery ? { discovery: info.discovery } : {}),
    ...(info.container ? { container: info.container } : {}),
  };
}

function taskView(task: TaskBook, executor: ExecutorBook, view: AgentView): object {
  const { info } = task;
  const { id, name, framework_id, executor_id, slave_id, resources, role, ...rest } = queuedTaskView(
    task,
    executor,
    view,
  );
  return {
    id,
    name,
    framework_id,
    executor_id,
    slave_id,
    state: stateOf(task),
    resources,
    ...(role === undefined ? {} : { role }),
    statuses: task.statuses.map(statusView),
    ...rest,
    ...(info.health_check ? { health_check: info.health_check } : {}),
  };
}

function statusView(status: TaskStatus): object {
  const { executor_pid: _pid, ...container } = status.container_status ?? {};
  return {
    state: status.state,
    timestamp: status.timestamp,
    ...(status.labels ? { labels: status.labels.labels } : {}),
    ...(status.container_status ? { container_status: container } : {}),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
  };
}

/** What an executor and its living tasks hold. */
export function executorResources(executor: ExecutorBook): Resource[] {
  const living = [...executor.tasks.values()].filter((task) => !isTerminal(stateOf(task)));
  return addResources(refineAll(executor.info.resources), ...living.map((task) => refineAll(task.info.resources)));
}

/** What all of the agent's executors hold. */
export function allocatedResources(books: Books): Resource[] {
  const living = [...executorsOf(books)].filter((executor) => executor.endedAt === undefined);
  return addResources(...living.map(executorResources));
}
