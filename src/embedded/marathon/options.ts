import { hostname as systemHostname, userInfo } from 'node:os';
import { parseZkUrl, type ZkUrl } from '../../protocols/mesos/leader.ts';
import { messageOf } from '../../support/errors.ts';
import { FlagError, type FlagValues, parseFlags } from '../../support/flags.ts';

/** Marathon's options as numbers, in milliseconds unless the name says otherwise. */
export interface MarathonOptions {
  master: string;
  zk: ZkUrl;
  hostname: string;
  httpAddress: string;
  httpPort: number;
  /** Only with a keystore. */
  https: { address: string; port: number; keystore: string; password: string | undefined } | undefined;
  httpCredentials: { user: string; password: string } | undefined;
  httpMaxConcurrentRequests: number | undefined;
  eventStreamMaxOutstanding: number;
  corsOrigins: string[];
  ha: boolean;
  mesosRole: string;
  mesosUser: string;
  frameworkName: string;
  failoverTimeoutSeconds: number;
  checkpoint: boolean;
  webuiUrl: string | undefined;
  maxInstancesPerOffer: number;
  launchTokens: number;
  launchTokenRefreshMs: number;
  minReviveOffersMs: number;
  declineOfferMs: number;
  reconciliationInitialMs: number;
  reconciliationMs: number;
  scaleAppsInitialMs: number;
  scaleAppsMs: number;
  taskLaunchMs: number;
  taskLaunchConfirmMs: number;
  taskReservationMs: number;
  taskLostExpungeInitialMs: number;
  taskLostExpungeMs: number;
  killChunkSize: number;
  maintenanceMode: boolean;
  drainingMs: number;
  /** `--mesos_authentication_principal` */
  principal: string | undefined;
  killRetryMs: number;
  localPortMin: number;
  localPortMax: number;
  envVarsPrefix: string | undefined;
  features: ReadonlySet<string>;
  gpuScheduling: 'restricted' | 'unrestricted';
  defaultNetworkName: string | undefined;
  mesosBridgeName: string;
  executor: string;
  defaultAcceptedResourceRoles: 'any' | 'reserved' | 'unreserved';
  newGroupEnforceRole: 'top' | 'off';
  leaderProxyConnectMs: number;
  leaderProxyReadMs: number;
  leaderProxyMaxConnections: number;
  zkSessionMs: number;
  zkConnectionMs: number;
  zkTimeoutMs: number;
  zkMaxVersions: number;
  zkCompression: boolean;
  zkCompressionThreshold: number;
  zkMaxNodeSize: number;
  onElectedPrepareMs: number;
  maxRunningDeployments: number;
  mesosHeartbeatFailureThreshold: number;
  metricsPrefix: string;
  prometheus: boolean;
  /** As given, for /v2/info. */
  raw: FlagValues;
}

