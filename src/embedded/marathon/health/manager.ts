import type { AppDefinition, AppHealthCheck, Health } from '../../../protocols/marathon/types.ts';
import type { Clock } from '../../../support/clock.ts';
import type { EventBus } from '../events.ts';
import { type InstanceTracker, isAway } from '../instances.ts';
import type { Instance } from '../model/instance.ts';
import type { Prober } from './probe.ts';
import { afterFailure, afterSuccess, firstHealth, overall } from './results.ts';
import { healthTarget, isMarathonCheck, probeUrl } from './targets.ts';

export interface HealthManagerOptions {
  tracker: InstanceTracker;
  definitionOf: (instance: Instance) => AppDefinition | undefined;
  prober: Prober;
  events: EventBus;
  clock: Clock;
  random: () => number;
  /** The instance has failed too often: its task is to be replaced. */
  onUnhealthy: (instance: Instance, cause: string) => void;
}

/** Health of every running instance whose app has health checks. */
export interface HealthManager {
  /** Results by instance id, in the order of the app's checks. */
  readonly results: ReadonlyMap<string, readonly Health[]>;
  /** Mesos judged the instance by a check that it carries out. */
  fromMesos(instance: Instance, healthy: boolean, message: string | undefined): void;
  close(): void;
}

interface Watched {
  readonly taskId: string;
  readonly app: AppDefinition;
  readonly results: (Health | undefined)[];
  readonly timers: Set<() => void>;
  /** Monotonic milliseconds at which the task was seen running. */
  readonly since: number;
}

/** The original's longest wait before the first probe. */
const firstProbeMs = 5000;
/**
 * A task that has just been started is asked sooner and more often than its interval says, until it first answers or
 * its grace period is over: failures don't count in that time, and everybody waits for the first success.
 */
const eagerProbeMs = 50;
/** Instances that run for longer were taken over. */
const freshMs = 1000;

