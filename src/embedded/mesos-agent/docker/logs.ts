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
  /** Resolves when the container has ended and all it wrote is in the sandbox, or when it can't be had. */
  readonly done: Promise<void>;
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
 * over: nothing is lost and nothing comes twice.
 * @param start what the files held before the container wrote
 */
export function followLogs(
  engine: Engine,
  container: string,
  options: { sandbox: string; start: LogSizes; terminal: boolean; log: Logger },
): LogFollower {
  const stopped = new AbortController();
  const { signal } = stopped;

  const follow = async (files: Record<(typeof names)[number], FileHandle>): Promise<void> => {
    const response = await engine.logs(container, signal);
    const skip = { stdout: 0, stderr: 0 };
    for (const name of names) skip[name] = Math.max(0, (await files[name].stat()).size - options.start[name]);
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

  const run = async () => {
    const stdout = await openFile(options.sandbox, 'stdout');
    const stderr = await openFile(options.sandbox, 'stderr').catch(async (error) => {
      await stdout.close();
      throw error;
    });
    try {
      await whileAway(() => follow({ stdout, stderr }), signal);
    } catch (error) {
      if (signal.aborted) return;
      options.log.warn('the output of a container is not to be had', { container, error: messageOf(error) });
      // Drivers that only send the output elsewhere can't read it.
      if (error instanceof EngineError && error.status !== 404)
        await stderr.write(`The output of the container can't be read: ${error.message}\n`);
    } finally {
      await Promise.allSettled([stdout.close(), stderr.close()]);
    }
  };

  return {
    done: run().catch((error) => {
      if (!signal.aborted) options.log.warn('the sandbox takes no output', { container, error: messageOf(error) });
    }),
    stop: () => stopped.abort(new Error('the output is not followed any more')),
  };
}
