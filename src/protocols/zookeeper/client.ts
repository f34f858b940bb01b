import {
  type CreateOptions,
  openAcl,
  type Watcher,
  type ZooKeeperClient,
  type ZooKeeperClientOptions,
} from './client-types.ts';
import { isPath, parseConnectString } from './connect-string.ts';
import { addWatchModes, anyVersion, createFlags, errorCodes, watcherTypes } from './constants.ts';
import { isZooKeeperError, ZooKeeperError } from './errors.ts';
import type { MultiOp, MultiResult, WatchEvent } from './records.ts';
import { createSession } from './session.ts';
import { createWatchRegistry, type WatchKind } from './watches.ts';

export * from './client-types.ts';

/** A multi that was not carried out. `failed` is the index of the operation at fault, `code` and `reason` its error. */
export class MultiError extends ZooKeeperError {
  readonly failed: number;
  readonly results: readonly MultiResult[];

  constructor(failed: number, results: readonly MultiResult[], ops: readonly MultiOp[]) {
    const result = results[failed];
    super(
      result?.op === 'error' ? result.err : errorCodes.systemError,
      ops[failed]?.path,
      `operation ${failed} of a multi`,
    );
    this.failed = failed;
    this.results = results;
  }
}

/**
 * Starts a session; it connects in the background, to servers in random order, and again whenever the connection is
 * lost: the session lives on if a server confirms it within the session timeout, else it has expired, by this client's
 * own clock if need be. Silence of two thirds of the timeout counts as a lost connection.
 * @throws RangeError for a malformed connect string
 */
