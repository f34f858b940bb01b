import { attributesToState } from '../../../protocols/mesos/attributes.ts';
import {
  addResources,
  reservationsByRole,
  reservedToState,
  resourcesToState,
  toEndpointForm,
  unreservedOf,
} from '../../../protocols/mesos/resources.ts';
import type { CommandInfo, MasterInfo, TaskStatus } from '../../../protocols/mesos/types.ts';
import { versionInfo } from '../../../protocols/mesos/version-info.ts';
import { offeredOf } from '../core/allocator.ts';
import type { Agent, Cluster, Executor, Framework, Offer, RecoveredAgent, Task } from '../core/model.ts';
import type { MasterFacts } from './identity.ts';

/**
 * The JSON of the master's own endpoints (not of the v1 API). Times are seconds since 1970.
 * Source: src/master/readonly_handler.cpp, http.cpp and src/common/http.cpp of Apache Mesos, and recorded answers.
 */

/** GET /state. */
export function stateView(cluster: Cluster, facts: MasterFacts) {
  const { master } = cluster;
  const agents = [...cluster.agents.values()];
  return {
    ...versionInfo,
    start_time: facts.startTime,
    ...(facts.electedTime === undefined ? {} : { elected_time: facts.electedTime }),
    id: master.id,
    pid: master.pid,
    hostname: master.hostname,
    capabilities: (master.capabilities ?? []).map(({ type }) => type),
    activated_slaves: agents.filter((agent) => agent.active).length,
    deactivated_slaves: agents.filter((agent) => !agent.active).length,
    unreachable_slaves: cluster.unreachableAgents.size,
    ...(master.domain ? { domain: master.domain } : {}),
    leader: master.pid,
    leader_info: leaderInfo(master),
    ...(facts.cluster === undefined ? {} : { cluster: facts.cluster }),
    ...(facts.logDir === undefined ? {} : { log_dir: facts.logDir }),
    flags: facts.flags,
    slaves: agents.map(agentView),
    recovered_slaves: [...cluster.recoveredAgents.values()].map(recoveredAgentView),
    frameworks: [...cluster.frameworks.values()].map((framework) => frameworkView(cluster, framework)),
    completed_frameworks: [...cluster.completedFrameworks.values()].map((framework) =>
      frameworkView(cluster, framework),
    ),
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}

function leaderInfo(master: MasterInfo) {
  return {
    id: master.id,
    pid: master.pid,
    port: master.port,
    hostname: master.hostname,
    ...(master.domain ? { domain: master.domain } : {}),
  };
}

export function agentView(agent: Agent) {
  return {
    id: agent.id,
    hostname: agent.info.hostname,
    port: agent.info.port ?? 5051,
    attributes: attributesToState(agent.info.attributes),
    ...(agent.info.domain ? { domain: agent.info.domain } : {}),
    pid: agent.pid,
    registered_time: agent.registeredTime,
    ...(agent.reregisteredTime === undefined ? {} : { reregistered_time: agent.reregisteredTime }),
    resources: resourcesToState(agent.total),
    used_resources: resourcesToState(agent.used),
    offered_resources: resourcesToState(offeredOf(agent)),
    reserved_resources: reservedToState(agent.total),
    unreserved_resources: resourcesToState(unreservedOf(agent.total)),
    active: agent.active,
    deactivated: agent.deactivated,
    version: agent.version,
    capabilities: agent.capabilities,
  };
}

function recoveredAgentView(agent: RecoveredAgent) {
  return {
    id: agent.id,
    hostname: agent.info.hostname,
    port: agent.info.port ?? 5051,
    attributes: attributesToState(agent.info.attributes),
    resources: resourcesToState(agent.info.resources),
  };
}

/** GET /slaves. @param agentId only this one */
export function slavesView(cluster: Cluster, agentId: string | undefined) {
  const wanted = (id: string) => agentId === undefined || agentId === id;
  return {
    slaves: [...cluster.agents.values()].filter(({ id }) => wanted(id)).map(fullAgentView),
    recovered_slaves: [...cluster.recoveredAgents.values()].filter(({ id }) => wanted(id)).map(recoveredAgentView),
  };
}

function fullAgentView(agent: Agent) {
  const reserved: Record<string, unknown> = {};
  for (const [role, resources] of reservationsByRole(agent.total)) reserved[role] = toEndpointForm(resources);
  return {
    ...agentView(agent),
    reserved_resources_full: reserved,
    unreserved_resources_full: toEndpointForm(unreservedOf(agent.total)),
    used_resources_full: toEndpointForm(agent.used),
    offered_resources_full: toEndpointForm(offeredOf(agent)),
  };
}

/** GET /frameworks. @param frameworkId only this one */
export function frameworksView(cluster: Cluster, frameworkId: string | undefined) {
  const wanted = ({ id }: Framework) => frameworkId === undefined || frameworkId === id;
  const view = (framework: Framework) => frameworkView(cluster, framework);
  return {
    frameworks: [...cluster.frameworks.values()].filter(wanted).map(view),
    completed_frameworks: [...cluster.completedFrameworks.values()].filter(wanted).map(view),
    unregistered_frameworks: [],
  };
}

function frameworkView(cluster: Cluster, framework: Framework) {
  const { info } = framework;
  const offered = offeredOf(framework);
  const executors = [...cluster.agents.values()].flatMap((agent) =>
    [...agent.executors.values()].filter((executor) => executor.frameworkId === framework.id),
  );
  return {
    id: framework.id,
    name: info.name,
    used_resources: resourcesToState(framework.used),
    offered_resources: resourcesToState(offered),
    capabilities: [...framework.capabilities],
    hostname: info.hostname ?? '',
    webui_url: info.webui_url ?? '',
    active: framework.active,
    connected: framework.connected,
    recovered: framework.recovered,
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    registered_time: framework.registeredTime,
    unregistered_time: framework.unregisteredTime,
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    resources: resourcesToState(addResources(framework.used, offered)),
    ...(framework.reregisteredTime === framework.registeredTime
      ? {}
      : { reregistered_time: framework.reregisteredTime }),
    ...(framework.capabilities.has('MULTI_ROLE') ? { roles: framework.roles } : { role: framework.roles[0] ?? '*' }),
    tasks: [...framework.tasks.values()].map(taskView),
    unreachable_tasks: [...framework.unreachableTasks.values()].map(taskView),
    completed_tasks: framework.completedTasks.map(taskView),
    offers: [...framework.offers.values()].map(offerView),
    executors: executors.map(executorView),
    ...(info.labels ? { labels: info.labels.labels } : {}),
    offer_constraints: framework.offerConstraints ?? {},
  };
}

function offerView(offer: Offer) {
  return {
    id: offer.id,
    framework_id: offer.frameworkId,
    allocation_info: { role: offer.role },
    slave_id: offer.agentId,
    resources: resourcesToState(offer.resources),
  };
}

export function taskView(task: Task) {
  const { info } = task;
  const user = info.command?.user ?? info.executor?.command?.user;
  return {
    id: task.id,
    name: info.name,
    framework_id: task.frameworkId,
    executor_id: task.executorId ?? '',
    slave_id: task.agentId,
    state: task.state,
    resources: resourcesToState(task.resources),
    ...(info.limits ? { limits: info.limits } : {}),
    role: task.resources[0]?.allocation_info?.role ?? '*',
    statuses: task.statuses.map(statusView),
    ...(user === undefined ? {} : { user }),
    ...(info.labels ? { labels: info.labels.labels } : {}),
    ...(info.discovery ? { discovery: info.discovery } : {}),
    ...(info.container ? { container: info.container } : {}),
    ...(info.health_check ? { health_check: info.health_check } : {}),
  };
}

function statusView(status: TaskStatus) {
  const container = status.container_status;
  return {
    state: status.state,
    timestamp: status.timestamp,
    ...(status.labels ? { labels: status.labels.labels } : {}),
    ...(container
      ? {
          container_status: {
            ...(container.container_id ? { container_id: container.container_id } : {}),
            ...(container.network_infos ? { network_infos: container.network_infos } : {}),
            ...(container.cgroup_info ? { cgroup_info: container.cgroup_info } : {}),
          },
        }
      : {}),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
  };
}

function executorView(executor: Executor) {
  const { info } = executor;
  const role = executor.resources[0]?.allocation_info?.role;
  return {
    executor_id: executor.id,
    name: info.name ?? '',
    framework_id: executor.frameworkId,
    command: commandView(info.command ?? {}),
    resources: resourcesToState(executor.resources),
    ...(role === undefined ? {} : { role }),
    ...(info.labels ? { labels: info.labels.labels } : {}),
    ...(info.type === undefined ? {} : { type: info.type }),
    slave_id: executor.agentId,
  };
}

function commandView(command: CommandInfo) {
  return {
    shell: command.shell ?? true,
    ...(command.value === undefined ? {} : { value: command.value }),
    argv: command.arguments ?? [],
    ...(command.environment ? { environment: command.environment } : {}),
    uris: (command.uris ?? []).map(({ value, executable }) => ({ value, executable: executable ?? false })),
  };
}

export interface TaskQuery {
  limit: number;
  offset: number;
  ascending: boolean;
  frameworkId: string | undefined;
  taskId: string | undefined;
}

/** GET /tasks: of running and completed frameworks, by the time of their first status. */
export function tasksView(cluster: Cluster, query: TaskQuery) {
  const tasks: Task[] = [];
  for (const framework of [...cluster.frameworks.values(), ...cluster.completedFrameworks.values()]) {
    if (query.frameworkId !== undefined && query.frameworkId !== framework.id) continue;
    for (const list of [framework.tasks.values(), framework.unreachableTasks.values(), framework.completedTasks])
      for (const task of list) if (query.taskId === undefined || query.taskId === task.id) tasks.push(task);
  }
  // A task without a status is the newest there is.
  const time = (task: Task) => task.statuses[0]?.timestamp ?? Number.POSITIVE_INFINITY;
  const direction = query.ascending ? 1 : -1;
  tasks.sort((a, b) => (time(a) === time(b) ? 0 : time(a) < time(b) ? -direction : direction));
  return { tasks: tasks.slice(query.offset, query.offset + query.limit).map(taskView) };
}
