import type { MesosCommand } from '../../../protocols/marathon/pods.ts';
import type {
  AppContainer,
  AppDefinition,
  AppHealthCheck,
  Labels as AppLabels,
  AppVolume,
  Artifact,
  LinuxInfo,
  PortMapping,
} from '../../../protocols/marathon/types.ts';
import type {
  CheckInfo,
  CommandInfo,
  ContainerInfo,
  DiscoveryPort,
  HealthCheck,
  Labels,
  NetworkInfo,
  Offer,
  TaskInfo,
  Volume,
} from '../../../protocols/mesos/types.ts';
import { defined, usesHostNetwork } from './normalize.ts';
import type { OfferMatch } from './offer-match.ts';
import { hostnameOf } from './path-id.ts';
import { type TaskContext, taskEnvironment } from './task-environment.ts';

/**
 * The task that launches an instance. Source: mesos/{TaskBuilder,PortDiscovery}.scala,
 * api/serialization/ContainerSerializer.scala, core/health/HealthCheck.scala of Marathon.
 */

export type { TaskContext } from './task-environment.ts';
export { taskEnvironment } from './task-environment.ts';

type HostPorts = readonly (number | undefined)[];

export function labelsOf(labels: AppLabels | undefined): Labels | undefined {
  const entries = Object.entries(labels ?? {});
  return entries.length > 0 ? { labels: entries.map(([key, value]) => ({ key, value })) } : undefined;
}

/** One entry per protocol; where a mapping has no host port, one per protocol and network. */
function discoveryPorts(app: AppDefinition, hostPorts: HostPorts): DiscoveryPort[] {
  const port = (number: number, protocol: string, name: string | undefined, labels: AppLabels): DiscoveryPort =>
    defined<DiscoveryPort>({ number, name, protocol, labels: labelsOf(labels) });
  if (usesHostNetwork(app))
    return (app.portDefinitions ?? []).flatMap(({ protocol, name, labels }, index) =>
      protocol.split(',').map((each) => port(hostPorts[index] ?? 0, each, name, labels ?? {})),
    );
  const containerNetworks = app.networks.filter(({ mode }) => mode === 'container').flatMap(({ name }) => name ?? []);
  return (app.container?.portMappings ?? []).flatMap((mapping, index) => {
    const { containerPort, protocol, name, labels = {}, networkNames = [] } = mapping;
    const hostPort = hostPorts[index];
    return protocol.split(',').flatMap((each) => {
      if (hostPort !== undefined) return [port(hostPort, each, name, { ...labels, 'network-scope': 'host' })];
      const networks = networkNames.length > 0 ? networkNames : containerNetworks;
      return networks.map((network) =>
        port(containerPort, each, name, { ...labels, 'network-scope': 'container', 'network-name': network }),
      );
    });
  });
}

/** Mappings that take a host port, with its number; a container port of 0 is the same number. */
function boundMappings(
  container: AppContainer | undefined,
  hostPorts: HostPorts,
): (PortMapping & { hostPort: number })[] {
  return (container?.portMappings ?? []).flatMap((mapping, index) => {
    const hostPort = hostPorts[index];
    if (hostPort === undefined) return [];
    return [{ ...mapping, hostPort, containerPort: mapping.containerPort === 0 ? hostPort : mapping.containerPort }];
  });
}

