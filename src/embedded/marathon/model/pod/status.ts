import type {
  InstanceJson,
  PodContainer,
  PodContainerStatus,
  PodEndpointStatus,
  PodInstanceState,
  PodInstanceStatus,
  PodResources,
  PodStatus,
  PodTermination,
  StatusCondition,
} from '../../../../protocols/marathon/pods.ts';
import type { TaskFailure, Timestamp } from '../../../../protocols/marathon/types.ts';
import { isTerminal, type TaskStatus } from '../../../../protocols/mesos/types.ts';
import { type ContainerTask, holdsNothing, type Instance } from '../instance.ts';
import { defined } from '../normalize.ts';
import type { PodDefinition } from '../run-spec.ts';
import { serialisePod } from './serialise.ts';

/**
 * Pods and their instances as the API shows them. Source: raml/{PodStatusConversion,InstanceConversion}.scala and
 * core/appinfo/impl/AppInfoBaseData.scala of Marathon.
 */

/** What is known of a pod besides its definition. */
export interface PodState {
  readonly instances: readonly Instance[];
  /** What an instance was launched with. */
  readonly definitionOf: (instance: Instance) => PodDefinition;
  /** A deployment removes the pod. */
  readonly terminating: boolean;
  readonly lastFailure?: TaskFailure;
  readonly now: Timestamp;
}

/** The Mesos name of the container's state, `TASK_STAGING` until Mesos reported one. */
function stateOf({ status }: ContainerTask): string {
  const state = status?.state ?? 'TASK_STAGING';
  if (state === 'TASK_GONE_BY_OPERATOR' || state === 'TASK_LOST') return 'TASK_GONE';
  return state;
}

const beforeRunning = new Set(['TASK_STAGING', 'TASK_STARTING']);
const terminal = ({ status }: ContainerTask) => status !== undefined && isTerminal(status.state);

function healthEndpoint({ healthCheck }: PodContainer): string | undefined {
  return (healthCheck?.http ?? healthCheck?.tcp)?.endpoint;
}

/** Endpoints with a host port first, the one that is checked for health last, as the original orders them. */
function endpointsOf(container: PodContainer, task: ContainerTask): PodEndpointStatus[] {
  if (terminal(task)) return [];
  const { endpoints = [] } = container;
  const withHostPort = endpoints.filter(({ hostPort }) => hostPort !== undefined);
  const all: PodEndpointStatus[] = [
    ...withHostPort.map(({ name }, index) =>
      defined<PodEndpointStatus>({ name, allocatedHostPort: task.hostPorts[index] }),
    ),
    ...endpoints.filter(({ hostPort }) => hostPort === undefined).map(({ name }) => ({ name })),
  ];
  const checked = all.find(({ name }) => name === healthEndpoint(container));
  const healthy = task.status?.healthy;
  if (!checked || healthy === undefined) return all;
  return [...all.filter((endpoint) => endpoint !== checked), { ...checked, healthy }];
}

function healthCondition(
  container: PodContainer,
  task: ContainerTask,
  instance: Instance,
  since: Timestamp,
): StatusCondition[] {
  if (!container.healthCheck || beforeRunning.has(stateOf(task))) return [];
  if (terminal(task) && instance.reservation) return [];
  const healthy = task.status?.healthy;
  return [
    {
      name: 'healthy',
      lastChanged: since,
      lastUpdated: since,
      value: String(healthy ?? false),
      reason: healthy === undefined ? 'health-unreported-by-mesos' : 'health-reported-by-mesos',
    },
  ];
}

/** The exit status that the executor's message tells; undefined when it tells none. */
function terminationOf(status: TaskStatus | undefined): PodContainerStatus['termination'] {
  if (!status || !isTerminal(status.state)) return undefined;
  const code = /exited with status (\d+)/.exec(status.message ?? '')?.[1];
  return defined<NonNullable<PodContainerStatus['termination']>>({
    exitCode: code === undefined ? (status.state === 'TASK_FINISHED' ? 0 : undefined) : Number(code),
    message: status.message,
  });
}

function containerStatus(pod: PodDefinition, instance: Instance, task: ContainerTask): PodContainerStatus {
  const since = task.startedAt ?? task.stagedAt;
  const container = pod.containers.find(({ name }) => name === task.name);
  return defined<PodContainerStatus>({
    name: task.name,
    status: stateOf(task),
    statusSince: since,
    conditions: container ? healthCondition(container, task, instance, since) : [],
    containerId: task.id,
    endpoints: container ? endpointsOf(container, task) : [],
    resources: terminal(task) && !instance.reservation ? undefined : container?.resources,
    termination: terminationOf(task.status),
    lastUpdated: since,
    lastChanged: since,
  });
}

