import { type ContainerRequest, type HostConfig, RequestError } from './request.ts';

/**
 * Takes the parameters of a task's container in: options of `docker run` without the dashes, in their order.
 * What would take the container out of the agent's hands (its name, its removal, its restart, its ports) is refused, and
 * so is what this agent doesn't know: a real one would give it to `docker run`.
 * @param reserved beginning of the labels that are the agent's own
 * @throws RequestError naming the parameter
 */
export function applyParameters(
  request: ContainerRequest,
  parameters: readonly { key: string; value: string }[],
  reserved: string,
): void {
  for (const { key, value } of parameters) {
    const name = key.replace(/^-+/, '');
    const fail = (why: string) => new RequestError(`Invalid Docker parameter '--${name}=${value}': ${why}`);
    if (Object.hasOwn(refused, name)) throw fail(refused[name]!);
    const apply = Object.hasOwn(options, name) ? options[name] : undefined;
    if (!apply) throw fail('this agent does not know it');
    if (['label', 'l'].includes(name) && value.startsWith(reserved))
      throw fail(`labels that begin with '${reserved}' are the agent's own`);
    try {
      apply(request, value);
    } catch (error) {
      throw error instanceof RequestError ? fail(error.message) : error;
    }
  }
}

/** What no parameter may say, and why. */
const refused: Readonly<Record<string, string>> = {
  name: 'the agent finds its containers by their names',
  rm: 'the agent needs the container after its end; it is removed after docker_remove_delay',
  restart: 'tasks are started again by their framework',
  cidfile: 'there is no command line here that could write it',
  'env-file': 'a file of the agent would be meant; use the environment of the task',
  'label-file': 'a file of the agent would be meant; use labels',
  publish: 'use the port mappings of the container, which frameworks know of',
  p: 'use the port mappings of the container, which frameworks know of',
  'publish-all': 'use the port mappings of the container, which frameworks know of',
  P: 'use the port mappings of the container, which frameworks know of',
};

type Apply = (request: ContainerRequest, value: string) => void;

/** Members of HostConfig by their type, so that a table can name them. */
type Key<T> = {
  [K in keyof HostConfig]-?: Exclude<HostConfig[K], undefined> extends T
    ? T extends Exclude<HostConfig[K], undefined>
      ? K
      : never
    : never;
}[keyof HostConfig];

const toList =
  (key: Key<string[]>): Apply =>
  ({ HostConfig }, value) => {
    HostConfig[key] = [...(HostConfig[key] ?? []), value];
  };
const toText =
  (key: Key<string>): Apply =>
  ({ HostConfig }, value) => {
    HostConfig[key] = value;
  };
const toNumber =
  (key: Key<number>): Apply =>
  ({ HostConfig }, value) => {
    HostConfig[key] = number(value);
  };
const toSize =
  (key: Key<number>): Apply =>
  ({ HostConfig }, value) => {
    HostConfig[key] = bytes(value);
  };
const toSwitch =
  (key: Key<boolean>): Apply =>
  ({ HostConfig }, value) => {
    HostConfig[key] = truth(value);
  };
const toMap =
  (key: Key<Record<string, string>>, separator = '='): Apply =>
  ({ HostConfig }, value) => {
    const [name, text] = cut(value, separator);
    HostConfig[key] = { ...HostConfig[key], [name]: text };
  };
const env: Apply = (request, value) => {
  // A name alone would mean a variable of the agent's own, which tasks never see.
  if (value.includes('=')) request.Env.push(value);
};
const label: Apply = (request, value) => {
  const [name, text] = cut(value, '=');
  request.Labels[name] = text;
};
const volume: Apply = (request, value) => {
  if (value.includes(':')) request.HostConfig.Binds.push(value);
  else request.Volumes = { ...request.Volumes, [value]: {} };
};
const ignored: Apply = () => {};
const alias: Apply = (request, value) => {
  const endpoint = endpointOf(request);
  endpoint.Aliases = [...(endpoint.Aliases ?? []), value];
};

