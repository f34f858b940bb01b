/**
 * One client's connection: frames in, replies and watch events out, in the order of the requests. Writes go to the
 * replicated log as soon as they come; a read behind them waits until they are answered.
 */
import type { Socket } from 'node:net';
import { errorCodes, keeperStates, opCodes } from '../../../protocols/zookeeper/constants.ts';
import { createFrameSplitter, encodeFrame, FrameError } from '../../../protocols/zookeeper/framing.ts';
import { JuteError, JuteReader } from '../../../protocols/zookeeper/jute.ts';
import {
  ConnectRequest,
  ConnectResponse,
  encodeReply,
  encodeReplyHeader,
  encodeWatchEvent,
  operations,
  readRequest,
} from '../../../protocols/zookeeper/records.ts';
import { authenticate, type Identity } from '../state/acl.ts';
import type { Command } from '../state/commands.ts';
import type { Applied, Session, State } from '../state/machine.ts';
import { Refusal } from '../state/refusal.ts';
import { read } from './reads.ts';
import { encodeOutcome, opLabels } from './replies.ts';
import type { Watches } from './watches.ts';

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly state: State;
  readonly lastZxid: number;
  readonly watches: Watches<Connection>;
  readonly options: {
    maxFrameBytes: number;
    extendedTypes: boolean;
    skipAcl: boolean;
    superDigest: string | undefined;
    minSessionTimeout: number;
    maxSessionTimeout: number;
  };
  /** Running time, milliseconds. */
  now(): number;
  /** Whether the server has a leader and a current state. */
  readonly serving: boolean;
  /** Whether it may serve in a moment. */
  readonly electing: boolean;
  newSession(): { id: bigint; password: Buffer };
  /** Brings a command into the log; `done` is called when it is applied here. False when that is not possible. */
  submit(command: Command, done: (applied: Applied) => void): boolean;
  /** Another connection of this session on this server ends. */
  takeOver(sessionId: bigint, by: Connection): void;
  established(connection: Connection): void;
  /** `flush` is to be called at the end of this callback. */
  dirty(connection: Connection): void;
  /** A request came in or was answered. */
  inWork(connection: Connection, change: 1 | -1): void;
  answered(latencyMs: number): void;
  /** Something that should not happen did, over what a client sent. */
  onDefect(error: unknown): void;
  readonly counters: { received: number; sent: number };
}

export interface Connection {
  readonly socket: Socket;
  readonly remote: string;
  readonly remotePort: number;
  /** 0 until a session is established. */
  readonly sessionId: bigint;
  readonly timeoutMs: number;
  readonly established: boolean;
  /** Whether the client has asked for a session yet. */
  readonly started: boolean;
  /** Whether the client waits for the server to serve. */
  readonly waiting: boolean;
  readonly openedAt: number;
  readonly heardAt: number;
  readonly outstanding: number;
  readonly stats: { received: number; sent: number; lastOp: string; lastXid: number; lastZxid: number };
  data(chunk: Buffer): void;
  /** The server serves clients now. */
  served(): void;
  notify(type: number, path: string): void;
  /** Sends what was written since the last flush. */
  flush(): void;
  /** Whether the server wants no more requests of it for now. */
  hold(held: boolean): void;
  /** Ends it; what was written is still sent. */
  end(): void;
  destroy(): void;
}

interface Pending {
  xid: number;
  type: number;
  startedAt: number;
  /** A read that waits for the writes before it; undefined for a write in work. */
  frame: Buffer | undefined;
  /** The answer of a write, when it is there but something before it is not. */
  reply: Buffer | undefined;
  last: boolean;
}

/** Answers that the client hasn't taken: beyond this its next requests wait. */
const manyUnsentBytes = 4 << 20;
/** A client that doesn't read its watch events either: beyond this it is cut off. */
const maxUnsentBytes = 64 << 20;

