import { write, writeSync } from 'node:fs';
import { systemCode } from '../../support/errors.ts';
import type { LogFile } from './log-file.ts';

/** More than this is not kept for a reader that does not read. */
const mostPending = 4 << 20;

/** Where the lines of several logs come together. */
export interface LogStream {
  /** A log whose lines have its name in front: `marathon | 2026-01-02T03:04:05.678Z INFO  …`. */
  open(name: string): LogFile;
  /** Takes a whole line as it is. */
  write(line: string): void;
  /** Writes what is pending now, as far as the reader takes it: before the process ends. */
  flush(): void;
}

/**
 * A log to a descriptor that somebody else reads, as a container's engine does. While nobody reads, for instance while
 * the engine is being restarted, the node's services go on: only a thread waits, and lines that find no room are counted.
 */
export function createLogStream(fd: number): LogStream {
  let pending = '';
  let writing: Buffer | undefined;
  let lost = 0;
  let scheduled = false;

  const next = () => {
    scheduled = false;
    if (writing || pending === '') return;
    writing = Buffer.from(pending);
    pending = '';
    const go = (from: number) => {
      const bytes = writing!;
      write(fd, bytes, from, bytes.length - from, null, (error, count) => {
        if (error && systemCode(error) !== 'EAGAIN') writing = undefined;
        else if (error) setTimeout(() => go(from), 10);
        else if (from + count < bytes.length) return go(from + count);
        else writing = undefined;
        if (!writing) next();
      });
    };
    go(0);
  };

  const take = (line: string) => {
    if (pending.length + line.length > mostPending) {
      lost++;
      return;
    }
    if (lost > 0) pending += `host | ${new Date().toISOString()} WARN  log: ${lost} lines found no room\n`;
    lost = 0;
    pending += line;
    if (!scheduled) setImmediate(next);
    scheduled = true;
  };

  const flush = () => {
    try {
      for (let bytes = Buffer.from(pending); bytes.length > 0; ) bytes = bytes.subarray(writeSync(fd, bytes));
    } catch {
      // The reader is gone or slow; the process ends all the same.
    }
    pending = '';
  };

  return {
    write: take,
    flush,
    open: (name) => ({
      write: (line) => take(`${name} | ${line}`),
      flush,
      close: flush,
    }),
  };
}
