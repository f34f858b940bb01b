import type {
  AppCheck,
  AppContainer,
  AppDefinition,
  AppHealthCheck,
  AppJson,
  AppNetwork,
  AppVolume,
  Artifact,
  Constraint,
  DockerContainer,
  PathId,
  PortDefinition,
  PortMapping,
  ReadinessCheck,
  Timestamp,
  UnreachableStrategy,
  UpgradeStrategy,
} from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import { canonical } from './path-id.ts';
import type {
  RawApp,
  RawArtifact,
  RawCheck,
  RawContainer,
  RawHealthCheck,
  RawNetwork,
  RawPortDefinition,
  RawPortMapping,
  RawReadinessCheck,
} from './raw.ts';

/**
 * From a well-typed, valid body without legacy fields (see modernize.ts) to a definition with every default, and back
 * to the JSON of the API. Source: raml/AppConversion.scala and the defaults in app.raml of Marathon.
 */

/** What stands in for fields that only the place of an app decides. */
export interface AppPlace {
  /** The group that relative paths are relative to. */
  readonly base: PathId;
  /** The role an app gets that names none. */
  readonly role: string;
  readonly now: Timestamp;
}

/** An object without its members that are undefined. */
export function defined<T extends object>(members: { [K in keyof T]: T[K] | undefined }): T {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(members)) if (value !== undefined) result[name] = value;
  return result as T;
}

/** The items without repetitions, in order; equal means equal as JSON. */
export function distinct<T>(items: readonly T[]): readonly T[] {
  if (items.length < 2) return items;
  const seen = new Map<string, T>();
  for (const item of items) {
    const key = JSON.stringify(item);
    if (!seen.has(key)) seen.set(key, item);
  }
  return seen.size === items.length ? items : [...seen.values()];
}

const isEmpty = (value: object | undefined) => value === undefined || Object.keys(value).length === 0;
const unlessEmpty = <T extends object>(value: T | undefined): T | undefined => (isEmpty(value) ? undefined : value);

export function isPersistent(volume: AppVolume): boolean {
  return 'persistent' in volume;
}

/** Whether the app keeps data on an agent, which ties its instances to their reservations. */
export function isResident(app: Pick<AppDefinition, 'container'>): boolean {
  return app.container?.volumes.some(isPersistent) ?? false;
}

/** Whether instances share the agent's network. */
export function usesHostNetwork(app: { readonly networks: readonly { readonly mode?: string }[] }): boolean {
  return !app.networks.some((network) => network.mode !== 'host');
}

/** One port named `default`, what an app gets that declares no ports. */
export const defaultPortDefinitions: readonly PortDefinition[] = [{ port: 0, protocol: 'tcp', name: 'default' }];

export function portDefinition(raw: RawPortDefinition): PortDefinition {
  return defined<PortDefinition>({
    port: raw.port ?? 0,
    protocol: raw.protocol ?? 'tcp',
    name: raw.name,
    labels: unlessEmpty(raw.labels),
  });
}

export function portMapping(raw: RawPortMapping): PortMapping {
  return defined<PortMapping>({
    containerPort: raw.containerPort ?? 0,
    hostPort: raw.hostPort,
    servicePort: raw.servicePort ?? 0,
    protocol: raw.protocol ?? 'tcp',
    name: raw.name,
    labels: raw.labels ?? {},
    networkNames: unlessEmpty(raw.networkNames),
  });
}

function network(raw: RawNetwork, config: ModelConfig): AppNetwork {
  const mode = raw.mode ?? 'container';
  return defined<AppNetwork>({
    mode,
    name: mode === 'container' ? (raw.name ?? config.defaultNetworkName) : undefined,
    labels: mode === 'host' ? undefined : unlessEmpty(raw.labels),
  });
}

function docker(raw: NonNullable<RawContainer['docker']>): DockerContainer {
  return defined<DockerContainer>({
    image: raw.image,
    forcePullImage: raw.forcePullImage ?? false,
    privileged: raw.privileged ?? false,
    parameters: raw.parameters ?? [],
    pullConfig: raw.pullConfig,
    credential: raw.credential,
  });
}

