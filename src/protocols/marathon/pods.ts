import type {
  Artifact,
  EnvValue,
  KillSelection,
  Labels,
  LinuxInfo,
  LocalVolumeId,
  NetworkMode,
  PathId,
  PersistentVolume,
  QueueItem,
  ResourceLimit,
  Timestamp,
  UnreachableStrategy,
  UpgradeStrategy,
} from './types.ts';

/**
 * Pods as Marathon's REST API writes them. Source: docs/docs/rest-api/public/api/v2/types/{pod,podContainer,podStatus,
 * instance}.raml of Marathon.
 */

export interface PodResources {
  readonly cpus: number;
  /** MiB, as `disk`. */
  readonly mem: number;
  readonly disk: number;
  readonly gpus: number;
}

/** A port that a container of a pod listens on. */
export interface PodEndpoint {
  readonly name: string;
  /** Off host networking; 0: the same number as the host port. */
  readonly containerPort?: number;
  /** Absent: no host port; 0: any offered one. */
  readonly hostPort?: number;
  readonly protocol?: readonly string[];
  readonly labels?: Labels;
  readonly networkNames?: readonly string[];
}

export interface PodImage {
  readonly kind: 'DOCKER';
  readonly id: string;
  readonly pullConfig?: { readonly secret: string };
  readonly forcePull?: boolean;
  readonly labels?: Labels;
}

export type MesosCommand = { readonly shell: string } | { readonly argv: readonly string[] };

/** Exactly one of `http`, `tcp` and `exec` is there. Mesos carries the check out. */
export interface PodHealthCheck {
  readonly http?: { readonly endpoint: string; readonly path?: string; readonly scheme?: 'HTTP' | 'HTTPS' };
  readonly tcp?: { readonly endpoint: string };
  readonly exec?: { readonly command: MesosCommand };
  readonly gracePeriodSeconds: number;
  readonly intervalSeconds: number;
  readonly maxConsecutiveFailures: number;
  readonly timeoutSeconds: number;
  readonly delaySeconds: number;
}

export interface PodVolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}

export interface PodContainer {
  readonly name: string;
  readonly exec?: { readonly command: MesosCommand; readonly overrideEntrypoint?: boolean };
  readonly resources: PodResources;
  readonly resourceLimits?: { readonly cpus?: ResourceLimit; readonly mem?: ResourceLimit };
  readonly endpoints?: readonly PodEndpoint[];
  readonly linuxInfo?: LinuxInfo;
  readonly image?: PodImage;
  readonly environment?: Readonly<Record<string, EnvValue>>;
  readonly user?: string;
  readonly healthCheck?: PodHealthCheck;
  readonly volumeMounts?: readonly PodVolumeMount[];
  readonly artifacts?: readonly Artifact[];
  readonly labels?: Labels;
  readonly lifecycle?: { readonly killGracePeriodSeconds?: number };
  readonly tty?: boolean;
}

export interface PodHostVolume {
  readonly name: string;
  readonly host: string;
}

export interface PodSecretVolume {
  readonly name: string;
  readonly secret: string;
}

export interface PodPersistentVolume {
  readonly name: string;
  readonly persistent: PersistentVolume['persistent'];
}

/** A folder that lives as long as the instance. */
export interface PodEphemeralVolume {
  readonly name: string;
}

export type PodVolume = PodHostVolume | PodSecretVolume | PodPersistentVolume | PodEphemeralVolume;

export interface PodNetwork {
  readonly mode: NetworkMode;
  readonly name?: string;
  readonly labels?: Labels;
}

export interface PodConstraint {
  readonly fieldName: string;
  readonly operator: string;
  readonly value?: string;
}

