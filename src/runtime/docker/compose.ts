import { posix } from 'node:path';
import type { ContainerCreateOptions } from 'dockerode';
import { labels, networkName } from '../../plan/docker-names.ts';
import type { ClusterPlan, ContainerPlan, NodePlan } from '../../plan/types.ts';
import {
  type ContainerContext,
  type ContainerSpec,
  hasHolder,
  holderContainer,
  inContainer,
  isHost,
  unitContainer,
} from './containers.ts';
import { formatSubnet, parseSubnet, poolOf } from './subnets.ts';

/** A compose file and what has to lie beside it. */
export interface Composition {
  document: Record<string, unknown>;
  /** Files of real programs, by paths relative to the compose file. */
  files: readonly { path: string; content: Buffer; mode: number }[];
}

/** The variable that holds what a node host is otherwise told by a file. */
const unitVariable = 'DEVCLUSTER_UNIT';

/**
 * Pure: the plan as docker-compose runs it, with the same names, networks and volumes as devcluster's own. Nodes of
 * several containers share the network of their holder.
 * @param subnet the cluster's network
 */
export function compose(context: ContainerContext, subnet: string): Composition {
  const { plan } = context;
  const files: Composition['files'][number][] = [];
  const services: Record<string, unknown> = {};
  const volumes: Record<string, unknown> = {};
  for (const node of plan.nodes) {
    const holder = hasHolder(node);
    if (holder) services[node.name] = toService(plan, holderContainer(context, node));
    for (const unit of node.units) {
      const spec = unitContainer(context, node, unit);
      const name = !holder ? node.name : `${node.name}-${isHost(unit) ? 'host' : unit.services[0]?.component}`;
      const told = isHost(unit) ? hostTold(spec) : filesBeside(plan, name, spec, files);
      services[name] = { ...toService(plan, spec, holder ? node : undefined), ...told };
      const programs = unit.services[0]?.container?.programs;
      if (programs) {
        services[programsService] = bringingPrograms(plan, programs);
        services[name] = { ...(services[name] as object), depends_on: [node.name, programsService] };
      }
      for (const mount of spec.options.HostConfig?.Mounts ?? [])
        if (mount.Type === 'volume')
          volumes[mount.Source] = {
            name: mount.Source,
            labels: { [labels.cluster]: plan.name, [labels.node]: node.name, [labels.kind]: 'volume' },
          };
    }
  }
  const parsed = parseSubnet(subnet);
  const pool = parsed && poolOf(parsed);
  const networks = {
    cluster: {
      name: networkName(plan.name),
      driver: 'bridge',
      ipam: { config: [{ subnet, ...(pool ? { ip_range: formatSubnet(pool) } : {}) }] },
      labels: { [labels.cluster]: plan.name, [labels.kind]: 'network' },
    },
  };
  return { document: escaped({ services, networks, volumes }) as Record<string, unknown>, files };
}

const programsService = 'docker-cli';

/**
 * Docker copies what the image has at the place of the new volume when it makes this container, and nobody needs it to
 * run: so it ends at once.
 */
function bringingPrograms(plan: ClusterPlan, { image, folder, volume }: NonNullable<ContainerPlan['programs']>) {
  return {
    image,
    container_name: `devcluster-${plan.name}-${programsService}`,
    entrypoint: [posix.join(folder, 'docker'), '--version'],
    restart: 'no',
    network_mode: 'none',
    labels: { [labels.cluster]: plan.name, [labels.kind]: 'programs' },
    volumes: [{ type: 'volume', source: volume, target: folder }],
  };
}

/** A node host gets all of its configuration by a variable, so that the compose file is all there is. */
function hostTold(spec: ContainerSpec): Record<string, unknown> {
  const unit = spec.files.find(({ path }) => path === inContainer.unitFile);
  const content = unit && 'content' in unit ? unit.content.toString('utf8') : '{}';
  return {
    command: ['--variable', unitVariable],
    environment: [...(spec.options.Env ?? []), `${unitVariable}=${content}`],
  };
}

/** What a real program reads is bound from files beside the compose file. */
function filesBeside(
  plan: ClusterPlan,
  name: string,
  spec: ContainerSpec,
  all: Composition['files'][number][],
): Record<string, unknown> {
  const own = spec.files.flatMap((entry) => {
    if (!('content' in entry)) return [];
    const path = `${plan.name}-files/${name}${entry.path}`;
    all.push({ path, content: entry.content, mode: entry.mode ?? 0o644 });
    return [{ type: 'bind', source: `./${path}`, target: entry.path, read_only: true }];
  });
  return own.length === 0 ? {} : { volumes: [...mountsOf(spec.options), ...own] };
}

/** @param joins the node whose holder's network it joins */
function toService(plan: ClusterPlan, { name, options }: ContainerSpec, joins?: NodePlan): Record<string, unknown> {
  const { HostConfig = {} } = options;
  const { [labels.folder]: _, ...own } = options.Labels ?? {};
  const memory = HostConfig.Memory;
  return {
    image: options.Image,
    container_name: name,
    ...(options.platform === undefined ? {} : { platform: options.platform }),
    ...(options.Entrypoint ? { entrypoint: options.Entrypoint } : {}),
    ...(options.Cmd ? { command: options.Cmd } : {}),
    ...(options.User === undefined ? {} : { user: options.User }),
    ...(options.Env && options.Env.length > 0 ? { environment: options.Env } : {}),
    ...(options.WorkingDir ? { working_dir: options.WorkingDir } : {}),
    init: HostConfig.Init === true,
    restart: HostConfig.RestartPolicy?.Name ?? 'no',
    labels: own,
    logging: { driver: HostConfig.LogConfig?.Type, options: HostConfig.LogConfig?.Config },
    ...((HostConfig.Mounts ?? []).length > 0 ? { volumes: mountsOf(options) } : {}),
    ...(HostConfig.PidMode ? { pid: HostConfig.PidMode } : {}),
    ...(HostConfig.CapAdd ? { cap_add: HostConfig.CapAdd } : {}),
    ...(HostConfig.CapDrop ? { cap_drop: HostConfig.CapDrop } : {}),
    ...(memory ? { mem_limit: memory } : {}),
    ...(joins ? { network_mode: `service:${joins.name}`, depends_on: [joins.name] } : networkOf(plan, options)),
  };
}

function networkOf(plan: ClusterPlan, options: ContainerCreateOptions): Record<string, unknown> {
  const { HostConfig = {} } = options;
  const endpoint = options.NetworkingConfig?.EndpointsConfig?.[networkName(plan.name)];
  const bindings = (HostConfig.PortBindings ?? {}) as Record<string, { HostIp: string; HostPort: string }[]>;
  return {
    hostname: options.Hostname,
    extra_hosts: HostConfig.ExtraHosts,
    dns: HostConfig.Dns,
    networks: { cluster: { ipv4_address: endpoint?.IPAMConfig?.IPv4Address, aliases: endpoint?.Aliases } },
    ports: Object.entries(bindings).flatMap(([port, hosts]) =>
      hosts.map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}:${port}`),
    ),
  };
}

function mountsOf(options: ContainerCreateOptions): Record<string, unknown>[] {
  return (options.HostConfig?.Mounts ?? []).map(({ Type, Source, Target, ReadOnly }) => ({
    type: Type,
    source: Source,
    target: Target,
    ...(ReadOnly ? { read_only: true } : {}),
  }));
}

/** Compose replaces variables in every text: `$` stands for itself when it is doubled. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(escaped);
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, escaped(each)]));
  return value;
}
