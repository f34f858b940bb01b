import type { Cancel, Clock } from './clock.ts';

/** A timer that fires this much after its time tells that the process itself did not run (blocked, stopped, asleep). */
export const lateMs = 50;

/** Judges a peer's silence. */
export interface Watchdog {
  /** The peer gave a sign of life. Cheap: no timer is touched. */
  heard(): void;
  close(): void;
}

/**
 * Calls `onSilence` once when `heard` was not called for `ms`. Time in which this process itself did not run is no
 * silence of the peer: what the peer sent then is still to be read, so the limit moves by as much.
 */
export function createWatchdog(clock: Clock, ms: number, onSilence: () => void): Watchdog {
  let lastHeard = clock.monotonic();
  let cancel: Cancel;
  const arm = (wait: number) => {
    const due = clock.monotonic() + wait;
    cancel = clock.after(wait, () => {
      const now = clock.monotonic();
      const late = now - due;
      if (late > lateMs) lastHeard = Math.min(now, lastHeard + late);
      const left = lastHeard + ms - now;
      // Timers may fire a fraction of a millisecond early.
      if (left < 1 && late <= lateMs) onSilence();
      else arm(Math.max(left, lateMs));
    });
  };
  arm(ms);
  return {
    heard() {
      lastHeard = clock.monotonic();
    },
    close: () => cancel(),
  };
}

/** Calls `fn` once after `ms`; when it would run late, first waits again for `graceMs`, so that what arrived is read. */
export function patientTimer(clock: Clock, ms: number, graceMs: number, fn: () => void): Cancel {
  const due = clock.monotonic() + ms;
  let cancel = clock.after(ms, () => {
    if (clock.monotonic() - due > lateMs) cancel = patientTimer(clock, graceMs, graceMs, fn);
    else fn();
  });
  return () => cancel();
}
