import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../support/errors.ts';
import type { Logger } from '../../../support/logger.ts';
import { type Engine, EngineError, whileAway } from './engine.ts';
import { createDemultiplexer } from './frames.ts';

/** Bytes of `stdout` and `stderr`. */
export interface LogSizes {
  stdout: number;
  stderr: number;
}

export interface LogFollower {
  /** Resolves when the container has ended, as far as its output tells, or when the output can't be had. */
  readonly quiet: Promise<void>;
  /** For a container that has ended: resolves when all it wrote is in the sandbox. */
  finish(): Promise<void>;
  stop(): void;
}

const names = ['stdout', 'stderr'] as const;

/** The present sizes of the sandbox's files; without them zero. */
export async function logSizes(sandbox: string): Promise<LogSizes> {
  const [stdout, stderr] = await Promise.all(
    names.map(async (name) => {
      const file = await openFile(sandbox, name);
      try {
        return (await file.stat()).size;
      } finally {
        await file.close();
      }
    }),
  );
  return { stdout: stdout!, stderr: stderr! };
}

/** Adds a line to the sandbox's `stderr`, where a user looks for the reason. */
export async function noteInSandbox(sandbox: string, line: string): Promise<void> {
  try {
    const file = await openFile(sandbox, 'stderr');
    await file.write(`${line}\n`).finally(() => file.close());
  } catch {
    // The status says it too.
  }
}

/** A task may put anything into its sandbox, so nothing is followed out of it. */
function openFile(sandbox: string, name: (typeof names)[number]): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  return open(join(sandbox, name), O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o644);
}

/**
 * Writes what a container puts out into the sandbox's `stdout` and `stderr`. The engine keeps all of it, so after a
 * restart of the agent or the engine it is read again from its beginning, and what the files hold already is passed
 * over: nothing is lost and nothing comes twice. The same is done once at the end, since a busy engine (20.10) may end
 * the stream that follows before the last of it.
 * @param start what the files held before the container wrote
 */
export function followLogs(
  engine: Engine,
  container: string,
  options: { sandbox: string; start: LogSizes; terminal: boolean; log: Logger },
): LogFollower {
  const { sandbox, start, log } = options;
  const stopped = new AbortController();
  const following = new AbortController();

  /** Adds what the files don't hold yet. */
  const read = async (files: Files, follow: boolean, signal: AbortSignal): Promise<void> => {
    const response = await engine.logs(container, follow, signal);
    const skip = { stdout: 0, stderr: 0 };
    for (const name of names) skip[name] = Math.max(0, (await files[name].stat()).size - start[name]);
    const split = createDemultiplexer(options.terminal);
    for await (const chunk of response) {
      const output = split(chunk as Buffer);
      for (const name of names) {
        const all = Buffer.concat(output[name]);
        const fresh = all.subarray(skip[name]);
        skip[name] -= all.length - fresh.length;
        if (fresh.length > 0) await files[name].write(fresh);
      }
    }
  };

  const bring = async (follow: boolean, signal: AbortSignal): Promise<void> => {
    try {
      await withFiles(sandbox, (files) => whileAway(() => read(files, follow, signal), signal));
    } catch (error) {
      if (signal.aborted || (error instanceof EngineError && error.status === 404)) return;
      log.warn('the output of a container is not to be had', { container, error: messageOf(error) });
      // Drivers that only send the output elsewhere can't read it.
      if (follow && error instanceof EngineError)
        await noteInSandbox(sandbox, `The output of the container can't be read: ${error.message}`);
    }
  };

  const quiet = bring(true, AbortSignal.any([stopped.signal, following.signal]));
  return {
    quiet,
    async finish() {
      following.abort(new Error('the container has ended'));
      await quiet;
      await bring(false, stopped.signal);
    },
    stop: () => stopped.abort(new Error('the output is of no interest any more')),
  };
}

type Files = Record<(typeof names)[number], FileHandle>;

async function withFiles(sandbox: string, use: (files: Files) => Promise<void>): Promise<void> {
  const stdout = await openFile(sandbox, 'stdout');
  try {
    const stderr = await openFile(sandbox, 'stderr');
    await use({ stdout, stderr }).finally(() => stderr.close());
  } finally {
    await stdout.close();
  }
}
