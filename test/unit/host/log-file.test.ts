import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogFile } from '../../../src/embedded/host/log-file.ts';
import { skipped } from '../../support/skipped.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'log-file-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a log file', () => {
  it('has its lines by the end of the turn', async () => {
    const path = join(folder, 'a.log');
    const log = createLogFile(path);
    log.write('one\n');
    log.write('two\n');
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
    log.close();
  });

  it('goes on where it was when it is opened again', () => {
    const path = join(folder, 'a.log');
    for (const text of ['one\n', 'two\n']) {
      const log = createLogFile(path);
      log.write(text);
      log.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  });

  it('is renamed before it outgrows its size, and only so many are kept', () => {
    const path = join(folder, 'a.log');
    const log = createLogFile(path, { maxBytes: 20, keep: 2 });
    for (let i = 0; i < 10; i++) {
      log.write(`line ${i} .......\n`);
      log.flush();
    }
    log.close();
    expect(readdirSync(folder).sort()).toEqual(['a.log', 'a.log.1', 'a.log.2']);
    expect(readFileSync(`${path}.2`, 'utf8')).toBe('line 7 .......\n');
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('line 8 .......\n');
    expect(readFileSync(path, 'utf8')).toBe('line 9 .......\n');
  });

  it('takes a line larger than the limit whole', () => {
    const path = join(folder, 'a.log');
    const log = createLogFile(path, { maxBytes: 10, keep: 1 });
    log.write(`${'x'.repeat(50)}\n`);
    log.close();
    expect(readFileSync(path, 'utf8')).toHaveLength(51);
  });

  it.skipIf(skipped(existsSync('/dev/full'), 'a log without room', 'there is no /dev/full'))(
    'does not disturb who logs when there is no room',
    () => {
      const log = createLogFile('/dev/full');
      log.write('lost\n');
      expect(() => log.flush()).not.toThrow();
      log.close();
    },
  );
});
