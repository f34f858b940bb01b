/**
 * The Mesos v1 API's messages in their JSON form: proto field names, enums as names, bytes as base64. Only what this
 * project reads or writes is typed; unknown fields pass through untouched.
 * Source: include/mesos/v1/mesos.proto and scheduler/scheduler.proto of Apache Mesos.
 */

export interface Value<T = string> {
  value: T;
}

export interface ValueRange {
  begin: number;
  end: number;
}

export interface ReservationInfo {
  type?: 'UNKNOWN' | 'STATIC' | 'DYNAMIC';
  role?: string;
  principal?: string;
  labels?: Labels;
}

export interface DiskInfo {
  persistence?: { id: string; principal?: string };
  volume?: Volume;
  source?: Record<string, unknown>;
}

export interface Resource {
  name: string;
  type: 'SCALAR' | 'RANGES' | 'SET' | 'TEXT';
  scalar?: Value<number>;
  ranges?: { range: ValueRange[] };
  set?: { item: string[] };
  /** The pre-refinement form: the role the resource is reserved for, `*` when unreserved. */
  role?: string;
  reservation?: ReservationInfo;
  reservations?: ReservationInfo[];
  allocation_info?: { role?: string };
  disk?: DiskInfo;
  revocable?: Record<string, never>;
  shared?: Record<string, never>;
}

export interface Attribute {
  name: string;
  type: 'SCALAR' | 'RANGES' | 'SET' | 'TEXT';
  scalar?: Value<number>;
  ranges?: { range: ValueRange[] };
  set?: { item: string[] };
  text?: Value;
}

export interface Label {
  key: string;
  value?: string;
}

export interface Labels {
  labels: Label[];
}

export interface Address {
  hostname?: string;
  ip?: string;
  port: number;
}

export interface DomainInfo {
  fault_domain?: { region: { name: string }; zone: { name: string } };
}

export interface EnvironmentVariable {
  name: string;
  type?: 'UNKNOWN' | 'VALUE' | 'SECRET';
  value?: string;
  secret?: Secret;
}

export interface Secret {
  type?: 'UNKNOWN' | 'REFERENCE' | 'VALUE';
  reference?: { name: string; key?: string };
  value?: { data: string };
}

export interface CommandUri {
  value: string;
  executable?: boolean;
  extract?: boolean;
  cache?: boolean;
  output_file?: string;
}

export interface CommandInfo {
  uris?: CommandUri[];
  environment?: { variables: EnvironmentVariable[] };
  /** Default true: `value` is run by `/bin/sh -c`. */
  shell?: boolean;
  value?: string;
  arguments?: string[];
  user?: string;
}

export interface PortMapping {
  host_port: number;
  container_port: number;
  protocol?: string;
}

export interface Volume {
  mode?: 'RW' | 'RO';
  container_path: string;
  host_path?: string;
  source?: Record<string, unknown>;
}

export interface ContainerInfo {
  type: 'DOCKER' | 'MESOS';
  volumes?: Volume[];
  hostname?: string;
  docker?: {
    image: string;
    network?: 'HOST' | 'BRIDGE' | 'NONE' | 'USER';
    port_mappings?: PortMapping[];
    privileged?: boolean;
    parameters?: { key: string; value: string }[];
    force_pull_image?: boolean;
  };
  mesos?: Record<string, unknown>;
  network_infos?: NetworkInfo[];
  linux_info?: Record<string, unknown>;
  tty_info?: Record<string, unknown>;
}

export interface NetworkInfo {
  ip_addresses?: { protocol?: 'IPv4' | 'IPv6'; ip_address?: string }[];
  name?: string;
  groups?: string[];
  labels?: Labels;
  port_mappings?: PortMapping[];
}

