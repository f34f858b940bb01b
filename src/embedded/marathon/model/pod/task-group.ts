import type { PodContainer, PodEndpoint } from '../../../../protocols/marathon/pods.ts';
import type {
  CommandInfo,
  ContainerInfo,
  DiscoveryPort,
  EnvironmentVariable,
  ExecutorInfo,
  HealthCheck,
  NetworkInfo,
  Offer,
  OfferOperation,
  Resource,
  TaskInfo,
  Volume,
} from '../../../../protocols/mesos/types.ts';
import { executorIdOf } from '../ids.ts';
import { defined, usesHostNetwork } from '../normalize.ts';
import type { OfferMatch } from '../offer-match.ts';
import { hostnameOf } from '../path-id.ts';
import type { PodDefinition } from '../run-spec.ts';
import { checkCommandOf, labelsOf, limitsOf, linuxInfoOf, timingOf, urisOf } from '../task-builder.ts';
import { javaDouble, labelVariables, ownVariables, type TaskContext } from '../task-environment.ts';

/** The task group that launches an instance of a pod. Source: mesos/TaskGroupBuilder.scala of Marathon. */

export interface TaskGroupContext extends Omit<TaskContext, 'taskId' | 'random'> {
  readonly instanceId: string;
  /** Ids of the tasks, in the order of the pod's containers. */
  readonly taskIds: readonly string[];
}

/** An endpoint with the host port it was given. */
interface BoundEndpoint extends PodEndpoint {
  readonly container: string;
  readonly bound: number | undefined;
}

/** The endpoints of all containers with their host ports, which are in the same order. */
export function boundEndpoints(pod: PodDefinition, hostPorts: readonly (number | undefined)[]): BoundEndpoint[] {
  const all = pod.containers.flatMap(({ name, endpoints = [] }) =>
    endpoints.map((one) => ({ ...one, container: name })),
  );
  return all.map((endpoint, index) => ({ ...endpoint, bound: hostPorts[index] }));
}

/** What the endpoint is reached by inside the pod's network. */
function innerPort(pod: PodDefinition, { containerPort, bound }: BoundEndpoint): number | undefined {
  if (usesHostNetwork(pod)) return bound;
  return containerPort === 0 ? bound : containerPort;
}

function discoveryPorts(pod: PodDefinition, endpoints: readonly BoundEndpoint[]): DiscoveryPort[] {
  const onHost = usesHostNetwork(pod);
  const containerNetworks = pod.networks.filter(({ mode }) => mode === 'container').flatMap(({ name }) => name ?? []);
  return endpoints.flatMap((endpoint) => {
    const { name, labels = {}, protocol = ['tcp'], networkNames = [], bound } = endpoint;
    const port = (number: number, each: string, scope: Record<string, string>): DiscoveryPort =>
      defined<DiscoveryPort>({ number, name, protocol: each, labels: labelsOf({ ...labels, ...scope }) });
    return protocol.flatMap((each) => {
      if (bound !== undefined) return [port(bound, each, onHost ? {} : { 'network-scope': 'host' })];
      return (networkNames.length > 0 ? networkNames : containerNetworks).map((network) =>
        port(endpoint.containerPort ?? 0, each, { 'network-scope': 'container', 'network-name': network }),
      );
    });
  });
}

function networkInfos(pod: PodDefinition, endpoints: readonly BoundEndpoint[], bridgeName: string): NetworkInfo[] {
  return pod.networks
    .filter(({ mode }) => mode !== 'host')
    .map(({ mode, name: given = '', labels }) => {
      const name = mode === 'container/bridge' ? bridgeName : given;
      const mappings = endpoints.flatMap(({ bound, containerPort = 0, protocol, networkNames = [] }) => {
        if (bound === undefined || !networkNames.every((network) => network === name)) return [];
        const ports = { host_port: bound, container_port: containerPort === 0 ? bound : containerPort };
        return protocol ? protocol.map((each) => ({ ...ports, protocol: each })) : [ports];
      });
      return defined<NetworkInfo>({
        name,
        labels: labelsOf(labels),
        port_mappings: mappings.length > 0 ? mappings : undefined,
      });
    });
}

function portVariables(pod: PodDefinition, endpoints: readonly BoundEndpoint[], prefix: string): [string, string][] {
  return endpoints.flatMap((endpoint): [string, string][] => {
    const name = endpoint.name.toUpperCase().replace(/[^A-Z0-9_]+/g, '_');
    const variable = (kind: string, port: number | undefined): [string, string][] =>
      port === undefined ? [] : [[`${prefix.toUpperCase()}${kind}_${name}`, String(port)]];
    return [
      ...variable('ENDPOINT', innerPort(pod, endpoint)),
      ...variable('EP_HOST', endpoint.bound),
      ...variable('EP_CONTAINER', endpoint.containerPort === 0 ? endpoint.bound : endpoint.containerPort),
    ];
  });
}

