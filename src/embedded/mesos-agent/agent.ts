import type { AgentMessage, MasterMessage } from '../../protocols/mesos/agent-link.ts';
import type { ExecutorInfo, FrameworkInfo, TaskInfo, Value } from '../../protocols/mesos/types.ts';
import type { Clock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import type { Logger } from '../../support/logger.ts';
import { uuidFrom } from '../../support/random.ts';
import {
  type ExecutorBook,
  type ExecutorKind,
  type FrameworkBook,
  findExecutor,
  findTask,
  isDone,
  type TaskBook,
  tasksOf,
} from './books.ts';
import type { CustomExecutors } from './custom-executors.ts';
import type { Journal } from './journal.ts';
import { commandExecutorInfo } from './naming.ts';
import { refuseId, runDirectory } from './sandbox.ts';
import type { Tasks } from './tasks.ts';
import type { StatusUpdates } from './updates.ts';
import { deleteDestroyed } from './volumes.ts';

/** What the master's messages do. */
export interface Agent {
  handle(message: Exclude<MasterMessage, { type: 'PING' | 'SUBSCRIBED' | 'SHUTDOWN' }>): void;
  /** A command's or a group task's process has ended and its last status is told. */
  taskEnded(task: TaskBook, executor: ExecutorBook, failed: boolean): void;
  /** A container without a task of its own has ended: a custom executor. */
  executorEnded(executor: ExecutorBook, status: number): void;
  /** Ends everything; resolves when nothing runs any more. */
  shutdown(): Promise<void>;
  /** Ends what may not outlive the agent: the tasks of frameworks without checkpoints. */
  endUncheckpointed(): Promise<void>;
}

export interface AgentOptions {
  journal: Journal;
  tasks: Tasks;
  custom: CustomExecutors;
  updates: StatusUpdates;
  send: (message: AgentMessage) => void;
  /** A sandbox is of no use any more, from the time it was left. */
  onSandboxLeft: (directory: string, containerId: string, endedAt: number) => void;
  clock: Clock;
  random: () => number;
  log: Logger;
  workDir: string;
  launcherDir: string;
}

export function createAgent(options: AgentOptions): Agent {
  const { journal, tasks, custom, updates, clock, random, log } = options;
  const { books } = journal;
  const endListeners = new Map<ExecutorBook, () => void>();

  const learnFramework = (info: FrameworkInfo): FrameworkBook | undefined => {
    const id = info.id?.value;
    const refusal = refuseId(id);
    if (refusal !== undefined || id === undefined) {
      log.error('a framework without a usable id', { refusal });
      return undefined;
    }
    const known = books.frameworks.get(id);
    if (!known || JSON.stringify(known.info) !== JSON.stringify(info)) journal.record({ k: 'framework', id, info });
    return books.frameworks.get(id);
  };

  /** The framework has changed or has a new scheduler; what that one has to acknowledge still is sent to it at once. */
  const resubscribed = (info: FrameworkInfo) => {
    const id = info.id?.value ?? '';
    if (!books.frameworks.has(id)) return;
    learnFramework(info);
    updates.resume([...tasksOf(books)].filter((task) => task.frameworkId === id));
  };

  const addExecutor = (framework: FrameworkBook, info: ExecutorInfo, kind: ExecutorKind): ExecutorBook => {
    const container = uuidFrom(random);
    const eid = info.executor_id.value;
    const path = {
      agentId: books.agent?.id.value ?? '',
      frameworkId: framework.id,
      executorId: eid,
      containerId: container,
    };
    const directory = runDirectory(options.workDir, path);
    journal.record({ k: 'executor', kind, info, fid: framework.id, container, directory });
    return framework.executors.get(eid)!;
  };

  const addTask = (executor: ExecutorBook, info: TaskInfo, container: string, group?: string): TaskBook => {
    const { frameworkId: fid } = executor;
    const eid = executor.info.executor_id.value;
    journal.record({ k: 'task', info, fid, eid, container, ...(group === undefined ? {} : { group }) });
    return executor.tasks.get(info.task_id.value)!;
  };

  /** Why a task can't be taken in; such tasks are the master's mistake and only logged. */
  const refuseTask = (frameworkId: string, info: TaskInfo): string | undefined =>
    refuseId(info.task_id?.value) ??
    (findTask(books, frameworkId, info.task_id.value) ? 'a task of this id is here already' : undefined);

  const launch = (message: MasterMessage & { type: 'LAUNCH' }) => {
    const framework = learnFramework(message.framework);
    if (!framework) return;
    const { task: info } = message;
    const refusal = refuseTask(framework.id, info);
    if (refusal !== undefined) return log.error('task refused', { task: info.task_id?.value, refusal });
    const wanted = message.executor ?? info.executor;
    log.info('launching task', { task: info.task_id.value, framework: framework.id });
    if (wanted) return launchOnExecutor(framework, info, wanted);
    if (framework.executors.has(info.task_id.value))
      return log.error('task refused', { task: info.task_id.value, refusal: 'an executor of this id is here already' });
    const executor = addExecutor(framework, commandExecutorInfo(info, framework.info, options.launcherDir), 'command');
    tasks.start(addTask(executor, info, executor.containerId), executor);
  };

  const launchOnExecutor = (framework: FrameworkBook, info: TaskInfo, wanted: ExecutorInfo) => {
    const eid = wanted.executor_id.value;
    const refusal = refuseId(eid);
    if (refusal !== undefined) return log.error('executor refused', { executor: eid, refusal });
    const known = framework.executors.get(eid);
    const executor = known ?? addExecutor(framework, wanted, 'custom');
    const task = addTask(executor, info, executor.containerId);
    if (!known) custom.start(executor, framework.info);
    custom.launch(executor, task);
  };

  const launchGroup = (message: MasterMessage & { type: 'LAUNCH_GROUP' }) => {
    const framework = learnFramework(message.framework);
    if (!framework) return;
    const eid = message.executor.executor_id.value;
    const refusal = message.tasks.map((task) => refuseTask(framework.id, task)).find((why) => why !== undefined);
    if ((refusal ?? refuseId(eid)) !== undefined) return log.error('task group refused', { executor: eid, refusal });
    log.info('launching task group', { executor: eid, tasks: message.tasks.length, framework: framework.id });
    const executor =
      framework.executors.get(eid) ?? addExecutor(framework, { type: 'DEFAULT', ...message.executor }, 'default');
    const group = uuidFrom(random);
    const added = message.tasks.map((info) => addTask(executor, info, uuidFrom(random), group));
    for (const task of added) tasks.start(task, executor);
  };

  const kill = (message: MasterMessage & { type: 'KILL' }) => {
    const fid = message.framework_id.value;
    const task = findTask(books, fid, message.task_id.value);
    if (!task)
      return options.send({ type: 'UNKNOWN_TASKS', framework_id: { value: fid }, task_ids: [message.task_id] });
    if (isDone(task)) return;
    journal.record({ k: 'kill', fid, tid: message.task_id.value });
    const executor = findExecutor(books, task);
    if (executor?.kind === 'custom') custom.kill(executor, task, message.kill_policy);
    else if (!tasks.kill(task, message.kill_policy)) log.warn('no process to kill', { task: task.info.task_id.value });
  };

  const shutdownExecutor = (executor: ExecutorBook) => {
    if (executor.kind === 'custom') return custom.shutdown(executor);
    for (const task of executor.tasks.values()) if (!isDone(task)) tasks.kill(task);
    closeIfOver(executor);
  };

  const shutdownFramework = (framework: FrameworkBook) => {
    log.info('shutting down framework', { framework: framework.id });
    tasks.silence(framework.id, true);
    for (const executor of [...framework.executors.values()]) {
      for (const task of executor.tasks.values()) updates.forget(task);
      shutdownExecutor(executor);
    }
    endFrameworkIfIdle(framework.id);
  };

  const acknowledge = (message: MasterMessage & { type: 'ACKNOWLEDGE' }) => {
    const fid = message.framework_id.value;
    const tid = message.task_id.value;
    const task = findTask(books, fid, tid);
    if (!task || task.pending[0]?.uuid !== message.uuid) return;
    const executor = findExecutor(books, task);
    const [status] = task.pending;
    journal.record({ k: 'ack', fid, tid, uuid: message.uuid });
    updates.acknowledged(task);
    if (executor?.kind === 'custom' && status) custom.acknowledged(executor, status);
    endFrameworkIfIdle(fid);
  };

  /** A group's executor has no process of its own: it is over when the last task is. */
  const closeIfOver = (executor: ExecutorBook) => {
    if (executor.kind !== 'default' || executor.endedAt !== undefined) return;
    if ([...executor.tasks.values()].some((task) => tasks.isRunning(task) || !isDone(task))) return;
    executorEnded(executor, 0);
  };

  const taskEnded = (task: TaskBook, executor: ExecutorBook, failed: boolean) => {
    if (executor.kind === 'command') return executorEnded(executor, 0);
    const others = [...executor.tasks.values()].filter((other) => other !== task && other.group === task.group);
    if (failed) for (const other of others) tasks.kill(other);
    closeIfOver(executor);
  };

  const executorEnded = (executor: ExecutorBook, status: number) => {
    const { frameworkId: fid } = executor;
    const eid = executor.info.executor_id.value;
    if (books.frameworks.get(fid)?.executors.get(eid) === executor) {
      const at = clock.now();
      journal.record({ k: 'executor-end', fid, eid, at });
      options.onSandboxLeft(executor.directory, executor.containerId, at);
      // The framework hears of executors it knows of, not of those made up for command tasks.
      if (executor.kind !== 'command' && !tasks.isSilenced(fid))
        options.send({
          type: 'EXECUTOR_EXITED',
          framework_id: { value: fid },
          executor_id: executor.info.executor_id,
          status,
        });
    }
    endFrameworkIfIdle(fid);
    endListeners.get(executor)?.();
    endListeners.delete(executor);
  };

  /** Ends frameworks; resolves when nothing of them runs any more. */
  const endFrameworks = async (which: (framework: FrameworkBook) => boolean): Promise<void> => {
    const ending = [...books.frameworks.values()].filter(which);
    const executors = ending.flatMap((framework) => [...framework.executors.values()]);
    for (const framework of ending) shutdownFramework(framework);
    await Promise.all(executors.map(ended));
  };

  const ended = (executor: ExecutorBook): Promise<void> =>
    new Promise((resolve) => {
      if (executor.endedAt !== undefined) return resolve();
      endListeners.set(executor, resolve);
    });

  /** A framework with nothing left here is a completed one; a silenced one does not wait for acknowledgements. */
  const endFrameworkIfIdle = (fid: string) => {
    const framework = books.frameworks.get(fid);
    if (!framework) return;
    const left = [...framework.executors.values()];
    const over = tasks.isSilenced(fid) ? left.every((executor) => executor.endedAt !== undefined) : left.length === 0;
    if (!over) return;
    journal.record({ k: 'framework-end', id: fid });
    tasks.silence(fid, false);
  };

  const reconcile = (framework_id: Value, ids: readonly Value[]) => {
    const task_ids = ids.filter(({ value }) => !findTask(books, framework_id.value, value));
    if (task_ids.length > 0) options.send({ type: 'UNKNOWN_TASKS', framework_id, task_ids });
  };

  const executorOf = (message: { framework_id: Value; executor_id: Value }): ExecutorBook | undefined =>
    books.frameworks.get(message.framework_id.value)?.executors.get(message.executor_id.value);

  const act = (message: Parameters<Agent['handle']>[0]): void => {
    switch (message.type) {
      case 'LAUNCH':
        launch(message);
        break;
      case 'LAUNCH_GROUP':
        launchGroup(message);
        break;
      case 'KILL':
        kill(message);
        break;
      case 'ACKNOWLEDGE':
        acknowledge(message);
        break;
      case 'SHUTDOWN_EXECUTOR': {
        const executor = executorOf(message);
        if (executor) shutdownExecutor(executor);
        break;
      }
      case 'SHUTDOWN_FRAMEWORK': {
        const framework = books.frameworks.get(message.framework_id.value);
        if (framework) shutdownFramework(framework);
        break;
      }
      case 'RECONCILE_TASKS':
        reconcile(message.framework_id, message.task_ids);
        break;
      case 'UPDATE_FRAMEWORK':
        resubscribed(message.framework);
        break;
      case 'CHECKPOINT_RESOURCES':
        deleteDestroyed(options.workDir, books.resources ?? [], message.resources).catch((error: unknown) =>
          log.error('deleting a destroyed volume failed', { error: messageOf(error) }),
        );
        journal.record({ k: 'resources', resources: message.resources });
        break;
      case 'MESSAGE': {
        const executor = executorOf(message);
        if (executor) custom.message(executor, message.data);
        break;
      }
    }
  };

  return {
    handle(message) {
      try {
        act(message);
      } catch (error) {
        log.error('a message of the master failed', { type: message.type, error: messageOf(error) });
      }
    },
    taskEnded,
    executorEnded,
    shutdown: () => endFrameworks(() => true),
    endUncheckpointed: () => endFrameworks((framework) => framework.info.checkpoint !== true),
  };
}
