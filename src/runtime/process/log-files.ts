import { readdirSync, statSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** One log and what it was renamed to, as the host rotates it: `<name>.log.3` … `<name>.log.1`, `<name>.log`. */
export interface LogFileSet {
  name: string;
  /** Oldest first. */
  paths: string[];
}

/** The logs in a folder: of the host and of each of its services. */
export function listLogs(folder: string): LogFileSet[] {
  const sets = new Map<string, { path: string; age: number }[]>();
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  for (const file of names) {
    const match = /^(.+)\.log(?:\.(\d+))?$/.exec(file);
    if (!match?.[1]) continue;
    const set = sets.get(match[1]) ?? [];
    set.push({ path: join(folder, file), age: Number(match[2] ?? 0) });
    sets.set(match[1], set);
  }
  return [...sets].map(([name, files]) => ({
    name,
    paths: files.sort((a, b) => b.age - a.age).map(({ path }) => path),
  }));
}

const chunkBytes = 64 << 10;

/** The last `count` lines of a file, read from its end; all of them without a count. Also tells how far it was read. */
export async function readTail(
  path: string,
  count = Number.POSITIVE_INFINITY,
): Promise<{ lines: string[]; end: number; inode: number }> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return { lines: [], end: 0, inode: 0 };
  try {
    const { size, ino } = await file.stat();
    let begin = size;
    let newlines = 0;
    const chunks: Buffer[] = [];
    while (begin > 0 && newlines <= count) {
      const length = Math.min(chunkBytes, begin);
      const chunk = Buffer.alloc(length);
      await file.read(chunk, 0, length, begin - length);
      begin -= length;
      chunks.unshift(chunk);
      for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, at + 1)) newlines++;
    }
    const bytes = Buffer.concat(chunks);
    // A line that is still being written is left for the next reading.
    const whole = bytes.lastIndexOf(0x0a) + 1;
    const lines = bytes.toString('utf8', 0, whole).split('\n');
    lines.pop();
    // Unless the file's beginning was reached, the first line may be a piece of one.
    if (begin > 0) lines.shift();
    return {
      lines: Number.isFinite(count) ? lines.slice(Math.max(0, lines.length - count)) : lines,
      end: size - (bytes.length - whole),
      inode: ino,
    };
  } finally {
    await file.close();
  }
}

/** The last lines of a log over all files it was rotated to. */
export async function lastLines(folder: string, name: string, count: number): Promise<string[]> {
  const set = listLogs(folder).find((entry) => entry.name === name);
  let lines: string[] = [];
  for (const path of [...(set?.paths ?? [])].reverse()) {
    if (lines.length >= count) break;
    lines = [...(await readTail(path, count - lines.length)).lines, ...lines];
  }
  return lines;
}

/** Reads what was appended to a log since the last call, across rotations. */
export interface LogCursor {
  next(): Promise<string[]>;
}

/**
 * @param position how far the file was read: byte and file, as `readTail` tells it; from its beginning without it
 */
export function createLogCursor(path: string, position?: { end: number; inode: number }): LogCursor {
  let at = position?.end ?? 0;
  let inode = position?.inode ?? 0;
  return {
    async next() {
      const lines: string[] = [];
      const current = inodeOf(path);
      if (current === undefined) return lines;
      if (inode !== 0 && current !== inode) {
        const renamed = await renamedTo(path, inode);
        if (renamed) lines.push(...(await readFrom(renamed, at)).lines);
        at = 0;
      }
      inode = current;
      const read = await readFrom(path, at);
      at = read.end;
      return [...lines, ...read.lines];
    },
  };
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

async function renamedTo(path: string, inode: number): Promise<string | undefined> {
  const folder = join(path, '..');
  for (const name of await readdir(folder).catch(() => [])) {
    const candidate = join(folder, name);
    if (candidate.startsWith(`${path}.`) && inodeOf(candidate) === inode) return candidate;
  }
  return undefined;
}

async function readFrom(path: string, begin: number): Promise<{ lines: string[]; end: number }> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return { lines: [], end: begin };
  try {
    const { size } = await file.stat();
    // A file that shrank was written anew.
    const from = size < begin ? 0 : begin;
    const bytes = Buffer.alloc(size - from);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
    const whole = bytes.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
    const lines = bytes.toString('utf8', 0, whole).split('\n');
    lines.pop();
    return { lines, end: from + whole };
  } finally {
    await file.close();
  }
}
