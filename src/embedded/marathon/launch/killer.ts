import { isTerminal } from '../../../protocols/mesos/types.ts';
import type { Clock } from '../../../support/clock.ts';
import { type InstanceTracker, isAway } from '../instances.ts';
import { holdsNothing, type Instance, isTerminalCondition, launchOf, rescheduled, tasksOf } from '../model/instance.ts';

export interface KillerOptions {
  tracker: InstanceTracker;
  clock: Clock;
  /** Kills under way at a time. */
  maxInFlight: number;
  /** A kill that brought no end is repeated after this many milliseconds. */
  retryMs: number;
  /** Sends a KILL; failures are covered by the repetition. */
  send: (taskId: string, agentId: string | undefined) => void;
  /** Takes back a launch that the master has not seen. */
  cancelLaunch: (instanceId: string) => boolean;
}

export interface Killer {
  /**
   * Ends the instance's tasks. One that can't be reached is forgotten at once, as is one without tasks, unless
   * resources are reserved for it.
   */
  kill(instanceId: string): void;
  /** Ends a task that belongs to no instance. */
  killStray(taskId: string, agentId: string | undefined): void;
  /** Repeats every kill under way, as after a new subscription. */
  resend(): void;
  readonly inFlight: number;
  close(): void;
}

interface Kill {
  /** See {@link launchOf}. */
  readonly launch: string;
  sentAt: number;
}

export function createKiller(options: KillerOptions): Killer {
  const { tracker, clock } = options;
  /** By instance id. */
  const inFlight = new Map<string, Kill>();
  const waiting = new Set<string>();
  let stopRetries: (() => void) | undefined;

  const send = (instanceId: string) => {
    const instance = tracker.get(instanceId);
    const launch = instance && launchOf(instance);
    if (launch === undefined) return;
    inFlight.set(instanceId, { launch, sentAt: clock.monotonic() });
    for (const { id, status } of tasksOf(instance!))
      if (!status || !isTerminal(status.state)) options.send(id, instance!.placement?.agentId);
    stopRetries ??= clock.every(options.retryMs / 2, retry);
  };
  const retry = () => {
    if (inFlight.size === 0) {
      stopRetries?.();
      stopRetries = undefined;
      return;
    }
    const before = clock.monotonic() - options.retryMs;
    for (const [instanceId, kill] of inFlight) if (kill.sentAt <= before) send(instanceId);
  };
  const next = () => {
    for (const instanceId of waiting) {
      if (inFlight.size >= options.maxInFlight) return;
      waiting.delete(instanceId);
      send(instanceId);
    }
  };

  /** What becomes of an instance that has no task to end. */
  const settle = (instance: Instance) => {
    if (!instance.reservation) return tracker.forget(instance.id);
    const since = new Date(clock.now()).toISOString();
    if (instance.goal === 'Running') tracker.put({ ...rescheduled(instance), since });
    else if (!isTerminalCondition(instance.condition)) tracker.put({ ...instance, condition: 'Killed', since });
  };

  tracker.onChange(({ before, after }) => {
    if (!before) return;
    if (!after || isTerminalCondition(after.condition)) waiting.delete(before.id);
    const kill = inFlight.get(before.id);
    if (!kill) return;
    const over = !after || launchOf(after) !== kill.launch || isTerminalCondition(after.condition);
    if (!over) return;
    inFlight.delete(before.id);
    next();
  });

  return {
    kill(instanceId) {
      const instance = tracker.get(instanceId);
      if (!instance) return;
      if (isAway(instance)) return tracker.forget(instanceId);
      const running = launchOf(instance) !== undefined && !holdsNothing(instance);
      if (!running || options.cancelLaunch(instanceId)) return settle(instance);
      if (inFlight.has(instanceId) || waiting.has(instanceId)) return;
      waiting.add(instanceId);
      next();
    },
    killStray: (taskId, agentId) => options.send(taskId, agentId),
    resend() {
      for (const instanceId of [...inFlight.keys()]) send(instanceId);
    },
    get inFlight() {
      return inFlight.size;
    },
    close: () => stopRetries?.(),
  };
}
