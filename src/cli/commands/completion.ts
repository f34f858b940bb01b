import { commands } from '../commands.ts';
import { globalOptions } from '../parse.ts';
import { argument, type CommandContext, type CommandSpec, type OptionSpec } from '../spec.ts';

/** `completion SHELL`: the script completes commands, options and fixed values. */
export async function run(context: CommandContext): Promise<void> {
  const shell = argument(context, 'shell') ?? 'bash';
  const script = shell === 'fish' ? fish() : shell === 'zsh' ? zsh() : bash();
  context.output.result({ shell, script }, script);
}

function longNames(options: readonly OptionSpec[] = []): string[] {
  return options.flatMap(({ flags }) => /--[a-z-]+/.exec(flags) ?? []);
}

function wordsOf(command: CommandSpec): string[] {
  const choices = (command.arguments ?? []).flatMap((each) => each.choices ?? []);
  return [...choices, ...longNames(command.options), ...longNames(globalOptions)];
}

function bash(): string {
  const cases = commands.map((command) => `    ${command.name}) words="${wordsOf(command).join(' ')}" ;;`).join('\n');
  return `# bash completion for devcluster: source <(devcluster completion bash)
_devcluster() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" word command="" words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) command="$word"; break ;; esac
  done
  case "$command" in
${cases}
    *) words="${[...commands.map(({ name }) => name), 'help', ...longNames(globalOptions)].join(' ')}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _devcluster devcluster
`;
}

function zsh(): string {
  return `#compdef devcluster
# zsh completion for devcluster: source <(devcluster completion zsh)
autoload -U +X bashcompinit && bashcompinit
${bash()}`;
}

function fish(): string {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = commands.flatMap((command) => [
    `complete -c devcluster -n __fish_use_subcommand -a ${command.name} -d ${quote(command.summary)}`,
    ...(command.options ?? []).flatMap((option) =>
      longNames([option]).map(
        (name) =>
          `complete -c devcluster -n '__fish_seen_subcommand_from ${command.name}' -l ${name.slice(2)} -d ${quote(option.summary)}`,
      ),
    ),
  ]);
  return `# fish completion for devcluster: devcluster completion fish | source\n${lines.join('\n')}\n`;
}
