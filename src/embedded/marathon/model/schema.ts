import type {
  AppVolume,
  Artifact,
  Constraint,
  EnvValue,
  ExternalVolume,
  HostVolume,
  LinuxInfo,
  NetworkProtocol,
  PersistentVolume,
  ReadinessCheck,
  ResourceLimit,
  SecretVolume,
  UpgradeStrategy,
  VersionInfo,
} from '../../../protocols/marathon/types.ts';
import {
  anything,
  type Check,
  createErrors,
  defaulted,
  either,
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
import { isSegment } from './path-id.ts';
import { good, problems, type Result } from './problem.ts';
import type {
  RawApp,
  RawAppUpdate,
  RawContainer,
  RawGroupUpdate,
  RawHealthCheck,
  RawIpAddress,
  RawNetwork,
  RawPortDefinition,
  RawPortMapping,
} from './raw.ts';

/**
 * The first look at a body: is it JSON, and does every field have its type and range? What passes may still break the
 * rules of validate.ts. Unknown fields are dropped and `null` is the same as absent.
 * Source: docs/docs/rest-api/public/api/v2/types/*.raml of Marathon.
 */

const name = text({ min: 1, max: 63, pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/ });
const legacyName = text({ min: 1, pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/ });
const networkName = text({ min: 1, max: 63, pattern: /^[a-z0-9]([-a-z0-9_]*[a-z0-9])?$/ });
const pathId: Check<string> = (json, path, errors) => {
  const id = text({ min: 1 })(json, path, errors);
  if (id === undefined) return undefined;
  if (id.split('/').every((segment) => segment === '' || segment === '..' || isSegment(segment))) return id;
  errors.add(path, 'error.pattern');
  return undefined;
};
const anyPort = integer({ min: 0, max: 65535 });
const seconds = integer({ min: 0 });
const longSeconds = integer({ min: 0, long: true });
const labels = map(text());
const networkProtocol = literal<NetworkProtocol>('tcp', 'udp', 'udp,tcp');
const ipProtocol = literal('IPv4', 'IPv6');
const httpScheme = literal('HTTP', 'HTTPS');
const uri = text({ min: 1, max: 1024 });
const sandboxPath = text({ min: 1, max: 1024 });
const readMode = literal('RO', 'RW');
const timestamp: Check<string> = (json, path, errors) => {
  if (typeof json !== 'string') errors.add(path, 'error.expected.jsstring');
  else if (Number.isNaN(Date.parse(json)) || !/^\d{4}-\d\d-\d\d/.test(json))
    errors.add(path, 'error.expected.date.isoformat');
  else return new Date(json).toISOString();
  return undefined;
};

/** The number of fields is a rule of its own, with an error text of its own. */
const constraint = list(text()) as unknown as Check<Constraint>;

const network = object<RawNetwork>({
  mode: optional(literal('container', 'container/bridge', 'host')),
  name: optional(networkName),
  labels: optional(labels),
});

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
  persistent: object<PersistentVolume['persistent']>({
    type: optional(literal('root', 'path', 'mount')),
    size: longSeconds,
    maxSize: optional(longSeconds),
    profileName: optional(text()),
    constraints: optional(list(constraint)),
  }),
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

const linuxInfo = object<LinuxInfo>({
  seccomp: optional(
    object<NonNullable<LinuxInfo['seccomp']>>({ profileName: optional(text()), unconfined: defaulted(flag, false) }),
  ),
  ipcInfo: optional(
    object<NonNullable<LinuxInfo['ipcInfo']>>({
      mode: literal('PRIVATE', 'SHARE_PARENT'),
      shmSize: optional(integer()),
    }),
  ),
});

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

const execCommand = either<{ readonly shell: string } | { readonly argv: readonly string[] }>(
  object<{ readonly shell: string }>({ shell: text() }),
  object<{ readonly argv: readonly string[] }>({ argv: list(text(), { min: 1 }) }),
);

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

const artifact = object<{ readonly uri: string } & { readonly [K in Exclude<keyof Artifact, 'uri'>]?: Artifact[K] }>({
  uri,
  extract: optional(flag),
  executable: optional(flag),
  cache: optional(flag),
  destPath: optional(sandboxPath),
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

const resourceLimit = either<ResourceLimit>(number(), (json, path, errors) => {
  if (typeof json !== 'string') errors.add(path, 'error.expected.jsstring');
  // Other words pass here: the rule on them has a text of its own.
  return typeof json === 'string' ? (json as ResourceLimit) : undefined;
});

const capacity = number({ min: 0, max: 1 });

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
  env: optional(map(either<EnvValue>(text(), object<{ readonly secret: string }>({ secret: text() })))),
  // An executor that breaks its pattern is refused by a rule, with its own text.
  executor: optional(text()),
  executorResources: optional(
    object<NonNullable<RawAppUpdate['executorResources']>>({
      cpus: optional(number({ min: 0.1 })),
      mem: optional(number({ min: 32 })),
      disk: optional(number({ min: 10 })),
    }),
  ),
  fetch: optional(list(artifact)),
  gpus: optional(seconds),
  healthChecks: optional(list(healthCheck)),
  instances: optional(seconds),
  ipAddress: optional(ipAddress),
  killSelection: optional(literal('YOUNGEST_FIRST', 'OLDEST_FIRST')),
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
  resourceLimits: optional(
    object<NonNullable<RawAppUpdate['resourceLimits']>>({
      cpus: optional(resourceLimit),
      mem: optional(resourceLimit),
    }),
  ),
  role: optional(text({ min: 1 })),
  secrets: optional(map(object<{ readonly source: string }>({ source: text({ min: 1 }) }))),
  taskKillGracePeriodSeconds: optional(seconds),
  tty: optional(flag),
  unreachableStrategy: optional(
    either<NonNullable<RawAppUpdate['unreachableStrategy']>>(
      literal('disabled'),
      object<{ readonly inactiveAfterSeconds?: number; readonly expungeAfterSeconds?: number }>({
        inactiveAfterSeconds: optional(longSeconds),
        expungeAfterSeconds: optional(longSeconds),
      }),
    ),
  ),
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
});

function checked<T>(check: Check<T>, json: unknown): Result<T> {
  const errors = createErrors();
  const value = check(json, '', errors);
  return value === undefined ? { ok: false, problem: problems.wrongTypes(errors.list()) } : good(value);
}

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
