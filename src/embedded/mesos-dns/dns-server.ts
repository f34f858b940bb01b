import { createSocket } from 'node:dgram';
import { createServer, isIPv6, type Socket } from 'node:net';
import type { Clock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import type { Logger } from '../../support/logger.ts';
import { createScope } from '../../support/scope.ts';
import { answerQuestion, isWithin, type Zone } from './answer.ts';
import { parseResolver } from './config.ts';
import type { Forwarder, Resolver, Transport } from './forward.ts';
import { encodeAnswer, encodeFailure, type Query, rcodes, readQuery } from './packet.ts';
import { createStreamSplitter, frameMessage } from './stream.ts';

export interface DnsServerOptions {
  host: string;
  port: number;
  /** What is served now. */
  zone(): Zone;
  forward: Forwarder;
  clock: Clock;
  random: () => number;
  log: Logger;
}

export interface DnsServer {
  close(): Promise<void>;
}

/** What a name outside our domain is answered with: by whom, or refused. */
export function resolversFor(name: string, { config }: Zone): Resolver[] {
  if (!config.ExternalOn) return [];
  const zone = Object.keys(config.ZoneResolvers)
    .filter((candidate) => isWithin(name, candidate))
    .sort((a, b) => b.length - a.length)[0];
  const list = zone === undefined ? config.Resolvers : config.ZoneResolvers[zone]!;
  return list.map(parseResolver).filter((resolver) => resolver !== undefined);
}

/** The bytes to answer a message with; undefined: none. Never rejects. */
export async function respond(
  message: Buffer,
  transport: Transport,
  options: Pick<DnsServerOptions, 'zone' | 'forward' | 'random'>,
): Promise<Buffer | undefined> {
  const query = readQuery(message);
  if (!query) return undefined;
  if (!('question' in query)) return encodeFailure(message, query.rcode);
  const zone = options.zone();
  const { config } = zone;
  const maxBytes = transport === 'udp' ? query.udpSize : 0xffff;
  if (isWithin(query.question.name, config.Domain))
    return encodeAnswer(query, answerQuestion(query.question, zone, options.random), maxBytes, config.SetTruncateBit);
  const resolvers = resolversFor(query.question.name, zone);
  if (resolvers.length === 0) return bare(query, rcodes.refused);
  return (await options.forward(message, resolvers, transport)) ?? bare(query, rcodes.serverFailure);
}

function bare(query: Query, rcode: number): Buffer {
  const answer = {
    rcode,
    authoritative: false,
    recursionAvailable: false,
    answers: [],
    authorities: [],
    additionals: [],
  };
  return encodeAnswer(query, answer, 512, false);
}

/** Connections that say nothing for this long are ended, as the real one does. */
const idleMs = 8000;
const maxConnections = 512;

/** Serves DNS over UDP and TCP. @throws the system's error (EADDRINUSE, EACCES, …) */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { host, port, log } = options;
  const scope = createScope();
  try {
    const udp = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    scope.defer(() => new Promise<void>((resolve) => udp.close(() => resolve())));
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind(port, host, () => {
        udp.off('error', reject);
        resolve();
      });
    });
    udp.on('error', (error) => log.warn('DNS over UDP', { error }));
    udp.on('message', (message, { address, port: from }) => {
      // A datagram from port 0 can't be answered.
      if (from === 0) return;
      void respond(message, 'udp', options).then((reply) => {
        if (reply && !scope.closed) udp.send(reply, from, address, () => {});
      });
    });

    const sockets = new Set<Socket>();
    const tcp = createServer((socket) => {
      if (sockets.size >= maxConnections) {
        socket.destroy();
        return;
      }
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      serveStream(socket, options);
    });
    scope.defer(
      () =>
        new Promise<void>((resolve) => {
          tcp.close(() => resolve());
          for (const socket of sockets) socket.destroy();
        }),
    );
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject);
      tcp.listen(port, host, () => {
        tcp.off('error', reject);
        resolve();
      });
    });
    tcp.on('error', (error) => log.warn('DNS over TCP', { error }));
  } catch (error) {
    await scope.close().catch(() => {});
    throw Object.assign(new Error(`can't serve DNS at ${host}:${port}: ${messageOf(error)}`, { cause: error }), {
      code: (error as { code?: unknown }).code,
    });
  }
  return { close: () => scope.close() };
}

function serveStream(socket: Socket, options: DnsServerOptions): void {
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on('error', () => {});
  /** Questions not answered yet. While there are some, no more is read: a client can't make us hold much. */
  let open = 0;
  const split = createStreamSplitter((message) => {
    open++;
    socket.pause();
    void respond(message, 'tcp', options).then((reply) => {
      open--;
      if (socket.destroyed) return;
      const drained = !reply || socket.write(frameMessage(reply));
      if (open > 0) return;
      if (drained) socket.resume();
      else socket.once('drain', () => socket.resume());
    });
  });
  socket.on('data', split);
}
