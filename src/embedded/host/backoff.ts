/** A service that ran this long was well; its next exit counts as the first. */
const steadyMs = 5_000;
const firstMs = 10;
const secondMs = 100;
const longestMs = 5_000;

/**
 * How long a service that ended by itself waits before it is started again: next to nothing after the first exit,
 * since leaders exit as a matter of course; doubling while it goes on ending soon after its start.
 * @param previousMs the wait before the run that just ended; undefined for the first run
 * @param ranMs how long that run took
 */
export function nextRestartDelay(previousMs: number | undefined, ranMs: number): number {
  if (previousMs === undefined || ranMs >= steadyMs) return firstMs;
  return Math.min(Math.max(previousMs * 2, secondMs), longestMs);
}
