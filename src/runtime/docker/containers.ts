import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { ContainerCreateOptions } from 'dockerode';
import {
  engineSocket,
  labels,
  networkName,
  nodeContainerName,
  serviceContainerName,
  volumeName,
} from '../../plan/docker-names.ts';
import type { ClusterPlan, ContainerPlan, NodePlan, PortName, ServicePlan, UnitPlan } from '../../plan/types.ts';
import type { HostSpec } from '../../protocols/control.ts';
import { portNamesOf } from '../places/places.ts';
import type { TarEntry } from './archive.ts';
import { inImage } from './embedded-image.ts';

/** Pure: what the engine is told to make of a plan. */
export interface ContainerSpec {
  name: string;
  /** The engine's image reference. */
  options: ContainerCreateOptions;
  /** Put into it before it starts. */
  files: readonly TarEntry[];
  /** Of all that decides how it runs, but for secrets: another hash, another container. */
  hash: string;
}

export interface ContainerContext {
  plan: ClusterPlan;
  /** Reference of the embedded image. */
  embeddedImage: string;
  /** Where the engine has its own socket; plans name the usual place. */
  engineSocket: string;
  /** Folder of the cluster's record. */
  folder: string;
  /** The secrets that the agent resolves, below `secretsDir`. */
  secrets: readonly TarEntry[];
}

/** Inside of node containers. */
export const inContainer = {
  unitFile: '/etc/devcluster/unit.json',
  controlSocket: '/run/devcluster/control.sock',
  statusFile: '/run/devcluster/status.json',
  pidFile: '/run/devcluster/pid.json',
} as const;

/** Whether the node's services have containers of their own, so that somebody else must hold its network. */
export function hasHolder(node: NodePlan): boolean {
  return node.units.length !== 1 || !isHost(node.units[0]!);
}

/** Whether the unit is a node host with embedded services. */
export function isHost(unit: UnitPlan): boolean {
  return unit.id === unit.node;
}

export function containerName(plan: ClusterPlan, unit: UnitPlan): string {
  const node = plan.nodes.find(({ name }) => name === unit.node);
  if (isHost(unit))
    return node && hasHolder(node)
      ? serviceContainerName(plan.name, unit.node, 'host')
      : nodeContainerName(plan.name, unit.node);
  return serviceContainerName(plan.name, unit.node, unit.services[0]?.component ?? 'service');
}

/** The container of a unit; with `holder` one that joins its network. */
export function unitContainer(context: ContainerContext, node: NodePlan, unit: UnitPlan): ContainerSpec {
  const joined = hasHolder(node);
  const base = isHost(unit) ? hostContainer(context, node, unit) : serviceContainer(context, node, unit.services[0]!);
  const options: ContainerCreateOptions = joined
    ? { ...base.options, HostConfig: { ...base.options.HostConfig, ...joining(context.plan, node) } }
    : withNetwork(context, node, base.options);
  return finish(context, containerName(context.plan, unit), options, base.files, {
    [labels.node]: node.name,
    [labels.component]: unit.services.map(({ component }) => component).join(','),
    [labels.kind]: joined ? 'service' : 'node',
  });
}

/** The container that owns a node's network where its services have containers of their own. */
export function holderContainer(context: ContainerContext, node: NodePlan): ContainerSpec {
  const options = withNetwork(context, node, {
    Image: context.embeddedImage,
    Entrypoint: ['/bin/sh', '-c', 'trap "exit 0" TERM; sleep infinity & wait'],
    HostConfig: { Init: true, ...common() },
  });
  return finish(context, nodeContainerName(context.plan.name, node.name), options, [], {
    [labels.node]: node.name,
    [labels.kind]: 'holder',
  });
}

function finish(
  { plan, folder, secrets }: ContainerContext,
  name: string,
  options: ContainerCreateOptions,
  files: readonly TarEntry[],
  own: Record<string, string>,
): ContainerSpec {
  const hash = createHash('sha256');
  hash.update(
    JSON.stringify([
      options,
      files
        .filter((entry) => !secrets.includes(entry))
        .map((entry) => ('content' in entry ? [entry.path, entry.content.toString('base64')] : entry)),
    ]),
  );
  const digest = hash.digest('hex').slice(0, 16);
  const all = { [labels.cluster]: plan.name, [labels.folder]: folder, ...own, [labels.configHash]: digest };
  return { name, files, hash: digest, options: { ...options, name, Labels: { ...options.Labels, ...all } } };
}

function hostContainer(
  { plan, embeddedImage, engineSocket: source, secrets }: ContainerContext,
  node: NodePlan,
  unit: UnitPlan,
) {
  const spec: HostSpec = {
    cluster: plan.name,
    node: node.name,
    address: node.site.address,
    services: unit.services.map(({ component, args, env }) => ({ component, argv: args, env })),
    controlSocket: inContainer.controlSocket,
    pidFile: inContainer.pidFile,
    statusFile: inContainer.statusFile,
    alone: true,
    cut: [],
    keepFresh: [],
    files: unit.services.flatMap(({ files }) => files),
    ...(plan.seed === undefined ? {} : { seed: plan.seed }),
  };
  const { dataDir } = node.site;
  const files: TarEntry[] = [
    { path: inContainer.unitFile, content: Buffer.from(JSON.stringify(spec)), mode: 0o600 },
    { path: posix.dirname(inContainer.controlSocket), folder: true, mode: 0o700 },
    ...secrets,
  ];
  const options: ContainerCreateOptions = {
    Image: embeddedImage,
    Entrypoint: [inImage.node, '--v8-pool-size=1', inImage.host],
    Cmd: [inContainer.unitFile],
    Env: ['LANG=C.UTF-8'],
    WorkingDir: '/',
    HostConfig: {
      Init: true,
      ...common(),
      Mounts: [
        { Type: 'volume', Source: volumeName(plan.name, node.name), Target: dataDir },
        { Type: 'bind', Source: source, Target: engineSocket },
      ],
    },
  };
  return { options, files };
}

