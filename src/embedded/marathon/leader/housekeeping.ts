import type { PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { Clock } from '../../../support/clock.ts';
import type { Logger } from '../../../support/logger.ts';
import { type InstanceTracker, isAway } from '../instances.ts';
import { type Instance, isTerminalCondition, tasksOf } from '../model/instance.ts';
import { selectVictims } from '../model/kill-selection.ts';
import type { RunSpec } from '../model/run-spec.ts';
import type { Catalog } from './catalog.ts';

export interface HousekeepingOptions {
  tracker: InstanceTracker;
  catalog: Catalog;
  clock: Clock;
  log: Logger;
  /** Whether a deployment works on the app, so that its instances are not to be touched. */
  isLocked: (appId: PathId) => boolean;
  start: (app: RunSpec, count: number) => void;
  decommission: (instanceIds: readonly string[]) => void;
  retire: (instanceIds: readonly string[]) => void;
  kill: (instanceId: string) => void;
  scaleInitialMs: number;
  scaleMs: number;
  taskLaunchMs: number;
  taskLaunchConfirmMs: number;
  taskReservationMs: number;
  expungeInitialMs: number;
  expungeMs: number;
}

/** What has to be looked after by time rather than by events. */
export interface Housekeeping {
  /** Brings the app's instances to the wanted number before the turn ends, unless a deployment is at it. */
  checkScale(appId: PathId): void;
  /** How many tasks take too long to start. */
  overdue(): number;
  close(): void;
}

const overdueInitialMs = 30_000;
const overdueMs = 5000;

export function createHousekeeping(options: HousekeepingOptions): Housekeeping {
  const { tracker, catalog, clock, log } = options;
  const cancels = new Set<() => void>();
  const toScale = new Set<PathId>();
  let closed = false;

  const checkScale = (appId: PathId) => {
    if (toScale.size === 0)
      queueMicrotask(() => {
        const all = [...toScale];
        toScale.clear();
        if (!closed) for (const id of all) scale(id);
      });
    toScale.add(appId);
  };

  const scale = (appId: PathId) => {
    if (options.isLocked(appId)) return;
    const app = catalog.spec(appId);
    const instances = tracker.ofApp(appId);
    if (!app) {
      const orphans = instances.filter((instance) => instance.goal !== 'Decommissioned');
      if (orphans.length === 0) return;
      log.warn('ending instances of an app that does not exist', { app: appId, instances: orphans.length });
      options.decommission(orphans.map((instance) => instance.id));
      return;
    }
    const wanted = instances.filter(
      (instance) => instance.goal === 'Running' && instance.condition !== 'UnreachableInactive',
    );
    if (wanted.length < app.instances) {
      log.info('scaling up', { app: appId, from: wanted.length, to: app.instances });
      options.start(app, app.instances - wanted.length);
    } else if (wanted.length > app.instances) {
      log.info('scaling down', { app: appId, from: wanted.length, to: app.instances });
      const victims = selectVictims(wanted, app.instances, [], app.killSelection, app.constraints);
      options.retire(victims.map((instance) => instance.id));
    }
  };

  const scaleAll = () => {
    for (const { id } of catalog.specs()) checkScale(id);
    for (const id of tracker.appIds()) if (!catalog.spec(id)) checkScale(id);
  };

  const isOverdue = (instance: Instance): boolean => {
    const limit =
      instance.condition === 'Provisioned'
        ? options.taskLaunchConfirmMs
        : instance.condition === 'Staging' || instance.condition === 'Starting'
          ? options.taskLaunchMs
          : undefined;
    return limit !== undefined && clock.now() - Date.parse(stagedAt(instance)) > limit;
  };
  const killOverdue = () => {
    for (const instance of [...tracker.all()].filter(isOverdue)) {
      log.warn('ending an overdue task', { instance: instance.id, condition: instance.condition });
      options.kill(instance.id);
    }
  };

  /** Reservations that no offer ever showed were not made: another instance takes the place of theirs. */
  const dropUnmade = () => {
    const before = clock.now() - options.taskReservationMs;
    for (const instance of [...tracker.all()]) {
      const askedAt = instance.reservation?.askedAt;
      if (askedAt === undefined || instance.condition !== 'Scheduled' || Date.parse(askedAt) > before) continue;
      log.warn('a reservation was not made in time', { instance: instance.id });
      tracker.forget(instance.id);
    }
  };

  /** When an unreachable instance is given up for a replacement. */
  const inactiveAt = (instance: Instance): number | undefined => {
    const strategy = catalog.definitionOf(instance)?.unreachableStrategy;
    if (instance.condition !== 'Unreachable' || !strategy || strategy === 'disabled') return undefined;
    return Date.parse(instance.unreachableSince ?? instance.since) + strategy.inactiveAfterSeconds * 1000;
  };
  const deactivateTimers = new Map<string, () => void>();
  const watchUnreachable = (instance: Instance) => {
    const at = inactiveAt(instance);
    if (at === undefined || deactivateTimers.has(instance.id)) return;
    deactivateTimers.set(
      instance.id,
      clock.after(Math.max(0, at - clock.now()), () => {
        deactivateTimers.delete(instance.id);
        const current = tracker.get(instance.id);
        if (current?.condition === 'Unreachable')
          tracker.put({ ...current, condition: 'UnreachableInactive', since: new Date(clock.now()).toISOString() });
      }),
    );
  };

  const expunge = () => {
    const now = clock.now();
    for (const instance of [...tracker.all()]) {
      if (!isAway(instance)) continue;
      const strategy = catalog.definitionOf(instance)?.unreachableStrategy;
      if (strategy === 'disabled') continue;
      const after = (strategy?.expungeAfterSeconds ?? 0) * 1000;
      if (now - Date.parse(instance.unreachableSince ?? instance.since) < after) continue;
      log.info('forgetting an unreachable instance', { instance: instance.id });
      tracker.forget(instance.id);
    }
  };

  tracker.onChange(({ before, after }) => {
    const instance = (after ?? before)!;
    if (after?.condition !== 'Unreachable') {
      deactivateTimers.get(instance.id)?.();
      deactivateTimers.delete(instance.id);
    } else watchUnreachable(after);
    const lost = !after && before?.goal === 'Running';
    const inactive = after?.condition === 'UnreachableInactive' && before?.condition !== 'UnreachableInactive';
    const back = before?.condition === 'UnreachableInactive' && after && !isTerminalCondition(after.condition);
    if (lost || inactive || back) checkScale(instance.appId);
  });
  for (const instance of tracker.all()) watchUnreachable(instance);

  const later = (ms: number, fn: () => void) => {
    const cancel = clock.after(ms, () => {
      cancels.delete(cancel);
      fn();
    });
    cancels.add(cancel);
  };
  const repeatedly = (initialMs: number, everyMs: number, fn: () => void) =>
    later(initialMs, () => {
      fn();
      cancels.add(clock.every(everyMs, fn));
    });
  repeatedly(options.scaleInitialMs, options.scaleMs, scaleAll);
  repeatedly(overdueInitialMs, overdueMs, () => {
    killOverdue();
    dropUnmade();
  });
  repeatedly(options.expungeInitialMs, options.expungeMs, expunge);

  return {
    checkScale,
    overdue: () => [...tracker.all()].filter(isOverdue).length,
    close() {
      closed = true;
      for (const cancel of cancels) cancel();
      for (const cancel of deactivateTimers.values()) cancel();
    },
  };
}

function stagedAt(instance: Instance): Timestamp {
  return tasksOf(instance)[0]?.stagedAt ?? instance.since;
}
