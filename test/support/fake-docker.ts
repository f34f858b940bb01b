import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FakeContainer {
  id: string;
  name: string;
  request: {
    Image: string;
    Labels: Record<string, string>;
    HostConfig: { NetworkMode: string };
    [key: string]: unknown;
  };
  state: 'created' | 'running' | 'exited';
  exitCode: number;
  oomKilled: boolean;
  /** All of its output, framed. */
  output: Buffer;
  finishedAt: string;
}

/** A Docker engine that remembers containers and runs nothing; tests say what happens to them. */
export interface FakeDocker {
  readonly socketPath: string;
  readonly images: Set<string>;
  readonly containers: Map<string, FakeContainer>;
  /** Every request, `METHOD /path?query` without the version. */
  readonly requests: string[];
  /** Seen in `X-Registry-Auth`, decoded. */
  readonly auths: object[];
  /** What a pull says last; undefined: it succeeds. */
  pullError: string | undefined;
  /** The next answers to these requests are lost after the request was carried out. */
  loseAnswers: { to: RegExp; times: number };
  /** Answers of this status and message instead. */
  refuse: { what: RegExp; status: number; message: string } | undefined;
  /** The container of a task. */
  of(taskId: string): FakeContainer;
  write(container: FakeContainer, stream: 'stdout' | 'stderr', text: string): void;
  end(container: FakeContainer, exitCode: number, oomKilled?: boolean): void;
  /** Breaks all connections and answers nobody until `comeBack`. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export async function startFakeDocker(): Promise<FakeDocker> {
  const folder = await mkdtemp(join(tmpdir(), 'fake-docker-'));
  const socketPath = join(folder, 'docker.sock');
  const followers = new Map<string, Set<ServerResponse>>();
  const listeners = new Set<ServerResponse>();
  let server: Server | undefined;
  let number = 0;

  const find = (key: string) => [...docker.containers.values()].find(({ id, name }) => id === key || name === key);

  const tell = (Action: string, container: FakeContainer) => {
    for (const listener of listeners)
      listener.write(`${JSON.stringify({ Type: 'container', Action, Actor: { ID: container.id } })}\n`);
  };

  const inspect = (container: FakeContainer) => ({
    Id: container.id,
    Name: `/${container.name}`,
    State: {
      Status: container.state,
      Running: container.state === 'running',
      Restarting: false,
      OOMKilled: container.oomKilled,
      ExitCode: container.exitCode,
      Error: '',
      StartedAt: '2026-01-01T00:00:00Z',
      FinishedAt: container.finishedAt,
    },
    Config: { ...container.request, HostConfig: undefined, Tty: false },
    HostConfig: container.request.HostConfig,
    NetworkSettings: { Networks: { [container.request.HostConfig.NetworkMode]: { IPAddress: '' } } },
  });

  const routes: [string, RegExp, (context: Context) => void | Promise<void>][] = [
    ['GET', /^\/version$/, ({ reply }) => reply(200, { ApiVersion: '1.41', Version: 'fake' })],
    [
      'GET',
      /^\/images\/(.+)\/json$/,
      ({ match, reply }) =>
        docker.images.has(match) ? reply(200, {}) : reply(404, { message: `No such image: ${match}` }),
    ],
    [
      'POST',
      /^\/images\/create$/,
      ({ request, query, response }) => {
        const auth = request.headers['x-registry-auth'];
        if (typeof auth === 'string') docker.auths.push(JSON.parse(Buffer.from(auth, 'base64url').toString()));
        response.writeHead(200);
        response.write(`${JSON.stringify({ status: 'Pulling' })}\n`);
        const image = `${query.get('fromImage')}:${query.get('tag')}`;
        if (docker.pullError === undefined) docker.images.add(image);
        response.end(JSON.stringify(docker.pullError === undefined ? { status: 'Done' } : { error: docker.pullError }));
      },
    ],
    [
      'POST',
      /^\/containers\/create$/,
      ({ body, query, reply }) => {
        const name = query.get('name') ?? '';
        const other = find(name);
        if (other) return reply(409, { message: `Conflict. The container name "/${name}" is already in use` });
        const id = createHash('sha256').update(`${++number}`).digest('hex');
        docker.containers.set(id, {
          id,
          name,
          request: body as FakeContainer['request'],
          state: 'created',
          exitCode: 0,
          oomKilled: false,
          output: Buffer.alloc(0),
          finishedAt: '0001-01-01T00:00:00Z',
        });
        reply(201, { Id: id });
      },
    ],
    [
      'POST',
      /^\/containers\/([^/]+)\/start$/,
      ({ container, reply }) => {
        if (container.state === 'running') return reply(304);
        container.state = 'running';
        tell('start', container);
        reply(204);
      },
    ],
    [
      'POST',
      /^\/containers\/([^/]+)\/stop$/,
      ({ container, reply }) => {
        if (container.state === 'running') docker.end(container, 143);
        reply(204);
      },
    ],
    [
      'DELETE',
      /^\/containers\/([^/]+)$/,
      ({ container, reply }) => {
        docker.containers.delete(container.id);
        tell('destroy', container);
        reply(204);
      },
    ],
    ['GET', /^\/containers\/json$/, ({ reply }) => reply(200, list())],
    ['GET', /^\/containers\/([^/]+)\/json$/, ({ container, reply }) => reply(200, inspect(container))],
    [
      'GET',
      /^\/containers\/([^/]+)\/logs$/,
      ({ container, query, response }) => {
        response.writeHead(200);
        response.write(container.output);
        if (query.get('follow') !== '1' || container.state !== 'running') return void response.end();
        const set = followers.get(container.id) ?? new Set();
        followers.set(container.id, set.add(response));
        response.once('close', () => set.delete(response));
      },
    ],
    [
      'GET',
      /^\/events$/,
      ({ response }) => {
        response.writeHead(200).flushHeaders();
        listeners.add(response);
        response.once('close', () => listeners.delete(response));
      },
    ],
  ];

  const list = () =>
    [...docker.containers.values()].map(({ id, state, request }) => ({ Id: id, State: state, Labels: request.Labels }));

  interface Context {
    request: IncomingMessage;
    response: ServerResponse;
    query: URLSearchParams;
    body: unknown;
    match: string;
    container: FakeContainer;
    reply: (status: number, json?: object) => void;
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '', 'http://docker');
    const path = url.pathname.replace(/^\/v1\.\d+/, '');
    const line = `${request.method} ${path}${url.search}`;
    docker.requests.push(line);
    const reply = (status: number, json?: object) => {
      if (docker.loseAnswers.times > 0 && docker.loseAnswers.to.test(line)) {
        docker.loseAnswers.times--;
        request.socket.destroy();
        return;
      }
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(json === undefined ? undefined : JSON.stringify(json));
    };
    if (docker.refuse?.what.test(line)) return reply(docker.refuse.status, { message: docker.refuse.message });
    for (const [method, pattern, act] of routes) {
      const found = method === request.method ? pattern.exec(path) : null;
      if (!found) continue;
      const match = decodeURIComponent(found[1] ?? '');
      const container = find(match);
      const wantsContainer = pattern.source.startsWith('^\\/containers\\/([^');
      if (wantsContainer && !container) return reply(404, { message: `No such container: ${match}` });
      const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
      return act({ request, response, query: url.searchParams, body, match, container: container!, reply });
    }
    reply(501, { message: `the fake engine does not know ${line}` });
  };

  const listen = () =>
    new Promise<void>((resolve) => {
      server = createServer((request, response) => void handle(request, response)).listen(socketPath, resolve);
    });

  const docker: FakeDocker = {
    socketPath,
    images: new Set(['image:1']),
    containers: new Map(),
    requests: [],
    auths: [],
    pullError: undefined,
    loseAnswers: { to: /^$/, times: 0 },
    refuse: undefined,
    of(taskId) {
      const found = [...docker.containers.values()].find(({ request }) => request.Labels['devcluster.task'] === taskId);
      if (!found) throw new Error(`no container of ${taskId}; requests: ${docker.requests.join(', ')}`);
      return found;
    },
    write(container, stream, text) {
      const data = Buffer.from(text);
      const header = Buffer.alloc(8);
      header[0] = stream === 'stdout' ? 1 : 2;
      header.writeUInt32BE(data.length, 4);
      const frame = Buffer.concat([header, data]);
      container.output = Buffer.concat([container.output, frame]);
      for (const response of followers.get(container.id) ?? []) response.write(frame);
    },
    end(container, exitCode, oomKilled = false) {
      Object.assign(container, { state: 'exited', exitCode, oomKilled, finishedAt: new Date().toISOString() });
      for (const response of followers.get(container.id) ?? []) response.end();
      tell('die', container);
    },
    async goAway() {
      const gone = server;
      server = undefined;
      gone?.closeAllConnections();
      await new Promise((resolve) => gone?.close(resolve));
    },
    comeBack: listen,
    async close() {
      if (server) await docker.goAway();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await listen();
  return docker;
}
