import type { Cancel } from '../../support/clock.ts';
import { coalesce } from '../../support/coalesce.ts';
import type { Logger } from '../../support/logger.ts';
import { sequenceOf } from './children.ts';
import { openAcl, type ZooKeeperClient } from './client-types.ts';
import { isZooKeeperError } from './errors.ts';
import type { Acl } from './records.ts';

export interface ContenderOptions {
  /** Not owned: closed by whoever made it. */
  client: ZooKeeperClient;
  /** The group, e.g. `/mesos`; created with its parents, one by one. */
  path: string;
  /** The node's name without `_NNNNNNNNNN`: `json.info` for masters. Empty: the number alone, as `log_replicas` has it. */
  label: string;
  data: string | Buffer;
  /** Default `openAcl`. */
  acl?: readonly Acl[];
  log: Logger;
}

export interface Membership {
  /** `json.info_0000000003`. */
  name: string;
  sequence: number;
}

/** Keeps one ephemeral sequential node in a group: made again with every new session, or when somebody deletes it. */
export interface Contender {
  /** Undefined until the node exists, and after it was lost until the next one exists. */
  readonly membership: Membership | undefined;
  /** Resolves with the first membership; never if closed before. */
  readonly joined: Promise<Membership>;
  /** Called with the new membership, and with undefined when it is lost (session expired, node deleted). */
  onChange(listener: (membership: Membership | undefined) => void): Cancel;
  /** Deletes the node if it can be reached. */
  close(): Promise<void>;
}

/** Joins a group as the Mesos master contender does. Source: src/zookeeper/group.cpp and src/master/contender of Mesos. */
export function createContender(options: ContenderOptions): Contender {
  const { client, path, label, log, acl = openAcl } = options;
  const data = Buffer.from(options.data as string);
  const prefix = label === '' ? '' : `${label}_`;
  const listeners = new Set<(membership: Membership | undefined) => void>();
  let membership: Membership | undefined;
  /** A create whose answer was lost may have made a node in this session. */
  let maybeJoined = false;
  let closed = false;
  let resolveJoined: (membership: Membership) => void;
  const joined = new Promise<Membership>((resolve) => {
    resolveJoined = resolve;
  });

  const child = (name: string) => (path === '/' ? `/${name}` : `${path}/${name}`);

  const set = (next: Membership | undefined) => {
    if (closed || next?.name === membership?.name) return;
    membership = next;
    if (next) resolveJoined(next);
    for (const listener of [...listeners]) listener(next);
  };

  /** The node that a create with a lost answer made, if it did. */
  const findMine = async (): Promise<string | undefined> => {
    for (const name of await client.getChildren(path)) {
      if (!name.startsWith(prefix) || sequenceOf(name, '_') === undefined) continue;
      if ((await client.exists(child(name)))?.ephemeralOwner === client.sessionId) {
        const found = await client.getData(child(name));
        if (found.data?.equals(data)) return child(name);
      }
    }
    return undefined;
  };

  const create = () => client.create(child(prefix), data, { mode: 'ephemeralSequential', acl });

  const join = async (): Promise<string> => {
    if (maybeJoined) {
      const mine = await findMine();
      maybeJoined = false;
      if (mine) return mine;
    }
    try {
      return await create();
    } catch (error) {
      if (!isZooKeeperError(error, 'noNode')) throw error;
    }
    await client.ensurePath(path, acl);
    return create();
  };

  const run = coalesce(async () => {
    if (closed || client.state !== 'connected') return;
    try {
      if (!membership) {
        const node = await join();
        const name = node.slice(node.lastIndexOf('/') + 1);
        // The session may have expired, and its news been handled, between the reply and here.
        if (client.state === 'connected') set({ name, sequence: sequenceOf(name, '_') ?? 0 });
        if (closed) return await client.delete(node);
      }
      if (membership && !(await client.exists(child(membership.name), { watch: update }))) {
        log.warn('the membership of a group was deleted', { path, name: membership?.name });
        set(undefined);
        update();
      }
    } catch (error) {
      if (isZooKeeperError(error, 'connectionLoss')) maybeJoined = !membership;
      else if (!isZooKeeperError(error, 'sessionExpired'))
        log.error('could not join a group', { path, error, node: membership?.name });
    }
  });

  function update(): void {
    if (!closed) void run();
  }

  const cancelState = client.onState((state) => {
    if (state === 'connected') update();
    else if (state === 'expired' || state === 'closed') {
      maybeJoined = false;
      set(undefined);
    }
  });
  update();

  return {
    get membership() {
      return membership;
    },
    joined,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      if (closed) return;
      closed = true;
      cancelState();
      listeners.clear();
      const mine = membership;
      membership = undefined;
      if (client.state !== 'connected') return;
      await run();
      if (mine) await client.delete(child(mine.name)).catch(() => {});
    },
  };
}
