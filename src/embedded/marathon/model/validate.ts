import type { AppDefinition, FieldErrors } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import { constraintErrors } from './constraints.ts';
import { createErrors, type Errors } from './json-check.ts';
import { isResident } from './normalize.ts';
import { pathErrors, rootPath, segments } from './path-id.ts';
import type { RawApp, RawAppUpdate, RawHealthCheck } from './raw.ts';
import { checkContainer, checkNetworks, featureMissing, isUnique } from './validate-container.ts';

/**
 * The rules that a well-typed definition must keep, with Marathon's own texts.
 * Source: api/v2/validation/*.scala, state/AppDefinition.scala of Marathon.
 */

/** A double as Scala prints it. */
export const double = (value: number) => (Number.isInteger(value) ? value.toFixed(1) : String(value));

const singleInstanceLabel = 'MARATHON_SINGLE_INSTANCE_APP';

function isUri(text: string): boolean {
  return /^[^\s<>"{}|\\^`]*$/.test(text) && !/%(?![0-9A-Fa-f]{2})/.test(text) && !/^[a-zA-Z][\w+.-]*:$/.test(text);
}

const badUri = 'URI has invalid syntax.';

/** The rules on legacy fields and on mixing them with new ones; for a complete definition, before it is modernised. */
export function validateLegacy(raw: RawAppUpdate): FieldErrors[] {
  const errors = createErrors();
  const { container, ipAddress, ports, portDefinitions } = raw;
  const docker = container?.docker;
  const networks = raw.networks ?? [];
  if (docker) {
    if (docker.credential) errors.add('/container/docker/credential', 'must be empty');
    if (container.type === 'MESOS') {
      if (docker.network) errors.add('/container/docker/network', 'must be empty');
      if (docker.parameters && docker.parameters.length > 0)
        errors.add('/container/docker/parameters', 'must be empty');
      if (docker.portMappings) errors.add('/container/docker/portMappings', 'must be empty');
    }
    const names = (docker.portMappings ?? []).flatMap(({ name }) => name ?? []);
    if (!isUnique(names)) errors.add('/container/docker/portMappings', 'Port names must be unique.');
  }
  if (ipAddress?.discovery && container && (container.type ?? 'DOCKER') === 'DOCKER')
    errors.add('/ipAddress', 'ipAddress/discovery is not allowed for Docker containers');
  raw.uris?.forEach((uri, index) => {
    if (!isUri(uri)) errors.add(`/uris(${index})`, badUri);
  });
  if ((raw.uris?.length ?? 0) > 0 && (raw.fetch?.length ?? 0) > 0)
    errors.add('/uris', 'may not be set in conjunction with fetch');
  if (docker?.network && networks.length > 0)
    errors.add('/', 'must not specify both container.docker.network and networks');
  if (ipAddress && networks.length > 0) errors.add('/', 'must not specify both networks and ipAddress');
  if (!isUnique((ports ?? []).filter((port) => port !== 0))) errors.add('/', 'ports must be unique');
  if (ipAddress && ((ports?.length ?? 0) > 0 || (portDefinitions?.length ?? 0) > 0))
    errors.add('/', 'cannot specify both an IP address and port');
  if (ports && portDefinitions && JSON.stringify(ports) !== JSON.stringify(portDefinitions.map((p) => p.port ?? 0)))
    errors.add('/', 'cannot specify both ports and port definitions');
  return errors.list();
}

/** The rules of an update by itself, before it is merged into an app. */
export function validateUpdate(raw: RawAppUpdate): FieldErrors[] {
  const errors = createErrors();
  const modes = (raw.networks ?? []).map(({ mode }) => mode ?? 'container');
  if (modes.includes('host') && (raw.container?.portMappings?.length ?? 0) > 0)
    errors.add('/', 'portMappings are not allowed with host-networking');
  if (modes.some((mode) => mode !== 'host') && (raw.portDefinitions?.length ?? 0) > 0)
    errors.add('/', 'portDefinitions are only allowed with host-networking');
  const others = Object.keys(raw).filter((name) => name !== 'id' && name !== 'version');
  if (raw.version !== undefined && others.length > 0)
    errors.add('/', "The 'version' field may only be combined with the 'id' field.");
  return errors.list();
}

/** Errors in what a role may be called. */
function roleErrors(role: string): string[] {
  const errors: string[] = [];
  if (role === '') errors.push('A role name must not be "".');
  if (role === '.') errors.push('A role name must not be ".".');
  if (role === '..') errors.push('A role name must not be "..".');
  if (role.startsWith('-')) errors.push("A role name must not start with a '-'.");
  const characters: [string, string][] = [
    ['\t', 'horizontal tab (\\x09)'],
    ['\n', 'line feed (\\x0a)'],
    ['\v', 'vertical tab (\\x0b)'],
    ['\f', 'form feed (\\x0c)'],
    ['\r', 'carriage return (\\x0d)'],
    [' ', 'space (\\x20)'],
    ['/', 'slash (\\x2f)'],
    ['\x7f', 'backspace (\\x7f)'],
  ];
  for (const [character, called] of characters)
    if (role.includes(character)) errors.push(`A role name must not include a ${called} character.`);
  return errors;
}

export function checkRoles(
  app: { readonly role?: string; readonly acceptedResourceRoles?: readonly string[] },
  validRoles: readonly string[],
  errors: Errors,
): void {
  if (app.role !== undefined && !validRoles.includes(app.role))
    errors.add('/role', `got ${app.role}, expected one of: [${validRoles.join(', ')}]`);
  const accepted = app.acceptedResourceRoles ?? [];
  const allowed = [...new Set(['*', ...(app.role === undefined ? [] : [app.role])])].sort();
  if (!accepted.every((role) => allowed.includes(role)))
    errors.add('/acceptedResourceRoles', `acceptedResourceRoles can only contain ${allowed.join(' and ')}`);
}

function checkHealthChecks(raw: RawApp, errors: Errors): void {
  const mappings = raw.container?.portMappings;
  const portCount = (mappings && mappings.length > 0 ? mappings : raw.portDefinitions)?.length ?? 0;
  const isDocker = raw.container !== undefined && (raw.container.type ?? 'DOCKER') === 'DOCKER';
  const checks = raw.healthChecks ?? [];
  const protocolOf = (check: RawHealthCheck) => check.protocol ?? 'HTTP';
  checks.forEach((check, index) => {
    const path = `/healthChecks(${index})`;
    const protocol = protocolOf(check);
    if (check.command === undefined && ['HTTP', 'HTTPS', 'TCP'].includes(protocol)) {
      const found =
        check.portIndex === undefined ? check.port !== undefined || portCount === 1 : check.portIndex < portCount;
      if (!found)
        errors.add(
          path,
          'Health check port indices must address an element of the ports array or container port mappings.',
        );
    }
    if (check.ipProtocol === 'IPv6' && !(protocol.startsWith('MESOS_') && isDocker))
      errors.add(path, 'IPv6 can only be used for container type DOCKER and Mesos http/https/tcp health checks');
    if (check.command !== undefined && protocol !== 'COMMAND')
      errors.add(path, `illegal protocol ${protocol} specified with command`);
    if (check.command === undefined && protocol === 'COMMAND') errors.add(`${path}/command`, 'not defined');
  });
  const byMesos = checks.filter((check) => check.command === undefined && protocolOf(check).startsWith('MESOS_'));
  if (byMesos.length > 1) errors.add('/', 'AppDefinition can contain at most one Mesos health check');
  const { http, tcp } = raw.check ?? {};
  const target = http ?? tcp;
  if (target) {
    const found =
      target.portIndex === undefined ? target.port !== undefined || portCount === 1 : target.portIndex < portCount;
    if (!found)
      errors.add('/check', 'check port index must address an element of the ports array or container port mappings.');
  }
  if (raw.check && isDocker) errors.add('/', "AppDefinition must not use 'checks' if using docker");
  if (raw.check && [http, tcp, raw.check.exec].filter((kind) => kind !== undefined).length !== 1)
    errors.add('/check', 'expected one of http, tcp or exec checks');
}

function checkReadiness(raw: RawApp, errors: Errors): void {
  const checks = raw.readinessChecks ?? [];
  if (checks.length > 1) errors.add('/readinessChecks/size', `got ${checks.length}, expected 1 or less`);
  const ports = raw.container?.portMappings ?? raw.portDefinitions ?? [];
  const names = ports.flatMap(({ name }) => name ?? []);
  checks.forEach((check, index) => {
    const { portName = 'http-api', timeoutSeconds = 10, intervalSeconds = 30 } = check;
    const path = `/readinessChecks(${index})`;
    if (!names.includes(portName))
      errors.add(`${path}/portName`, `No port definition reference for portName ${portName}`);
    if (timeoutSeconds >= intervalSeconds)
      errors.add(`${path}/timeoutSeconds`, `got ${timeoutSeconds}, expected less than ${intervalSeconds}`);
  });
}

/** The rules of secrets and of environments that may refer to them; for apps and pods. */
export function checkSecrets(secrets: RawApp['secrets'] = {}, config: ModelConfig, errors: Errors): void {
  const enabled = config.features.has('secrets');
  if (Object.keys(secrets).length > 0 && !enabled) errors.add('/secrets', featureMissing('secrets'));
  if (enabled)
    Object.keys(secrets).forEach((name, index) => {
      if (name === '') errors.add(`/secrets/keys(${index})`, 'must not be empty');
    });
}

export function checkEnvironment(
  env: RawApp['env'] = {},
  secrets: RawApp['secrets'] = {},
  config: ModelConfig,
  path: string,
  errors: Errors,
): void {
  Object.keys(env).forEach((name, index) => {
    if (name === '') errors.add(`${path}/keys(${index})`, 'must not be empty');
  });
  const references = Object.entries(env).filter(([, value]) => typeof value === 'object');
  if (references.length > 0 && !config.features.has('secrets'))
    errors.add(path, 'use of secret-references in the environment requires the secrets feature to be enabled');
  for (const [name, value] of references)
    if (typeof value === 'object' && !Object.hasOwn(secrets, value.secret))
      errors.add(`${path}/${name}/secret`, 'references an undefined secret');
}

function checkStrategies(raw: RawApp, resident: boolean, errors: Errors): void {
  const { upgradeStrategy, unreachableStrategy } = raw;
  const single = raw.labels?.[singleInstanceLabel] === 'true';
  if (single && (raw.instances ?? 1) > 1) errors.add('/', 'Single instance app may only have one instance');
  // The default strategy counts as well: an app with the label has to name 0 and 0.
  const { minimumHealthCapacity, maximumOverCapacity } =
    upgradeStrategy ??
    (resident
      ? { minimumHealthCapacity: 0, maximumOverCapacity: 0 }
      : { minimumHealthCapacity: 1, maximumOverCapacity: 1 });
  if (single && minimumHealthCapacity !== 0)
    errors.add('/upgradeStrategy/minimumHealthCapacity', `got ${double(minimumHealthCapacity)}, expected 0.0`);
  if ((single || resident) && maximumOverCapacity !== 0)
    errors.add('/upgradeStrategy/maximumOverCapacity', `got ${double(maximumOverCapacity)}, expected 0.0`);
  if (unreachableStrategy === undefined || unreachableStrategy === 'disabled') return;
  if (resident) errors.add('/', 'unreachableStrategy must be disabled for resident tasks');
  const { inactiveAfterSeconds = 0, expungeAfterSeconds = 0 } = unreachableStrategy;
  if (inactiveAfterSeconds > expungeAfterSeconds)
    errors.add(
      '/unreachableStrategy/inactiveAfterSeconds',
      `inactiveAfterSeconds (${inactiveAfterSeconds}) must be less or equal to expungeAfterSeconds, which is ${expungeAfterSeconds}`,
    );
}

export function checkLimits(
  limits: RawApp['resourceLimits'],
  requested: { readonly cpus: number; readonly mem: number },
  path: string,
  errors: Errors,
): void {
  for (const name of ['cpus', 'mem'] as const) {
    const limit: unknown = limits?.[name];
    if (typeof limit === 'string' && limit !== 'unlimited')
      errors.add(`${path}/${name}`, `'${limit}' is an invalid resource limit. It must be 'unlimited' or a number`);
    if (typeof limit === 'number' && limit < requested[name])
      errors.add(
        `${path}/${name}`,
        `resource limit must be greater than or equal to requested resource (${double(requested[name])})`,
      );
  }
}

function checkMigrationLabels(labels: Readonly<Record<string, string>>, errors: Errors): void {
  const version = labels.DCOS_MIGRATION_API_VERSION;
  if (!version) return;
  if (version !== 'v1' || !labels.DCOS_PACKAGE_FRAMEWORK_NAME || !labels.DCOS_MIGRATION_API_PATH)
    errors.add(
      '/',
      'DCOS_PACKAGE_FRAMEWORK_NAME and DCOS_MIGRATION_API_PATH must be defined when using DCOS_MIGRATION_API_VERSION',
    );
}

const executorPattern = /^(?:\/\/cmd|\/?[^/]+(?:\/[^/]+)*|)$/;

/** The rules of a complete definition, modernised and with its absolute id and its role. */
export function validateApp(raw: RawApp, config: ModelConfig, validRoles: readonly string[]): FieldErrors[] {
  const errors = createErrors();
  const networks = raw.networks ?? [];
  const { container } = raw;
  const resident = isResident({ container: { type: 'MESOS', volumes: container?.volumes ?? [] } });

  checkContainer(raw, config, errors);
  const ports = raw.portDefinitions ?? [];
  if (!isUnique(ports.flatMap(({ name }) => name ?? []))) errors.add('/portDefinitions', 'Port names must be unique.');
  if (!isUnique(ports.map(({ port }) => port ?? 0).filter((port) => port !== 0)))
    errors.add('/portDefinitions', 'Ports must be unique.');
  const hasCmd = raw.cmd !== undefined;
  const hasArgs = (raw.args?.length ?? 0) > 0;
  const hasImage = container !== undefined && (container.docker !== undefined || container.type === 'MESOS');
  if (hasCmd && hasArgs ? true : !(hasCmd || hasArgs || hasImage))
    errors.add('/', "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.");
  checkHealthChecks(raw, errors);
  raw.fetch?.forEach(({ uri }, index) => {
    if (!isUri(uri)) errors.add(`/fetch(${index})/uri`, badUri);
  });
  checkLimits(raw.resourceLimits, { cpus: raw.cpus ?? 1, mem: raw.mem ?? 128 }, '/resourceLimits', errors);
  checkSecrets(raw.secrets, config, errors);
  checkEnvironment(raw.env, raw.secrets, config, '/env', errors);
  const accepted = raw.acceptedResourceRoles;
  if (accepted && accepted.length === 0) errors.add('/acceptedResourceRoles', 'must not be empty');
  accepted?.forEach((role, index) => {
    const found = roleErrors(role);
    if (found.length > 0) errors.add(`/acceptedResourceRoles(${index})`, ...found);
  });
  if (resident && accepted && accepted.length > 0 && !(accepted.length === 1 && accepted[0] === '*'))
    errors.add('/acceptedResourceRoles', 'A resident app must have `acceptedResourceRoles = ["*"]`.');
  if ((raw.gpus ?? 0) > 0) {
    if (container && (container.type ?? 'DOCKER') === 'DOCKER')
      errors.add('/', 'GPU resources only work with the Mesos containerizer');
    if (!config.features.has('gpu_resources')) errors.add('/', featureMissing('gpu_resources'));
  }
  checkMigrationLabels(raw.labels ?? {}, errors);
  checkReadiness(raw, errors);
  checkStrategies(raw, resident, errors);
  if (
    container &&
    (container.type ?? 'DOCKER') === 'DOCKER' &&
    networks.filter(({ mode }) => (mode ?? 'container') === 'container').length > 1
  )
    errors.add('/', 'may only specify a single container network when using the Docker container engine');
  raw.constraints?.forEach((constraint, index) => {
    const found = constraintErrors(constraint);
    if (found.length > 0) errors.add(`/constraints(${index})`, ...found);
  });
  checkRoles(raw, validRoles, errors);
  if (resident && raw.role === '*') errors.add('/role', 'Resident apps cannot have the role *');

  const idErrors = pathErrors(raw.id);
  if (idErrors.length > 0) errors.add('/id', ...idErrors);
  if (segments(raw.id).length === 0) errors.add('/id', 'Path must contain at least one path element');
  raw.dependencies?.forEach((id, index) => {
    const found = pathErrors(id);
    if (found.length > 0) errors.add(`/dependencies(${index})`, ...found);
  });
  checkNetworks(networks, config, '/networks', errors);
  if (raw.id === rootPath) errors.add('/', 'must not be root');
  if (raw.cmd !== undefined && raw.cmd.length <= 1) errors.add('/', 'must not be an empty string');
  const onHost = networks.some(({ mode }) => mode === 'host');
  if (onHost && (container?.portMappings?.length ?? 0) > 0)
    errors.add('/', 'portMappings are not allowed with host-networking');
  if (networks.length > 0 && !onHost && ports.length > 0)
    errors.add('/', 'portDefinitions are only allowed with host-networking');
  if (raw.executor !== undefined && !executorPattern.test(raw.executor))
    errors.add('/executor', "must fully match regular expression '^(//cmd)|(/?[^/]+(/[^/]+)*)|$'");
  return errors.list();
}

const fixedResources =
  'Services with persistent volumes configured may not change resource requirements. ' +
  'If you need to make this change, please create a new service.';
const fixedPorts =
  'Services with persistent volumes configured may not change host ports. ' +
  'If you need to make this change, please create a new service.';

/** What an app that keeps data may not change, for that would leave its reservations behind. */
export function validateChange(from: AppDefinition, to: AppDefinition): FieldErrors[] {
  if (!isResident(from) && !isResident(to)) return [];
  const errors = createErrors();
  const volumes = (app: AppDefinition) =>
    (app.container?.volumes ?? [])
      .filter((volume) => 'persistent' in volume)
      .map((volume) => JSON.stringify(volume))
      .sort();
  if (JSON.stringify(volumes(from)) !== JSON.stringify(volumes(to)))
    errors.add('/', 'Persistent volumes can not be changed!');
  for (const name of ['cpus', 'mem', 'disk', 'gpus', 'requirePorts'] as const)
    if (from[name] !== to[name]) errors.add(`/${name}`, fixedResources);
  const hostPorts = (app: AppDefinition) =>
    (app.container?.portMappings?.map(({ hostPort }) => hostPort) ?? app.portDefinitions?.map(({ port }) => port) ?? [])
      .filter((port) => port !== undefined)
      .sort();
  if (JSON.stringify(hostPorts(from)) !== JSON.stringify(hostPorts(to))) errors.add('/', fixedPorts);
  if (to.upgradeStrategy.maximumOverCapacity !== 0)
    errors.add(
      '/upgradeStrategy/maximumOverCapacity',
      `got ${double(to.upgradeStrategy.maximumOverCapacity)}, expected 0.0`,
    );
  return errors.list();
}
