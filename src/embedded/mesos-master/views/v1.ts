import { toEndpointForm } from '../../../protocols/mesos/resources.ts';
import { offeredOf } from '../core/allocator.ts';
import type { Agent, Cluster, ClusterEvent, Framework, Task } from '../core/model.ts';
import { offerMessage } from '../core/offers.ts';
import { quantities, roleFacts } from './summary.ts';

/**
 * The messages of the v1 operator API in their JSON form.
 * Source: include/mesos/v1/master/master.proto, src/master/readonly_handler.cpp of Apache Mesos, recorded answers.
 */

const nanoseconds = (seconds: number) => ({ nanoseconds: Math.round(seconds * 1e6) * 1000 });

/** The `Task` message. */
export function v1Task(task: Task) {
  const { info } = task;
  const user = info.command?.user ?? info.executor?.command?.user;
  return {
    name: info.name,
    task_id: { value: task.id },
    framework_id: { value: task.frameworkId },
    ...(task.executorId === undefined ? {} : { executor_id: { value: task.executorId } }),
    agent_id: { value: task.agentId },
    state: task.state,
    resources: task.resources,
    ...(task.statuses.length > 0 ? { statuses: task.statuses } : {}),
    ...(task.forwarded ? { status_update_state: task.forwarded.state, status_update_uuid: task.forwarded.uuid } : {}),
    ...(info.labels ? { labels: info.labels } : {}),
    ...(info.discovery ? { discovery: info.discovery } : {}),
    ...(info.container ? { container: info.container } : {}),
    ...(info.health_check ? { health_check: info.health_check } : {}),
    ...(info.kill_policy ? { kill_policy: info.kill_policy } : {}),
    ...(info.max_completion_time ? { max_completion_time: info.max_completion_time } : {}),
    ...(user === undefined ? {} : { user }),
    ...(info.limits ? { limits: info.limits } : {}),
  };
}

/** The `Agent` message of GET_AGENTS. */
export function v1Agent(agent: Agent) {
  const offered = offeredOf(agent);
  return {
    agent_info: { ...agent.info, checkpoint: true },
    active: agent.active,
    deactivated: agent.deactivated,
    version: agent.version,
    pid: agent.pid,
    registered_time: nanoseconds(agent.registeredTime),
    ...(agent.reregisteredTime === undefined ? {} : { reregistered_time: nanoseconds(agent.reregisteredTime) }),
    total_resources: toEndpointForm(agent.total),
    ...(agent.used.length > 0 ? { allocated_resources: toEndpointForm(agent.used) } : {}),
    ...(offered.length > 0 ? { offered_resources: toEndpointForm(offered) } : {}),
    capabilities: agent.capabilities.map((type) => ({ type })),
  };
}

function frameworkHead(framework: Framework) {
  return {
    framework_info: framework.info,
    active: framework.active,
    connected: framework.connected,
    recovered: framework.recovered,
    registered_time: nanoseconds(framework.registeredTime),
    reregistered_time: nanoseconds(framework.reregisteredTime),
  };
}

/** The `Framework` message of GET_FRAMEWORKS. */
export function v1Framework(cluster: Cluster, framework: Framework) {
  const offered = offeredOf(framework);
  const offers = [...framework.offers.values()].map((offer) => offerMessage(cluster, v1Reader(framework), offer));
  return {
    ...frameworkHead(framework),
    ...(framework.unregisteredTime > 0 ? { unregistered_time: nanoseconds(framework.unregisteredTime) } : {}),
    ...(offers.length > 0 ? { offers } : {}),
    ...(framework.used.length > 0 ? { allocated_resources: toEndpointForm(framework.used) } : {}),
    ...(offered.length > 0 ? { offered_resources: toEndpointForm(offered) } : {}),
    offer_constraints: framework.offerConstraints ?? {},
  };
}

/** Operators are shown offers in their full form, whatever the framework understands. */
function v1Reader(framework: Framework): Framework {
  return { ...framework, capabilities: new Set(['MULTI_ROLE', 'RESERVATION_REFINEMENT']) };
}

export function getTasks(cluster: Cluster) {
  const frameworks = [...cluster.frameworks.values()];
  const completed = [...cluster.completedFrameworks.values()];
  return {
    tasks: frameworks.flatMap((framework) => [...framework.tasks.values()].map(v1Task)),
    unreachable_tasks: frameworks.flatMap((framework) => [...framework.unreachableTasks.values()].map(v1Task)),
    completed_tasks: [...frameworks, ...completed].flatMap((framework) => framework.completedTasks.map(v1Task)),
  };
}

export function getExecutors(cluster: Cluster) {
  return {
    executors: [...cluster.agents.values()].flatMap((agent) =>
      [...agent.executors.values()].map((executor) => ({
        executor_info: executor.info,
        agent_id: { value: executor.agentId },
      })),
    ),
  };
}

export function getFrameworks(cluster: Cluster) {
  return {
    frameworks: [...cluster.frameworks.values()].map((framework) => v1Framework(cluster, framework)),
    completed_frameworks: [...cluster.completedFrameworks.values()].map((framework) => v1Framework(cluster, framework)),
  };
}

export function getAgents(cluster: Cluster) {
  return {
    agents: [...cluster.agents.values()].map(v1Agent),
    recovered_agents: [...cluster.recoveredAgents.values()].map((agent) => agent.info),
  };
}

export function getState(cluster: Cluster) {
  return {
    get_tasks: getTasks(cluster),
    get_executors: getExecutors(cluster),
    get_frameworks: getFrameworks(cluster),
    get_agents: getAgents(cluster),
  };
}

export function getRoles(cluster: Cluster) {
  return {
    roles: roleFacts(cluster).map((role) => {
      const resources = scalars([...role.allocated, ...role.offered]);
      return {
        name: role.name,
        weight: role.weight,
        ...(role.frameworks.length > 0 ? { frameworks: role.frameworks.map((value) => ({ value })) } : {}),
        ...(resources.length > 0 ? { resources } : {}),
      };
    }),
  };
}

function scalars(resources: Parameters<typeof quantities>[0]) {
  return Object.entries(quantities(resources.filter(({ type }) => type === 'SCALAR'))).map(([name, value]) => ({
    name,
    type: 'SCALAR',
    scalar: { value },
  }));
}

/** An event of the operator API's SUBSCRIBE stream. */
export function operatorEvent(cluster: Cluster, event: ClusterEvent) {
  switch (event.type) {
    case 'TASK_ADDED':
      return { type: event.type, task_added: { task: v1Task(event.task) } };
    case 'TASK_UPDATED': {
      const { data: _, ...status } = event.status;
      return {
        type: event.type,
        task_updated: { framework_id: { value: event.task.frameworkId }, status, state: event.task.state },
      };
    }
    case 'AGENT_ADDED':
      return { type: event.type, agent_added: { agent: v1Agent(event.agent) } };
    case 'AGENT_REMOVED':
      return { type: event.type, agent_removed: { agent_id: { value: event.agentId } } };
    case 'FRAMEWORK_ADDED':
      return {
        type: event.type,
        framework_added: { framework: { ...frameworkHead(event.framework), unregistered_time: { nanoseconds: 0 } } },
      };
    case 'FRAMEWORK_UPDATED':
      return { type: event.type, framework_updated: { framework: v1Framework(cluster, event.framework) } };
    case 'FRAMEWORK_REMOVED':
      return { type: event.type, framework_removed: { framework_info: event.framework.info } };
  }
}
