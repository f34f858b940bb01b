/** When sessions end. Only the leader judges; the others tell it whom they heard of. Times are running time. */
export interface SessionTimes {
  /** The session was heard of: its time starts anew. Unknown sessions are left alone. */
  touch(id: bigint, timeoutMs: number, now: number): void;
  end(id: bigint): void;
  /** Every session gets its full time: this server just became the leader, or could not hear anybody. */
  startAll(sessions: Iterable<{ id: bigint; timeoutMs: number }>, now: number): void;
  clear(): void;
  /** Sessions whose time is over; each is given once. */
  takeExpired(now: number): bigint[];
  readonly size: number;
  /** Sessions by when they expire, for `dump`. */
  readonly deadlines: ReadonlyMap<bigint, number>;
}

export function createSessionTimes(): SessionTimes {
  const deadlines = new Map<bigint, number>();
  return {
    touch(id, timeoutMs, now) {
      deadlines.set(id, now + timeoutMs);
    },
    end(id) {
      deadlines.delete(id);
    },
    startAll(sessions, now) {
      deadlines.clear();
      for (const { id, timeoutMs } of sessions) deadlines.set(id, now + timeoutMs);
    },
    clear() {
      deadlines.clear();
    },
    takeExpired(now) {
      const expired: bigint[] = [];
      for (const [id, deadline] of deadlines) {
        if (deadline > now) continue;
        expired.push(id);
        deadlines.delete(id);
      }
      return expired;
    },
    get size() {
      return deadlines.size;
    },
    deadlines,
  };
}
