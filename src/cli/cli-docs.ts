import { globalOptions } from './parse.ts';
import type { ArgumentSpec, CommandSpec, OptionSpec } from './spec.ts';

/** The reference of the command line as Markdown: what --help says, in one page. */
export function commandReference(commands: readonly CommandSpec[]): string {
  return `# The command line

Generated from the table of commands by \`npm run cli-docs\`; \`devcluster help COMMAND\` says the same.

Progress and logs go to stderr, results to stdout. With \`--json\` stdout holds exactly one document, or one line for each
event of a stream, also for errors: \`{"error":{"code","message","hint","details"}}\`. Without a terminal nothing is asked.

| exit code | means |
| --- | --- |
| 0 | done |
| 1 | unexpected |
| 2 | wrong usage or configuration |
| 3 | something needed is missing or not possible here |
| 4 | not ready in time |
| 5 | no such cluster, node, service or app |
| 6 | conflict: a name, a port, a lock, a running deployment |
| 7 | a deployment failed or timed out |
| 130 | interrupted |

## Options of all commands

${optionTable(globalOptions)}

## Commands

${commands.map(({ name, summary }) => `- [\`${name}\`](#${name}): ${summary}`).join('\n')}

${commands.map(section).join('\n')}`;
}

function section({ name, summary, details, arguments: given = [], options = [], examples = [] }: CommandSpec): string {
  const usage = [name, ...given.map(argumentWord), ...(options.length > 0 ? ['[options]'] : [])].join(' ');
  const parts = [`### ${name}`, sentence(summary), `\`\`\`\ndevcluster ${usage}\n\`\`\``];
  if (given.length > 0) parts.push(argumentTable(given));
  if (options.length > 0) parts.push(optionTable(options));
  if (details) parts.push(details);
  if (examples.length > 0) parts.push(`\`\`\`sh\n${examples.join('\n')}\n\`\`\``);
  return `${parts.join('\n\n')}\n`;
}

function argumentWord({ name, required, variadic }: ArgumentSpec): string {
  const word = `${name}${variadic ? '...' : ''}`;
  return required ? `<${word}>` : `[${word}]`;
}

function argumentTable(given: readonly ArgumentSpec[]): string {
  return table(
    'argument',
    given.map((each) => [argumentWord(each), withChoices(each)]),
  );
}

function optionTable(options: readonly OptionSpec[]): string {
  return table(
    'option',
    options.map((each) => [each.flags, withChoices(each)]),
  );
}

function withChoices({ summary, choices }: ArgumentSpec | OptionSpec): string {
  return choices ? `${summary} (${choices.join(', ')})` : summary;
}

function table(heading: string, rows: readonly (readonly [string, string])[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  return [
    `| ${heading} | |`,
    '| --- | --- |',
    ...rows.map(([name, text]) => `| \`${cell(name)}\` | ${cell(text)} |`),
  ].join('\n');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
