import { hostname as systemHostname } from 'node:os';
import { type FlagDefaults, named, readMesosFlags } from '../../protocols/mesos/flags.ts';
import { parseZkUrl, type ZkUrl } from '../../protocols/mesos/leader.ts';
import type { DomainInfo } from '../../protocols/mesos/types.ts';
import { FlagError } from '../../support/flags.ts';
import type { ClusterSettings } from './core/model.ts';

/**
 * Every flag of the real master, with the default that /flags shows; null has none. Those without a meaning here
 * (authentication, authorization, modules, …) are taken and shown, so that one command line serves both.
 * Source: src/master/flags.cpp of Apache Mesos and a recorded /flags.
 */
const defaults: FlagDefaults = {
  acls: null,
  advertise_ip: null,
  advertise_port: null,
  agent_ping_timeout: '15secs',
  agent_removal_rate_limit: null,
  agent_reregister_timeout: '10mins',
  allocation_interval: '1secs',
  allocator: 'hierarchical',
  allocator_agent_recovery_factor: '0.8',
  allocator_recovery_timeout: '10mins',
  authenticate_agents: 'false',
  authenticate_frameworks: 'false',
  authenticate_http_frameworks: 'false',
  authenticate_http_readonly: 'false',
  authenticate_http_readwrite: 'false',
  authentication_v0_timeout: '15secs',
  authenticators: 'crammd5',
  authorizers: 'local',
  cluster: null,
  credentials: null,
  domain: null,
  external_log_file: null,
  fair_sharing_excluded_resource_names: null,
  filter_gpu_resources: 'true',
  firewall_rules: null,
  framework_sorter: 'drf',
  help: 'false',
  hooks: null,
  hostname: null,
  hostname_lookup: 'true',
  http_authenticators: 'basic',
  http_framework_authenticators: null,
  initialize_driver_logging: 'true',
  ip: null,
  ip_discovery_command: null,
  log_auto_initialize: 'true',
  log_dir: null,
  logbufsecs: '0',
  logging_level: 'INFO',
  master_contender: null,
  master_detector: null,
  max_agent_ping_timeouts: '5',
  max_completed_frameworks: '50',
  max_completed_tasks_per_framework: '1000',
  max_executors_per_agent: null,
  max_operator_event_stream_subscribers: '1000',
  max_unreachable_tasks_per_framework: '1000',
  memory_profiling: 'false',
  min_allocatable_resources: 'cpus:0.01|mem:32',
  modules: null,
  modules_dir: null,
  offer_constraints_re2_max_mem: '4KB',
  offer_constraints_re2_max_program_size: '100',
  offer_timeout: null,
  port: '5050',
  publish_per_framework_metrics: 'true',
  quiet: 'false',
  quorum: null,
  rate_limits: null,
  recovery_agent_removal_limit: '100%',
  registry: 'replicated_log',
  registry_fetch_timeout: '1mins',
  registry_gc_interval: '15mins',
  registry_max_agent_age: '2weeks',
  registry_max_agent_count: '102400',
  registry_store_timeout: '20secs',
  registry_strict: 'false',
  require_agent_domain: 'false',
  role_sorter: 'drf',
  roles: null,
  root_submissions: 'true',
  version: 'false',
  webui_dir: null,
  weights: null,
  whitelist: null,
  work_dir: null,
  zk: null,
  zk_session_timeout: '10secs',
};

/** Shown under no circumstances. */
const hidden = new Set(['credentials']);

/** What the master was told, parsed. Durations are milliseconds. */
export interface MasterFlags {
  /** Undefined: it leads by itself. */
  zk: ZkUrl | undefined;
  zkSessionTimeoutMs: number;
  ip: string;
  /** 0: any free one. */
  port: number;
  advertiseIp: string | undefined;
  advertisePort: number | undefined;
  hostname: string;
  cluster: string | undefined;
  /** Undefined for a registry in memory. */
  workDir: string | undefined;
  domain: DomainInfo | undefined;
  logDir: string | undefined;
  externalLogFile: string | undefined;
  maxOperatorStreams: number;
  /** What needs HTTP basic credentials, and the file that holds them. */
  guarded: Set<'readonly' | 'readwrite' | 'frameworks'>;
  credentialsFile: string | undefined;
  settings: ClusterSettings;
  /** As /flags shows them. */
  shown: Record<string, string>;
}

/**
 * Reads arguments and MESOS_* variables; arguments win.
 * @throws FlagError naming the flag
 */