export function createHealthManager(options: HealthManagerOptions): HealthManager {
  const { tracker, prober, events, clock } = options;
  const watched = new Map<string, Watched>();
  const results = new Map<string, readonly Health[]>();

  const stop = (instanceId: string) => {
    for (const cancel of watched.get(instanceId)?.timers ?? []) cancel();
    watched.delete(instanceId);
    results.delete(instanceId);
  };

  const start = (instance: Instance) => {
    const app = options.definitionOf(instance);
    if (!app || app.healthChecks.length === 0 || !instance.task) return;
    const now = clock.now();
    const age = Math.max(0, now - Date.parse(instance.activeSince ?? instance.since));
    const entry: Watched = {
      taskId: instance.task.id,
      app,
      results: app.healthChecks.map(() => undefined),
      timers: new Set(),
      since: clock.monotonic() - age,
    };
    watched.set(instance.id, entry);
    app.healthChecks.forEach((check, index) => {
      if (!isMarathonCheck(check)) {
        if (instance.healthy !== undefined) entry.results[index] = inherited(instance.id, instance.healthy, now);
        return;
      }
      const interval = check.intervalSeconds * 1000;
      const first = Math.min(interval, firstProbeMs);
      // Taken over from another leader: nothing is known of them yet, but they need not all be asked at once.
      if (age > freshMs) schedule(instance.id, entry, index, options.random() * Math.min(interval, 1000), undefined);
      else if (check.gracePeriodSeconds > 0)
        schedule(instance.id, entry, index, Math.min(eagerProbeMs, first), eagerProbeMs);
      else schedule(instance.id, entry, index, first, undefined);
    });
    if (entry.results.some((result) => result !== undefined)) publishResults(instance.id, entry);
  };

  const publishResults = (id: string, entry: Watched) =>
    results.set(
      id,
      entry.results.filter((result) => result !== undefined),
    );

  /** @param eager the pause before this probe while none has succeeded yet; doubles */
  const schedule = (id: string, entry: Watched, index: number, wait: number, eager: number | undefined) => {
    const cancel = clock.after(wait, () => {
      entry.timers.delete(cancel);
      void probe(id, entry, index).then((succeeded) => {
        if (watched.get(id) !== entry) return;
        const check = entry.app.healthChecks[index]!;
        const interval = check.intervalSeconds * 1000;
        const inGrace = clock.monotonic() - entry.since < check.gracePeriodSeconds * 1000;
        const next = eager !== undefined && !succeeded && inGrace && eager * 2 < interval ? eager * 2 : undefined;
        schedule(id, entry, index, next ?? interval, next);
      });
    });
    entry.timers.add(cancel);
  };

  /** @returns whether the instance has answered well */
  const probe = async (id: string, entry: Watched, index: number): Promise<boolean> => {
    const check = entry.app.healthChecks[index]!;
    const instance = tracker.get(id);
    if (instance?.condition !== 'Running') return false;
    const target = healthTarget(entry.app, instance, check);
    if (!target) return false;
    const cause = await causeOfFailure(prober, check, target);
    if (watched.get(id) !== entry || cause === 'ignored') return false;
    const current = tracker.get(id);
    if (current?.task?.id !== entry.taskId || current.condition !== 'Running') return false;
    if (cause === undefined) judge(current, entry, index, true, undefined);
    else if (!ignoresFailure(entry, index, check)) failed(current, entry, index, check, cause.text);
    return cause === undefined;
  };

  const ignoresFailure = (entry: Watched, index: number, check: AppHealthCheck) =>
    entry.results[index]?.firstSuccess === undefined &&
    clock.monotonic() - entry.since < check.gracePeriodSeconds * 1000;

  const failed = (instance: Instance, entry: Watched, index: number, check: AppHealthCheck, cause: string) => {
    events.publish({
      eventType: 'failed_health_check_event',
      appId: instance.appId,
      taskId: instance.id,
      healthCheck: check,
    });
    const before = entry.results[index]?.consecutiveFailures ?? 0;
    judge(instance, entry, index, false, cause);
    if (check.maxConsecutiveFailures > 0 && before >= check.maxConsecutiveFailures)
      options.onUnhealthy(tracker.get(instance.id) ?? instance, cause);
  };

  const judge = (instance: Instance, entry: Watched, index: number, good: boolean, cause: string | undefined) => {
    const now = new Date(clock.now()).toISOString();
    const before = entry.results[index] ?? firstHealth(instance.id);
    const after = good ? afterSuccess(before, now) : afterFailure(before, now, cause ?? '');
    const isNew = entry.results[index] === undefined;
    entry.results[index] = after;
    publishResults(instance.id, entry);
    if (isNew || before.alive !== after.alive)
      events.publish({
        eventType: 'health_status_changed_event',
        appId: instance.appId,
        instanceId: instance.id,
        version: instance.appVersion,
        alive: after.alive,
      });
    const healthy = overall(entry.results);
    const current = tracker.get(instance.id);
    if (current && healthy !== undefined && current.healthy !== healthy) tracker.put({ ...current, healthy });
  };

  for (const instance of tracker.all()) if (instance.condition === 'Running') start(instance);
  tracker.onChange(({ before, after }) => {
    const id = (after ?? before)!.id;
    const entry = watched.get(id);
    // What is unreachable can't be asked, but its results stay.
    const over = !after || after.task?.id !== entry?.taskId || (after.condition !== 'Running' && !isAway(after));
    if (entry && over) stop(id);
    if (after?.condition === 'Running' && !watched.has(id)) start(after);
  });

  return {
    results,
    fromMesos(instance, healthy, message) {
      let entry = watched.get(instance.id);
      if (!entry && instance.condition === 'Running') {
        start(instance);
        entry = watched.get(instance.id);
      }
      const index = entry?.app.healthChecks.findIndex((check) => !isMarathonCheck(check)) ?? -1;
      if (entry && index >= 0) judge(instance, entry, index, healthy, message);
    },
    close() {
      for (const id of [...watched.keys()]) stop(id);
    },
  };
}

/** What an instance's stored state tells of a check that Mesos carries out. */
function inherited(instanceId: string, healthy: boolean, now: number): Health {
  const at = new Date(now).toISOString();
  return healthy ? afterSuccess(firstHealth(instanceId), at) : afterFailure(firstHealth(instanceId), at, '');
}

/** @returns undefined when the check is passed, `ignored` when the answer says nothing */
async function causeOfFailure(
  prober: Prober,
  check: AppHealthCheck,
  target: { host: string; port: number },
): Promise<{ readonly text: string } | 'ignored' | undefined> {
  const timeoutMs = check.timeoutSeconds * 1000;
  if (check.protocol === 'TCP') {
    const text = await prober.tcp(target.host, target.port, timeoutMs);
    return text === undefined ? undefined : { text };
  }
  const scheme = check.protocol === 'HTTPS' ? 'https' : 'http';
  const probe = await prober.http(probeUrl(scheme, target, check.path), timeoutMs);
  if (!probe.answered) return { text: probe.cause };
  if (probe.status < 200 && check.ignoreHttp1xx) return 'ignored';
  return probe.status >= 200 && probe.status < 400 ? undefined : { text: `HTTP status ${probe.status}` };
}
