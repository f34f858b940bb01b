import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start as startMarathonService } from '../../../src/embedded/marathon/index.ts';
import type { RunningService, ServiceContext } from '../../../src/embedded/service.ts';
import { start as startZooKeeperService } from '../../../src/embedded/zookeeper/index.ts';
import type { AppInfo, DeploymentInfo } from '../../../src/protocols/marathon/types.ts';
import { createZooKeeperClient, type ZooKeeperClient } from '../../../src/protocols/zookeeper/client.ts';
import { type Clock, systemClock } from '../../../src/support/clock.ts';
import { httpJson } from '../../../src/support/http-client.ts';
import { createLogger, silentLogger } from '../../../src/support/logger.ts';
import { createNetwork } from '../../../src/support/network.ts';
import { type FakeMaster, startFakeMaster } from './fake-master.ts';

const log = process.env.LOG ? createLogger((line) => process.stderr.write(line), 'test', 'debug') : silentLogger;

export function contextOf(
  argv: string[],
  name: string,
  clock: Clock = systemClock,
): { context: ServiceContext; close: () => void } {
  const network = createNetwork();
  const context = { argv, env: {}, log: log.named(name), clock, random: Math.random, network };
  return { context, close: () => network.close() };
}

export interface ZooKeeperForTests {
  /** `host:port` */
  address: string;
  /** Ends the server; its data stay. */
  down(): Promise<void>;
  /** Starts it again, on the same port. */
  up(): Promise<void>;
  close(): Promise<void>;
}