const options: Readonly<Record<string, Apply>> = {
  'add-host': toList('ExtraHosts'),
  'blkio-weight': toNumber('BlkioWeight'),
  'cap-add': toList('CapAdd'),
  'cap-drop': toList('CapDrop'),
  'cgroup-parent': toText('CgroupParent'),
  cgroupns: toText('CgroupnsMode'),
  'cpu-period': toNumber('CpuPeriod'),
  'cpu-quota': toNumber('CpuQuota'),
  'cpu-shares': toNumber('CpuShares'),
  c: toNumber('CpuShares'),
  cpus: ({ HostConfig }, value) => {
    HostConfig.NanoCpus = Math.round(number(value) * 1e9);
    // The engine takes only one of the two.
    delete HostConfig.CpuQuota;
  },
  'cpuset-cpus': toText('CpusetCpus'),
  'cpuset-mems': toText('CpusetMems'),
  detach: ignored,
  d: ignored,
  device: ({ HostConfig }, value) => {
    const [host = '', second = host, third] = value.split(':');
    const onlyRights = third === undefined && /^[rwm]+$/.test(second);
    HostConfig.Devices = [
      ...(HostConfig.Devices ?? []),
      {
        PathOnHost: host,
        PathInContainer: onlyRights ? host : second,
        CgroupPermissions: onlyRights ? second : (third ?? 'rwm'),
      },
    ];
  },
  'device-cgroup-rule': toList('DeviceCgroupRules'),
  dns: toList('Dns'),
  'dns-opt': toList('DnsOptions'),
  'dns-option': toList('DnsOptions'),
  'dns-search': toList('DnsSearch'),
  domainname: (request, value) => {
    request.Domainname = value;
  },
  entrypoint: (request, value) => {
    // As with `docker run`, the image's own command goes with its entrypoint.
    request.Entrypoint = value === '' ? [''] : [value];
  },
  env,
  e: env,
  expose: (request, value) => {
    request.ExposedPorts = { ...request.ExposedPorts, [value.includes('/') ? value : `${value}/tcp`]: {} };
  },
  'group-add': toList('GroupAdd'),
  hostname: (request, value) => {
    request.Hostname = value;
  },
  h: (request, value) => {
    request.Hostname = value;
  },
  init: toSwitch('Init'),
  interactive: (request, value) => {
    request.OpenStdin = truth(value);
  },
  i: (request, value) => {
    request.OpenStdin = truth(value);
  },
  ip: (request, value) => {
    const endpoint = endpointOf(request);
    endpoint.IPAMConfig = { IPv4Address: value };
  },
  ipc: toText('IpcMode'),
  isolation: toText('Isolation'),
  label,
  l: label,
  link: toList('Links'),
  'log-driver': ({ HostConfig }, value) => {
    HostConfig.LogConfig = { ...HostConfig.LogConfig, Type: value };
  },
  'log-opt': ({ HostConfig }, value) => {
    const [name, text] = cut(value, '=');
    HostConfig.LogConfig = {
      // The engine takes options for the driver that is named only; this one is its usual one.
      Type: HostConfig.LogConfig?.Type ?? 'json-file',
      Config: { ...HostConfig.LogConfig?.Config, [name]: text },
    };
  },
  'mac-address': (request, value) => {
    request.MacAddress = value;
  },
  memory: toSize('Memory'),
  m: toSize('Memory'),
  'memory-reservation': toSize('MemoryReservation'),
  'memory-swap': toSize('MemorySwap'),
  'memory-swappiness': toNumber('MemorySwappiness'),
  mount: ({ HostConfig }, value) => {
    const entries = value.split(',').map((part) => cut(part, '='));
    const get = (...names: string[]) => entries.find(([name]) => names.includes(name))?.[1];
    const type = get('type') ?? 'volume';
    const target = get('target', 'dst', 'destination');
    if ((type !== 'bind' && type !== 'volume' && type !== 'tmpfs') || !target)
      throw new RequestError("a mount has a type of 'bind', 'volume' or 'tmpfs' and a target");
    const source = get('source', 'src');
    const readOnly = get('readonly', 'ro');
    HostConfig.Mounts.push({
      Type: type,
      ...(source === undefined ? {} : { Source: source }),
      Target: target,
      ReadOnly: readOnly !== undefined && truth(readOnly),
    });
  },
  // The network was decided before everything that depends on it.
  net: ignored,
  network: ignored,
  'net-alias': alias,
  'network-alias': alias,
  'oom-kill-disable': toSwitch('OomKillDisable'),
  'oom-score-adj': toNumber('OomScoreAdj'),
  pid: toText('PidMode'),
  'pids-limit': toNumber('PidsLimit'),
  privileged: toSwitch('Privileged'),
  'read-only': toSwitch('ReadonlyRootfs'),
  runtime: toText('Runtime'),
  'security-opt': toList('SecurityOpt'),
  'shm-size': toSize('ShmSize'),
  'sig-proxy': ignored,
  'stop-signal': (request, value) => {
    request.StopSignal = value;
  },
  'stop-timeout': (request, value) => {
    request.StopTimeout = number(value);
  },
  'storage-opt': toMap('StorageOpt'),
  sysctl: toMap('Sysctls'),
  tmpfs: toMap('Tmpfs', ':'),
  tty: (request, value) => {
    request.Tty = truth(value);
  },
  t: (request, value) => {
    request.Tty = truth(value);
  },
  ulimit: ({ HostConfig }, value) => {
    const [name, limits] = cut(value, '=');
    const [soft = '', hard = soft] = limits.split(':');
    HostConfig.Ulimits = [...(HostConfig.Ulimits ?? []), { Name: name, Soft: number(soft), Hard: number(hard) }];
  },
  user: (request, value) => {
    request.User = value;
  },
  u: (request, value) => {
    request.User = value;
  },
  userns: toText('UsernsMode'),
  uts: toText('UTSMode'),
  volume,
  v: volume,
  'volume-driver': toText('VolumeDriver'),
  'volumes-from': toList('VolumesFrom'),
  workdir: (request, value) => {
    request.WorkingDir = value;
  },
  w: (request, value) => {
    request.WorkingDir = value;
  },
};

/** The settings of the container in its network, of which the engine is told by the network's name. */
function endpointOf(request: ContainerRequest) {
  const mode = request.HostConfig.NetworkMode;
  const endpoints = (request.NetworkingConfig ??= { EndpointsConfig: {} }).EndpointsConfig;
  return (endpoints[mode] ??= {});
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new RequestError(`'${text}' is no number`);
  return value;
}

function truth(text: string): boolean {
  if (['', '1', 't', 'true'].includes(text.toLowerCase())) return true;
  if (['0', 'f', 'false'].includes(text.toLowerCase())) return false;
  throw new RequestError(`'${text}' is neither 'true' nor 'false'`);
}

/** `-1`, `1048576`, `64m`, `1.5GB`. */
function bytes(text: string): number {
  const match = /^(-1|\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (!match) throw new RequestError(`'${text}' is no size; '64m' is one`);
  const factor = 1024 ** ['', 'k', 'm', 'g', 't'].indexOf(match[2]!.toLowerCase().replace('b', ''));
  return Math.floor(Number(match[1]) * factor);
}
