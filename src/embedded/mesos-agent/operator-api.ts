import { type ExecutorInfo, isTerminal } from '../../protocols/mesos/types.ts';
import { versionInfo } from '../../protocols/mesos/version-info.ts';
import { type HttpAnswer, HttpError, type HttpRequest } from '../../support/http-server.ts';
import { type Books, type ExecutorBook, type FrameworkBook, stateOf, type TaskBook } from './books.ts';
import { readCall, requireJson } from './call.ts';
import { FilesError } from './files.ts';
import type { AgentHttpContext } from './http-context.ts';

/** POST /api/v1. Source: include/mesos/v1/agent/agent.proto and src/slave/http.cpp of Apache Mesos. */
export async function operatorApi(request: HttpRequest, context: AgentHttpContext): Promise<HttpAnswer> {
  const call = await readCall(request);
  const { type } = call;
  const answer = typeof type === 'string' ? answers[type] : undefined;
  if (typeof type !== 'string' || (!answer && !unimplemented.has(type)))
    throw new HttpError(400, "Failed to validate agent::Call: Expecting 'type' to be present");
  requireJson(request);
  if (!answer) throw new HttpError(501, `The call ${type} is not implemented by this agent`);
  const body = await answer(call, context);
  return { status: 200, body: { type, [type.toLowerCase()]: body } };
}

type Answer = (call: Record<string, unknown>, context: AgentHttpContext) => object | Promise<object>;

/** Calls of the real agent that need containers of their own. */
const unimplemented = new Set([
  'SET_LOGGING_LEVEL',
  'LAUNCH_NESTED_CONTAINER',
  'WAIT_NESTED_CONTAINER',
  'KILL_NESTED_CONTAINER',
  'REMOVE_NESTED_CONTAINER',
  'LAUNCH_NESTED_CONTAINER_SESSION',
  'LAUNCH_CONTAINER',
  'WAIT_CONTAINER',
  'KILL_CONTAINER',
  'REMOVE_CONTAINER',
  'ATTACH_CONTAINER_INPUT',
  'ATTACH_CONTAINER_OUTPUT',
  'ADD_RESOURCE_PROVIDER_CONFIG',
  'UPDATE_RESOURCE_PROVIDER_CONFIG',
  'REMOVE_RESOURCE_PROVIDER_CONFIG',
  'MARK_RESOURCE_PROVIDER_GONE',
  'PRUNE_IMAGES',
]);

const answers: Readonly<Record<string, Answer>> = {
  GET_HEALTH: () => ({ healthy: true }),
  GET_VERSION: () => ({ version_info: versionInfo }),
  GET_FLAGS: (_call, { view }) => ({
    flags: Object.entries(view().flags.shown).map(([name, value]) => ({ name, value })),
  }),
  GET_METRICS(call, { metrics }) {
    payload(call, 'get_metrics');
    return { metrics: Object.entries(metrics()).map(([name, value]) => ({ name, value })) };
  },
  GET_LOGGING_LEVEL: () => ({ level: 0 }),
  GET_OPERATIONS: () => ({}),
  GET_RESOURCE_PROVIDERS: () => ({}),
  GET_AGENT: (_call, { view }) => ({ agent_info: view().books.agent }),
  GET_FRAMEWORKS: (_call, { view }) => frameworks(view().books),
  GET_EXECUTORS: (_call, { view }) => executors(view().books),
  GET_TASKS: (_call, { view }) => tasks(view().books),
  GET_STATE: (_call, { view }) => ({
    get_tasks: tasks(view().books),
    get_executors: executors(view().books),
    get_frameworks: frameworks(view().books),
  }),
  async GET_CONTAINERS(_call, { containers }) {
    return {
      containers: (await containers()).map((container) => ({
        framework_id: { value: container.framework_id },
        executor_id: { value: container.executor_id },
        executor_name: container.executor_name,
        container_id: { value: container.container_id },
        container_status: container.status,
        resource_statistics: container.statistics,
      })),
    };
  },
  async LIST_FILES(call, { files }) {
    const { path } = payload(call, 'list_files') as { path?: unknown };
    if (typeof path !== 'string') throw missing('list_files.path');
    const infos = await files.browse(path).catch(refused);
    return {
      file_infos: infos.map(({ mtime, ...info }) => ({ ...info, mtime: { nanoseconds: mtime * 1e9 } })),
    };
  },
  async READ_FILE(call, { files }) {
    const { path, offset, length } = payload(call, 'read_file') as Record<string, unknown>;
    if (typeof path !== 'string') throw missing('read_file.path');
    const from = Number(offset ?? 0);
    const most = length === undefined ? undefined : Number(length);
    if (!(from >= 0) || (most !== undefined && !(most >= 0))) throw new HttpError(400, 'Negative offset or length');
    const { data, size } = await files.read(path, from, most).catch(refused);
    return { size, data: data.toString('base64') };
  },
};

