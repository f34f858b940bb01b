import { type MesosClient, maxReadBytes, type Sandbox } from '../clients/mesos.ts';
import type { Task } from '../protocols/marathon/types.ts';
import { DevclusterError } from '../support/errors.ts';
import { sleep } from '../support/retry.ts';

export interface TaskLine {
  taskId: string;
  stream: 'stdout' | 'stderr';
  text: string;
}

export interface TaskLogOptions {
  /** Last lines of each file first; all without it. */
  tail?: number;
  follow: boolean;
  streams: readonly ('stdout' | 'stderr')[];
  signal: AbortSignal;
  /** Tasks to follow from now on; asked again while following, so that new ones are picked up. */
  tasks: () => Promise<readonly Pick<Task, 'id'>[]>;
}

/**
 * Output of tasks, read through the agents' files API as any client could.
 * @param onLine is called with whole lines, of each file in order
 */
export async function readTaskLogs(
  mesos: MesosClient,
  options: TaskLogOptions,
  onLine: (line: TaskLine) => void,
): Promise<void> {
  const readers = new Map<string, TaskReader[]>();
  const addNew = async () => {
    const fresh = (await options.tasks()).filter((task) => !readers.has(task.id));
    if (fresh.length === 0) return;
    const state = await mesos.state();
    for (const { id } of fresh) {
      try {
        const sandbox = await mesos.sandbox(id, state);
        readers.set(
          id,
          options.streams.map((stream) => createReader(mesos, sandbox, stream, options.tail, onLine)),
        );
      } catch (error) {
        // A task without a sandbox yet will have one at the next round.
        if (!(error instanceof DevclusterError) || error.kind !== 'notFound') throw error;
      }
    }
  };
  const readAll = () => Promise.all([...readers.values()].flat().map((reader) => reader.read(!options.follow)));
  await addNew();
  await readAll();
  if (!options.follow) return;
  for (;;) {
    // The files API has no way to be told of new bytes; the real `mesos tail` asks again, too.
    await sleep(400, options.signal).catch(() => {});
    if (options.signal.aborted) return;
    await addNew().catch(() => {});
    await readAll().catch(() => {});
  }
}

/**
 * What the file holds from `offset` on, some 64 kB at most, and where it goes on. The files API gives bytes as text: what
 * is no UTF-8 comes as U+FFFD, whose length says nothing, so such a piece is read again with a length that is known.
 */
export async function readPiece(
  mesos: Pick<MesosClient, 'read'>,
  sandbox: Sandbox,
  file: string,
  offset: number,
): Promise<{ text: string; next: number }> {
  const { data } = await mesos.read(sandbox, file, offset);
  if (!data.includes('\ufffd')) return { text: data, next: offset + Buffer.byteLength(data) };
  const size = (await mesos.read(sandbox, file, -1)).offset;
  const length = Math.min(maxReadBytes, Math.max(0, size - offset));
  if (length === 0) return { text: '', next: offset };
  const exact = (await mesos.read(sandbox, file, offset, length)).data;
  // A character cut in two by the end of the piece: it is left to the next one.
  const whole = exact.replace(/\ufffd{1,3}$/, '');
  const missing = length - Buffer.byteLength(whole);
  if (missing > 0 && missing < 4 && whole !== '') return { text: whole, next: offset + length - missing };
  return { text: exact, next: offset + length };
}

interface TaskReader {
  read(toTheEnd: boolean): Promise<void>;
}

function createReader(
  mesos: MesosClient,
  sandbox: Sandbox,
  stream: 'stdout' | 'stderr',
  tail: number | undefined,
  onLine: (line: TaskLine) => void,
): TaskReader {
  let offset = 0;
  let pending = '';
  let first = true;
  const emit = (text: string) => onLine({ taskId: sandbox.taskId, stream, text });
  return {
    async read(toTheEnd) {
      let text = '';
      for (;;) {
        const piece = await readPiece(mesos, sandbox, stream, offset);
        if (piece.next === offset) break;
        offset = piece.next;
        text += piece.text;
      }
      const lines = (pending + text).split('\n');
      pending = lines.pop() ?? '';
      if (toTheEnd && pending) {
        lines.push(pending);
        pending = '';
      }
      const shown = first && tail !== undefined ? lines.slice(Math.max(0, lines.length - tail)) : lines;
      first = false;
      for (const line of shown) emit(line);
    },
  };
}

/** The last lines that a task wrote, on stderr and, if that is silent, on stdout. */
export async function lastTaskLines(
  mesos: Pick<MesosClient, 'sandbox' | 'read'>,
  taskId: string,
  count: number,
): Promise<string[]> {
  const sandbox = await mesos.sandbox(taskId);
  for (const file of ['stderr', 'stdout']) {
    const { offset: size } = await mesos.read(sandbox, file, -1);
    const { data } = await mesos.read(sandbox, file, Math.max(0, size - maxReadBytes));
    const lines = data.split('\n').filter((line) => line.trim() !== '');
    if (lines.length > 0) return lines.slice(-count);
  }
  return [];
}
