/**
 * The objects of Marathon's REST API (version 1.11) in their JSON form, as a server writes them and a client reads them.
 * Source: docs/docs/rest-api/public/api/v2 and core/event/Events.scala of Marathon.
 */

/** ISO-8601, UTC, milliseconds: `2024-05-01T10:00:00.000Z`. Timestamps of this form sort as text. */
export type Timestamp = string;

/** An absolute path such as `/shop/web`; `/` is the root group. */
export type PathId = string;

export type Labels = Readonly<Record<string, string>>;

export type EnvValue = string | { readonly secret: string };

/** `[field, operator]` or `[field, operator, value]`. */
export type Constraint = readonly [string, string] | readonly [string, string, string];

export type NetworkMode = 'container' | 'container/bridge' | 'host';

export interface AppNetwork {
  readonly mode: NetworkMode;
  readonly name?: string;
  readonly labels?: Labels;
}

export type NetworkProtocol = 'tcp' | 'udp' | 'udp,tcp';

export interface PortDefinition {
  /** The service port; 0 until one is assigned. Also the host port when `requirePorts` is set. */
  readonly port: number;
  readonly protocol: NetworkProtocol;
  readonly name?: string;
  readonly labels?: Labels;
}

export interface PortMapping {
  /** 0: the same number as the host port. */
  readonly containerPort: number;
  /** Absent: no host port; 0: any offered one. */
  readonly hostPort?: number;
  /** 0 until one is assigned. */
  readonly servicePort: number;
  readonly protocol: NetworkProtocol;
  readonly name?: string;
  readonly labels?: Labels;
  readonly networkNames?: readonly string[];
}

export interface DockerParameter {
  readonly key: string;
  readonly value: string;
}

export interface DockerContainer {
  readonly image: string;
  readonly forcePullImage: boolean;
  readonly privileged: boolean;
  readonly parameters: readonly DockerParameter[];
  readonly pullConfig?: { readonly secret: string };
  readonly credential?: { readonly principal: string; readonly secret?: string };
}

export interface HostVolume {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly mode: 'RO' | 'RW';
}

export interface PersistentVolume {
  readonly containerPath: string;
  readonly mode: 'RO' | 'RW';
  readonly persistent: {
    readonly type?: 'root' | 'path' | 'mount';
    /** MiB. */
    readonly size: number;
    readonly maxSize?: number;
    readonly profileName?: string;
    readonly constraints?: readonly Constraint[];
  };
}

export interface ExternalVolume {
  readonly containerPath: string;
  readonly mode: 'RO' | 'RW';
  readonly external: {
    readonly size?: number;
    readonly name?: string;
    readonly provider?: string;
    readonly options?: Readonly<Record<string, unknown>>;
    readonly shared?: boolean;
  };
}

export interface SecretVolume {
  readonly containerPath: string;
  readonly secret: string;
}

export type AppVolume = HostVolume | PersistentVolume | ExternalVolume | SecretVolume;

export interface LinuxInfo {
  readonly seccomp?: { readonly profileName?: string; readonly unconfined: boolean };
  readonly ipcInfo?: { readonly mode: 'PRIVATE' | 'SHARE_PARENT'; readonly shmSize?: number };
}

export interface AppContainer {
  readonly type: 'DOCKER' | 'MESOS';
  readonly docker?: DockerContainer;
  readonly volumes: readonly AppVolume[];
  /** Only off host networking. */
  readonly portMappings?: readonly PortMapping[];
  readonly linuxInfo?: LinuxInfo;
}

export type HealthCheckProtocol = 'HTTP' | 'HTTPS' | 'TCP' | 'COMMAND' | 'MESOS_HTTP' | 'MESOS_HTTPS' | 'MESOS_TCP';

export interface AppHealthCheck {
  readonly protocol: HealthCheckProtocol;
  readonly path?: string;
  readonly port?: number;
  readonly portIndex?: number;
  readonly command?: { readonly value: string };
  readonly gracePeriodSeconds: number;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly maxConsecutiveFailures: number;
  readonly delaySeconds: number;
  readonly ignoreHttp1xx?: boolean;
  readonly ipProtocol: 'IPv4' | 'IPv6';
}

