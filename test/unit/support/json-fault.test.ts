import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excerpt, placeOf } from '../../../src/support/excerpt.ts';
import { jsonFault } from '../../../src/support/json-fault.ts';

describe('a fault in JSON', () => {
  it('is found exactly where the engine finds one', () => {
    const agrees = (text: string) => {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      expect(jsonFault(text) === undefined, text).toBe(valid);
    };
    fc.assert(fc.property(fc.string(), agrees));
    fc.assert(fc.property(fc.json(), agrees));
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 1 }), (text, at, put) => {
        const i = at % (text.length + 1);
        agrees(text.slice(0, i) + put + text.slice(i + 1));
      }),
    );
  });

  it.each([
    ['{\n "a": 1,\n}', 2, 8, /comma before '}'/],
    ['{"a": 1 "b": 2}', 1, 9, /a comma or '}' is missing before '"'/],
    ['{"a": [1, 2', 1, 7, /never closed by ']'/],
    ["{'a': 1}", 1, 2, /double quotes/],
    ['{"a": tru}', 1, 7, /a value is expected/],
    ['{"a": "x', 1, 7, /no closing "/],
    ['{} x', 1, 4, /goes on behind its end/],
    ['{ // no', 1, 3, /no comments/],
    ['', 1, 1, /the end of the text/],
  ])('%j is told with its place', (text, line, column, what) => {
    const fault = jsonFault(text)!;
    expect([placeOf(text, fault.offset), fault.what]).toEqual([{ line, column }, expect.stringMatching(what)]);
  });
});

describe('an excerpt', () => {
  it('shows the lines around a place', () => {
    expect(excerpt('one\ntwo\nthree\nfour\nfive', { line: 3, column: 4 })).toBe(
      ['  1 | one', '  2 | two', '> 3 | three', '    |    ^', '  4 | four', '  5 | five'].join('\n'),
    );
  });

  it('keeps the place of a long line in sight', () => {
    const lines = excerpt(`${'a'.repeat(500)}X${'b'.repeat(500)}`, { line: 1, column: 501 }).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines[0]![lines[1]!.indexOf('^')]).toBe('X');
  });
});