export function createZooKeeperClient(options: ZooKeeperClientOptions): ZooKeeperClient {
  const { servers, chroot } = parseConnectString(options.servers);
  const watches = createWatchRegistry();
  const session = createSession({
    ...options,
    endpoints: servers,
    watchesToSet: (lastZxid) => watches.toSet(lastZxid),
    onWatchEvent: notify,
    onExpired: () => watches.clear(),
  });

  function notify(event: WatchEvent): void {
    const taken = watches.take(event);
    if (!taken) return;
    const seen = { type: taken.event.type, path: relative(taken.event.path) };
    for (const watcher of taken.watchers) {
      try {
        watcher(seen);
      } catch (error) {
        options.log.error('a ZooKeeper watcher failed', { path: seen.path, error: (error as Error).stack });
      }
    }
  }

  function absolute(path: string): string {
    // The server would judge chroot and path together.
    if (!path.startsWith('/')) throw new ZooKeeperError(errorCodes.badArguments, path, 'the path is not absolute');
    if (!chroot) return path;
    return path === '/' ? chroot : chroot + path;
  }

  function relative(path: string): string {
    if (!chroot || !path.startsWith(chroot)) return path;
    return path.length === chroot.length ? '/' : path.slice(chroot.length);
  }

  /** Registers a one-shot watch once the server has it; `kindOf` says where, by the reply's error. */
  function watching(path: string, watcher: Watcher | undefined, kindOf: (err: number) => WatchKind | undefined) {
    if (!watcher) return { path };
    return {
      path,
      onReply(err: number) {
        const kind = kindOf(err);
        if (kind) watches.add(kind, absolute(path), watcher);
      },
    };
  }

  const onSuccess = (kind: WatchKind) => (err: number) => (err === 0 ? kind : undefined);

  function createRequest(
    path: string,
    data: string | Buffer | null,
    { mode = 'persistent', acl = openAcl }: CreateOptions,
  ) {
    // A sequential node without a name of its own: its number alone is the name.
    const nameless = path === '/' && mode.includes('equential');
    return {
      path: nameless ? `${chroot}/` : absolute(path),
      data: toBuffer(data),
      acl: [...acl],
      flags: createFlags[mode],
    };
  }

  const client: ZooKeeperClient = {
    get state() {
      return session.state;
    },
    get sessionId() {
      return session.sessionId;
    },
    get negotiatedTimeoutMs() {
      return session.negotiatedTimeoutMs;
    },
    get server() {
      return session.server;
    },
    onState: session.onState,

    connected(signal) {
      if (session.state === 'connected') return Promise.resolve();
      return new Promise((resolve, reject) => {
        const done = (settle: () => void) => {
          cancel();
          signal?.removeEventListener('abort', onAbort);
          settle();
        };
        const closed = () => new ZooKeeperError(errorCodes.sessionExpired, undefined, 'the client is closed');
        const cancel = session.onState((state) => {
          if (state === 'connected') done(resolve);
          else if (state === 'closed') done(() => reject(closed()));
        });
        const onAbort = () => done(() => reject(signal?.reason));
        if (session.state === 'closed') done(() => reject(closed()));
        else if (signal?.aborted) onAbort();
        else signal?.addEventListener('abort', onAbort, { once: true });
      });
    },

    async create(path, data = null, create = {}) {
      const request = createRequest(path, data, create);
      if (create.mode === 'container') return (await client.create2(path, data, create)).path;
      if (create.ttlMs !== undefined) return (await client.create2(path, data, create)).path;
      return relative((await session.request('create', request, { path })).path);
    },

    async create2(path, data = null, create = {}) {
      const request = createRequest(path, data, create);
      const reply =
        create.mode === 'container'
          ? await session.request('createContainer', request, { path })
          : create.ttlMs !== undefined
            ? await session.request('createTTL', { ...request, ttl: create.ttlMs }, { path })
            : await session.request('create2', request, { path });
      return { path: relative(reply.path), stat: reply.stat };
    },

    async ensurePath(path, acl = openAcl) {
      if (!isPath(path)) throw new ZooKeeperError(errorCodes.badArguments, path, 'malformed path');
      for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
        const part = end < 0 ? path : path.slice(0, end);
        if (part === '/') return;
        try {
          await client.create(part, Buffer.alloc(0), { acl });
        } catch (error) {
          // Who may not create it may still find it there.
          const there =
            isZooKeeperError(error, 'nodeExists') || (isZooKeeperError(error, 'noAuth') && (await client.exists(part)));
          if (!there) throw error;
        }
        if (end < 0) return;
      }
    },

    async delete(path, { version = anyVersion } = {}) {
      await session.request('delete', { path: absolute(path), version }, { path });
    },

    async exists(path, { watch } = {}) {
      const request = { path: absolute(path), watch: watch !== undefined };
      const kindOf = (err: number) => (err === 0 ? 'data' : err === errorCodes.noNode ? 'exist' : undefined);
      try {
        return (await session.request('exists', request, watching(path, watch, kindOf))).stat;
      } catch (error) {
        if (isZooKeeperError(error, 'noNode')) return undefined;
        throw error;
      }
    },

    async getData(path, { watch } = {}) {
      const request = { path: absolute(path), watch: watch !== undefined };
      return session.request('getData', request, watching(path, watch, onSuccess('data')));
    },

    async setData(path, data, { version = anyVersion } = {}) {
      const request = { path: absolute(path), data: toBuffer(data), version };
      return (await session.request('setData', request, { path })).stat;
    },

    async getChildren(path, { watch } = {}) {
      const request = { path: absolute(path), watch: watch !== undefined };
      return (await session.request('getChildren', request, watching(path, watch, onSuccess('child')))).children;
    },

    async getChildren2(path, { watch } = {}) {
      const request = { path: absolute(path), watch: watch !== undefined };
      return session.request('getChildren2', request, watching(path, watch, onSuccess('child')));
    },

    getACL: async (path) => session.request('getACL', { path: absolute(path) }, { path }),

    async setACL(path, acl, { version = anyVersion } = {}) {
      return (await session.request('setACL', { path: absolute(path), acl: [...acl], version }, { path })).stat;
    },

    async sync(path) {
      await session.request('sync', { path: absolute(path) }, { path });
    },

    async multi(ops) {
      const absoluteOps = ops.map((op) => ({ ...op, path: absolute(op.path) }));
      const { results } = await session.request('multi', { ops: absoluteOps });
      const failed = results.findIndex(
        (result) => result.op === 'error' && result.err !== 0 && result.err !== errorCodes.runtimeInconsistency,
      );
      if (failed >= 0 || results.some((result) => result.op === 'error'))
        throw new MultiError(Math.max(failed, 0), results, ops);
      return results.map((result) => ('path' in result ? { ...result, path: relative(result.path) } : result));
    },

    async multiRead(ops) {
      const absoluteOps = ops.map((op) => ({ op: op.op, path: absolute(op.path), watch: false }));
      return (await session.request('multiRead', { ops: absoluteOps })).results;
    },

    addAuth: session.addAuth,

    async addWatch(path, watcher, { recursive = false } = {}) {
      const kind: WatchKind = recursive ? 'recursive' : 'persistent';
      const server = absolute(path);
      const mode = recursive ? addWatchModes.persistentRecursive : addWatchModes.persistent;
      await session.request('addWatch', { path: server, mode }, watching(path, watcher, onSuccess(kind)));
      return () => {
        // The server removes every watch of the path, so it may be told only when nobody else here has one.
        const unwatched = watches.remove(kind, server, watcher) && !watches.has(server);
        if (!unwatched || session.state !== 'connected') return;
        session.request('removeWatches', { path: server, type: watcherTypes.any }, { path }).catch(() => {});
      };
    },

    async getEphemerals(prefix = '/') {
      const { ephemerals } = await session.request('getEphemerals', { prefixPath: absolute(prefix) }, { path: prefix });
      return ephemerals.map(relative);
    },

    async getAllChildrenNumber(path) {
      return (await session.request('getAllChildrenNumber', { path: absolute(path) }, { path })).totalNumber;
    },

    async whoAmI() {
      return (await session.request('whoAmI', {})).clientInfo;
    },

    close: session.close,
  };
  return client;
}

function toBuffer(data: string | Buffer | null): Buffer | null {
  return typeof data === 'string' ? Buffer.from(data) : data;
}
