import type { ExecutorReport, TaskReport } from '../../protocols/mesos/agent-link.ts';
import {
  type AgentInfo,
  type ExecutorInfo,
  type FrameworkInfo,
  isTerminal,
  type Resource,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
} from '../../protocols/mesos/types.ts';

/**
 * What the agent knows, and the only ways in which it changes: every change is an `Entry`, so that the journal of
 * entries is the checkpoint. Nothing here touches files, processes or the network.
 */
export interface Books {
  /** As registered; its `id` is the agent's for good. */
  agent: (AgentInfo & { id: { value: string } }) | undefined;
  /** The system's boot in which it ran; processes of another one are gone. */
  boot: string | undefined;
  /** Total resources once the master has changed them by reservations or volumes. */
  resources: Resource[] | undefined;
  frameworks: Map<string, FrameworkBook>;
  completedFrameworks: FrameworkBook[];
}

export interface FrameworkBook {
  id: string;
  info: FrameworkInfo;
  executors: Map<string, ExecutorBook>;
  completedExecutors: ExecutorBook[];
}

/**
 * command: made up for one command task, with the task's id; default: runs a group of tasks as nested containers;
 * custom: the framework's own program.
 */
export type ExecutorKind = 'command' | 'default' | 'custom';

export interface ExecutorBook {
  kind: ExecutorKind;
  info: ExecutorInfo;
  frameworkId: string;
  containerId: string;
  /** The sandbox. */
  directory: string;
  tasks: Map<string, TaskBook>;
  completedTasks: TaskBook[];
  /** Milliseconds since 1970, once its container is gone. */
  endedAt?: number;
}

export interface TaskBook {
  info: TaskInfo;
  frameworkId: string;
  executorId: string;
  /** The nested container of a task of a group; the executor's own otherwise. */
  containerId: string;
  /** One per state in a row, the last is the current; without `data` and `uuid`. */
  statuses: TaskStatus[];
  /** Sent or to be sent, not acknowledged yet; oldest first. */
  pending: TaskStatus[];
  /** Tasks of one LAUNCH_GROUP share it: they live and die together. */
  group?: string;
  /** The framework asked for its end. */
  killed?: boolean;
}

export type Entry =
  | { k: 'agent'; info: AgentInfo & { id: { value: string } } }
  | { k: 'boot'; id: string }
  | { k: 'resources'; resources: Resource[] }
  | { k: 'framework'; id: string; info: FrameworkInfo }
  | { k: 'framework-end'; id: string }
  | {
      k: 'executor';
      kind: ExecutorKind;
      info: ExecutorInfo;
      fid: string;
      container: string;
      directory: string;
      endedAt?: number;
    }
  | { k: 'executor-end'; fid: string; eid: string; at: number }
  | { k: 'executor-forgotten'; container: string }
  | {
      k: 'task';
      info: TaskInfo;
      fid: string;
      eid: string;
      container: string;
      group?: string;
      statuses?: TaskStatus[];
      pending?: TaskStatus[];
      killed?: boolean;
    }
  | { k: 'kill'; fid: string; tid: string }
  | { k: 'status'; fid: string; status: TaskStatus }
  | { k: 'ack'; fid: string; tid: string; uuid: string };

const maxCompletedFrameworks = 50;
const maxCompletedTasksPerExecutor = 200;

export function emptyBooks(): Books {
  return { agent: undefined, boot: undefined, resources: undefined, frameworks: new Map(), completedFrameworks: [] };
}

