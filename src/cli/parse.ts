import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { DevclusterError } from '../support/errors.ts';
import { nearest } from '../support/nearest.ts';
import type { ArgumentSpec, CommandSpec, GlobalOptions, OptionSpec, OptionValue } from './spec.ts';

/** What the user asked for: a command with its values, or a text (help) that was asked for. */
export type Request =
  | {
      kind: 'command';
      command: CommandSpec;
      arguments: Record<string, string | string[] | undefined>;
      options: Record<string, OptionValue>;
      globals: GlobalOptions;
    }
  | { kind: 'text'; text: string };

/** They may stand before the command and behind it. */
export const globalOptions: readonly OptionSpec[] = [
  {
    flags: '-c, --cluster <name>',
    summary: 'name of the cluster; default: DEVCLUSTER_NAME, the name in devcluster.yml, or dev-<user>',
    names: 'clusters',
  },
  { flags: '--config <file>', summary: 'configuration instead of the nearest devcluster.yml' },
  { flags: '--json', summary: 'exactly one JSON document on stdout, also for errors' },
  { flags: '-q, --quiet', summary: 'no progress on stderr' },
  { flags: '-v, --verbose', summary: 'more of what happens on stderr' },
  { flags: '--no-color', summary: 'no colours' },
  { flags: '-y, --yes', summary: 'answer every question with yes' },
];

/**
 * @param argv without the node binary and the script
 * @throws DevclusterError usage, with the nearest known word as its hint
 */
export function parseArguments(argv: readonly string[], commands: readonly CommandSpec[]): Request {
  let text = '';
  let request: Request | undefined;
  const configureOutput = {
    writeOut: (chunk: string) => {
      text += chunk;
    },
    // Errors are thrown and printed in one place.
    writeErr: () => {},
    outputError: () => {},
  };
  const prepare = (command: Command) => {
    for (const option of globalOptions) command.addOption(makeOption(option));
    return command.exitOverride().configureOutput(configureOutput).helpOption('-h, --help', 'show this help');
  };

  const program = prepare(new Command('devcluster'))
    .description('A Mesos cluster of your own: ZooKeeper, Mesos, Marathon and Mesos-DNS on three nodes')
    .usage('[options] <command>')
    .helpCommand('help [command]', 'show the help of a command')
    // A line of help has room for what a command does, not for what it takes.
    .configureHelp({ subcommandTerm: (command) => command.name() });
  program.addOption(new Option('-V, --version', 'show the version'));
  for (const spec of commands) {
    const command = prepare(program.command(spec.name)).description(spec.summary);
    for (const argument of spec.arguments ?? []) addArgument(command, argument);
    for (const option of spec.options ?? []) command.addOption(makeOption(option));
    if (spec.details) command.addHelpText('after', `\n${spec.details}`);
    if (spec.examples)
      command.addHelpText('after', `\nExamples:\n${spec.examples.map((each) => `  ${each}`).join('\n')}`);
    command.action(() => {
      const values = command.optsWithGlobals<Record<string, OptionValue>>();
      const positional = Object.fromEntries(
        (spec.arguments ?? []).map((argument, i) => [argument.name, command.processedArgs[i]]),
      );
      request = {
        kind: 'command',
        command: spec,
        arguments: positional,
        options: values,
        globals: toGlobals(program.opts(), command.opts()),
      };
    });
  }

  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const word = commandWord(argv);
    const known = word === undefined || word === 'help' || commands.some(({ name }) => name === word);
    if (text !== '' && known) return { kind: 'text', text };
    if (text !== '' && word !== undefined) throw unknownCommand(word, commands);
    if (error.code === 'commander.help') return { kind: 'text', text: program.helpInformation() };
    throw usageError(error, commandWord(argv));
  }
  return request ?? { kind: 'text', text: text || program.helpInformation() };
}

function toGlobals(outer: Record<string, OptionValue>, inner: Record<string, OptionValue>): GlobalOptions {
  const either = (name: string) => outer[name] === true || inner[name] === true;
  const last = (name: string) => (inner[name] ?? outer[name]) as string | undefined;
  return {
    cluster: last('cluster'),
    config: last('config'),
    json: either('json'),
    quiet: either('quiet'),
    verbose: either('verbose'),
    color: outer.color !== false && inner.color !== false,
    yes: either('yes'),
  };
}

function addArgument(command: Command, spec: ArgumentSpec): void {
  const name = `${spec.name}${spec.variadic ? '...' : ''}`;
  const argument = command.createArgument(spec.required ? `<${name}>` : `[${name}]`, spec.summary);
  if (spec.choices) argument.choices(spec.choices);
  command.addArgument(argument);
}

function makeOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.summary);
  if (spec.choices) option.choices(spec.choices);
  if (spec.type === 'integer') option.argParser(number(/^\d+$/, 'Give a whole number.'));
  if (spec.type === 'seconds') option.argParser(number(/^\d+(\.\d+)?$/, 'Give a number of seconds.'));
  if (spec.type === 'list')
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}

function number(pattern: RegExp, advice: string): (value: string) => number {
  return (value) => {
    if (!pattern.test(value)) throw new InvalidArgumentError(advice);
    return Number(value);
  };
}

/** The first word that is neither an option nor the value of a global one. */
function commandWord(argv: readonly string[]): string | undefined {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (['-c', '--cluster', '--config'].includes(word)) i++;
    else if (!word.startsWith('-')) return word;
  }
  return undefined;
}

/** `devcluster pu --help`, which Commander takes for a wish for help alone. */
function unknownCommand(word: string, commands: readonly CommandSpec[]): DevclusterError {
  const guess = nearest(
    word,
    commands.map(({ name }) => name),
  );
  return new DevclusterError('usage', 'USAGE', `unknown command '${word}'`, {
    hint: guess ? `Did you mean ${guess}?` : 'See `devcluster --help`.',
  });
}

/** Commander's messages are good; its guess of what was meant becomes the hint. */
function usageError(error: CommanderError, command: string | undefined): DevclusterError {
  const [message = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const guess = /Did you mean (.*)\?/.exec(rest.join(' '))?.[1];
  const help =
    error.code === 'commander.unknownCommand' || !command ? 'devcluster --help' : `devcluster ${command} --help`;
  return new DevclusterError('usage', 'USAGE', message, {
    hint: guess ? `Did you mean ${guess}?` : `See \`${help}\`.`,
  });
}