const known = {
  master: 'value',
  mesos_leader_ui_url: 'value',
  zk: 'value',
  hostname: 'value',
  http_address: 'value',
  http_port: 'value',
  disable_http: 'switch',
  https_address: 'value',
  https_port: 'value',
  ssl_keystore_path: 'value',
  ssl_keystore_password: 'value',
  http_credentials: 'value',
  http_realm: 'value',
  http_max_concurrent_requests: 'value',
  http_event_stream_max_outstanding_messages: 'value',
  http_compression: 'switch',
  access_control_allow_origin: 'value',
  ha: 'switch',
  disable_ha: 'switch',
  mesos_role: 'value',
  mesos_user: 'value',
  mesos_authentication: 'switch',
  mesos_authentication_principal: 'value',
  mesos_authentication_secret_file: 'value',
  framework_name: 'value',
  failover_timeout: 'value',
  checkpoint: 'switch',
  disable_checkpoint: 'switch',
  executor: 'value',
  webui_url: 'value',
  max_instances_per_offer: 'value',
  max_tasks_per_offer: 'value',
  launch_token: 'value',
  launch_tokens: 'value',
  launch_token_refresh_interval: 'value',
  min_revive_offers_interval: 'value',
  revive_offers_for_new_apps: 'switch',
  decline_offer_duration: 'value',
  offer_matching_timeout: 'value',
  gpu_scheduling_behavior: 'value',
  reconciliation_initial_delay: 'value',
  reconciliation_interval: 'value',
  scale_apps_initial_delay: 'value',
  scale_apps_interval: 'value',
  task_launch_timeout: 'value',
  task_launch_confirm_timeout: 'value',
  task_lost_expunge_initial_delay: 'value',
  task_lost_expunge_interval: 'value',
  task_reservation_timeout: 'value',
  kill_chunk_size: 'value',
  kill_retry_timeout: 'value',
  local_port_min: 'value',
  local_port_max: 'value',
  env_vars_prefix: 'value',
  enable_features: 'value',
  default_network_name: 'value',
  mesos_bridge_name: 'value',
  new_group_enforce_role: 'value',
  default_accepted_resource_roles: 'value',
  leader_proxy_connection_timeout: 'value',
  leader_proxy_read_timeout: 'value',
  leader_proxy_max_open_connections: 'value',
  zk_session_timeout: 'value',
  zk_connection_timeout: 'value',
  zk_timeout: 'value',
  zk_max_versions: 'value',
  zk_compression: 'switch',
  disable_zk_compression: 'switch',
  zk_compression_threshold: 'value',
  zk_max_node_size: 'value',
  on_elected_prepare_timeout: 'value',
  max_running_deployments: 'value',
  mesos_heartbeat_interval: 'value',
  mesos_heartbeat_failure_threshold: 'value',
  metrics_name_prefix: 'value',
  metrics_prometheus: 'switch',
  disable_metrics_prometheus: 'switch',
  metrics_datadog: 'switch',
  metrics_statsd: 'switch',
  metrics_histogram_reservoir_significant_digits: 'value',
  metrics_histogram_reservoir_reset_periodically: 'switch',
  store_cache: 'switch',
  disable_store_cache: 'switch',
  storage_cache: 'switch',
  internal_store_backend: 'value',
  maintenance_mode: 'switch',
  disable_maintenance_mode: 'switch',
  logging_level: 'value',
  plugin_dir: 'value',
  plugin_conf: 'value',
  backup_location: 'value',
  draining_seconds: 'value',
  deprecated_features: 'value',
} as const satisfies Record<string, 'value' | 'switch'>;

type Name = keyof typeof known;

const knownFeatures = ['vips', 'task_killing', 'external_volumes', 'secrets', 'gpu_resources'];

/**
 * Reads `--name value`, `--name=value`, switches and MARATHON_* variables; an option in both places is refused.
 * @throws FlagError
 */
