import type { Cancel } from '../../support/clock.ts';
import type { Logger } from '../../support/logger.ts';
import type { ZooKeeperClient } from './client.ts';
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
export declare function createLeaderLatch(options: LeaderLatchOptions): LeaderLatch;

/** Follows who leads a latch, without taking part. */
export interface LatchObserver {
  /** The first participant's id; undefined while there is none, or while the connection is lost. */
  readonly leader: string | undefined;
  onChange(listener: (leader: string | undefined) => void): Cancel;
  close(): void;
}

export declare function createLatchObserver(options: Omit<LeaderLatchOptions, 'id' | 'acl'>): LatchObserver;
