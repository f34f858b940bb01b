/**
 * What Raft servers say to each other. Terms and indexes are integers below 2^53; an entry's data is opaque and empty
 * for the entry with which a new leader opens its term.
 */

export interface Entry {
  term: number;
  data: Buffer;
}

export type RaftMessage =
  /** Would you vote for me? Changes nothing at the receiver. `term` is the one the sender would stand in. */
  | { type: 'preVote'; term: number; lastIndex: number; lastTerm: number }
  | { type: 'preVoteReply'; term: number; granted: boolean }
  | { type: 'vote'; term: number; lastIndex: number; lastTerm: number }
  | { type: 'voteReply'; term: number; granted: boolean }
  | { type: 'append'; term: number; prevIndex: number; prevTerm: number; commit: number; entries: readonly Entry[] }
  /** `match`: everything up to here is on the sender's disk and equals the leader's log. */
  | { type: 'appendReply'; term: number; ok: true; match: number }
  /** `rejected`: the prevIndex that didn't fit; `hint`: the last index that may. */
  | { type: 'appendReply'; term: number; ok: false; rejected: number; hint: number }
  /** `sent`: the last index sent to the receiver before this message. */
  | { type: 'heartbeat'; term: number; commit: number; sent: number }
  /** `last`: the receiver's last index; less than `sent` when something was lost. */
  | { type: 'heartbeatReply'; term: number; sent: number; last: number }
  /** The sender leads no more: it has lost the majority. */
  | { type: 'resign'; term: number }
  /** The state machine as it was after entry `index` of term `lastTerm`. */
  | { type: 'snapshot'; term: number; index: number; lastTerm: number; data: Buffer };

/** A message with where it goes. */
export interface Envelope {
  to: number;
  message: RaftMessage;
}
