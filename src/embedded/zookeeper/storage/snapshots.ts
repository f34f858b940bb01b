import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** The state machine as it was after the entry `index` of term `lastTerm`. */
export interface Snapshot {
  index: number;
  lastTerm: number;
  data: Buffer;
}

/** What is written of a snapshot: its data comes piece by piece. */
export interface SnapshotPieces extends Omit<Snapshot, 'data'> {
  pieces: Iterable<Buffer>;
}

const magic = Buffer.from('ZKS2');
const headerBytes = 16;
/** Length of the data, and the CRC-32 of everything before. */
const trailerBytes = 10;
/** Written before the disk is asked to keep it: the log's own writes wait behind no more than this. */
const syncBytes = 1 << 20;
const namePattern = /^snapshot\.([0-9a-f]{12})$/;

export function snapshotName(index: number): string {
  return `snapshot.${index.toString(16).padStart(12, '0')}`;
}

/** Indexes of the snapshots in a folder, the newest first. */
export function listSnapshots(folder: string): number[] {
  const indexes: number[] = [];
  for (const name of readdirSync(folder)) {
    const match = namePattern.exec(name);
    if (match) indexes.push(Number.parseInt(match[1]!, 16));
  }
  return indexes.sort((a, b) => b - a);
}

/** The snapshot of that index, undefined when the file is not whole. */
export function readSnapshot(folder: string, index: number): Snapshot | undefined {
  const bytes = readFileSync(join(folder, snapshotName(index)));
  if (bytes.length < headerBytes + trailerBytes || bytes.compare(magic, 0, 4, 0, 4) !== 0) return undefined;
  const data = bytes.subarray(headerBytes, bytes.length - trailerBytes);
  if (bytes.readUIntBE(4, 6) !== index || bytes.readUIntBE(bytes.length - trailerBytes, 6) !== data.length)
    return undefined;
  if (crc32(bytes.subarray(0, bytes.length - 4)) !== bytes.readUInt32BE(bytes.length - 4)) return undefined;
  return { index, lastTerm: bytes.readUIntBE(10, 6), data };
}

/**
 * Writes a snapshot so that it is there whole or not at all, also after a crash.
 * @returns bytes of its data
 */
export async function writeSnapshot(folder: string, snapshot: SnapshotPieces, sync: boolean): Promise<number> {
  const path = join(folder, snapshotName(snapshot.index));
  const temporary = `${path}.tmp`;
  let dataBytes = 0;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      let crc = 0;
      let unsynced = 0;
      const append = async (bytes: Buffer) => {
        crc = crc32(bytes, crc);
        await file.writeFile(bytes);
        unsynced += bytes.length;
        if (!sync || unsynced < syncBytes) return;
        unsynced = 0;
        await file.datasync();
      };
      const header = Buffer.alloc(headerBytes);
      magic.copy(header, 0);
      header.writeUIntBE(snapshot.index, 4, 6);
      header.writeUIntBE(snapshot.lastTerm, 10, 6);
      await append(header);
      for (const piece of snapshot.pieces) {
        await append(piece);
        dataBytes += piece.length;
      }
      const trailer = Buffer.alloc(trailerBytes);
      trailer.writeUIntBE(dataBytes, 0, 6);
      trailer.writeUInt32BE(crc32(trailer.subarray(0, 6), crc), 6);
      await file.writeFile(trailer);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  if (sync) syncFolder(folder);
  return dataBytes;
}

/** Removes snapshots written to no end and all but the newest `keep`. Gives the oldest index kept, 0 for none. */
export function purgeSnapshots(folder: string, keep: number): number {
  for (const name of readdirSync(folder)) if (name.endsWith('.tmp')) rmSync(join(folder, name), { force: true });
  const indexes = listSnapshots(folder);
  for (const index of indexes.slice(keep)) rmSync(join(folder, snapshotName(index)), { force: true });
  return indexes[Math.min(keep, indexes.length) - 1] ?? 0;
}

/** Makes the names in a folder durable. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
