import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Json, renderStrings } from '../../../src/apps/template.ts';

describe('templates', () => {
  it('fills string values at any depth and leaves keys and other values alone', () => {
    const document = { '{{a}}': ['{{a}}', 1, true, null, { deep: 'x-{{b.c}}' }] };
    expect(renderStrings(document, { a: 'A', b: { c: 'C' } }, 'f')).toEqual({
      '{{a}}': ['A', 1, true, null, { deep: 'x-C' }],
    });
  });

  it('escapes nothing and can not break the syntax of the file, whatever the value', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(renderStrings({ cmd: 'echo {{value}}' }, { value }, 'f')).toEqual({ cmd: `echo ${value}` });
      }),
    );
  });

  it('leaves a document without expressions as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (document) => {
        fc.pre(!JSON.stringify(document).includes('{{'));
        expect(renderStrings(document as Json, {}, 'f')).toEqual(document);
      }),
    );
  });

  it('names the place of an undefined value and what is known', () => {
    expect(() => renderStrings({ env: { A: '{{git.commit}}' } }, { cluster: {} }, 'app.json')).toThrowError(
      expect.objectContaining({
        kind: 'usage',
        code: 'TEMPLATE_ERROR',
        message: expect.stringContaining('app.json, at /env/A'),
        hint: 'Known values: cluster.',
      }),
    );
  });
});
