import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  isTerminal,
  type Offer,
  type Resource,
  type SchedulerCall,
  type SchedulerEvent,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
} from '../../../src/protocols/mesos/types.ts';
import { encodeRecord } from '../../../src/protocols/recordio.ts';

export interface FakeAgent {
  id: string;
  hostname: string;
  attributes: Record<string, string>;
  cpus: number;
  mem: number;
  ports: { begin: number; end: number };
}

interface FakeTask {
  info: TaskInfo;
  agent: FakeAgent;
  state: TaskState;
  healthy?: boolean;
}

/** What becomes of a launched task; by default it runs. */
export type Behaviour = (task: TaskInfo) => TaskState[] | undefined;

/**
 * A Mesos master as a framework sees it over the v1 API, with agents and tasks that exist only as records: the tests
 * say what becomes of them.
 */
export interface FakeMaster {
  /** `host:port` */
  readonly address: string;
  readonly calls: SchedulerCall[];
  readonly tasks: ReadonlyMap<string, FakeTask>;
  readonly subscriptions: number;
  behave(behaviour: Behaviour): void;
  /** Sends a status of the task, by its id. */
  update(taskId: string, state: TaskState, more?: Partial<TaskStatus>): void;
  send(event: SchedulerEvent): void;
  /** Lets a task run that no framework has launched. */
  launchStray(taskId: string): void;
  /** Offers this port alone, on every agent. */
  offerPorts(port: number): void;
  /** Loses launches, as when the connection breaks on the way. */
  loseLaunches(lose: boolean): void;
  /** Answers subscriptions of frameworks that have an id with this error; undefined: with a subscription. */
  refuseFrameworks(message: string | undefined): void;
  /** Whether KILL ends tasks; default true. */
  obeyKills(obey: boolean): void;
  /** Breaks the stream as a dying master does. */
  disconnect(): void;
  running(appId?: string): FakeTask[];
  /** Resolves with what `probe` finds, now or after the next call or change of a task. */
  until<T>(probe: () => T | undefined | false): Promise<T>;
  close(): Promise<void>;
}

export function threeAgents(): FakeAgent[] {
  return [1, 2, 3].map((n) => ({
    id: `agent-${n}`,
    hostname: `127.0.0.${n}`,
    attributes: { node: `node-${n}` },
    cpus: 4,
    mem: 4096,
    ports: { begin: 20000 + n * 1000, end: 20000 + n * 1000 + 99 },
  }));
}