export interface HealthCheck {
  type?: 'UNKNOWN' | 'COMMAND' | 'HTTP' | 'TCP';
  /** Seconds. */
  delay_seconds?: number;
  interval_seconds?: number;
  timeout_seconds?: number;
  grace_period_seconds?: number;
  consecutive_failures?: number;
  command?: CommandInfo;
  http?: { protocol?: 'IPv4' | 'IPv6'; scheme?: string; port: number; path?: string; statuses?: number[] };
  tcp?: { protocol?: 'IPv4' | 'IPv6'; port: number };
}

export interface CheckInfo {
  type?: 'UNKNOWN' | 'COMMAND' | 'HTTP' | 'TCP';
  delay_seconds?: number;
  interval_seconds?: number;
  timeout_seconds?: number;
  command?: { command: CommandInfo };
  http?: { port: number; path?: string };
  tcp?: { port: number };
}

export interface KillPolicy {
  grace_period?: { nanoseconds: number };
}

export interface DiscoveryPort {
  number: number;
  name?: string;
  protocol?: string;
  visibility?: 'FRAMEWORK' | 'CLUSTER' | 'EXTERNAL';
  labels?: Labels;
}

export interface DiscoveryInfo {
  visibility: 'FRAMEWORK' | 'CLUSTER' | 'EXTERNAL';
  name?: string;
  environment?: string;
  location?: string;
  version?: string;
  ports?: { ports: DiscoveryPort[] };
  labels?: Labels;
}

export interface TaskInfo {
  name: string;
  task_id: Value;
  agent_id: Value;
  resources?: Resource[];
  executor?: ExecutorInfo;
  command?: CommandInfo;
  container?: ContainerInfo;
  health_check?: HealthCheck;
  check?: CheckInfo;
  kill_policy?: KillPolicy;
  data?: string;
  labels?: Labels;
  discovery?: DiscoveryInfo;
  max_completion_time?: { nanoseconds: number };
  limits?: Record<string, { value: number } | number>;
}

export interface ExecutorInfo {
  type?: 'UNKNOWN' | 'DEFAULT' | 'CUSTOM';
  executor_id: Value;
  framework_id?: Value;
  command?: CommandInfo;
  container?: ContainerInfo;
  resources?: Resource[];
  name?: string;
  source?: string;
  data?: string;
  discovery?: DiscoveryInfo;
  shutdown_grace_period?: { nanoseconds: number };
  labels?: Labels;
}

export type TaskState =
  | 'TASK_STAGING'
  | 'TASK_STARTING'
  | 'TASK_RUNNING'
  | 'TASK_KILLING'
  | 'TASK_FINISHED'
  | 'TASK_FAILED'
  | 'TASK_KILLED'
  | 'TASK_ERROR'
  | 'TASK_LOST'
  | 'TASK_DROPPED'
  | 'TASK_UNREACHABLE'
  | 'TASK_GONE'
  | 'TASK_GONE_BY_OPERATOR'
  | 'TASK_UNKNOWN';

const terminal: ReadonlySet<TaskState> = new Set([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
]);

/** Whether a task in this state will never run again. */
export function isTerminal(state: TaskState): boolean {
  return terminal.has(state);
}

export interface ContainerStatus {
  container_id?: Value & { parent?: Value };
  network_infos?: NetworkInfo[];
  cgroup_info?: Record<string, unknown>;
  executor_pid?: number;
}

export interface TaskStatus {
  task_id: Value;
  state: TaskState;
  message?: string;
  source?: 'SOURCE_MASTER' | 'SOURCE_AGENT' | 'SOURCE_EXECUTOR';
  reason?: string;
  data?: string;
  agent_id?: Value;
  executor_id?: Value;
  /** Seconds since 1970. */
  timestamp?: number;
  /** base64; present exactly when the update must be acknowledged. */
  uuid?: string;
  healthy?: boolean;
  check_status?: Record<string, unknown>;
  labels?: Labels;
  container_status?: ContainerStatus;
  unreachable_time?: { nanoseconds: number };
}

