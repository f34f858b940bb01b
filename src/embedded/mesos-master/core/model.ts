import type { MasterMessage } from '../../../protocols/mesos/agent-link.ts';
import type {
  AgentInfo,
  ExecutorInfo,
  FrameworkInfo,
  MasterInfo,
  Resource,
  SchedulerEvent,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../../protocols/mesos/types.ts';

/** What the flags say about the cluster's behaviour. Times in milliseconds. */
export interface ClusterSettings {
  allocationIntervalMs: number;
  /** Undefined: offers live until they are answered. */
  offerTimeoutMs: number | undefined;
  agentPingTimeoutMs: number;
  maxAgentPingTimeouts: number;
  agentReregisterTimeoutMs: number;
  /** The whitelist of --roles; undefined allows every role. */
  roles: ReadonlySet<string> | undefined;
  weights: ReadonlyMap<string, number>;
  rootSubmissions: boolean;
  filterGpuResources: boolean;
  maxCompletedFrameworks: number;
  maxCompletedTasks: number;
  maxUnreachableTasks: number;
  /** An offer must have all the amounts of one of these. */
  minAllocatable: readonly ReadonlyMap<string, number>[];
}

export interface Task {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  /** Undefined for a command task. */
  readonly executorId: string | undefined;
  readonly info: TaskInfo;
  /** Refined and allocated. */
  readonly resources: Resource[];
  state: TaskState;
  /** One for each state in a row; `data` is dropped. */
  readonly statuses: TaskStatus[];
  /** What was last forwarded to the framework with a uuid: what an acknowledgement must match. */
  forwarded: { state: TaskState; uuid: string } | undefined;
  /** Its resources are not counted any more: it ended, or its agent is unreachable. */
  released: boolean;
}

export interface Executor {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly info: ExecutorInfo;
  readonly resources: Resource[];
}

export interface Offer {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly role: string;
  /** Refined and allocated to `role`. */
  readonly resources: Resource[];
  /** Monotonic milliseconds. */
  readonly expiresAt: number | undefined;
}

export interface OfferFilter {
  readonly agentId: string;
  readonly role: string;
  /** Refined, unallocated: offers contained in it are held back. */
  readonly resources: Resource[];
  /** Monotonic milliseconds. */
  readonly until: number;
}

export interface Framework {
  readonly id: string;
  info: FrameworkInfo;
  roles: string[];
  capabilities: ReadonlySet<string>;
  /** Its stream is open. */
  connected: boolean;
  /** It gets offers. */
  active: boolean;
  /** Known from agents only since this master leads; it has not subscribed yet. */
  recovered: boolean;
  /** Seconds since 1970. */
  registeredTime: number;
  reregisteredTime: number;
  unregisteredTime: number;
  suppressed: Set<string>;
  offerConstraints: unknown;
  filters: OfferFilter[];
  readonly tasks: Map<string, Task>;
  readonly unreachableTasks: Map<string, Task>;
  readonly completedTasks: Task[];
  readonly offers: Map<string, Offer>;
  /** The sum of what its tasks and executors use, allocated. */
  used: Resource[];
  /** Offers made so far, which breaks ties between equal shares. */
  allocations: number;
  /** Removed then, unless it subscribes before; monotonic milliseconds. */
  failoverAt: number | undefined;
}

export interface Agent {
  readonly id: string;
  info: AgentInfo;
  /** `slave(1)@ip:port`. */
  pid: string;
  version: string;
  capabilities: string[];
  connected: boolean;
  /** Connected and not deactivated: its resources are offered. */
  active: boolean;
  /** By an operator. */
  deactivated: boolean;
  /** Seconds since 1970. */
  registeredTime: number;
  reregisteredTime: number | undefined;
  /** Refined, unallocated; always the sum of `available`, what is offered and what is used. */
  total: Resource[];
  available: Resource[];
  /** The sum of what tasks and executors use, allocated. */
  used: Resource[];
  /** By `taskKey`. */
  readonly tasks: Map<string, Task>;
  /** By `taskKey` of framework and executor. */
  readonly executors: Map<string, Executor>;
  readonly offers: Map<string, Offer>;
  /** `taskKey`s of tasks to kill when it is back. */
  readonly pendingKills: Set<string>;
  ping: { nextAt: number; answered: boolean; missed: number };
  /** Unreachable then, unless it is back before; monotonic milliseconds. */
  reregisterBy: number | undefined;
}

/** An agent that the registry of the last leader names and that is not back yet. */
export interface RecoveredAgent {
  readonly id: string;
  readonly info: AgentInfo;
  readonly pid: string;
  readonly version: string;
  readonly capabilities: string[];
  readonly registeredTime: number;
}

/** Everything the core tells the outside. All are fire and forget. */
export interface Effects {
  /** An event for a framework; dropped when it isn't connected. */
  toFramework(frameworkId: string, event: SchedulerEvent): void;
  /** Ends a framework's stream. */
  closeFramework(frameworkId: string): void;
  toAgent(agentId: string, message: MasterMessage): void;
  closeAgent(agentId: string): void;
  /** For the subscribers of the operator API. */
  toOperators(event: ClusterEvent): void;
  /** The agents that a next leader must know have changed. */
  registryChanged(): void;
  log(text: string): void;
}

export type ClusterEvent =
  | { type: 'TASK_ADDED'; task: Task }
  | { type: 'TASK_UPDATED'; task: Task; status: TaskStatus }
  | { type: 'AGENT_ADDED'; agent: Agent }
  | { type: 'AGENT_REMOVED'; agentId: string }
  | { type: 'FRAMEWORK_ADDED'; framework: Framework }
  | { type: 'FRAMEWORK_UPDATED'; framework: Framework }
  | { type: 'FRAMEWORK_REMOVED'; framework: Framework };

/** Where the core takes time and chance from. */
export interface Sources {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds; for deadlines. */
  monotonic(): number;
  random(): number;
}

export interface Cluster {
  readonly settings: ClusterSettings;
  readonly master: MasterInfo;
  readonly effects: Effects;
  readonly sources: Sources;
  readonly agents: Map<string, Agent>;
  readonly recoveredAgents: Map<string, RecoveredAgent>;
  /** Agent id → seconds since 1970. */
  readonly unreachableAgents: Map<string, number>;
  readonly goneAgents: Map<string, number>;
  readonly deactivatedAgents: Set<string>;
  readonly frameworks: Map<string, Framework>;
  /** Oldest first. */
  readonly completedFrameworks: Map<string, Framework>;
  readonly offers: Map<string, Offer>;
  readonly counters: Map<string, number>;
  readonly next: { framework: number; agent: number; offer: number };
  /** What `allocate` is due for: `now`, or with the next interval (monotonic milliseconds), or nothing. */
  allocation: 'now' | number | undefined;
  /** Agents of the registry that aren't back by then are unreachable; monotonic milliseconds. */
  recoveryEndsAt: number | undefined;
  /** When `wake` should have run, to notice that this process itself stood still; monotonic milliseconds. */
  expectedWake: number | undefined;
}

export function createCluster(
  settings: ClusterSettings,
  master: MasterInfo,
  effects: Effects,
  sources: Sources,
): Cluster {
  return {
    settings,
    master,
    effects,
    sources,
    agents: new Map(),
    recoveredAgents: new Map(),
    unreachableAgents: new Map(),
    goneAgents: new Map(),
    deactivatedAgents: new Set(),
    frameworks: new Map(),
    completedFrameworks: new Map(),
    offers: new Map(),
    counters: new Map(),
    next: { framework: 0, agent: 0, offer: 0 },
    allocation: undefined,
    recoveryEndsAt: undefined,
    expectedWake: undefined,
  };
}

/** Names a framework's task (or executor) on an agent; ids can't hold a slash. */
export function taskKey(frameworkId: string, id: string): string {
  return `${frameworkId}/${id}`;
}

/** Counts an event for /metrics/snapshot. */
export function count(cluster: Cluster, name: string, by = 1): void {
  cluster.counters.set(name, (cluster.counters.get(name) ?? 0) + by);
}

/** The wall clock in seconds, as every time of the API is. */
export function seconds(cluster: Cluster): number {
  return cluster.sources.now() / 1000;
}
