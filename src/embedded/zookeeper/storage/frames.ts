/**
 * The log on disk, as bytes. A segment file is a sequence of frames; a frame is what one write to the disk carried and
 * is valid as a whole or not at all: magic, length and CRC-32 of the payload, payload. A payload is a sequence of
 * records.
 */
import { crc32 } from 'node:zlib';
import type { Entry } from '../raft/messages.ts';

export type LogRecord =
  /** The server's term and vote. */
  | { kind: 'state'; term: number; votedFor: number | undefined }
  /** They replace whatever the log has from `from` on. */
  | { kind: 'entries'; from: number; list: readonly Entry[] }
  /** What precedes the next entry; the first record of a segment. */
  | { kind: 'base'; index: number; term: number }
  /** The log was replaced by the snapshot of this index and term. */
  | { kind: 'reset'; index: number; term: number };

const kinds = { state: 1, entries: 2, base: 3, reset: 4 } as const;
const magic = Buffer.from('ZKF1');
const headerBytes = 12;

/** Bytes that are no frame, or a frame of no sense: it was written by something else, or by a defect. */
export class FrameContentError extends Error {}

/** One frame of these records. */
export function encodeFrameOf(records: readonly LogRecord[]): Buffer {
  let size = headerBytes;
  for (const record of records) size += sizeOf(record);
  const frame = Buffer.allocUnsafe(size);
  let at = headerBytes;
  for (const record of records) at = writeRecord(frame, at, record);
  magic.copy(frame, 0);
  frame.writeUInt32BE(size - headerBytes, 4);
  frame.writeUInt32BE(crc32(frame.subarray(headerBytes), size - headerBytes), 8);
  return frame;
}

function sizeOf(record: LogRecord): number {
  if (record.kind === 'state') return 11;
  if (record.kind !== 'entries') return 13;
  let size = 11;
  for (const entry of record.list) size += 10 + entry.data.length;
  return size;
}

function writeRecord(frame: Buffer, start: number, record: LogRecord): number {
  let at = frame.writeUInt8(kinds[record.kind], start);
  if (record.kind === 'state') {
    at = frame.writeUIntBE(record.term, at, 6);
    return frame.writeInt32BE(record.votedFor ?? -1, at);
  }
  if (record.kind !== 'entries') {
    at = frame.writeUIntBE(record.index, at, 6);
    return frame.writeUIntBE(record.term, at, 6);
  }
  at = frame.writeUIntBE(record.from, at, 6);
  at = frame.writeUInt32BE(record.list.length, at);
  for (const { term, data } of record.list) {
    at = frame.writeUIntBE(term, at, 6);
    at = frame.writeUInt32BE(data.length, at);
    at += data.copy(frame, at);
  }
  return at;
}

export interface SegmentContent {
  records: LogRecord[];
  /** Bytes of the valid frames at the start. */
  validBytes: number;
  /** What follows them: nothing, a frame that was not written to its end, or damage with valid frames after it. */
  tail: 'none' | 'torn' | 'damaged';
}

/** Reads a segment's frames as far as they are valid. Entries are views of `bytes`. */
export function readSegment(bytes: Buffer): SegmentContent {
  const records: LogRecord[] = [];
  let at = 0;
  for (;;) {
    const end = frameEnd(bytes, at);
    if (end === undefined) break;
    readRecords(bytes.subarray(at + headerBytes, end), records);
    at = end;
  }
  if (at === bytes.length) return { records, validBytes: at, tail: 'none' };
  // A frame is written only after the one before is on disk: valid frames behind an invalid one mean that something
  // that was on disk has been damaged, which must not pass for an unfinished write.
  for (let next = bytes.indexOf(magic, at + 1); next >= 0; next = bytes.indexOf(magic, next + 1))
    if (frameEnd(bytes, next) !== undefined) return { records, validBytes: at, tail: 'damaged' };
  return { records, validBytes: at, tail: 'torn' };
}

/** Where the frame at `at` ends; undefined when there is no valid one. */
function frameEnd(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < headerBytes || bytes.compare(magic, 0, 4, at, at + 4) !== 0) return undefined;
  const length = bytes.readUInt32BE(at + 4);
  const end = at + headerBytes + length;
  if (end > bytes.length) return undefined;
  return crc32(bytes.subarray(at + headerBytes, end), length) === bytes.readUInt32BE(at + 8) ? end : undefined;
}

function readRecords(payload: Buffer, records: LogRecord[]): void {
  let at = 0;
  const six = () => {
    at += 6;
    return payload.readUIntBE(at - 6, 6);
  };
  const four = () => {
    at += 4;
    return payload.readUInt32BE(at - 4);
  };
  while (at < payload.length) {
    const kind = payload[at++];
    if (kind === kinds.state) {
      const term = six();
      const vote = four() | 0;
      records.push({ kind: 'state', term, votedFor: vote < 0 ? undefined : vote });
    } else if (kind === kinds.base) records.push({ kind: 'base', index: six(), term: six() });
    else if (kind === kinds.reset) records.push({ kind: 'reset', index: six(), term: six() });
    else if (kind === kinds.entries) {
      const from = six();
      const list: Entry[] = [];
      for (let count = four(); count > 0; count--) {
        const term = six();
        const length = four();
        list.push({ term, data: payload.subarray(at, at + length) });
        at += length;
      }
      records.push({ kind: 'entries', from, list });
    } else throw new FrameContentError(`a log record of the unknown kind ${kind}`);
  }
}