function volume(raw: AppVolume): AppVolume {
  if (!('persistent' in raw)) return raw;
  const { persistent } = raw;
  return {
    ...raw,
    persistent: {
      ...persistent,
      type: persistent.type ?? (persistent.profileName === undefined ? 'root' : 'mount'),
      constraints: persistent.constraints ?? [],
    },
  };
}

function container(raw: RawContainer, networks: readonly AppNetwork[]): AppContainer {
  const bridged = networks.some(({ mode }) => mode === 'container/bridge');
  const mappings = usesHostNetwork({ networks }) ? undefined : (raw.portMappings ?? []);
  return defined<AppContainer>({
    type: raw.type ?? 'DOCKER',
    docker: raw.docker && docker(raw.docker),
    volumes: (raw.volumes ?? []).map(volume),
    portMappings: mappings?.map((mapping) =>
      portMapping(bridged && mapping.hostPort === undefined ? { ...mapping, hostPort: 0 } : mapping),
    ),
    linuxInfo: raw.linuxInfo,
  });
}

/** Only the fields that the protocol knows, with the defaults of the rest. */
export function healthCheck(raw: RawHealthCheck): AppHealthCheck {
  const protocol = raw.protocol ?? 'HTTP';
  const overHttp = protocol === 'HTTP' || protocol === 'HTTPS';
  const byMesos = protocol.startsWith('MESOS_');
  const withPort = protocol !== 'COMMAND';
  return defined<AppHealthCheck>({
    protocol,
    path: overHttp || protocol === 'MESOS_HTTP' || protocol === 'MESOS_HTTPS' ? raw.path : undefined,
    port: withPort ? raw.port : undefined,
    portIndex: withPort ? raw.portIndex : undefined,
    command: protocol === 'COMMAND' ? raw.command : undefined,
    gracePeriodSeconds: raw.gracePeriodSeconds ?? 300,
    intervalSeconds: raw.intervalSeconds ?? 60,
    timeoutSeconds: raw.timeoutSeconds ?? 20,
    maxConsecutiveFailures: raw.maxConsecutiveFailures ?? 3,
    delaySeconds: byMesos || protocol === 'COMMAND' ? (raw.delaySeconds ?? 15) : 15,
    ignoreHttp1xx: overHttp ? (raw.ignoreHttp1xx ?? false) : undefined,
    ipProtocol: byMesos ? (raw.ipProtocol ?? 'IPv4') : 'IPv4',
  });
}

function check(raw: RawCheck): AppCheck {
  return defined<AppCheck>({
    http: raw.http,
    tcp: raw.tcp,
    exec: raw.exec,
    intervalSeconds: raw.intervalSeconds ?? 60,
    timeoutSeconds: raw.timeoutSeconds ?? 20,
    delaySeconds: raw.delaySeconds ?? 15,
  });
}

export function readinessCheck(raw: RawReadinessCheck): ReadinessCheck {
  return {
    name: raw.name ?? 'readinessCheck',
    protocol: raw.protocol ?? 'HTTP',
    path: raw.path ?? '/',
    portName: raw.portName ?? 'http-api',
    intervalSeconds: raw.intervalSeconds ?? 30,
    timeoutSeconds: raw.timeoutSeconds ?? 10,
    httpStatusCodesForReady: raw.httpStatusCodesForReady ?? [200],
    preserveLastResponse: raw.preserveLastResponse ?? false,
  };
}

export function artifact(raw: RawArtifact): Artifact {
  return defined<Artifact>({
    uri: raw.uri,
    extract: raw.extract ?? true,
    executable: raw.executable ?? false,
    cache: raw.cache ?? false,
    destPath: raw.destPath,
  });
}

function constraint(raw: Constraint): Constraint {
  const [field, operator, value] = raw;
  return value === undefined ? [field, operator.toUpperCase()] : [field, operator.toUpperCase(), value];
}

function upgradeStrategy(raw: RawApp): UpgradeStrategy {
  if (raw.upgradeStrategy) return raw.upgradeStrategy;
  const keepsData = raw.container?.volumes?.some((v) => 'persistent' in v || 'external' in v) ?? false;
  return keepsData
    ? { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 }
    : { minimumHealthCapacity: 1, maximumOverCapacity: 1 };
}

