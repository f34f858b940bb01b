/** The client port: connections, their sessions and watches, and what the leader does about sessions' time. */
import { randomBytes, randomInt } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../../support/clock.ts';
import type { Logger } from '../../../support/logger.ts';
import type { ZooConfig } from '../config.ts';
import type { Replica } from '../replica.ts';
import { encodeCommand } from '../state/commands.ts';
import type { Applied } from '../state/machine.ts';
import { type Connection, type ConnectionHost, createConnection } from './connection.ts';
import { createSessionTimes } from './sessions.ts';
import { createServerStats } from './stats.ts';
import { createWatches } from './watches.ts';
import { answerWord, isWord, type WordContext } from './words.ts';

export interface ClientsOptions {
  config: ZooConfig;
  clock: Clock;
  log: Logger;
  /** The replica and its clients know each other; it is there before the first connection. */
  replica: () => Replica;
}

export interface Clients {
  /** What the admin commands answer from. */
  admin(): WordContext;
  listen(): Promise<void>;
  onApplied(applied: Applied): void;
  onServing(serving: boolean): void;
  onLeading(leading: boolean): void;
  onTouched(sessions: readonly bigint[]): void;
  onPulse(lateMs: number): void;
  onLeaderBeat(): void;
  close(): Promise<void>;
}

/** A connection has this long to say what it wants, milliseconds. */
const handshakeMs = 10_000;
/** A client that comes during an election waits this long, milliseconds, before it is sent elsewhere. */
const electionPatienceMs = 250;

