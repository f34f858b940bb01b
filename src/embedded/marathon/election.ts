import type { ZooKeeperClient } from '../../protocols/zookeeper/client.ts';
import { createLatchObserver, createLeaderLatch } from '../../protocols/zookeeper/latch.ts';
import type { Acl } from '../../protocols/zookeeper/records.ts';
import type { Clock } from '../../support/clock.ts';
import type { Logger } from '../../support/logger.ts';
import type { Leadership, LeaderView } from './http/proxy.ts';

export interface ElectionOptions {
  client: ZooKeeperClient;
  /** Of the latch. */
  path: string;
  /** `host:port` of this instance. */
  id: string;
  acl: readonly Acl[];
  clock: Clock;
  log: Logger;
  /** false: this instance leads without being elected. */
  ha: boolean;
  onElected: () => void;
  /** After `onElected`; it is never called again then. */
  onDefeated: () => void;
}

/** Takes part in the election of the leading Marathon and tells who leads. */
export interface Election extends Leadership {
  /** `host:port` of the leader, as ZooKeeper has it. */
  readonly leader: string | undefined;
  /** This instance is elected and has loaded its state. */
  setServing(serving: boolean): void;
  onChange(listener: () => void): void;
  close(): Promise<void>;
}

export function joinElection(options: ElectionOptions): Election {
  const { client, path, id, acl, clock, log } = options;
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of [...listeners]) listener();
  };
  let elected = false;
  let serving = false;
  const setElected = (now: boolean) => {
    if (now === elected) return;
    elected = now;
    if (now) options.onElected();
    else options.onDefeated();
    changed();
  };

  const latch = options.ha ? createLeaderLatch({ client, path, id, acl, log }) : undefined;
  const observer = options.ha ? createLatchObserver({ client, path, clock, log }) : undefined;
  latch?.onChange(setElected);
  observer?.onChange(changed);
  if (!latch) queueMicrotask(() => setElected(true));

  const leader = () => (options.ha ? (elected ? id : observer?.leader) : id);
  return {
    get leader() {
      return leader();
    },
    view(): LeaderView {
      if (serving) return { kind: 'self' };
      const hostPort = leader();
      // The own id without being elected is the node of an earlier life, which is about to go.
      return hostPort === undefined || hostPort === id ? { kind: 'pending' } : { kind: 'other', hostPort };
    },
    changed: (timeoutMs) =>
      new Promise((resolve) => {
        const done = () => {
          cancel();
          listeners.delete(done);
          resolve();
        };
        const cancel = clock.after(timeoutMs, done);
        listeners.add(done);
      }),
    setServing(now) {
      serving = now;
      changed();
    },
    onChange: (listener) => void listeners.add(listener),
    async close() {
      serving = false;
      observer?.close();
      await latch?.close();
    },
  };
}
