import type { Stats } from 'node:fs';
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { taskRecordFile } from '../../protocols/mesos/task-record.ts';
import type { Books, ExecutorBook, FrameworkBook } from './books.ts';

/** One entry of a folder; `path` is below the path that was asked for. */
export interface FileInfo {
  path: string;
  nlink: number;
  size: number;
  /** Seconds since 1970. */
  mtime: number;
  mode: number;
  uid: string;
  gid: string;
}

/** A request for files that is answered with a status: 400 for a mistake, 404 for what isn't there. */
export class FilesError extends Error {
  readonly status: 400 | 404;

  constructor(status: 400 | 404, message: string) {
    super(message);
    this.status = status;
  }
}

/** Files below roots, under the names the real agent gives them. */
export interface Files {
  /** Virtual path → real folder or file. */
  roots(): Map<string, string>;
  browse(path: string): Promise<FileInfo[]>;
  /** At most 16 pages; without an offset only the size. */
  read(path: string, offset: number | undefined, length: number | undefined): Promise<{ data: Buffer; size: number }>;
  /** The real path of a file that may be sent whole. */
  locate(path: string): Promise<{ path: string; stats: Stats }>;
}

const maxReadBytes = 16 * 4096;

/**
 * The agent's files as seen from outside: the sandboxes of all executors it remembers, each under its real path, the
 * same with `latest`, and a short virtual one; and the agent's own log. Nothing outside of a root is ever shown,
 * whatever links a task puts into its sandbox.
 * Source: src/files/files.cpp and slave.cpp of Apache Mesos.
 */
export function createFiles(books: Books, logFile: string | undefined): Files {
  const roots = () => {
    const map = new Map<string, string>();
    if (logFile !== undefined) for (const name of ['/slave/log', '/agent/log']) map.set(name, logFile);
    for (const framework of [...books.completedFrameworks, ...books.frameworks.values()])
      for (const executor of executorsIn(framework))
        for (const name of namesOf(executor)) map.set(name, executor.directory);
    return map;
  };

  /** Finds the root by the path's own beginnings, longest first, so that its cost does not grow with the roots. */
  const resolve = async (path: string): Promise<string> => {
    if (path === '' || path.includes('\0')) throw new FilesError(404, '');
    const wanted = normalize(path).replace(/(.)\/+$/, '$1');
    const known = roots();
    for (let at = wanted; at !== '/' && at !== '.'; at = dirname(at)) {
      const root = known.get(at);
      if (root === undefined) continue;
      return within(root, relative(at, wanted));
    }
    throw new FilesError(404, '');
  };

  const locate = async (path: string) => {
    const real = await resolve(path);
    return { path: real, stats: await stat(real).catch(notFound) };
  };

  return {
    roots,
    locate,
    async browse(path) {
      const { path: real, stats } = await locate(path);
      if (!stats.isDirectory()) return [];
      const users = await readNames();
      const names = (await readdir(real).catch(notFound)).filter((name) => name !== taskRecordFile).sort();
      const infos = await Promise.all(
        names.map(async (name): Promise<FileInfo | undefined> => {
          // What ends between the two looks, or leads nowhere, is left out.
          const entry = await stat(join(real, name)).catch(() => undefined);
          return entry && toInfo(join(path, name), entry, users);
        }),
      );
      return infos.filter((info) => info !== undefined);
    },
    async read(path, offset, length) {
      const { path: real, stats } = await locate(path);
      if (stats.isDirectory()) throw new FilesError(400, 'Cannot read a directory.\n');
      const { size } = stats;
      if (offset === undefined || offset >= size) return { data: Buffer.alloc(0), size };
      const wanted = Math.min(length ?? maxReadBytes, maxReadBytes, size - offset);
      const handle = await open(real, 'r').catch(notFound);
      try {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(wanted), 0, wanted, offset);
        return { data: buffer.subarray(0, bytesRead), size };
      } finally {
        await handle.close();
      }
    },
  };
}

function* executorsIn(framework: FrameworkBook): Iterable<ExecutorBook> {
  yield* framework.completedExecutors;
  yield* framework.executors.values();
}

function namesOf({ directory, frameworkId, info }: ExecutorBook): string[] {
  const latest = join(dirname(directory), 'latest');
  const virtual = `/frameworks/${frameworkId}/executors/${info.executor_id.value}/runs/latest`;
  return [directory, latest, virtual];
}

async function within(root: string, rest: string): Promise<string> {
  const base = await realpath(root).catch(notFound);
  if (rest === '') return base;
  const real = await realpath(join(base, rest)).catch(notFound);
  if (real !== base && !real.startsWith(base + sep)) throw new FilesError(404, '');
  return real;
}

function notFound(): never {
  throw new FilesError(404, '');
}

function toInfo(path: string, stats: Stats, names: Names): FileInfo {
  return {
    path,
    nlink: stats.nlink,
    size: stats.size,
    mtime: Math.floor(stats.mtimeMs / 1000),
    mode: stats.mode,
    uid: names.users.get(stats.uid) ?? String(stats.uid),
    gid: names.groups.get(stats.gid) ?? String(stats.gid),
  };
}

interface Names {
  users: Map<number, string>;
  groups: Map<number, string>;
}

let names: Promise<Names> | undefined;

/** Names of users and groups, read once; systems that keep them elsewhere show numbers. */
function readNames(): Promise<Names> {
  const read = async (file: string) => {
    const map = new Map<number, string>();
    const text = await readFile(file, 'utf8').catch(() => '');
    for (const line of text.split('\n')) {
      const [name, , id] = line.split(':');
      if (name && id && !map.has(Number(id))) map.set(Number(id), name);
    }
    return map;
  };
  names ??= Promise.all([read('/etc/passwd'), read('/etc/group')]).then(([users, groups]) => ({ users, groups }));
  return names;
}

/** `-rw-r--r--`, `drwxr-x---`. */
export function modeText(mode: number): string {
  const kinds: Readonly<Record<number, string>> = {
    9604: 'd',
    21609: 'l',
    2401: 'p',
    26411: 's',
    4802: 'c',
    14406: 'b',
  };
  let text = kinds[mode & 0o170000] ?? '-';
  for (let shift = 6; shift >= 0; shift -= 3) {
    const bits = (mode >> shift) & 7;
    text += `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
  }
  return text;
}

/**
 * File content as text for JSON. A character that is cut by the end of the page is left for the next one, so that
 * whoever goes on at offset plus length of the text's bytes reads every byte once.
 */
export function pageText(data: Buffer, more: boolean): string {
  if (!more) return data.toString('utf8');
  for (let back = 1; back <= Math.min(3, data.length); back++) {
    const byte = data[data.length - back]!;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (needs > back && data.length > back) return data.toString('utf8', 0, data.length - back);
    break;
  }
  return data.toString('utf8');
}
