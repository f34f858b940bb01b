import type { Clock } from '../../../support/clock.ts';

/** Bounds how many tasks are launched at a time: taken by launches, given back by tasks that run and by time. */
export interface LaunchTokens {
  readonly left: number;
  take(): boolean;
  giveBack(): void;
  close(): void;
}

/** @param onRefilled there are tokens again after there were none */
export function createLaunchTokens(clock: Clock, max: number, refreshMs: number, onRefilled: () => void): LaunchTokens {
  let left = max;
  let cancel: (() => void) | undefined;
  const add = (count: number) => {
    const wasEmpty = left === 0;
    left = Math.min(max, left + count);
    if (wasEmpty && left > 0) onRefilled();
  };
  return {
    get left() {
      return left;
    },
    take() {
      if (left === 0) return false;
      left--;
      // Nothing ticks while all tokens are there.
      cancel ??= clock.after(refreshMs, () => {
        cancel = undefined;
        add(max);
      });
      return true;
    },
    giveBack: () => add(1),
    close: () => cancel?.(),
  };
}