export function createClients(options: ClientsOptions): Clients {
  const { config, clock, log } = options;
  const connections = new Set<Connection>();
  const bySession = new Map<bigint, Connection>();
  const perAddress = new Map<string, number>();
  const dirty = new Set<Connection>();
  const paused = new Set<Connection>();
  /** Commands of this server's clients on their way through the log, by the sequence of their origin. */
  const waiting = new Map<number, (applied: Applied) => void>();
  const times = createSessionTimes();
  const stats = createServerStats();
  const watches = createWatches<Connection>((connection, type, path) => connection.notify(type, path));
  // Tells this run's commands from those of an earlier run that are still in the log; never the same, whatever the seed.
  const run = randomInt(0x7fff_ffff);
  let sequence = 0;
  let inWork = 0;
  let nextSession = firstSessionId(config.id, clock.now());
  let nextContainerCheck = 0;
  let lastReport = 0;

  const flushAll = () => {
    const written = [...dirty];
    dirty.clear();
    for (const connection of written) connection.flush();
  };

  const host: ConnectionHost = {
    get state() {
      return options.replica().machine.state;
    },
    get lastZxid() {
      return options.replica().machine.lastZxid;
    },
    watches,
    options: {
      maxFrameBytes: config.maxFrameBytes,
      extendedTypes: config.extendedTypes,
      skipAcl: config.skipAcl,
      superDigest: config.superDigest,
      minSessionTimeout: config.minSessionTimeout,
      maxSessionTimeout: config.maxSessionTimeout,
    },
    now: () => options.replica().hostClock.now(),
    get serving() {
      return options.replica().serving;
    },
    get electing() {
      return options.replica().electing;
    },
    submit(command, done) {
      const replica = options.replica();
      if (!replica.serving) return false;
      sequence = (sequence + 1) & 0x7fff_ffff;
      waiting.set(sequence, done);
      if (replica.submit(encodeCommand({ server: config.id, run, sequence }, command))) return true;
      waiting.delete(sequence);
      return false;
    },
    newSession: () => ({ id: nextSession++, password: randomBytes(16) }),
    takeOver(sessionId, by) {
      const other = bySession.get(sessionId);
      if (other && other !== by) other.destroy();
    },
    established(connection) {
      bySession.set(connection.sessionId, connection);
    },
    dirty(connection) {
      if (dirty.size === 0) queueMicrotask(flushAll);
      dirty.add(connection);
    },
    inWork(connection, change) {
      inWork += change;
      if (change > 0) {
        if (inWork >= config.maxOutstanding && connection.outstanding > 0 && !paused.has(connection)) {
          paused.add(connection);
          connection.hold(true);
        }
      } else if (paused.size > 0 && inWork <= config.maxOutstanding / 2) {
        const waiters = [...paused];
        paused.clear();
        for (const other of waiters) other.hold(false);
      }
    },
    answered: (latencyMs) => stats.latency(latencyMs),
    onDefect: (error) =>
      log.error('a request failed unexpectedly', { error: error instanceof Error ? error.stack : error }),
    counters: stats.counters,
  };

  const accept = (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = perAddress.get(address) ?? 0;
    socket.on('error', () => {});
    if (config.maxClientConnections > 0 && count >= config.maxClientConnections) {
      log.warn('too many connections from one address', { address, most: config.maxClientConnections });
      socket.destroy();
      return;
    }
    if (config.maxConnections > 0 && connections.size >= config.maxConnections) {
      log.warn('too many connections', { most: config.maxConnections });
      socket.destroy();
      return;
    }
    perAddress.set(address, count + 1);
    socket.setNoDelay(true);
    const connection = createConnection(host, socket);
    connections.add(connection);
    listenForWord(socket, connection);
    socket.once('close', () => {
      connection.destroy();
      connections.delete(connection);
      paused.delete(connection);
      dirty.delete(connection);
      watches.removeAll(connection);
      if (bySession.get(connection.sessionId) === connection) bySession.delete(connection.sessionId);
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left > 0) perAddress.set(address, left);
      else perAddress.delete(address);
    });
  };

  const admin = (): WordContext => ({ config, replica: options.replica(), connections, watches, times, stats, clock });

  /** The first four bytes are a length or an admin command. */
  const listenForWord = (socket: Socket, connection: Connection) => {
    let head: Buffer = Buffer.alloc(0);
    const onFirst = (chunk: Buffer) => {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      if (head.length < 4) return;
      socket.removeListener('data', onFirst);
      const word = head.toString('latin1', 0, 4);
      if (isWord(word)) {
        socket.end(answerWord(word, admin()));
        return;
      }
      socket.on('data', (bytes) => connection.data(bytes));
      connection.data(head);
    };
    socket.on('data', onFirst);
  };

  const closeAll = () => {
    for (const connection of [...connections]) if (connection.started) connection.destroy();
    waiting.clear();
  };

  const timeoutOf = (id: bigint) => options.replica().machine.state.sessions.get(id)?.timeoutMs;

  const touch = (id: bigint, at: number) => {
    const timeout = timeoutOf(id);
    if (timeout !== undefined) times.touch(id, timeout, at);
  };

  /** Tells the leader, or notes as the leader, which clients were heard of since `since`. */
  const report = (since: number) => {
    const replica = options.replica();
    lastReport = host.now();
    const heard: bigint[] = [];
    for (const connection of connections)
      if (connection.established && connection.heardAt >= since) heard.push(connection.sessionId);
    if (heard.length === 0) return;
    if (replica.raft.role === 'leader') for (const id of heard) touch(id, host.now());
    else replica.touch(heard);
  };

  const checkContainers = (now: number) => {
    if (now < nextContainerCheck) return;
    nextContainerCheck = now + config.containerCheckInterval;
    const replica = options.replica();
    for (const path of replica.machine.expiredNodes(clock.now())) replica.propose({ kind: 'removeNode', path });
  };

  let server: Server | undefined;
  return {
    admin,
    async listen() {
      server = createServer(accept);
      const listening = server;
      await new Promise<void>((resolve, reject) => {
        listening.once('error', reject);
        listening.listen({ port: config.clientPort!, host: config.clientHost, backlog: 511 }, () => {
          listening.removeListener('error', reject);
          resolve();
        });
      });
      listening.on('error', (error) => log.error('the client port failed', { error }));
    },
    onApplied(applied) {
      for (const change of applied.changes) watches.trigger(change);
      const { origin, opened, attached, ended } = applied;
      const leads = options.replica().raft.role === 'leader';
      const started = opened ?? attached;
      if (started && leads) times.touch(started.id, started.timeoutMs, host.now());
      if (origin?.server === config.id && origin.run === run) {
        const done = waiting.get(origin.sequence);
        waiting.delete(origin.sequence);
        done?.(applied);
      }
      if (ended === undefined) return;
      times.end(ended);
      bySession.get(ended)?.end();
    },
    onServing(serving) {
      if (!serving) return closeAll();
      for (const connection of [...connections]) connection.served();
    },
    onLeading(leading) {
      const replica = options.replica();
      if (leading) {
        times.startAll(replica.machine.state.sessions.values(), host.now());
        nextContainerCheck = host.now() + config.containerCheckInterval;
      } else times.clear();
    },
    onTouched(sessions) {
      for (const id of sessions) touch(id, host.now());
    },
    onPulse(lateMs) {
      const replica = options.replica();
      const now = host.now();
      // Who was not heard of while this server could not listen is not held to have been silent.
      if (lateMs > 0) report(Number.NEGATIVE_INFINITY);
      else if (replica.raft.role === 'leader') report(lastReport);
      for (const connection of connections) {
        const limit = connection.established
          ? connection.timeoutMs * 1.5
          : connection.waiting
            ? electionPatienceMs
            : handshakeMs;
        if (now - connection.heardAt > limit) connection.destroy();
      }
      if (replica.raft.role !== 'leader' || !replica.serving) return;
      for (const id of times.takeExpired(now)) {
        const session = replica.machine.state.sessions.get(id);
        if (!session) continue;
        log.info('session expired', { session: `0x${id.toString(16)}` });
        replica.propose({ kind: 'expireSession', sessionId: id, attachments: session.attachments });
      }
      checkContainers(now);
    },
    onLeaderBeat: () => report(lastReport),
    async close() {
      for (const connection of [...connections]) connection.destroy();
      const open = server;
      if (open?.listening) await new Promise<void>((resolve) => open.close(() => resolve()));
    },
  };
}

/** Server id in the highest byte, then the time, as the real server makes them. */
function firstSessionId(server: number, now: number): bigint {
  const time = BigInt.asUintN(56, BigInt(Math.floor(now)) << 16n);
  // A standalone server without an id counts as server 1.
  return BigInt.asIntN(64, (BigInt(server || 1) << 56n) | time);
}