/** The environment of a container; later entries win over earlier ones of the same name, and each name is there once. */
function environment(
  pod: PodDefinition,
  container: PodContainer,
  taskId: string,
  host: string,
  endpoints: readonly BoundEndpoint[],
  context: TaskGroupContext,
): EnvironmentVariable[] {
  const { resources, labels = {} } = container;
  const byName = new Map<string, EnvironmentVariable>();
  const set = (variable: EnvironmentVariable) => byName.set(variable.name, variable);
  for (const variable of ownVariables(pod.env, pod.secrets)) set(variable);
  for (const variable of ownVariables(container.environment ?? {}, pod.secrets)) set(variable);
  const own: [string, string][] = [
    ['HOST', host],
    ['MESOS_TASK_ID', taskId],
    ['MESOS_EXECUTOR_ID', executorIdOf(context.instanceId)],
    ['MARATHON_APP_ID', pod.id],
    ['MARATHON_APP_VERSION', pod.version],
    ['MARATHON_CONTAINER_ID', container.name],
    ['MARATHON_APP_ENFORCE_GROUP_ROLE', context.enforceRole ? 'TRUE' : 'FALSE'],
    ['MARATHON_CONTAINER_RESOURCE_CPUS', javaDouble(resources.cpus)],
    ['MARATHON_CONTAINER_RESOURCE_MEM', javaDouble(resources.mem)],
    ['MARATHON_CONTAINER_RESOURCE_DISK', javaDouble(resources.disk)],
    ['MARATHON_CONTAINER_RESOURCE_GPUS', String(resources.gpus)],
    ...labelVariables({ ...pod.labels, ...labels }),
    ...portVariables(pod, endpoints, context.config.envVarsPrefix ?? ''),
  ];
  for (const [name, value] of own) set({ name, value });
  return [...byName.values()];
}

/** Programs without an image need a name; an image may bring an entry point of its own. */
function commandOf(container: PodContainer): Pick<CommandInfo, 'shell' | 'value' | 'arguments'> {
  const { exec, image } = container;
  if (!exec) return { shell: false };
  const { command } = exec;
  if ('shell' in command) return { shell: true, value: command.shell };
  const [program] = command.argv;
  const named = (exec.overrideEntrypoint || !image) && program !== undefined;
  return { shell: false, ...(named && { value: program }), arguments: [...command.argv] };
}

function volumesOf(pod: PodDefinition, container: PodContainer): Volume[] {
  return (container.volumeMounts ?? []).flatMap(({ name, mountPath, readOnly }): Volume[] => {
    const volume = pod.volumes.find((one) => one.name === name);
    if (!volume) return [];
    const mount = { mode: readOnly ? 'RO' : 'RW', container_path: mountPath } as const;
    if ('host' in volume) return [{ ...mount, host_path: volume.host }];
    if ('secret' in volume) {
      const source = Object.hasOwn(pod.secrets, volume.secret) ? pod.secrets[volume.secret]?.source : undefined;
      if (source === undefined) return [];
      const secret = { type: 'REFERENCE', reference: { name: source } };
      return [{ ...mount, mode: 'RO', source: { type: 'SECRET', secret } }];
    }
    // The executor holds the folder, and lends it to the containers.
    const path = 'persistent' in volume ? name : `volumes/${name}`;
    return [{ ...mount, source: { type: 'SANDBOX_PATH', sandbox_path: { type: 'PARENT', path } } }];
  });
}

function containerInfo(pod: PodDefinition, container: PodContainer): ContainerInfo {
  const volumes = volumesOf(pod, container);
  const { image } = container;
  return defined<ContainerInfo>({
    type: 'MESOS',
    volumes: volumes.length > 0 ? volumes : undefined,
    mesos: image && {
      image: {
        type: 'DOCKER',
        docker: {
          name: image.id,
          ...(image.pullConfig && {
            config: {
              type: 'REFERENCE',
              reference: { name: pod.secrets[image.pullConfig.secret]?.source ?? image.pullConfig.secret },
            },
          }),
        },
        ...(image.forcePull !== undefined && { cached: !image.forcePull }),
      },
    },
    tty_info: container.tty ? {} : undefined,
    linux_info: { share_cgroups: pod.legacySharedCgroups === true, ...linuxInfoOf(container.linuxInfo) },
  } as { [K in keyof ContainerInfo]: ContainerInfo[K] | undefined });
}

