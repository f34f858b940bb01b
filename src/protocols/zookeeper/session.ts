import type { Cancel } from '../../support/clock.ts';
import { createWatchdog, patientTimer } from '../../support/watchdog.ts';
import type { ClientState, Credentials, ZooKeeperClientOptions } from './client-types.ts';
import type { Server } from './connect-string.ts';
import { type ErrorName, errorCodes, specialXids } from './constants.ts';
import { ZooKeeperError } from './errors.ts';
import { JuteReader } from './jute.ts';
import { createLink } from './link.ts';
import {
  type Codec,
  type ConnectResponse,
  encodeRequest,
  type OperationName,
  operations,
  ReplyHeader,
  type ReplyOf,
  type RequestOf,
  type SetWatches2,
  WatchEvent,
} from './records.ts';

export interface SessionOptions extends ZooKeeperClientOptions {
  endpoints: readonly Server[];
  /** What a new connection of the same session must watch again. */
  watchesToSet(lastZxid: bigint): SetWatches2[];
  onWatchEvent(event: WatchEvent): void;
  /** The session and its watches are gone. */
  onExpired(): void;
}

export interface RequestOptions {
  /** For error messages. */
  path?: string;
  /** Runs as the reply is read, before any notification that follows it; `err` is an error code or 0. */
  onReply?: (err: number) => void;
}

/** Requests and notifications of one session after the other, whatever happens to the connections under it. */
export interface Session {
  readonly state: ClientState;
  readonly sessionId: bigint;
  readonly negotiatedTimeoutMs: number;
  readonly server: string | undefined;
  onState(listener: (state: ClientState) => void): Cancel;
  request<N extends OperationName>(op: N, request: RequestOf<N>, options?: RequestOptions): Promise<ReplyOf<N>>;
  addAuth(credentials: Credentials): Promise<void>;
  close(): Promise<void>;
}

interface Pending {
  op: OperationName;
  request: object;
  xid: number;
  path: string | undefined;
  onReply: ((err: number) => void) | undefined;
  resolve(reply: object): void;
  reject(error: Error): void;
}

interface Identity {
  credentials: Credentials;
  /** Set while a caller waits for the first answer. */
  settle: ((error?: Error) => void) | undefined;
}

const noPassword = Buffer.alloc(16);
/** How long `close` waits for the server to confirm. */
const closeMs = 1000;

