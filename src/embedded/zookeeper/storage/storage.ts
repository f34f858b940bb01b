/**
 * The server's disk: log segments and snapshots. Everything waiting when a write ends goes out as one frame with one
 * sync, so that the cost of a sync is shared by all requests that came meanwhile.
 */
import { closeSync, constants, mkdirSync, openSync, rmSync, write, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Save } from '../raft/types.ts';
import { encodeFrameOf, type LogRecord } from './frames.ts';
import { type Recovered, recover, type Segment, segmentName } from './recover.ts';
import { purgeSnapshots, type SnapshotPieces, syncFolder, writeSnapshot } from './snapshots.ts';

export interface StorageOptions {
  logFolder: string;
  snapshotFolder: string;
  /** Whether what was saved survives a loss of power, not only of the process. */
  forceSync: boolean;
  keepSnapshots: number;
  segmentBytes?: number;
  /** In the order of `write`, never during it. */
  onSaved: (save: Save) => void;
  /** The disk failed; nothing is written any more. */
  onFailure: (error: unknown) => void;
}

export interface Storage {
  readonly recovered: Omit<Recovered, 'segments' | 'resetNeeded'>;
  write(save: Save): void;
  /**
   * Stores a snapshot of what was applied and forgets the log segments that no kept snapshot needs.
   * @returns bytes of its data
   */
  saveSnapshot(snapshot: SnapshotPieces): Promise<number>;
  /** Bytes of the log on disk. */
  readonly logBytes: number;
  /** Resolves when nothing is being written any more; what waits is dropped, and so is an unfinished snapshot. */
  close(): Promise<void>;
}

/** @throws DataError when the folders hold what can't be used; system errors */
export function openStorage(options: StorageOptions): Storage {
  const { logFolder, snapshotFolder, forceSync } = options;
  const segmentBytes = options.segmentBytes ?? 8 << 20;
  mkdirSync(logFolder, { recursive: true, mode: 0o700 });
  mkdirSync(snapshotFolder, { recursive: true, mode: 0o700 });
  const { segments, resetNeeded, ...recovered } = recover(logFolder, snapshotFolder);

  let state = { term: recovered.term, votedFor: recovered.votedFor };
  let last = { index: recovered.log.lastIndex, term: recovered.log.lastTerm };
  let queue: Save[] = [];
  let working: Promise<void> | undefined;
  let storing: Promise<unknown> | undefined;
  let scheduled = false;
  let closed = false;
  let descriptor = -1;

  const flags =
    constants.O_WRONLY |
    constants.O_CREAT |
    constants.O_APPEND |
    (forceSync ? (constants.O_DSYNC ?? constants.O_SYNC) : 0);

  const openSegment = (segment: Segment) => {
    if (descriptor >= 0) closeSync(descriptor);
    descriptor = openSync(join(logFolder, segmentName(segment.number)), flags, 0o600);
  };

  /** A short write leaves a torn frame, which only a restart may take away. */
  const written = (frame: Buffer, bytes: number) => {
    if (bytes !== frame.length) throw new Error(`the disk took ${bytes} of ${frame.length} bytes`);
    segments.at(-1)!.bytes += bytes;
  };

  const startSegment = () => {
    const segment = { number: (segments.at(-1)?.number ?? 0) + 1, base: last.index, bytes: 0 };
    openSegment(segment);
    segments.push(segment);
    const frame = encodeFrameOf([
      { kind: 'base', ...last },
      { kind: 'state', ...state },
    ]);
    written(frame, writeSync(descriptor, frame));
    if (forceSync) syncFolder(logFolder);
  };

  const tail = segments.at(-1);
  if (tail) {
    openSegment(tail);
    if (resetNeeded) {
      const frame = encodeFrameOf([{ kind: 'reset', ...last }]);
      written(frame, writeSync(descriptor, frame));
    }
  } else startSegment();

  const recordsOf = (saves: readonly Save[]): LogRecord[] => {
    const records: LogRecord[] = [];
    for (const save of saves) {
      if (save.state) {
        state = save.state;
        records.push({ kind: 'state', ...save.state });
      }
      if (save.snapshot) records.push({ kind: 'reset', index: save.snapshot.index, term: save.snapshot.lastTerm });
      if (save.entries) records.push({ kind: 'entries', ...save.entries });
      last = { index: save.lastIndex, term: save.lastTerm };
    }
    return records;
  };

  const writeFrame = (frame: Buffer): Promise<void> | undefined => {
    if (!forceSync) {
      written(frame, writeSync(descriptor, frame));
      return undefined;
    }
    return new Promise((resolve, reject) => {
      write(descriptor, frame, (error, bytes) => {
        try {
          if (error) throw error;
          written(frame, bytes);
          resolve();
        } catch (failure) {
          reject(failure);
        }
      });
    });
  };

  const work = async () => {
    while (queue.length > 0 && !closed) {
      const saves = queue;
      queue = [];
      for (const { snapshot } of saves)
        if (snapshot) await writeSnapshot(snapshotFolder, { ...snapshot, pieces: [snapshot.data] }, forceSync);
      if (segments.at(-1)!.bytes > segmentBytes) startSegment();
      const writing = writeFrame(encodeFrameOf(recordsOf(saves)));
      if (writing) await writing;
      if (closed) return;
      for (const save of saves) options.onSaved(save);
    }
  };

  const start = () => {
    scheduled = false;
    if (closed || working) return;
    working = work()
      .catch((error: unknown) => {
        if (closed) return;
        closed = true;
        options.onFailure(error);
      })
      .finally(() => {
        working = undefined;
        if (queue.length > 0) start();
      });
  };

  /** The next server on these files shall be alone with them. */
  function* untilClosed(pieces: Iterable<Buffer>): Generator<Buffer> {
    for (const piece of pieces) {
      if (closed) throw new Error('the server stopped before its snapshot was written');
      yield piece;
    }
  }

  const storeSnapshot = async (snapshot: SnapshotPieces) => {
    const pieces = untilClosed(snapshot.pieces);
    const bytes = await writeSnapshot(snapshotFolder, { ...snapshot, pieces }, forceSync);
    const oldest = purgeSnapshots(snapshotFolder, options.keepSnapshots);
    while (segments.length > 1 && segments[1]!.base <= oldest) {
      const [segment] = segments.splice(0, 1);
      rmSync(join(logFolder, segmentName(segment!.number)), { force: true });
    }
    return bytes;
  };

  return {
    recovered,
    get logBytes() {
      let bytes = 0;
      for (const segment of segments) bytes += segment.bytes;
      return bytes;
    },
    write(save) {
      if (closed) return;
      queue.push(save);
      if (scheduled || working) return;
      scheduled = true;
      queueMicrotask(start);
    },
    saveSnapshot(snapshot) {
      const saved = storeSnapshot(snapshot);
      storing = saved.catch(() => {});
      return saved;
    },
    async close() {
      closed = true;
      await working;
      await storing;
      if (descriptor >= 0) closeSync(descriptor);
      descriptor = -1;
    },
  };
}
