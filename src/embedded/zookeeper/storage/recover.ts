/** What a server remembers when it starts: the newest whole snapshot and the log's segments after it. */
import { readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { createRaftLog, type RaftLog } from '../raft/log.ts';
import { type LogRecord, readSegment } from './frames.ts';
import { listSnapshots, readSnapshot, type Snapshot, snapshotName } from './snapshots.ts';

/** The files can't be used as they are; nothing was changed. */
export class DataError extends Error {}

/** A segment file; `base` is the index of the entry before its first. */
export interface Segment {
  number: number;
  base: number;
  bytes: number;
}

export interface Recovered {
  term: number;
  votedFor: number | undefined;
  snapshot: Snapshot | undefined;
  log: RaftLog;
  /** The snapshot replaced the log, and the files don't say so yet. */
  resetNeeded: boolean;
  /** In order; entries go to the end of the last. */
  segments: Segment[];
  warnings: string[];
}

const namePattern = /^log\.([0-9a-f]{8})$/;

export function segmentName(number: number): string {
  return `log.${number.toString(16).padStart(8, '0')}`;
}

/**
 * Reads the folders and cuts off what a crash left unfinished.
 * @throws DataError when something that was on disk is missing or damaged
 */
export function recover(logFolder: string, snapshotFolder: string): Recovered {
  const warnings: string[] = [];
  const { segments, records } = readSegments(logFolder, warnings);

  const snapshots: Snapshot[] = [];
  const broken: number[] = [];
  for (const index of listSnapshots(snapshotFolder)) {
    const snapshot = readSnapshot(snapshotFolder, index);
    if (snapshot) {
      snapshots.push(snapshot);
      break;
    }
    broken.push(index);
  }
  for (const index of broken)
    warnings.push(`${join(snapshotFolder, snapshotName(index))} is damaged: an older snapshot is used`);
  const snapshot = snapshots[0];
  const start = snapshot?.index ?? 0;

  let term = 0;
  let votedFor: number | undefined;
  let log = createRaftLog({ index: 0, term: 0 });
  let based = false;
  for (const record of records) {
    if (record.kind === 'state') {
      term = record.term;
      votedFor = record.votedFor;
    } else if (record.kind === 'entries') {
      if (record.from > log.lastIndex + 1 || record.from < log.firstIndex)
        throw new DataError(
          `the log in ${logFolder} has entries from ${record.from}, which don't fit after ${log.lastIndex}`,
        );
      log.truncateAfter(record.from - 1);
      for (const entry of record.list) log.append(entry);
    } else if (record.kind === 'reset' || !based) {
      log = createRaftLog({ index: record.index, term: record.term });
      based = true;
    } else if (record.index !== log.lastIndex || record.term !== log.lastTerm)
      throw new DataError(`a segment of the log in ${logFolder} starts after ${record.index}, not ${log.lastIndex}`);
  }
  if (log.firstIndex - 1 > start)
    throw new DataError(
      `the log in ${logFolder} starts after entry ${log.firstIndex - 1}, but the newest whole snapshot in ` +
        `${snapshotFolder} ends at ${start}: what is between them is missing`,
    );
  // The log ends before the snapshot when the server crashed between storing one that the leader sent and resetting
  // the log.
  const resetNeeded = snapshot !== undefined && log.termAt(start) !== snapshot.lastTerm;
  if (resetNeeded) log = createRaftLog({ index: start, term: snapshot.lastTerm });
  return { term, votedFor, snapshot, log, resetNeeded, segments, warnings };
}

function readSegments(folder: string, warnings: string[]): { segments: Segment[]; records: LogRecord[] } {
  const numbers: number[] = [];
  for (const name of readdirSync(folder)) {
    const match = namePattern.exec(name);
    if (match) numbers.push(Number.parseInt(match[1]!, 16));
  }
  numbers.sort((a, b) => a - b);
  const segments: Segment[] = [];
  const records: LogRecord[] = [];
  for (const [position, number] of numbers.entries()) {
    const path = join(folder, segmentName(number));
    const last = position === numbers.length - 1;
    if (position > 0 && number !== numbers[position - 1]! + 1)
      throw new DataError(`${path} is there, but not the segment before it`);
    const content = readSegment(readFileSync(path));
    if (content.tail === 'damaged' || (content.tail === 'torn' && !last))
      throw new DataError(
        `${path} is damaged at byte ${content.validBytes}: entries that were on disk can't be read. Nothing was ` +
          'changed. Restore the file, or move the data folder away to let this server copy everything from the others.',
      );
    const base = content.records[0];
    if (base?.kind !== 'base') {
      if (!last || content.records.length > 0) throw new DataError(`${path} does not start as a segment of the log`);
      // The crash came while the segment was made: nothing was ever stored in it.
      rmSync(path);
      continue;
    }
    if (content.tail === 'torn') {
      warnings.push(`${path}: the last write was not finished; cut off at byte ${content.validBytes}`);
      truncateSync(path, content.validBytes);
    }
    segments.push({ number, base: base.index, bytes: content.validBytes });
    for (const record of content.records) records.push(record);
  }
  return { segments, records };
}