export interface AppCheck {
  readonly http?: {
    readonly portIndex?: number;
    readonly port?: number;
    readonly path?: string;
    readonly scheme: 'HTTP' | 'HTTPS';
  };
  readonly tcp?: { readonly portIndex?: number; readonly port?: number };
  readonly exec?: { readonly command: { readonly shell: string } | { readonly argv: readonly string[] } };
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly delaySeconds: number;
}

export interface ReadinessCheck {
  readonly name: string;
  readonly protocol: 'HTTP' | 'HTTPS';
  readonly path: string;
  readonly portName: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly httpStatusCodesForReady: readonly number[];
  readonly preserveLastResponse: boolean;
}

export interface UpgradeStrategy {
  /** Share of the instances, 0 to 1, that stay healthy during an upgrade. */
  readonly minimumHealthCapacity: number;
  /** Share of the instances, 0 to 1, that may run in addition during an upgrade. */
  readonly maximumOverCapacity: number;
}

export type UnreachableStrategy =
  | 'disabled'
  | { readonly inactiveAfterSeconds: number; readonly expungeAfterSeconds: number };

export type KillSelection = 'YOUNGEST_FIRST' | 'OLDEST_FIRST';

export interface Artifact {
  readonly uri: string;
  readonly extract: boolean;
  readonly executable: boolean;
  readonly cache: boolean;
  readonly destPath?: string;
}

export interface VersionInfo {
  readonly lastScalingAt: Timestamp;
  readonly lastConfigChangeAt: Timestamp;
}

export type ResourceLimit = number | 'unlimited';

/**
 * An application with every default filled in and legacy fields converted. The JSON of the API leaves out the
 * collections that are empty; see {@link AppJson}.
 */
export interface AppDefinition {
  readonly id: PathId;
  readonly acceptedResourceRoles?: readonly string[];
  readonly args: readonly string[];
  readonly backoffFactor: number;
  readonly backoffSeconds: number;
  readonly check?: AppCheck;
  readonly cmd?: string;
  readonly constraints: readonly Constraint[];
  readonly container?: AppContainer;
  readonly cpus: number;
  /** Absolute paths of apps or groups. */
  readonly dependencies: readonly PathId[];
  /** MiB, as `mem`. */
  readonly disk: number;
  readonly env: Readonly<Record<string, EnvValue>>;
  readonly executor: string;
  readonly executorResources?: { readonly cpus: number; readonly mem: number; readonly disk: number };
  readonly fetch: readonly Artifact[];
  readonly gpus: number;
  readonly healthChecks: readonly AppHealthCheck[];
  readonly instances: number;
  readonly killSelection: KillSelection;
  readonly labels: Labels;
  readonly maxLaunchDelaySeconds: number;
  readonly mem: number;
  readonly networks: readonly AppNetwork[];
  /** Only with host networking. */
  readonly portDefinitions?: readonly PortDefinition[];
  readonly readinessChecks: readonly ReadinessCheck[];
  readonly requirePorts: boolean;
  readonly residency?: {
    readonly relaunchEscalationTimeoutSeconds: number;
    readonly taskLostBehavior: 'WAIT_FOREVER' | 'RELAUNCH_AFTER_TIMEOUT';
  };
  readonly resourceLimits?: { readonly cpus?: ResourceLimit; readonly mem?: ResourceLimit };
  readonly role: string;
  readonly secrets: Readonly<Record<string, { readonly source: string }>>;
  readonly taskKillGracePeriodSeconds?: number;
  readonly tty?: boolean;
  readonly unreachableStrategy: UnreachableStrategy;
  readonly upgradeStrategy: UpgradeStrategy;
  readonly user?: string;
  readonly version: Timestamp;
  readonly versionInfo: VersionInfo;
}