function payload(call: Record<string, unknown>, name: string): object {
  const value = call[name];
  if (typeof value !== 'object' || value === null) throw missing(name);
  return value;
}

function missing(name: string): HttpError {
  return new HttpError(400, `Failed to validate agent::Call: Expecting '${name}' to be present`);
}

function refused(error: unknown): never {
  if (error instanceof FilesError) throw new HttpError(error.status, error.message);
  throw error;
}

function frameworks(books: Books): object {
  const info = (framework: FrameworkBook) => ({ framework_info: framework.info });
  return lists({
    frameworks: [...books.frameworks.values()].map(info),
    completed_frameworks: books.completedFrameworks.map(info),
  });
}

function executors(books: Books): object {
  const all = [...books.frameworks.values(), ...books.completedFrameworks];
  const info = (executor: ExecutorBook) => ({ executor_info: withoutSecrets(executor.info) });
  return lists({
    executors: all.flatMap((framework) => [...framework.executors.values()].map(info)),
    completed_executors: all.flatMap((framework) => framework.completedExecutors.map(info)),
  });
}

/** Protobuf's JSON leaves empty lists of messages without payload out; the recorded answers do the same here. */
function lists(all: Record<string, object[]>): object {
  return Object.fromEntries(Object.entries(all).filter(([, list]) => list.length > 0));
}

function withoutSecrets(info: ExecutorInfo): ExecutorInfo {
  const variables = info.command?.environment?.variables;
  if (!variables?.some((variable) => variable.secret?.value)) return info;
  const shown = variables.map((variable) => {
    if (!variable.secret?.value) return variable;
    const { value: _hidden, ...secret } = variable.secret;
    return { ...variable, secret };
  });
  return { ...info, command: { ...info.command, environment: { variables: shown } } };
}

function tasks(books: Books): object {
  const all = [...books.frameworks.values(), ...books.completedFrameworks].flatMap((framework) => [
    ...framework.completedExecutors,
    ...framework.executors.values(),
  ]);
  const known = all.flatMap((executor) => [...executor.tasks.values()].map((task) => ({ task, executor })));
  const of = (fits: (task: TaskBook) => boolean) =>
    known.filter(({ task }) => fits(task)).map(({ task, executor }) => taskMessage(task, executor, books));
  return {
    pending_tasks: [],
    queued_tasks: of((task) => stateOf(task) === 'TASK_STAGING'),
    launched_tasks: of((task) => stateOf(task) !== 'TASK_STAGING' && !isTerminal(stateOf(task))),
    terminated_tasks: of((task) => isTerminal(stateOf(task))),
    completed_tasks: all.flatMap((executor) =>
      executor.completedTasks.map((task) => taskMessage(task, executor, books)),
    ),
  };
}

/** A task as the protobuf `Task` shows it: without its command. */
function taskMessage(task: TaskBook, executor: ExecutorBook, books: Books): object {
  const { info, statuses } = task;
  const { labels, discovery, container, health_check, check, kill_policy, max_completion_time } = info;
  const last = statuses.at(-1);
  const pending = task.pending.at(-1);
  return {
    name: info.name,
    task_id: info.task_id,
    framework_id: { value: task.frameworkId },
    ...(executor.kind === 'command' ? {} : { executor_id: { value: task.executorId } }),
    agent_id: { value: books.agent?.id.value ?? '' },
    state: stateOf(task),
    resources: info.resources ?? [],
    statuses,
    ...(last ? { status_update_state: last.state } : {}),
    ...(pending?.uuid === undefined ? {} : { status_update_uuid: pending.uuid }),
    ...present({ labels, discovery, container, health_check, check, kill_policy, max_completion_time }),
    ...(info.command?.user === undefined ? {} : { user: info.command.user }),
  };
}

function present(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
