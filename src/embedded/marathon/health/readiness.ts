import type { AppDefinition, PathId, ReadinessCheckResult } from '../../../protocols/marathon/types.ts';
import type { Clock } from '../../../support/clock.ts';
import type { InstanceTracker } from '../instances.ts';
import type { Instance } from '../model/instance.ts';
import type { Prober } from './probe.ts';
import { probeUrl, readinessTarget } from './targets.ts';

export interface Readiness {
  /** Ids of instances that have answered that they are ready. */
  readonly ready: ReadonlySet<string>;
  /** The last answers for an app whose readiness is asked. */
  results(appId: PathId): readonly ReadinessCheckResult[];
  /** Asks the instances of this version of the app, from when they run until they are ready, or stops asking. */
  watch(app: AppDefinition, watch: boolean): void;
  close(): void;
}

const keptBodyBytes = 10_000;
/** A task that does not even listen yet is asked again this soon, doubling up to its interval. */
const eagerMs = 50;

/** @param onReady an instance of the app has become ready */
export function createReadiness(
  tracker: InstanceTracker,
  prober: Prober,
  clock: Clock,
  onReady: (appId: PathId) => void,
): Readiness {
  const watched = new Map<PathId, { app: AppDefinition; results: Map<string, ReadinessCheckResult> }>();
  const asking = new Map<string, { taskId: string; cancel: () => void }>();
  const ready = new Set<string>();

  const stop = (instanceId: string) => {
    asking.get(instanceId)?.cancel();
    asking.delete(instanceId);
  };

  const consider = (instance: Instance) => {
    const entry = watched.get(instance.appId);
    const check = entry?.app.readinessChecks[0];
    if (!entry || !check || instance.condition !== 'Running' || !instance.task) return;
    if (instance.appVersion < entry.app.versionInfo.lastConfigChangeAt) return;
    if (ready.has(instance.id) || asking.has(instance.id)) return;
    const taskId = instance.task.id;
    const state = { taskId, cancel: () => {} };
    asking.set(instance.id, state);
    let pause = eagerMs;
    const ask = async () => {
      const current = tracker.get(instance.id);
      const target = current && readinessTarget(entry.app, current, check);
      if (!target) return;
      const url = probeUrl(check.protocol === 'HTTPS' ? 'https' : 'http', target, check.path);
      const answer = await prober.http(
        url,
        check.timeoutSeconds * 1000,
        check.preserveLastResponse ? keptBodyBytes : 0,
      );
      if (asking.get(instance.id) !== state) return;
      const isReady = answer.answered && check.httpStatusCodesForReady.includes(answer.status);
      entry.results.set(instance.id, {
        name: check.name,
        taskId,
        ready: isReady,
        ...(check.preserveLastResponse && answer.answered
          ? { lastResponse: { status: answer.status, contentType: answer.contentType, body: answer.body } }
          : {}),
      });
      if (isReady) {
        stop(instance.id);
        ready.add(instance.id);
        onReady(instance.appId);
        return;
      }
      const interval = check.intervalSeconds * 1000;
      state.cancel = clock.after(answer.answered ? interval : Math.min(pause, interval), () => void ask());
      pause *= 2;
    };
    void ask();
  };

  tracker.onChange(({ before, after }) => {
    const id = (after ?? before)!.id;
    if (before?.task && (!after || after.task?.id !== before.task.id || after.condition !== 'Running')) {
      stop(id);
      ready.delete(id);
      watched.get(before.appId)?.results.delete(id);
    }
    if (after) consider(after);
  });

  return {
    ready,
    results: (appId) => [...(watched.get(appId)?.results.values() ?? [])],
    watch(app, watch) {
      if (app.readinessChecks.length === 0) return;
      if (!watch) {
        watched.delete(app.id);
        for (const instance of tracker.ofApp(app.id)) stop(instance.id);
        return;
      }
      watched.set(app.id, { app, results: new Map() });
      for (const instance of tracker.ofApp(app.id)) consider(instance);
    },
    close() {
      for (const id of [...asking.keys()]) stop(id);
    },
  };
}
