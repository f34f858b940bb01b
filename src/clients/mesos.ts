import { DevclusterError } from '../support/errors.ts';
import { httpCall } from '../support/http-client.ts';
import { askAny, authorization, type Endpoint } from './http.ts';

/** The parts of a master's /state that commands show. */
export interface MasterState {
  leader?: string;
  leader_info?: { hostname: string; port: number };
  version: string;
  cluster?: string;
  activated_slaves: number;
  slaves: {
    id: string;
    hostname: string;
    port: number;
    pid: string;
    active: boolean;
    attributes: Record<string, unknown>;
  }[];
  frameworks: FrameworkState[];
  completed_frameworks: FrameworkState[];
}

export interface FrameworkState {
  id: string;
  name: string;
  active: boolean;
  connected: boolean;
  webui_url: string;
  role?: string;
  roles?: string[];
  tasks: TaskState[];
  completed_tasks: TaskState[];
  unreachable_tasks?: TaskState[];
}

export interface TaskState {
  id: string;
  name: string;
  framework_id: string;
  executor_id: string;
  slave_id: string;
  state: string;
  statuses: { state: string; timestamp: number }[];
}

/** A task's folder on an agent, reachable by the agent's files API. */
export interface Sandbox {
  agentUrl: string;
  directory: string;
  taskId: string;
}

/** The most that one `read` asks for. */
export const maxReadBytes = 65_536;

/** A Mesos master's and its agents' HTTP APIs, for the real ones and the embedded ones alike. */
export interface MesosClient {
  state(): Promise<MasterState>;
  /** Removes a framework with all its tasks; one that isn't there is fine. */
  teardown(frameworkId: string): Promise<void>;
  /** @throws notFound when neither the master nor the agent knows the task (any more) */
  sandbox(taskId: string, state?: MasterState): Promise<Sandbox>;
  /** At most 64 KiB from `offset`; a negative offset gives the file's size as `offset` and no data. */
  read(sandbox: Sandbox, file: string, offset: number, length?: number): Promise<{ offset: number; data: string }>;
}

interface AgentExecutor {
  id: string;
  directory: string;
  tasks?: { id: string }[];
  queued_tasks?: { id: string }[];
  completed_tasks?: { id: string }[];
}

interface AgentFramework {
  id: string;
  executors?: AgentExecutor[];
  completed_executors?: AgentExecutor[];
}

/**
 * @param agentUrl maps an agent (hostname and port as the master knows them) to a URL reachable from here; by default
 *   `http://ip:port` of the agent's pid
 */
export function createMesosClient(
  endpoint: Endpoint,
  agentUrl: (agent: { hostname: string; pid: string }) => string = (agent) =>
    `http://${agent.pid.slice(agent.pid.indexOf('@') + 1)}`,
): MesosClient {
  const state = async (): Promise<MasterState> => {
    const reply = await askAny('The Mesos master', endpoint, '/state');
    if (reply.status !== 200)
      throw new DevclusterError(
        'unexpected',
        'MESOS_ERROR',
        `GET /state: the Mesos master answered ${reply.status}: ${reply.body.toString('utf8').slice(0, 300)}`,
      );
    return JSON.parse(reply.body.toString('utf8')) as MasterState;
  };
  return {
    state,
    async teardown(frameworkId) {
      const reply = await askAny('The Mesos master', endpoint, '/teardown', {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: `frameworkId=${encodeURIComponent(frameworkId)}`,
      });
      const text = reply.body.toString('utf8');
      if (reply.status !== 200 && !text.includes('No framework found'))
        throw new DevclusterError(
          'unexpected',
          'MESOS_ERROR',
          `POST /teardown: the Mesos master answered ${reply.status}: ${text.slice(0, 300)}`,
        );
    },
    async sandbox(taskId, known) {
      const master = known ?? (await state());
      const frameworks = [...master.frameworks, ...master.completed_frameworks];
      const task = frameworks
        .flatMap((framework) => [
          ...framework.tasks,
          ...(framework.unreachable_tasks ?? []),
          ...framework.completed_tasks,
        ])
        .find((candidate) => candidate.id === taskId);
      const agent = task && master.slaves.find((slave) => slave.id === task.slave_id);
      if (!task || !agent)
        throw new DevclusterError('notFound', 'NO_SUCH_TASK', `Mesos knows no task '${taskId}' on a running agent`);
      const url = agentUrl(agent);
      const reply = await httpCall(`${url}/state`, {
        timeoutMs: endpoint.timeoutMs ?? 10_000,
        headers: authorization(endpoint.credentials),
      });
      const agentState = JSON.parse(reply.body.toString('utf8')) as {
        frameworks?: AgentFramework[];
        completed_frameworks?: AgentFramework[];
      };
      const executor = [...(agentState.frameworks ?? []), ...(agentState.completed_frameworks ?? [])]
        .filter((framework) => framework.id === task.framework_id)
        .flatMap((framework) => [...(framework.executors ?? []), ...(framework.completed_executors ?? [])])
        .find((candidate) => candidate.id === (task.executor_id || task.id));
      if (!executor)
        throw new DevclusterError(
          'notFound',
          'NO_SANDBOX',
          `The agent on ${agent.hostname} has no sandbox of task '${taskId}' any more`,
        );
      return { agentUrl: url, directory: executor.directory, taskId };
    },
    async read(sandbox, file, offset, length = maxReadBytes) {
      const path = encodeURIComponent(`${sandbox.directory}/${file}`);
      const reply = await httpCall(
        `${sandbox.agentUrl}/files/read?path=${path}&offset=${offset < 0 ? -1 : offset}&length=${length}`,
        {
          timeoutMs: endpoint.timeoutMs ?? 10_000,
          headers: authorization(endpoint.credentials),
        },
      );
      if (reply.status === 404) return { offset: 0, data: '' };
      if (reply.status !== 200)
        throw new DevclusterError(
          'unexpected',
          'MESOS_ERROR',
          `reading ${file} of ${sandbox.taskId}: ${reply.status} ${reply.body.toString('utf8').slice(0, 200)}`,
        );
      return JSON.parse(reply.body.toString('utf8')) as { offset: number; data: string };
    },
  };
}
