import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Save } from '../../../src/embedded/zookeeper/raft/types.ts';
import { DataError, recover } from '../../../src/embedded/zookeeper/storage/recover.ts';
import { openStorage, type Storage } from '../../../src/embedded/zookeeper/storage/storage.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zk-storage-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A disk on which each write is awaited. */
function disk(at = folder, options: { segmentBytes?: number; forceSync?: boolean } = {}) {
  const waiting: (() => void)[] = [];
  const storage: Storage = openStorage({
    logFolder: at,
    snapshotFolder: at,
    forceSync: options.forceSync ?? false,
    keepSnapshots: 2,
    segmentBytes: options.segmentBytes ?? 1 << 20,
    onSaved: () => waiting.shift()!(),
    onFailure: (error) => {
      throw error;
    },
  });
  let term = storage.recovered.term;
  const write = (save: Save) =>
    new Promise<void>((resolve) => {
      waiting.push(resolve);
      storage.write(save);
    });
  return {
    storage,
    /** Entries of one term, saved as one piece. */
    entries(from: number, count: number, ofTerm = 1) {
      const list = Array.from({ length: count }, (_, i) => ({ term: ofTerm, data: Buffer.from(`entry ${from + i}`) }));
      return write({
        state: ofTerm > term ? { term: (term = ofTerm), votedFor: 1 } : undefined,
        snapshot: undefined,
        entries: { from, list },
        lastIndex: from + count - 1,
        lastTerm: ofTerm,
        term: ofTerm,
      });
    },
    install(index: number, lastTerm: number) {
      const snapshot = { index, lastTerm, data: Buffer.from(`state at ${index}`) };
      return write({ state: undefined, snapshot, entries: undefined, lastIndex: index, lastTerm, term: lastTerm });
    },
  };
}

function texts(recovered: ReturnType<typeof recover>): string[] {
  const { log } = recovered;
  return log.slice(log.firstIndex, 1e6, 1e9).map((entry) => entry.data.toString());
}

const logFile = () => join(folder, readdirSync(folder).find((name) => name.startsWith('log.'))!);

describe('the log on disk', () => {
  test.each([true, false])('gives back what was saved (forceSync %s)', async (forceSync) => {
    const first = disk(folder, { forceSync });
    await first.entries(1, 3);
    await first.entries(4, 2, 5);
    await first.storage.close();
    const again = recover(folder, folder);
    expect(again).toMatchObject({ term: 5, votedFor: 1, snapshot: undefined, warnings: [] });
    expect(again.log.lastTerm).toBe(5);
    expect(texts(again)).toEqual(['entry 1', 'entry 2', 'entry 3', 'entry 4', 'entry 5']);
  });

  test('goes on where it ended', async () => {
    for (let from = 1; from < 10; from += 2) {
      const { storage, entries } = disk();
      await entries(from, 2);
      await storage.close();
    }
    expect(recover(folder, folder).log.lastIndex).toBe(10);
  });

  test('entries of a new leader replace those that it does not have', async () => {
    const { storage, entries } = disk();
    await entries(1, 5, 1);
    await entries(3, 1, 2);
    await storage.close();
    expect(texts(recover(folder, folder))).toEqual(['entry 1', 'entry 2', 'entry 3']);
  });

  test('many saves at once are one write', async () => {
    const { storage, entries } = disk();
    const before = readFileSync(logFile()).length;
    await Promise.all(Array.from({ length: 50 }, (_, i) => entries(i + 1, 1)));
    await storage.close();
    const added = readFileSync(logFile()).subarray(before);
    expect(added.indexOf('ZKF1', 1)).toBe(-1);
    expect(recover(folder, folder).log.lastIndex).toBe(50);
  });

  test('cut off at any byte, it has every write that was finished before that byte', async () => {
    const { storage, entries } = disk();
    const sizes = [readFileSync(logFile()).length];
    for (let i = 0; i < 4; i++) {
      await entries(i * 2 + 1, 2, i + 1);
      sizes.push(readFileSync(logFile()).length);
    }
    await storage.close();
    const whole = readFileSync(logFile());
    const copy = join(folder, 'copy');
    for (let length = 0; length <= whole.length; length++) {
      rmSync(copy, { recursive: true, force: true });
      mkdirSync(copy);
      writeFileSync(join(copy, 'log.00000001'), whole.subarray(0, length));
      const recovered = recover(copy, copy);
      const finished = sizes.filter((size) => size <= length).length - 1;
      expect(recovered.log.lastIndex, `cut at ${length}`).toBe(Math.max(0, finished) * 2);
      expect(recovered.term, `cut at ${length}`).toBe(Math.max(0, finished));
      // And it is usable.
      const next = disk(copy);
      await next.entries(recovered.log.lastIndex + 1, 1, 9);
      await next.storage.close();
      expect(recover(copy, copy)).toMatchObject({ term: 9 });
    }
  });

  test('with any byte changed, it drops the last write or refuses, but never gives out wrong entries', async () => {
    const { storage, entries } = disk();
    for (let i = 0; i < 4; i++) await entries(i * 2 + 1, 2, i + 1);
    await storage.close();
    const whole = readFileSync(logFile());
    const lastFrame = whole.lastIndexOf('ZKF1');
    const expected = texts(recover(folder, folder));
    const copy = join(folder, 'copy');
    for (let at = 0; at < whole.length; at++) {
      rmSync(copy, { recursive: true, force: true });
      mkdirSync(copy);
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x41;
      writeFileSync(join(copy, 'log.00000001'), damaged);
      if (at < lastFrame) {
        expect(() => recover(copy, copy), `byte ${at}`).toThrow(DataError);
        expect(readFileSync(join(copy, 'log.00000001')).equals(damaged), `byte ${at}`).toBe(true);
      } else {
        const recovered = recover(copy, copy);
        expect(texts(recovered), `byte ${at}`).toEqual(expected.slice(0, -2));
        expect(recovered.warnings).toHaveLength(1);
      }
    }
  });

  test('damage in an older segment is never taken for an unfinished write', async () => {
    const { storage, entries } = disk(folder, { segmentBytes: 100 });
    for (let i = 0; i < 6; i++) await entries(i * 3 + 1, 3);
    await storage.close();
    const first = readFileSync(join(folder, 'log.00000001'));
    writeFileSync(join(folder, 'log.00000001'), first.subarray(0, first.length - 1));
    expect(() => recover(folder, folder)).toThrow(/damaged at byte \d+.*Nothing was changed/s);
  });
});

