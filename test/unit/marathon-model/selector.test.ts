import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSelector } from '../../../src/embedded/marathon/model/selector.ts';
import { accepted, problemOf } from './make.ts';

const labels = { env: 'prod', tier: 'web', empty: '', '!odd': 'a,b' };

describe('a label selector', () => {
  it.each([
    ['env', true],
    ['none', false],
    ['empty', true],
    ['env==prod', true],
    ['env == prod', true],
    ['env==test', false],
    ['env!=test', true],
    ['env!=prod', false],
    ['none!=prod', false],
    ['tier in (web,api)', true],
    ['tier in (api)', false],
    ['tier in ()', false],
    ['tier notin (api, db)', true],
    ['tier notin (web)', false],
    ['none notin (web)', false],
    ['env==prod,tier in (web)', true],
    ['env==prod, tier in (api)', false],
    ['\\!odd==a\\,b', true],
    ['in in (a)', false],
    ['', true],
    [' ', true],
  ])('%j holds: %s', (text, expected) => {
    expect(accepted(parseSelector(text))(labels)).toBe(expected);
  });

  it.each([
    'env=prod',
    'env==',
    '==prod',
    'env in',
    'env in (',
    'env in (a',
    'env in (a,)',
    'env,',
    ',env',
    'a b',
    'env<3',
    '!env',
  ])('%j can not be read', (text) => {
    const problem = problemOf(parseSelector(text));
    expect(problem.status).toBe(422);
    expect(problem.body).toMatchObject({
      message: expect.stringContaining(`Can not parse label selector ${text}. Reason: `),
    });
  });

  it('is read or refused, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const result = parseSelector(text);
        if (result.ok) expect(typeof result.value({})).toBe('boolean');
        else expect(result.problem.status).toBe(422);
      }),
    );
  });

  it('finds any label by its escaped name and value', () => {
    const escaped = (text: string) =>
      text.replace(/[^-A-Za-z0-9_.]/gu, (char) => [...char].map((one) => `\\${one}`).join(''));
    const texts = fc.string({ minLength: 1, unit: 'grapheme-ascii' });
    fc.assert(
      fc.property(texts, texts, (name, value) => {
        const matches = accepted(parseSelector(`${escaped(name)}==${escaped(value)}`));
        expect(matches(Object.fromEntries([[name, value]]))).toBe(true);
        expect(matches({})).toBe(false);
      }),
    );
  });
});
