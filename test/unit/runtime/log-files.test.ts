import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogCursor, lastLines, readTail } from '../../../src/runtime/process/log-files.ts';
import { readLogs } from '../../../src/runtime/process/logs.ts';
import type { LogLine } from '../../../src/runtime/types.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'logs-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`;
const write = (name: string, ...lines: string[]) =>
  writeFileSync(join(folder, name), lines.map((l) => `${l}\n`).join(''));

async function read(query: Partial<Parameters<typeof readLogs>[0]> = {}): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  const options = { node: 'node-1', logsDir: folder, follow: false, signal: new AbortController().signal };
  for await (const line of readLogs({ ...options, ...query })) lines.push(line);
  return lines;
}

describe("a node's logs", () => {
  it('are merged by time; lines without one stay where they are', async () => {
    write('host.log', `${at(1)} one`, `${at(4)} four`);
    write('marathon.log', `${at(2)} two`, '  at two', `${at(3)} three`);
    expect(await read()).toEqual([
      { source: 'node-1', time: Date.parse(at(1)), text: `${at(1)} one` },
      { source: 'node-1/marathon', time: Date.parse(at(2)), text: `${at(2)} two` },
      { source: 'node-1/marathon', time: Date.parse(at(2)), text: '  at two' },
      { source: 'node-1/marathon', time: Date.parse(at(3)), text: `${at(3)} three` },
      { source: 'node-1', time: Date.parse(at(4)), text: `${at(4)} four` },
    ]);
  });

  it('go back through the files that were rotated', async () => {
    write('marathon.log.2', `${at(1)} a`);
    write('marathon.log.1', `${at(2)} b`, `${at(3)} c`);
    write('marathon.log', `${at(4)} d`);
    const texts = async (query: Parameters<typeof read>[0]) => (await read(query)).map(({ text }) => text.slice(-1));
    expect(await texts({})).toEqual(['a', 'b', 'c', 'd']);
    expect(await texts({ tail: 2 })).toEqual(['c', 'd']);
    expect(await texts({ tail: 0 })).toEqual([]);
    expect(await texts({ since: Date.parse(at(3)) })).toEqual(['c', 'd']);
    expect(await texts({ component: 'zookeeper' })).toEqual([]);
    expect(await lastLines(folder, 'marathon', 3)).toEqual([`${at(2)} b`, `${at(3)} c`, `${at(4)} d`]);
  });

  it('of a node that never ran are empty', async () => {
    expect(await read({ logsDir: join(folder, 'none') })).toEqual([]);
  });

  it('are followed, new files among them, until the signal', async () => {
    write('host.log', `${at(1)} one`);
    const abort = new AbortController();
    const seen: string[] = [];
    for await (const { text } of readLogs({ node: 'n', logsDir: folder, follow: true, signal: abort.signal })) {
      seen.push(text.slice(25));
      if (seen.length === 1) appendFileSync(join(folder, 'host.log'), `${at(2)} two\n`);
      if (seen.length === 2) write('marathon.log', `${at(3)} three`);
      if (seen.length === 3) abort.abort();
    }
    expect(seen).toEqual(['one', 'two', 'three']);
  });
});

describe('the end of a log', () => {
  it('is found however long the file is', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${'é'.repeat(i % 10)}`);
    write('long.log', ...lines);
    expect((await readTail(join(folder, 'long.log'), 3)).lines).toEqual(lines.slice(-3));
    expect((await readTail(join(folder, 'long.log'), 15_000)).lines).toEqual(lines.slice(-15_000));
    expect((await readTail(join(folder, 'long.log'))).lines).toEqual(lines);
  });

  it('leaves a line that is still being written', async () => {
    writeFileSync(join(folder, 'a.log'), 'whole\nhal');
    const { lines, end, inode } = await readTail(join(folder, 'a.log'), 5);
    expect(lines).toEqual(['whole']);
    const cursor = createLogCursor(join(folder, 'a.log'), { end, inode });
    appendFileSync(join(folder, 'a.log'), 'f\n');
    expect(await cursor.next()).toEqual(['half']);
  });
});

describe('a cursor', () => {
  it('misses nothing when the file is rotated', async () => {
    const path = join(folder, 'a.log');
    writeFileSync(path, 'one\n');
    const cursor = createLogCursor(path);
    expect(await cursor.next()).toEqual(['one']);
    appendFileSync(path, 'two\n');
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'three\n');
    expect(await cursor.next()).toEqual(['two', 'three']);
    expect(await cursor.next()).toEqual([]);
  });
});
