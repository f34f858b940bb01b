import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { start } from '../../../src/embedded/mesos-master/index.ts';
import type { RunningService } from '../../../src/embedded/service.ts';
import {
  type AgentMessage,
  agentLinkPath,
  agentStreamHeader,
  type MasterMessage,
  type TaskReport,
} from '../../../src/protocols/mesos/agent-link.ts';
import { parseResources } from '../../../src/protocols/mesos/resources.ts';
import type { FrameworkInfo, SchedulerEvent, TaskStatus } from '../../../src/protocols/mesos/types.ts';
import { createRecordDecoder } from '../../../src/protocols/recordio.ts';
import { type Clock, systemClock } from '../../../src/support/clock.ts';
import { type HttpCall, type HttpReply, httpCall, httpStream } from '../../../src/support/http-client.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork } from '../../../src/support/network.ts';

/** A recorded answer of the real cluster. */
export function golden<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../../fixtures/golden/mesos-master/${path}`, import.meta.url), 'utf8')) as T;
}

export type ManualClock = Clock & {
  /** Moves time on, running what falls due at its own time. */
  advance(ms: number): void;
};

export function createManualClock(): ManualClock {
  let time = 0;
  const timers = new Set<{ at: number; every: number | undefined; fn: () => void }>();
  const add = (ms: number, every: number | undefined, fn: () => void) => {
    const timer = { at: time + Math.max(ms, 0), every, fn };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  return {
    now: () => 1_800_000_000_000 + time,
    monotonic: () => time,
    after: (ms, fn) => add(ms, undefined, fn),
    every: (ms, fn) => add(ms, ms, fn),
    advance(ms) {
      const end = time + ms;
      for (;;) {
        const next = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        time = Math.max(time, next.at);
        if (next.every === undefined) timers.delete(next);
        else next.at += next.every;
        next.fn();
      }
      time = end;
    },
  };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 2));

export interface Peer {
  close(): void;
}

export interface FakeAgent extends Peer {
  /** `<master>-S<n>`, once registered. */
  readonly id: string;
  readonly hostname: string;
  /** What the master sent, PINGs (answered) excepted. */
  readonly received: MasterMessage[];
  readonly closed: boolean;
  say(message: AgentMessage): Promise<number>;
}

export interface FakeScheduler extends Peer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly streamId: string;
  readonly events: SchedulerEvent[];
  /** The master ended the stream. */
  readonly ended: boolean;
}

/** Real time, which nobody can move. */
export const realClock: ManualClock = { ...systemClock, advance() {} };

/** A master that runs in this process on a free port of loopback, and what tests need to talk to it. */
export async function startMaster(argv: readonly string[] = [], options: { clock?: ManualClock; ready?: false } = {}) {
  const { clock = createManualClock() } = options;
  const network = createNetwork();
  const probe = new HttpAgent({ keepAlive: true });
  const peers: Peer[] = [];
  let port = 0;
  const service: RunningService = await start({
    argv: [
      ...(argv.some((flag) => flag.startsWith('--work_dir=')) ? [] : ['--registry=in_memory']),
      '--ip=127.0.0.1',
      '--port=0',
      '--hostname=node-1',
      ...argv,
    ],
    env: {},
    log: {
      ...silentLogger,
      info(text, fields) {
        if (text === 'Master started') port = Number(String(fields?.bound).split(':').at(-1));
      },
    },
    clock,
    random: Math.random,
    network,
  });
  if (options.ready !== false) await service.ready;
  const url = (path: string) => `http://127.0.0.1:${port}${path}`;

  const request = (path: string, call: HttpCall = {}): Promise<HttpReply> =>
    httpCall(url(path), { agent: probe, ...call });

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  const master = {
    clock,
    service,
    network,
    port,
    url,
    request,
    post,

    async json<T>(path: string): Promise<T> {
      const reply = await request(path);
      if (reply.status !== 200) throw new Error(`GET ${path}: ${reply.status} ${reply.body.toString()}`);
      return JSON.parse(reply.body.toString()) as T;
    },

    /** Moves time on, a little at a time, until it is so. */
    async until<T>(what: string, get: () => T | undefined | false, stepMs = 50): Promise<T> {
      for (let turns = 0; turns < 5000; turns++) {
        const value = get();
        if (value !== undefined && value !== false) return value;
        await turn();
        if (turns > 3) clock.advance(stepMs);
      }
      throw new Error(`waited in vain for: ${what}`);
    },

    async agent(options: {
      hostname: string;
      ip?: string;
      /** The one it had before. */
      id?: string;
      resources?: string;
      registration?: Partial<Extract<AgentMessage, { type: 'SUBSCRIBE' }>>;
    }): Promise<FakeAgent> {
      const received: MasterMessage[] = [];
      let id = '';
      let closed = false;
      const response = await httpStream(url(agentLinkPath), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({
          type: 'SUBSCRIBE',
          agent: {
            hostname: options.hostname,
            port: 5051,
            ...(options.id === undefined ? {} : { id: { value: options.id } }),
            resources: parseResources(options.resources ?? 'cpus:2;mem:2048;disk:4096;ports:[31000-31019]'),
            attributes: [{ name: 'node', type: 'TEXT', text: { value: options.hostname } }],
          },
          version: '1.12.0',
          pid: `slave(1)@${options.ip ?? '127.0.0.1'}:5051`,
          capabilities: agentCapabilities,
          resources: parseResources(options.resources ?? 'cpus:2;mem:2048;disk:4096;ports:[31000-31019]'),
          tasks: [],
          executors: [],
          frameworks: [],
          ...options.registration,
        } satisfies AgentMessage),
      });
      const streamId = String(response.headers[agentStreamHeader]);
      const say = async (message: AgentMessage) =>
        (await post(agentLinkPath, message, { [agentStreamHeader]: streamId })).status;
      const decode = createRecordDecoder((payload) => {
        const message = JSON.parse(payload.toString()) as MasterMessage;
        if (message.type === 'PING') void say({ type: 'PONG' }).catch(() => {});
        else received.push(message);
        if (message.type === 'SUBSCRIBED') id = message.agent_id.value;
      });
      response.on('data', decode);
      response.once('close', () => {
        closed = true;
      });
      response.on('error', () => {});
      const agent: FakeAgent = {
        get id() {
          return id;
        },
        hostname: options.hostname,
        received,
        get closed() {
          return closed;
        },
        say,
        close: () => void response.destroy(),
      };
      peers.push(agent);
      await master.until('registration', () => received.length > 0);
      return agent;
    },

    async subscribe(call: unknown): Promise<FakeScheduler> {
      const events: SchedulerEvent[] = [];
      let ended = false;
      const response = await httpStream(url('/api/v1/scheduler'), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify(call),
      });
      const decode = createRecordDecoder((payload) => events.push(JSON.parse(payload.toString()) as SchedulerEvent));
      response.on('data', decode);
      response.once('end', () => {
        ended = true;
      });
      response.on('error', () => {});
      const scheduler: FakeScheduler = {
        status: response.statusCode ?? 0,
        headers: response.headers,
        streamId: String(response.headers['mesos-stream-id']),
        events,
        get ended() {
          return ended;
        },
        close: () => void response.destroy(),
      };
      peers.push(scheduler);
      return scheduler;
    },

    /** Reads an operator's event stream. */
    async watch(): Promise<Peer & { readonly events: { type: string }[] }> {
      const events: { type: string }[] = [];
      const response = await httpStream(url('/api/v1'), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify({ type: 'SUBSCRIBE' }),
      });
      response.on(
        'data',
        createRecordDecoder((payload) => events.push(JSON.parse(payload.toString()))),
      );
      response.on('error', () => {});
      const peer = { events, close: () => void response.destroy() };
      peers.push(peer);
      return peer;
    },

    async stop() {
      for (const peer of peers) peer.close();
      probe.destroy();
      await service.stop();
      network.close();
    },

    /** Ends it as a crash would: nothing is said to anybody. */
    async vanish() {
      network.cut(['127.0.0.1']);
      await service.stop();
      network.close();
    },
  };
  return master;
}

