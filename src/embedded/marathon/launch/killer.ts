import type { Clock } from '../../../support/clock.ts';
import { type InstanceTracker, isAway, isTerminalCondition } from '../instances.ts';

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
  /** Ends the instance's task; instances without one that can be reached are forgotten at once. */
  kill(instanceId: string): void;
  /** Ends a task that belongs to no instance. */
  killStray(taskId: string, agentId: string | undefined): void;
  /** Repeats every kill under way, as after a new subscription. */
  resend(): void;
  readonly inFlight: number;
  close(): void;
}

interface Kill {
  readonly taskId: string;
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
    if (!instance?.task) return;
    inFlight.set(instanceId, { taskId: instance.task.id, sentAt: clock.monotonic() });
    options.send(instance.task.id, instance.placement?.agentId);
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

  tracker.onChange(({ before, after }) => {
    if (!before) return;
    if (!after || isTerminalCondition(after.condition)) waiting.delete(before.id);
    const kill = inFlight.get(before.id);
    if (!kill) return;
    const over = !after || after.task?.id !== kill.taskId || isTerminalCondition(after.condition);
    if (!over) return;
    inFlight.delete(before.id);
    next();
  });

  return {
    kill(instanceId) {
      const instance = tracker.get(instanceId);
      if (!instance) return;
      const hasTask = instance.task !== undefined && !isTerminalCondition(instance.condition);
      const reachable = !isAway(instance);
      if (instance.condition === 'Scheduled' || !hasTask || !reachable || options.cancelLaunch(instanceId)) {
        tracker.forget(instanceId);
        return;
      }
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