export interface FrameworkInfo {
  user: string;
  name: string;
  id?: Value;
  /** Seconds; default 0. */
  failover_timeout?: number;
  checkpoint?: boolean;
  role?: string;
  roles?: string[];
  hostname?: string;
  principal?: string;
  webui_url?: string;
  capabilities?: { type: string }[];
  labels?: Labels;
  domain?: DomainInfo;
}

export interface AgentInfo {
  hostname: string;
  port?: number;
  resources?: Resource[];
  attributes?: Attribute[];
  id?: Value;
  domain?: DomainInfo;
}

export interface Unavailability {
  start: { nanoseconds: number };
  duration?: { nanoseconds: number };
}

export interface Offer {
  id: Value;
  framework_id: Value;
  agent_id: Value;
  hostname: string;
  url?: { scheme: string; address: Address; path?: string };
  domain?: DomainInfo;
  resources: Resource[];
  attributes?: Attribute[];
  executor_ids?: Value[];
  allocation_info?: { role?: string };
  unavailability?: Unavailability;
}

export interface Filters {
  /** Default 5. */
  refuse_seconds?: number;
}

/** One operation on accepted offers; the member named like the type in lower case holds its payload. */
export interface OfferOperation {
  type: string;
  id?: Value;
  launch?: { task_infos: TaskInfo[] };
  launch_group?: { executor: ExecutorInfo; task_group: { tasks: TaskInfo[] } };
  reserve?: { source?: Resource[]; resources: Resource[] };
  unreserve?: { resources: Resource[] };
  create?: { volumes: Resource[] };
  destroy?: { volumes: Resource[] };
}

export interface MasterInfo {
  id: string;
  /** The IPv4 address as a 32-bit number whose lowest byte is the first octet. */
  ip: number;
  port: number;
  pid?: string;
  hostname?: string;
  version?: string;
  address?: Address;
  domain?: DomainInfo;
  capabilities?: { type: string }[];
}

/** A call of POST /api/v1/scheduler. */
export interface SchedulerCall {
  type: string;
  framework_id?: Value;
  subscribe?: { framework_info: FrameworkInfo; suppressed_roles?: string[]; offer_constraints?: unknown };
  accept?: { offer_ids: Value[]; operations?: OfferOperation[]; filters?: Filters };
  decline?: { offer_ids: Value[]; filters?: Filters };
  revive?: { roles?: string[] };
  suppress?: { roles?: string[] };
  kill?: { task_id: Value; agent_id?: Value; kill_policy?: KillPolicy };
  shutdown?: { executor_id: Value; agent_id: Value };
  acknowledge?: { agent_id: Value; task_id: Value; uuid: string };
  reconcile?: { tasks?: { task_id: Value; agent_id?: Value }[] };
  message?: { agent_id: Value; executor_id: Value; data: string };
  update_framework?: { framework_info: FrameworkInfo; suppressed_roles?: string[]; offer_constraints?: unknown };
}

/** An event on a scheduler's stream. */
export type SchedulerEvent =
  | {
      type: 'SUBSCRIBED';
      subscribed: { framework_id: Value; heartbeat_interval_seconds?: number; master_info?: MasterInfo };
    }
  | { type: 'OFFERS'; offers: { offers: Offer[] } }
  | { type: 'RESCIND'; rescind: { offer_id: Value } }
  | { type: 'UPDATE'; update: { status: TaskStatus } }
  | {
      type: 'UPDATE_OPERATION_STATUS';
      update_operation_status: { status: { operation_id?: Value; state: string; message?: string; agent_id?: Value } };
    }
  | { type: 'MESSAGE'; message: { agent_id: Value; executor_id: Value; data: string } }
  | { type: 'FAILURE'; failure: { agent_id?: Value; executor_id?: Value; status?: number } }
  | { type: 'ERROR'; error: { message: string } }
  | { type: 'HEARTBEAT' };
