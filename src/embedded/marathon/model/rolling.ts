import { holdsNothing, type Instance } from './instance.ts';
import { selectVictims } from './kill-selection.ts';
import { hasHealthChecks, hasReadinessChecks, keepsData, type RunSpec } from './run-spec.ts';

/**
 * What the actions of a deployment do next, decided from the instances alone.
 * Source: core/deployment/impl/{TaskReplaceActor,TaskStartActor,DeploymentActor,ReadinessBehavior}.scala of Marathon.
 */

/** What the caller does next in an action of a deployment. */
export interface Decision {
  /** Instances to decommission (resident ones: to stop). */
  readonly kill: readonly string[];
  /** How many new instances to schedule. */
  readonly start: number;
  /** The action is complete; `kill` is empty and `start` 0 then. */
  readonly done: boolean;
}

/** The instances of an app or a pod as a decision sees them. */
export interface RollingInput {
  readonly app: RunSpec;
  /** All instances of the app that are kept, whatever their goal and version. */
  readonly instances: readonly Instance[];
  /** Ids of instances whose readiness check answered that it is ready; not looked at without readiness checks. */
  readonly ready: ReadonlySet<string>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What a restart fixed when it began. Plain data; lost on failover, then taken anew. */
export interface RestartBaseline {
  /** The number of healthy instances that is never gone below. */
  readonly floor: number;
  /** The number of instances that is never exceeded, but for those that were there already. */
  readonly maxCapacity: number;
  /** How many old instances may go before any new one is ready. */
  readonly credit: number;
  /** Launched old instances with the goal Running. */
  readonly old: number;
  /** New instances that were ready already. */
  readonly ready: number;
}

const ids = (instances: readonly Instance[]) => instances.map(({ id }) => id);
const wait: Decision = { kill: [], start: 0, done: false };
const finished: Decision = { kill: [], start: 0, done: true };

/** Whether an instance does its work: it runs and, when the app has health checks, is healthy. */
function isServing(app: RunSpec, instance: Instance): boolean {
  return (
    instance.goal === 'Running' &&
    instance.condition === 'Running' &&
    (!hasHealthChecks(app) || instance.healthy === true)
  );
}

/** Whether an instance counts as ready: running, healthy when there are health checks, ready when there is a check. */
export function isReady(app: RunSpec, instance: Instance, ready: ReadonlySet<string>): boolean {
  return isServing(app, instance) && (!hasReadinessChecks(app) || ready.has(instance.id));
}

/** Decommissioned, but its task is still there. */
function isGoing(instance: Instance): boolean {
  return instance.goal !== 'Running' && !holdsNothing(instance);
}

/**
 * The next decision of a `ScaleApplication`. It depends on nothing but the instances: call it again after every
 * change, having applied the decision before. Victims are awaited before anything is started; done when all newly
 * started instances (those of the app's version) are ready.
 */
export function decideScale(input: RollingInput, scaleTo: number, sentenced: readonly string[]): Decision {
  const { app, instances, ready } = input;
  const wanted = instances.filter(({ goal, condition }) => goal === 'Running' && condition !== 'UnreachableInactive');
  const victims = selectVictims(wanted, scaleTo, sentenced, app.killSelection, app.constraints);
  if (victims.length > 0) return { kill: ids(victims), start: 0, done: false };
  if (instances.some(isGoing)) return wait;
  if (wanted.length < scaleTo) return { kill: [], start: scaleTo - wanted.length, done: false };
  const started = wanted.filter(({ appVersion }) => appVersion === app.version);
  return started.every((instance) => isReady(app, instance, ready)) ? finished : wait;
}

interface Parts {
  /** Old ones with the goal Running whose task has ended, or was never launched: no loss to anybody. */
  readonly spent: readonly Instance[];
  /** Old ones with the goal Running that hold resources. */
  readonly old: readonly Instance[];
  /** New ones with the goal Running. */
  readonly fresh: readonly Instance[];
  readonly going: readonly Instance[];
}

function partsOf({ app, instances }: RollingInput): Parts {
  const spent: Instance[] = [];
  const old: Instance[] = [];
  const fresh: Instance[] = [];
  for (const instance of instances) {
    if (instance.goal !== 'Running') continue;
    // A new one that was given up is replaced; should it come back, there is one too many for a while.
    if (instance.appVersion === app.version) {
      if (instance.condition !== 'UnreachableInactive') fresh.push(instance);
    } else (holdsNothing(instance) ? spent : old).push(instance);
  }
  return { spent, old, fresh, going: instances.filter(isGoing) };
}

/** Called once when a `RestartApplication` begins, and again by a new leader that takes it over. */
export function beginRestart(input: RollingInput): RestartBaseline {
  const { app, ready } = input;
  const { old, fresh } = partsOf(input);
  const readyNew = fresh.filter((instance) => isReady(app, instance, ready)).length;
  const healthy = old.filter((instance) => isServing(app, instance)).length + readyNew;
  const { minimumHealthCapacity, maximumOverCapacity } = app.upgradeStrategy;
  // The share times the count can lie a hair above the whole number that is meant.
  const minHealthy = Math.ceil(Number((app.instances * minimumHealthCapacity).toPrecision(12)));
  let maxCapacity = Math.floor(Number((app.instances * (1 + maximumOverCapacity)).toPrecision(12)));
  let credit = Math.max(0, healthy - minHealthy);
  let floor = Math.min(healthy, minHealthy);
  if (minHealthy === maxCapacity && maxCapacity <= healthy) {
    if (keepsData(app)) {
      credit = healthy - minHealthy + 1;
      floor = Math.max(0, minHealthy - 1);
    } else maxCapacity++;
  }
  const existing = old.length + fresh.length;
  if (existing > app.instances) credit = Math.max(existing - app.instances, credit);
  return { floor, maxCapacity, credit, old: old.length, ready: readyNew };
}

/**
 * The next decision of a `RestartApplication`; call it again after every change, having applied the one before.
 *
 * Old instances go as the credit of the beginning allows, one more for every new one that is ready, unhealthy ones
 * first, and never one whose loss would leave fewer than the floor. (Marathon counts on its own bookkeeping instead,
 * and may go below the minimum when a new leader takes over or a new instance flaps.)
 */
export function decideRestart(input: RollingInput, baseline: RestartBaseline): Decision {
  const { app, ready } = input;
  const { spent, old, fresh, going } = partsOf(input);
  if (app.instances === 0) return decideScale(input, 0, []);
  const readyNew = fresh.filter((instance) => isReady(app, instance, ready)).length;
  const pending = fresh.length - readyNew;
  const serving = old.filter((instance) => isServing(app, instance));
  const idle = old.filter((instance) => !isServing(app, instance));

  let budget = Math.min(
    old.length,
    Math.max(0, baseline.credit + readyNew - baseline.ready - (baseline.old - old.length)),
  );
  const kill = [...spent, ...idle.slice(0, budget)];
  budget -= Math.min(budget, idle.length);
  const spare = Math.max(0, serving.length + readyNew - baseline.floor);
  kill.push(...serving.slice(0, Math.min(budget, spare)));

  const room = baseline.maxCapacity - old.length - fresh.length - going.length;
  const start = Math.max(0, Math.min(app.instances - fresh.length, room));
  if (kill.length > 0 || start > 0) return { kill: ids(kill), start, done: false };
  if (readyNew >= app.instances && pending === 0 && old.length === 0 && going.length === 0) return finished;

  // No room for a new instance, none on its way and none about to leave: an old one makes room, if one can be spared.
  const stuck = pending === 0 && going.length === 0 && fresh.length < app.instances;
  const first = idle[0] ?? (spare > 0 ? serving[0] : undefined);
  return stuck && first ? { kill: [first.id], start: 0, done: false } : wait;
}

/** The next decision of a `StopApplication`: all are decommissioned; done when none is left. */
export function decideStop(instances: readonly Instance[]): Decision {
  const kill = ids(instances.filter(({ goal }) => goal !== 'Decommissioned'));
  if (kill.length > 0) return { kill, start: 0, done: false };
  return instances.every(holdsNothing) ? finished : wait;
}
