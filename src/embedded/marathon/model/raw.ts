import type {
  PodContainer,
  PodEndpoint,
  PodHealthCheck,
  PodJson,
  PodNetwork,
} from '../../../protocols/marathon/pods.ts';
import type {
  AppCheck,
  AppContainer,
  AppHealthCheck,
  AppNetwork,
  Artifact,
  Constraint,
  DockerContainer,
  EnvValue,
  KillSelection,
  Labels,
  NetworkProtocol,
  PortDefinition,
  PortMapping,
  ReadinessCheck,
  ResourceLimit,
  UnreachableStrategy,
  UpgradeStrategy,
} from '../../../protocols/marathon/types.ts';

/** Bodies as callers send them: well typed, but without defaults and possibly with legacy fields. */

type Sparse<T, Required extends keyof T = never> = { readonly [K in keyof T]?: T[K] } & Pick<T, Required>;

export type RawPortMapping = Sparse<PortMapping>;
export type RawPortDefinition = Sparse<PortDefinition>;
export type RawHealthCheck = Sparse<AppHealthCheck>;
export type RawArtifact = Sparse<Artifact, 'uri'>;
export type RawNetwork = Sparse<AppNetwork>;

export interface RawContainer extends Omit<Sparse<AppContainer>, 'docker' | 'portMappings'> {
  readonly docker?: Sparse<DockerContainer, 'image'> & {
    /** Legacy. */
    readonly network?: 'BRIDGE' | 'HOST' | 'NONE' | 'USER';
    /** Legacy. */
    readonly portMappings?: readonly RawPortMapping[];
  };
  readonly portMappings?: readonly RawPortMapping[];
}

export type RawReadinessCheck = Sparse<ReadinessCheck>;
export type RawCheck = Sparse<AppCheck>;

/** Legacy. */
export interface RawIpAddress {
  readonly discovery?: {
    readonly ports?: readonly {
      readonly number?: number;
      readonly name: string;
      readonly protocol?: NetworkProtocol;
      readonly labels?: Labels;
    }[];
  };
  readonly groups?: readonly string[];
  readonly labels?: Labels;
  readonly networkName?: string;
}

export interface RawAppUpdate {
  readonly id?: string;
  readonly acceptedResourceRoles?: readonly string[];
  readonly args?: readonly string[];
  readonly backoffFactor?: number;
  readonly backoffSeconds?: number;
  readonly check?: RawCheck;
  readonly cmd?: string;
  readonly constraints?: readonly Constraint[];
  readonly container?: RawContainer;
  readonly cpus?: number;
  readonly dependencies?: readonly string[];
  readonly disk?: number;
  readonly env?: Readonly<Record<string, EnvValue>>;
  readonly executor?: string;
  readonly executorResources?: { readonly cpus?: number; readonly mem?: number; readonly disk?: number };
  readonly fetch?: readonly RawArtifact[];
  readonly gpus?: number;
  readonly healthChecks?: readonly RawHealthCheck[];
  readonly instances?: number;
  /** Legacy. */
  readonly ipAddress?: RawIpAddress;
  readonly killSelection?: KillSelection;
  readonly labels?: Labels;
  readonly maxLaunchDelaySeconds?: number;
  readonly mem?: number;
  readonly networks?: readonly RawNetwork[];
  readonly portDefinitions?: readonly RawPortDefinition[];
  /** Legacy. */
  readonly ports?: readonly number[];
  readonly readinessChecks?: readonly RawReadinessCheck[];
  readonly requirePorts?: boolean;
  readonly residency?: {
    readonly relaunchEscalationTimeoutSeconds?: number;
    readonly taskLostBehavior?: 'WAIT_FOREVER' | 'RELAUNCH_AFTER_TIMEOUT';
  };
  readonly resourceLimits?: { readonly cpus?: ResourceLimit; readonly mem?: ResourceLimit };
  readonly role?: string;
  readonly secrets?: Readonly<Record<string, { readonly source: string }>>;
  readonly taskKillGracePeriodSeconds?: number;
  readonly tty?: boolean;
  readonly unreachableStrategy?:
    | UnreachableStrategy
    | { readonly inactiveAfterSeconds?: number; readonly expungeAfterSeconds?: number };
  readonly upgradeStrategy?: UpgradeStrategy;
  /** Legacy. */
  readonly uris?: readonly string[];
  readonly user?: string;
  readonly version?: string;
  readonly versionInfo?: { readonly lastScalingAt: string; readonly lastConfigChangeAt: string };
}

export type RawApp = RawAppUpdate & { readonly id: string };

export interface RawPodContainer extends Omit<PodContainer, 'resources' | 'healthCheck' | 'artifacts' | 'endpoints'> {
  readonly resources: Sparse<PodContainer['resources']>;
  readonly healthCheck?: Sparse<PodHealthCheck>;
  readonly artifacts?: readonly RawArtifact[];
  readonly endpoints?: readonly PodEndpoint[];
}

type PodScheduling = PodJson['scheduling'];

/** The body of a pod request. */
export interface RawPod
  extends Omit<Sparse<PodJson, 'id'>, 'containers' | 'networks' | 'scaling' | 'scheduling' | 'executorResources'> {
  readonly containers: readonly RawPodContainer[];
  readonly networks?: readonly Sparse<PodNetwork>[];
  readonly scaling?: { readonly kind?: 'fixed'; readonly instances?: number };
  readonly scheduling?: {
    readonly backoff?: Sparse<PodScheduling['backoff']>;
    readonly upgrade?: Sparse<PodScheduling['upgrade']>;
    readonly placement?: PodScheduling['placement'];
    readonly killSelection?: KillSelection;
    readonly unreachableStrategy?: RawAppUpdate['unreachableStrategy'];
  };
  readonly executorResources?: Sparse<PodJson['executorResources']>;
}

export interface RawGroupUpdate {
  readonly id?: string;
  readonly apps?: readonly RawApp[];
  readonly pods?: readonly RawPod[];
  readonly groups?: readonly RawGroupUpdate[];
  readonly dependencies?: readonly string[];
  readonly scaleBy?: number;
  readonly version?: string;
  readonly enforceRole?: boolean;
}
