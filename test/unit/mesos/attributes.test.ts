import { describe, expect, it } from 'vitest';
import { AttributeError, attributesToState, parseAttributes } from '../../../src/protocols/mesos/attributes.ts';

describe('attributes of an agent', () => {
  it('take their type from the form of the value', () => {
    expect(parseAttributes('rack:abc;level:10;keys:[1-5]; url:http://a:1/')).toEqual([
      { name: 'rack', type: 'TEXT', text: { value: 'abc' } },
      { name: 'level', type: 'SCALAR', scalar: { value: 10 } },
      { name: 'keys', type: 'RANGES', ranges: { range: [{ begin: 1, end: 5 }] } },
      { name: 'url', type: 'TEXT', text: { value: 'http://a:1/' } },
    ]);
  });

  it('are shown as numbers and text', () => {
    expect(attributesToState(parseAttributes('rack:abc;level:10.5;keys:[1-5,7-9]'))).toEqual({
      rack: 'abc',
      level: 10.5,
      keys: '[1-5, 7-9]',
    });
    expect(attributesToState(undefined)).toEqual({});
  });

  it('need a name and a value', () => {
    expect(() => parseAttributes('rack')).toThrow(AttributeError);
    expect(() => parseAttributes(':x')).toThrow(AttributeError);
  });
});
