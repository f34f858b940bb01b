import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  CommandInfo,
  ContainerStatus,
  KillPolicy,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../protocols/mesos/types.ts';
import type { Clock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import type { Container, Containers } from './containers.ts';
import { endingOf, graceOf, type KillCause } from './endings.ts';
import { type Environment, mergeVariables, type ResolveSecret, readVariables } from './environment.ts';
import type { Fetcher } from './fetcher.ts';
import { commandLine, type Prober } from './probe.ts';
import { createTaskChecks } from './task-checks.ts';
import { hasSecretFiles, prepareVolumes, type VolumeParent } from './volumes.ts';

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
  frameworkId: string;
  containerId: string;
  /** The sandbox; made by `makeSandbox` before anything else. */
  directory: string;
  makeSandbox: () => Promise<unknown>;
  /** The executor of a task of a group. */
  parent?: VolumeParent;
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
  let resolveDone!: (end: { failed: boolean }) => void;
  const done = new Promise<{ failed: boolean }>((resolve) => {
    resolveDone = resolve;
  });

  const secretsFolder = join(host.workDir, 'meta', 'secrets', spec.containerId);
  void done.then(() => rm(secretsFolder, { recursive: true, force: true })).catch(() => {});

  const checks = createTaskChecks(task, clock, {
    report: (rest) => update('TASK_RUNNING', rest),
    kill: (cause) => kill(undefined, cause),
  });

  const update = (state: TaskState, rest: Partial<TaskUpdate> = {}) => {
    const pid = spec.ownExecutor && container ? { executor_pid: container.pid } : {};
    tell({
      state,
      source: 'SOURCE_EXECUTOR',
      ...rest,
      ...checks.attached,
      container_status: { ...spec.containerStatus, ...pid },
    });
  };

  const kill = (policy?: KillPolicy, cause: KillCause = 'asked') => {
    if (released) return;
    const first = killed === undefined;
    killed ??= cause;
    if (!container) return preparing.abort();
    checks.stop();
    if (first && spec.tellsKilling) update('TASK_KILLING');
    container.kill(cause === 'completion-time' ? 0 : graceOf(policy, task.kill_policy));
  };

  const failed = (message: string, reason: string) => {
    update('TASK_FAILED', { message, reason, source: 'SOURCE_AGENT' });
    resolveDone({ failed: true });
  };

  const start = async () => {
    let environment: Environment;
    try {
      const { directory, command } = spec;
      const { resolveSecret, workDir } = host;
      const user = await prepareSandbox(host, spec, preparing.signal, () =>
        prepareVolumes(task, {
          sandbox: directory,
          workDir,
          secretsFolder,
          resolveSecret,
          ...(spec.parent ? { parent: spec.parent } : {}),
        }),
      );
      if (user && hasSecretFiles(task)) await host.giveTo(secretsFolder, user);
      environment = mergeVariables(spec.environment, await readVariables(command, resolveSecret));
      if (preparing.signal.aborted) return endBeforeStart();
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
    const { directory } = spec;
    checks.start({ prober: host.prober, environment, directory }, last, runningForMs);
    void running.exited.then((end) => {
      if (released) return;
      checks.stop();
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
    checks.restore(statuses);
    const runningForMs = Math.max(0, clock.now() - (statuses[0]?.timestamp ?? clock.now() / 1000) * 1000);
    const variables = await readVariables(spec.command, host.resolveSecret).catch(() => ({}));
    if (released) return;
    watch(running, mergeVariables(spec.environment, variables), current?.healthy, runningForMs);
    if (wasKilled) {
      // What was begun is gone through with; TASK_KILLING has been told before.
      killed = 'asked';
      checks.stop();
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
      checks.stop();
      container?.release();
    },
  };
}

/**
 * Makes the sandbox and brings the task's files into it.
 * @param volumes puts in what the task finds in its sandbox before its URIs are fetched
 * @returns whom it belongs to, when not to the agent itself
 * @throws Error fit for a task's message, or the signal's reason
 */
export async function prepareSandbox(
  host: TaskHost,
  spec: Pick<TaskSpec, 'directory' | 'makeSandbox' | 'user' | 'command' | 'containerId'>,
  signal: AbortSignal,
  volumes: () => Promise<void>,
): Promise<{ uid: number; gid: number } | undefined> {
  const { directory, command } = spec;
  await spec.makeSandbox();
  const user = await host.userIds(spec.user);
  await volumes();
  const uris = command.uris ?? [];
  if (uris.length > 0)
    await host.fetcher.fetch({ uris, sandbox: directory, user: spec.user, signal }).catch((error) => {
      throw new Error(`Failed to fetch all URIs for container '${spec.containerId}': ${messageOf(error)}`);
    });
  if (user) await host.giveTo(directory, user);
  return user;
}