type OmittedWhenEmpty =
  | 'args'
  | 'constraints'
  | 'dependencies'
  | 'env'
  | 'fetch'
  | 'healthChecks'
  | 'readinessChecks'
  | 'secrets';

/** An application as the API writes it. */
export type AppJson = Omit<AppDefinition, OmittedWhenEmpty> & Partial<Pick<AppDefinition, OmittedWhenEmpty>>;

/** `/v2/apps` and `/v2/groups` entries: the application with what was asked to be embedded. */
export interface AppInfo extends AppJson {
  readonly tasksStaged?: number;
  readonly tasksRunning?: number;
  readonly tasksHealthy?: number;
  readonly tasksUnhealthy?: number;
  readonly deployments?: readonly { readonly id: string }[];
  readonly tasks?: readonly Task[];
  readonly readinessCheckResults?: readonly ReadinessCheckResult[];
  readonly lastTaskFailure?: TaskFailure;
  readonly tasksStats?: TaskStatsByVersion;
}

export interface GroupInfo {
  readonly id: PathId;
  readonly apps?: readonly AppInfo[];
  /** See pods.ts. */
  readonly pods?: readonly unknown[];
  readonly groups?: readonly GroupInfo[];
  readonly dependencies: readonly PathId[];
  readonly version: Timestamp;
  readonly enforceRole?: boolean;
}

export interface IpAddress {
  readonly ipAddress: string;
  readonly protocol: 'IPv4' | 'IPv6';
}

export interface Health {
  readonly alive: boolean;
  readonly consecutiveFailures: number;
  readonly instanceId: string;
  readonly firstSuccess?: Timestamp;
  readonly lastSuccess?: Timestamp;
  readonly lastFailure?: Timestamp;
  readonly lastFailureCause?: string;
}

export interface CheckStatus {
  readonly http?: { readonly statusCode: number };
  readonly tcp?: { readonly succeeded: boolean };
  readonly command?: { readonly exitCode: number };
}

/** A volume that outlives the tasks of its instance. */
export interface LocalVolumeId {
  readonly runSpecId: PathId;
  /** Of an app's volume; a pod's volume has its name here. */
  readonly containerPath: string;
  readonly uuid: string;
  readonly persistenceId: string;
}

export interface Task {
  readonly appId: PathId;
  readonly id: string;
  readonly host: string;
  readonly slaveId?: string;
  /** The Mesos name of the state, `TASK_STAGING` until Mesos reported one. */
  readonly state: string;
  readonly ports: readonly number[];
  readonly servicePorts: readonly number[];
  readonly ipAddresses: readonly IpAddress[];
  readonly stagedAt?: Timestamp;
  readonly startedAt?: Timestamp;
  readonly version?: Timestamp;
  readonly healthCheckResults: readonly Health[];
  readonly checkResult?: CheckStatus;
  readonly localVolumes: readonly LocalVolumeId[];
  readonly region?: string;
  readonly zone?: string;
  readonly role: string;
}

export interface TaskFailure {
  readonly appId: PathId;
  readonly host: string;
  readonly message: string;
  readonly state: string;
  readonly taskId: string;
  readonly timestamp: Timestamp;
  readonly version: Timestamp;
  readonly slaveId?: string;
}

export interface ReadinessCheckResult {
  readonly name: string;
  readonly taskId: string;
  readonly ready: boolean;
  readonly lastResponse?: { readonly status: number; readonly contentType: string; readonly body: string };
}

export interface TaskStats {
  readonly stats: {
    readonly counts: {
      readonly staged: number;
      readonly running: number;
      readonly healthy: number;
      readonly unhealthy: number;
    };
    /** Seconds. */
    readonly lifeTime?: { readonly averageSeconds: number; readonly medianSeconds: number };
  };
}

export interface TaskStatsByVersion {
  readonly startedAfterLastScaling?: TaskStats;
  readonly withLatestConfig?: TaskStats;
  readonly withOutdatedConfig?: TaskStats;
  readonly totalSummary?: TaskStats;
}

