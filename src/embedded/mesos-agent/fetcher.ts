import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { appendFile, chmod, copyFile, mkdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CommandUri } from '../../protocols/mesos/types.ts';
import type { Clock } from '../../support/clock.ts';
import { messageOf, systemCode } from '../../support/errors.ts';
import { httpStream } from '../../support/http-client.ts';
import type { Network } from '../../support/network.ts';
import { FetchError, type FetchStep, planFetch } from './fetch-plan.ts';

export interface FetchJob {
  uris: readonly CommandUri[];
  sandbox: string;
  /** Downloads are shared among the tasks of one user. */
  user: string;
  signal: AbortSignal;
}

export interface Fetcher {
  /** Brings all URIs into the sandbox, in order. @throws FetchError for the first that fails, or the signal's reason */
  fetch(job: FetchJob): Promise<void>;
  readonly counts: { succeeded: number; failed: number; cacheBytes: number };
}

export interface FetcherOptions {
  cacheDir: string;
  cacheBytes: number;
  frameworksHome: string;
  /** Without a byte for this long a download has failed. */
  stallTimeoutMs: number;
  /** Where tar, unzip and gzip are looked for. */
  path: string;
  network: Network;
  clock: Clock;
}

interface CacheEntry {
  file: Promise<string>;
  bytes: number;
  usedAt: number;
  users: number;
}

/** A download for the cache serves others than the task that began it; only a stall ends it. */
const neverAborted = new AbortController().signal;

export function createFetcher(options: FetcherOptions): Fetcher {
  const { cacheDir, clock } = options;
  const counts = { succeeded: 0, failed: 0, cacheBytes: 0 };
  const cache = new Map<string, CacheEntry>();
  let cacheNumber = 0;
  // What an earlier agent left is not trusted: it may be half a download.
  let prepared: Promise<void> | undefined;
  const prepare = () => {
    prepared ??= rm(cacheDir, { recursive: true, force: true }).then(() => {});
    return prepared;
  };

  const download = async (url: string, target: string, signal: AbortSignal): Promise<void> => {
    const stalled = new AbortController();
    const both = AbortSignal.any([signal, stalled.signal]);
    const tooLong = () => stalled.abort(new FetchError(`no data for ${options.stallTimeoutMs} ms`));
    let cancel = clock.after(options.stallTimeoutMs, tooLong);
    const alive = () => {
      cancel();
      cancel = clock.after(options.stallTimeoutMs, tooLong);
    };
    try {
      const body = await open(url, both);
      body.on('data', alive);
      body.pause();
      await pipeline(body, createWriteStream(target), { signal: both });
    } catch (error) {
      throw stalled.signal.aborted ? stalled.signal.reason : error;
    } finally {
      cancel();
    }
  };

  const open = async (url: string, signal: AbortSignal): Promise<Readable> => {
    const response = await httpStream(url, { signal, agent: options.network.httpAgent, maxRedirects: 10 });
    if (response.statusCode === 200) return response;
    response.destroy();
    throw new FetchError(`unexpected HTTP response ${response.statusCode}`);
  };

  const bring = async (step: FetchStep, target: string, signal: AbortSignal): Promise<void> => {
    await mkdir(dirname(target), { recursive: true });
    if (step.source.kind === 'http') await download(step.source.url, target, signal);
    else await copyFile(step.source.path, target);
  };

  /** The cached copy; whoever asks while it is on its way waits for the same download. */
  const cached = async (step: FetchStep, user: string): Promise<CacheEntry> => {
    await prepare();
    const key = `${user} ${step.uri}`;
    let entry = cache.get(key);
    if (!entry) {
      const file = join(cacheDir, user, `c${++cacheNumber}-${basename(step.output)}`);
      const made: CacheEntry = { file: Promise.resolve(file), bytes: 0, usedAt: 0, users: 0 };
      made.file = bring(step, file, neverAborted).then(async () => {
        made.bytes = (await stat(file)).size;
        counts.cacheBytes += made.bytes;
        return file;
      });
      made.file.catch(() => cache.delete(key));
      cache.set(key, made);
      entry = made;
    }
    entry.usedAt = clock.monotonic();
    entry.users++;
    return entry;
  };

  const shrinkCache = async () => {
    const idle = [...cache].filter(([, entry]) => entry.users === 0).sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [key, entry] of idle) {
      if (counts.cacheBytes <= options.cacheBytes) return;
      cache.delete(key);
      counts.cacheBytes -= entry.bytes;
      await rm(await entry.file, { force: true });
    }
  };

  const run = async (step: FetchStep, job: FetchJob): Promise<void> => {
    const target = join(job.sandbox, step.output);
    if (!step.cache) {
      await bring(step, target, job.signal);
      return finish(step, target, job);
    }
    const entry = await cached(step, job.user);
    try {
      const file = await entry.file;
      const extracts = step.finish !== 'nothing' && step.finish !== 'executable';
      if (extracts) return await finish(step, file, job);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(file, target);
      await finish(step, target, job);
    } finally {
      entry.users--;
      await shrinkCache();
    }
  };

  const finish = async (step: FetchStep, file: string, { sandbox, signal }: FetchJob): Promise<void> => {
    const env = { PATH: options.path };
    switch (step.finish) {
      case 'nothing':
        return;
      case 'executable':
        return chmod(file, 0o755);
      case 'tar':
        return unpack('tar', ['-C', sandbox, '-xf', file], env, signal);
      case 'zip':
        return unpack('unzip', ['-o', '-q', '-d', sandbox, file], env, signal);
      case 'gzip':
        return unpack('gzip', ['-dc', file], env, signal, join(sandbox, step.output.slice(0, -'.gz'.length)));
    }
  };

  return {
    counts,
    async fetch(job) {
      for (const uri of job.uris) {
        try {
          const step = planFetch(uri, options.frameworksHome);
          await note(job.sandbox, `Fetching URI '${step.uri}' to '${join(job.sandbox, step.output)}'`);
          await run(step, job);
        } catch (error) {
          if (job.signal.aborted) throw job.signal.reason;
          counts.failed++;
          const why = explain(error);
          await note(job.sandbox, `Failed to fetch '${uri.value}': ${why}`);
          throw new FetchError(`${uri.value}: ${why}`);
        }
      }
      if (job.uris.length > 0) counts.succeeded++;
    },
  };
}

/** Like the real fetcher, the task's stderr tells what was fetched. */
async function note(sandbox: string, text: string): Promise<void> {
  await appendFile(join(sandbox, 'stderr'), `${text}\n`).catch(() => {});
}

function explain(error: unknown): string {
  const path = (error as { path?: unknown }).path;
  if (systemCode(error) === 'ENOENT' && typeof path === 'string') return `no such file or directory: ${path}`;
  return messageOf(error);
}

async function unpack(
  program: string,
  args: string[],
  env: Record<string, string>,
  signal: AbortSignal,
  output?: string,
): Promise<void> {
  const child = spawn(program, args, { env, signal, stdio: ['ignore', output ? 'pipe' : 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < 1000) said += text;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) =>
      reject(systemCode(error) === 'ENOENT' ? new FetchError(`the program '${program}' is not installed`) : error),
    );
    child.once('close', resolve);
  });
  const written = output && child.stdout ? pipeline(child.stdout, createWriteStream(output)) : Promise.resolve();
  const [code] = await Promise.all([ended, written]);
  if (code !== 0) throw new FetchError(`${program} exited with status ${code}: ${said.trim()}`);
}
