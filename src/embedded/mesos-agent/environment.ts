import { dirname } from 'node:path';
import { sandboxVariable } from '../../protocols/mesos/task-record.ts';
import type { CommandInfo, Resource } from '../../protocols/mesos/types.ts';

export type Environment = Record<string, string>;

/** What the environments of all of an agent's executors have in common. */
export interface AgentEnvironment {
  ip: string;
  port: number;
  agentId: string;
  /** `5secs`. */
  shutdownGrace: string;
  /** `15mins`. */
  recoveryTimeout: string;
  httpCommandExecutor: boolean;
  path: string;
  /** The flag `executor_environment_variables`. */
  extra: Environment | undefined;
}

export interface ExecutorIdentity {
  frameworkId: string;
  executorId: string;
  directory: string;
  checkpoint: boolean;
}

/** PATH of a process started by nobody in particular; what the real agent gives its executors. */
const standardPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The PATH of tasks: the one the agent was given (or its host process has), completed by the standard folders and the
 * one of this Node.js, so that a task finds common tools whatever started the cluster.
 */
export function taskPath(given: string | undefined): string {
  const folders = [...(given ?? '').split(':'), ...standardPath.split(':'), dirname(process.execPath)];
  return [...new Set(folders.filter((folder) => folder.startsWith('/')))].join(':');
}

/**
 * The environment of an executor: what the real agent sets, and nothing of the host process but PATH. HOME, LANG and
 * TZ stay out on purpose: an app that leans on the developer's own would break on a real cluster.
 * Source: executorEnvironment in src/slave/slave.cpp of Apache Mesos, and a recorded environment.
 */
export function executorEnvironment(agent: AgentEnvironment, executor: ExecutorIdentity): Environment {
  return {
    PATH: agent.path,
    ...agent.extra,
    LIBPROCESS_IP: agent.ip,
    LIBPROCESS_PORT: '0',
    MESOS_AGENT_ENDPOINT: `${agent.ip}:${agent.port}`,
    MESOS_CHECKPOINT: executor.checkpoint ? '1' : '0',
    MESOS_DIRECTORY: executor.directory,
    MESOS_EXECUTOR_ID: executor.executorId,
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: agent.shutdownGrace,
    MESOS_FRAMEWORK_ID: executor.frameworkId,
    MESOS_HTTP_COMMAND_EXECUTOR: agent.httpCommandExecutor ? '1' : '0',
    ...(executor.checkpoint
      ? { MESOS_RECOVERY_TIMEOUT: agent.recoveryTimeout, MESOS_SUBSCRIPTION_BACKOFF_MAX: '2secs' }
      : {}),
    [sandboxVariable]: executor.directory,
    MESOS_SLAVE_ID: agent.agentId,
    MESOS_SLAVE_PID: `slave(1)@${agent.ip}:${agent.port}`,
  };
}

/** What a command task sees: its executor's environment, then its own variables. */
export function commandEnvironment(
  executor: Environment,
  options: { resources: readonly Resource[] | undefined; variables: Environment },
): Environment {
  const role = options.resources?.find((resource) => resource.allocation_info?.role)?.allocation_info?.role;
  return mergeVariables({ ...executor, ...(role ? { MESOS_ALLOCATION_ROLE: role } : {}) }, options.variables);
}

/** Adds a command's own variables. The sandbox can't be overridden: a task's processes are found by it. */
export function mergeVariables(environment: Environment, variables: Environment): Environment {
  const sandbox = environment[sandboxVariable];
  return { ...environment, ...variables, ...(sandbox === undefined ? {} : { [sandboxVariable]: sandbox }) };
}

/** Finds the value of a secret by its reference. @throws with the secret's name when there is none */
export type ResolveSecret = (reference: { name: string; key?: string }) => Promise<Buffer>;

/**
 * The variables of a command; secrets are looked up. Names and values that no environment can hold are refused.
 * @throws Error fit for a task's message
 */
export async function readVariables(command: CommandInfo | undefined, resolve: ResolveSecret): Promise<Environment> {
  const variables: Environment = {};
  for (const { name, type, value, secret } of command?.environment?.variables ?? []) {
    let text = value ?? '';
    if (type === 'SECRET') {
      if (secret?.reference) text = (await resolve(secret.reference)).toString('utf8');
      else if (secret?.value) text = Buffer.from(secret.value.data, 'base64').toString('utf8');
      else throw new Error(`Environment variable '${name}' of type 'SECRET' must have a secret set`);
    }
    if (name === '' || /[=\0]/.test(name)) throw new Error(`'${name}' can't be the name of an environment variable`);
    if (text.includes('\0')) throw new Error(`Environment variable '${name}' contains a null byte`);
    variables[name] = text;
  }
  return variables;
}
