import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from '../../../src/embedded/mesos-agent/index.ts';
import type { RunningService } from '../../../src/embedded/service.ts';
import {
  type AgentMessage,
  agentLinkPath,
  agentStreamHeader,
  type MasterMessage,
} from '../../../src/protocols/mesos/agent-link.ts';
import { killTasks } from '../../../src/protocols/mesos/task-processes.ts';
import type { FrameworkInfo, TaskInfo, TaskState, TaskStatus } from '../../../src/protocols/mesos/types.ts';
import { encodeRecord } from '../../../src/protocols/recordio.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { httpCall } from '../../../src/support/http-client.ts';
import { createHttpServer, handled } from '../../../src/support/http-server.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork } from '../../../src/support/network.ts';

type Registration = AgentMessage & { type: 'SUBSCRIBE' };

/** A master that does on the link what a test tells it, and acknowledges updates unless told not to. */
export interface FakeMaster {
  readonly address: string;
  /** Every registration, oldest first. */
  readonly registrations: Registration[];
  /** Every status update, in the order of arrival; repeated ones too. */
  readonly updates: TaskStatus[];
  /** Everything else that agents said. */
  readonly said: AgentMessage[];
  acknowledge: boolean;
  /** Answers registrations with this status instead. */
  refuseWith: number | undefined;
  send(message: MasterMessage): void;
  sendRaw(text: string): void;
  /** Does not know the agent's stream any more, although it stands. */
  forgetStream(): void;
  /** Breaks the agent's stream. */
  disconnect(): void;
  registered(count?: number): Promise<Registration>;
  /** The first update of the task that fits; waits for it. */
  update(taskId: string, fits: TaskState | ((status: TaskStatus) => boolean)): Promise<TaskStatus>;
  /** Waits until something that fits was said. */
  hears<T extends AgentMessage['type']>(type: T): Promise<AgentMessage & { type: T }>;
  /** The distinct statuses of a task so far, by uuid. */
  statusesOf(taskId: string): TaskStatus[];
  close(): Promise<void>;
}

export async function startFakeMaster(options: { pingMs?: number; missed?: number; agentId?: string } = {}) {
  const { pingMs = 15_000, missed = 5 } = options;
  const agentId = options.agentId ?? `${randomUUID()}-S0`;
  const watchers = new Set<() => void>();
  let stream: { id: string; response: ServerResponse } | undefined;
  const changed = () => {
    for (const watcher of [...watchers]) watcher();
  };
  const until = <T>(look: () => T | undefined, what: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const giveUp = setTimeout(() => {
        watchers.delete(check);
        reject(new Error(`waited in vain for ${what}; updates: ${JSON.stringify(master.updates.map(brief))}`));
      }, 20_000);
      const check = () => {
        const found = look();
        if (found === undefined) return;
        clearTimeout(giveUp);
        watchers.delete(check);
        resolve(found);
      };
      watchers.add(check);
      check();
    });

  const master: FakeMaster = {
    address: '',
    registrations: [],
    updates: [],
    said: [],
    acknowledge: true,
    refuseWith: undefined,
    send(message) {
      stream?.response.write(encodeRecord(JSON.stringify(message)));
    },
    sendRaw(text) {
      stream?.response.write(text);
    },
    forgetStream() {
      if (stream) stream.id = 'forgotten';
    },
    disconnect() {
      stream?.response.destroy();
      stream = undefined;
    },
    registered: (count = 1) => until(() => master.registrations[count - 1], `registration ${count}`),
    update: (taskId, fits) =>
      until(
        () =>
          master.updates.find(
            (status) =>
              status.task_id.value === taskId && (typeof fits === 'string' ? status.state === fits : fits(status)),
          ),
        `${typeof fits === 'string' ? fits : 'an update'} of ${taskId}`,
      ),
    hears: (type) => until(() => master.said.find((message) => message.type === type), type) as never,
    statusesOf(taskId) {
      const seen = new Map(master.updates.filter((s) => s.task_id.value === taskId).map((s) => [s.uuid, s]));
      return [...seen.values()];
    },
    close: () => server.close(),
  };

  const server = createHttpServer({
    log: silentLogger,
    routes: [
      {
        method: 'POST',
        path: new RegExp(`^${agentLinkPath}$`),
        async handler(request, response) {
          const message = JSON.parse((await request.body()).toString()) as AgentMessage;
          if (message.type === 'SUBSCRIBE') {
            if (master.refuseWith !== undefined) return { status: master.refuseWith, body: '' };
            stream?.response.destroy();
            stream = { id: randomUUID(), response };
            response.writeHead(200, { 'Content-Type': 'application/json', [agentStreamHeader]: stream.id });
            const id = message.agent.id?.value ?? agentId;
            master.send({
              type: 'SUBSCRIBED',
              agent_id: { value: id },
              ping_timeout_ms: pingMs,
              max_missed_pings: missed,
            });
            master.registrations.push(message);
            changed();
            return handled;
          }
          if (request.headers[agentStreamHeader] !== stream?.id) return { status: 403, body: '' };
          if (message.type === 'UPDATE') {
            const { status, framework_id } = message;
            master.updates.push(status);
            if (master.acknowledge && status.uuid)
              master.send({ type: 'ACKNOWLEDGE', framework_id, task_id: status.task_id, uuid: status.uuid });
          } else master.said.push(message);
          changed();
          return { status: 202, body: '' };
        },
      },
    ],
  });
  const port = await server.listen(0, '127.0.0.1');
  return Object.assign(master, { address: `127.0.0.1:${port}` });
}

