import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTaskRecord } from '../../../src/protocols/mesos/task-record.ts';

const stat =
  'started 4711 (sh) S 1 4711 4711 0 -1 4194560 103 0 0 0 0 0 0 0 20 0 1 0 987654 2662400 1 18446744073709551615';
const leader = { pid: 4711, startTime: '987654' };

describe('a task record', () => {
  test('of a running command has its leader', () => {
    expect(parseTaskRecord(`${stat}\n`)).toEqual({ leader });
  });

  test('is nothing before its first line is whole', () => {
    expect(parseTaskRecord('')).toBeUndefined();
    expect(parseTaskRecord(stat)).toBeUndefined();
  });

  test('without /proc holds the start time as ps prints it', () => {
    expect(parseTaskRecord('started 4711 Sun Nov 22 18:00:00 2026    \n')).toEqual({
      leader: { pid: 4711, startTime: 'Sun Nov 22 18:00:00 2026' },
    });
  });

  test.each([
    ['ended 0\n', { status: 0 }],
    ['ended 3\n', { status: 3 }],
    ['ended 143\n', { status: 143 }],
    ['Terminated\nended 143\n', { signal: 'SIGTERM', coreDumped: false }],
    ['Killed\nended 137\n', { signal: 'SIGKILL', coreDumped: false }],
    ['Segmentation fault (core dumped)\nended 139\n', { signal: 'SIGSEGV', coreDumped: true }],
    [
      'sh: line 5: 12623 Killed                  ( exec "$@" 2>&3 3>&- )\nended 137\n',
      { signal: 'SIGKILL', coreDumped: false },
    ],
    ['ended 130\n', { signal: 'SIGINT', coreDumped: false }],
    ['ended 141\n', { signal: 'SIGPIPE', coreDumped: false }],
    ['ended 255\n', { status: 255 }],
  ])('tells an exit from a signal: %j', (rest, end) => {
    expect(parseTaskRecord(`${stat}\n${rest}`)).toEqual({ leader, end });
  });

  test('that breaks off is that of a running command', () => {
    const whole = `${stat}\nTerminated\nended 143\n`;
    for (let length = stat.length + 1; length < whole.length; length++)
      expect(parseTaskRecord(whole.slice(0, length))).toEqual({ leader });
  });

  test('may hold anything', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseTaskRecord(text)));
    fc.assert(fc.property(fc.string(), (text) => void parseTaskRecord(`${stat}\n${text}`)));
  });
});
