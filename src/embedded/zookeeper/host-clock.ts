/**
 * The time a server judges others by: it stands still while the server itself could not run (a blocked event loop, a
 * stopped process, a laptop asleep), so that nobody's silence is held against them that could not have been heard.
 */
import type { Cancel, Clock } from '../../support/clock.ts';

export interface HostClock {
  /** Milliseconds of running time. */
  now(): number;
  /** Runs `fn` once when `now()` has reached `time`; sooner than by a pulse if need be. Replaces what was set before. */
  wakeAt(time: number, fn: () => void): void;
  stop(): void;
}

/** @param onPulse runs every `pulseMs` with how late it is, milliseconds */
export function createHostClock(clock: Clock, pulseMs: number, onPulse: (lateMs: number) => void): HostClock {
  const tolerated = pulseMs * 1.5;
  let last = clock.monotonic();
  let elapsed = 0;
  let wake = { time: Number.POSITIVE_INFINITY, fn: () => {} };
  let alarm: { time: number; cancel: Cancel } | undefined;

  /** At most what may pass between two pulses counts. */
  const now = () => elapsed + Math.min(clock.monotonic() - last, tolerated);

  const cancelPulse = clock.every(pulseMs, () => {
    const passed = clock.monotonic() - last;
    last += passed;
    elapsed += Math.min(passed, tolerated);
    onPulse(passed > tolerated ? passed - pulseMs : 0);
  });

  const host: HostClock = {
    now,
    wakeAt(time, fn) {
      // An alarm that rings too early finds out; setting one anew for every message would cost more.
      wake = { time, fn };
      if (alarm && alarm.time <= time) return;
      alarm?.cancel();
      alarm = undefined;
      if (time === Number.POSITIVE_INFINITY) return;
      const cancel = clock.after(Math.max(0, Math.ceil(time - now())), () => {
        alarm = undefined;
        if (now() >= wake.time) wake.fn();
        else host.wakeAt(wake.time, wake.fn);
      });
      alarm = { time, cancel };
    },
    stop() {
      cancelPulse();
      alarm?.cancel();
    },
  };
  return host;
}
