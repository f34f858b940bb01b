import { hostname as systemHostname } from 'node:os';
import { resolve } from 'node:path';
import { parseAttributes } from '../../protocols/mesos/attributes.ts';
import { type FlagDefaults, named, readMesosFlags } from '../../protocols/mesos/flags.ts';
import { addResources, parseResources } from '../../protocols/mesos/resources.ts';
import type { Attribute, DomainInfo, Resource } from '../../protocols/mesos/types.ts';
import { FlagError } from '../../support/flags.ts';
import { parseContainerDns } from './docker/dns.ts';
import type { DockerFlags } from './docker/flags.ts';

/**
 * Every flag of the real agent that this one knows, with the default that /flags shows; null has none. Those without
 * a meaning here (most of cgroups, authentication, …) are taken and shown, so that one command line serves both.
 * Source: src/slave/flags.cpp of Apache Mesos and a recorded /flags.
 */
const defaults: FlagDefaults = {
  advertise_ip: null,
  advertise_port: null,
  agent_features: null,
  allowed_capabilities: null,
  appc_simple_discovery_uri_prefix: 'http://',
  appc_store_dir: '/tmp/mesos/store/appc',
  attributes: null,
  authenticate_http_executors: 'false',
  authenticate_http_readonly: 'false',
  authenticate_http_readwrite: 'false',
  authenticatee: 'crammd5',
  authentication_backoff_factor: '1secs',
  authentication_timeout_max: '1mins',
  authentication_timeout_min: '5secs',
  authorizer: 'local',
  bounding_capabilities: null,
  cgroups_cpu_enable_pids_and_tids_count: 'false',
  cgroups_destroy_timeout: '1mins',
  cgroups_enable_cfs: 'false',
  cgroups_hierarchy: '/sys/fs/cgroup',
  cgroups_limit_swap: 'false',
  cgroups_net_cls_primary_handle: null,
  cgroups_net_cls_secondary_handles: null,
  cgroups_root: 'mesos',
  container_disk_watch_interval: '15secs',
  container_logger: null,
  containerizers: 'mesos',
  credential: null,
  default_container_dns: null,
  default_container_info: null,
  default_role: '*',
  default_shm_size: null,
  disallow_sharing_agent_ipc_namespace: 'false',
  disallow_sharing_agent_pid_namespace: 'false',
  disk_profile_adaptor: null,
  disk_watch_interval: '1mins',
  docker: 'docker',
  docker_config: null,
  docker_ignore_runtime: 'false',
  docker_kill_orphans: 'true',
  docker_mesos_image: null,
  docker_registry: 'https://registry-1.docker.io',
  docker_remove_delay: '6hrs',
  docker_socket: '/var/run/docker.sock',
  docker_stop_timeout: '0ns',
  docker_store_dir: '/tmp/mesos/store/docker',
  docker_volume_checkpoint_dir: '/var/run/mesos/isolators/docker/volume',
  docker_volume_chown: 'false',
  domain: null,
  domain_socket_location: null,
  dvdcli: null,
  effective_capabilities: null,
  enforce_container_disk_quota: 'false',
  ephemeral_ports_per_container: null,
  executor_environment_variables: null,
  executor_registration_timeout: '1mins',
  executor_reregistration_retry_interval: null,
  executor_reregistration_timeout: '2secs',
  executor_secret_key: null,
  executor_shutdown_grace_period: '5secs',
  external_log_file: null,
  fetcher_cache_dir: '/tmp/mesos/fetch',
  fetcher_cache_size: '2GB',
  fetcher_stall_timeout: '1mins',
  firewall_rules: null,
  frameworks_home: '',
  gc_delay: '1weeks',
  gc_disk_headroom: '0.1',
  gc_non_executor_container_sandboxes: 'false',
  hadoop_home: null,
  help: 'false',
  hooks: null,
  host_path_volume_force_creation: null,
  hostname: null,
  hostname_lookup: 'true',
  http_authenticators: null,
  http_command_executor: 'false',
  http_credentials: null,
  http_executor_domain_sockets: 'false',
  http_heartbeat_interval: '30secs',
  image_gc_config: null,
  image_providers: null,
  image_provisioner_backend: null,
  initialize_driver_logging: 'true',
  ip: null,
  ip_discovery_command: null,
  isolation: 'posix/cpu,posix/mem',
  jwt_secret_key: null,
  launcher: 'posix',
  launcher_dir: '/usr/libexec/mesos',
  log_dir: null,
  logbufsecs: '0',
  logging_level: 'INFO',
  master: null,
  master_detector: null,
  max_completed_executors_per_framework: '150',
  memory_profiling: 'false',
  modules: null,
  modules_dir: null,
  nested_container_quota: null,
  network_cni_config_dir: null,
  network_cni_metrics: 'true',
  network_cni_plugins_dir: null,
  network_cni_root_dir_persist: 'false',
  oversubscribed_resources_interval: '15secs',
  perf_duration: '10secs',
  perf_events: null,
  perf_interval: '1mins',
  port: '5051',
  qos_controller: null,
  qos_correction_interval_min: '0ns',
  quiet: 'false',
  reconfiguration_policy: 'equal',
  recover: 'reconnect',
  recovery_timeout: '15mins',
  registration_backoff_factor: '1secs',
  resource_estimator: null,
  resource_provider_config_dir: null,
  resources: null,
  revocable_cpu_low_priority: 'true',
  runtime_dir: '/var/run/mesos',
  sandbox_directory: '/mnt/mesos/sandbox',
  secret_resolver: null,
  secrets_dir: null,
  strict: 'true',
  switch_user: 'true',
  systemd_enable_support: 'false',
  systemd_runtime_directory: '/run/systemd/system',
  version: 'false',
  volume_gid_range: null,
  work_dir: null,
  xfs_kill_containers: 'false',
  xfs_project_range: null,
  zk_session_timeout: '10secs',
};