export async function startFakeMaster(agents: FakeAgent[] = threeAgents(), port = 0): Promise<FakeMaster> {
  const calls: SchedulerCall[] = [];
  const tasks = new Map<string, FakeTask>();
  const offers = new Map<string, Offer>();
  const watchers = new Set<() => void>();
  /** Agent ids whose resources were refused until the next revive. */
  const filtered = new Set<string>();
  let behaviour: Behaviour = () => undefined;
  let obey = true;
  let refusal: string | undefined;
  let lose = false;
  let stream: ServerResponse | undefined;
  let streamId = '';
  let frameworkId: string | undefined;
  let suppressed = new Set<string>();
  let roles: string[] = [];
  let offerCount = 0;
  let subscriptions = 0;
  let allocating = false;

  const notify = () => {
    for (const watcher of [...watchers]) watcher();
  };
  const send = (event: SchedulerEvent) => stream?.write(encodeRecord(JSON.stringify(event)));

  const free = (agent: FakeAgent) => {
    let { cpus, mem } = agent;
    const taken = new Set<number>();
    const take = (resources: readonly Resource[]) => {
      for (const resource of resources) {
        if (resource.name === 'cpus') cpus -= resource.scalar?.value ?? 0;
        if (resource.name === 'mem') mem -= resource.scalar?.value ?? 0;
        for (const { begin, end } of resource.ranges?.range ?? []) for (let p = begin; p <= end; p++) taken.add(p);
      }
    };
    for (const task of tasks.values())
      if (task.agent === agent && !isTerminal(task.state)) take(task.info.resources ?? []);
    for (const offer of offers.values()) if (offer.agent_id.value === agent.id) take(offer.resources);
    const ranges: { begin: number; end: number }[] = [];
    for (let port = agent.ports.begin; port <= agent.ports.end; port++) {
      if (taken.has(port)) continue;
      const last = ranges.at(-1);
      if (last?.end === port - 1) last.end = port;
      else ranges.push({ begin: port, end: port });
    }
    return { cpus: Math.round(cpus * 1000) / 1000, mem, ranges };
  };

  const allocate = () => {
    if (allocating) return;
    allocating = true;
    setImmediate(() => {
      allocating = false;
      const role = roles.find((one) => !suppressed.has(one));
      if (!stream || role === undefined) return;
      const made: Offer[] = [];
      for (const agent of agents) {
        if (filtered.has(agent.id)) continue;
        const { cpus, mem, ranges } = free(agent);
        if (cpus < 0.01 && mem < 32) continue;
        const common = { role: '*', allocation_info: { role } };
        const offer: Offer = {
          id: { value: `O${++offerCount}` },
          framework_id: { value: frameworkId ?? '' },
          agent_id: { value: agent.id },
          hostname: agent.hostname,
          resources: [
            { name: 'cpus', type: 'SCALAR', scalar: { value: cpus }, ...common },
            { name: 'mem', type: 'SCALAR', scalar: { value: mem }, ...common },
            { name: 'disk', type: 'SCALAR', scalar: { value: 10000 }, ...common },
            { name: 'ports', type: 'RANGES', ranges: { range: ranges }, ...common },
          ],
          attributes: Object.entries(agent.attributes).map(([name, value]) => ({
            name,
            type: 'TEXT',
            text: { value },
          })),
          allocation_info: { role },
        };
        offers.set(offer.id.value, offer);
        made.push(offer);
      }
      if (made.length > 0) send({ type: 'OFFERS', offers: { offers: made } });
    });
  };

  const statusOf = (taskId: string, task: FakeTask): TaskStatus => ({
    task_id: { value: taskId },
    state: task.state,
    agent_id: { value: task.agent.id },
    source: 'SOURCE_EXECUTOR',
    timestamp: Date.now() / 1000,
    ...(task.healthy === undefined ? {} : { healthy: task.healthy }),
    container_status: {
      network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: task.agent.hostname }] }],
    },
  });

  const update = (taskId: string, state: TaskState, more: Partial<TaskStatus> = {}) => {
    const task = tasks.get(taskId);
    if (!task) throw new Error(`no task ${taskId}`);
    task.state = state;
    if (more.healthy !== undefined) task.healthy = more.healthy;
    const status = { ...statusOf(taskId, task), ...more, uuid: Buffer.from(randomUUID()).toString('base64') };
    send({ type: 'UPDATE', update: { status } });
    if (isTerminal(state)) {
      filtered.delete(task.agent.id);
      allocate();
    }
    notify();
  };

  const handle = (call: SchedulerCall) => {
    switch (call.type) {
      case 'ACCEPT': {
        if (lose) return;
        const offer = offers.get(call.accept!.offer_ids[0]!.value);
        const infos = (call.accept!.operations ?? []).flatMap((operation) => operation.launch?.task_infos ?? []);
        for (const info of infos) {
          const agent = agents.find(({ id }) => id === info.agent_id.value)!;
          if (!offer || tasks.has(info.task_id.value)) {
            const state = offer ? 'TASK_ERROR' : 'TASK_DROPPED';
            send({ type: 'UPDATE', update: { status: { task_id: info.task_id, state, agent_id: info.agent_id } } });
            continue;
          }
          tasks.set(info.task_id.value, { info, agent, state: 'TASK_STAGING' });
          const states = behaviour(info) ?? ['TASK_STARTING', 'TASK_RUNNING'];
          for (const state of states) update(info.task_id.value, state);
        }
        if (offer) offers.delete(offer.id.value);
        return allocate();
      }
      case 'DECLINE':
        for (const { value } of call.decline!.offer_ids) {
          const offer = offers.get(value);
          if (!offer) continue;
          offers.delete(value);
          filtered.add(offer.agent_id.value);
        }
        return;
      case 'REVIVE':
        filtered.clear();
        for (const role of call.revive?.roles ?? roles) suppressed.delete(role);
        return allocate();
      case 'SUPPRESS':
        for (const role of call.suppress?.roles ?? roles) suppressed.add(role);
        return;
      case 'KILL': {
        const id = call.kill!.task_id.value;
        const task = tasks.get(id);
        if (!task || isTerminal(task.state))
          send({
            type: 'UPDATE',
            update: { status: { task_id: { value: id }, state: 'TASK_UNKNOWN', reason: 'REASON_RECONCILIATION' } },
          });
        else if (obey) setImmediate(() => !isTerminal(task.state) && update(id, 'TASK_KILLED'));
        return;
      }
      case 'RECONCILE': {
        const asked = call.reconcile?.tasks ?? [];
        const ids = asked.length > 0 ? asked.map(({ task_id }) => task_id.value) : [...tasks.keys()];
        for (const id of ids) {
          const task = tasks.get(id);
          if (task && isTerminal(task.state) && asked.length === 0) continue;
          const status: TaskStatus =
            task && !isTerminal(task.state) ? statusOf(id, task) : { task_id: { value: id }, state: 'TASK_GONE' };
          send({ type: 'UPDATE', update: { status: { ...status, reason: 'REASON_RECONCILIATION' } } });
        }
        return;
      }
      case 'UPDATE_FRAMEWORK':
        roles = call.update_framework!.framework_info.roles ?? [];
        return allocate();
      default:
        return;
    }
  };

  const subscribe = (call: SchedulerCall, response: ServerResponse) => {
    const info = call.subscribe!.framework_info;
    if (refusal !== undefined && info.id) {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Mesos-Stream-Id': randomUUID() });
      response.end(encodeRecord(JSON.stringify({ type: 'ERROR', error: { message: refusal } })));
      return;
    }
    if (stream) {
      send({ type: 'ERROR', error: { message: 'Framework failed over' } });
      stream.end();
    }
    subscriptions++;
    frameworkId = info.id?.value ?? frameworkId ?? `${randomUUID()}-0000`;
    roles = info.roles ?? [];
    suppressed = new Set(call.subscribe!.suppressed_roles ?? []);
    filtered.clear();
    offers.clear();
    streamId = randomUUID();
    response.writeHead(200, { 'Content-Type': 'application/json', 'Mesos-Stream-Id': streamId });
    stream = response;
    response.once('close', () => {
      if (stream !== response) return;
      stream = undefined;
      offers.clear();
    });
    send({
      type: 'SUBSCRIBED',
      subscribed: {
        framework_id: { value: frameworkId },
        heartbeat_interval_seconds: 15,
        master_info: { id: 'master', ip: 16777343, port: 5050, hostname: 'fake-master' },
      },
    });
    send({ type: 'HEARTBEAT' });
    allocate();
  };

  const server: Server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const call = JSON.parse(Buffer.concat(chunks).toString('utf8')) as SchedulerCall;
      calls.push(call);
      if (call.type === 'SUBSCRIBE') {
        subscribe(call, response);
        return notify();
      }
      if (request.headers['mesos-stream-id'] !== streamId || !stream) {
        response.writeHead(stream ? 400 : 403).end('The stream ID is not the current one');
        return;
      }
      response.writeHead(call.type === 'UPDATE_FRAMEWORK' ? 200 : 202).end();
      handle(call);
      notify();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));

  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    tasks,
    get subscriptions() {
      return subscriptions;
    },
    behave(next) {
      behaviour = next;
    },
    update,
    send,
    launchStray(taskId) {
      const agent = agents[0]!;
      const info = { name: taskId, task_id: { value: taskId }, agent_id: { value: agent.id }, resources: [] };
      tasks.set(taskId, { info, agent, state: 'TASK_RUNNING' });
    },
    offerPorts(port) {
      for (const agent of agents) agent.ports = { begin: port, end: port };
    },
    loseLaunches(next) {
      lose = next;
    },
    refuseFrameworks(message) {
      refusal = message;
    },
    obeyKills(next) {
      obey = next;
    },
    disconnect() {
      stream?.destroy();
      stream = undefined;
      offers.clear();
    },
    running: (appId) =>
      [...tasks.values()].filter(
        (task) =>
          !isTerminal(task.state) &&
          (appId === undefined || task.info.task_id.value.startsWith(`${appId.slice(1).replaceAll('/', '_')}.`)),
      ),
    until: (probe) =>
      new Promise((resolve, reject) => {
        const check = () => {
          try {
            const value = probe();
            if (value === undefined || value === false) return false;
            watchers.delete(check);
            resolve(value);
            return true;
          } catch (error) {
            watchers.delete(check);
            reject(error);
            return true;
          }
        };
        if (!check()) watchers.add(check);
      }),
    async close() {
      stream?.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