/** Persistent volumes are resources, not these; external ones need an agent with a volume driver. */
function volumesOf(app: AppDefinition, volumes: readonly AppVolume[]): Volume[] {
  return volumes.flatMap((volume): Volume[] => {
    if ('hostPath' in volume)
      return [{ container_path: volume.containerPath, host_path: volume.hostPath, mode: volume.mode }];
    if ('secret' in volume) {
      const source = Object.hasOwn(app.secrets, volume.secret) ? app.secrets[volume.secret]?.source : undefined;
      if (source === undefined) return [];
      const secret = { type: 'REFERENCE', reference: { name: source } };
      return [{ container_path: volume.containerPath, mode: 'RO', source: { type: 'SECRET', secret } }];
    }
    if ('external' in volume) {
      const { provider, name, options = {} } = volume.external;
      const { 'dvdi/driver': driver, ...others } = options as Record<string, string>;
      if (provider !== 'dvdi' || name === undefined || driver === undefined) return [];
      const parameter = Object.entries(others).map(([key, value]) => ({ key: key.replace(/^dvdi\//, ''), value }));
      const dockerVolume = defined({
        driver,
        name,
        driver_options: parameter.length > 0 ? { parameter } : undefined,
      });
      const source = { type: 'DOCKER_VOLUME', docker_volume: dockerVolume };
      return [{ container_path: volume.containerPath, mode: volume.mode, source }];
    }
    return [];
  });
}

const dockerNetworks = { host: 'HOST', 'container/bridge': 'BRIDGE', container: 'USER' } as const;

function dockerInfo(app: AppDefinition, container: AppContainer, hostPorts: HostPorts, taskId: string): ContainerInfo {
  const { docker } = container;
  const mode = app.networks.at(-1)?.mode ?? 'host';
  const userNetwork = app.networks.find((network) => network.mode === 'container')?.name;
  const mappings = boundMappings(container, hostPorts).flatMap(({ hostPort, containerPort, protocol }) =>
    protocol.split(',').map((each) => ({ host_port: hostPort, container_port: containerPort, protocol: each })),
  );
  return defined<ContainerInfo>({
    type: 'DOCKER',
    docker: {
      image: docker?.image ?? '',
      network: dockerNetworks[mode],
      ...(mappings.length > 0 && { port_mappings: mappings }),
      privileged: docker?.privileged ?? false,
      parameters: [...(docker?.parameters ?? []), { key: 'label', value: `MESOS_TASK_ID=${taskId}` }],
      force_pull_image: docker?.forcePullImage ?? false,
    },
    network_infos: userNetwork === undefined ? undefined : [{ name: userNetwork }],
  });
}

function mesosNetworks(app: AppDefinition, hostPorts: HostPorts, bridgeName: string): NetworkInfo[] {
  return app.networks
    .filter(({ mode }) => mode !== 'host')
    .map(({ mode, name: given, labels }) => {
      const name = mode === 'container/bridge' ? bridgeName : (given ?? '');
      const mappings = boundMappings(app.container, hostPorts).filter(({ networkNames = [] }) =>
        networkNames.every((network) => network === name),
      );
      return defined<NetworkInfo>({
        ip_addresses: [{}],
        name,
        labels: labelsOf(labels),
        port_mappings:
          mappings.length > 0
            ? mappings.map(({ hostPort, containerPort, protocol }) => ({
                host_port: hostPort,
                container_port: containerPort,
                protocol,
              }))
            : undefined,
      });
    });
}

export function linuxInfoOf(info: LinuxInfo | undefined): Record<string, unknown> {
  const { seccomp, ipcInfo } = info ?? {};
  return defined({
    seccomp: seccomp && defined({ profile_name: seccomp.profileName, unconfined: seccomp.unconfined }),
    ipc_mode: ipcInfo?.mode,
    shm_size: ipcInfo?.shmSize,
  });
}

function mesosInfo(app: AppDefinition, container: AppContainer | undefined, networks: NetworkInfo[]): ContainerInfo {
  const docker = container?.docker;
  const pullSecret = docker?.pullConfig?.secret;
  const source =
    pullSecret !== undefined && Object.hasOwn(app.secrets, pullSecret) ? app.secrets[pullSecret]?.source : undefined;
  const image = docker && {
    type: 'DOCKER',
    docker: defined({
      name: docker.image,
      config: source === undefined ? undefined : { type: 'REFERENCE', reference: { name: source } },
    }),
    cached: !docker.forcePullImage,
  };
  return defined<ContainerInfo>({
    type: 'MESOS',
    mesos: image ? { image } : {},
    network_infos: networks.length > 0 ? networks : undefined,
    linux_info: container?.linuxInfo && linuxInfoOf(container.linuxInfo),
  });
}

function containerInfo(
  app: AppDefinition,
  hostPorts: HostPorts,
  { taskId, config }: TaskContext,
): ContainerInfo | undefined {
  const { container } = app;
  if (!container && usesHostNetwork(app)) return undefined;
  const info =
    container?.type === 'DOCKER'
      ? dockerInfo(app, container, hostPorts, taskId)
      : mesosInfo(app, container, mesosNetworks(app, hostPorts, config.mesosBridgeName));
  const volumes = volumesOf(app, container?.volumes ?? []);
  return { ...info, ...(volumes.length > 0 && { volumes }), ...(app.tty && { tty_info: {} }) };
}

/** What is fetched before the command runs; undefined for nothing. */
export function urisOf(fetch: readonly Artifact[]): CommandInfo['uris'] {
  if (fetch.length === 0) return undefined;
  return fetch.map(({ uri, extract, executable, cache, destPath }) => ({
    value: uri,
    extract,
    executable,
    cache,
    ...(destPath !== undefined && { output_file: destPath }),
  }));
}

function commandInfo(app: AppDefinition, host: string, hostPorts: HostPorts, context: TaskContext): CommandInfo {
  const { cmd, args, fetch, user, container } = app;
  const hasArgs = args.length > 0;
  const value = hasArgs ? (container ? undefined : args[0]) : cmd;
  return defined<CommandInfo>({
    shell: cmd !== undefined && !hasArgs,
    value,
    arguments: hasArgs ? [...args] : undefined,
    environment: { variables: taskEnvironment(app, host, hostPorts, context) },
    uris: urisOf(fetch),
    user,
  });
}

/** The port at which the agent probes the task from within the container's network. */
function probePort(
  app: AppDefinition,
  hostPorts: HostPorts,
  { port, portIndex }: { readonly port?: number; readonly portIndex?: number },
): number | undefined {
  if (port !== undefined) return port;
  const index = portIndex ?? 0;
  const hostPort = hostPorts[index];
  if (usesHostNetwork(app)) return hostPort;
  const containerPort = app.container?.portMappings?.[index]?.containerPort;
  return containerPort === 0 ? hostPort : containerPort;
}

/** When a health check of an app or a pod is made, and when it counts. */
export function timingOf(
  check: Pick<
    AppHealthCheck,
    'delaySeconds' | 'intervalSeconds' | 'timeoutSeconds' | 'gracePeriodSeconds' | 'maxConsecutiveFailures'
  >,
): HealthCheck {
  return {
    delay_seconds: check.delaySeconds,
    interval_seconds: check.intervalSeconds,
    timeout_seconds: check.timeoutSeconds,
    grace_period_seconds: check.gracePeriodSeconds,
    consecutive_failures: check.maxConsecutiveFailures,
  };
}

/** What a check runs. */
export function checkCommandOf(command: MesosCommand): CommandInfo {
  return 'shell' in command
    ? { shell: true, value: command.shell }
    : { shell: false, value: command.argv[0] ?? '', arguments: [...command.argv] };
}

function mesosHealthCheck(app: AppDefinition, check: AppHealthCheck, hostPorts: HostPorts): HealthCheck | undefined {
  const timing = timingOf(check);
  if (check.protocol === 'COMMAND')
    return { type: 'COMMAND', ...timing, command: { shell: true, value: check.command?.value ?? '' } };
  const port = probePort(app, hostPorts, check);
  if (port === undefined) return undefined;
  if (check.protocol === 'MESOS_TCP') return { type: 'TCP', ...timing, tcp: { protocol: check.ipProtocol, port } };
  return {
    type: 'HTTP',
    ...timing,
    http: {
      protocol: check.ipProtocol,
      scheme: check.protocol === 'MESOS_HTTPS' ? 'https' : 'http',
      port,
      ...(check.path !== undefined && { path: check.path }),
    },
  };
}

function checkInfo(app: AppDefinition, hostPorts: HostPorts): CheckInfo | undefined {
  const { check } = app;
  if (!check) return undefined;
  const timing: CheckInfo = {
    delay_seconds: check.delaySeconds,
    interval_seconds: check.intervalSeconds,
    timeout_seconds: check.timeoutSeconds,
  };
  if (check.exec) return { type: 'COMMAND', ...timing, command: { command: checkCommandOf(check.exec.command) } };
  const port = probePort(app, hostPorts, check.http ?? check.tcp ?? {});
  if (port === undefined) return undefined;
  if (check.tcp) return { type: 'TCP', ...timing, tcp: { port } };
  const path = check.http?.path;
  return { type: 'HTTP', ...timing, http: { port, ...(path !== undefined && { path }) } };
}

/** The executor that starts the task: the agent's own for commands, or a program at a path. */
function withExecutor(
  app: AppDefinition,
  command: CommandInfo,
  container: ContainerInfo | undefined,
  { taskId, config }: TaskContext,
): Pick<TaskInfo, 'command' | 'container' | 'executor'> {
  const executor = app.executor === '' ? config.executor : app.executor;
  if (executor === '//cmd' || executor === '') return { command, ...(container && { container }) };
  const path = `'${executor.replace(/'/g, "'\\''")}'`;
  const { cmd, args, executorResources } = app;
  const { arguments: _, ...rest } = command;
  const shell = `chmod ug+rx ${path} && exec ${path} ${cmd ?? args.join(' ')}`;
  return {
    executor: {
      executor_id: { value: `marathon-${taskId}` },
      command: { ...rest, shell: true, value: shell },
      ...(container && { container }),
      ...(executorResources && {
        resources: Object.entries(executorResources).map(([name, value]) => ({
          name,
          type: 'SCALAR' as const,
          scalar: { value },
        })),
      }),
    },
  };
}

/** Mesos takes a limit without bound as infinity, which JSON can't say: such a limit is left out. */
export function limitsOf(given: AppDefinition['resourceLimits']): TaskInfo['limits'] {
  const limits: Record<string, { value: number }> = {};
  for (const name of ['cpus', 'mem'] as const) {
    const value = given?.[name];
    if (typeof value === 'number') limits[name] = { value };
  }
  return Object.keys(limits).length > 0 ? limits : undefined;
}

/** The task that launches one instance of the app on the offer it was matched with. */
export function buildTask(app: AppDefinition, offer: Offer, match: OfferMatch, context: TaskContext): TaskInfo {
  const { hostPorts } = match;
  const name = hostnameOf(app.id);
  const container = containerInfo(app, hostPorts, context);
  const command = commandInfo(app, offer.hostname, hostPorts, context);
  const byMesos = app.healthChecks.find(({ protocol }) => protocol === 'COMMAND' || protocol.startsWith('MESOS_'));
  const grace = app.taskKillGracePeriodSeconds;
  return defined<TaskInfo>({
    name,
    task_id: { value: context.taskId },
    agent_id: offer.agent_id,
    resources: [...match.resources],
    ...withExecutor(app, command, container, context),
    health_check: byMesos && mesosHealthCheck(app, byMesos, hostPorts),
    check: checkInfo(app, hostPorts),
    kill_policy: grace === undefined ? undefined : { grace_period: { nanoseconds: grace * 1e9 } },
    labels: labelsOf(app.labels),
    discovery: { visibility: 'FRAMEWORK', name, ports: { ports: discoveryPorts(app, hostPorts) } },
    limits: limitsOf(app.resourceLimits),
  } as { [K in keyof TaskInfo]: TaskInfo[K] | undefined });
}
