import { isAbsolute, join } from 'node:path';
import { rangesOf, scalarOf } from '../../../protocols/mesos/resources.ts';
import type { ContainerInfo, TaskInfo, Volume } from '../../../protocols/mesos/types.ts';
import type { Environment } from '../environment.ts';
import type { ContainerDns } from './dns.ts';
import type { Forward } from './forward.ts';
import { type ContainerNetwork, networkOf } from './network.ts';
import { applyParameters } from './parameters.ts';
import type { Placement } from './placement.ts';
import { type ContainerRequest, type Mount, RequestError } from './request.ts';

/** Where a container sees its task's sandbox. */
export const mappedSandbox = '/mnt/mesos/sandbox';

export interface TaskContainerContext {
  /** Of the container. */
  name: string;
  sandbox: string;
  /** The command's own variables, secrets resolved. */
  variables: Environment;
  labels: Readonly<Record<string, string>>;
  /** Secrets and persistent volumes, already there. */
  mounts: readonly Mount[];
  placement: Placement;
  /** Where the engine publishes ports when no node of a cluster does it. */
  ip: string;
  /** The flag `cgroups_enable_cfs`. */
  limitCpus: boolean;
  dns: readonly ContainerDns[];
  /** The flag `sandbox_directory`. */
  mappedSandbox: string;
}

export interface TaskContainer {
  request: ContainerRequest;
  network: ContainerNetwork;
  /** Ports of the node that lead into the container. */
  forwards: Forward[];
}

const reservedLabels = 'devcluster.';
const sharesPerCpu = 1024;
const leastShares = 2;
const quotaPeriodUs = 100_000;
const leastQuotaUs = 1000;
const leastMemoryMb = 32;

/**
 * What `docker run` is told for a task, as the Engine API takes it.
 * Source: Docker::RunOptions::create in src/docker/docker.cpp of Apache Mesos, its messages included.
 * @throws RequestError
 */
export function taskContainer(task: TaskInfo, context: TaskContainerContext): TaskContainer {
  const container = task.container;
  const docker = container?.docker;
  if (!container || !docker) throw new RequestError('the task has no Docker container info');
  const network = networkOf(container, context.placement);
  const { binds, driver } = volumesOf(container, context);
  const request: ContainerRequest = {
    Image: docker.image,
    ...commandOf(task),
    Env: Object.entries(environmentOf(task, context)).map(([name, value]) => `${name}=${value}`),
    Labels: {},
    HostConfig: {
      NetworkMode: network.mode,
      Binds: binds,
      // Not a bind as text, since ids of executors may hold colons.
      Mounts: [
        ...context.mounts,
        { Type: 'bind', Source: context.sandbox, Target: context.mappedSandbox, ReadOnly: false },
      ],
      Privileged: docker.privileged ?? false,
      ...(driver === undefined ? {} : { VolumeDriver: driver }),
      ...limitsOf(task, context.limitCpus),
    },
  };
  if (container.hostname !== undefined) {
    if (network.kind === 'HOST') throw new RequestError('Unable to set hostname with host network mode');
    request.Hostname = container.hostname;
  }
  const forwards = forwardsOf(task, container, network);
  if (context.placement.nodeContainer === undefined) publish(request, forwards, context.ip);
  applyParameters(request, docker.parameters ?? [], reservedLabels);
  if (!hasDns(container)) addDns(request, network, context.dns);
  Object.assign(request.Labels, context.labels);
  return { request, network, forwards: context.placement.nodeContainer === undefined ? [] : forwards };
}

function commandOf(task: TaskInfo): Pick<ContainerRequest, 'Cmd' | 'Entrypoint'> {
  const { shell = true, value, arguments: args = [] } = task.command ?? {};
  if (shell) {
    if (value === undefined) throw new RequestError('Shell specified but no command value provided');
    return { Entrypoint: ['/bin/sh'], Cmd: ['-c', value] };
  }
  const all = [...(value === undefined ? [] : [value]), ...args];
  return all.length > 0 ? { Cmd: all } : {};
}

function environmentOf(task: TaskInfo, context: TaskContainerContext): Environment {
  const role = task.resources?.find((resource) => resource.allocation_info?.role)?.allocation_info?.role;
  return {
    ...context.variables,
    MESOS_SANDBOX: context.mappedSandbox,
    MESOS_CONTAINER_NAME: context.name,
    ...(role === undefined ? {} : { MESOS_ALLOCATION_ROLE: role }),
  };
}