export function createSession(options: SessionOptions): Session {
  const { clock, log, renew = true } = options;
  const listeners = new Set<(state: ClientState) => void>();
  const identities: Identity[] = (options.auth ?? []).map((credentials) => ({ credentials, settle: undefined }));
  let state: ClientState = 'connecting';
  let sessionId = 0n;
  let password = noPassword;
  let timeoutMs = options.sessionTimeoutMs;
  let lastZxid = 0n;
  let server: string | undefined;
  let xid = 0;
  /** Sent, in the order of their replies. */
  let sent: Pending[] = [];
  /** Identities whose answer is due, in order. */
  let authSent: Identity[] = [];
  let waiting: Pending[] = [];
  let lastHeard = 0;
  let lastSent = 0;
  let heard = () => {};
  let stopTimers: Cancel = () => {};
  let closing: Promise<void> | undefined;
  let onceClosed: (() => void) | undefined;

  const emit = (next: ClientState) => {
    state = next;
    for (const listener of [...listeners]) {
      try {
        listener(next);
      } catch (error) {
        log.error('a listener of the ZooKeeper session failed', { error: (error as Error).stack });
      }
    }
  };

  const send = (frame: Buffer) => {
    lastSent = clock.monotonic();
    link.send(frame);
  };

  const nextXid = () => {
    xid = xid === 0x7fffffff ? 1 : xid + 1;
    return xid;
  };

  const dispatch = (pending: Pending) => {
    pending.xid = nextXid();
    sent.push(pending);
    send(encodeRequest(pending.xid, pending.op, pending.request as never));
  };

  const fail = (list: Pending[], reason: ErrorName, detail?: string) => {
    for (const { reject, path } of list) reject(new ZooKeeperError(errorCodes[reason], path, detail));
  };

  // What happens when no server confirms the session in time: it is over by our own clock, said or not. Without a
  // session only those who wait for one are told.
  const armGiveUp = (ms: number) => {
    stopTimers();
    stopTimers = patientTimer(clock, Math.max(ms, 0), timeoutMs / 3, () => {
      if (sessionId !== 0n) {
        log.warn('the ZooKeeper session expired: no server was reached in time', { session: hex(sessionId) });
        return expire();
      }
      const late = waiting;
      waiting = [];
      fail(late, 'connectionLoss', `no server answered in ${options.sessionTimeoutMs} ms`);
      armGiveUp(options.sessionTimeoutMs);
    });
  };

  const expire = () => {
    link.drop();
    stopTimers();
    server = undefined;
    sessionId = 0n;
    password = noPassword;
    lastZxid = 0n;
    timeoutMs = options.sessionTimeoutMs;
    const lost = [...sent, ...waiting];
    sent = [];
    authSent = [];
    waiting = [];
    options.onExpired();
    state = 'expired';
    fail(lost, 'sessionExpired');
    emit('expired');
    // A listener may have closed us.
    if (closing || state !== 'expired') return;
    if (!renew) return finish();
    armGiveUp(timeoutMs);
    link.connect();
    emit('connecting');
  };

  const disconnected = (reason: string) => {
    stopTimers();
    link.drop();
    if (closing) return onceClosed?.();
    log.info('lost the connection to ZooKeeper', { server, reason });
    server = undefined;
    const lost = sent;
    sent = [];
    authSent = [];
    // Never less than what a read timeout leaves: after a pause of this process the last sign of life is old without
    // the session being so.
    armGiveUp(Math.max(lastHeard + timeoutMs - clock.monotonic(), timeoutMs / 3));
    link.connect();
    state = 'connecting';
    fail(lost, 'connectionLoss', reason);
    emit('connecting');
  };

  const startTimers = () => {
    const watchdog = createWatchdog(clock, (timeoutMs * 2) / 3, () =>
      disconnected(`nothing heard for ${Math.round((timeoutMs * 2) / 3)} ms`),
    );
    heard = () => {
      lastHeard = clock.monotonic();
      watchdog.heard();
    };
    let cancelPing: Cancel;
    const armPing = () => {
      const wait = lastSent + timeoutMs / 3 - clock.monotonic();
      cancelPing = clock.after(Math.max(wait, 1), () => {
        if (clock.monotonic() - lastSent >= timeoutMs / 3 - 1) send(encodeRequest(specialXids.ping, 'ping', {}));
        armPing();
      });
    };
    armPing();
    stopTimers = () => {
      watchdog.close();
      cancelPing();
    };
  };

  const sendAuth = (identity: Identity) => {
    const { scheme, credentials } = identity.credentials;
    authSent.push(identity);
    send(encodeRequest(specialXids.auth, 'auth', { type: 0, scheme, credentials: Buffer.from(credentials) }));
  };

  const onAnswer = (response: ConnectResponse, name: string) => {
    if (response.timeoutMs <= 0) {
      if (sessionId !== 0n) {
        log.warn('the ZooKeeper session expired', { session: hex(sessionId), server: name });
        return expire();
      }
      throw new Error('the server refused a new session');
    }
    stopTimers();
    const attached = sessionId === response.sessionId;
    sessionId = response.sessionId;
    password = Buffer.from(response.password);
    timeoutMs = response.timeoutMs;
    server = name;
    lastHeard = lastSent = clock.monotonic();
    startTimers();
    log.info(attached ? 'attached to the ZooKeeper session again' : 'began a ZooKeeper session', {
      server: name,
      session: hex(sessionId),
      timeoutMs,
    });
    for (const identity of identities) sendAuth(identity);
    for (const piece of options.watchesToSet(lastZxid)) {
      const persistent = piece.persistentWatches.length + piece.persistentRecursiveWatches.length > 0;
      // Servers before 3.6 know the first form only.
      send(encodeRequest(specialXids.setWatches, persistent ? 'setWatches2' : 'setWatches', piece));
    }
    const queue = waiting;
    waiting = [];
    for (const pending of queue) dispatch(pending);
    emit('connected');
  };

  const onFrame = (frame: Buffer) => {
    heard();
    const reader = new JuteReader(frame);
    const header = ReplyHeader.read(reader);
    switch (header.xid) {
      case specialXids.ping:
      case specialXids.setWatches:
        return;
      case specialXids.notification:
        return options.onWatchEvent(WatchEvent.read(reader));
      case specialXids.auth:
        return onAuthReply(header.err);
    }
    const pending = sent.shift();
    if (pending?.xid !== header.xid) {
      if (pending) sent.unshift(pending);
      throw new Error(`reply to request ${header.xid}, expected ${pending?.xid ?? 'none'}`);
    }
    if (header.zxid > 0n) lastZxid = header.zxid;
    if (header.err !== 0) {
      pending.onReply?.(header.err);
      pending.reject(new ZooKeeperError(header.err, pending.path));
      // Another server owns the session now: attach again.
      if (header.err === errorCodes.sessionMoved) throw new Error('the session moved to another server');
      return;
    }
    let reply: object;
    try {
      reply = (operations[pending.op].reply as Codec<object>).read(reader);
    } catch (error) {
      sent.unshift(pending);
      throw error;
    }
    pending.onReply?.(0);
    pending.resolve(reply);
  };

  const onAuthReply = (err: number) => {
    const identity = authSent.shift();
    if (!identity) return;
    const { settle } = identity;
    identity.settle = undefined;
    if (err === 0) return settle?.();
    // Said again it would be refused again, and the connection ended again.
    identities.splice(identities.indexOf(identity), 1);
    const error = new ZooKeeperError(err, undefined, `the scheme '${identity.credentials.scheme}'`);
    if (settle) settle(error);
    else log.error('ZooKeeper refused the credentials', { error });
  };

  const link = createLink({
    servers: options.endpoints,
    network: options.network,
    clock,
    random: options.random ?? Math.random,
    sessionTimeoutMs: () => timeoutMs,
    request: () => ({
      protocolVersion: 0,
      lastZxidSeen: lastZxid,
      timeoutMs: options.sessionTimeoutMs,
      sessionId,
      password,
      readOnly: false,
    }),
    onAnswer,
    onFrame,
    onClosed: disconnected,
    onFailure: (failed, reason) => log.debug('no connection to ZooKeeper', { server: failed, reason }),
  });

  const finish = () => {
    stopTimers();
    link.drop();
    server = undefined;
    const left = [...sent, ...waiting];
    sent = [];
    waiting = [];
    for (const { settle } of identities.splice(0)) settle?.(new ZooKeeperError(errorCodes.sessionExpired));
    options.onExpired();
    fail(left, 'sessionExpired', 'the client was closed');
    emit('closed');
    listeners.clear();
  };

  armGiveUp(timeoutMs);
  link.connect();

  return {
    get state() {
      return state;
    },
    get sessionId() {
      return sessionId;
    },
    get negotiatedTimeoutMs() {
      return timeoutMs;
    },
    get server() {
      return server;
    },
    onState(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    request<N extends OperationName>(op: N, request: RequestOf<N>, { path, onReply }: RequestOptions = {}) {
      return new Promise<ReplyOf<N>>((resolve, reject) => {
        if (closing || state === 'closed') {
          reject(new ZooKeeperError(errorCodes.sessionExpired, path, 'the client is closed'));
          return;
        }
        const pending: Pending = {
          op,
          request,
          xid: 0,
          path,
          onReply,
          resolve: resolve as (reply: object) => void,
          reject,
        };
        if (state === 'connected') dispatch(pending);
        else waiting.push(pending);
      });
    },
    addAuth(credentials) {
      return new Promise((resolve, reject) => {
        if (closing || state === 'closed') return reject(new ZooKeeperError(errorCodes.sessionExpired));
        const identity: Identity = { credentials, settle: (error) => (error ? reject(error) : resolve()) };
        identities.push(identity);
        if (state === 'connected') sendAuth(identity);
      });
    },
    close() {
      closing ??= (async () => {
        if (state === 'closed') return;
        if (state === 'connected')
          await new Promise<void>((resolve) => {
            const cancel = clock.after(Math.min(closeMs, timeoutMs / 3), resolve);
            onceClosed = () => {
              cancel();
              resolve();
            };
            dispatch({
              op: 'closeSession',
              request: {},
              xid: 0,
              path: undefined,
              onReply: undefined,
              resolve: onceClosed,
              reject: onceClosed,
            });
          });
        finish();
      })();
      return closing;
    },
  };
}

function hex(id: bigint): string {
  return `0x${BigInt.asUintN(64, id).toString(16)}`;
}