function healthCheck(
  pod: PodDefinition,
  container: PodContainer,
  endpoints: readonly BoundEndpoint[],
): HealthCheck | undefined {
  const { healthCheck: check } = container;
  if (!check) return undefined;
  const timing = timingOf(check);
  if (check.exec) return { type: 'COMMAND', ...timing, command: checkCommandOf(check.exec.command) };
  const name = (check.http ?? check.tcp)?.endpoint;
  const endpoint = endpoints.find((one) => one.container === container.name && one.name === name);
  const port = endpoint && innerPort(pod, endpoint);
  if (port === undefined) return undefined;
  if (check.tcp) return { type: 'TCP', ...timing, tcp: { protocol: 'IPv4', port } };
  const scheme = check.http?.scheme === 'HTTPS' ? 'https' : 'http';
  const path = check.http?.path;
  return { type: 'HTTP', ...timing, http: { protocol: 'IPv4', scheme, port, ...(path !== undefined && { path }) } };
}

const rounded = (value: number) => Math.round(value * 1000) / 1000;

/** Hands the matched scalars out, part by part. */
function createShares(resources: readonly Resource[]) {
  const left = resources
    .filter(({ scalar, disk }) => scalar && !disk?.persistence)
    .map((resource) => ({ resource, amount: resource.scalar?.value ?? 0 }));
  return (wanted: Readonly<Record<string, number>>): Resource[] => {
    const shares: Resource[] = [];
    for (const [name, amount] of Object.entries(wanted)) {
      let missing = amount;
      for (const one of left) {
        if (one.resource.name !== name || missing <= 0 || one.amount <= 0) continue;
        const value = Math.min(one.amount, missing);
        shares.push({ ...one.resource, scalar: { value: rounded(value) } });
        one.amount = rounded(one.amount - value);
        missing = rounded(missing - value);
      }
    }
    return shares;
  };
}

/** The operation that launches one instance of the pod on the offer it was matched with. */
export function buildTaskGroup(
  pod: PodDefinition,
  offer: Offer,
  match: OfferMatch,
  context: TaskGroupContext,
): OfferOperation {
  const endpoints = boundEndpoints(pod, match.hostPorts);
  const share = createShares(match.resources);
  const whole = match.resources.filter(({ ranges, disk }) => ranges !== undefined || disk?.persistence);
  const networks = networkInfos(pod, endpoints, context.config.mesosBridgeName);
  const executor: ExecutorInfo = defined<ExecutorInfo>({
    type: 'DEFAULT',
    executor_id: { value: executorIdOf(context.instanceId) },
    framework_id: offer.framework_id,
    resources: [...share(pod.executorResources), ...whole],
    container: {
      type: 'MESOS',
      ...(networks.length > 0 && { network_infos: networks }),
      linux_info: { share_cgroups: pod.legacySharedCgroups === true, ...linuxInfoOf(pod.linuxInfo) },
    },
    labels: labelsOf(pod.labels),
  });
  const tasks = pod.containers.map((container, index): TaskInfo => {
    const taskId = context.taskIds[index] ?? '';
    const own = endpoints.filter((endpoint) => endpoint.container === container.name);
    const grace = container.lifecycle?.killGracePeriodSeconds;
    const { cpus, mem, disk, gpus } = container.resources;
    return defined<TaskInfo>({
      name: container.name,
      task_id: { value: taskId },
      agent_id: offer.agent_id,
      resources: share({ cpus, mem, disk, gpus }),
      command: defined<CommandInfo>({
        ...commandOf(container),
        environment: { variables: environment(pod, container, taskId, offer.hostname, endpoints, context) },
        uris: urisOf(container.artifacts ?? []),
        user: container.user ?? pod.user,
      }),
      container: containerInfo(pod, container),
      health_check: healthCheck(pod, container, endpoints),
      kill_policy: grace === undefined ? undefined : { grace_period: { nanoseconds: Math.round(grace * 1e9) } },
      labels: labelsOf(container.labels),
      discovery: {
        visibility: 'FRAMEWORK',
        name: hostnameOf(pod.id),
        ports: { ports: discoveryPorts(pod, own) },
      },
      limits: limitsOf(container.resourceLimits),
    } as { [K in keyof TaskInfo]: TaskInfo[K] | undefined });
  });
  return { type: 'LAUNCH_GROUP', launch_group: { executor, task_group: { tasks } } };
}
