import type { AppVolume, PersistentVolume } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import type { Errors } from './json-check.ts';
import type { RawApp, RawContainer, RawNetwork, RawPortMapping } from './raw.ts';

/** The rules of containers, volumes and networks. Source: api/v2/validation/{AppValidation,NetworkValidation}.scala. */

export function isUnique<T>(items: readonly T[]): boolean {
  return new Set(items).size === items.length;
}

export const featureMissing = (feature: string) =>
  `Feature ${feature} is not enabled. Enable with --enable_features ${feature})`;

const present = <T>(value: T | undefined): value is T => value !== undefined;
const modeOf = (network: RawNetwork) => network.mode ?? 'container';

export function checkNetworks(
  networks: readonly RawNetwork[],
  config: ModelConfig,
  path: string,
  errors: Errors,
): void {
  const of = (mode: string) => networks.filter((network) => modeOf(network) === mode);
  const host = of('host');
  const bridge = of('container/bridge');
  const containers = of('container');
  const hasLabels = ({ labels }: RawNetwork) => labels !== undefined && Object.keys(labels).length > 0;
  if (host.some((network) => network.name || hasLabels(network)))
    errors.add(path, 'Host networks may not have names or labels');
  if (bridge.some((network) => network.name)) errors.add(path, 'Bridge networks may not have names');
  const names = networks.map(({ name }) => name).filter(present);
  if (containers.filter(({ name }) => name === undefined).length > 1 || !isUnique(names))
    errors.add(path, 'Duplicate networks are not allowed');
  const kinds = [host, bridge, containers].filter((kind) => kind.length > 0).length;
  if (kinds > 1 || host.length > 1 || bridge.length > 1)
    errors.add(path, 'May specify a single host network, single bridge network, or else 1-to-n container networks');
  if (config.defaultNetworkName === undefined && containers.some(({ name }) => name === undefined))
    errors.add(path, 'Network name must be specified when container network is selected.');
}

function checkPortMappings(
  mappings: readonly RawPortMapping[],
  networks: readonly RawNetwork[],
  path: string,
  errors: Errors,
): void {
  if (!isUnique(mappings.map(({ name }) => name).filter(present))) errors.add(path, 'Port names must be unique.');
  const several = networks.filter((network) => modeOf(network) === 'container').length > 1;
  const names = networks.map(({ name }) => name).filter(present);
  mappings.forEach((mapping, index) => {
    if (several && mapping.hostPort !== undefined && mapping.networkNames?.length !== 1)
      errors.add(
        `${path}(${index})`,
        'networkNames must be a single item list when hostPort is specified and more than 1 container network is defined',
      );
    mapping.networkNames?.forEach((name, at) => {
      if (!names.includes(name))
        errors.add(`${path}(${index})/networkNames(${at})`, `is not one of (${names.join(',')})`);
    });
  });
}

function isRegExp(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

function volumeConstraintErrors(constraint: readonly string[]): string[] {
  const [field, operator, value] = constraint;
  if (field === undefined && operator === undefined) return ['Missing field and operator'];
  if (field !== 'path' || operator === undefined || value === undefined)
    return [`Unsupported constraint ${constraint.join(',')}`];
  if (operator === 'LIKE' || operator === 'UNLIKE') return isRegExp(value) ? [] : ['Invalid regular expression'];
  return ['UNIQUE', 'CLUSTER', 'GROUP_BY', 'MAX_PER', 'IS'].includes(operator)
    ? ['Operator must be one of LIKE, UNLIKE']
    : [`unknown constraint operator ${operator}`];
}

function checkPersistentVolume(volume: PersistentVolume, path: string, errors: Errors): void {
  const { containerPath, mode } = volume;
  if (containerPath === '.' || containerPath === '..') errors.add(`${path}/containerPath`, 'can not be one of (.,..)');
  if (containerPath.includes('/')) errors.add(`${path}/containerPath`, 'value must not contain "/"');
  if (mode !== 'RW') errors.add(`${path}/mode`, 'does not equal RW');
  checkPersistentInfo(volume.persistent, `${path}/persistent`, errors);
}

export function checkPersistentInfo(persistent: PersistentVolume['persistent'], at: string, errors: Errors): void {
  if (persistent.size <= 0) errors.add(`${at}/size`, `got ${persistent.size}, expected more than 0`);
  persistent.constraints?.forEach((constraint, index) => {
    const found = volumeConstraintErrors(constraint);
    if (found.length > 0) errors.add(`${at}/constraints(${index})`, ...found);
  });
  if (persistent.type !== 'mount' && persistent.maxSize !== undefined)
    errors.add(at, 'Only mount volumes can have maxSize');
  const isRoot = persistent.type === undefined || persistent.type === 'root';
  if (isRoot && (persistent.constraints?.length ?? 0) > 0)
    errors.add(at, 'Constraints on root volumes are not supported');
  if (persistent.maxSize !== undefined && persistent.maxSize <= persistent.size)
    errors.add(at, 'Max size must be larger than size');
}

function checkVolume(volume: AppVolume, raw: RawApp, config: ModelConfig, path: string, errors: Errors): void {
  if ('persistent' in volume) checkPersistentVolume(volume, path, errors);
  else if ('external' in volume) {
    const { external } = volume;
    if (!external.name) errors.add(`${path}/external/name`, 'must not be empty');
    if (external.provider === undefined) errors.add(`${path}/external/provider`, 'not defined');
    else if (external.provider !== 'dvdi' && external.provider !== 'csi')
      errors.add(`${path}/external/provider`, 'is unknown provider');
    if (!config.features.has('external_volumes')) errors.add(path, featureMissing('external_volumes'));
  } else if ('secret' in volume) {
    if (!Object.hasOwn(raw.secrets ?? {}, volume.secret))
      errors.add(path, 'volume.secret must refer to an existing secret');
  }
}

function checkImage(container: RawContainer, raw: RawApp, config: ModelConfig, path: string, errors: Errors): void {
  const { docker } = container;
  if ((container.type ?? 'DOCKER') === 'DOCKER') {
    if (!docker) errors.add(`${path}/docker`, 'not defined');
    else if (docker.pullConfig)
      errors.add(`${path}/docker/pullConfig`, 'pullConfig is not supported with Docker containerizer');
    return;
  }
  if (!docker?.pullConfig) return;
  const at = `${path}/docker/pullConfig`;
  if (!config.features.has('secrets')) errors.add(at, 'must be empty', featureMissing('secrets'));
  if (!Object.hasOwn(raw.secrets ?? {}, docker.pullConfig.secret))
    errors.add(at, 'pullConfig.secret must refer to an existing secret');
}

/** The rules of an app's container, off legacy fields. */
export function checkContainer(raw: RawApp, config: ModelConfig, errors: Errors): void {
  const { container } = raw;
  if (!container) return;
  const path = '/container';
  const volumes = container.volumes ?? [];
  if (container.portMappings)
    checkPortMappings(container.portMappings, raw.networks ?? [], `${path}/portMappings`, errors);
  const externalNames = volumes
    .map((volume) => ('external' in volume ? volume.external.name : undefined))
    .filter(present);
  if (!isUnique(externalNames)) errors.add(`${path}/volumes`, 'Volume names must be unique');
  volumes.forEach((volume, index) => {
    checkVolume(volume, raw, config, `${path}/volumes(${index})`, errors);
  });
  if (volumes.some((volume) => 'secret' in volume) && !config.features.has('secrets'))
    errors.add(`${path}/volumes`, featureMissing('secrets'));
  checkImage(container, raw, config, path, errors);
}
