/** What `config.json` may say, under the names that `/v1/config` shows. Source: the configuration page of Mesos-DNS. */
export interface MesosDnsConfig {
  RefreshSeconds: number;
  Port: number;
  /** Seconds for one exchange with a resolver. */
  Timeout: number;
  StateTimeoutSeconds: number;
  /** Seconds without a leader after which the program ends; 0: never. */
  ZkDetectionTimeout: number;
  HttpPort: number;
  TTL: number;
  SRVRecordDefaultWeight: number;
  SOARefresh: number;
  SOARetry: number;
  SOAExpire: number;
  SOAMinttl: number;
  /** With a final dot. */
  SOAMname: string;
  SOARname: string;
  Masters: string[];
  ZoneResolvers: Record<string, string[]>;
  Resolvers: string[];
  IPSources: IpSource[];
  Zk: string;
  /** Lower case, without a final dot. */
  Domain: string;
  File: string;
  Listener: string;
  HTTPListener: string;
  RecurseOn: boolean;
  DnsOn: boolean;
  HttpOn: boolean;
  ExternalOn: boolean;
  EnforceRFC952: boolean;
  SetTruncateBit: boolean;
  EnumerationOn: boolean;
  MesosHTTPSOn: boolean;
  CACertFile: string;
  CertFile: string;
  KeyFile: string;
  MesosCredentials: { Principal: string; Secret: string };
  IAMConfigFile: string;
  MesosAuthentication: string;
}

export type IpSource = 'netinfo' | 'mesos' | 'docker' | 'host';

export class ConfigError extends Error {}

export const defaults: Readonly<MesosDnsConfig> = {
  RefreshSeconds: 60,
  Port: 53,
  Timeout: 5,
  StateTimeoutSeconds: 300,
  ZkDetectionTimeout: 30,
  HttpPort: 8123,
  TTL: 60,
  SRVRecordDefaultWeight: 1,
  SOARefresh: 60,
  SOARetry: 600,
  SOAExpire: 86400,
  SOAMinttl: 60,
  SOAMname: 'ns1.mesos.',
  SOARname: 'root.ns1.mesos.',
  Masters: [],
  ZoneResolvers: {},
  Resolvers: ['8.8.8.8'],
  IPSources: ['netinfo', 'mesos', 'host'],
  Zk: '',
  Domain: 'mesos',
  File: '',
  Listener: '0.0.0.0',
  HTTPListener: '0.0.0.0',
  RecurseOn: true,
  DnsOn: true,
  HttpOn: true,
  ExternalOn: true,
  EnforceRFC952: false,
  SetTruncateBit: true,
  EnumerationOn: true,
  MesosHTTPSOn: false,
  CACertFile: '',
  CertFile: '',
  KeyFile: '',
  MesosCredentials: { Principal: '', Secret: '' },
  IAMConfigFile: '',
  MesosAuthentication: '',
};

/**
 * Reads the text of a `config.json`: keys in any case, unknown ones ignored, as Go's decoder does it.
 * @param file its path, for messages and `/v1/config`
 * @param localResolvers what to use when the list of resolvers is empty
 * @throws ConfigError that names every mistake
 */
