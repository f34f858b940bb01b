import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What Docker 29 speaks, by the version history of its API. */
const oldest = 44;
const newest = 52;

export interface NewerApi {
  readonly socketPath: string;
  /** Requests that were refused for their version. */
  readonly refused: string[];
  /** Versions that were asked for; `newest` where none was. */
  readonly versions: Set<string>;
  close(): Promise<void>;
}

/**
 * Stands before an engine, and answers as Docker 29 is documented to: versions of the API below 1.44 are refused, and from
 * 1.52 on fields are gone that were deprecated for years.
 */
export async function startNewerApi(engineSocket: string): Promise<NewerApi> {
  const folder = await mkdtemp(join(tmpdir(), 'devcluster-api-'));
  const socketPath = join(folder, 'docker.sock');
  const refused: string[] = [];
  const versions = new Set<string>();
  const open = new Set<Socket>();

  /** @returns the path without a version, which the engine takes for its own newest; undefined: refused */
  const take = (url: string, refuse: (message: string) => void): { path: string; minor: number } | undefined => {
    const [, version, path = url] = /^\/v1\.(\d+)(\/.*)$/.exec(url) ?? [];
    versions.add(version === undefined ? 'newest' : `1.${version}`);
    const minor = version === undefined ? newest : Number(version);
    if (minor >= oldest && minor <= newest) return { path, minor };
    refused.push(url);
    refuse(
      minor < oldest
        ? `client version 1.${minor} is too old. Minimum supported API version is 1.${oldest}, please upgrade your client to a newer version`
        : `client version 1.${minor} is too new. Maximum supported API version is 1.${newest}`,
    );
    return undefined;
  };

  const server = createServer((asked, reply) => {
    const way = take(asked.url ?? '/', (message) => {
      reply.writeHead(400, { 'Content-Type': 'application/json' }).end(JSON.stringify({ message }));
    });
    if (!way) return;
    const call = request({ socketPath: engineSocket, method: asked.method, path: way.path, headers: asked.headers });
    call.once('response', (answer) => {
      // One side goes away while the other is still at it: streams of events and logs end so.
      answer.once('error', () => reply.destroy());
      hand(answer, reply, way);
    });
    call.once('error', () => reply.destroy());
    reply.once('close', () => call.destroy());
    asked.pipe(call);
  });
  // What `docker exec` and `attach` become: bytes in both directions.
  server.on('upgrade', (asked: IncomingMessage, client: Socket, head: Buffer) => {
    const way = take(asked.url ?? '/', () => client.destroy());
    if (!way) return;
    const engine = connect(engineSocket);
    const headers = asked.rawHeaders.flatMap((name, i) => (i % 2 ? [] : [`${name}: ${asked.rawHeaders[i + 1]}`]));
    engine.write(`${[`${asked.method} ${way.path} HTTP/1.1`, ...headers].join('\r\n')}\r\n\r\n`);
    engine.write(head);
    engine.pipe(client).pipe(engine);
    for (const [one, other] of [
      [engine, client],
      [client, engine],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.listen(socketPath);
  await once(server, 'listening');
  return {
    socketPath,
    refused,
    versions,
    async close() {
      server.close();
      for (const socket of open) socket.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function hand(answer: IncomingMessage, reply: ServerResponse, { path, minor }: { path: string; minor: number }): void {
  // By it clients find out what they may ask for.
  if (answer.headers['api-version'] !== undefined) answer.headers['api-version'] = `1.${newest}`;
  const { 'content-length': _, 'transfer-encoding': __, ...headers } = answer.headers;
  const route = path.replace(/\?.*$/, '');
  const change = changes.find(([pattern, since]) => pattern.test(route) && minor >= since)?.[2];
  if (!change || answer.statusCode !== 200) {
    reply.writeHead(answer.statusCode ?? 502, answer.headers);
    reply.flushHeaders();
    answer.pipe(reply);
    return;
  }
  reply.writeHead(200, headers);
  reply.flushHeaders();
  // Streams have a message in each line, and all other answers are one line.
  const lines = createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', (line) => {
    if (line.trim() === '') return;
    const message = JSON.parse(line);
    change(message);
    reply.write(`${JSON.stringify(message)}\n`);
  });
  lines.on('error', () => reply.destroy()).once('close', () => reply.end());
}

type Json = Record<string, unknown>;
const drop = (object: unknown, names: readonly string[]) => {
  for (const name of names) delete (object as Json | undefined)?.[name];
};
const dropEmpty = (object: Json | undefined, names: readonly string[]) => {
  const isEmpty = (value: unknown) =>
    value === null || value === '' || (typeof value === 'object' && Object.keys(value as object).length === 0);
  drop(
    object,
    names.filter((name) => isEmpty(object?.[name])),
  );
};

/** By path, from which version on, what becomes of an answer or of each message of a stream. */
const changes: readonly (readonly [RegExp, number, (message: Json) => void])[] = [
  [
    /^\/version$/,
    0,
    (message) => {
      Object.assign(message, { Version: '29.0.0', ApiVersion: `1.${newest}`, MinAPIVersion: `1.${oldest}` });
    },
  ],
  [/^\/info$/, 0, (message) => drop(message, ['KernelMemoryTCP', 'BridgeNfIptables', 'BridgeNfIp6tables'])],
  [/^\/events$/, 52, (message) => drop(message, ['status', 'id', 'from'])],
  // A future version will leave these out, where the details say the same.
  [/^\/(images\/(create|load)|build)$/, 48, (message) => drop(message, ['error', 'progress'])],
  [
    /^\/containers\/[^/]+\/json$/,
    52,
    (message) => {
      drop(message.NetworkSettings, [
        ...['Bridge', 'HairpinMode', 'LinkLocalIPv6Address', 'LinkLocalIPv6PrefixLen', 'SecondaryIPAddresses'],
        ...['SecondaryIPv6Addresses', 'EndpointID', 'Gateway', 'GlobalIPv6Address', 'GlobalIPv6PrefixLen'],
        ...['IPAddress', 'IPPrefixLen', 'IPv6Gateway', 'MacAddress'],
      ]);
      dropEmpty(message.Config as Json, ['OnBuild']);
    },
  ],
  [
    /^\/images\/.+\/json$/,
    45,
    (message) => {
      drop(message, ['Container', 'ContainerConfig', 'VirtualSize']);
      dropEmpty(message, ['Parent', 'Comment', 'DockerVersion', 'Author']);
      const config = message.Config as Json | undefined;
      drop(config, ['Hostname', 'Domainname', 'AttachStdin', 'AttachStdout', 'AttachStderr', 'Tty', 'OpenStdin']);
      drop(config, ['StdinOnce', 'Image']);
      dropEmpty(config, ['Cmd', 'Entrypoint', 'Env', 'Labels', 'OnBuild', 'User', 'Volumes', 'WorkingDir']);
    },
  ],
];