/** Takes an entry in. Entries about what isn't known are ignored: a journal may begin in the middle of a life. */
export function apply(books: Books, entry: Entry, maxCompletedExecutors = 150): void {
  switch (entry.k) {
    case 'agent':
      books.agent = entry.info;
      break;
    case 'boot':
      books.boot = entry.id;
      break;
    case 'resources':
      books.resources = entry.resources;
      break;
    case 'framework': {
      const { id, info } = entry;
      const known = books.frameworks.get(id) ?? takeBack(books, id);
      if (known) known.info = info;
      books.frameworks.set(id, known ?? { id, info, executors: new Map(), completedExecutors: [] });
      break;
    }
    case 'framework-end': {
      const framework = books.frameworks.get(entry.id);
      if (!framework) break;
      books.frameworks.delete(entry.id);
      for (const executor of framework.executors.values()) complete(framework, executor, maxCompletedExecutors);
      books.completedFrameworks.push(framework);
      if (books.completedFrameworks.length > maxCompletedFrameworks) books.completedFrameworks.shift();
      break;
    }
    case 'executor': {
      const framework = books.frameworks.get(entry.fid);
      if (!framework) break;
      const executor: ExecutorBook = {
        kind: entry.kind,
        info: entry.info,
        frameworkId: entry.fid,
        containerId: entry.container,
        directory: entry.directory,
        tasks: new Map(),
        completedTasks: [],
        ...(entry.endedAt === undefined ? {} : { endedAt: entry.endedAt }),
      };
      framework.executors.set(executor.info.executor_id.value, executor);
      break;
    }
    case 'executor-end': {
      const framework = books.frameworks.get(entry.fid);
      const executor = framework?.executors.get(entry.eid);
      if (!framework || !executor) break;
      executor.endedAt = entry.at;
      completeIfDone(framework, executor, maxCompletedExecutors);
      break;
    }
    case 'executor-forgotten':
      for (const framework of [...books.frameworks.values(), ...books.completedFrameworks])
        framework.completedExecutors = framework.completedExecutors.filter((e) => e.containerId !== entry.container);
      break;
    case 'task': {
      const executor = books.frameworks.get(entry.fid)?.executors.get(entry.eid);
      if (!executor) break;
      const task: TaskBook = {
        info: entry.info,
        frameworkId: entry.fid,
        executorId: entry.eid,
        containerId: entry.container,
        statuses: entry.statuses ?? [],
        pending: entry.pending ?? [],
        ...(entry.group === undefined ? {} : { group: entry.group }),
        ...(entry.killed ? { killed: true } : {}),
      };
      if (isTerminal(stateOf(task)) && task.pending.length === 0) executor.completedTasks.push(task);
      else executor.tasks.set(entry.info.task_id.value, task);
      break;
    }
    case 'kill': {
      const task = findTask(books, entry.fid, entry.tid);
      if (task) task.killed = true;
      break;
    }
    case 'status': {
      const task = findTask(books, entry.fid, entry.status.task_id.value);
      if (!task) break;
      const { data: _data, uuid, ...kept } = entry.status;
      if (task.statuses.at(-1)?.state === kept.state) task.statuses.pop();
      task.statuses.push(kept);
      if (uuid !== undefined) task.pending.push(entry.status);
      break;
    }
    case 'ack': {
      const framework = books.frameworks.get(entry.fid);
      const task = findTask(books, entry.fid, entry.tid);
      if (!framework || !task || task.pending[0]?.uuid !== entry.uuid) break;
      task.pending.shift();
      const executor = framework.executors.get(task.executorId);
      if (!executor || task.pending.length > 0 || !isTerminal(stateOf(task))) break;
      executor.tasks.delete(entry.tid);
      executor.completedTasks.push(task);
      if (executor.completedTasks.length > maxCompletedTasksPerExecutor) executor.completedTasks.shift();
      completeIfDone(framework, executor, maxCompletedExecutors);
      break;
    }
  }
}

/** A completed framework that launches again. */
function takeBack(books: Books, id: string): FrameworkBook | undefined {
  const at = books.completedFrameworks.findIndex((framework) => framework.id === id);
  return at < 0 ? undefined : books.completedFrameworks.splice(at, 1)[0];
}

function completeIfDone(framework: FrameworkBook, executor: ExecutorBook, limit: number): void {
  if (executor.endedAt !== undefined && executor.tasks.size === 0) complete(framework, executor, limit);
}

