import { sandboxVariable } from '../../protocols/mesos/task-record.ts';
import type { Clock } from '../../support/clock.ts';
import { type KnownTags, listProcesses, type TaggedProcess } from '../../support/process-tree.ts';
import { retry } from '../../support/retry.ts';

/** Looks at the system's processes, once for all who ask at about the same time. */
export interface ProcessScans {
  /** The processes as they are some time after the call. @throws when they can't be looked at for two seconds */
  scan(): Promise<TaggedProcess[]>;
}

/** A look takes some 30 µs a process; with no more than this share of the time spent on it, ending a thousand tasks stays cheap. */
const share = 0.2;
const leastGapMs = 10;
/** A machine that is short of time makes every look seem long; nobody is to wait for that. */
const mostGapMs = 200;

export function createProcessScans(clock: Clock): ProcessScans {
  let next: Promise<TaggedProcess[]> | undefined;
  let notBefore = 0;
  const known: KnownTags = new Map();

  const look = async () => {
    next = undefined;
    const started = clock.monotonic();
    const processes = await retry(() => listProcesses(sandboxVariable, known), { delayMs: 50, timeoutMs: 2000 });
    const now = clock.monotonic();
    notBefore = now + Math.min(mostGapMs, Math.max(leastGapMs, (now - started) / share));
    return processes;
  };
  return {
    scan() {
      // Even without a gap to keep, the look waits for the end of the turn, so that all who ask in it share it.
      next ??= new Promise((resolve, reject) => {
        clock.after(Math.max(0, notBefore - clock.monotonic()), () => look().then(resolve, reject));
      });
      return next;
    },
  };
}
