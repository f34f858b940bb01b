import type {
  AppDefinition,
  AppInfo,
  GroupInfo,
  Health,
  QueueItem,
  ReadinessCheckResult,
  Task,
  TaskFailure,
  Timestamp,
  UnusedOffer,
} from '../../../protocols/marathon/types.ts';
import type { Group } from './group.ts';
import type { Instance } from './instance.ts';

export type AppEmbed = 'tasks' | 'counts' | 'deployments' | 'readiness' | 'lastTaskFailure' | 'taskStats';

/** What is known of an app besides its definition. */
export interface AppState {
  readonly instances: readonly Instance[];
  /** Results of the health checks that Marathon runs, by instance id. */
  readonly health: ReadonlyMap<string, readonly Health[]>;
  /** Ids of the deployments that touch the app. */
  readonly deployments: readonly string[];
  readonly readiness: readonly ReadinessCheckResult[];
  readonly lastTaskFailure?: TaskFailure;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Reads the `embed` parameters of app resources; unknown ones are ignored. */
export function appEmbeds(values: readonly string[]): Set<AppEmbed> {
  throw new Error(`not built: ${values}`);
}

/** Reads the `embed` parameters of group resources; none given means groups, apps and pods. */
export function groupEmbeds(values: readonly string[]): {
  readonly groups: boolean;
  readonly apps: boolean;
  readonly pods: boolean;
  readonly app: Set<AppEmbed>;
} {
  throw new Error(`not built: ${values}`);
}

export function appInfo(app: AppDefinition, embeds: ReadonlySet<AppEmbed>, state: AppState): AppInfo {
  throw new Error(`not built: ${app} ${embeds} ${state}`);
}

/** A task as the API writes it; undefined while the instance has none. */
export function taskJson(app: AppDefinition, instance: Instance, health: readonly Health[]): Task | undefined {
  throw new Error(`not built: ${app} ${instance} ${health}`);
}

export function groupInfo(
  group: Group,
  embeds: ReturnType<typeof groupEmbeds>,
  state: (app: AppDefinition) => AppState,
): GroupInfo {
  throw new Error(`not built: ${group} ${embeds} ${state}`);
}

export interface QueueState {
  /** Instances left to launch. */
  readonly count: number;
  readonly since: Timestamp;
  /** Milliseconds since 1970 until which launching is delayed. */
  readonly backoffUntil?: number;
  readonly processed: number;
  readonly unused: number;
  readonly lastUnusedAt?: Timestamp;
  readonly lastUsedAt?: Timestamp;
  /** Refusals of all offers since the launch began: the first reason of each. */
  readonly refusals: Readonly<Record<string, number>>;
  /** The last refused offer of each agent. */
  readonly lastOffers: readonly UnusedOffer[];
}

/** An entry of `GET /v2/queue`. */
export function queueItem(app: AppDefinition, queue: QueueState, now: number, withOffers: boolean): QueueItem {
  throw new Error(`not built: ${app} ${queue} ${now} ${withOffers}`);
}
