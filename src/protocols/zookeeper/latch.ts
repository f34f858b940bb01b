import { randomUUID } from 'node:crypto';
import type { Cancel, Clock } from '../../support/clock.ts';
import { coalesce } from '../../support/coalesce.ts';
import type { Logger } from '../../support/logger.ts';
import { bySequence, followChildren } from './children.ts';
import { openAcl, type ZooKeeperClient } from './client-types.ts';
import { isZooKeeperError } from './errors.ts';
import type { Acl } from './records.ts';

export interface LeaderLatchOptions {
  /** Not owned: closed by whoever made it. */
  client: ZooKeeperClient;
  /** e.g. `/marathon/leader-curator`; created with its parents. */
  path: string;
  /** The participant's id, the node's data: `host:port` for Marathon. */
  id: string;
  /** Default `openAcl`. */
  acl?: readonly Acl[];
  log: Logger;
}

export interface Participant {
  id: string;
  isLeader: boolean;
}

/** A place in the queue for leadership, like Curator's LeaderLatch, and compatible with it on the same path. */
export interface LeaderLatch {
  /** True exactly while this participant's node is the first one and the connection stands. */
  readonly hasLeadership: boolean;
  /** Called at each change. A lost connection counts as lost leadership at once. */
  onChange(listener: (hasLeadership: boolean) => void): Cancel;
  /** All participants in the order of the queue. */
  participants(): Promise<Participant[]>;
  /** Leaves the queue: deletes the node if it can be reached. */
  close(): Promise<void>;
}

/** Joins the queue at once; with a new session it joins anew. */
export function createLeaderLatch({ client, path, id, acl = openAcl, log }: LeaderLatchOptions): LeaderLatch {
  const listeners = new Set<(hasLeadership: boolean) => void>();
  let hasLeadership = false;
  /** This participant's node. */
  let node: string | undefined;
  /** Names the node before its number is known, so that it is found again when the answer of its create was lost. */
  let mark: string | undefined;
  let closed = false;

  const child = (name: string) => (path === '/' ? `/${name}` : `${path}/${name}`);

  const lead = (next: boolean) => {
    if (next === hasLeadership) return;
    hasLeadership = next;
    for (const listener of [...listeners]) listener(next);
  };

  const create = () => client.create(child(`${mark}latch-`), id, { mode: 'ephemeralSequential', acl });

  const join = async (): Promise<string> => {
    if (mark !== undefined) {
      const mine = (await queue()).find((name) => name.startsWith(mark!));
      if (mine) return child(mine);
    }
    mark = `_c_${randomUUID()}-`;
    try {
      return await create();
    } catch (error) {
      if (!isZooKeeperError(error, 'noNode')) throw error;
    }
    await client.ensurePath(path, acl);
    return create();
  };

  const queue = async (): Promise<string[]> => {
    try {
      return bySequence(await client.getChildren(path), '-');
    } catch (error) {
      if (isZooKeeperError(error, 'noNode')) return [];
      throw error;
    }
  };

  const check = async (): Promise<'done' | 'again'> => {
    if (!node) {
      const created = await join();
      // With the session its node went, even if the create's answer came.
      if (mark === undefined || client.state !== 'connected') return 'done';
      mark = undefined;
      node = created;
      if (closed) return 'done';
    }
    const mine = node.slice(node.lastIndexOf('/') + 1);
    const names = await queue();
    const place = names.indexOf(mine);
    if (client.state !== 'connected' || closed) return 'done';
    if (place < 0) {
      log.warn('the node of a leader latch is gone; joining again', { path, node: mine });
      lead(false);
      node = undefined;
      return 'again';
    }
    if (place === 0) {
      lead(true);
      // Nobody but this participant deletes its node, save somebody who wants to end its leadership.
      return (await client.exists(node, { watch: update })) ? 'done' : 'again';
    }
    lead(false);
    try {
      // Curator watches through getData: a watch by exists would stay on a node that is gone.
      await client.getData(child(names[place - 1]!), { watch: update });
      return 'done';
    } catch (error) {
      if (isZooKeeperError(error, 'noNode')) return 'again';
      throw error;
    }
  };

  const run = coalesce(async () => {
    try {
      while (!closed && client.state === 'connected' && (await check()) === 'again');
    } catch (error) {
      if (!isZooKeeperError(error, 'connectionLoss', 'sessionExpired'))
        log.error('could not take part in a leader latch', { path, error });
    }
  });

  function update(): void {
    if (!closed) void run();
  }

  const cancelState = client.onState((state) => {
    if (state === 'connected') return update();
    if (state !== 'connecting') {
      node = undefined;
      mark = undefined;
    }
    lead(false);
  });
  update();

  return {
    get hasLeadership() {
      return hasLeadership;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async participants() {
      const names = await queue();
      const ids = await Promise.all(
        names.map((name) =>
          client.getData(child(name)).then(
            ({ data }) => data?.toString() ?? '',
            (error: unknown) => {
              if (isZooKeeperError(error, 'noNode')) return undefined;
              throw error;
            },
          ),
        ),
      );
      return ids
        .filter((participant) => participant !== undefined)
        .map((participant, i) => ({ id: participant, isLeader: i === 0 }));
    },
    async close() {
      if (closed) return;
      closed = true;
      cancelState();
      lead(false);
      listeners.clear();
      if (client.state !== 'connected') return;
      await run();
      if (node) await client.delete(node).catch(() => {});
    },
  };
}

/** Follows who leads a latch, without taking part. */
export interface LatchObserver {
  /** The first participant's id; undefined while there is none, or while the connection is lost. */
  readonly leader: string | undefined;
  onChange(listener: (leader: string | undefined) => void): Cancel;
  close(): void;
}

export function createLatchObserver({
  client,
  path,
  clock,
  log,
}: Omit<LeaderLatchOptions, 'id' | 'acl'> & { clock: Clock }): LatchObserver {
  const listeners = new Set<(leader: string | undefined) => void>();
  let leader: string | undefined;
  const follower = followChildren({
    client,
    clock,
    log,
    path,
    select: (names) => bySequence(names, '-').slice(0, 1),
    forgetOnDisconnect: true,
    onChange([first]) {
      leader = first?.data?.toString();
      for (const listener of [...listeners]) listener(leader);
    },
  });
  return {
    get leader() {
      return leader;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      listeners.clear();
      follower.close();
    },
  };
}
