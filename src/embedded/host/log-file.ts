import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { messageOf } from '../../support/errors.ts';

export interface LogFile {
  /** Takes whole lines; they are in the file by the end of this turn of the event loop. */
  write(line: string): void;
  /** Writes what is pending now: before the process ends. */
  flush(): void;
  close(): void;
}

/**
 * A log file that is renamed to `<path>.1` (and `.1` to `.2`, …, up to `keep`) when it would outgrow `maxBytes`.
 * A file that can't be written never disturbs who logs: its lines are counted, and the number is written when there is
 * room again. @throws when it can't be opened at first
 */
export function createLogFile(path: string, options: { maxBytes?: number; keep?: number } = {}): LogFile {
  const { maxBytes = 10 << 20, keep = 3 } = options;
  let fd = openSync(path, 'a', 0o600);
  let size = fstatSync(fd).size;
  let pending = '';
  let pendingLines = 0;
  let lost = 0;
  let lostWhy = '';
  let scheduled: NodeJS.Immediate | undefined;

  const rotate = () => {
    const fresh = () => openSync(path, 'a', 0o600);
    rmSync(`${path}.${keep}`, { force: true });
    for (let i = keep - 1; i >= 0; i--) {
      try {
        renameSync(i === 0 ? path : `${path}.${i}`, `${path}.${i + 1}`);
      } catch {
        // There are fewer than `keep` so far.
      }
    }
    const next = fresh();
    closeSync(fd);
    fd = next;
    size = fstatSync(fd).size;
  };

  const flush = () => {
    if (scheduled) clearImmediate(scheduled);
    scheduled = undefined;
    if (pendingLines === 0) return;
    const notice =
      lost > 0 ? `${new Date().toISOString()} WARN  log: ${lost} lines could not be written: ${lostWhy}\n` : '';
    const bytes = Buffer.from(notice + pending);
    const lines = pendingLines;
    pending = '';
    pendingLines = 0;
    try {
      if (size > 0 && size + bytes.length > maxBytes) rotate();
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      size += bytes.length;
      lost = 0;
    } catch (error) {
      lost += lines;
      lostWhy = messageOf(error);
    }
  };

  return {
    write(line) {
      pending += line;
      pendingLines++;
      scheduled ??= setImmediate(flush);
    },
    flush,
    close() {
      flush();
      closeSync(fd);
    },
  };
}
