import { readdirSync } from 'node:fs';
import type { Clock } from '../../support/clock.ts';
import { readStat } from '../../support/process.ts';

/** From SIGTERM to SIGKILL for a node's tasks when their node is stopped. */
const graceMs = 3_000;
const lookMs = 20;

/** Ends every other process of this namespace but the first: in a node's container they are its tasks. */
export async function endGuests(clock: Clock): Promise<void> {
  if (process.platform !== 'linux' || guests().length === 0) return;
  signalAll('SIGTERM');
  const deadline = clock.monotonic() + graceMs;
  while (guests().length > 0 && clock.monotonic() < deadline)
    await new Promise<void>((resolve) => void clock.after(lookMs, resolve));
  if (guests().length > 0) signalAll('SIGKILL');
}

function guests(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) return false;
      const state = readStat(pid)?.state;
      return state !== undefined && state !== 'Z' && state !== 'X';
    });
}

function signalAll(signal: NodeJS.Signals): void {
  for (const pid of guests()) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}
