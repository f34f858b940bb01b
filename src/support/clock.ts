import { performance } from 'node:perf_hooks';

/** Ends a timer; ending it twice does nothing. */
export type Cancel = () => void;

/**
 * Time as the servers see it, so that tests and the fixture can move it. All values are milliseconds.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Never goes backwards; for measuring and for time limits. */
  monotonic(): number;
  /** Runs `fn` once after `ms`. */
  after(ms: number, fn: () => void): Cancel;
  /** Runs `fn` every `ms`. */
  every(ms: number, fn: () => void): Cancel;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  every(ms, fn) {
    const timer = setInterval(fn, ms);
    return () => clearInterval(timer);
  },
};

/** A clock that can be moved on; its timers then fire as if the time had passed. */
export interface MovableClock extends Clock {
  /**
   * Moves time on by `ms`. What becomes due runs in order, each at its own time, with a turn of the event loop in
   * between; what follows from it by way of the network happens in real time. Resolves when all of it has run.
   */
  advance(ms: number): Promise<void>;
}

interface MovableTimer {
  due: number;
  fn: () => void;
  cancel: Cancel;
}

/** A clock that runs like `base`, ahead of it by as much as it was moved on. */
export function createMovableClock(base: Clock): MovableClock {
  let ahead = 0;
  let moving: Promise<void> = Promise.resolve();
  const timers = new Set<MovableTimer>();
  const monotonic = () => base.monotonic() + ahead;

  const arm = (timer: MovableTimer) => {
    timer.cancel = base.after(Math.max(0, timer.due - monotonic()), () => fire(timer));
  };
  const fire = (timer: MovableTimer) => {
    timer.cancel();
    if (timers.delete(timer)) timer.fn();
  };
  const after = (ms: number, fn: () => void): Cancel => {
    const timer: MovableTimer = { due: monotonic() + ms, fn, cancel: () => {} };
    timers.add(timer);
    arm(timer);
    return () => {
      timers.delete(timer);
      timer.cancel();
    };
  };
  const every = (ms: number, fn: () => void): Cancel => {
    let cancel: Cancel = () => {};
    const again = () => {
      cancel = after(ms, () => {
        again();
        fn();
      });
    };
    again();
    return () => cancel();
  };
  const firstUntil = (end: number): MovableTimer | undefined => {
    let first: MovableTimer | undefined;
    for (const timer of timers) if (timer.due <= end && (!first || timer.due < first.due)) first = timer;
    return first;
  };
  const move = async (ms: number) => {
    const end = monotonic() + ms;
    for (let next = firstUntil(end); next; next = firstUntil(end)) {
      ahead = Math.max(ahead, next.due - base.monotonic());
      fire(next);
      await new Promise((resolve) => setImmediate(resolve));
    }
    ahead = Math.max(ahead, end - base.monotonic());
    for (const timer of timers) {
      timer.cancel();
      arm(timer);
    }
  };
  return {
    now: () => base.now() + ahead,
    monotonic,
    after,
    every,
    advance(ms) {
      moving = moving.then(() => move(ms));
      return moving;
    },
  };
}
