import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, systemCode } from '../../support/errors.ts';
import type { Logger } from '../../support/logger.ts';
import { apply, type Books, type Entry, emptyBooks, entriesOf } from './books.ts';

/** The agent's checkpoint: a file of entries, one JSON document a line, and the books they make. */
export interface Journal {
  readonly books: Books;
  /**
   * Changes the books; the entry is in the file when this returns. That outlives the agent's process, which is what
   * checkpoints are for (nothing is synced to the disk: tasks do not survive the machine either). When the file can't
   * be written the books change all the same, and the file is made anew as soon as it can.
   */
  record(entry: Entry): void;
  /** Several at the price of one write. */
  recordAll(entries: readonly Entry[]): void;
  /** Why the file lags behind the books (no room on the disk); undefined when it doesn't. */
  readonly failure: string | undefined;
  close(): void;
}

/** Over this many bytes the file is rewritten, if that makes it at most half as large. */
const compactFrom = 4 << 20;

/**
 * Reads the file (a torn last line, left by a killed agent, is dropped), rewrites it compactly and opens it.
 * @throws system errors
 */
export function openJournal(path: string, log: Logger, maxCompletedExecutors: number): Journal {
  const books = recover(path, log, maxCompletedExecutors);
  mkdirSync(dirname(path), { recursive: true });
  let size = 0;
  let limit = compactFrom;
  let failure: string | undefined;
  let file = rewrite();

  function rewrite(): number {
    const text = entriesOf(books).map(toLine).join('');
    const temporary = `${path}.new`;
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
    size = Buffer.byteLength(text);
    limit = Math.max(compactFrom, 2 * size);
    return openSync(path, 'a', 0o600);
  }

  const replace = () => {
    const before = file;
    file = rewrite();
    try {
      closeSync(before);
    } catch {
      // It is of no use any more either way.
    }
  };

  const append = (text: string) => {
    const bytes = Buffer.from(text);
    const written = writeSync(file, bytes);
    size += written;
    if (written < bytes.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
    if (size >= limit) replace();
  };

  const recordAll = (entries: readonly Entry[]) => {
    if (entries.length === 0) return;
    for (const entry of entries) apply(books, entry, maxCompletedExecutors);
    try {
      // After a failure the file may end in the middle of a line.
      if (failure !== undefined) replace();
      else append(entries.map(toLine).join(''));
      failure = undefined;
    } catch (error) {
      failure ??= `the checkpoint '${path}' can't be written: ${systemCode(error) ?? messageOf(error)}`;
      log.error(failure);
    }
  };
  return {
    books,
    record: (entry) => recordAll([entry]),
    recordAll,
    get failure() {
      return failure;
    },
    close() {
      closeSync(file);
    },
  };
}

function toLine(entry: Entry): string {
  return `${JSON.stringify(entry)}\n`;
}

function recover(path: string, log: Logger, maxCompletedExecutors: number): Books {
  const books = emptyBooks();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return books;
    throw error;
  }
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    try {
      apply(books, JSON.parse(line) as Entry, maxCompletedExecutors);
    } catch (error) {
      // The last line may be torn; any other says that somebody else wrote here.
      if (index < lines.length - 1) log.warn('unreadable line in the checkpoint', { path, line: index + 1, error });
    }
  }
  return books;
}
