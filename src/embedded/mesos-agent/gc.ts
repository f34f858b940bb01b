import { readdir, rm, rmdir, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Cancel, Clock } from '../../support/clock.ts';
import type { Logger } from '../../support/logger.ts';

/** Removes the sandboxes of ended executors after a time, and sooner when the disk fills. */
export interface SandboxGc {
  /** @param endedAt milliseconds since 1970 */
  add(directory: string, containerId: string, endedAt: number): void;
  readonly counts: { pending: number; succeeded: number; failed: number };
  /** How old a sandbox may get at the present use of the disk, in milliseconds. */
  readonly maxAgeMs: number;
  close(): void;
}

export interface SandboxGcOptions {
  workDir: string;
  delayMs: number;
  headroom: number;
  diskWatchIntervalMs: number;
  clock: Clock;
  log: Logger;
  onRemoved: (containerId: string) => void;
}

/** Timers can't wait longer. */
const longestTimerMs = 2 ** 31 - 1;

/** Source: Slave::age and gc.cpp of Apache Mesos. */
export function createSandboxGc(options: SandboxGcOptions): SandboxGc {
  const { clock, log } = options;
  const left = new Map<string, { containerId: string; endedAt: number }>();
  const counts = { pending: 0, succeeded: 0, failed: 0 };
  let maxAgeMs = options.delayMs;
  let cancelNext: Cancel | undefined;
  let busy = false;
  let closed = false;

  const collect = async () => {
    cancelNext?.();
    cancelNext = undefined;
    if (busy) return;
    busy = true;
    for (const [directory, { containerId, endedAt }] of left) {
      if (closed || endedAt + maxAgeMs > clock.now()) continue;
      left.delete(directory);
      await removeRun(directory).then(
        () => counts.succeeded++,
        (error) => {
          counts.failed++;
          log.warn('a sandbox could not be removed', { directory, error });
        },
      );
      if (!closed) options.onRemoved(containerId);
    }
    counts.pending = left.size;
    busy = false;
    plan();
  };

  const plan = () => {
    if (closed || left.size === 0) return;
    const oldest = Math.min(...[...left.values()].map(({ endedAt }) => endedAt));
    const wait = Math.min(longestTimerMs, Math.max(0, oldest + maxAgeMs - clock.now()) + 1000);
    cancelNext?.();
    cancelNext = clock.after(wait, () => void collect());
  };

  const cancelWatch = clock.every(options.diskWatchIntervalMs, () => {
    if (left.size === 0) return;
    statfs(options.workDir).then(
      ({ blocks, bavail }) => {
        maxAgeMs = maxAge(options.delayMs, options.headroom, blocks === 0 ? 0 : 1 - bavail / blocks);
        void collect();
      },
      () => {},
    );
  });

  return {
    counts,
    get maxAgeMs() {
      return maxAgeMs;
    },
    add(directory, containerId, endedAt) {
      left.set(directory, { containerId, endedAt });
      counts.pending = left.size;
      // All wait equally long, so what is added last never comes first.
      if (!cancelNext) plan();
    },
    close() {
      closed = true;
      cancelNext?.();
      cancelWatch();
    },
  };
}

/** @param usage share of the disk in use, 0 to 1 */
export function maxAge(delayMs: number, headroom: number, usage: number): number {
  return delayMs * Math.max(0, 1 - headroom - usage);
}

/** Removes a run and the folders above it that were there for its sake. */
async function removeRun(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  const runs = dirname(directory);
  try {
    // `latest` points to nothing exactly when no younger run is there.
    if ((await readdir(runs)).some((name) => name !== 'latest')) return;
    await rm(runs, { recursive: true });
    const executors = dirname(dirname(runs));
    await rmdir(dirname(runs));
    await rmdir(executors);
    await rmdir(dirname(executors));
  } catch {
    // Somebody else still lives there.
  }
}
