import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  apply,
  type Books,
  type Entry,
  emptyBooks,
  entriesOf,
  findTask,
  reportOf,
} from '../../../src/embedded/mesos-agent/books.ts';
import { openJournal } from '../../../src/embedded/mesos-agent/journal.ts';
import type { FrameworkInfo, TaskState, TaskStatus } from '../../../src/protocols/mesos/types.ts';
import { silentLogger } from '../../../src/support/logger.ts';

const info = (id: string): FrameworkInfo => ({ id: { value: id }, user: 'u', name: id, checkpoint: true });
const framework = (id: string): Entry => ({ k: 'framework', id, info: info(id) });
const executor = (fid: string, eid: string): Entry => ({
  k: 'executor',
  kind: 'command',
  info: { executor_id: { value: eid } },
  fid,
  container: `c-${eid}`,
  directory: `/run/${eid}`,
});
const task = (fid: string, tid: string): Entry => ({
  k: 'task',
  info: { name: tid, task_id: { value: tid }, agent_id: { value: 'S0' } },
  fid,
  eid: tid,
  container: `c-${tid}`,
});
const status = (fid: string, tid: string, state: TaskState, uuid?: string): Entry => ({
  k: 'status',
  fid,
  status: { task_id: { value: tid }, state, ...(uuid ? { uuid } : {}), data: 'eA==' } as TaskStatus,
});
const ack = (fid: string, tid: string, uuid: string): Entry => ({ k: 'ack', fid, tid, uuid });

function booksOf(...entries: Entry[]): Books {
  const books = emptyBooks();
  for (const entry of entries) apply(books, entry);
  return books;
}

const running = [framework('f'), executor('f', 't'), task('f', 't'), status('f', 't', 'TASK_RUNNING', 'u1')];

describe('the books', () => {
  test('keep one status a state in a row, and each one to be acknowledged', () => {
    const books = booksOf(...running, status('f', 't', 'TASK_RUNNING', 'u2'), status('f', 't', 'TASK_KILLING', 'u3'));
    const known = findTask(books, 'f', 't')!;
    expect(known.statuses.map(({ state }) => state)).toEqual(['TASK_RUNNING', 'TASK_KILLING']);
    expect(known.statuses.every((each) => each.uuid === undefined && each.data === undefined)).toBe(true);
    expect(known.pending.map(({ uuid }) => uuid)).toEqual(['u1', 'u2', 'u3']);
  });

  test('take acknowledgements in order only', () => {
    const books = booksOf(...running, status('f', 't', 'TASK_RUNNING', 'u2'), ack('f', 't', 'u2'), ack('f', 't', 'u1'));
    expect(findTask(books, 'f', 't')!.pending.map(({ uuid }) => uuid)).toEqual(['u2']);
  });

  test('complete an executor when it has ended and everything is acknowledged, whichever comes first', () => {
    const ended: Entry = { k: 'executor-end', fid: 'f', eid: 't', at: 5 };
    const finished = [...running, ack('f', 't', 'u1'), status('f', 't', 'TASK_FINISHED', 'u2')];
    for (const rest of [
      [ended, ack('f', 't', 'u2')],
      [ack('f', 't', 'u2'), ended],
    ]) {
      const books = booksOf(...finished, ...rest);
      const known = books.frameworks.get('f')!;
      expect(known.executors.size).toBe(0);
      expect(known.completedExecutors).toMatchObject([{ containerId: 'c-t', endedAt: 5 }]);
      expect(known.completedExecutors[0]!.completedTasks).toHaveLength(1);
      expect(reportOf(books).tasks).toEqual([]);
    }
  });

  test('bring a completed framework back when it launches again', () => {
    const books = booksOf(framework('f'), { k: 'framework-end', id: 'f' }, framework('f'));
    expect([...books.frameworks.keys()]).toEqual(['f']);
    expect(books.completedFrameworks).toEqual([]);
  });

  const id = fc.constantFrom('a', 'b');
  const state = fc.constantFrom<TaskState>('TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED', 'TASK_KILLED');
  const uuid = fc.constantFrom('u1', 'u2', 'u3');
  const entry: fc.Arbitrary<Entry> = fc.oneof(
    id.map(framework),
    fc.tuple(id, id).map(([f, e]) => executor(f, e)),
    fc.tuple(id, id).map(([f, t]) => task(f, t)),
    fc.tuple(id, id, state, uuid).map(([f, t, s, u]) => status(f, t, s, u)),
    fc.tuple(id, id, uuid).map(([f, t, u]) => ack(f, t, u)),
    fc.tuple(id, id).map(([fid, tid]): Entry => ({ k: 'kill', fid, tid })),
    fc.tuple(id, id).map(([fid, eid]): Entry => ({ k: 'executor-end', fid, eid, at: 1 })),
    id.map((framework): Entry => ({ k: 'framework-end', id: framework })),
    fc.constant<Entry>({ k: 'resources', resources: [] }),
  );

  test('are the same when made from their own rewritten journal', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), (entries) => {
        const books = booksOf(...entries);
        const again = booksOf(...(JSON.parse(JSON.stringify(entriesOf(books))) as Entry[]));
        expect(reportOf(again)).toEqual(reportOf(books));
        expect(entriesOf(again)).toEqual(entriesOf(books));
      }),
    );
  });
});