function limitsOf(task: TaskInfo, limitCpus: boolean) {
  const resources = task.resources ?? [];
  const cpus = scalarOf(resources, 'cpus');
  const mem = scalarOf(resources, 'mem');
  const cpuLimit = limitOf(task, 'cpus') ?? (limitCpus && cpus > 0 ? cpus : Number.POSITIVE_INFINITY);
  const memLimit = limitOf(task, 'mem');
  const memory = memLimit ?? (mem > 0 ? mem : Number.POSITIVE_INFINITY);
  const megabytes = (value: number) => Math.floor(Math.max(value, leastMemoryMb) * 1024 * 1024);
  return {
    ...(cpus > 0 ? { CpuShares: Math.max(leastShares, Math.floor(sharesPerCpu * cpus)) } : {}),
    ...(Number.isFinite(cpuLimit)
      ? { CpuPeriod: quotaPeriodUs, CpuQuota: Math.max(leastQuotaUs, Math.floor(quotaPeriodUs * cpuLimit)) }
      : {}),
    ...(Number.isFinite(memory) ? { Memory: megabytes(memory) } : {}),
    ...(memLimit !== undefined && mem > 0 ? { MemoryReservation: megabytes(mem) } : {}),
  };
}

/** A limit above the request; `Infinity` is none. */
function limitOf(task: TaskInfo, name: string): number | undefined {
  const limit = task.limits?.[name];
  if (limit === undefined) return undefined;
  return Number(typeof limit === 'object' ? limit.value : limit);
}

function volumesOf(container: ContainerInfo, context: TaskContainerContext): { binds: string[]; driver?: string } {
  const binds: string[] = [];
  let driver: string | undefined;
  for (const volume of container.volumes ?? []) {
    const target = isAbsolute(volume.container_path)
      ? volume.container_path
      : join(context.mappedSandbox, volume.container_path);
    const mode = volume.mode === 'RO' ? 'ro' : 'rw';
    const named = dockerVolume(volume);
    if (volume.host_path !== undefined) {
      if (!isAbsolute(volume.host_path) && !isAbsolute(volume.container_path))
        throw new RequestError(
          `Both host_path '${volume.host_path}' and container_path '${volume.container_path}' of a volume are relative`,
        );
      const source = isAbsolute(volume.host_path) ? volume.host_path : join(context.sandbox, volume.host_path);
      binds.push(`${source}:${target}:${mode}`);
    } else if (named) {
      if (driver !== undefined && named.driver !== undefined && named.driver !== driver)
        throw new RequestError('Only one volume driver is supported');
      driver = named.driver ?? driver;
      binds.push(`${named.name}:${target}:${mode}`);
    } else if (!volume.source) throw new RequestError('Host path or volume source is required');
  }
  return { binds, ...(driver === undefined ? {} : { driver }) };
}

function dockerVolume({ source }: Volume): { name: string; driver?: string } | undefined {
  if (source?.type !== 'DOCKER_VOLUME') return undefined;
  return source.docker_volume as { name: string; driver?: string } | undefined;
}

function forwardsOf(task: TaskInfo, { docker }: ContainerInfo, network: ContainerNetwork): Forward[] {
  const mappings = docker?.port_mappings ?? [];
  if (mappings.length === 0) return [];
  if (network.shared) throw new RequestError('Port mappings are only supported for bridge and user-defined networks');
  const ranges = rangesOf(task.resources ?? [], 'ports');
  if (ranges.length === 0) throw new RequestError('Port mappings require port resources');
  return mappings.map(({ host_port, container_port, protocol = 'tcp' }) => {
    if (!ranges.some(({ begin, end }) => host_port >= begin && host_port <= end))
      throw new RequestError(`Port [${host_port}] not included in resources`);
    if (protocol !== 'tcp' && protocol !== 'udp')
      throw new RequestError(`The protocol '${protocol}' of port ${host_port} is neither 'tcp' nor 'udp'`);
    return { protocol, hostPort: host_port, containerPort: container_port };
  });
}

/** Without a cluster the engine itself publishes, at the agent's address: there the task is looked for. */
function publish(request: ContainerRequest, forwards: readonly Forward[], ip: string): void {
  if (forwards.length === 0) return;
  const bindings: NonNullable<ContainerRequest['HostConfig']['PortBindings']> = {};
  request.ExposedPorts = {};
  for (const { protocol, hostPort, containerPort } of forwards) {
    const port = `${containerPort}/${protocol}`;
    request.ExposedPorts[port] = {};
    bindings[port] = [...(bindings[port] ?? []), { HostIp: ip, HostPort: String(hostPort) }];
  }
  request.HostConfig.PortBindings = bindings;
}

function hasDns(container: ContainerInfo): boolean {
  const names = ['dns', 'dns-search', 'dns-opt', 'dns-option'];
  return container.docker?.parameters?.some(({ key }) => names.includes(key)) ?? false;
}

function addDns(request: ContainerRequest, network: ContainerNetwork, known: readonly ContainerDns[]): void {
  if (network.shared) return;
  const fits = known.filter(({ mode }) => mode === network.kind);
  const found = fits.findLast(({ name }) => name === network.mode) ?? fits.findLast(({ name }) => name === undefined);
  if (!found) return;
  Object.assign(request.HostConfig, {
    Dns: [...found.nameservers],
    DnsSearch: [...found.search],
    DnsOptions: [...found.options],
  });
}
