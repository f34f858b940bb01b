import { type FSWatcher, watch } from 'node:fs';
import type { Component } from '../../protocols/versions.ts';
import type { LogLine } from '../types.ts';
import { createLogCursor, type LogCursor, type LogFileSet, listLogs, readTail } from './log-files.ts';

export interface LogQuery {
  node: string;
  logsDir: string;
  /** One component's log; without it those of all services and of the host. */
  component?: Component;
  /** At most this many lines of the past. */
  tail?: number;
  /** Nothing from before this time (milliseconds since 1970). */
  since?: number;
  follow: boolean;
  signal: AbortSignal;
}

/** Log lines of a node, oldest first; those of several logs are merged by their times. */
export async function* readLogs(query: LogQuery): AsyncGenerator<LogLine> {
  const { node, component, tail, since = Number.NEGATIVE_INFINITY, signal } = query;
  const wanted = () => listLogs(query.logsDir).filter(({ name }) => component === undefined || name === component);
  const sourceOf = (name: string) => (name === 'host' ? node : `${node}/${name}`);
  const cursors = new Map<string, LogCursor>();
  // Watching begins before the first reading, so that nothing falls between.
  const changes = query.follow ? watchFolder(query.logsDir, signal) : undefined;
  try {
    const past: LogLine[] = [];
    for (const set of wanted()) {
      const { lines, cursor } = await readPast(set, tail);
      past.push(...toLogLines(sourceOf(set.name), lines));
      cursors.set(set.name, cursor);
    }
    const chosen = inOrder(past).filter((line) => (line.time ?? 0) >= since);
    yield* tail === undefined ? chosen : chosen.slice(Math.max(0, chosen.length - tail));
    if (!changes) return;
    for (;;) {
      const fresh: LogLine[] = [];
      for (const set of wanted()) {
        const path = set.paths.at(-1) ?? '';
        let cursor = cursors.get(set.name);
        if (!cursor) cursors.set(set.name, (cursor = createLogCursor(path)));
        fresh.push(...toLogLines(sourceOf(set.name), await cursor.next()));
      }
      yield* inOrder(fresh).filter((line) => (line.time ?? 0) >= since);
      if (signal.aborted) return;
      await changes.next();
      if (signal.aborted) return;
    }
  } finally {
    changes?.close();
  }
}

async function readPast(set: LogFileSet, tail: number | undefined): Promise<{ lines: string[]; cursor: LogCursor }> {
  let lines: string[] = [];
  let cursor: LogCursor | undefined;
  for (const path of [...set.paths].reverse()) {
    if (tail !== undefined && cursor && lines.length >= tail) break;
    const read = await readTail(path, tail === undefined ? undefined : tail - lines.length);
    lines = [...read.lines, ...lines];
    cursor ??= createLogCursor(path.replace(/\.log\.\d+$/, '.log'), read);
  }
  return { lines, cursor: cursor ?? createLogCursor(set.paths.at(-1) ?? '') };
}

/** A line without a time of its own (a stack's, what Node.js prints as it dies) has that of the line before it. */
function toLogLines(source: string, lines: readonly string[]): LogLine[] {
  let time: number | undefined;
  return lines.map((text) => {
    const own = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z(?= )/.exec(text)?.[0];
    if (own) time = Date.parse(own);
    return time === undefined ? { source, text } : { source, time, text };
  });
}

function inOrder(lines: LogLine[]): LogLine[] {
  return lines.sort((a, b) => (a.time ?? 0) - (b.time ?? 0));
}

/** Wakes whoever awaits `next` when something in the folder changes, or when the signal aborts. */
function watchFolder(folder: string, signal: AbortSignal): { next(): Promise<void>; close(): void } {
  let changed = false;
  let wake: (() => void) | undefined;
  const onChange = () => {
    changed = true;
    wake?.();
  };
  let watcher: FSWatcher | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    watcher = watch(folder, onChange);
    watcher.on('error', onChange);
  } catch {
    // No such folder yet, or no more watches to be had: look once in a while.
    timer = setInterval(onChange, 500);
  }
  signal.addEventListener('abort', onChange, { once: true });
  return {
    async next() {
      if (!changed && !signal.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      changed = false;
    },
    close() {
      watcher?.close();
      clearInterval(timer);
      signal.removeEventListener('abort', onChange);
    },
  };
}