export function parseMasterFlags(argv: readonly string[], env: Readonly<Record<string, string>>): MasterFlags {
  const flags = readMesosFlags(argv, env, defaults);
  const { given, text, duration } = flags;
  const number = (name: string, least: number, most = 2 ** 31): number => {
    const value = Number(text(name));
    if (!Number.isInteger(value) || value < least || value > most)
      throw new FlagError(`Failed to load flag '${name}': '${text(name)}' is no whole number from ${least} to ${most}`);
    return value;
  };
  const zk = text('zk');
  const workDir = text('work_dir');
  const inMemory = text('registry') === 'in_memory';
  if (!inMemory && text('registry') !== 'replicated_log')
    throw new FlagError(`'${text('registry')}' is not a supported option for registry persistence`);
  if (!inMemory && workDir === undefined)
    throw new FlagError('--work_dir needed for replicated log based registry (or give --registry=in_memory)');
  if (!inMemory && zk !== undefined && text('quorum') === undefined)
    throw new FlagError('Need to specify --quorum for replicated log based registry when using ZooKeeper');
  const agentPingTimeoutMs = duration('agent_ping_timeout');
  if (agentPingTimeoutMs < 1000 || agentPingTimeoutMs > 15 * 60_000)
    throw new FlagError('Expected `--agent_ping_timeout` to be between 1secs and 15mins');
  const agentReregisterTimeoutMs = duration('agent_reregister_timeout');
  if (agentReregisterTimeoutMs < 10 * 60_000)
    throw new FlagError(
      `Invalid value '${text('agent_reregister_timeout')}' for --agent_reregister_timeout: Must be at least 10mins`,
    );
  const guarded = new Set(
    (['readonly', 'readwrite', 'frameworks'] as const).filter((realm) => text(`authenticate_http_${realm}`) === 'true'),
  );
  if (guarded.size > 0 && text('credentials') === undefined)
    throw new FlagError(
      `Flag 'credentials' is required by --authenticate_http_${[...guarded][0]}: it names the file that holds them`,
    );
  const ip = text('ip') ?? '127.0.0.1';
  const hostname = text('hostname') ?? (given.hostname_lookup === false ? ip : systemHostname());
  return {
    zk: zk === undefined ? undefined : named('zk', () => parseZkUrl(zk)),
    zkSessionTimeoutMs: duration('zk_session_timeout'),
    ip,
    port: number('port', 0, 65535),
    advertiseIp: text('advertise_ip'),
    advertisePort: text('advertise_port') === undefined ? undefined : number('advertise_port', 1, 65535),
    hostname,
    cluster: text('cluster'),
    workDir: inMemory ? undefined : workDir,
    domain: text('domain') === undefined ? undefined : readDomain(text('domain')!),
    logDir: text('log_dir'),
    externalLogFile: text('external_log_file'),
    maxOperatorStreams: number('max_operator_event_stream_subscribers', 1),
    guarded,
    credentialsFile: text('credentials'),
    settings: {
      allocationIntervalMs: duration('allocation_interval'),
      offerTimeoutMs: text('offer_timeout') === undefined ? undefined : duration('offer_timeout'),
      agentPingTimeoutMs,
      maxAgentPingTimeouts: number('max_agent_ping_timeouts', 1),
      agentReregisterTimeoutMs,
      roles: text('roles') === undefined ? undefined : new Set(['*', ...list(text('roles')!)]),
      weights: named('weights', () => readWeights(text('weights') ?? '')),
      rootSubmissions: text('root_submissions') === 'true',
      filterGpuResources: text('filter_gpu_resources') === 'true',
      maxCompletedFrameworks: number('max_completed_frameworks', 0),
      maxCompletedTasks: number('max_completed_tasks_per_framework', 0),
      maxUnreachableTasks: number('max_unreachable_tasks_per_framework', 0),
      minAllocatable: named('min_allocatable_resources', () => readMinimum(text('min_allocatable_resources') ?? '')),
    },
    shown: withoutPassword(flags.shown(hidden, { hostname })),
  };
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function readWeights(text: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const entry of list(text)) {
    const equals = entry.indexOf('=');
    const weight = Number(entry.slice(equals + 1));
    if (equals <= 0 || !(weight > 0) || !Number.isFinite(weight))
      throw new FlagError(`Invalid weight: '${entry}'. Expected 'role=weight' with a weight above 0`);
    weights.set(entry.slice(0, equals), weight);
  }
  return weights;
}

/** `cpus:0.01|mem:32`: alternatives, each of amounts joined by `;`. Nothing at all allows everything. */
function readMinimum(text: string): Map<string, number>[] {
  return text.split('|').map((alternative) => {
    const amounts = new Map<string, number>();
    for (const piece of alternative.split(';')) {
      if (piece.trim() === '') continue;
      const colon = piece.indexOf(':');
      const amount = Number(piece.slice(colon + 1));
      if (colon <= 0 || !Number.isFinite(amount) || amount < 0)
        throw new FlagError(`'${piece.trim()}' is not of the form name:amount`);
      amounts.set(piece.slice(0, colon).trim(), amount);
    }
    return amounts;
  });
}

function readDomain(text: string): DomainInfo {
  try {
    const domain = JSON.parse(text) as DomainInfo;
    if (!domain.fault_domain?.region.name || !domain.fault_domain.zone.name)
      throw new FlagError('`domain` must define `fault_domain`');
    return domain;
  } catch (error) {
    throw new FlagError(`Failed to load flag 'domain': ${(error as Error).message}`);
  }
}

/** The URL of ZooKeeper may hold one. */
function withoutPassword(shown: Record<string, string>): Record<string, string> {
  return shown.zk === undefined ? shown : { ...shown, zk: shown.zk.replace(/\/\/[^/@]*@/, '//') };
}
