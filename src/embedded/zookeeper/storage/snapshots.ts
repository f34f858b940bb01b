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

const magic = Buffer.from('ZKS1');
const headerBytes = 24;
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
  if (bytes.length < headerBytes || bytes.compare(magic, 0, 4, 0, 4) !== 0) return undefined;
  const data = bytes.subarray(headerBytes);
  if (crc32(data, crc32(bytes.subarray(0, 20))) !== bytes.readUInt32BE(20)) return undefined;
  if (bytes.readUIntBE(4, 6) !== index || bytes.readUInt32BE(16) !== data.length) return undefined;
  return { index, lastTerm: bytes.readUIntBE(10, 6), data };
}

/** Writes a snapshot so that it is there whole or not at all, also after a crash. */
export async function writeSnapshot(folder: string, snapshot: Snapshot, sync: boolean): Promise<void> {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header, 0);
  header.writeUIntBE(snapshot.index, 4, 6);
  header.writeUIntBE(snapshot.lastTerm, 10, 6);
  header.writeUInt32BE(snapshot.data.length, 16);
  header.writeUInt32BE(crc32(snapshot.data, crc32(header.subarray(0, 20))), 20);
  const path = join(folder, snapshotName(snapshot.index));
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writev([header, snapshot.data]);
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
