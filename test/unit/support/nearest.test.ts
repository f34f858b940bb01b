import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../../src/support/nearest.ts';

describe('the nearest known word', () => {
  it.each([
    ['nodez', 'nodes'],
    ['maraton', 'marathon'],
    ['runtmie', 'runtime'],
    ['pu', 'up'],
    ['zzzzzz', undefined],
    ['', undefined],
  ])('to %s is %s', (word, expected) => {
    expect(nearest(word, ['nodes', 'marathon', 'runtime', 'up', 'name'])).toBe(expected);
  });

  it('counts a swap of neighbours as one change', () => {
    expect(editDistance('ab', 'ba')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('', 'abc')).toBe(3);
  });
});
