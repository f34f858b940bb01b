import { describe, expect, it } from 'vitest';
import { changedFields } from '../../../src/apps/set-fields.ts';

const app = {
  cpus: 1,
  env: { A: '1', 'B.C': '2' },
  labels: {},
  healthChecks: [{ protocol: 'HTTP', path: '/' }],
  upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
};

describe('update --set', () => {
  it.each([
    ['a number', ['cpus=0.5'], { cpus: 0.5 }],
    ['text', ['cmd=sleep 10'], { cmd: 'sleep 10' }],
    ['a variable, keeping the others', ['env.COLOR=tomato'], { env: { ...app.env, COLOR: 'tomato' } }],
    ['a variable that looks like a number stays text', ['env.A=5'], { env: { ...app.env, A: '5' } }],
    ['a variable with a dot in its name', ['env.B.C=x'], { env: { ...app.env, 'B.C': 'x' } }],
    ['an empty value removes', ['env.A='], { env: { 'B.C': '2' } }],
    ['an equals sign in the value', ['env.URL=a=b'], { env: { ...app.env, URL: 'a=b' } }],
    ['two of one map', ['labels.x=1', 'labels.y=2'], { labels: { x: '1', y: '2' } }],
    [
      'a nested field',
      ['upgradeStrategy.maximumOverCapacity=0'],
      { upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 0 } },
    ],
    ["a list's element", ['healthChecks.0.path=/ready'], { healthChecks: [{ protocol: 'HTTP', path: '/ready' }] }],
    ['JSON', ['constraints=[["node","UNIQUE"]]'], { constraints: [['node', 'UNIQUE']] }],
  ])('takes %s', (_what, settings, expected) => {
    expect(changedFields(app, settings)).toEqual(expected);
  });

  it.each(['env', '=x', 'env.=x', '.a=x', 'cpus.x=1'])('refuses %j', (setting) => {
    expect(() => changedFields(app, [setting])).toThrowError(expect.objectContaining({ kind: 'usage' }));
  });

  it('refuses a field that Marathon would ignore, and names the nearest', () => {
    expect(() => changedFields(app, ['instnces=3'])).toThrowError(
      expect.objectContaining({ kind: 'usage', hint: 'Did you mean instances?' }),
    );
  });

  it('does not change the app it was given', () => {
    const before = structuredClone(app);
    changedFields(app, ['env.A=5', 'healthChecks.0.path=/x']);
    expect(app).toEqual(before);
  });
});