function brief(status: TaskStatus): string {
  return `${status.task_id.value}:${status.state}:${status.message ?? ''}`;
}

export interface TestAgent {
  service: RunningService;
  workDir: string;
  url: string;
  port: number;
  get(path: string): Promise<{ status: number; text: string; json: never }>;
  post(path: string, body: unknown): Promise<{ status: number; text: string; json: never }>;
}

/** Starts an agent in this process. */
export async function startAgent(
  master: { address: string },
  workDir: string,
  flags: Record<string, string> = {},
  env: Record<string, string> = {},
): Promise<TestAgent> {
  const network = createNetwork();
  const all = {
    master: master.address,
    ip: '127.0.0.1',
    port: '0',
    hostname: 'node-1',
    work_dir: workDir,
    resources: 'cpus:2;mem:2048;disk:4096;ports:[31000-31019]',
    attributes: 'node:node-1',
    ...flags,
  };
  let port = 0;
  const service = await start({
    argv: Object.entries(all).map(([name, value]) => `--${name}=${value}`),
    env,
    // The port is learned the way an operator would: from the log.
    log: {
      ...silentLogger,
      info: (text, fields) => {
        if (text === 'listening') port = Number(fields?.port);
      },
      named: () => silentLogger,
    },
    clock: systemClock,
    random: Math.random,
    network,
  });
  const call = async (path: string, options: object) => {
    const reply = await httpCall(`http://127.0.0.1:${port}${path}`, options);
    const text = reply.body.toString();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {}
    return { status: reply.status, text, json: json as never };
  };
  return {
    service,
    workDir,
    port,
    url: `http://127.0.0.1:${port}`,
    get: (path) => call(path, {}),
    post: (path, body) =>
      call(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  };
}

/** A work folder; `remove` also ends every task that is left in it. */
export async function makeWorkDir(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'devcluster-agent-'));
  return {
    path,
    async remove() {
      await killTasks([path]);
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export function framework(overrides: Partial<FrameworkInfo> = {}): FrameworkInfo {
  return {
    user: 'root',
    name: 'test',
    id: { value: 'framework-1' },
    checkpoint: true,
    roles: ['*'],
    failover_timeout: 3600,
    hostname: 'scheduler-1',
    capabilities: [{ type: 'MULTI_ROLE' }, { type: 'TASK_KILLING_STATE' }, { type: 'PARTITION_AWARE' }],
    ...overrides,
  };
}

export function commandTask(id: string, command: string, overrides: Partial<TaskInfo> = {}): TaskInfo {
  return {
    name: id,
    task_id: { value: id },
    agent_id: { value: 'given-by-master' },
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, allocation_info: { role: '*' } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 64 }, allocation_info: { role: '*' } },
    ],
    command: { shell: true, value: command },
    ...overrides,
  };
}

/** A recorded answer of a real agent. */
export async function golden<T>(name: string): Promise<T> {
  const path = new URL(`../../fixtures/golden/mesos-agent/${name}`, import.meta.url);
  return JSON.parse(await readFile(path, 'utf8')) as T;
}
