import type { Entry } from './messages.ts';

/** The part of the log that is in memory: everything after the last snapshot, and some before for slow followers. */
export interface RaftLog {
  /** Index of the last entry, which may be the snapshot's. */
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** Index of the first entry that is here; `lastIndex + 1` when there is none. */
  readonly firstIndex: number;
  /** Memory that the entries take, roughly. */
  readonly bytes: number;
  /** Index of the oldest entry of those up to `last` that take no more than `maxBytes` together. */
  oldestWithin(last: number, maxBytes: number): number;
  /** The term of the entry at `index`; undefined when it is not known here. */
  termAt(index: number): number | undefined;
  /** @throws RangeError when it isn't here */
  entryAt(index: number): Entry;
  /** Entries from `from` on, at most `maxEntries`, and no more than the first over `maxBytes`. */
  slice(from: number, maxEntries: number, maxBytes: number): Entry[];
  /** Copies the entry's data: it may be a view of something larger. */
  append(entry: Entry): void;
  /** Drops the entries after `index`. */
  truncateAfter(index: number): void;
  /** Drops the entries up to and including `index`. */
  compact(index: number): void;
  /** Forgets everything; the next entry is `index` + 1. */
  reset(index: number, term: number): void;
}

/** @param base index and term of the entry before the first of `entries`; 0 and 0 for an empty log */
export function createRaftLog(base: { index: number; term: number }, initial: readonly Entry[] = []): RaftLog {
  let entries = [...initial];
  let baseIndex = base.index;
  let baseTerm = base.term;
  let bytes = sum(entries);
  const pack = createPacker();

  const log: RaftLog = {
    get lastIndex() {
      return baseIndex + entries.length;
    },
    get lastTerm() {
      return entries.length === 0 ? baseTerm : entries[entries.length - 1]!.term;
    },
    get firstIndex() {
      return baseIndex + 1;
    },
    get bytes() {
      return bytes;
    },
    oldestWithin(last, maxBytes) {
      let i = Math.min(last, log.lastIndex) - baseIndex;
      for (let room = maxBytes; i > 0; i--) {
        room -= sizeOf(entries[i - 1]!);
        if (room < 0) break;
      }
      return baseIndex + i + 1;
    },
    termAt(index) {
      if (index === baseIndex) return baseTerm;
      return entries[index - baseIndex - 1]?.term;
    },
    entryAt(index) {
      const entry = entries[index - baseIndex - 1];
      if (!entry) throw new RangeError(`entry ${index} is not in memory (${baseIndex + 1} to ${log.lastIndex})`);
      return entry;
    },
    slice(from, maxEntries, maxBytes) {
      const taken: Entry[] = [];
      let size = 0;
      for (let i = from - baseIndex - 1; i < entries.length && taken.length < maxEntries; i++) {
        const entry = entries[i]!;
        taken.push(entry);
        size += entry.data.length;
        if (size > maxBytes) break;
      }
      return taken;
    },
    append(entry) {
      entries.push({ term: entry.term, data: pack(entry.data) });
      bytes += sizeOf(entry);
    },
    truncateAfter(index) {
      if (index < baseIndex) throw new RangeError(`can't truncate to ${index}, the log starts after ${baseIndex}`);
      bytes -= sum(entries.splice(index - baseIndex));
    },
    compact(index) {
      if (index <= baseIndex) return;
      const term = log.termAt(index);
      if (term === undefined) throw new RangeError(`can't compact to ${index}, the log ends at ${log.lastIndex}`);
      bytes -= sum(entries.slice(0, index - baseIndex));
      entries = entries.slice(index - baseIndex);
      baseIndex = index;
      baseTerm = term;
    },
    reset(index, term) {
      entries = [];
      bytes = 0;
      baseIndex = index;
      baseTerm = term;
    },
  };
  return log;
}

/** What an entry takes beside its data: its object and its buffer's. */
const overheadBytes = 240;

function sizeOf(entry: Entry): number {
  return entry.data.length + overheadBytes;
}

function sum(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += sizeOf(entry);
  return bytes;
}

const chunkBytes = 1 << 16;

/**
 * Copies data one behind the other into chunks of its own. Entries come and go together, so a chunk is free when its
 * entries are; in the pool that all buffers share, each would keep others' remains in memory with it.
 */
function createPacker(): (data: Buffer) => Buffer {
  let chunk = Buffer.alloc(0);
  let used = 0;
  return (data) => {
    if (data.length > chunkBytes / 4) return Buffer.from(data);
    if (used + data.length > chunk.length) {
      chunk = Buffer.allocUnsafeSlow(chunkBytes);
      used = 0;
    }
    const copy = chunk.subarray(used, used + data.length);
    data.copy(copy);
    used += data.length;
    return copy;
  };
}