function instanceState(
  instance: Instance,
  containers: readonly PodContainerStatus[],
): { readonly status: PodInstanceState; readonly message?: string } {
  const { condition, goal } = instance;
  if (goal === 'Running' && (holdsNothing(instance) || condition === 'Provisioned')) return { status: 'PENDING' };
  switch (condition) {
    case 'Staging':
    case 'Starting':
      return { status: 'STAGING' };
    case 'Unreachable':
    case 'UnreachableInactive':
      return { status: 'DEGRADED', message: 'pod instance has become unreachable' };
    case 'Running': {
      const ill = containers.some(({ conditions }) =>
        conditions.some(({ name, value }) => name === 'healthy' && value === 'false'),
      );
      return ill ? { status: 'DEGRADED', message: 'at least one container is not healthy' } : { status: 'STABLE' };
    }
    default:
      return { status: 'TERMINAL' };
  }
}

function networksOf(tasks: readonly ContainerTask[]): PodInstanceStatus['networks'] {
  const byName = new Map<string | undefined, Set<string>>();
  for (const { status } of tasks)
    for (const { name, ip_addresses = [] } of status?.container_status?.network_infos ?? []) {
      let addresses = byName.get(name);
      if (!addresses) byName.set(name, (addresses = new Set()));
      for (const { ip_address } of ip_addresses) if (ip_address) addresses.add(ip_address);
    }
  return [...byName].map(([name, addresses]) => ({ ...(name !== undefined && { name }), addresses: [...addresses] }));
}

function podInstanceStatus(pod: PodDefinition, instance: Instance): PodInstanceStatus {
  const tasks = instance.containers ?? [];
  const containers = tasks.map((task) => containerStatus(pod, instance, task));
  const resources = containers.reduce<PodResources>(
    (sum, { resources: own }) =>
      own
        ? {
            cpus: Math.round((sum.cpus + own.cpus) * 1000) / 1000,
            mem: sum.mem + own.mem,
            disk: sum.disk + own.disk,
            gpus: sum.gpus + own.gpus,
          }
        : sum,
    { ...pod.executorResources, gpus: 0 },
  );
  const { placement, since } = instance;
  const { status, message } = instanceState(instance, containers);
  return defined<PodInstanceStatus>({
    id: instance.id,
    status,
    statusSince: since,
    message,
    conditions: [],
    agentHostname: placement?.host,
    agentId: placement?.agentId,
    agentRegion: placement?.region,
    agentZone: placement?.zone,
    resources,
    networks: networksOf(tasks),
    containers,
    specReference: `/v2/pods${pod.id}::versions/${instance.appVersion}`,
    localVolumes: instance.reservation?.volumes ?? [],
    lastUpdated: since,
    lastChanged: since,
    role: instance.role,
  });
}

/** The last failure, while the instance that it happened to is known. */
function terminations({ lastFailure, instances }: PodState): PodTermination[] {
  if (!lastFailure) return [];
  const { taskId, timestamp, message, state } = lastFailure;
  for (const instance of instances) {
    const incarnation = /^(.*)\.\d+$/.exec(taskId)?.[1];
    const task = instance.containers?.find(({ id }) => id.replace(/\.\d+$/, '') === incarnation);
    if (!task) continue;
    return [
      {
        instanceID: instance.id,
        startedAt: task.startedAt ?? task.stagedAt,
        terminatedAt: timestamp,
        message,
        containers: [
          defined<PodTermination['containers'][number]>({
            containerId: taskId,
            lastKnownState: state,
            termination: task.id === taskId ? terminationOf(task.status) : undefined,
          }),
        ],
      },
    ];
  }
  return [];
}

export function podStatus(pod: PodDefinition, state: PodState): PodStatus {
  // Those that wait for their first launch are not shown.
  const shown = state.instances.filter(({ condition, placement }) => !(condition === 'Scheduled' && !placement));
  const instances = shown.map((instance) => podInstanceStatus(state.definitionOf(instance), instance));
  const stable = instances.filter(({ status }) => status === 'STABLE').length;
  const statusSince = instances.reduce((latest, each) => (each.statusSince > latest ? each.statusSince : latest), '');
  return {
    id: pod.id,
    spec: serialisePod(pod),
    status: state.terminating ? 'TERMINAL' : stable >= pod.instances ? 'STABLE' : 'DEGRADED',
    statusSince: statusSince || state.now,
    instances,
    terminationHistory: terminations(state),
    lastUpdated: state.now,
    lastChanged: statusSince || state.now,
  };
}

export function instanceJson(pod: PodDefinition, instance: Instance): InstanceJson {
  const { placement } = instance;
  return defined<InstanceJson>({
    instanceId: instance.id,
    state: defined<InstanceJson['state']>({
      condition: instance.condition,
      since: instance.since,
      activeSince: instance.activeSince,
      healthy: instance.healthy,
      goal: instance.goal,
    }),
    agentInfo:
      placement &&
      defined<NonNullable<InstanceJson['agentInfo']>>({
        host: placement.host,
        agentId: placement.agentId,
        region: placement.region,
        zone: placement.zone,
        attributes: [],
      }),
    runSpecVersion: instance.appVersion,
    unreachableStrategy: pod.unreachableStrategy,
  });
}
