import { randomUUID } from 'node:crypto';
import type { FrameworkInfo, KillPolicy, TaskStatus } from '../../protocols/mesos/types.ts';
import type { Clock } from '../../support/clock.ts';
import type { Logger } from '../../support/logger.ts';
import { type ExecutorBook, findExecutor, findTask, hasCapability, isDone, type TaskBook } from './books.ts';
import type { DockerContainerizer } from './docker/index.ts';
import { type AgentEnvironment, commandEnvironment, executorEnvironment } from './environment.ts';
import type { Journal } from './journal.ts';
import { type Abilities, containerStatusOf, refuseContainer } from './naming.ts';
import { createNested, createRun } from './sandbox.ts';
import { type Resumed, runTask, type TaskHost, type TaskRun, type TaskSpec, type TaskUpdate } from './task-run.ts';
import type { StatusUpdates } from './updates.ts';

/** Counted since the agent's start, for /metrics/snapshot. */
export interface TaskCounters {
  finished: number;
  failed: number;
  killed: number;
  lost: number;
  gone: number;
  updates: number;
  launchErrors: number;
}

/** The tasks that this agent runs itself: command tasks, the tasks of groups, and those with a Docker image. */
export interface Tasks {
  /** Starts the command of a task that is in the books. */
  start(task: TaskBook, executor: ExecutorBook): void;
  /** Goes on with one that an earlier agent started. */
  resume(task: TaskBook, executor: ExecutorBook, resumed: Resumed): void;
  /** The same for one that is a container, if it still is. @param gone to be told when it is not */
  resumeContainer(task: TaskBook, executor: ExecutorBook, gone: TaskUpdate): void;
  /** Whether the task is one for Docker containers, and this agent has them. */
  isContainer(task: TaskBook): boolean;
  /** False when nothing of the task runs here. */
  kill(task: TaskBook, policy?: KillPolicy): boolean;
  /** Records a status and sees to its delivery; with a uuid when an executor gave it one. */
  tell(task: TaskBook, update: TaskUpdate, uuid?: string): void;
  /** Whether what happens to the framework's tasks is told to nobody from now on. */
  silence(frameworkId: string, silent: boolean): void;
  /** Whether the framework was silenced. */
  isSilenced(frameworkId: string): boolean;
  isRunning(task: TaskBook): boolean;
  /** Lets go of everything; what runs goes on. */
  release(): void;
  readonly counters: TaskCounters;
}

export interface TasksOptions {
  host: TaskHost;
  journal: Journal;
  updates: StatusUpdates;
  clock: Clock;
  log: Logger;
  /** The agent's own address as containers have it. */
  ip: string;
  environment: () => AgentEnvironment;
  agentId: () => string;
  httpCommandExecutor: boolean;
  /** undefined: tasks with an image are refused. */
  docker: DockerContainerizer | undefined;
  runsProcesses: boolean;
  /** A task has ended and its final status is recorded. */
  onEnded: (task: TaskBook, executor: ExecutorBook, failed: boolean) => void;
}