function complete(framework: FrameworkBook, executor: ExecutorBook, limit: number): void {
  framework.executors.delete(executor.info.executor_id.value);
  executor.completedTasks.push(...executor.tasks.values());
  executor.tasks.clear();
  framework.completedExecutors.push(executor);
  while (framework.completedExecutors.length > limit) framework.completedExecutors.shift();
}

/** Entries that make these books out of empty ones: the journal, rewritten. */
export function entriesOf(books: Books): Entry[] {
  const entries: Entry[] = [];
  if (books.agent) entries.push({ k: 'agent', info: books.agent });
  if (books.boot) entries.push({ k: 'boot', id: books.boot });
  if (books.resources) entries.push({ k: 'resources', resources: books.resources });
  const addFramework = (framework: FrameworkBook) => {
    entries.push({ k: 'framework', id: framework.id, info: framework.info });
    for (const executor of [...framework.completedExecutors, ...framework.executors.values()]) addExecutor(executor);
  };
  const addExecutor = (executor: ExecutorBook) => {
    const { kind, info, frameworkId: fid, containerId: container, directory, endedAt } = executor;
    const eid = info.executor_id.value;
    entries.push({ k: 'executor', kind, info, fid, container, directory });
    for (const task of [...executor.completedTasks, ...executor.tasks.values()])
      entries.push({
        k: 'task',
        info: task.info,
        fid,
        eid,
        container: task.containerId,
        statuses: task.statuses,
        pending: executor.tasks.has(task.info.task_id.value) ? task.pending : [],
        ...(task.group === undefined ? {} : { group: task.group }),
        ...(task.killed ? { killed: true } : {}),
      });
    if (endedAt !== undefined) entries.push({ k: 'executor-end', fid, eid, at: endedAt });
  };
  for (const framework of books.completedFrameworks) {
    addFramework(framework);
    entries.push({ k: 'framework-end', id: framework.id });
  }
  for (const framework of books.frameworks.values()) addFramework(framework);
  return entries;
}

export function findTask(books: Books, frameworkId: string, taskId: string): TaskBook | undefined {
  for (const executor of books.frameworks.get(frameworkId)?.executors.values() ?? []) {
    const task = executor.tasks.get(taskId);
    if (task) return task;
  }
  return undefined;
}

export function findExecutor(books: Books, task: TaskBook): ExecutorBook | undefined {
  return books.frameworks.get(task.frameworkId)?.executors.get(task.executorId);
}

/** The task's state; TASK_STAGING before its first status. */
export function stateOf(task: TaskBook): TaskState {
  return task.statuses.at(-1)?.state ?? 'TASK_STAGING';
}

export function isDone(task: TaskBook): boolean {
  return isTerminal(stateOf(task));
}

export function* tasksOf(books: Books): Iterable<TaskBook> {
  for (const framework of books.frameworks.values())
    for (const executor of framework.executors.values()) yield* executor.tasks.values();
}

export function* executorsOf(books: Books): Iterable<ExecutorBook> {
  for (const framework of books.frameworks.values()) yield* framework.executors.values();
}

export function hasCapability(framework: FrameworkInfo | undefined, type: string): boolean {
  return framework?.capabilities?.some((capability) => capability.type === type) ?? false;
}

/** What a registering agent tells the master about its tasks; those whose end was acknowledged are forgotten. */
export function reportOf(books: Books): {
  tasks: TaskReport[];
  executors: ExecutorReport[];
  frameworks: FrameworkInfo[];
} {
  const tasks: TaskReport[] = [];
  const executors: ExecutorReport[] = [];
  const frameworks: FrameworkInfo[] = [];
  for (const framework of books.frameworks.values()) {
    const framework_id = { value: framework.id };
    frameworks.push(framework.info);
    for (const executor of framework.executors.values()) {
      if (executor.kind !== 'command' && executor.endedAt === undefined)
        executors.push({ framework_id, info: executor.info });
      for (const task of executor.tasks.values())
        tasks.push({ framework_id, info: task.info, executor_id: executor.info.executor_id, statuses: task.statuses });
    }
  }
  return { tasks, executors, frameworks };
}
