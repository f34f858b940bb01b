import type { PodContainer, PodNetwork, PodVolume } from '../../../protocols/marathon/pods.ts';
import type {
  AppDefinition,
  Constraint,
  EnvValue,
  KillSelection,
  Labels,
  LinuxInfo,
  PathId,
  Timestamp,
  UnreachableStrategy,
  UpgradeStrategy,
  VersionInfo,
} from '../../../protocols/marathon/types.ts';
import { isResident } from './normalize.ts';

/**
 * A pod with every default filled in. What it has in common with apps has the names that apps have, so that
 * deployments, launching and placement treat both alike; the API's JSON is made in pod/serialise.ts.
 */
export interface PodDefinition {
  readonly id: PathId;
  readonly acceptedResourceRoles?: readonly string[];
  readonly backoffFactor: number;
  readonly backoffSeconds: number;
  readonly constraints: readonly Constraint[];
  readonly containers: readonly PodContainer[];
  /** Pods depend on nothing; apps may depend on them. */
  readonly dependencies: readonly PathId[];
  readonly env: Readonly<Record<string, EnvValue>>;
  readonly executorResources: { readonly cpus: number; readonly mem: number; readonly disk: number };
  readonly instances: number;
  readonly killSelection: KillSelection;
  readonly labels: Labels;
  readonly legacySharedCgroups?: boolean;
  readonly linuxInfo?: LinuxInfo;
  readonly maxLaunchDelaySeconds: number;
  readonly networks: readonly PodNetwork[];
  readonly role: string;
  readonly secrets: Readonly<Record<string, { readonly source: string }>>;
  readonly unreachableStrategy: UnreachableStrategy;
  readonly upgradeStrategy: UpgradeStrategy;
  readonly user?: string;
  readonly version: Timestamp;
  readonly versionInfo: VersionInfo;
  readonly volumes: readonly PodVolume[];
}

/** What Marathon runs instances of. */
export type RunSpec = AppDefinition | PodDefinition;

export function isPod(spec: RunSpec): spec is PodDefinition {
  return 'containers' in spec;
}

export function isApp(spec: RunSpec): spec is AppDefinition {
  return !isPod(spec);
}

/** Whether instances are judged by health checks, Marathon's or those that Mesos carries out. */
export function hasHealthChecks(spec: RunSpec): boolean {
  return isPod(spec) ? spec.containers.some(({ healthCheck }) => healthCheck) : spec.healthChecks.length > 0;
}

export function hasReadinessChecks(spec: RunSpec): boolean {
  return !isPod(spec) && spec.readinessChecks.length > 0;
}

/** A volume that outlives the tasks of its instance, and where tasks find it. */
export interface KeptVolume {
  /** Container path of an app's volume, name of a pod's. */
  readonly name: string;
  readonly persistent: {
    readonly type?: 'root' | 'path' | 'mount';
    readonly size: number;
    readonly maxSize?: number;
    readonly profileName?: string;
    readonly constraints?: readonly Constraint[];
  };
  readonly mode: 'RO' | 'RW';
}

export function keptVolumes(spec: RunSpec): KeptVolume[] {
  if (!isPod(spec))
    return (spec.container?.volumes ?? []).flatMap((volume) =>
      'persistent' in volume ? [{ name: volume.containerPath, persistent: volume.persistent, mode: volume.mode }] : [],
    );
  return spec.volumes.flatMap((volume): KeptVolume[] => {
    if (!('persistent' in volume)) return [];
    const mounts = spec.containers.flatMap(({ volumeMounts = [] }) =>
      volumeMounts.filter((m) => m.name === volume.name),
    );
    const readOnly = mounts.length > 0 && mounts.every((mount) => mount.readOnly === true);
    return [{ name: volume.name, persistent: volume.persistent, mode: readOnly ? 'RO' : 'RW' }];
  });
}

/** Whether instances keep data on their agent, which ties them to their reservations. */
export function keepsData(spec: RunSpec): boolean {
  return isPod(spec) ? spec.volumes.some((volume) => 'persistent' in volume) : isResident(spec);
}

export interface ResourceDemand {
  readonly cpus: number;
  readonly mem: number;
  readonly disk: number;
  readonly gpus: number;
}

const rounded = (value: number) => Math.round(value * 1000) / 1000;

/** Scalars that one instance takes, without its volumes: of a pod, its executor's and all containers'. */
export function resourcesOf(spec: RunSpec): ResourceDemand {
  if (!isPod(spec)) return spec;
  const sum = (name: keyof ResourceDemand, own: number) =>
    rounded(spec.containers.reduce((total, { resources }) => total + resources[name], own));
  const { cpus, mem, disk } = spec.executorResources;
  return { cpus: sum('cpus', cpus), mem: sum('mem', mem), disk: sum('disk', disk), gpus: sum('gpus', 0) };
}

/**
 * The host ports that one instance takes, in the order of the app's definitions or mappings, or of the endpoints of all
 * the pod's containers: a number is that very port, 0 any port, undefined none.
 */
export function wantedHostPorts(spec: RunSpec): readonly (number | undefined)[] {
  if (isPod(spec)) return spec.containers.flatMap(({ endpoints = [] }) => endpoints.map(({ hostPort }) => hostPort));
  const mappings = spec.container?.portMappings ?? [];
  return mappings.length > 0
    ? mappings.map(({ hostPort }) => hostPort)
    : (spec.portDefinitions ?? []).map(({ port }) => (spec.requirePorts ? port : 0));
}
