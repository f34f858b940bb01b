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

  it('lose the spaces of their values', () => {
    expect(attributesToState(parseAttributes('rack: row 7 ;keys:[ 1 - 5, 7-9 ]'))).toEqual({
      rack: 'row7',
      keys: '[1-5, 7-9]',
    });
  });

  it('are numbers only when these are not negative, and written as C does', () => {
    expect(attributesToState(parseAttributes('a:-1;b:1e3;c:0x10;d:0b1;e:Infinity;f:1.2.3;g:.5'))).toEqual({
      a: '-1',
      b: 1000,
      c: 16,
      d: '0b1',
      e: 'Infinity',
      f: '1.2.3',
      g: 0.5,
    });
  });

  it.each(['', '  ', '{a,b}', 'row[7]', 'row{7}', '[1-5', 'row)', '[7]', '(]'])(
    'have no value %j, at which the real agent ends',
    (value) => {
      expect(() => parseAttributes(`rack:${value}`)).toThrow(AttributeError);
    },
  );

  it('need a name and a value', () => {
    expect(() => parseAttributes('rack')).toThrow(AttributeError);
    expect(() => parseAttributes(':x')).toThrow(AttributeError);
  });
});