export function createConnection(host: ConnectionHost, socket: Socket): Connection {
  const remote = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const remotePort = socket.remotePort ?? 0;
  const stats = { received: 0, sent: 0, lastOp: 'NA', lastXid: 0, lastZxid: 0 };
  const openedAt = host.now();
  let heardAt = openedAt;
  let phase: 'new' | 'connecting' | 'established' | 'closed' = 'new';
  let sessionId = 0n;
  let timeoutMs = 0;
  let identities: Identity[] = [{ scheme: 'ip', id: remote }];
  /** Requests not answered yet, in order. */
  let pending: Pending[] = [];
  /** The client's first frame, when it came during an election. */
  let waitingRequest: Buffer | undefined;
  /** Frames that came before the session was established. */
  let early: Buffer[] = [];
  let out: Buffer[] = [];
  let outBytes = 0;
  /** Frames that wait until the client takes its answers. */
  let deferred: Buffer[] = [];
  let congested = false;
  let held = false;

  const write = (bytes: Buffer) => {
    if (phase === 'closed') return;
    if (out.length === 0) host.dirty(connection);
    out.push(bytes);
    outBytes += bytes.length;
    if (!congested && outBytes + socket.writableLength > manyUnsentBytes) {
      congested = true;
      updateFlow();
    }
    stats.sent++;
    host.counters.sent++;
  };

  const flush = () => {
    if (out.length === 0) return;
    const bytes = out.length === 1 ? out[0]! : Buffer.concat(out);
    out = [];
    outBytes = 0;
    if (socket.destroyed) return;
    if (socket.writableLength > maxUnsentBytes) return connection.destroy();
    socket.write(bytes);
    if (congested && !socket.writableNeedDrain) onDrain();
  };

  const updateFlow = () => {
    if (held || congested || deferred.length > 0) socket.pause();
    else socket.resume();
  };

  const onDrain = () => {
    if (!congested) return;
    congested = false;
    // It took what was sent: it lives.
    heardAt = host.now();
    drain();
    const frames = deferred;
    deferred = [];
    guarded(() => {
      for (const frame of frames) onFrame(frame);
    });
    updateFlow();
  };
  socket.on('drain', onDrain);

  const end = () => {
    if (phase === 'closed') return;
    flush();
    phase = 'closed';
    socket.end();
    socket.destroySoon();
  };

  const finish = (item: Pending, reply: Buffer) => {
    write(reply);
    stats.lastXid = item.xid;
    stats.lastZxid = host.lastZxid;
    host.answered(host.now() - item.startedAt);
    host.inWork(connection, -1);
    if (item.last) end();
  };

  /** Answers what is at the head of the queue and can be answered now. */
  const drain = () => {
    for (let item = pending[0]; item && phase === 'established' && !congested; item = pending[0]) {
      if (item.frame) item.reply = answerRead(item, item.frame);
      if (!item.reply) return;
      pending.shift();
      finish(item, item.reply);
    }
  };

  const answerRead = (item: Pending, frame: Buffer): Buffer => {
    const zxid = () => BigInt(host.lastZxid);
    try {
      const request = readRequest(item.type, new JuteReader(frame, 8));
      const answer =
        request &&
        read(
          {
            state: host.state,
            watches: host.watches,
            connection,
            sessionId,
            identities,
            extendedTypes: host.options.extendedTypes,
            skipAcl: host.options.skipAcl,
          },
          request,
        );
      if (answer) return encodeReply(item.xid, zxid(), answer.op, answer.reply);
    } catch (error) {
      if (error instanceof Refusal) return encodeReplyHeader(item.xid, zxid(), error.code);
      if (error instanceof JuteError) return encodeReplyHeader(item.xid, zxid(), errorCodes.marshallingError);
      throw error;
    }
    item.last = true;
    return encodeReplyHeader(item.xid, -1n, errorCodes.unimplemented);
  };

  const submit = (item: Pending, command: Command, path?: string) => {
    const submitted = host.submit(command, (applied) => {
      if (phase !== 'established') return;
      const reply = encodeOutcome(item.xid, applied, path);
      if (!reply) return connection.destroy();
      item.reply = reply;
      drain();
    });
    if (submitted) pending.push(item);
    else connection.destroy();
  };

  const onRequest = (frame: Buffer) => {
    const header = new JuteReader(frame);
    const xid = header.int();
    const type = header.int();
    stats.received++;
    host.counters.received++;
    stats.lastOp = opLabels.get(type) ?? 'NA';
    if (type === opCodes.auth) return onAuth(xid, header);
    if (type === opCodes.sasl) return write(encodeReply(xid, 0n, 'sasl', { token: null }));
    host.inWork(connection, 1);
    const item: Pending = { xid, type, startedAt: host.now(), frame: undefined, reply: undefined, last: false };
    if (type === opCodes.sync) {
      const { path } = operations.sync.request.read(header);
      return submit(item, { kind: 'sync' }, path);
    }
    if (loggedOps.has(type)) {
      item.last = type === opCodes.closeSession;
      return submit(item, { kind: 'request', sessionId, type, identities, body: frame.subarray(8) });
    }
    if (pending.length > 0) {
      item.frame = Buffer.from(frame);
      pending.push(item);
      return;
    }
    const reply = answerRead(item, frame);
    finish(item, reply);
  };

  const onAuth = (xid: number, reader: JuteReader) => {
    const { scheme, credentials } = operations.auth.request.read(reader);
    const proved = authenticate(scheme, credentials ?? Buffer.alloc(0), host.options.superDigest);
    if (!proved) {
      write(encodeReplyHeader(xid, 0n, errorCodes.authFailed));
      return end();
    }
    const known = (identity: Identity) =>
      identities.some(({ scheme: s, id }) => s === identity.scheme && id === identity.id);
    identities = [...identities, ...proved.filter((identity) => !known(identity))];
    write(encodeReplyHeader(xid, 0n, errorCodes.ok));
  };

  const onConnectRequest = (frame: Buffer) => {
    const request = ConnectRequest.read(new JuteReader(frame));
    if (!host.serving) {
      // Elections take some ten milliseconds: less than a client takes to try again.
      if (!host.electing) return connection.destroy();
      phase = 'connecting';
      waitingRequest = Buffer.from(frame);
      return;
    }
    // It has seen a state that this server has not: another server may serve it.
    if (request.lastZxidSeen > BigInt(host.lastZxid)) return connection.destroy();
    const { minSessionTimeout, maxSessionTimeout } = host.options;
    const negotiated = Math.min(Math.max(request.timeoutMs, minSessionTimeout), maxSessionTimeout);
    phase = 'connecting';
    const respond = (session: Session | undefined) => {
      if (phase !== 'connecting') return;
      const response: ConnectResponse = {
        protocolVersion: 0,
        timeoutMs: session?.timeoutMs ?? 0,
        sessionId: session?.id ?? 0n,
        password: session?.password ?? Buffer.alloc(16),
        ...(request.readOnly === undefined ? {} : { readOnly: false }),
      };
      write(encodeFrame((w) => ConnectResponse.write(w, response)));
      if (!session) return end();
      phase = 'established';
      sessionId = session.id;
      timeoutMs = session.timeoutMs;
      host.established(connection);
      const frames = early;
      early = [];
      // This runs while the log is applied: what a client sent may end its connection, never the replica.
      guarded(() => {
        for (const waiting of frames) if (phase === 'established') onFrame(waiting);
      });
    };
    const settle = ({ outcome }: Applied) => respond(outcome.kind === 'session' ? outcome.session : undefined);
    let submitted: boolean;
    if (request.sessionId === 0n) {
      const { id, password } = host.newSession();
      submitted = host.submit({ kind: 'openSession', sessionId: id, timeoutMs: negotiated, password }, settle);
    } else {
      host.takeOver(request.sessionId, connection);
      const password = Buffer.from(request.password);
      submitted = host.submit(
        { kind: 'attachSession', sessionId: request.sessionId, timeoutMs: negotiated, password },
        settle,
      );
    }
    if (!submitted) connection.destroy();
  };

  const onFrame = (frame: Buffer) => {
    if (phase === 'closed') return;
    if (congested) deferred.push(Buffer.from(frame));
    else if (phase === 'new') onConnectRequest(frame);
    else if (phase === 'connecting') {
      // A client waits for the response; one that doesn't may not make the server hold more than this.
      if (early.length >= 100) return connection.destroy();
      early.push(Buffer.from(frame));
    } else onRequest(frame);
  };

  /** Ends the connection over bytes that are no request; a defect that they bring out costs nobody else's. */
  const guarded = (work: () => void) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof JuteError || error instanceof FrameError)) host.onDefect(error);
      connection.destroy();
    }
  };

  const split = createFrameSplitter(onFrame, host.options.maxFrameBytes);

  const connection: Connection = {
    socket,
    remote,
    remotePort,
    stats,
    openedAt,
    get sessionId() {
      return sessionId;
    },
    get timeoutMs() {
      return timeoutMs;
    },
    get established() {
      return phase === 'established';
    },
    get started() {
      return phase !== 'new';
    },
    get waiting() {
      return waitingRequest !== undefined;
    },
    get heardAt() {
      // Whom this server doesn't let speak isn't silent.
      return held ? host.now() : heardAt;
    },
    get outstanding() {
      return pending.length;
    },
    data(chunk) {
      heardAt = host.now();
      guarded(() => split(chunk));
    },
    served() {
      const frame = waitingRequest;
      if (!frame || phase !== 'connecting') return;
      waitingRequest = undefined;
      guarded(() => onConnectRequest(frame));
    },
    notify(type, path) {
      if (phase === 'established') write(encodeWatchEvent({ type, state: keeperStates.syncConnected, path }));
    },
    flush,
    hold(on) {
      held = on;
      updateFlow();
    },
    end,
    destroy() {
      phase = 'closed';
      socket.destroy();
      for (const _ of pending) host.inWork(connection, -1);
      pending = [];
      early = [];
      deferred = [];
      out = [];
    },
  };
  return connection;
}

/** Requests that go through the log. */
const loggedOps: ReadonlySet<number> = new Set([
  opCodes.create,
  opCodes.create2,
  opCodes.createContainer,
  opCodes.createTTL,
  opCodes.delete,
  opCodes.deleteContainer,
  opCodes.setData,
  opCodes.setACL,
  opCodes.check,
  opCodes.multi,
  opCodes.reconfig,
  opCodes.closeSession,
]);
