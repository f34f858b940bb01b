import type { FieldErrors } from '../../../../protocols/marathon/types.ts';
import type { ModelConfig } from '../config.ts';
import { constraintErrors } from '../constraints.ts';
import { createErrors, type Errors } from '../json-check.ts';
import { isAbsolute, pathErrors, rootPath } from '../path-id.ts';
import type { RawPod, RawPodContainer } from '../raw.ts';
import { keepsData, type PodDefinition, resourcesOf, wantedHostPorts } from '../run-spec.ts';
import { checkEnvironment, checkLimits, checkRoles, checkSecrets, double } from '../validate.ts';
import { checkNetworks, checkPersistentInfo, featureMissing, isUnique } from '../validate-container.ts';
import { sameJson } from '../versions.ts';

/** The rules of pods, with Marathon's own texts. Source: api/v2/validation/PodsValidation.scala of Marathon. */

const severalNetworks =
  'networkNames must be a single item list when hostPort is specified and more than 1 container network is defined';

function checkEndpoints(container: RawPodContainer, pod: RawPod, path: string, errors: Errors): void {
  const networks = pod.networks ?? [];
  const modes = networks.map(({ mode }) => mode ?? 'container');
  const names = networks.flatMap(({ name }) => name ?? []);
  container.endpoints?.forEach((endpoint, index) => {
    const at = `${path}/endpoints(${index})`;
    endpoint.networkNames?.forEach((name, position) => {
      if (!names.includes(name)) errors.add(`${at}/networkNames(${position})`, `is not one of (${names.join(',')})`);
    });
    if (modes.includes('host') && endpoint.containerPort !== undefined)
      errors.add(`${at}/containerPort`, 'is not allowed when using host-mode networking');
    if (modes.includes('container') && endpoint.containerPort === undefined)
      errors.add(`${at}/containerPort`, 'is required when using container-mode networking');
    if (!isUnique(endpoint.protocol ?? []))
      errors.add(`${at}/protocol`, 'Duplicate protocols within the same endpoint are not allowed');
    if (
      modes.filter((mode) => mode === 'container').length > 1 &&
      endpoint.hostPort !== undefined &&
      endpoint.networkNames?.length !== 1
    )
      errors.add(at, severalNetworks);
  });
}

function checkHealth(container: RawPodContainer, path: string, errors: Errors): void {
  const { healthCheck: check, endpoints = [] } = container;
  if (!check) return;
  const at = `${path}/healthCheck`;
  const { timeoutSeconds = 20, intervalSeconds = 60 } = check;
  if (timeoutSeconds >= intervalSeconds)
    errors.add(`${at}/timeoutSeconds`, `got ${timeoutSeconds}, expected less than ${intervalSeconds}`);
  for (const kind of ['http', 'tcp'] as const) {
    const target = check[kind];
    if (target && !endpoints.some(({ name }) => name === target.endpoint))
      errors.add(`${at}/${kind}/endpoint`, 'contained in the container endpoints');
  }
  if ([check.http, check.tcp, check.exec].filter((kind) => kind !== undefined).length !== 1)
    errors.add(at, 'Only one of http, tcp, or command may be specified');
}

function checkContainer(
  container: RawPodContainer,
  pod: RawPod,
  config: ModelConfig,
  path: string,
  errors: Errors,
): void {
  const { resources, resourceLimits, image } = container;
  checkLimits(
    resourceLimits,
    { cpus: resources.cpus ?? 1, mem: resources.mem ?? 128 },
    `${path}/resourceLimits`,
    errors,
  );
  if (resourceLimits && pod.legacySharedCgroups)
    errors.add(`${path}/resourceLimits`, 'resourceLimits cannot be defined if legacySharedCgroups is enabled');
  checkEndpoints(container, pod, path, errors);
  if (image?.pullConfig) {
    if (!config.features.has('secrets'))
      errors.add(`${path}/image/pullConfig`, 'must be empty', featureMissing('secrets'));
    if (!Object.hasOwn(pod.secrets ?? {}, image.pullConfig.secret))
      errors.add(`${path}/image/pullConfig`, 'pullConfig.secret must refer to an existing secret');
  }
  checkEnvironment(container.environment, pod.secrets, config, `${path}/environment`, errors);
  checkHealth(container, path, errors);
  const volumes = (pod.volumes ?? []).map(({ name }) => name);
  container.volumeMounts?.forEach(({ name }, index) => {
    if (!volumes.includes(name))
      errors.add(`${path}/volumeMounts(${index})/name`, 'Referenced Volume in VolumeMount should exist');
  });
}

function checkVolumes(pod: RawPod, config: ModelConfig, errors: Errors): void {
  const volumes = pod.volumes ?? [];
  volumes.forEach((volume, index) => {
    const at = `/volumes(${index})`;
    if (!pod.containers.some(({ volumeMounts = [] }) => volumeMounts.some(({ name }) => name === volume.name)))
      errors.add(at, 'volume must be referenced by at least one container');
    if ('persistent' in volume) checkPersistentInfo(volume.persistent, `${at}/persistent`, errors);
    if ('secret' in volume && !Object.hasOwn(pod.secrets ?? {}, volume.secret))
      errors.add(`${at}/secret`, 'volume.secret must refer to an existing secret');
  });
  if (!isUnique(volumes.map(({ name }) => name))) errors.add('/volumes', 'volume names must be unique');
  if (volumes.some((volume) => 'secret' in volume) && !config.features.has('secrets'))
    errors.add('/volumes', featureMissing('secrets'));
}