describe('snapshots', () => {
  test('let go of the segments that they cover, and the rest is read after them', async () => {
    const { storage, entries } = disk(folder, { segmentBytes: 100 });
    for (let i = 0; i < 10; i++) {
      await entries(i * 3 + 1, 3);
      const index = i * 3 + 2;
      await storage.saveSnapshot({ index, lastTerm: 1, pieces: [Buffer.from('state at '), Buffer.from(`${index}`)] });
    }
    await storage.close();
    expect(readdirSync(folder).filter((name) => name.startsWith('snapshot'))).toHaveLength(2);
    expect(readdirSync(folder).filter((name) => name.startsWith('log.')).length).toBeLessThan(5);
    const recovered = recover(folder, folder);
    expect(recovered.snapshot?.data.toString()).toBe('state at 29');
    expect(recovered.log.lastIndex).toBe(30);
    expect(recovered.log.termAt(29)).toBe(1);
  });

  test('one that is not finished when the server stops is none', async () => {
    const { storage, entries } = disk();
    await entries(1, 3);
    let pieces = 0;
    function* endless() {
      for (;;) {
        pieces++;
        yield Buffer.alloc(1000);
      }
    }
    const saved = storage.saveSnapshot({ index: 2, lastTerm: 1, pieces: endless() });
    await storage.close();
    const written = pieces;
    await expect(saved).rejects.toThrow('stopped');
    expect(readdirSync(folder).filter((name) => name.startsWith('snapshot'))).toEqual([]);
    expect(recover(folder, folder).log.lastIndex).toBe(3);
    expect(pieces).toBe(written);
  });

  test('a damaged one gives way to the one before', async () => {
    const { storage, entries } = disk(folder, { segmentBytes: 100 });
    for (let i = 0; i < 4; i++) {
      await entries(i * 3 + 1, 3);
      await storage.saveSnapshot({ index: i * 3 + 2, lastTerm: 1, pieces: [Buffer.from(`state at ${i * 3 + 2}`)] });
    }
    await storage.close();
    const newest = readdirSync(folder)
      .filter((name) => name.startsWith('snapshot'))
      .sort()
      .at(-1)!;
    const bytes = readFileSync(join(folder, newest));
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x10;
      writeFileSync(join(folder, newest), damaged);
      const recovered = recover(folder, folder);
      expect(recovered.snapshot?.index, `byte ${at}`).toBe(8);
      expect(recovered.log.lastIndex).toBe(12);
      expect(recovered.warnings[0]).toContain('damaged');
    }
  });

  test("a leader's snapshot replaces the log, also when the server dies at any byte while it is stored", async () => {
    const { storage, entries, install } = disk();
    await entries(1, 3);
    const before = readFileSync(logFile());
    await install(100, 7);
    await entries(101, 2, 7);
    await storage.close();
    expect(texts(recover(folder, folder))).toEqual(['entry 101', 'entry 102']);
    const whole = readFileSync(logFile());
    for (let length = before.length; length <= whole.length; length++) {
      const copy = join(folder, 'copy');
      rmSync(copy, { recursive: true, force: true });
      mkdirSync(copy);
      for (const name of readdirSync(folder)) if (name !== 'copy') cpSync(join(folder, name), join(copy, name));
      writeFileSync(join(copy, 'log.00000001'), whole.subarray(0, length));
      const next = disk(copy);
      const { log, snapshot } = next.storage.recovered;
      expect(snapshot?.index).toBe(100);
      expect([100, 102]).toContain(log.lastIndex);
      await next.entries(log.lastIndex + 1, 1, 8);
      await next.storage.close();
      expect(recover(copy, copy).log.lastIndex).toBe(log.lastIndex + 1);
    }
  });

  test('without the log that follows the only whole snapshot, the server refuses to start', async () => {
    const { storage, entries } = disk(folder, { segmentBytes: 100 });
    for (let i = 0; i < 6; i++) {
      await entries(i * 3 + 1, 3);
      await storage.saveSnapshot({ index: i * 3 + 2, lastTerm: 1, pieces: [Buffer.alloc(4)] });
    }
    await storage.close();
    for (const name of readdirSync(folder)) if (name.startsWith('snapshot')) rmSync(join(folder, name));
    expect(() => recover(folder, folder)).toThrow(/is missing/);
  });
});