/** A real program in a container of its own, as its image's own start wants it. */
function serviceContainer({ plan, engineSocket: socket }: ContainerContext, node: NodePlan, service: ServicePlan) {
  const { container: own } = service;
  const kept = (own?.volumes ?? []).map((target) => ({
    Type: 'volume' as const,
    Source: `${volumeName(plan.name, node.name)}-${service.component}${target.replaceAll('/', '-')}`,
    Target: target,
    VolumeOptions: {
      NoCopy: false,
      Labels: { [labels.cluster]: plan.name, [labels.node]: node.name, [labels.kind]: 'volume' },
      DriverConfig: localDriver,
    },
  }));
  const options: ContainerCreateOptions = {
    ...(service.image === undefined ? {} : { Image: service.image }),
    ...(own?.platform === undefined ? {} : { platform: own.platform }),
    ...(own?.entrypoint ? { Entrypoint: [...own.entrypoint] } : {}),
    ...(own?.user === undefined ? {} : { User: own.user }),
    ...(service.args.length > 0 ? { Cmd: [...service.args] } : {}),
    Env: Object.entries(service.env).map(([name, value]) => `${name}=${value}`),
    HostConfig: {
      Init: own?.init ?? false,
      ...common(own?.restart ?? true),
      Mounts: [
        { Type: 'volume', Source: volumeName(plan.name, node.name), Target: node.site.dataDir },
        ...kept,
        ...programMounts(plan, own),
        ...(own?.binds ?? []).map(({ source, target, readOnly }) => ({
          Type: 'bind' as const,
          Source: source === engineSocket ? socket : source,
          Target: target,
          ReadOnly: readOnly,
        })),
      ],
      ...(own?.hostPid ? { PidMode: 'host' } : {}),
      ...(own && own.capabilities.add.length > 0 ? { CapAdd: [...own.capabilities.add] } : {}),
      ...(own && own.capabilities.drop.length > 0 ? { CapDrop: [...own.capabilities.drop] } : {}),
      ...(own?.memory === undefined ? {} : { Memory: own.memory }),
    },
  };
  return { options, files: filesOf([service]) };
}

/** The volume is filled when it is made, so it is never made by this mount. */
function programMounts(plan: ClusterPlan, own: ContainerPlan | undefined) {
  if (!own?.programs) return [];
  const { volume, target } = own.programs;
  const VolumeOptions = { NoCopy: true, Labels: programLabels(plan.name), DriverConfig: localDriver };
  return [{ Type: 'volume' as const, Source: volume, Target: target, ReadOnly: true, VolumeOptions }];
}

/** Of the volume with programs that containers of a cluster are given. */
export function programLabels(cluster: string): Record<string, string> {
  return { [labels.cluster]: cluster, [labels.kind]: 'volume' };
}

export const localDriver = { Name: 'local', Options: {} };

function filesOf(services: readonly ServicePlan[]): TarEntry[] {
  return services.flatMap(({ files }) =>
    files.map(
      ({ path, content, mode }): TarEntry => ({
        path,
        content: Buffer.from(content),
        ...(mode === undefined ? {} : { mode }),
      }),
    ),
  );
}

function common(restart = true) {
  return {
    RestartPolicy: { Name: restart ? 'unless-stopped' : 'no' },
    LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
  };
}

function joining(plan: ClusterPlan, node: NodePlan) {
  return { NetworkMode: `container:${nodeContainerName(plan.name, node.name)}` };
}

/** The node's own identity: its name and address, the names of all nodes, its resolvers and published ports. */
function withNetwork(
  { plan }: ContainerContext,
  node: NodePlan,
  options: ContainerCreateOptions,
): ContainerCreateOptions {
  const { address, published, publishedAt, ports, taskPorts } = node.site;
  const network = networkName(plan.name);
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  const publish = (port: number, protocol: string, host: string, hostPort: number) => {
    bindings[`${port}/${protocol}`] = [{ HostIp: host, HostPort: String(hostPort) }];
  };
  for (const name of publishedPorts(node)) {
    const { host, port } = published[name];
    publish(ports[name], 'tcp', publishedAt ?? host, port);
    if (name === 'dns') publish(ports[name], 'udp', publishedAt ?? host, port);
  }
  // Not at the node's own loopback address: people are told that tasks are at 127.0.0.1.
  const taskAddress = publishedAt ?? (published.dns.host.startsWith('127.') ? '127.0.0.1' : published.dns.host);
  for (let port = taskPorts.begin; port <= taskPorts.end; port++) publish(port, 'tcp', taskAddress, port);
  const others = plan.nodes.filter(({ name }) => name !== node.name).map(({ site }) => site.address);
  return {
    ...options,
    Hostname: node.name,
    ExposedPorts: Object.fromEntries(Object.keys(bindings).map((port) => [port, {}])),
    HostConfig: {
      ...options.HostConfig,
      NetworkMode: network,
      PortBindings: bindings,
      // A name that vanished with its node would stop programs on the healthy ones.
      ExtraHosts: plan.nodes.map(({ name, site }) => `${name}:${site.address}`),
      Dns: [address, ...others].slice(0, 3),
    },
    NetworkingConfig: {
      EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: address }, Aliases: [node.name] } },
    },
  };
}

/** Peers speak to each other at the nodes' own addresses. */
export function publishedPorts(node: NodePlan): PortName[] {
  return portNamesOf(node.control).filter((name) => name !== 'zookeeper-peer' && name !== 'zookeeper-election');
}
