import type { Health, Timestamp } from '../../../protocols/marathon/types.ts';

/** What one health check found out about one instance so far. */
export function firstHealth(instanceId: string): Health {
  return { alive: false, consecutiveFailures: 0, instanceId };
}

export function afterSuccess(health: Health, now: Timestamp): Health {
  return { ...health, alive: true, consecutiveFailures: 0, firstSuccess: health.firstSuccess ?? now, lastSuccess: now };
}

export function afterFailure(health: Health, now: Timestamp, cause: string): Health {
  return {
    ...health,
    alive: false,
    consecutiveFailures: health.consecutiveFailures + 1,
    lastFailure: now,
    lastFailureCause: cause,
  };
}

/** Judged only once every check has an answer or one says no; undefined before. */
export function overall(results: readonly (Health | undefined)[]): boolean | undefined {
  const judged = results.filter((result) => result !== undefined && (result.firstSuccess ?? result.lastFailure));
  if (judged.some((result) => result?.alive === false)) return false;
  return judged.length === results.length && results.length > 0 ? true : undefined;
}
