import type {
  AppVolume,
  ExternalVolume,
  HostVolume,
  NetworkProtocol,
  PersistentVolume,
  ReadinessCheck,
  SecretVolume,
  UpgradeStrategy,
  VersionInfo,
} from '../../../protocols/marathon/types.ts';
import {
  anything,
  type Check,
  defaulted,
  flag,
  integer,
  isObject,
  list,
  literal,
  map,
  number,
  object,
  optional,
  text,
} from './json-check.ts';
import { podShape } from './pod/schema.ts';
import { good, problems, type Result } from './problem.ts';
import type {
  RawApp,
  RawAppUpdate,
  RawContainer,
  RawGroupUpdate,
  RawHealthCheck,
  RawIpAddress,
  RawPortDefinition,
  RawPortMapping,
} from './raw.ts';
import {
  anyPort,
  artifact,
  capacity,
  checked,
  constraint,
  environment,
  execCommand,
  executorResources,
  httpScheme,
  killSelection,
  labels,
  linuxInfo,
  longSeconds,
  name,
  network,
  pathId,
  persistentInfo,
  resourceLimits,
  sandboxPath,
  seconds,
  secrets,
  timestamp,
  unreachableStrategy,
  uri,
} from './schema-parts.ts';

/**
 * The first look at a body: is it JSON, and does every field have its type and range? What passes may still break the
 * rules of validate.ts. Unknown fields are dropped and `null` is the same as absent.
 * Source: docs/docs/rest-api/public/api/v2/types/*.raml of Marathon.
 */

const legacyName = text({ min: 1, pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/ });
const networkProtocol = literal<NetworkProtocol>('tcp', 'udp', 'udp,tcp');
const ipProtocol = literal('IPv4', 'IPv6');
const readMode = literal('RO', 'RW');

const portDefinition = object<RawPortDefinition>({
  port: optional(anyPort),
  protocol: optional(networkProtocol),
  name: optional(legacyName),
  labels: optional(labels),
});

const portMapping = object<RawPortMapping>({
  containerPort: optional(anyPort),
  hostPort: optional(anyPort),
  servicePort: optional(anyPort),
  protocol: optional(networkProtocol),
  name: optional(legacyName),
  labels: optional(labels),
  networkNames: optional(list(name)),
});

const hostVolume = object<HostVolume>({
  containerPath: text({ min: 1 }),
  hostPath: text({ min: 1 }),
  mode: readMode,
});
const persistentVolume = object<PersistentVolume>({
  containerPath: text({ min: 1 }),
  mode: readMode,
  persistent: persistentInfo,
});
const externalVolume = object<ExternalVolume>({
  containerPath: text({ min: 1 }),
  mode: readMode,
  external: object<ExternalVolume['external']>({
    size: optional(longSeconds),
    name: optional(text()),
    provider: optional(text()),
    options: optional(map(anything)),
    shared: optional(flag),
  }),
});
const secretVolume = object<SecretVolume>({ containerPath: text({ min: 1 }), secret: text({ min: 1 }) });

/** The member that only one kind of volume has tells the kind. */
const volume: Check<AppVolume> = (json, path, errors) => {
  const check: Check<AppVolume> = !isObject(json)
    ? hostVolume
    : 'persistent' in json
      ? persistentVolume
      : 'external' in json
        ? externalVolume
        : 'secret' in json
          ? secretVolume
          : hostVolume;
  return check(json, path, errors);
};

const container = object<RawContainer>({
  type: optional(literal('MESOS', 'DOCKER')),
  docker: optional(
    object<NonNullable<RawContainer['docker']>>({
      image: text({ min: 1 }),
      forcePullImage: optional(flag),
      privileged: optional(flag),
      parameters: optional(
        list(object<{ readonly key: string; readonly value: string }>({ key: text({ min: 1 }), value: text() })),
      ),
      pullConfig: optional(object<{ readonly secret: string }>({ secret: text() })),
      credential: optional(
        object<{ readonly principal: string; readonly secret?: string }>({
          principal: text(),
          secret: optional(text()),
        }),
      ),
      network: optional(literal('BRIDGE', 'HOST', 'NONE', 'USER')),
      portMappings: optional(list(portMapping)),
    }),
  ),
  volumes: optional(list(volume)),
  portMappings: optional(list(portMapping)),
  linuxInfo: optional(linuxInfo),
});

const healthCheck = object<RawHealthCheck>({
  protocol: optional(literal('HTTP', 'HTTPS', 'TCP', 'COMMAND', 'MESOS_TCP', 'MESOS_HTTP', 'MESOS_HTTPS')),
  path: optional(text()),
  port: optional(anyPort),
  portIndex: optional(anyPort),
  command: optional(object<{ readonly value: string }>({ value: text() })),
  gracePeriodSeconds: optional(seconds),
  intervalSeconds: optional(seconds),
  timeoutSeconds: optional(integer()),
  maxConsecutiveFailures: optional(seconds),
  delaySeconds: optional(seconds),
  ignoreHttp1xx: optional(flag),
  ipProtocol: optional(ipProtocol),
});

const appCheck = object<NonNullable<RawAppUpdate['check']>>({
  http: optional(
    object<NonNullable<NonNullable<RawAppUpdate['check']>['http']>>({
      portIndex: optional(anyPort),
      port: optional(anyPort),
      path: optional(sandboxPath),
      scheme: defaulted(httpScheme, 'HTTP'),
    }),
  ),
  tcp: optional(
    object<NonNullable<NonNullable<RawAppUpdate['check']>['tcp']>>({
      portIndex: optional(anyPort),
      port: optional(anyPort),
    }),
  ),
  exec: optional(object<NonNullable<NonNullable<RawAppUpdate['check']>['exec']>>({ command: execCommand })),
  intervalSeconds: optional(seconds),
  timeoutSeconds: optional(seconds),
  delaySeconds: optional(seconds),
});

