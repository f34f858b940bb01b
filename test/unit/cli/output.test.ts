import { describe, expect, it } from 'vitest';
import { sinceOption } from '../../../src/cli/commands/logs.ts';
import { formatError, reportOf } from '../../../src/cli/errors.ts';
import { createOutput } from '../../../src/cli/output.ts';
import { createPlainProgress } from '../../../src/cli/progress.ts';
import { createStyle, wantsColor } from '../../../src/cli/style.ts';
import { formatTable } from '../../../src/cli/table.ts';
import { DevclusterError } from '../../../src/support/errors.ts';

const plain = createStyle(false);

describe('a result', () => {
  it('is the text, or with --json the document', () => {
    let written = '';
    const write = (text: string) => {
      written += text;
    };
    createOutput(write, { json: false, color: false }).result({ a: 1 }, 'hello');
    expect(written).toBe('hello\n');
    written = '';
    createOutput(write, { json: true, color: true }).result({ a: 1 }, 'hello');
    expect(JSON.parse(written)).toEqual({ a: 1 });
  });

  it('of a stream is one line an event', () => {
    const lines: string[] = [];
    const output = createOutput((text) => lines.push(text), { json: true, color: false });
    output.event({ text: 'a\nb' }, '');
    output.event({ text: 'c' }, '');
    expect(lines.map((line) => JSON.parse(line))).toEqual([{ text: 'a\nb' }, { text: 'c' }]);
    expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
  });
});

describe('an error', () => {
  const error = new DevclusterError('conflict', 'PORT_IN_USE', 'Port 8080 is taken', {
    hint: 'Take another.',
    details: { port: 8080 },
  });

  it('becomes a document and an exit code', () => {
    expect(reportOf(error)).toEqual({
      exitCode: 6,
      document: {
        error: { code: 'PORT_IN_USE', message: 'Port 8080 is taken', hint: 'Take another.', details: { port: 8080 } },
      },
    });
  });

  it('says what and what next', () => {
    expect(formatError(error, plain, false)).toBe('error: Port 8080 is taken\nhint: Take another.\n');
  });

  it.each([
    ['ENOSPC', 3, 'DISK_FULL'],
    ['EACCES', 3, 'NOT_PERMITTED'],
    ['EMFILE', 3, 'TOO_MANY_FILES'],
    ['EPROTO', 1, 'UNEXPECTED'],
  ])('of the system, %s, has exit code %i', (code, exitCode, name) => {
    const report = reportOf(Object.assign(new Error(`${code}: something`), { code, path: '/x' }));
    expect(report.exitCode).toBe(exitCode);
    expect(report.document.error.code).toBe(name);
  });

  it('shows its cause when asked for details', () => {
    const outer = new DevclusterError('unexpected', 'X', 'outer', { cause: new Error('inner') });
    expect(formatError(outer, plain, true)).toContain('caused by Error: inner');
  });

  it('may be anything that was thrown', () => {
    expect(reportOf('a text').document.error.message).toBe('a text');
    expect(reportOf(undefined).exitCode).toBe(1);
  });
});

describe('progress in a pipe', () => {
  const collect = (options: { quiet?: boolean; verbose?: boolean }) => {
    const lines: string[] = [];
    const progress = createPlainProgress((text) => lines.push(text), {
      quiet: options.quiet ?? false,
      verbose: options.verbose ?? false,
      style: plain,
    });
    const [step] = progress.steps(['ZooKeeper']);
    step?.update('node-1 is starting');
    step?.update('node-1 is starting');
    progress.note('a note');
    progress.detail('a detail');
    progress.warn('a warning');
    step?.done('led by node-1');
    return lines;
  };

  it('is one line for each thing done', () => {
    expect(collect({})).toEqual(['a note\n', 'warning: a warning\n', '✔ ZooKeeper led by node-1\n']);
  });

  it('tells more when verbose', () => {
    expect(collect({ verbose: true })).toEqual([
      '  ZooKeeper: node-1 is starting\n',
      'a note\n',
      'a detail\n',
      'warning: a warning\n',
      '✔ ZooKeeper led by node-1\n',
    ]);
  });

  it('is warnings only when quiet', () => {
    expect(collect({ quiet: true })).toEqual(['warning: a warning\n']);
  });
});

describe('colours', () => {
  it('are for terminals, unless the user says no', () => {
    const terminal = { isTTY: true };
    expect(wantsColor(terminal, {}, true)).toBe(true);
    expect(wantsColor({}, {}, true)).toBe(false);
    expect(wantsColor(terminal, { NO_COLOR: '1' }, true)).toBe(false);
    expect(wantsColor(terminal, { TERM: 'dumb' }, true)).toBe(false);
    expect(wantsColor(terminal, {}, false)).toBe(false);
  });

  it('take no room in a table', () => {
    const red = '\u001b[31mab\u001b[39m';
    expect(
      formatTable([
        [red, 'x'],
        ['abcd', 'y'],
      ]),
    ).toBe(`${red}    x\nabcd  y`);
  });
});

describe('--since', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');

  it.each([
    ['30s', 30_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['1d', 86_400_000],
  ])('%s is that long ago', (text, ms) => {
    expect(sinceOption(text, now)).toBe(now - ms);
  });

  it('may be a date and time, and nothing else', () => {
    expect(sinceOption('2026-01-01T00:00:00Z', now)).toBe(Date.parse('2026-01-01T00:00:00Z'));
    expect(sinceOption(undefined, now)).toBeUndefined();
    expect(() => sinceOption('yesterday-ish', now)).toThrow(DevclusterError);
  });
});
