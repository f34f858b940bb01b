import type { TaskInfo, TaskStatus } from '../../protocols/mesos/types.ts';
import type { Cancel, Clock } from '../../support/clock.ts';
import {
  type CheckContext,
  type CheckStatus,
  emptyCheckStatus,
  type RunningCheck,
  startCheck,
  startHealthCheck,
} from './checks.ts';
import type { KillCause } from './endings.ts';

/** Health check, generic check and longest time of a task, whatever it runs as. */
export interface TaskChecks {
  /** To be attached to every status of a task with a check. */
  readonly attached: { check_status?: CheckStatus };
  /** Takes over what an earlier agent's check saw. */
  restore(statuses: readonly TaskStatus[]): void;
  /** Begins to look. @param since for how many milliseconds it has been running already */
  start(context: Omit<CheckContext, 'clock'>, lastHealth: boolean | undefined, since: number): void;
  stop(): void;
}

export function createTaskChecks(
  task: TaskInfo,
  clock: Clock,
  on: { report: (news: { reason: string; healthy?: boolean }) => void; kill: (cause: KillCause) => void },
): TaskChecks {
  let status: CheckStatus | undefined = task.check ? emptyCheckStatus(task.check) : undefined;
  let running: RunningCheck[] = [];
  let cancelCompletion: Cancel | undefined;
  return {
    get attached() {
      return status ? { check_status: status } : {};
    },
    restore(statuses) {
      status = statuses.findLast((told) => told.check_status)?.check_status ?? status;
    },
    start(given, last, runningForMs) {
      const context = { ...given, clock };
      const begun = [
        task.health_check &&
          startHealthCheck(task.health_check, context, { last, runningForMs }, (healthy, unhealthyForGood) => {
            on.report({ reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED', healthy });
            if (unhealthyForGood) on.kill('unhealthy');
          }),
        task.check &&
          startCheck(task.check, context, status, (seen) => {
            status = seen;
            on.report({ reason: 'REASON_TASK_CHECK_STATUS_UPDATED' });
          }),
      ];
      running = begun.filter((check) => check !== undefined);
      if (task.max_completion_time) {
        const left = Number(task.max_completion_time.nanoseconds) / 1e6 - runningForMs;
        cancelCompletion = clock.after(Math.max(0, left), () => on.kill('completion-time'));
      }
    },
    stop() {
      for (const check of running) check.stop();
      running = [];
      cancelCompletion?.();
    },
  };
}
