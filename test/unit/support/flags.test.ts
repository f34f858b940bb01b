import { describe, expect, it } from 'vitest';
import { FlagError, parseDuration, parseFlags } from '../../../src/support/flags.ts';

const known = { zk: 'value', port: 'value', checkpoint: 'switch' } as const;
const mesos = { prefix: 'MESOS_', known, duplicates: 'argument-wins' } as const;
const marathon = { prefix: 'MARATHON_', known, duplicates: 'refuse' } as const;

describe('flags as Mesos and Marathon take them', () => {
  it.each([
    ['--name=value', ['--port=1'], { port: '1' }],
    ['--name value', ['--port', '1'], { port: '1' }],
    ['a value with an equals sign', ['--zk=zk://a=b'], { zk: 'zk://a=b' }],
    ['a switch', ['--checkpoint'], { checkpoint: true }],
    ['a switch with a value', ['--checkpoint=false'], { checkpoint: false }],
    ['--no-switch', ['--no-checkpoint'], { checkpoint: false }],
    ['--disable_switch', ['--disable_checkpoint'], { checkpoint: false }],
  ])('reads %s', (_form, argv, expected) => {
    expect(parseFlags(argv, {}, mesos)).toEqual(expected);
  });

  it('reads variables with the prefix and ignores unknown ones', () => {
    const env = { MESOS_PORT: '1', MESOS_CHECKPOINT: '', MESOS_NO_SUCH: 'x', PORT: '2' };
    expect(parseFlags([], env, mesos)).toEqual({ port: '1', checkpoint: true });
  });

  it('lets the argument win for Mesos and refuses both for Marathon', () => {
    expect(parseFlags(['--port=2'], { MESOS_PORT: '1' }, mesos)).toEqual({ port: '2' });
    expect(() => parseFlags(['--port', '2'], { MARATHON_PORT: '1' }, marathon)).toThrow(FlagError);
  });

  it.each([[['--nope=1']], [['word']], [['--port']]])('refuses %j', (argv) => {
    expect(() => parseFlags(argv, {}, mesos)).toThrow(FlagError);
  });
});

describe('durations', () => {
  it.each([
    ['15secs', 15_000],
    ['1.5mins', 90_000],
    ['100ms', 100],
    ['2hrs', 7_200_000],
    ['1weeks', 604_800_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['15', 'secs', '1 fortnight', ''])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(FlagError);
  });
});
