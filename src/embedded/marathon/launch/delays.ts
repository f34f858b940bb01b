import type { Clock } from '../../../support/clock.ts';
import { delayAfter, delayDeadline, delayKey, isDelayOver, type LaunchDelay } from '../model/backoff.ts';
import type { Condition } from '../model/instance.ts';
import type { RunSpec } from '../model/run-spec.ts';

/** The launch delays of apps whose tasks fail. */
export interface LaunchDelays {
  /** An instance of the app got into `condition`. */
  note(app: RunSpec, condition: Condition): void;
  /** When launching is allowed again, milliseconds since 1970; undefined: it is. */
  until(app: RunSpec): number | undefined;
  reset(app: RunSpec): void;
  close(): void;
}

/** @param onPassed launching an app is allowed again */
export function createLaunchDelays(clock: Clock, onPassed: (appId: string) => void): LaunchDelays {
  const delays = new Map<string, { delay: LaunchDelay; passed: boolean; cancel: () => void }>();

  const set = (app: RunSpec, delay: LaunchDelay | undefined) => {
    const key = delayKey(app);
    delays.get(key)?.cancel();
    delays.delete(key);
    if (!delay) return;
    const wait = delayDeadline(delay) - clock.now();
    const entry = { delay, passed: wait <= 0, cancel: () => {} };
    delays.set(key, entry);
    if (entry.passed) return;
    // The timer counts, not the wall clock, which may be set back.
    entry.cancel = clock.after(wait, () => {
      entry.passed = true;
      onPassed(app.id);
    });
  };

  return {
    note(app, condition) {
      const before = delays.get(delayKey(app))?.delay;
      const after = delayAfter(before, app, condition, clock.now());
      if (after !== before) set(app, after);
    },
    until(app) {
      const entry = delays.get(delayKey(app));
      if (!entry) return undefined;
      if (isDelayOver(entry.delay, clock.now())) {
        set(app, undefined);
        return undefined;
      }
      return entry.passed ? undefined : delayDeadline(entry.delay);
    },
    reset(app) {
      if (!delays.has(delayKey(app))) return;
      set(app, undefined);
      onPassed(app.id);
    },
    close() {
      for (const { cancel } of delays.values()) cancel();
    },
  };
}