export function parseOptions(argv: readonly string[], env: Readonly<Record<string, string>>): MarathonOptions {
  const raw = parseFlags(argv, env, { prefix: 'MARATHON_', known, duplicates: 'refuse' });
  const text = (name: Name): string | undefined => {
    const value = raw[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const number = (name: Name, fallback: number): number => integer(name, text(name)) ?? fallback;
  const enabled = (name: Name, disabling: Name, fallback = true): boolean => {
    if (raw[disabling] === true) return false;
    return typeof raw[name] === 'boolean' ? raw[name] : fallback;
  };
  const master = text('master');
  if (master === undefined) throw new FlagError("Required option 'master' not found");
  const httpPort = number('http_port', 8080);
  if (httpPort < 0 || httpPort > 65535) throw new FlagError(`http_port must be a port number, not ${httpPort}`);
  const keystore = text('ssl_keystore_path');
  if (raw.disable_http === true)
    throw new FlagError('disable_http is not supported: the instances of this Marathon reach each other over HTTP');
  const gpuScheduling = text('gpu_scheduling_behavior') ?? 'restricted';
  if (gpuScheduling !== 'restricted' && gpuScheduling !== 'unrestricted')
    throw new FlagError(`gpu_scheduling_behavior must be 'restricted' or 'unrestricted', not '${gpuScheduling}'`);
  const features = new Set(list(text('enable_features')));
  const unknown = [...features].filter((feature) => !knownFeatures.includes(feature));
  if (unknown.length > 0)
    throw new FlagError(
      `Unknown features specified: ${unknown.join(', ')}. Available features are: ${knownFeatures.join(', ')}`,
    );
  const enforceRole = text('new_group_enforce_role') ?? 'off';
  if (enforceRole !== 'top' && enforceRole !== 'off')
    throw new FlagError(`new_group_enforce_role must be 'top' or 'off', not '${enforceRole}'`);
  const acceptedRoles = text('default_accepted_resource_roles') ?? 'any';
  if (acceptedRoles !== 'any' && acceptedRoles !== 'reserved' && acceptedRoles !== 'unreserved')
    throw new FlagError(
      `default_accepted_resource_roles must be 'any', 'reserved' or 'unreserved', not '${acceptedRoles}'`,
    );
  const localPortMin = number('local_port_min', 10000);
  const localPortMax = number('local_port_max', 20000);
  if (localPortMin >= localPortMax)
    throw new FlagError(`local_port_min (${localPortMin}) must be lower than local_port_max (${localPortMax})`);
  return {
    master,
    zk: zkUrl(text('zk') ?? 'zk://localhost:2181/marathon'),
    hostname: text('hostname') ?? systemHostname(),
    httpAddress: text('http_address') ?? '0.0.0.0',
    httpPort,
    https:
      keystore === undefined
        ? undefined
        : {
            address: text('https_address') ?? text('http_address') ?? '0.0.0.0',
            port: number('https_port', 8443),
            keystore,
            password: text('ssl_keystore_password'),
          },
    httpCredentials: credentials(text('http_credentials')),
    httpMaxConcurrentRequests: integer('http_max_concurrent_requests', text('http_max_concurrent_requests')),
    eventStreamMaxOutstanding: number('http_event_stream_max_outstanding_messages', 1024),
    corsOrigins: list(text('access_control_allow_origin')),
    ha: enabled('ha', 'disable_ha'),
    mesosRole: text('mesos_role') ?? '*',
    mesosUser: text('mesos_user') ?? userInfo().username,
    frameworkName: text('framework_name') ?? 'marathon',
    failoverTimeoutSeconds: number('failover_timeout', 604800),
    checkpoint: enabled('checkpoint', 'disable_checkpoint'),
    webuiUrl: text('webui_url'),
    maxInstancesPerOffer: number('max_instances_per_offer', number('max_tasks_per_offer', 5)),
    launchTokens: number('launch_tokens', number('launch_token', 100)),
    launchTokenRefreshMs: number('launch_token_refresh_interval', 30000),
    minReviveOffersMs: number('min_revive_offers_interval', 5000),
    declineOfferMs: number('decline_offer_duration', 120000),
    reconciliationInitialMs: number('reconciliation_initial_delay', 15000),
    reconciliationMs: number('reconciliation_interval', 600000),
    scaleAppsInitialMs: number('scale_apps_initial_delay', 15000),
    scaleAppsMs: number('scale_apps_interval', 300000),
    taskLaunchMs: number('task_launch_timeout', 300000),
    taskLaunchConfirmMs: number('task_launch_confirm_timeout', 300000),
    taskReservationMs: number('task_reservation_timeout', 20000),
    taskLostExpungeInitialMs: number('task_lost_expunge_initial_delay', 300000),
    taskLostExpungeMs: number('task_lost_expunge_interval', 30000),
    maintenanceMode: enabled('maintenance_mode', 'disable_maintenance_mode'),
    drainingMs: number('draining_seconds', 0) * 1000,
    principal: text('mesos_authentication_principal'),
    killChunkSize: number('kill_chunk_size', 100),
    killRetryMs: number('kill_retry_timeout', 30000),
    localPortMin,
    localPortMax,
    envVarsPrefix: text('env_vars_prefix'),
    features,
    gpuScheduling,
    defaultNetworkName: text('default_network_name'),
    mesosBridgeName: text('mesos_bridge_name') ?? 'mesos-bridge',
    executor: text('executor') ?? '//cmd',
    defaultAcceptedResourceRoles: acceptedRoles,
    newGroupEnforceRole: enforceRole,
    leaderProxyConnectMs: number('leader_proxy_connection_timeout', 5000),
    leaderProxyReadMs: number('leader_proxy_read_timeout', 10000),
    leaderProxyMaxConnections: number('leader_proxy_max_open_connections', 64),
    zkSessionMs: number('zk_session_timeout', 10000),
    zkConnectionMs: number('zk_connection_timeout', 10000),
    zkTimeoutMs: number('zk_timeout', 10000),
    zkMaxVersions: Math.max(1, number('zk_max_versions', 50)),
    zkCompression: enabled('zk_compression', 'disable_zk_compression'),
    zkCompressionThreshold: number('zk_compression_threshold', 64 * 1024),
    zkMaxNodeSize: number('zk_max_node_size', 1024 * 1000),
    onElectedPrepareMs: number('on_elected_prepare_timeout', 180000),
    maxRunningDeployments: number('max_running_deployments', 100),
    mesosHeartbeatFailureThreshold: number('mesos_heartbeat_failure_threshold', 5),
    metricsPrefix: text('metrics_name_prefix') ?? 'marathon',
    prometheus: enabled('metrics_prometheus', 'disable_metrics_prometheus'),
    raw,
  };
}

function zkUrl(text: string): ZkUrl {
  try {
    const url = parseZkUrl(text);
    if (url.path === '/')
      throw new RangeError(`'${redactZkUrl(text)}' names no path: expected zk://host:port,.../path`);
    return url;
  } catch (error) {
    throw new FlagError(messageOf(error));
  }
}

/** The URL as it may be shown: without credentials. */
export function redactZkUrl(url: string): string {
  return url.replace(/^zk:\/\/[^/@]+@/, 'zk://xxxxxxxx:xxxxxxxx@');
}

/** The `marathon_config`, `zookeeper_config` and `http_config` of GET /v2/info. */
export function describeOptions(options: MarathonOptions, leaderUiUrl: string | null) {
  const shown = (name: Name): string | null => {
    const value = options.raw[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    marathon_config: {
      access_control_allow_origin: options.corsOrigins.length > 0 ? options.corsOrigins : null,
      checkpoint: options.checkpoint,
      decline_offer_duration: options.declineOfferMs,
      default_network_name: options.defaultNetworkName ?? null,
      env_vars_prefix: options.envVarsPrefix ?? null,
      executor: options.executor,
      failover_timeout: options.failoverTimeoutSeconds,
      features: [...options.features],
      framework_name: options.frameworkName,
      ha: options.ha,
      hostname: options.hostname,
      launch_token: options.launchTokens,
      launch_token_refresh_interval: options.launchTokenRefreshMs,
      leader_proxy_connection_timeout_ms: options.leaderProxyConnectMs,
      leader_proxy_read_timeout_ms: options.leaderProxyReadMs,
      local_port_max: options.localPortMax,
      local_port_min: options.localPortMin,
      master: redactZkUrl(options.master),
      max_instances_per_offer: options.maxInstancesPerOffer,
      mesos_bridge_name: options.mesosBridgeName,
      mesos_heartbeat_failure_threshold: options.mesosHeartbeatFailureThreshold,
      mesos_heartbeat_interval:
        integer('mesos_heartbeat_interval', shown('mesos_heartbeat_interval') ?? undefined) ?? 15000,
      mesos_leader_ui_url: shown('mesos_leader_ui_url') ?? leaderUiUrl,
      mesos_role: options.mesosRole,
      mesos_user: options.mesosUser,
      new_group_enforce_role: options.newGroupEnforceRole,
      min_revive_offers_interval: options.minReviveOffersMs,
      offer_matching_timeout: integer('offer_matching_timeout', shown('offer_matching_timeout') ?? undefined) ?? 3000,
      on_elected_prepare_timeout: options.onElectedPrepareMs,
      reconciliation_initial_delay: options.reconciliationInitialMs,
      reconciliation_interval: options.reconciliationMs,
      scale_apps_initial_delay: options.scaleAppsInitialMs,
      scale_apps_interval: options.scaleAppsMs,
      store_cache: options.raw.disable_store_cache !== true,
      task_launch_confirm_timeout: options.taskLaunchConfirmMs,
      task_launch_timeout: options.taskLaunchMs,
      task_lost_expunge_initial_delay: options.taskLostExpungeInitialMs,
      task_lost_expunge_interval: options.taskLostExpungeMs,
      task_reservation_timeout: options.taskReservationMs,
      webui_url: options.webuiUrl ?? null,
      maintenance_mode: options.maintenanceMode,
    },
    zookeeper_config: {
      zk: redactZkUrl(shown('zk') ?? 'zk://localhost:2181/marathon'),
      zk_compression: options.zkCompression,
      zk_compression_threshold: options.zkCompressionThreshold,
      zk_connection_timeout: options.zkConnectionMs,
      zk_max_node_size: options.zkMaxNodeSize,
      zk_max_versions: options.zkMaxVersions,
      zk_session_timeout: options.zkSessionMs,
      zk_timeout: options.zkTimeoutMs,
    },
    http_config: {
      http_port: options.httpPort,
      https_port: options.https?.port ?? integer('https_port', shown('https_port') ?? undefined) ?? 8443,
    },
  };
}

function integer(name: Name, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^-?\d+$/.test(text)) throw new FlagError(`Bad arguments for option '${name}': '${text}' is no whole number`);
  return Number(text);
}

function list(text: string | undefined): string[] {
  return text === undefined
    ? []
    : text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
}

function credentials(text: string | undefined): { user: string; password: string } | undefined {
  if (text === undefined) return undefined;
  const colon = text.indexOf(':');
  if (colon <= 0) throw new FlagError("http_credentials must have the form 'username:password'");
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
