import type { QueuePodItem } from '../../../protocols/marathon/pods.ts';
import {
  type AppDefinition,
  type AppInfo,
  type CheckStatus,
  type DeclinedOfferStep,
  type GroupInfo,
  type Health,
  offerRefusals,
  type QueueItem,
  type ReadinessCheckResult,
  type Task,
  type TaskFailure,
  type TaskStats,
  type TaskStatsByVersion,
  type Timestamp,
  type UnusedOffer,
} from '../../../protocols/marathon/types.ts';
import type { Group } from './group.ts';
import { type Condition, holdsNothing, type Instance } from './instance.ts';
import { defined, serialiseApp } from './normalize.ts';
import { serialisePod } from './pod/serialise.ts';
import { isPod, type RunSpec } from './run-spec.ts';

/**
 * Apps, groups, tasks and the launch queue as the API shows them. Source: core/appinfo/impl/AppInfoBaseData.scala,
 * raml/{TaskConversion,QueueInfoConversion}.scala, api/v2/InfoEmbedResolver.scala of Marathon.
 */

export type AppEmbed = 'tasks' | 'counts' | 'deployments' | 'readiness' | 'lastTaskFailure' | 'taskStats';

/** What is known of an app besides its definition. */
export interface AppState {
  readonly instances: readonly Instance[];
  /** Results of health checks, by instance id. */
  readonly health: ReadonlyMap<string, readonly Health[]>;
  /** Ids of the deployments that touch the app. */
  readonly deployments: readonly string[];
  readonly readiness: readonly ReadinessCheckResult[];
  readonly lastTaskFailure?: TaskFailure;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const embedsByName: Readonly<Record<string, readonly AppEmbed[]>> = {
  tasks: ['tasks', 'deployments'],
  failures: ['tasks', 'lastTaskFailure', 'deployments'],
  counts: ['counts'],
  deployments: ['deployments'],
  readiness: ['readiness'],
  lastTaskFailure: ['lastTaskFailure'],
  taskStats: ['taskStats'],
};

/** Reads the `embed` parameters of app resources; unknown ones are ignored. */
export function appEmbeds(values: readonly string[]): Set<AppEmbed> {
  return new Set(
    values.flatMap((value) => {
      const name = value.replace(/^(group\.apps\.|apps\.|app\.)/, '');
      return Object.hasOwn(embedsByName, name) ? (embedsByName[name] ?? []) : [];
    }),
  );
}

export interface GroupEmbeds {
  readonly groups: boolean;
  readonly apps: boolean;
  readonly pods: boolean;
  readonly app: ReadonlySet<AppEmbed>;
}

/** Reads the `embed` parameters of group resources; none given means groups, apps and pods. */
export function groupEmbeds(values: readonly string[]): GroupEmbeds {
  const all = values.length === 0;
  return {
    groups: all || values.includes('group.groups'),
    apps: all || values.includes('group.apps'),
    pods: all || values.includes('group.pods'),
    app: appEmbeds(values.filter((value) => value.startsWith('group.apps.'))),
  };
}

const statesByCondition: Partial<Record<Condition, string>> = {
  Error: 'TASK_ERROR',
  Failed: 'TASK_FAILED',
  Finished: 'TASK_FINISHED',
  Killed: 'TASK_KILLED',
  Killing: 'TASK_KILLING',
  Running: 'TASK_RUNNING',
  Staging: 'TASK_STAGING',
  Starting: 'TASK_STARTING',
  Unreachable: 'TASK_UNREACHABLE',
  UnreachableInactive: 'TASK_UNREACHABLE',
  Gone: 'TASK_GONE',
  Dropped: 'TASK_DROPPED',
  Unknown: 'TASK_UNKNOWN',
};

/** What is shown instead of states that only the condition tells apart, or that Marathon has no name for. */
const shownAs: Readonly<Record<string, string>> = { TASK_LOST: 'TASK_GONE', TASK_GONE_BY_OPERATOR: 'TASK_GONE' };

/** The Mesos state of the instance's task. One that waits to be launched again still shows how its last task ended. */
function taskState({ condition, task }: Instance): string {
  const state = condition === 'Scheduled' || condition === 'Provisioned' ? task?.status?.state : undefined;
  if (state !== undefined) return shownAs[state] ?? state;
  return statesByCondition[condition] ?? 'TASK_STAGING';
}

function checkResult(status: Record<string, unknown> | undefined): CheckStatus | undefined {
  const { http, tcp, command } = (status ?? {}) as {
    http?: { status_code?: number };
    tcp?: { succeeded?: boolean };
    command?: { exit_code?: number };
  };
  if (http?.status_code !== undefined) return { http: { statusCode: http.status_code } };
  if (tcp?.succeeded !== undefined) return { tcp: { succeeded: tcp.succeeded } };
  if (command?.exit_code !== undefined) return { command: { exitCode: command.exit_code } };
  return undefined;
}

/**
 * A task as the API writes it; undefined while the instance has none.
 * @param ports the service ports to show; only `/v2/tasks` shows them
 */
export function taskJson(
  app: { readonly id: string },
  instance: Instance,
  health: readonly Health[],
  ports: readonly number[] = [],
): Task | undefined {
  const { placement, task } = instance;
  if (!placement || !task) return undefined;
  const active = !holdsNothing(instance) && instance.condition !== 'UnreachableInactive';
  return defined<Task>({
    appId: app.id,
    healthCheckResults: health,
    checkResult: checkResult(task.status?.check_status),
    host: placement.host,
    id: task.id,
    ipAddresses: task.ipAddresses,
    ports: active ? task.hostPorts : [],
    servicePorts: ports,
    slaveId: placement.agentId,
    state: taskState(instance),
    stagedAt: active ? task.stagedAt : undefined,
    startedAt: active ? task.startedAt : undefined,
    version: active ? instance.appVersion : undefined,
    localVolumes: instance.reservation?.volumes ?? [],
    region: placement.region,
    zone: placement.zone,
    role: instance.role,
  });
}

interface TaskForStats {
  readonly version: Timestamp;
  readonly staged: boolean;
  readonly running: boolean;
  readonly healthy: boolean;
  readonly unhealthy: boolean;
  readonly lifeTimeSeconds: number | undefined;
}

/** Instances with a task, but for those that wait to be launched again. */
function tasksForStats({ instances, health, now }: Pick<AppState, 'instances' | 'health' | 'now'>): TaskForStats[] {
  const tasks: TaskForStats[] = [];
  for (const instance of instances) {
    const { task, goal } = instance;
    if (!task || (goal === 'Running' && holdsNothing(instance))) continue;
    const state = task.status?.state;
    const results = health.get(instance.id) ?? [];
    tasks.push({
      version: instance.appVersion,
      staged: state === undefined || state === 'TASK_STAGING',
      running: state === 'TASK_RUNNING',
      healthy: results.length > 0 && results.every(({ alive }) => alive),
      unhealthy: results.some(({ alive }) => !alive),
      lifeTimeSeconds: task.startedAt === undefined ? undefined : (now - Date.parse(task.startedAt)) / 1000,
    });
  }
  return tasks;
}

export interface TaskCounts {
  readonly staged: number;
  readonly running: number;
  readonly healthy: number;
  readonly unhealthy: number;
}

function countTasks(tasks: readonly TaskForStats[]): TaskCounts {
  const counts = { staged: 0, running: 0, healthy: 0, unhealthy: 0 };
  for (const task of tasks)
    for (const name of ['staged', 'running', 'healthy', 'unhealthy'] as const) if (task[name]) counts[name]++;
  return counts;
}

/** How many of an app's tasks are staged, running, healthy and unhealthy. */
export function taskCounts(state: Pick<AppState, 'instances' | 'health'>): TaskCounts {
  return countTasks(tasksForStats({ ...state, now: 0 }));
}

function statsOf(tasks: readonly TaskForStats[]): TaskStats | undefined {
  if (tasks.length === 0) return undefined;
  const times = tasks.flatMap(({ lifeTimeSeconds }) => lifeTimeSeconds ?? []).sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)];
  return {
    stats: {
      counts: countTasks(tasks),
      ...(median !== undefined && {
        lifeTime: {
          averageSeconds: times.reduce((sum, time) => sum + time, 0) / times.length,
          medianSeconds: median,
        },
      }),
    },
  };
}