export function createTasks(options: TasksOptions): Tasks {
  const { host, journal, updates, docker, clock, log } = options;
  const can: Abilities = { processes: options.runsProcesses, docker: docker !== undefined };
  const runs = new Map<TaskBook, TaskRun>();
  const silenced = new Set<string>();
  const counters: TaskCounters = {
    finished: 0,
    failed: 0,
    killed: 0,
    lost: 0,
    gone: 0,
    updates: 0,
    launchErrors: 0,
  };

  const tell = (task: TaskBook, update: TaskUpdate, uuid = newUuid()) => {
    // What is in the books under the id may be another task by now, or none.
    if (silenced.has(task.frameworkId) || isDone(task)) return;
    if (findTask(journal.books, task.frameworkId, task.info.task_id.value) !== task) return;
    const status = toStatus(task, update, uuid, options.agentId(), clock.now());
    journal.record({ k: 'status', fid: task.frameworkId, status });
    count(counters, status);
    if (isDone(task))
      log.info('task ended', { task: status.task_id.value, state: status.state, message: status.message });
    updates.added(task);
  };

  const frameworkOf = (task: TaskBook): FrameworkInfo | undefined =>
    journal.books.frameworks.get(task.frameworkId)?.info;

  const isContainer = (task: TaskBook) => docker !== undefined && task.info.container?.type === 'DOCKER';

  const specOf = (task: TaskBook, executor: ExecutorBook): TaskSpec => {
    const nested = executor.kind !== 'command';
    const framework = frameworkOf(task);
    const directory = nested ? nestedOf(task, executor) : executor.directory;
    const base = executorEnvironment(options.environment(), {
      frameworkId: task.frameworkId,
      executorId: task.executorId,
      directory,
      checkpoint: framework?.checkpoint === true,
    });
    const extra = nested ? { MESOS_CONTAINER_IP: options.ip, MESOS_TASK_ID: task.info.task_id.value } : {};
    return {
      task: task.info,
      command: task.info.command ?? {},
      frameworkId: task.frameworkId,
      containerId: task.containerId,
      directory,
      makeSandbox: async () => {
        const run = {
          agentId: options.agentId(),
          frameworkId: task.frameworkId,
          executorId: task.executorId,
          containerId: executor.containerId,
        };
        await createRun(host.workDir, run);
        if (nested) await createNested(executor.directory, task.containerId, task.info.task_id.value);
      },
      ...(nested ? { parent: { directory: executor.directory, resources: executor.info.resources ?? [] } } : {}),
      environment: commandEnvironment(base, { resources: task.info.resources, variables: extra }),
      user: task.info.command?.user ?? framework?.user ?? '',
      containerStatus: containerStatusOf(options.ip, task.containerId, nested ? executor.containerId : undefined),
      ownExecutor: !nested,
      tellsKilling: hasCapability(framework, 'TASK_KILLING_STATE'),
    };
  };

  const follow = (task: TaskBook, executor: ExecutorBook, started: TaskRun) => {
    runs.set(task, started);
    void started.done.then(({ failed }) => {
      runs.delete(task);
      options.onEnded(task, executor, failed);
    });
  };

  const run = (task: TaskBook, executor: ExecutorBook) => {
    const spec = specOf(task, executor);
    const told = (update: TaskUpdate) => tell(task, update);
    follow(task, executor, docker && isContainer(task) ? docker.run(spec, told) : runTask(host, spec, told));
  };

  return {
    counters,
    isContainer,
    start(task, executor) {
      const unsafe = journal.failure && `Failed to launch container: ${journal.failure}`;
      const refusal = refuseContainer(task.info, can, executor.kind === 'default') ?? unsafe;
      if (refusal === undefined) return run(task, executor);
      tell(task, {
        state: 'TASK_FAILED',
        message: refusal,
        reason: 'REASON_CONTAINER_LAUNCH_FAILED',
        source: 'SOURCE_AGENT',
        container_status: containerStatusOf(options.ip, task.containerId),
      });
      options.onEnded(task, executor, true);
    },
    resume(task, executor, resumed) {
      follow(
        task,
        executor,
        runTask(host, specOf(task, executor), (update) => tell(task, update), resumed),
      );
    },
    resumeContainer(task, executor, gone) {
      if (!docker) return tell(task, gone);
      const resumed = { statuses: [...task.statuses], killed: task.killed === true, gone };
      follow(
        task,
        executor,
        docker.run(specOf(task, executor), (update) => tell(task, update), resumed),
      );
    },
    kill(task, policy) {
      const started = runs.get(task);
      if (!started) return false;
      // The real command executor of today's default does not hear of the policy that a KILL brings along.
      const heard =
        options.httpCommandExecutor || isContainer(task) || findExecutor(journal.books, task)?.kind !== 'command';
      started.kill(heard ? policy : undefined);
      return true;
    },
    tell,
    silence(frameworkId, silent) {
      if (silent) silenced.add(frameworkId);
      else silenced.delete(frameworkId);
    },
    isSilenced: (frameworkId) => silenced.has(frameworkId),
    isRunning: (task) => runs.has(task),
    release() {
      for (const started of runs.values()) started.release();
      runs.clear();
    },
  };
}

/** The sandbox of a task of a group. */
export function nestedOf(task: TaskBook, executor: ExecutorBook): string {
  return `${executor.directory}/containers/${task.containerId}`;
}

function newUuid(): string {
  return Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64');
}

/** A complete status, its members in the order of the recorded ones. */
export function toStatus(task: TaskBook, update: TaskUpdate, uuid: string, agentId: string, nowMs: number): TaskStatus {
  const { state, message, source, reason, ...rest } = update;
  return {
    task_id: { value: task.info.task_id.value },
    state,
    ...(message === undefined ? {} : { message }),
    source,
    ...(reason === undefined ? {} : { reason }),
    agent_id: { value: agentId },
    executor_id: { value: task.executorId },
    timestamp: nowMs / 1000,
    uuid,
    ...rest,
  };
}

function count(counters: TaskCounters, status: TaskStatus): void {
  counters.updates++;
  if (status.reason === 'REASON_CONTAINER_LAUNCH_FAILED') counters.launchErrors++;
  switch (status.state) {
    case 'TASK_FINISHED':
      counters.finished++;
      break;
    case 'TASK_FAILED':
      counters.failed++;
      break;
    case 'TASK_KILLED':
      counters.killed++;
      break;
    case 'TASK_LOST':
      counters.lost++;
      break;
    case 'TASK_GONE':
      counters.gone++;
      break;
    default:
      break;
  }
}