export function parseConfig(text: string, file: string, localResolvers: () => string[]): MesosDnsConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${file} is no JSON: ${(error as Error).message}`);
  }
  if (!isObject(json)) throw new ConfigError(`${file} must hold a JSON object`);
  const names = new Map(Object.keys(defaults).map((name) => [name.toLowerCase(), name as keyof MesosDnsConfig]));
  const mistakes: string[] = [];
  const config = structuredClone(defaults) as MesosDnsConfig;
  for (const [key, value] of Object.entries(json)) {
    const name = names.get(key.toLowerCase());
    if (!name || value === null) continue;
    const problem = assign(config, name, value);
    if (problem) mistakes.push(`${key}: ${problem}`);
  }
  config.File = file;
  config.Domain = config.Domain.toLowerCase();
  config.SOAMname = withDot(config.SOAMname);
  config.SOARname = withDot(config.SOARname.replaceAll('@', '.'));
  if (config.ExternalOn && config.Resolvers.length === 0) config.Resolvers = localResolvers();
  config.ZoneResolvers = Object.fromEntries(
    Object.entries(config.ZoneResolvers).map(([zone, list]) => [zone.toLowerCase().replace(/\.$/, ''), list]),
  );
  mistakes.push(...validate(config));
  if (mistakes.length > 0) throw new ConfigError(`${file}: ${mistakes.join('; ')}`);
  return config;
}

function assign(config: MesosDnsConfig, name: keyof MesosDnsConfig, value: unknown): string | undefined {
  const target = config as unknown as Record<string, unknown>;
  const model = defaults[name];
  if (name === 'ZoneResolvers') {
    if (!isObject(value) || !Object.values(value).every(isTexts)) return 'must map zones to lists of resolvers';
  } else if (name === 'MesosCredentials') {
    if (!isObject(value)) return 'must be an object';
    const entries = new Map(Object.entries(value).map(([key, text]) => [key.toLowerCase(), text]));
    const [principal, secret] = [entries.get('principal') ?? '', entries.get('secret') ?? ''];
    if (typeof principal !== 'string' || typeof secret !== 'string') return 'principal and secret must be texts';
    config.MesosCredentials = { Principal: principal, Secret: secret };
    return undefined;
  } else if (Array.isArray(model)) {
    if (!isTexts(value)) return 'must be a list of texts';
  } else if (typeof model === 'number') {
    if (!Number.isInteger(value)) return 'must be a whole number';
  } else if (typeof value !== typeof model) {
    return typeof model === 'boolean' ? 'must be true or false' : 'must be a text';
  }
  target[name] = value;
  return undefined;
}

function validate(config: MesosDnsConfig): string[] {
  const mistakes: string[] = [];
  const check = (good: boolean, mistake: string) => {
    if (!good) mistakes.push(mistake);
  };
  check(config.DnsOn || config.HttpOn, 'either DnsOn or HttpOn must be true');
  check(config.Masters.length > 0 || config.Zk !== '', 'Masters or Zk must be given');
  check(config.Masters.every(isHostPort), 'Masters must be host:port');
  check(new Set(config.Masters).size === config.Masters.length, 'Masters has duplicates');
  check(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(config.Domain), `'${config.Domain}' is no domain`);
  check(config.RefreshSeconds > 0, 'RefreshSeconds must be over 0');
  check(config.StateTimeoutSeconds > 0, 'StateTimeoutSeconds must be over 0');
  check(config.Timeout >= 0, 'Timeout must not be negative');
  check(config.ZkDetectionTimeout >= 0, 'ZkDetectionTimeout must not be negative');
  check(config.TTL >= 0, 'TTL must not be negative');
  for (const name of ['Port', 'HttpPort'] as const)
    check(config[name] > 0 && config[name] < 65536, `${name} must be a port`);
  const sources = ['netinfo', 'mesos', 'docker', 'host'];
  check(config.IPSources.length > 0, 'IPSources must not be empty');
  check(
    config.IPSources.every((source) => sources.includes(source)),
    `IPSources may name ${sources.join(', ')}`,
  );
  check(new Set(config.IPSources).size === config.IPSources.length, 'IPSources has duplicates');
  const lists: [string, string[]][] = [['Resolvers', config.ExternalOn ? config.Resolvers : []]];
  const zones = Object.keys(config.ZoneResolvers);
  for (const zone of zones) {
    lists.push([`the resolvers of the zone ${zone}`, config.ZoneResolvers[zone]!]);
    const others = [config.Domain, ...zones.filter((other) => other !== zone)];
    const overlapping = others.find(
      (other) => other === zone || other.endsWith(`.${zone}`) || zone.endsWith(`.${other}`),
    );
    check(overlapping === undefined, `the zone ${zone} overlaps ${overlapping}`);
  }
  for (const [name, list] of lists) {
    check(
      list.every((resolver) => parseResolver(resolver) !== undefined),
      `${name} must be IP addresses or ip:port`,
    );
    check(new Set(list).size === list.length, `${name} must not have duplicates`);
  }
  check(!config.MesosHTTPSOn, 'MesosHTTPSOn is not supported here');
  check(['', 'none', 'basic'].includes(config.MesosAuthentication), 'MesosAuthentication may be none or basic here');
  return mistakes;
}

/** `8.8.8.8`, `8.8.8.8:53`, `::1`, `[::1]:53`; undefined for anything else. */
export function parseResolver(text: string): { host: string; port: number } | undefined {
  const bracket = /^\[([0-9a-fA-F:.]+)\](?::(\d+))?$/.exec(text);
  if (bracket) return { host: bracket[1]!, port: Number(bracket[2] ?? 53) };
  const v4 = /^(\d+\.\d+\.\d+\.\d+)(?::(\d+))?$/.exec(text);
  if (v4) return { host: v4[1]!, port: Number(v4[2] ?? 53) };
  return /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text) ? { host: text, port: 53 } : undefined;
}

/** Addresses of the `nameserver` lines of a resolv.conf, without this machine's own. */
export function resolversOf(resolvConf: string, own: readonly string[]): string[] {
  const found = [...resolvConf.matchAll(/^\s*nameserver\s+([0-9a-fA-F:.]+)\s*$/gm)].map((match) => match[1]!);
  return [...new Set(found)].filter((address) => !own.includes(address));
}

function isHostPort(text: string): boolean {
  return /^(\[[^\]]+\]|[^:\s]+):\d{1,5}$/.test(text);
}

function withDot(name: string): string {
  return `${name.replace(/\.+$/, '')}.`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