describe('the journal', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'devcluster-journal-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const open = () => openJournal(join(folder, 'meta', 'journal'), silentLogger, 150);

  test('gives the books back, whenever the agent was killed', () => {
    const journal = open();
    journal.recordAll(running);
    journal.close();
    const whole = readFileSync(join(folder, 'meta', 'journal'), 'utf8');
    for (let length = whole.length; length > 0; length -= 7) {
      writeFileSync(join(folder, 'meta', 'journal'), whole.slice(0, length));
      const lines = whole.slice(0, length).split('\n');
      // A last line that is whole but for its newline counts.
      const entries = lines
        .filter((line) => line.endsWith('}') && isJson(line))
        .map((line) => JSON.parse(line) as Entry);
      const again = open();
      expect(reportOf(again.books)).toEqual(reportOf(booksOf(...entries)));
      again.close();
    }
  });

  test('passes lines over that it can not read', () => {
    const journal = open();
    journal.recordAll(running);
    journal.close();
    appendFileSync(join(folder, 'meta', 'journal'), 'no json\n\n{"k":"unknown"}\nnull\n');
    const again = open();
    expect(findTask(again.books, 'f', 't')).toBeDefined();
    again.close();
  });

  test('that can not be written says so, and is made anew as soon as it can', () => {
    const journal = open();
    const meta = join(folder, 'meta');
    journal.recordAll(running.slice(0, 3));
    // A folder in the place of what it is rewritten to stands for a full disk.
    mkdirSync(join(meta, 'journal.new'));
    const message = 'x'.repeat(5 << 20);
    const large: TaskStatus = { task_id: { value: 't' }, state: 'TASK_STARTING', message };
    journal.record({ k: 'status', fid: 'f', status: large });
    expect(journal.failure).toContain(join(meta, 'journal'));
    journal.record(running[3]!);
    expect(findTask(journal.books, 'f', 't')!.pending).toHaveLength(1);
    rmdirSync(join(meta, 'journal.new'));
    journal.record({ k: 'kill', fid: 'f', tid: 't' });
    expect(journal.failure).toBeUndefined();
    journal.close();
    const again = open();
    expect(reportOf(again.books)).toEqual(reportOf(journal.books));
    again.close();
  });

  test('does not grow without end', () => {
    const journal = open();
    journal.recordAll(running);
    const data = 'x'.repeat(100_000);
    for (let round = 0; round < 100; round++) {
      const uuid = `r${round}`;
      journal.record({
        k: 'status',
        fid: 'f',
        status: { task_id: { value: 't' }, state: 'TASK_RUNNING', message: data, uuid },
      });
      journal.record(ack('f', 't', round === 0 ? 'u1' : `r${round - 1}`));
    }
    journal.close();
    expect(readFileSync(join(folder, 'meta', 'journal')).length).toBeLessThan(5 << 20);
    const again = open();
    expect(findTask(again.books, 'f', 't')!.pending.map(({ uuid }) => uuid)).toEqual(['r99']);
    again.close();
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
