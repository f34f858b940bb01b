/** What a leader knows of one follower's log. */
export interface Progress {
  /** Known to equal the leader's log, and on the follower's disk, up to here. */
  match: number;
  /** The next entry to send. */
  next: number;
  /**
   * probe: one message at a time until the follower says where its log fits; replicate: entries are sent as they come;
   * snapshot: a snapshot is on its way.
   */
  mode: 'probe' | 'replicate' | 'snapshot';
  /** In mode probe: a message is on its way. In mode snapshot: its index, 0 before it was sent. */
  probing: boolean;
  snapshotIndex: number;
  /** Last indexes of the messages with entries that were not acknowledged. */
  inFlight: number[];
  /** Heartbeats answered while something sent is not acknowledged. */
  waits: number;
  /** The highest commit index the follower was told. */
  commitTold: number;
  /** When something was last heard of it. */
  heard: number;
  /** When the connection to it was lost; undefined while there is one. */
  disconnectedAt: number | undefined;
}

export function createProgress(lastIndex: number, now: number, connected: boolean): Progress {
  return {
    match: 0,
    next: lastIndex + 1,
    mode: 'probe',
    probing: false,
    snapshotIndex: 0,
    inFlight: [],
    waits: 0,
    commitTold: 0,
    heard: now,
    disconnectedAt: connected ? undefined : now,
  };
}

/** Back to finding out where the follower's log fits: something was lost. */
export function probeAgain(progress: Progress, next = progress.match + 1): void {
  progress.mode = 'probe';
  progress.next = Math.max(progress.match + 1, next);
  progress.probing = false;
  progress.inFlight.length = 0;
  progress.commitTold = 0;
  progress.waits = 0;
}

/** The follower acknowledged everything up to `match`. */
export function acknowledged(progress: Progress, match: number): void {
  progress.match = Math.max(progress.match, match);
  progress.waits = 0;
  progress.next = Math.max(progress.next, progress.match + 1);
  let settled = 0;
  while (settled < progress.inFlight.length && progress.inFlight[settled]! <= match) settled++;
  if (settled > 0) progress.inFlight.splice(0, settled);
  if (progress.mode === 'probe' || (progress.mode === 'snapshot' && match >= progress.snapshotIndex)) {
    progress.mode = 'replicate';
    progress.next = progress.match + 1;
    progress.probing = false;
    progress.inFlight.length = 0;
  }
}

/** The follower's log doesn't fit at `rejected`. Answers to messages that don't count any more change nothing. */
export function refused(progress: Progress, rejected: number, hint: number): void {
  if (progress.mode === 'snapshot' || rejected <= progress.match) return;
  if (progress.mode === 'probe' && rejected !== progress.next - 1) return;
  probeAgain(progress, Math.min(rejected, hint + 1));
}
