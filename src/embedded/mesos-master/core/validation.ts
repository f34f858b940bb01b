import {
  addResources,
  allocateRest,
  containsResources,
  formatResources,
  ResourceError,
  refineAll,
  scalarOf,
} from '../../../protocols/mesos/resources.ts';
import type {
  CheckInfo,
  CommandInfo,
  ExecutorInfo,
  HealthCheck,
  Resource,
  TaskInfo,
} from '../../../protocols/mesos/types.ts';
import { type Agent, type Framework, taskKey } from './model.ts';

/**
 * What the master refuses in tasks and task groups, with its own words, since frameworks show and match them.
 * Source: src/master/validation.cpp and src/common/validation.cpp of Apache Mesos.
 */

/** Why an id can't be used; it becomes part of paths. */
export function idProblem(id: string): string | undefined {
  if (id === '') return 'ID must not be empty';
  if (id.length > 255) return 'ID must not be greater than 255 characters';
  if (id === '.' || id === '..') return `'${id}' is disallowed`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f/\\]/.test(id)) return `'${id}' contains invalid characters`;
  return undefined;
}

/** Why a role can't be used. */
export function roleProblem(role: string): string | undefined {
  if (role === '*') return undefined;
  if (role === '') return 'Empty role name is invalid';
  if (role === '.' || role === '..') return `Role name '${role}' is invalid`;
  if (role.startsWith('-')) return `Role name '${role}' is invalid because it starts with a dash`;
  if (role.startsWith('/')) return `Role '${role}' cannot start with a slash`;
  if (role.endsWith('/')) return `Role '${role}' cannot end with a slash`;
  for (const part of role.split('/')) {
    if (part === '') return `Role '${role}' cannot contain two adjacent slashes`;
    if (part === '.' || part === '..') return `Role '${role}' cannot include '${part}' as a component`;
    if (part === '*') return `Role '${role}' cannot include '*' as a component`;
    if (part.startsWith('-')) return `Role component '${part}' is invalid because it begins with a dash`;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (/[\u0000-\u0020\u007f]/.test(part))
      return `Role component '${part}' is invalid because it contains backspace or whitespace`;
  }
  return undefined;
}

/** Resources of a task or executor, ready for the books; or why they can't be. */
export type ReadResources = { resources: Resource[] } | { problem: string };

export function readResources(resources: readonly Resource[] | undefined, role: string): ReadResources {
  try {
    return { resources: refineAll(allocateRest(role, resources ?? [])) };
  } catch (error) {
    if (error instanceof ResourceError) return { problem: error.message };
    throw error;
  }
}

/** What a task to be launched needs, or why it can't be launched. */
export type Checked<T> = { problem: string } | ({ problem?: undefined } & T);

interface Place {
  framework: Framework;
  agent: Agent;
  role: string;
  /** What is left of the offers. */
  available: readonly Resource[];
}