/** Shown under no circumstances: they hold secrets or say where secrets are. */
const hidden = new Set(['credential', 'http_credentials', 'jwt_secret_key', 'executor_secret_key', 'secrets_dir']);

/** What the agent was told, parsed. Durations are milliseconds. */
export interface AgentFlags {
  /** `zk://…`, or `host:port` of a master. */
  master: string;
  ip: string;
  /** 0: any free one. */
  port: number;
  advertiseIp: string;
  /** undefined: the port that was bound. */
  advertisePort: number | undefined;
  hostname: string;
  workDir: string;
  /** undefined: to be measured. */
  resources: Resource[] | undefined;
  attributes: Attribute[];
  domain: DomainInfo | undefined;
  switchUser: boolean;
  httpCommandExecutor: boolean;
  reconfigurationPolicy: 'equal' | 'additive';
  registrationBackoffMs: number;
  executorRegistrationTimeoutMs: number;
  executorReregistrationTimeoutMs: number;
  executorShutdownGraceMs: number;
  /** As text, for environments. */
  executorShutdownGrace: string;
  recoveryTimeout: string;
  gcDelayMs: number;
  gcDiskHeadroom: number;
  diskWatchIntervalMs: number;
  zkSessionTimeoutMs: number;
  fetcherCacheDir: string;
  fetcherStallTimeoutMs: number;
  frameworksHome: string;
  maxCompletedExecutors: number;
  executorEnvironment: Record<string, string> | undefined;
  launcherDir: string;
  logDir: string | undefined;
  externalLogFile: string | undefined;
  secretsDir: string | undefined;
  /** Whether tasks without a Docker image can run: as processes of the agent's. */
  runsProcesses: boolean;
  /** undefined: tasks with an image can't run. */
  docker: DockerFlags | undefined;
  /** Things about the flags that the log should tell. */
  remarks: readonly string[];
  /** As /flags shows them. */
  shown: Record<string, string>;
}

/**
 * Reads arguments and MESOS_* variables; arguments win.
 * @throws FlagError naming the flag
 */