/** The embedded ZooKeeper, standalone. */
export async function startZooKeeper(): Promise<ZooKeeperForTests> {
  const folder = await mkdtemp(join(tmpdir(), 'marathon-zk-'));
  const port = await freePort();
  const file = join(folder, 'zoo.cfg');
  await writeFile(
    file,
    `tickTime=500\ndataDir=${join(folder, 'data')}\nclientPort=${port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n`,
  );
  let end: (() => Promise<void>) | undefined;
  const up = async () => {
    const { context, close } = contextOf([file], 'zookeeper');
    const service = await startZooKeeperService(context);
    end = async () => {
      await service.stop();
      close();
    };
    await service.ready;
  };
  const down = async () => {
    const last = end;
    end = undefined;
    await last?.();
  };
  await up();
  return {
    address: `127.0.0.1:${port}`,
    up,
    down,
    async close() {
      await down();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A client of that ZooKeeper; `closers` gets what ends it. */
export function zooKeeperClient(address: string, closers: (() => unknown)[]): ZooKeeperClient {
  const network = createNetwork();
  const client = createZooKeeperClient({
    servers: address,
    sessionTimeoutMs: 10_000,
    auth: [],
    network,
    clock: systemClock,
    log: silentLogger,
    random: Math.random,
  });
  closers.push(async () => {
    await client.close();
    network.close();
  });
  return client;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  json: T;
  text: string;
}

export interface MarathonForTests extends MarathonApi {
  readonly service: RunningService;
  /** Cuts it off from ZooKeeper and the master, as a dead link does. */
  cutOff(): void;
  stop(): Promise<void>;
}

export interface MarathonApi {
  readonly url: string;
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    json?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>;
  app(id: string): Promise<AppInfo>;
  deployments(): Promise<DeploymentInfo[]>;
  /** Resolves when the deployment is over. */
  deployed(id: string | undefined): Promise<void>;
  /** Server-sent events from now on. */
  events(): Promise<EventReader>;
}

export interface EventReader {
  readonly all: { type: string; data: Record<string, unknown> }[];
  /** The server ended the stream. */
  readonly ended: Promise<void>;
  /** Resolves with the first event, past or to come, that fits. */
  next(
    type: string,
    fits?: (data: Record<string, unknown>) => boolean,
  ): Promise<{ type: string; data: Record<string, unknown> }>;
  close(): void;
}

export async function startMarathon(
  zk: { address: string },
  master: FakeMaster | string,
  flags: Record<string, string | number> = {},
  clock: Clock = systemClock,
): Promise<MarathonForTests> {
  const port = await freePort();
  const argv = argumentsOf(zk, master, port, flags);
  const { context, close } = contextOf(argv, `marathon:${port}`, clock);
  const service = await startMarathonService(context);
  const api = apiOf(`http://127.0.0.1:${port}`);
  return {
    ...api,
    service,
    cutOff: () => context.network.cut([zk.address, typeof master === 'string' ? master : master.address]),
    async stop() {
      api.closeReaders();
      await service.stop();
      close();
    },
  };
}

/** The options that a Marathon of the tests is started with. */
export function argumentsOf(
  zk: { address: string },
  master: FakeMaster | string,
  port: number,
  flags: Record<string, string | number> = {},
): string[] {
  const given: Record<string, string | number> = {
    master: typeof master === 'string' ? master : master.address,
    zk: `zk://${zk.address}/marathon`,
    hostname: '127.0.0.1',
    http_address: '127.0.0.1',
    http_port: port,
    // A busy machine must not bring about the end of a session; tests that wait for it say so.
    zk_session_timeout: 10_000,
    min_revive_offers_interval: 20,
    launch_tokens: 10000,
    max_instances_per_offer: 100,
    kill_retry_timeout: 500,
    ...flags,
  };
  return Object.entries(given).map(([name, value]) => `--${name}=${value}`);
}

/** The API of a Marathon at `url`, whatever runs it. */
export function apiOf(url: string): MarathonApi & { closeReaders(): void } {
  const readers = new Set<EventReader>();
  const call = async <T>(method: string, path: string, json?: unknown, headers: Record<string, string> = {}) =>
    (await httpJson<T>(`${url}${path}`, {
      method,
      headers,
      ...(json === undefined ? {} : { json }),
    })) as unknown as Answer<T>;
  const marathon: MarathonApi = {
    url,
    call,
    app: async (id) => (await call<{ app: AppInfo }>('GET', `/v2/apps${id}`)).json.app,
    deployments: async () => (await call<DeploymentInfo[]>('GET', '/v2/deployments')).json,
    async deployed(id) {
      const reader = await marathon.events();
      try {
        const running = (await marathon.deployments()).some((deployment) => deployment.id === id);
        if (running) await reader.next('deployment_success', (data) => data.id === id);
      } finally {
        reader.close();
      }
    },
    async events() {
      const reader = await readEvents(`${url}/v2/events`);
      readers.add(reader);
      return reader;
    },
  };
  return {
    ...marathon,
    closeReaders() {
      for (const reader of readers) reader.close();
    },
  };
}

async function readEvents(url: string): Promise<EventReader> {
  const abort = new AbortController();
  const response = await fetch(url, { headers: { Accept: 'text/event-stream' }, signal: abort.signal });
  const all: { type: string; data: Record<string, unknown> }[] = [];
  const waiting = new Set<() => void>();
  const ended = (async () => {
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body!) {
        text += decoder.decode(chunk, { stream: true });
        for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
          const frame = text.slice(0, end).replace(/^(\r\n)+/, '');
          text = text.slice(end + 4);
          const type = /^event: (.*)$/m.exec(frame)?.[1]?.trim();
          const data = /^data: (.*)$/m.exec(frame)?.[1];
          if (type && data) all.push({ type, data: JSON.parse(data) });
        }
        for (const wake of [...waiting]) wake();
      }
    } catch {
      // Closed by the test or by the server.
    }
  })();
  return {
    all,
    ended,
    next: (type, fits = () => true) =>
      new Promise((resolve) => {
        const check = () => {
          const found = all.find((event) => event.type === type && fits(event.data));
          if (!found) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      }),
    close: () => abort.abort(),
  };
}

/** ZooKeeper, a fake master and one leading Marathon. */
export async function startAll(flags: Record<string, string | number> = {}) {
  const zk = await startZooKeeper();
  const master = await startFakeMaster();
  const marathon = await startMarathon(zk, master, flags);
  await marathon.service.ready;
  return {
    zk,
    master,
    marathon,
    async close() {
      await marathon.stop();
      await master.close();
      await zk.close();
    },
  };
}
