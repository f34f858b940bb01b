import type { Clock } from '../../src/support/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time on; due timers run in order, each at its own time. */
  advance(ms: number): void;
  /** Moves time on as a process sees it that did not run: due timers run late, all at the end. */
  sleep(ms: number): void;
  readonly timers: number;
}

export function createManualClock(start = 1_700_000_000_000): ManualClock {
  let now = 0;
  let order = 0;
  const timers = new Set<{ due: number; order: number; fn: () => void }>();
  const after = (ms: number, fn: () => void) => {
    const timer = { due: now + Math.max(ms, 0), order: order++, fn };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  const every = (ms: number, fn: () => void) => {
    let cancel = () => {};
    const arm = () => {
      cancel = after(ms, () => {
        arm();
        fn();
      });
    };
    arm();
    return () => cancel();
  };
  const next = (until: number) => {
    let first: { due: number; order: number; fn: () => void } | undefined;
    for (const timer of timers)
      if (
        timer.due <= until &&
        (!first || timer.due < first.due || (timer.due === first.due && timer.order < first.order))
      )
        first = timer;
    return first;
  };
  return {
    now: () => start + now,
    monotonic: () => now,
    after,
    every,
    get timers() {
      return timers.size;
    },
    advance(ms) {
      const end = now + ms;
      for (let timer = next(end); timer; timer = next(end)) {
        timers.delete(timer);
        now = Math.max(now, timer.due);
        timer.fn();
      }
      now = end;
    },
    sleep(ms) {
      now += ms;
      for (const timer of [...timers]
        .filter(({ due }) => due <= now)
        .sort((a, b) => a.due - b.due || a.order - b.order)) {
        if (!timers.delete(timer)) continue;
        timer.fn();
      }
    },
  };
}