export type TestMaster = Awaited<ReturnType<typeof startMaster>>;

export const agentCapabilities = [
  'MULTI_ROLE',
  'HIERARCHICAL_ROLE',
  'RESERVATION_REFINEMENT',
  'RESOURCE_PROVIDER',
  'RESIZE_VOLUME',
  'AGENT_OPERATION_FEEDBACK',
  'AGENT_DRAINING',
  'TASK_RESOURCE_LIMITS',
];

export const goldenMaster = '631e30a7-37e6-4974-b6d2-f1c03f9f57e8';
/** Their ids, by host name. */
export const goldenAgents: Readonly<Record<string, string>> = {
  'node-1': `${goldenMaster}-S1`,
  'node-2': `${goldenMaster}-S0`,
  'node-3': `${goldenMaster}-S2`,
};

interface GoldenTask {
  name: string;
  task_id: { value: string };
  agent_id: { value: string };
  framework_id: { value: string };
  statuses: TaskStatus[];
}

/** What the agents of the golden cluster ran when its endpoints were recorded: the tasks of the framework `web`. */
export function goldenTasks(): (TaskReport & { hostname: string })[] {
  const { get_state } = golden<{ get_state: { get_tasks: { tasks: GoldenTask[] } } }>('v1/GET_STATE.json');
  return get_state.get_tasks.tasks.map((task) => {
    const { statuses, framework_id, ...info } = task;
    return {
      hostname: Object.keys(goldenAgents).find((name) => goldenAgents[name] === task.agent_id.value)!,
      framework_id,
      executor_id: task.task_id,
      info: info as unknown as TaskReport['info'],
      statuses,
    };
  });
}