function statsByVersion(app: AppDefinition, state: AppState): TaskStatsByVersion {
  const tasks = tasksForStats(state);
  const { lastScalingAt, lastConfigChangeAt } = app.versionInfo;
  return defined<TaskStatsByVersion>({
    startedAfterLastScaling: statsOf(tasks.filter(({ version }) => version >= lastScalingAt)),
    withLatestConfig: statsOf(tasks.filter(({ version }) => version >= lastConfigChangeAt)),
    withOutdatedConfig: statsOf(tasks.filter(({ version }) => version < lastConfigChangeAt)),
    totalSummary: statsOf(tasks),
  });
}

/** The app with what was asked to be embedded. Task statistics stand under `tasksStats`, as in Marathon 1.11. */
export function appInfo(app: AppDefinition, embeds: ReadonlySet<AppEmbed>, state: AppState): AppInfo {
  const counts = embeds.has('counts') ? taskCounts(state) : undefined;
  return {
    ...serialiseApp(app),
    ...(counts && {
      tasksStaged: counts.staged,
      tasksRunning: counts.running,
      tasksHealthy: counts.healthy,
      tasksUnhealthy: counts.unhealthy,
    }),
    ...(embeds.has('deployments') && { deployments: state.deployments.map((id) => ({ id })) }),
    ...(embeds.has('readiness') && { readinessCheckResults: state.readiness }),
    ...(embeds.has('tasks') && {
      tasks: state.instances.flatMap((each) => taskJson(app, each, state.health.get(each.id) ?? []) ?? []),
    }),
    ...(embeds.has('lastTaskFailure') && state.lastTaskFailure && { lastTaskFailure: state.lastTaskFailure }),
    ...(embeds.has('taskStats') && { tasksStats: statsByVersion(app, state) }),
  };
}