function unreachableStrategy(raw: RawApp, resident: boolean): UnreachableStrategy {
  const given = raw.unreachableStrategy;
  if (given === undefined) return resident ? 'disabled' : { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 };
  if (given === 'disabled') return given;
  return {
    inactiveAfterSeconds: given.inactiveAfterSeconds ?? 0,
    expungeAfterSeconds: given.expungeAfterSeconds ?? 0,
  };
}

/** A container for networks that need one when the body names none: one port mapping named `default`. */
const defaultContainer: RawContainer = { type: 'MESOS', portMappings: [{ name: 'default' }] };

/** The complete definition of a body without legacy fields: defaults filled in, paths absolute. */
export function normaliseApp(raw: RawApp, config: ModelConfig, place: AppPlace): AppDefinition {
  const given = (raw.networks ?? []).map((item) => network(item, config));
  const networks: readonly AppNetwork[] = given.length > 0 ? given : [{ mode: 'host' }];
  const onHost = usesHostNetwork({ networks });
  const rawContainer = raw.container ?? (onHost ? undefined : defaultContainer);
  const resident = raw.container?.volumes?.some(isPersistent) ?? false;
  return defined<AppDefinition>({
    id: canonical(raw.id, place.base),
    acceptedResourceRoles: unlessEmpty(raw.acceptedResourceRoles && distinct(raw.acceptedResourceRoles)),
    args: raw.args ?? [],
    backoffFactor: raw.backoffFactor ?? 1.15,
    backoffSeconds: raw.backoffSeconds ?? 1,
    check: raw.check && check(raw.check),
    cmd: raw.cmd,
    constraints: distinct((raw.constraints ?? []).map(constraint)),
    container: rawContainer && container(rawContainer, networks),
    cpus: raw.cpus ?? 1,
    dependencies: distinct((raw.dependencies ?? []).map((id) => canonical(id, place.base))),
    disk: raw.disk ?? 0,
    env: raw.env ?? {},
    executor: raw.executor ?? '',
    executorResources: raw.executorResources && {
      cpus: raw.executorResources.cpus ?? 0.1,
      mem: raw.executorResources.mem ?? 32,
      disk: raw.executorResources.disk ?? 10,
    },
    fetch: (raw.fetch ?? []).map(artifact),
    gpus: raw.gpus ?? 0,
    healthChecks: distinct((raw.healthChecks ?? []).map(healthCheck)),
    instances: raw.instances ?? 1,
    killSelection: raw.killSelection ?? 'YOUNGEST_FIRST',
    labels: raw.labels ?? {},
    maxLaunchDelaySeconds: raw.maxLaunchDelaySeconds ?? 300,
    mem: raw.mem ?? 128,
    networks,
    portDefinitions: onHost ? (raw.portDefinitions?.map(portDefinition) ?? defaultPortDefinitions) : undefined,
    readinessChecks: (raw.readinessChecks ?? []).map(readinessCheck),
    requirePorts: onHost && (raw.requirePorts ?? false),
    residency: resident ? { relaunchEscalationTimeoutSeconds: 3600, taskLostBehavior: 'WAIT_FOREVER' } : undefined,
    resourceLimits: raw.resourceLimits,
    role: raw.role ?? place.role,
    secrets: raw.secrets ?? {},
    taskKillGracePeriodSeconds: raw.taskKillGracePeriodSeconds,
    tty: raw.tty,
    unreachableStrategy: unreachableStrategy(raw, resident),
    upgradeStrategy: upgradeStrategy(raw),
    user: raw.user,
    version: raw.version ?? place.now,
    versionInfo: raw.versionInfo ?? {
      lastScalingAt: raw.version ?? place.now,
      lastConfigChangeAt: raw.version ?? place.now,
    },
  });
}

/** The definition as the API writes it: empty collections that the API omits are left out. */
export function serialiseApp(app: AppDefinition): AppJson {
  const { args, constraints, dependencies, env, fetch, healthChecks, readinessChecks, secrets, ...rest } = app;
  return {
    ...rest,
    ...(args.length > 0 && { args }),
    ...(constraints.length > 0 && { constraints }),
    ...(dependencies.length > 0 && { dependencies }),
    ...(!isEmpty(env) && { env }),
    ...(fetch.length > 0 && { fetch }),
    ...(healthChecks.length > 0 && { healthChecks }),
    ...(readinessChecks.length > 0 && { readinessChecks }),
    ...(!isEmpty(secrets) && { secrets }),
  };
}
