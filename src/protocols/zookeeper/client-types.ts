import type { Cancel, Clock } from '../../support/clock.ts';
import type { Logger } from '../../support/logger.ts';
import type { Network } from '../../support/network.ts';
import type { CreateMode } from './constants.ts';
import type { Acl, ClientInfo, MultiOp, MultiReadOp, MultiResult, Stat } from './records.ts';

export interface ZooKeeperClientOptions {
  /** `host:port,host:port/chroot`; the port defaults to 2181. Every path is relative to the chroot. */
  servers: string;
  /** Session timeout asked for in milliseconds; the server may grant another (`negotiatedTimeoutMs`). */
  sessionTimeoutMs: number;
  network: Network;
  clock: Clock;
  log: Logger;
  /** Decides the order of the servers. Default Math.random. */
  random?: () => number;
  /** Sent at every connect before anything else, like `addAuth`. */
  auth?: readonly Credentials[];
  /** false: an expired session ends the client for good. Default true: a new session is begun at once. */
  renew?: boolean;
}

export interface Credentials {
  scheme: string;
  /** For the scheme digest: `user:password`. */
  credentials: string | Buffer;
}

/**
 * - connecting: no connection; the session (if there was one) may live on. Curator calls it SUSPENDED.
 * - connected: a server has confirmed the session.
 * - expired: the session is gone, said by a server or by this client's own clock; its ephemeral nodes and all watches
 *   are lost. With `renew` the state goes on to connecting at once. Curator calls it LOST.
 * - closed: by `close`, or expired without `renew`; for good.
 */
export type ClientState = 'connecting' | 'connected' | 'expired' | 'closed';

export type WatchEventType = 'created' | 'deleted' | 'dataChanged' | 'childrenChanged';

export interface Watched {
  type: WatchEventType;
  /** Relative to the chroot. */
  path: string;
}

/** Called once (`addWatch`: every time). Lost without a call when the session expires or the client closes. */
export type Watcher = (event: Watched) => void;

export interface CreateOptions {
  /** Default persistent. */
  mode?: CreateMode;
  /** Default `openAcl`. */
  acl?: readonly Acl[];
  /** Milliseconds, for the TTL modes. */
  ttlMs?: number;
}

export interface WatchOptions {
  watch?: Watcher;
}

/** For operations that name a version; without it any version will do. */
export interface VersionOptions {
  version?: number;
}

/**
 * A ZooKeeper session. Requests are pipelined and answered in order; made while connecting they wait for the
 * connection. Every operation rejects with a ZooKeeperError:
 * - `connectionLoss`: the connection broke after the request was sent, so nobody knows whether it was done; or none
 *   was made within the session timeout;
 * - `sessionExpired`: the session ended before it was done (a waiting request is never carried into a new session);
 *   also everything after `close`;
 * - what the server answered: `noNode`, `nodeExists`, `badVersion`, …
 */
export interface ZooKeeperClient {
  readonly state: ClientState;
  /** 0 before the first connection. */
  readonly sessionId: bigint;
  /** The timeout the server granted; what was asked for before that. */
  readonly negotiatedTimeoutMs: number;
  /** The `host:port` it is connected to, undefined while it isn't. */
  readonly server: string | undefined;

  /** Every change of state; not called for the state at the time of the call. */
  onState(listener: (state: ClientState) => void): Cancel;
  /** Resolves once the state is connected, at once if it is. Rejects when the client is closed or `signal` aborts. */
  connected(signal?: AbortSignal): Promise<void>;

  /** @returns the node's path, which sequential modes make longer */
  create(path: string, data?: string | Buffer | null, options?: CreateOptions): Promise<string>;
  create2(path: string, data?: string | Buffer | null, options?: CreateOptions): Promise<{ path: string; stat: Stat }>;
  /** Creates the node and its missing parents, one by one, persistent and empty; existing ones are fine. */
  ensurePath(path: string, acl?: readonly Acl[]): Promise<void>;
  delete(path: string, options?: VersionOptions): Promise<void>;
  /** undefined when there is no such node; the watch is set all the same. */
  exists(path: string, options?: WatchOptions): Promise<Stat | undefined>;
  getData(path: string, options?: WatchOptions): Promise<{ data: Buffer | null; stat: Stat }>;
  setData(path: string, data: string | Buffer | null, options?: VersionOptions): Promise<Stat>;
  /** Names of the children, in no order. */
  getChildren(path: string, options?: WatchOptions): Promise<string[]>;
  getChildren2(path: string, options?: WatchOptions): Promise<{ children: string[]; stat: Stat }>;
  getACL(path: string): Promise<{ acl: Acl[]; stat: Stat }>;
  setACL(path: string, acl: readonly Acl[], options?: VersionOptions): Promise<Stat>;
  /** Resolves when this client's server has caught up with every write done before the call. */
  sync(path: string): Promise<void>;
  /** All or nothing. @throws MultiError, which says what failed */
  multi(ops: readonly MultiOp[]): Promise<MultiResult[]>;
  /** Each read on its own; failed ones are results with `op: 'error'`. */
  multiRead(ops: readonly Omit<MultiReadOp, 'watch'>[]): Promise<MultiResult[]>;
  /** Identifies the session; sent again at every connect. Rejects with authFailed for a scheme the server lacks. */
  addAuth(credentials: Credentials): Promise<void>;
  /** Watches until cancelled, across reconnects; recursive: the node and everything below, but not `childrenChanged`. */
  addWatch(path: string, watcher: Watcher, options?: { recursive?: boolean }): Promise<Cancel>;
  getEphemerals(prefix?: string): Promise<string[]>;
  getAllChildrenNumber(path: string): Promise<number>;
  whoAmI(): Promise<ClientInfo[]>;

  /** Ends the session on the server (ephemeral nodes go at once) if it can be reached, and frees everything. */
  close(): Promise<void>;
}

/** Everybody may do everything. */
export const openAcl: readonly Acl[] = [{ perms: 31, scheme: 'world', id: 'anyone' }];
/** Everybody may read, the session's identities may do everything; what Mesos sets when it has credentials. */
export const readableAcl: readonly Acl[] = [
  { perms: 1, scheme: 'world', id: 'anyone' },
  { perms: 31, scheme: 'auth', id: '' },
];
/** The session's identities only; what Marathon sets when it has credentials. */
export const creatorAcl: readonly Acl[] = [{ perms: 31, scheme: 'auth', id: '' }];
