import type { NeededImage } from '../plan/image-sets.ts';
import type { ClusterPlan, NodePlan, PortName, RuntimeKind, Site, UnitPlan } from '../plan/types.ts';
import type { Component } from '../protocols/versions.ts';
import type { Progress } from '../support/progress.ts';

export type UnitState = 'running' | 'paused' | 'stopped' | 'failed';

/** What a runtime knows about one unit without asking its services. */
export interface UnitStatus {
  id: string;
  node: string;
  state: UnitState;
  pid?: number;
  containerId?: string;
  image?: string;
  /** Services of the unit that the host reports as not running, with the reason; empty for other units. */
  stoppedServices: readonly { component: Component; reason: string }[];
  /** Components cut off from their peers by a partition. */
  partitioned: boolean;
}

/** Something that happened to a unit while it was watched. */
export type UnitEvent =
  | { type: 'service-ready'; unit: string; component: Component }
  | { type: 'service-exited'; unit: string; component: Component; code: number; reason: string }
  | { type: 'unit-exited'; unit: string; reason: string };

export interface SiteRequest {
  cluster: string;
  /** In order; `control` nodes need the ports of ZooKeeper, master and Marathon. */
  nodes: readonly { name: string; control: boolean; taskPorts: number }[];
  /** Fixed ports the user asked for; a taken one is an error instead of a shift. */
  ports: Partial<Record<PortName, number>>;
  /** Own loopback addresses, blocks of ports on one address, or whichever the system allows. */
  addresses: 'auto' | 'per-node' | 'port-blocks';
  /** Address to bind instead of loopback ones, when the user asked. */
  publish?: string;
  subnet?: string;
  /** Components that are to run by the real program; a runtime of local processes has to find it on this machine. */
  programs?: readonly ProgramRequest[];
}

export interface ProgramRequest {
  component: Component;
  /** Any when undefined. */
  version?: string;
}

/** `missing`: what is not on the engine's machine; `always`: all; `never`: none, and what is missing is an error. */
export const pullPolicies = ['missing', 'always', 'never'] as const;
export type PullPolicy = (typeof pullPolicies)[number];

export interface ImageRequest {
  images: readonly NeededImage[];
  policy: PullPolicy;
  /** The folder of the configuration file, beside which digests are pinned; undefined: there is no such file. */
  configFolder: string | undefined;
  progress: Progress;
  signal: AbortSignal;
}

/** Where a log line comes from and what it says. */
export interface LogLine {
  /** `node-1/marathon` or `node-1`. */
  source: string;
  /** Milliseconds since 1970 when the line carries a time. */
  time?: number;
  text: string;
}

/** What a runtime has of a cluster, whether or not there is a record of it. */
export interface FoundCluster {
  name: string;
  /** For people: `3 processes`. */
  parts: string;
}

/** A running task on a node. */
export interface TaskPlace {
  /** Its Mesos id. */
  id: string;
  /** Its sandbox, as its agent names it. */
  sandbox: string;
}

/**
 * Where units run. Every operation is idempotent, and safe after any failed one; a cluster is known by its name alone
 * so that `remove` works whatever was left behind.
 */
export interface Runtime {
  readonly kind: RuntimeKind;
  /** So many units are best started at the same time; without it all of them. */
  readonly startsAtOnce?: number;
  /** Finds and reserves addresses, ports, task ports and folders. The same site again for a known cluster. */
  reserve(request: SiteRequest, known?: Site): Promise<Site>;
  /**
   * Sees to it that the images of a plan's real programs are there; only runtimes that have images have it.
   * @returns whether anything was pulled
   */
  ensureImages?(request: ImageRequest): Promise<boolean>;
  /** Starts the unit unless it runs; resolves when it is started, not when it is ready. */
  start(plan: ClusterPlan, unit: UnitPlan): Promise<void>;
  /** Ends the units of a node (or one) in order, and with a whole node its tasks; data stays. */
  stop(plan: ClusterPlan, node: NodePlan, unit?: UnitPlan): Promise<void>;
  /** SIGKILL of everything on the node, tasks included. */
  kill(plan: ClusterPlan, node: NodePlan): Promise<void>;
  pause(plan: ClusterPlan, node: NodePlan): Promise<void>;
  resume(plan: ClusterPlan, node: NodePlan): Promise<void>;
  /** Cuts the node off from all others, or heals it. */
  partition(plan: ClusterPlan, node: NodePlan, cut: boolean): Promise<void>;
  startService(plan: ClusterPlan, node: NodePlan, component: Component): Promise<void>;
  stopService(plan: ClusterPlan, node: NodePlan, component: Component): Promise<void>;
  /** Moves the time of the apps on a node's embedded services on; resolves when what became due has run. */
  advance(plan: ClusterPlan, node: NodePlan, ms: number): Promise<void>;
  inspect(plan: ClusterPlan): Promise<UnitStatus[]>;
  /** Events of the plan's units from now on, until the signal aborts. */
  watch(plan: ClusterPlan, onEvent: (event: UnitEvent) => void, signal: AbortSignal): void;
  /** Removes everything of a cluster: units, tasks, ports, reservations; with `keepData` not the data, nor its places. */
  remove(cluster: string, options: { keepData: boolean; plan?: ClusterPlan }): Promise<void>;
  /** The clusters of this user's state folder that it has anything of, told without their records. */
  clusters(): Promise<FoundCluster[]>;
  /** Log lines of a node's units, or one component's, oldest first; `follow` goes on until the signal aborts. */
  logs(
    plan: ClusterPlan,
    target: { node: NodePlan; component?: Component },
    options: { tail?: number; since?: number; follow: boolean; signal: AbortSignal },
  ): AsyncIterable<LogLine>;
  /**
   * Runs a command on a node with its environment, or where one of its tasks runs with the task's; resolves with the
   * exit code.
   */
  exec(plan: ClusterPlan, node: NodePlan, command: readonly string[], task?: TaskPlace): Promise<number>;
  /**
   * Brings the cluster's secrets, as they are in its folder, to agents that run and don't read them there.
   * @param removed names of those that are gone
   */
  refreshSecrets?(plan: ClusterPlan, removed: readonly string[]): Promise<void>;
}
