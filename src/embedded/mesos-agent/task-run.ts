import type {
  CommandInfo,
  ContainerStatus,
  KillPolicy,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../protocols/mesos/types.ts';
import type { Cancel, Clock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import { type CheckStatus, emptyCheckStatus, type RunningCheck, startCheck, startHealthCheck } from './checks.ts';
import type { Container, Containers } from './containers.ts';
import { endingOf, graceOf, type KillCause } from './endings.ts';
import { type Environment, mergeVariables, type ResolveSecret, readVariables } from './environment.ts';
import type { Fetcher } from './fetcher.ts';
import { commandLine, type Prober } from './probe.ts';
import { prepareVolumes } from './volumes.ts';

/** What running tasks needs of the agent. */
export interface TaskHost {
  clock: Clock;
  containers: Containers;
  prober: Prober;
  fetcher: Fetcher;
  resolveSecret: ResolveSecret;
  workDir: string;
  /** Uid and gid to run a user's tasks with; undefined: the agent's own. @throws for an unknown user */
  userIds(user: string): Promise<{ uid: number; gid: number } | undefined>;
  /** Gives a prepared sandbox to its user. */
  giveTo(directory: string, user: { uid: number; gid: number }): Promise<void>;
}

export interface TaskSpec {
  task: TaskInfo;
  command: CommandInfo;
  containerId: string;
  /** The sandbox; made by `makeSandbox` before anything else. */
  directory: string;
  makeSandbox: () => Promise<unknown>;
  /** Without the command's own variables. */
  environment: Environment;
  user: string;
  /** To be attached to statuses, but for the pid. */
  containerStatus: ContainerStatus;
  /** Whether the pid is told as the executor's. */
  ownExecutor: boolean;
  /** Whether the framework wants TASK_KILLING. */
  tellsKilling: boolean;
}

/** A status to be told, without what is the same for all of a task's. */
export type TaskUpdate = Pick<
  TaskStatus,
  'message' | 'reason' | 'healthy' | 'check_status' | 'container_status' | 'data' | 'labels'
> & {
  state: TaskState;
  source: 'SOURCE_EXECUTOR' | 'SOURCE_AGENT';
};

/** A task's command from its preparation to its end. */
export interface TaskRun {
  /** @param policy of the call; the task's own counts without */
  kill(policy?: KillPolicy, cause?: KillCause): void;
  /** Lets go without ending anything or telling anyone. */
  release(): void;
  /** Resolves when nothing of it runs any more and the final update was told; never after `release`. */
  readonly done: Promise<{ failed: boolean }>;
}

/** What is known of a task that an earlier agent started. */
export interface Resumed {
  container: Container;
  /** The statuses told so far. */
  statuses: readonly TaskStatus[];
  killed: boolean;
}

/**
 * Runs a task's command: sandbox, volumes, files, secrets, process, checks, end. Every turn is told by `tell`, in the
 * words of the real command executor. Source: src/launcher/executor.cpp and slave.cpp of Apache Mesos.
 */
export function runTask(
  host: TaskHost,
  spec: TaskSpec,
  tell: (update: TaskUpdate) => void,
  resumed?: Resumed,
): TaskRun {
  const { clock } = host;
  const { task } = spec;
  const preparing = new AbortController();
  let container: Container | undefined;
  let released = false;
  let killed: KillCause | undefined;
  let checkStatus: CheckStatus | undefined = task.check ? emptyCheckStatus(task.check) : undefined;
  let checks: RunningCheck[] = [];
  let cancelCompletion: Cancel | undefined;
  let resolveDone!: (end: { failed: boolean }) => void;
  const done = new Promise<{ failed: boolean }>((resolve) => {
    resolveDone = resolve;
  });

  const update = (state: TaskState, rest: Partial<TaskUpdate> = {}) => {
    const pid = spec.ownExecutor && container ? { executor_pid: container.pid } : {};
    tell({
      state,
      source: 'SOURCE_EXECUTOR',
      ...rest,
      ...(checkStatus ? { check_status: checkStatus } : {}),
      container_status: { ...spec.containerStatus, ...pid },
    });
  };

  const stopChecks = () => {
    for (const check of checks) check.stop();
    checks = [];
    cancelCompletion?.();
  };

  const kill = (policy?: KillPolicy, cause: KillCause = 'asked') => {
    if (released) return;
    const first = killed === undefined;
    killed ??= cause;
    if (!container) return preparing.abort();
    stopChecks();
    if (first && spec.tellsKilling) update('TASK_KILLING');
    container.kill(cause === 'completion-time' ? 0 : graceOf(policy, task.kill_policy));
  };

  const failed = (message: string, reason: string) => {
    update('TASK_FAILED', { message, reason, source: 'SOURCE_AGENT' });
    resolveDone({ failed: true });
  };

  const prepare = async (): Promise<{ environment: Environment; user: { uid: number; gid: number } | undefined }> => {
    const { directory, command } = spec;
    await spec.makeSandbox();
    const user = await host.userIds(spec.user);
    await prepareVolumes(task, { sandbox: directory, workDir: host.workDir, resolveSecret: host.resolveSecret });
    const uris = command.uris ?? [];
    if (uris.length > 0) {
      await host.fetcher
        .fetch({ uris, sandbox: directory, user: spec.user, signal: preparing.signal })
        .catch((error) => {
          throw new Error(`Failed to fetch all URIs for container '${spec.containerId}': ${messageOf(error)}`);
        });
    }
    if (user) await host.giveTo(directory, user);
    return { environment: mergeVariables(spec.environment, await readVariables(command, host.resolveSecret)), user };
  };

  const start = async () => {
    let environment: Environment;
    try {
      const prepared = await prepare();
      if (preparing.signal.aborted) return endBeforeStart();
      environment = prepared.environment;
      const { user } = prepared;
      container = await host.containers.launch({
        directory: spec.directory,
        command: commandLine(spec.command),
        environment,
        ...(user ? { user } : {}),
      });
    } catch (error) {
      if (preparing.signal.aborted) return endBeforeStart();
      failed(`Failed to launch container: ${messageOf(error)}`, 'REASON_CONTAINER_LAUNCH_FAILED');
      return;
    }
    if (released) return container.release();
    update('TASK_STARTING');
    update('TASK_RUNNING');
    watch(container, environment, undefined, 0);
    // Asked while the process was being made.
    if (killed) kill(undefined, killed);
  };

  const endBeforeStart = () => {
    if (released) return;
    update('TASK_KILLED', {
      message: 'Killed before delivery to the executor',
      reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
      source: 'SOURCE_AGENT',
    });
    resolveDone({ failed: false });
  };

  const watch = (running: Container, environment: Environment, last: boolean | undefined, runningForMs: number) => {
    const context = { prober: host.prober, clock, environment, directory: spec.directory };
    const begun = [
      task.health_check &&
        startHealthCheck(task.health_check, context, { last, runningForMs }, (healthy, unhealthyForGood) => {
          update('TASK_RUNNING', { reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED', healthy });
          if (unhealthyForGood) kill(undefined, 'unhealthy');
        }),
      task.check &&
        startCheck(task.check, context, checkStatus, (status) => {
          checkStatus = status;
          update('TASK_RUNNING', { reason: 'REASON_TASK_CHECK_STATUS_UPDATED' });
        }),
    ];
    checks = begun.filter((check) => check !== undefined);
    if (task.max_completion_time) {
      const left = Number(task.max_completion_time.nanoseconds) / 1e6 - runningForMs;
      cancelCompletion = clock.after(Math.max(0, left), () => kill(undefined, 'completion-time'));
    }
    void running.exited.then((end) => {
      if (released) return;
      stopChecks();
      if (end) {
        const ending = endingOf(end, killed);
        update(ending.state, ending);
        resolveDone({ failed: ending.state === 'TASK_FAILED' });
      } else if (killed) {
        update('TASK_KILLED', { message: 'Command terminated while the agent was away' });
        resolveDone({ failed: false });
      } else failed('Abnormal executor termination: its exit status is unknown', 'REASON_EXECUTOR_TERMINATED');
    });
  };

  const resume = async ({ container: running, statuses, killed: wasKilled }: Resumed) => {
    container = running;
    const lastOf = (state: TaskState) => statuses.findLast((status) => status.state === state);
    const current = lastOf('TASK_RUNNING');
    // The last agent may have ended between the start of the process and its first status.
    if (statuses.length === 0) update('TASK_STARTING');
    if (!current) update('TASK_RUNNING');
    checkStatus = statuses.findLast((status) => status.check_status)?.check_status ?? checkStatus;
    const runningForMs = Math.max(0, clock.now() - (statuses[0]?.timestamp ?? clock.now() / 1000) * 1000);
    const variables = await readVariables(spec.command, host.resolveSecret).catch(() => ({}));
    if (released) return;
    watch(running, mergeVariables(spec.environment, variables), current?.healthy, runningForMs);
    if (wasKilled) {
      // What was begun is gone through with; TASK_KILLING has been told before.
      killed = 'asked';
      stopChecks();
      running.kill(graceOf(task.kill_policy));
    } else if (killed) kill(undefined, killed);
  };

  if (resumed) void resume(resumed);
  else void start();
  return {
    done,
    kill,
    release() {
      released = true;
      preparing.abort();
      stopChecks();
      container?.release();
    },
  };
}