const readinessCheck = object<{ readonly [K in keyof ReadinessCheck]?: ReadinessCheck[K] }>({
  name: optional(text({ min: 1 })),
  protocol: optional(httpScheme),
  path: optional(sandboxPath),
  portName: optional(legacyName),
  intervalSeconds: optional(seconds),
  timeoutSeconds: optional(integer({ min: 1 })),
  httpStatusCodesForReady: optional(list(integer({ min: 100, max: 999 }), { min: 1 })),
  preserveLastResponse: optional(flag),
});

const ipAddress = object<RawIpAddress>({
  discovery: optional(
    object<NonNullable<RawIpAddress['discovery']>>({
      ports: optional(
        list(
          object<NonNullable<NonNullable<RawIpAddress['discovery']>['ports']>[number]>({
            number: optional(anyPort),
            name: legacyName,
            protocol: optional(networkProtocol),
            labels: optional(labels),
          }),
        ),
      ),
    }),
  ),
  groups: optional(list(text())),
  labels: optional(labels),
  networkName: optional(text({ min: 1 })),
});

const updateShape = {
  id: optional(pathId),
  acceptedResourceRoles: optional(list(text())),
  args: optional(list(text())),
  backoffFactor: optional(number({ min: 1 })),
  backoffSeconds: optional(seconds),
  check: optional(appCheck),
  cmd: optional(text({ min: 1 })),
  constraints: optional(list(constraint)),
  container: optional(container),
  cpus: optional(number({ min: 0.001 })),
  dependencies: optional(list(pathId)),
  disk: optional(number({ min: 0 })),
  env: optional(environment),
  // An executor that breaks its pattern is refused by a rule, with its own text.
  executor: optional(text()),
  executorResources: optional(executorResources),
  fetch: optional(list(artifact)),
  gpus: optional(seconds),
  healthChecks: optional(list(healthCheck)),
  instances: optional(seconds),
  ipAddress: optional(ipAddress),
  killSelection: optional(killSelection),
  labels: optional(labels),
  maxLaunchDelaySeconds: optional(seconds),
  mem: optional(number({ min: 0 })),
  networks: optional(list(network)),
  portDefinitions: optional(list(portDefinition)),
  ports: optional(list(anyPort)),
  readinessChecks: optional(list(readinessCheck)),
  requirePorts: optional(flag),
  residency: optional(
    object<NonNullable<RawAppUpdate['residency']>>({
      relaunchEscalationTimeoutSeconds: optional(longSeconds),
      taskLostBehavior: optional(literal('WAIT_FOREVER', 'RELAUNCH_AFTER_TIMEOUT')),
    }),
  ),
  resourceLimits: optional(resourceLimits),
  role: optional(text({ min: 1 })),
  secrets: optional(secrets),
  taskKillGracePeriodSeconds: optional(seconds),
  tty: optional(flag),
  unreachableStrategy: optional(unreachableStrategy),
  upgradeStrategy: optional(
    object<UpgradeStrategy>({ minimumHealthCapacity: capacity, maximumOverCapacity: capacity }),
  ),
  uris: optional(list(uri)),
  user: optional(text()),
  version: optional(timestamp),
  versionInfo: optional(object<VersionInfo>({ lastScalingAt: timestamp, lastConfigChangeAt: timestamp })),
} as const;

const app = object<RawApp>({ ...updateShape, id: pathId });
const appUpdate = object<RawAppUpdate>(updateShape);

const groupUpdate: Check<RawGroupUpdate> = (json, path, errors) => groupShape(json, path, errors);
const groupShape = object<RawGroupUpdate>({
  id: optional(pathId),
  apps: optional(list(app)),
  groups: optional(list(groupUpdate)),
  dependencies: optional(list(pathId)),
  scaleBy: optional(number({ min: 0 })),
  version: optional(timestamp),
  enforceRole: optional(flag),
  pods: optional(list(podShape)),
});

/** Checks a complete app definition. */
export function checkApp(json: unknown): Result<RawApp> {
  return checked(app, json);
}

/** Checks the body of PUT or PATCH on an app: every field may be absent. */
export function checkAppUpdate(json: unknown): Result<RawAppUpdate> {
  return checked(appUpdate, json);
}

/** Checks the body of PUT or PATCH on `/v2/apps`: a list of updates, each with an id. */
export function checkAppUpdates(json: unknown): Result<readonly (RawAppUpdate & { readonly id: string })[]> {
  const updates = checked(list(appUpdate), json);
  if (!updates.ok) return updates;
  if (updates.value.every((update): update is RawAppUpdate & { readonly id: string } => update.id !== undefined))
    return good(updates.value);
  return { ok: false, problem: problems.illegal('requirement failed: App Update must have app id set') };
}

/** Checks a list of complete app definitions. */
export function checkApps(json: unknown): Result<readonly RawApp[]> {
  return checked(list(app), json);
}

/** Checks the body of POST or PUT on a group. */
export function checkGroupUpdate(json: unknown): Result<RawGroupUpdate> {
  return checked(groupUpdate, json);
}

/** Checks `{"enforceRole": boolean}`. */
export function checkGroupPatch(json: unknown): Result<{ readonly enforceRole?: boolean }> {
  return checked(object<{ readonly enforceRole?: boolean }>({ enforceRole: optional(flag) }), json);
}

/** Checks `{"ids": [string]}`. */
export function checkTaskIds(json: unknown): Result<{ readonly ids: readonly string[] }> {
  return checked(object<{ readonly ids: readonly string[] }>({ ids: list(text()) }), json);
}
