import { describe, expect, it } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { parseArguments } from '../../../src/cli/parse.ts';
import { DevclusterError } from '../../../src/support/errors.ts';

function parse(...argv: string[]) {
  const request = parseArguments(argv, commands);
  if (request.kind !== 'command') throw new Error(`a text: ${request.text}`);
  return request;
}

function failure(...argv: string[]): DevclusterError {
  try {
    parseArguments(argv, commands);
  } catch (error) {
    if (error instanceof DevclusterError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('the command line', () => {
  it('gives a command its options', () => {
    const { command, options } = parse('up', '--nodes', '5', '--runtime', 'process', '--no-samples', '--keep-failed');
    expect(command.name).toBe('up');
    expect(options).toMatchObject({ nodes: 5, runtime: 'process', samples: false, keepFailed: true });
  });

  it('takes global options before the command and behind it', () => {
    expect(parse('-c', 'a', '--json', 'status').globals).toMatchObject({ cluster: 'a', json: true });
    expect(parse('status', '-c', 'a', '--json').globals).toMatchObject({ cluster: 'a', json: true });
    expect(parse('-c', 'a', 'status', '-c', 'b').globals.cluster).toBe('b');
    expect(parse('status', '--no-color').globals.color).toBe(false);
    expect(parse('status').globals).toEqual({
      cluster: undefined,
      config: undefined,
      json: false,
      quiet: false,
      verbose: false,
      color: true,
      yes: false,
    });
  });

  it('names arguments, and leaves what is behind -- alone', () => {
    expect(parse('exec', 'node-1', '--', 'sh', '-c', 'echo --json').arguments).toEqual({
      target: 'node-1',
      command: ['sh', '-c', 'echo --json'],
    });
    expect(parse('exec', 'node-1', '--', 'x', '--json').globals.json).toBe(false);
  });

  it('collects options that may be repeated', () => {
    expect(parse('update', '/a', '--set', 'cpus=1', '--set', 'mem=2').options.set).toEqual(['cpus=1', 'mem=2']);
  });

  it.each([
    [['pu'], "unknown command 'pu'", 'Did you mean up?'],
    [['up', '--nodse', '3'], "unknown option '--nodse'", 'Did you mean --nodes?'],
    [['up', '--runtime', 'dokcer'], 'docker', '`devcluster up --help`'],
    [['node', 'kill'], "missing required argument 'node'", '`devcluster node --help`'],
    [['node', 'explode', 'node-1'], 'kill', '`devcluster node --help`'],
    [['up', '--timeout', 'soon'], 'seconds', '`devcluster up --help`'],
    [['up', '--nodes', '-1'], '', ''],
    [['status', 'surplus'], 'too many arguments', ''],
    [['-c'], 'argument missing', ''],
    [['-c', 'mine', 'scale'], "missing required argument 'app'", '`devcluster scale --help`'],
    [['pu', '--help'], "unknown command 'pu'", 'Did you mean up?'],
  ])('refuses %j and says what was meant', (argv, message, hint) => {
    const error = failure(...argv);
    expect(error.kind).toBe('usage');
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  it('shows help as a result, for all of it and for each command', () => {
    for (const argv of [[], ['--help'], ['help'], ...commands.map(({ name }) => [name, '--help'])]) {
      const request = parseArguments(argv, commands);
      expect(request.kind === 'text' && request.text).toContain('Usage: devcluster');
    }
  });
});

describe('the table of commands', () => {
  it('names every command of the design once', () => {
    const names = commands.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const designed = 'up down stop start restart node status list logs exec open env dns apps deploy scale update';
    expect(names).toEqual(expect.arrayContaining(designed.split(' ')));
    expect(names).toEqual(
      expect.arrayContaining([
        'restart-app',
        'rollback',
        'remove',
        'samples',
        'doctor',
        'generate',
        'completion',
        'version',
      ]),
    );
  });

  it('leads to commands that can be run', async () => {
    for (const { name, load } of commands) expect(typeof (await load()).run, name).toBe('function');
  });
});