function checkResidency(pod: RawPod, errors: Errors): void {
  if (!pod.volumes?.some((volume) => 'persistent' in volume)) return;
  const { upgrade, unreachableStrategy, placement } = pod.scheduling ?? {};
  // A strategy that is given without this member has the default of other pods.
  const over = upgrade && (upgrade.maximumOverCapacity ?? 1);
  if (over !== undefined && over !== 0) errors.add('/upgrade/maximumOverCapacity', `got ${double(over)}, expected 0.0`);
  if (unreachableStrategy !== undefined && unreachableStrategy !== 'disabled')
    errors.add('/', 'unreachableStrategy must be disabled for pods with persistent volumes');
  const accepted = placement?.acceptedResourceRoles ?? [];
  if (accepted.length > 0 && !(accepted.length === 1 && accepted[0] === '*'))
    errors.add('/acceptedResourceRoles', 'A resident pod must have `acceptedResourceRoles = ["*"]`.');
  if (pod.role === '*') errors.add('/role', 'Resident pods cannot have the role *');
}

/** The rules of a complete pod with its absolute id and its role. */
export function validatePod(pod: RawPod, config: ModelConfig, validRoles: readonly string[]): FieldErrors[] {
  const errors = createErrors();
  const idErrors = pathErrors(pod.id);
  if (idErrors.length > 0) errors.add('/id', ...idErrors);
  if (!isAbsolute(pod.id)) errors.add('/id', 'Path needs to be absolute');
  if (pod.id === rootPath) errors.add('/id', 'Path must contain at least one path element');
  if (pod.user === '') errors.add('/user', 'must not be empty');
  checkEnvironment(pod.environment, pod.secrets, config, '/environment', errors);
  checkVolumes(pod, config, errors);
  pod.containers.forEach((container, index) => {
    checkContainer(container, pod, config, `/containers(${index})`, errors);
  });
  if (!isUnique(pod.containers.map(({ name }) => name))) errors.add('/containers', 'container names must be unique');
  checkSecrets(pod.secrets, config, errors);
  checkNetworks(pod.networks ?? [], config, '/networks', errors);
  pod.scheduling?.placement?.constraints?.forEach(({ fieldName, operator, value }, index) => {
    const found =
      fieldName === ''
        ? ['missing field for constraint declaration']
        : constraintErrors(value === undefined ? [fieldName, operator] : [fieldName, operator, value]);
    if (found.length > 0) errors.add(`/scheduling/placement/constraints(${index})`, ...found);
  });
  const endpoints = pod.containers.flatMap((container) => container.endpoints ?? []);
  const numbers = (ports: readonly (number | undefined)[]) => ports.filter((port) => port !== undefined && port !== 0);
  if (!isUnique(endpoints.map(({ name }) => name)))
    errors.add('/', 'endpoint names nust be unique across all containers');
  if (!isUnique(numbers(endpoints.map(({ containerPort }) => containerPort))))
    errors.add('/', 'container ports must be unique across all containers');
  if (!isUnique(numbers(endpoints.map(({ hostPort }) => hostPort))))
    errors.add('/', 'host ports must be unique across all containers');
  checkUnreachable(pod, errors);
  checkResidency(pod, errors);
  checkRoles(
    {
      ...(pod.role !== undefined && { role: pod.role }),
      acceptedResourceRoles: pod.scheduling?.placement?.acceptedResourceRoles ?? [],
    },
    validRoles,
    errors,
  );
  return errors.list();
}

function checkUnreachable(pod: RawPod, errors: Errors): void {
  const strategy = pod.scheduling?.unreachableStrategy;
  if (strategy === undefined || strategy === 'disabled') return;
  const { inactiveAfterSeconds = 0, expungeAfterSeconds = 0 } = strategy;
  if (inactiveAfterSeconds > expungeAfterSeconds)
    errors.add(
      '/scheduling/unreachableStrategy/inactiveAfterSeconds',
      `inactiveAfterSeconds (${inactiveAfterSeconds}) must be less or equal to expungeAfterSeconds, which is ${expungeAfterSeconds}`,
    );
}

/** What a pod that keeps data may not change, for that would leave its reservations behind. */
export function validatePodChange(from: PodDefinition, to: PodDefinition): FieldErrors[] {
  if (!keepsData(from) && !keepsData(to)) return [];
  const errors = createErrors();
  const kept = (pod: PodDefinition) => pod.volumes.filter((volume) => 'persistent' in volume);
  const [before, after] = [kept(from), kept(to)];
  const same =
    before.length === after.length &&
    before.every((volume) => after.some((other) => other.name === volume.name && sameJson(other, volume)));
  if (!same) errors.add('/', 'persistent volumes cannot be updated');
  for (const name of ['cpus', 'mem', 'disk', 'gpus'] as const)
    if (resourcesOf(from)[name] !== resourcesOf(to)[name])
      errors.add('/', `${name} cannot be updated if a pod has persistent volumes`);
  const ports = (pod: PodDefinition) => [...wantedHostPorts(pod)].filter((port) => port !== undefined).sort();
  if (!sameJson(ports(from), ports(to)))
    errors.add('/', 'host ports cannot be updated if a pod has persistent volumes');
  if (to.upgradeStrategy.maximumOverCapacity !== 0)
    errors.add(
      '/upgradeStrategy/maximumOverCapacity',
      `got ${double(to.upgradeStrategy.maximumOverCapacity)}, expected 0.0`,
    );
  return errors.list();
}