/** Checks a task of a LAUNCH. @returns its resources, and those of its executor if that is a new one */
export function checkTask(
  task: TaskInfo,
  { framework, agent, role, available }: Place,
): Checked<{ task: Resource[]; executor: Resource[] | undefined }> {
  const problem = taskProblem(task, framework, agent);
  if (problem !== undefined) return { problem };
  const own = taskResources(task, role);
  if ('problem' in own) return own;
  if ((task.executor === undefined) === (task.command === undefined))
    return { problem: 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present' };
  let executor: Resource[] | undefined;
  if (task.executor) {
    const type = task.executor.type;
    if (type !== undefined && type !== 'CUSTOM') return { problem: "'ExecutorInfo.type' must be 'CUSTOM'" };
    if (!task.executor.command) return { problem: "'ExecutorInfo.command' must be set" };
    const checked = checkExecutor(task.executor, framework, agent, role);
    if (checked.problem !== undefined) return checked;
    executor = checked.resources;
  }
  const total = addResources(own.resources, executor ?? []);
  if (!containsResources(available, total))
    return {
      problem: `Total resources ${formatResources(total)} required by task and its executor is more than available ${formatResources(available)}`,
    };
  return { task: own.resources, executor };
}

/** Checks a LAUNCH_GROUP. @returns the resources of each task, and those of the executor if it is a new one */
export function checkTaskGroup(
  tasks: readonly TaskInfo[],
  executor: ExecutorInfo,
  { framework, agent, role, available }: Place,
): Checked<{ tasks: Resource[][]; executor: Resource[] | undefined }> {
  const resources: Resource[][] = [];
  for (const task of tasks) {
    const problem = taskProblem(task, framework, agent) ?? groupTaskProblem(task);
    const own = problem === undefined ? taskResources(task, role) : { problem };
    if ('problem' in own) return { problem: `Task '${task.task_id.value}' is invalid: ${own.problem}` };
    resources.push(own.resources);
  }
  if (executor.type === undefined) return { problem: "'ExecutorInfo.type' must be set" };
  if (executor.container?.type === 'DOCKER')
    return { problem: 'Docker ContainerInfo is not supported on the executor' };
  const id = executor.executor_id.value;
  for (const task of tasks)
    if (task.executor && JSON.stringify(task.executor) !== JSON.stringify(executor))
      return {
        problem: `The \`ExecutorInfo\` of task '${task.task_id.value}' is different from executor '${id}'`,
      };
  const read = readResources(executor.resources, role);
  if ('problem' in read) return { problem: `Executor uses invalid resources: ${read.problem}` };
  const minimum = (name: string, shown: string, least: number, leastShown: string) => {
    const amount = scalarOf(read.resources, name);
    if (amount >= least) return undefined;
    const given = read.resources.some((resource) => resource.name === name) ? String(amount) : 'None';
    return `Executor '${id}' uses less ${shown} (${given}) than the minimum required (${leastShown})`;
  };
  const low = minimum('cpus', 'CPUs', 0.01, '0.01') ?? minimum('mem', 'memory', 32, '32MB');
  if (low !== undefined) return { problem: low };
  if (scalarOf(read.resources, 'disk') === 0) return { problem: `Executor '${id}' uses no disk` };
  const checked = checkExecutor(executor, framework, agent, role);
  if (checked.problem !== undefined) return checked;
  const total = addResources(...resources, checked.resources ?? []);
  if (!containsResources(available, total))
    return {
      problem: `Total resources ${formatResources(total)} required by task group and its executor are more than available ${formatResources(available)}`,
    };
  return { tasks: resources, executor: checked.resources };
}

/** @returns the executor's resources when it is a new one on this agent */
function checkExecutor(
  executor: ExecutorInfo,
  framework: Framework,
  agent: Agent,
  role: string,
): Checked<{ resources: Resource[] | undefined }> {
  const problem = idProblem(executor.executor_id.value);
  if (problem !== undefined) return { problem };
  if (executor.framework_id && executor.framework_id.value !== framework.id)
    return {
      problem: `ExecutorInfo has an invalid FrameworkID (Actual: ${executor.framework_id.value} vs Expected: ${framework.id})`,
    };
  const environment = executor.command && commandProblem(executor.command);
  if (environment !== undefined) return { problem: `Executor's \`CommandInfo\` is invalid: ${environment}` };
  const running = agent.executors.get(taskKey(framework.id, executor.executor_id.value));
  if (running) {
    if (comparable(running.info) !== comparable(executor))
      return { problem: 'ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID' };
    return { resources: undefined };
  }
  const read = readResources(executor.resources, role);
  return 'problem' in read ? { problem: `Executor uses invalid resources: ${read.problem}` } : read;
}

function comparable(executor: ExecutorInfo): string {
  const { framework_id: _, resources, ...rest } = executor;
  const amounts = (resources ?? []).map(({ name, scalar, ranges, set }) => [name, scalar, ranges, set]);
  return JSON.stringify([Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)), amounts]);
}

function taskResources(task: TaskInfo, role: string): ReadResources {
  if ((task.resources?.length ?? 0) === 0) return { problem: 'Task uses no resources' };
  const read = readResources(task.resources, role);
  if ('problem' in read) return { problem: `Task uses invalid resources: ${read.problem}` };
  if (read.resources.length === 0) return { problem: 'Task uses no resources' };
  if (new Set(read.resources.map((resource) => resource.allocation_info?.role)).size > 1)
    return { problem: 'Invalid task resources: The resources are not all allocated to the same role' };
  return read;
}

