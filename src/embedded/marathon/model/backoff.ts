import type { PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { Condition } from './instance.ts';
import type { RunSpec } from './run-spec.ts';

/**
 * Launch delays of apps whose tasks fail. Source: core/launchqueue/impl/RateLimiter.scala and
 * core/task/update/impl/steps/NotifyRateLimiterStepImpl.scala of Marathon.
 */

/** The launch delay of one app and config. All values are milliseconds. */
export interface LaunchDelay {
  readonly appId: PathId;
  readonly configVersion: Timestamp;
  /** When the delay began to run; milliseconds since 1970. */
  readonly since: number;
  readonly delay: number;
  readonly max: number;
}

/** Delays are kept per app and last config change. */
export function delayKey(app: RunSpec): string {
  return `${app.id} ${app.versionInfo.lastConfigChangeAt}`;
}

const raising: ReadonlySet<Condition> = new Set(['Failed', 'Error', 'Dropped', 'Gone', 'Finished']);
const restarting: ReadonlySet<Condition> = new Set(['Provisioned', 'Staging', 'Starting', 'Running']);

/** What becomes of the delay when an instance of the app gets into `condition`; undefined is no delay. */
export function delayAfter(
  delay: LaunchDelay | undefined,
  app: RunSpec,
  condition: Condition,
  now: number,
): LaunchDelay | undefined {
  if (restarting.has(condition)) return delay && { ...delay, since: now };
  if (!raising.has(condition)) return delay;
  const max = app.maxLaunchDelaySeconds * 1000;
  return {
    appId: app.id,
    configVersion: app.versionInfo.lastConfigChangeAt,
    since: now,
    delay: Math.min(delay ? delay.delay * app.backoffFactor : app.backoffSeconds * 1000, max),
    max,
  };
}

/** When launching is allowed again; milliseconds since 1970. */
export function delayDeadline(delay: LaunchDelay): number {
  return delay.since + delay.delay;
}

/** Whether the delay is so old that it is dropped. */
export function isDelayOver(delay: LaunchDelay, now: number): boolean {
  return now > delay.since + delay.max;
}