const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1);

export function groupInfo(group: Group, embeds: GroupEmbeds, state: (app: AppDefinition) => AppState): GroupInfo {
  return {
    id: group.id,
    apps: embeds.apps
      ? Object.values(group.apps)
          .sort(byId)
          .map((app) => appInfo(app, embeds.app, state(app)))
      : [],
    pods: embeds.pods
      ? Object.values(group.pods ?? {})
          .sort(byId)
          .map(serialisePod)
      : [],
    groups: embeds.groups
      ? Object.values(group.groups)
          .sort(byId)
          .map((child) => groupInfo(child, embeds, state))
      : [],
    dependencies: group.dependencies,
    version: group.version,
    ...(group.enforceRole !== undefined && { enforceRole: group.enforceRole }),
  };
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

/** How many offers each reason sorted out, of those that the reasons before it had let through. */
function funnel(offers: number, refusals: Readonly<Record<string, number>>): DeclinedOfferStep[] {
  let processed = offers;
  return offerRefusals.map((reason) => {
    const declined = refusals[reason] ?? 0;
    const step = { reason, declined, processed };
    processed -= declined;
    return step;
  });
}

function countReasons(offers: readonly UnusedOffer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of offers) {
    const first = offerRefusals.find((each) => reason.includes(each));
    if (first) counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts;
}

/** An entry of `GET /v2/queue`. */
export function queueItem(
  spec: RunSpec,
  queue: QueueState,
  now: number,
  withOffers: boolean,
): QueueItem | QueuePodItem {
  const left = queue.backoffUntil === undefined ? 0 : Math.max(0, queue.backoffUntil - now);
  return {
    count: queue.count,
    role: spec.role,
    delay: { timeLeftSeconds: Math.floor(left / 1000), overdue: left === 0 },
    since: queue.since,
    processedOffersSummary: {
      processedOffersCount: queue.processed,
      unusedOffersCount: queue.unused,
      ...(queue.lastUnusedAt !== undefined && { lastUnusedOfferAt: queue.lastUnusedAt }),
      ...(queue.lastUsedAt !== undefined && { lastUsedOfferAt: queue.lastUsedAt }),
      rejectSummaryLastOffers: funnel(queue.lastOffers.length, countReasons(queue.lastOffers)),
      rejectSummaryLaunchAttempt: funnel(queue.processed, queue.refusals),
    },
    ...(withOffers && { lastUnusedOffers: queue.lastOffers }),
    ...(isPod(spec) ? { pod: serialisePod(spec) } : { app: serialiseApp(spec) }),
  };
}