export function parseAgentFlags(argv: readonly string[], env: Readonly<Record<string, string>>): AgentFlags {
  const flags = readMesosFlags(argv, env, defaults);
  const { given, text, duration } = flags;
  const required = (name: string, why: string): string => {
    const value = text(name);
    if (!value) throw new FlagError(`Flag '${name}' is required, but it was not provided: ${why}`);
    return value;
  };
  const number = (name: string, least: number, most: number): number => {
    const value = Number(text(name));
    if (!Number.isFinite(value) || value < least || value > most)
      throw new FlagError(`Failed to load flag '${name}': '${text(name)}' is no number from ${least} to ${most}`);
    return value;
  };
  const master = required('master', 'it is zk://host:port,…/path or host:port').trim();
  const workDir = resolve(required('work_dir', 'sandboxes and checkpoints are kept there'));
  const ip = text('ip') ?? '127.0.0.1';
  const port = number('port', 0, 65535);
  const policy = text('reconfiguration_policy');
  if (policy !== 'equal' && policy !== 'additive')
    throw new FlagError(`Failed to load flag 'reconfiguration_policy': '${policy}' is neither 'equal' nor 'additive'`);
  const defaultRole = text('default_role') ?? '*';
  const containerizers = (text('containerizers') ?? '').split(',').map((name) => name.trim());
  for (const name of containerizers)
    if (name !== 'docker' && name !== 'mesos')
      throw new FlagError(`Failed to load flag 'containerizers': Unknown or unsupported containerizer: '${name}'`);
  const shutdownGraceMs = duration('executor_shutdown_grace_period');
  const docker = (): DockerFlags => ({
    socket: named('docker_socket', () => socketPath(text('docker_socket')!)),
    config: text('docker_config'),
    removeDelayMs: duration('docker_remove_delay'),
    stopTimeoutMs: duration('docker_stop_timeout'),
    killOrphans: text('docker_kill_orphans') === 'true',
    limitCpus: text('cgroups_enable_cfs') === 'true',
    dns: named('default_container_dns', () =>
      parseContainerDns(json('default_container_dns', text('default_container_dns') ?? '{}')),
    ),
    mappedSandbox: text('sandbox_directory')!,
    // The first was replaced by the second; the bigger one counts.
    graceMs: Math.max(duration('docker_stop_timeout'), shutdownGraceMs),
    launchTimeoutMs: duration('executor_registration_timeout'),
  });
  return {
    master,
    ip,
    port,
    advertiseIp: text('advertise_ip') ?? ip,
    advertisePort: text('advertise_port') === undefined ? undefined : number('advertise_port', 1, 65535),
    hostname: text('hostname') ?? (given.hostname_lookup === false ? ip : systemHostname()),
    workDir,
    resources:
      text('resources') === undefined
        ? undefined
        : named('resources', () => readResources(text('resources')!, defaultRole)),
    attributes: named('attributes', () => parseAttributes(text('attributes') ?? '')),
    domain: text('domain') === undefined ? undefined : json<DomainInfo>('domain', text('domain')!),
    switchUser: text('switch_user') === 'true',
    httpCommandExecutor: text('http_command_executor') === 'true',
    reconfigurationPolicy: policy,
    registrationBackoffMs: duration('registration_backoff_factor'),
    executorRegistrationTimeoutMs: duration('executor_registration_timeout'),
    executorReregistrationTimeoutMs: duration('executor_reregistration_timeout'),
    executorShutdownGraceMs: shutdownGraceMs,
    executorShutdownGrace: text('executor_shutdown_grace_period')!,
    recoveryTimeout: text('recovery_timeout')!,
    gcDelayMs: duration('gc_delay'),
    gcDiskHeadroom: number('gc_disk_headroom', 0, 1),
    diskWatchIntervalMs: duration('disk_watch_interval'),
    zkSessionTimeoutMs: duration('zk_session_timeout'),
    // The real one's default is shared by all agents of a machine; two agents of ours must not share a cache.
    fetcherCacheDir: given.fetcher_cache_dir ? resolve(String(given.fetcher_cache_dir)) : resolve(workDir, 'fetch'),
    fetcherStallTimeoutMs: duration('fetcher_stall_timeout'),
    frameworksHome: text('frameworks_home') ?? '',
    maxCompletedExecutors: number('max_completed_executors_per_framework', 0, 1e6),
    executorEnvironment:
      text('executor_environment_variables') === undefined
        ? undefined
        : strings('executor_environment_variables', text('executor_environment_variables')!),
    launcherDir: text('launcher_dir')!,
    logDir: text('log_dir'),
    externalLogFile: text('external_log_file'),
    secretsDir: text('secrets_dir'),
    runsProcesses: containerizers.includes('mesos'),
    docker: containerizers.includes('docker') ? docker() : undefined,
    remarks:
      text('docker_mesos_image') === undefined
        ? []
        : ['docker_mesos_image is ignored: executors of Docker tasks are part of the agent, not containers'],
    shown: flags.shown(hidden, { hostname: text('hostname') }),
  };
}

function readResources(text: string, defaultRole: string): Resource[] {
  const resources = parseResources(text, defaultRole);
  // The real agent adds what isn't named from what it measures; ports are the one that frameworks can't do without.
  const has = (name: string) => resources.some((resource) => resource.name === name);
  return has('ports') ? resources : addResources(resources, parseResources('ports:[31000-32000]', defaultRole));
}

/** @throws FlagError */
function socketPath(text: string): string {
  const path = text.replace(/^unix:\/\//, '');
  if (!path.startsWith('/')) throw new FlagError(`'${text}' is no absolute path of a unix socket`);
  return path;
}

function json<T>(name: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new FlagError(`Failed to load flag '${name}': ${(error as Error).message}`);
  }
}

function strings(name: string, text: string): Record<string, string> {
  const value = json<unknown>(name, text);
  if (typeof value !== 'object' || value === null || Object.values(value).some((entry) => typeof entry !== 'string'))
    throw new FlagError(`Failed to load flag '${name}': expected a JSON object of strings`);
  return value as Record<string, string>;
}
