import type { AppDefinition } from '../../../protocols/marathon/types.ts';
import type { Instance } from './instance.ts';

/** What the caller does next in an action of a deployment. */
export interface Decision {
  /** Instances to decommission (resident ones: to stop). */
  readonly kill: readonly string[];
  /** How many new instances to schedule. */
  readonly start: number;
  /** The action is complete; `kill` is empty and `start` 0 then. */
  readonly done: boolean;
}

/** An app's instances as a decision sees them. */
export interface RollingInput {
  readonly app: AppDefinition;
  /** All instances of the app that are kept, whatever their goal and version. */
  readonly instances: readonly Instance[];
  /** Ids of instances whose readiness check answered that it is ready; not looked at without readiness checks. */
  readonly ready: ReadonlySet<string>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What a restart fixed when it began. Plain data; lost on failover, then taken anew. */
export interface RestartBaseline {
  /** The number of healthy instances that is never gone below. */
  readonly floor: number;
  /** The number of instances that is never exceeded. */
  readonly maxCapacity: number;
  /** How many old instances may go before any new one is ready. */
  readonly credit: number;
  /** Launched old instances with the goal Running. */
  readonly old: number;
  /** New instances that were ready already. */
  readonly ready: number;
}

/**
 * The next decision of a `ScaleApplication`. It depends on nothing but the instances: call it again after every
 * change, having applied the decision before. Victims are awaited before anything is started.
 */
export function decideScale(input: RollingInput, scaleTo: number, sentenced: readonly string[]): Decision {
  throw new Error(`not built: ${input} ${scaleTo} ${sentenced}`);
}

/** Called once when a `RestartApplication` begins, and again by a new leader that takes it over. */
export function beginRestart(input: RollingInput): RestartBaseline {
  throw new Error(`not built: ${input}`);
}

/** The next decision of a `RestartApplication`; call it again after every change, having applied the one before. */
export function decideRestart(input: RollingInput, baseline: RestartBaseline): Decision {
  throw new Error(`not built: ${input} ${baseline}`);
}

/** The next decision of a `StopApplication`: all are decommissioned; done when none is left. */
export function decideStop(instances: readonly Instance[]): Decision {
  throw new Error(`not built: ${instances}`);
}

/** Whether an instance counts as ready: running, healthy when there are health checks, ready when there is a check. */
export function isReady(app: AppDefinition, instance: Instance, ready: ReadonlySet<string>): boolean {
  throw new Error(`not built: ${app} ${instance} ${ready}`);
}