export type DeploymentActionName =
  | 'StartApplication'
  | 'StopApplication'
  | 'ScaleApplication'
  | 'RestartApplication'
  | 'StartPod'
  | 'StopPod'
  | 'ScalePod'
  | 'RestartPod';

export interface DeploymentAction {
  readonly action: DeploymentActionName;
  readonly app?: PathId;
  readonly pod?: PathId;
}

export interface DeploymentStep {
  readonly actions: readonly DeploymentAction[];
}

/** The plan as events carry it. */
export interface DeploymentPlanJson {
  readonly id: string;
  readonly version: Timestamp;
  readonly steps: readonly DeploymentStep[];
}

/** An entry of `GET /v2/deployments`. */
export interface DeploymentInfo {
  readonly id: string;
  readonly version: Timestamp;
  readonly affectedApps: readonly PathId[];
  readonly affectedPods: readonly PathId[];
  readonly steps: readonly DeploymentStep[];
  readonly currentActions: readonly (DeploymentAction & {
    readonly readinessCheckResults: readonly ReadinessCheckResult[];
  })[];
  /** From 1; 0 before the first step has begun. */
  readonly currentStep: number;
  readonly totalSteps: number;
}

export interface DeploymentResult {
  readonly version: Timestamp;
  readonly deploymentId: string;
}

/** Why an offer was refused, in the order in which they are tried. */
export const offerRefusals = [
  'UnfulfilledRole',
  'UnfulfilledConstraint',
  'NoCorrespondingReservationFound',
  'AgentMaintenance',
  'InsufficientCpus',
  'InsufficientMemory',
  'InsufficientDisk',
  'InsufficientGpus',
  'InsufficientPorts',
  'DeclinedScarceResources',
] as const;

export type OfferRefusal = (typeof offerRefusals)[number];

export interface DeclinedOfferStep {
  readonly reason: OfferRefusal;
  readonly declined: number;
  readonly processed: number;
}

export interface ProcessedOffersSummary {
  readonly processedOffersCount: number;
  readonly unusedOffersCount: number;
  readonly lastUnusedOfferAt?: Timestamp;
  readonly lastUsedOfferAt?: Timestamp;
  readonly rejectSummaryLastOffers: readonly DeclinedOfferStep[];
  readonly rejectSummaryLaunchAttempt: readonly DeclinedOfferStep[];
}

export interface OfferAttributeJson {
  readonly name: string;
  readonly text?: string;
  readonly scalar?: number;
  readonly ranges?: readonly { readonly begin: number; readonly end: number }[];
  readonly set?: readonly string[];
}

export interface OfferResourceJson extends OfferAttributeJson {
  readonly role: string;
}

export interface UnusedOffer {
  readonly offer: {
    readonly id: string;
    readonly agentId: string;
    readonly hostname: string;
    readonly resources: readonly OfferResourceJson[];
    readonly attributes: readonly OfferAttributeJson[];
  };
  readonly reason: readonly string[];
  readonly timestamp: Timestamp;
}

export interface QueueItem {
  readonly count: number;
  readonly role: string;
  readonly delay: { readonly timeLeftSeconds: number; readonly overdue: boolean };
  readonly since: Timestamp;
  readonly processedOffersSummary: ProcessedOffersSummary;
  readonly lastUnusedOffers?: readonly UnusedOffer[];
  readonly app: AppJson;
}

/** One entry per path; `/` stands for the whole object, `/healthChecks(0)` for a list's element. */
export interface FieldErrors {
  readonly path: string;
  readonly errors: readonly string[];
}

/** What an answer with status 400 or above carries. Clients should rely on `message` alone. */
export interface ErrorBody {
  readonly message: string;
  readonly details?: string | readonly FieldErrors[];
  readonly deployments?: readonly { readonly id: string }[];
}

interface EventBase<T extends string> {
  readonly eventType: T;
  readonly timestamp: Timestamp;
}

