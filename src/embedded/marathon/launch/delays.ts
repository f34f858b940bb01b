import type { AppDefinition } from '../../../protocols/marathon/types.ts';
import type { Clock } from '../../../support/clock.ts';
import { delayAfter, delayDeadline, delayKey, isDelayOver, type LaunchDelay } from '../model/backoff.ts';
import type { Condition } from '../model/instance.ts';

/** The launch delays of apps whose tasks fail. */
export interface LaunchDelays {
  /** An instance of the app got into `condition`. */
  note(app: AppDefinition, condition: Condition): void;
  /** When launching is allowed again, milliseconds since 1970; undefined: it is. */
  until(app: AppDefinition): number | undefined;
  reset(app: AppDefinition): void;
  close(): void;
}

/** @param onPassed launching an app is allowed again */
export function createLaunchDelays(clock: Clock, onPassed: (appId: string) => void): LaunchDelays {
  const delays = new Map<string, { delay: LaunchDelay; cancel: () => void }>();

  const set = (app: AppDefinition, delay: LaunchDelay | undefined) => {
    const key = delayKey(app);
    delays.get(key)?.cancel();
    delays.delete(key);
    if (!delay) return;
    const wait = delayDeadline(delay) - clock.now();
    const cancel = wait > 0 ? clock.after(wait, () => onPassed(app.id)) : () => {};
    delays.set(key, { delay, cancel });
  };

  return {
    note(app, condition) {
      const before = delays.get(delayKey(app))?.delay;
      const after = delayAfter(before, app, condition, clock.now());
      if (after !== before) set(app, after);
    },
    until(app) {
      const delay = delays.get(delayKey(app))?.delay;
      if (!delay) return undefined;
      const now = clock.now();
      if (isDelayOver(delay, now)) {
        set(app, undefined);
        return undefined;
      }
      const deadline = delayDeadline(delay);
      return deadline > now ? deadline : undefined;
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