/** The FrameworkInfo of `web`. */
export function goldenFramework(): FrameworkInfo {
  const { get_state } = golden<{
    get_state: { get_frameworks: { frameworks: { framework_info: FrameworkInfo }[] } };
  }>('v1/GET_STATE.json');
  return get_state.get_frameworks.frameworks[0]!.framework_info;
}

/**
 * The master and the three agents that the goldens were recorded from.
 * @param options reserved: a part of node-3 is reserved for the role web; running: with the tasks of `web`
 */
export async function startGoldenCluster(options: { reserved?: boolean; running?: boolean } = {}) {
  const master = await startMaster([
    '--advertise_ip=172.31.77.11',
    '--advertise_port=5050',
    '--cluster=devcluster',
    '--allocation_interval=1secs',
  ]);
  const agents = new Map<string, FakeAgent>();
  for (const [node, ports] of [
    [2, '[31100-31119]'],
    [1, '[31000-31019]'],
    [3, '[31200-31219]'],
  ] as const) {
    const hostname = `node-${node}`;
    const whole = `cpus:2;mem:2048;disk:4096;ports:${ports}`;
    const partly = [
      ...parseResources(`cpus:1.7;mem:1952;disk:4096;ports:${ports}`),
      { name: 'cpus', type: 'SCALAR' as const, scalar: { value: 0.3 }, reservations: [webReservation] },
      { name: 'mem', type: 'SCALAR' as const, scalar: { value: 96 }, reservations: [webReservation] },
    ];
    const tasks = options.running ? goldenTasks().filter((task) => task.hostname === hostname) : [];
    agents.set(
      hostname,
      await master.agent({
        hostname,
        ip: `172.31.77.1${node}`,
        id: goldenAgents[hostname]!,
        resources: whole,
        registration: {
          ...(node === 3 && options.reserved ? { resources: partly } : {}),
          tasks,
          frameworks: tasks.length > 0 ? [goldenFramework()] : [],
        },
      }),
    );
  }
  return { master, agents };
}

const webReservation = { type: 'DYNAMIC' as const, role: 'web' };