/** What `GET /v2/events` sends as data, by `eventType`. */
export type MarathonEvent =
  | (EventBase<'api_post_event'> & {
      readonly clientIp: string;
      readonly uri: string;
      readonly appDefinition: AppJson;
    })
  | (EventBase<'status_update_event'> & {
      readonly slaveId: string;
      readonly taskId: string;
      readonly taskStatus: string;
      readonly message: string;
      readonly appId: PathId;
      readonly host: string;
      readonly ipAddresses: readonly IpAddress[];
      readonly ports: readonly number[];
      readonly version: Timestamp;
    })
  | (EventBase<'instance_changed_event'> & {
      readonly instanceId: string;
      readonly condition: string;
      readonly runSpecId: PathId;
      readonly agentId?: string;
      readonly host?: string;
      readonly runSpecVersion: Timestamp;
    })
  | (EventBase<'instance_health_changed_event'> & {
      readonly instanceId: string;
      readonly runSpecId: PathId;
      readonly healthy: boolean | null;
      readonly runSpecVersion: Timestamp;
    })
  | (EventBase<'unknown_instance_terminated_event'> & {
      readonly instanceId: string;
      readonly runSpecId: PathId;
      readonly condition: string;
    })
  | (EventBase<'health_status_changed_event'> & {
      readonly appId: PathId;
      readonly instanceId: string;
      readonly version: Timestamp;
      readonly alive: boolean;
    })
  | (EventBase<'failed_health_check_event'> & {
      readonly appId: PathId;
      /** Holds the instance's id. */
      readonly taskId: string;
      readonly healthCheck: AppHealthCheck;
    })
  | (EventBase<'unhealthy_instance_kill_event'> & {
      readonly appId: PathId;
      readonly taskId: string;
      readonly instanceId: string;
      readonly version: Timestamp;
      readonly reason: string;
      readonly host: string;
      readonly slaveId?: string;
    })
  | (EventBase<'add_health_check_event'> & {
      readonly appId: PathId;
      readonly version: Timestamp;
      readonly healthCheck: AppHealthCheck;
    })
  | (EventBase<'remove_health_check_event'> & { readonly appId: PathId })
  | (EventBase<'deployment_info' | 'deployment_step_success' | 'deployment_step_failure'> & {
      readonly plan: DeploymentPlanJson;
      readonly currentStep: DeploymentStep;
    })
  | (EventBase<'deployment_success'> & { readonly id: string; readonly plan: DeploymentPlanJson })
  | (EventBase<'deployment_failed'> & {
      readonly id: string;
      readonly plan: DeploymentPlanJson;
      readonly reason?: string;
    })
  | (EventBase<'group_change_success'> & { readonly groupId: PathId; readonly version: Timestamp })
  | (EventBase<'group_change_failed'> & {
      readonly groupId: PathId;
      readonly version: Timestamp;
      readonly reason: string;
    })
  | (EventBase<'app_terminated_event'> & { readonly appId: PathId })
  | (EventBase<'event_stream_attached' | 'event_stream_detached'> & { readonly remoteAddress: string })
  | (EventBase<'scheduler_registered_event'> & { readonly frameworkId: string; readonly master: string })
  | (EventBase<'scheduler_reregistered_event'> & { readonly master: string })
  | EventBase<'scheduler_disconnected_event'>
  | (EventBase<'framework_message_event'> & {
      readonly executorId: string;
      readonly slaveId: string;
      readonly message: readonly number[];
    })
  | (EventBase<'pod_created_event' | 'pod_updated_event' | 'pod_deleted_event'> & {
      readonly clientIp: string;
      readonly uri: string;
    });

export type MarathonEventType = MarathonEvent['eventType'];

/** `GET /v2/info`. Members of the configurations are written as `null` when unset. */
export interface MarathonInfo {
  readonly name: string;
  readonly version: string;
  readonly buildref: string;
  readonly elected: boolean;
  readonly leader?: string;
  readonly frameworkId?: string;
  readonly marathon_config: Readonly<Record<string, unknown>>;
  readonly zookeeper_config: Readonly<Record<string, unknown>>;
  readonly http_config: Readonly<Record<string, unknown>>;
}
