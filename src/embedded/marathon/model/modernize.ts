import type { AppNetwork } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import { defaultPortDefinitions, defined } from './normalize.ts';
import { bad, good, type Result } from './problem.ts';
import type { RawApp, RawAppUpdate, RawArtifact, RawContainer, RawHealthCheck, RawNetwork } from './raw.ts';

/**
 * Legacy fields (`ports`, `uris`, `ipAddress`, `docker.network`, `docker.portMappings`) turned into those of today.
 * A complete definition also gets the ports that its networks imply; an update does not, for the app that it is merged
 * into decides that. Source: api/v2/AppNormalization.scala of Marathon.
 */

const archives = ['.tgz', '.tar.gz', '.tbz2', '.tar.bz2', '.txz', '.tar.xz', '.zip'];

function isArchive(uri: string): boolean {
  const path = uri.split(/[?#]/, 1)[0] ?? '';
  return archives.some((ending) => path.endsWith(ending));
}

const refused = (message: string) => bad(422, { message });

function fetchOf(raw: RawAppUpdate): Result<readonly RawArtifact[] | undefined> {
  if (!raw.uris || raw.uris.length === 0) return good(raw.fetch);
  if (raw.fetch && raw.fetch.length > 0) return refused('cannot specify both uris and fetch fields');
  return good(raw.uris.map((uri) => ({ uri, extract: isArchive(uri) })));
}

function networksOf(raw: RawAppUpdate, config: ModelConfig): Result<readonly RawNetwork[] | undefined> {
  const { ipAddress, networks } = raw;
  const dockerNetwork = raw.container?.docker?.network;
  if (!ipAddress && !dockerNetwork) return good(networks);
  if (networks && networks.length > 0) return refused('cannot mix deprecated and canonical network APIs');
  const labels = ipAddress?.labels;
  const of = (mode: AppNetwork['mode'], name?: string): RawNetwork[] => [
    defined<AppNetwork>({ mode, name, labels: mode === 'host' ? undefined : labels }),
  ];
  switch (dockerNetwork) {
    case 'HOST':
      return good(of('host'));
    case 'BRIDGE':
      return good(of('container/bridge'));
    case 'USER':
      return good(of('container', ipAddress?.networkName));
    case 'NONE':
      return refused('unsupported docker network type NONE');
    case undefined:
      return good(
        ipAddress?.networkName === config.mesosBridgeName
          ? of('container/bridge')
          : of('container', ipAddress?.networkName),
      );
  }
}

function containerOf(raw: RawAppUpdate): Result<RawContainer | undefined> {
  const given = raw.container ?? (raw.ipAddress && ({ type: 'MESOS' } satisfies RawContainer));
  if (!given) return good(undefined);
  const { docker, ...rest } = given;
  let container: RawContainer = rest;
  if (docker) {
    const { network: _, portMappings, ...image } = docker;
    container = { ...rest, docker: image };
    if (portMappings && portMappings.length > 0 && rest.portMappings && rest.portMappings.length > 0)
      return refused('cannot specify both portMappings and docker.portMappings');
    if (portMappings && !(rest.portMappings && rest.portMappings.length > 0))
      container = { ...container, portMappings };
  }
  const discovered = raw.ipAddress?.discovery?.ports ?? [];
  if (discovered.length > 0) {
    if (container.type !== 'MESOS')
      return refused(`ipAddress.discovery.ports do not apply for container type ${container.type ?? 'DOCKER'}`);
    if (container.portMappings && container.portMappings.length > 0)
      return refused('container.portMappings and ipAddress.discovery.ports must not both be set');
    container = {
      ...container,
      portMappings: discovered.map(({ number, name, protocol, labels }) => ({
        containerPort: number ?? 0,
        name,
        protocol: protocol ?? 'tcp',
        ...(labels && { labels }),
      })),
    };
  }
  return good(container);
}

/** A check that names neither port nor index looks at the first port. */
function withPortIndex(check: RawHealthCheck): RawHealthCheck {
  if (check.protocol === 'COMMAND' || check.port !== undefined || check.portIndex !== undefined) return check;
  return { ...check, portIndex: 0 };
}

function withoutLegacy<T extends RawAppUpdate>(raw: T): Omit<T, 'uris' | 'ipAddress' | 'ports'> {
  const { uris: _u, ipAddress: _i, ports: _p, ...rest } = raw;
  return rest;
}

/** The body of an update in today's fields. */
export function moderniseUpdate(raw: RawAppUpdate, config: ModelConfig): Result<RawAppUpdate> {
  const fetch = fetchOf(raw);
  if (!fetch.ok) return fetch;
  const networks = networksOf(raw, config);
  if (!networks.ok) return networks;
  const container = containerOf(raw);
  if (!container.ok) return container;
  const portDefinitions = raw.portDefinitions ?? raw.ports?.map((port) => ({ port }));
  return good({
    ...withoutLegacy(raw),
    ...(fetch.value && { fetch: fetch.value }),
    ...(networks.value && { networks: networks.value }),
    ...(container.value && { container: container.value }),
    ...(portDefinitions && { portDefinitions }),
    ...(raw.healthChecks && { healthChecks: raw.healthChecks.map(withPortIndex) }),
  });
}

/** The ports of a container as its networks have them: none with the host's, else one at least. */
function withMappings(container: RawContainer, onHost: boolean, declaredPorts: number): RawContainer {
  const { portMappings, ...rest } = container;
  if (onHost) return rest;
  const mappings = portMappings ?? [{ name: 'default' }];
  const missing = declaredPorts - mappings.length;
  return {
    ...rest,
    portMappings: missing > 0 ? [...mappings, ...Array.from({ length: missing }, () => ({}))] : mappings,
  };
}

/** A complete definition in today's fields, with the ports that its networks imply. */
export function moderniseApp(raw: RawApp, config: ModelConfig): Result<RawApp> {
  const fetch = fetchOf(raw);
  if (!fetch.ok) return fetch;
  const networks = networksOf(raw, config);
  if (!networks.ok) return networks;
  const given = containerOf(raw);
  if (!given.ok) return given;
  const onHost = !(networks.value ?? []).some(({ mode }) => (mode ?? 'container') !== 'host');
  const declared = raw.portDefinitions ?? raw.ports?.map((port) => ({ port }));
  const container = given.value && withMappings(given.value, onHost, declared?.length ?? 0);
  const hasPorts = (declared?.length ?? 0) > 0 || (container?.portMappings?.length ?? 0) > 0;
  const { fetch: _f, networks: _n, container: _c, portDefinitions: _p, healthChecks, ...rest } = withoutLegacy(raw);
  return good({
    ...rest,
    ...(fetch.value && { fetch: fetch.value }),
    ...(networks.value && { networks: networks.value }),
    ...(container && { container }),
    ...(onHost && { portDefinitions: declared ?? defaultPortDefinitions }),
    ...(healthChecks && { healthChecks: hasPorts ? healthChecks.map(withPortIndex) : healthChecks }),
  });
}