function taskProblem(task: TaskInfo, framework: Framework, agent: Agent): string | undefined {
  const id = task.task_id.value;
  const problem = idProblem(id);
  if (problem !== undefined) return problem;
  if (framework.tasks.has(id)) return `Task has duplicate ID: ${id}`;
  if (framework.unreachableTasks.has(id)) return `Task reuses the ID of an unreachable task: ${id}`;
  if (task.agent_id.value !== agent.id)
    return `Task uses invalid agent ${task.agent_id.value} while agent ${agent.id} is expected`;
  if ((task.kill_policy?.grace_period?.nanoseconds ?? 0) < 0)
    return "Task's 'kill_policy.grace_period' must be non-negative";
  if ((task.max_completion_time?.nanoseconds ?? 0) < 0) return "Task's `max_completion_time` must be non-negative";
  const check = task.check && checkProblem(task.check);
  if (check !== undefined) return `Task uses invalid check: ${check}`;
  const health = task.health_check && healthCheckProblem(task.health_check);
  if (health !== undefined) return `Task uses invalid health check: ${health}`;
  const command = task.command && commandProblem(task.command);
  if (command !== undefined) return `Task's \`CommandInfo\` is invalid: ${command}`;
  return undefined;
}

function groupTaskProblem(task: TaskInfo): string | undefined {
  if (task.container?.type === 'DOCKER') return 'Docker ContainerInfo is not supported on the task';
  return undefined;
}

function commandProblem(command: CommandInfo): string | undefined {
  for (const variable of command.environment?.variables ?? []) {
    const name = `Environment variable '${variable.name}'`;
    if (variable.type === 'SECRET') {
      if (!variable.secret) return `${name} of type 'SECRET' must have a secret set`;
      if (variable.value !== undefined) return `${name} of type 'SECRET' must not have a value set`;
    } else {
      if (variable.value === undefined) return `${name} of type 'VALUE' must have a value set`;
      if (variable.secret) return `${name} of type 'VALUE' must not have a secret set`;
    }
  }
  return undefined;
}

function healthCheckProblem(check: HealthCheck): string | undefined {
  switch (check.type) {
    case undefined:
    case 'UNKNOWN':
      return "HealthCheck must specify 'type'";
    case 'COMMAND': {
      if (!check.command) return "Expecting 'command' to be set for COMMAND health check";
      if (check.command.value === undefined) return `Command health check must contain ${commandKind(check.command)}`;
      const problem = commandProblem(check.command);
      if (problem !== undefined) return `Health check's \`CommandInfo\` is invalid: ${problem}`;
      break;
    }
    case 'HTTP': {
      if (!check.http) return "Expecting 'http' to be set for HTTP health check";
      const { scheme, path } = check.http;
      if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
        return `Unsupported HTTP health check scheme: '${scheme}'`;
      if (path !== undefined && !path.startsWith('/'))
        return `The path '${path}' of HTTP health check must start with '/'`;
      break;
    }
    case 'TCP':
      if (!check.tcp) return "Expecting 'tcp' to be set for TCP health check";
      break;
  }
  return negativeSeconds(check, ['delay_seconds', 'grace_period_seconds', 'interval_seconds', 'timeout_seconds']);
}

function checkProblem(check: CheckInfo): string | undefined {
  switch (check.type) {
    case undefined:
    case 'UNKNOWN':
      return "CheckInfo must specify 'type'";
    case 'COMMAND': {
      if (!check.command) return "Expecting 'command' to be set for COMMAND check";
      const command = check.command.command;
      if (command.value === undefined) return `Command check must contain ${commandKind(command)}`;
      const problem = commandProblem(command);
      if (problem !== undefined) return `Check's \`CommandInfo\` is invalid: ${problem}`;
      break;
    }
    case 'HTTP':
      if (!check.http) return "Expecting 'http' to be set for HTTP check";
      if (check.http.path !== undefined && !check.http.path.startsWith('/'))
        return `The path '${check.http.path}' of HTTP check must start with '/'`;
      break;
    case 'TCP':
      if (!check.tcp) return "Expecting 'tcp' to be set for TCP check";
      break;
  }
  return negativeSeconds(check, ['delay_seconds', 'interval_seconds', 'timeout_seconds']);
}

function commandKind(command: CommandInfo): string {
  return command.shell === false ? "'executable path'" : "'shell command'";
}

function negativeSeconds(check: object, names: readonly string[]): string | undefined {
  for (const name of names)
    if ((((check as Record<string, unknown>)[name] as number | undefined) ?? 0) < 0)
      return `Expecting '${name}' to be non-negative`;
  return undefined;
}
