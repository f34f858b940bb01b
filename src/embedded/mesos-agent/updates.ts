import type { TaskStatus } from '../../protocols/mesos/types.ts';
import type { Cancel, Clock } from '../../support/clock.ts';
import type { TaskBook } from './books.ts';

/**
 * Reliable delivery of status updates: one in flight per task, sent again after 10 s, then after twice as long each
 * time up to 10 min, until it is acknowledged. What is pending is kept in the books; this only decides when to send.
 * Source: src/status_update_manager of Apache Mesos.
 */
export interface StatusUpdates {
  /** The task has a new pending status. */
  added(task: TaskBook): void;
  /** The first pending status was acknowledged and taken out of the books. */
  acknowledged(task: TaskBook): void;
  /** Nothing more is to be sent for the task. */
  forget(task: TaskBook): void;
  /** Registered with a master: everything pending is sent, from the beginning of the retries. */
  resume(tasks: Iterable<TaskBook>): void;
  /** No master: nothing is sent. */
  pause(): void;
}

const firstRetryMs = 10_000;
const longestRetryMs = 600_000;

export function createStatusUpdates(clock: Clock, send: (task: TaskBook, status: TaskStatus) => void): StatusUpdates {
  const timers = new Map<TaskBook, Cancel>();
  let paused = true;

  const forget = (task: TaskBook) => {
    timers.get(task)?.();
    timers.delete(task);
  };
  const sendFirst = (task: TaskBook, retryMs = firstRetryMs) => {
    const [status] = task.pending;
    if (paused || !status) return;
    timers.set(
      task,
      clock.after(retryMs, () => sendFirst(task, Math.min(2 * retryMs, longestRetryMs))),
    );
    send(task, status);
  };
  return {
    added(task) {
      if (task.pending.length === 1) sendFirst(task);
    },
    acknowledged(task) {
      forget(task);
      sendFirst(task);
    },
    forget,
    resume(tasks) {
      paused = false;
      for (const task of tasks) {
        forget(task);
        sendFirst(task);
      }
    },
    pause() {
      paused = true;
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
