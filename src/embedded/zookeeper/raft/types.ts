/** What the consensus core is given and gives; see `core.ts`. */
import type { RaftLog } from './log.ts';
import type { Entry, Envelope, RaftMessage } from './messages.ts';

export interface RaftOptions {
  id: number;
  /** Ids of all servers, this one included. */
  voters: readonly number[];
  log: RaftLog;
  term: number;
  votedFor: number | undefined;
  /** Index up to which the log is known to be committed: that of the snapshot it starts from. */
  commit: number;
  heartbeatMs: number;
  /** A leader not heard of for this long (up to a fifth longer, by chance) is replaced. */
  electionMs: number;
  /** Range of the first election timeout where no leader is possible; doubled with each attempt. */
  quickElectionMs: readonly [number, number];
  random: () => number;
}

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

/** What must be on disk, in one piece, before `afterSave` is sent and `saved` is called. */
export interface Save {
  state: { term: number; votedFor: number | undefined } | undefined;
  /** Replaces the whole log. */
  snapshot: { index: number; lastTerm: number; data: Buffer } | undefined;
  /** They replace what the log has from `from` on. */
  entries: { from: number; list: Entry[] } | undefined;
  lastIndex: number;
  lastTerm: number;
  term: number;
}

export interface RaftOutput {
  save: Save | undefined;
  send: Envelope[];
  afterSave: Envelope[];
  /** Followers that need a snapshot: see `provideSnapshot`. */
  snapshotFor: number[];
}

export interface Raft {
  readonly role: Role;
  readonly term: number;
  readonly leader: number | undefined;
  readonly commit: number;
  /** Entries up to here are committed and on this server's disk: they may be applied. */
  readonly applicable: number;
  /** Index of the entry that opened this leader's term. */
  readonly termStart: number;
  /** In `now`'s time: when `tick` has something to do. Infinity: not before another input. */
  readonly deadline: number;
  /** A leader's followers whose logs are known to follow it. */
  readonly syncedFollowers: number;
  step(from: number, message: RaftMessage, now: number): void;
  tick(now: number): void;
  /** The new entry's index; undefined when this server doesn't lead. */
  propose(data: Buffer): number | undefined;
  /** A connection to (and from) this peer is there, messages sent before may be lost. */
  connected(peer: number, now: number): void;
  disconnected(peer: number, now: number): void;
  /** What `take` gave is on disk. In the order of the `take`s. */
  saved(save: Save, now: number): void;
  provideSnapshot(peer: number, snapshot: { index: number; lastTerm: number; data: Buffer }): void;
  /** The last entry that every connected follower has; a server that doesn't lead has no followers to wait for. */
  readonly acknowledgedByAll: number;
  /** Entries up to `index` may be forgotten: what they did is in the state machine. */
  compact(index: number): void;
  take(): RaftOutput | undefined;
}