export interface PodJson {
  readonly id: PathId;
  readonly labels?: Labels;
  readonly version: Timestamp;
  readonly user?: string;
  readonly environment?: Readonly<Record<string, EnvValue>>;
  readonly containers: readonly PodContainer[];
  readonly secrets?: Readonly<Record<string, { readonly source: string }>>;
  readonly volumes?: readonly PodVolume[];
  readonly networks?: readonly PodNetwork[];
  readonly scaling: { readonly kind: 'fixed'; readonly instances: number };
  readonly scheduling: {
    /** Seconds. */
    readonly backoff: { readonly backoff: number; readonly backoffFactor: number; readonly maxLaunchDelay: number };
    readonly upgrade: UpgradeStrategy;
    readonly placement: {
      readonly constraints?: readonly PodConstraint[];
      readonly acceptedResourceRoles?: readonly string[];
    };
    readonly killSelection: KillSelection;
    readonly unreachableStrategy: UnreachableStrategy;
  };
  readonly executorResources: { readonly cpus: number; readonly mem: number; readonly disk: number };
  readonly role: string;
  readonly linuxInfo?: LinuxInfo;
  readonly legacySharedCgroups?: boolean;
}

export interface StatusCondition {
  readonly name: string;
  readonly lastChanged: Timestamp;
  readonly lastUpdated: Timestamp;
  readonly value: string;
  readonly reason?: string;
}

export interface PodEndpointStatus {
  readonly name: string;
  readonly allocatedHostPort?: number;
  readonly healthy?: boolean;
}

export interface ContainerTermination {
  readonly exitCode?: number;
  readonly message?: string;
}

export interface PodContainerStatus {
  readonly name: string;
  /** The Mesos name of the state. */
  readonly status: string;
  readonly statusSince: Timestamp;
  readonly conditions: readonly StatusCondition[];
  /** The id of the task. */
  readonly containerId?: string;
  readonly endpoints: readonly PodEndpointStatus[];
  readonly resources?: PodResources;
  readonly termination?: ContainerTermination;
  readonly lastUpdated: Timestamp;
  readonly lastChanged: Timestamp;
}

export type PodInstanceState = 'PENDING' | 'STAGING' | 'STABLE' | 'DEGRADED' | 'TERMINAL';

export interface PodInstanceStatus {
  readonly id: string;
  readonly status: PodInstanceState;
  readonly statusSince: Timestamp;
  readonly message?: string;
  readonly conditions: readonly StatusCondition[];
  readonly agentHostname?: string;
  readonly agentId?: string;
  readonly agentRegion?: string;
  readonly agentZone?: string;
  readonly resources: PodResources;
  readonly networks: readonly { readonly name?: string; readonly addresses: readonly string[] }[];
  readonly containers: readonly PodContainerStatus[];
  readonly specReference: string;
  readonly localVolumes: readonly LocalVolumeId[];
  readonly lastUpdated: Timestamp;
  readonly lastChanged: Timestamp;
  readonly role: string;
}

export interface PodTermination {
  readonly instanceID: string;
  readonly startedAt: Timestamp;
  readonly terminatedAt: Timestamp;
  readonly message?: string;
  readonly containers: readonly {
    readonly containerId: string;
    readonly lastKnownState?: string;
    readonly termination?: ContainerTermination;
  }[];
}

/** `GET /v2/pods/{id}::status` */
export interface PodStatus {
  readonly id: PathId;
  readonly spec: PodJson;
  readonly status: 'DEGRADED' | 'STABLE' | 'TERMINAL';
  readonly statusSince: Timestamp;
  readonly message?: string;
  readonly instances: readonly PodInstanceStatus[];
  readonly terminationHistory: readonly PodTermination[];
  readonly lastUpdated: Timestamp;
  readonly lastChanged: Timestamp;
}

/** What `DELETE /v2/pods/{id}::instances` answers with, for each instance that it ends. */
export interface InstanceJson {
  readonly instanceId: string;
  readonly state: {
    readonly condition: string;
    readonly since: Timestamp;
    readonly activeSince?: Timestamp;
    readonly healthy?: boolean;
    readonly goal: string;
  };
  readonly agentInfo?: {
    readonly host: string;
    readonly agentId?: string;
    readonly region?: string;
    readonly zone?: string;
    readonly attributes: readonly unknown[];
  };
  readonly runSpecVersion: Timestamp;
  readonly unreachableStrategy: UnreachableStrategy;
}

/** An entry of `GET /v2/queue` for a pod. */
export interface QueuePodItem extends Omit<QueueItem, 'app'> {
  readonly pod: PodJson;
}
