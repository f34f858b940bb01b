import type { ArgumentSpec, CommandSpec, OptionSpec } from './spec.ts';

type Shell = 'bash' | 'zsh' | 'fish';

/** The script that completes commands, options and fixed values, and asks for names that only the program knows. */
export function completionScript(
  shell: Shell,
  commands: readonly CommandSpec[],
  globals: readonly OptionSpec[],
): string {
  const all = [...commands, helpOf(commands)];
  if (shell === 'fish') return fish(all, globals);
  return shell === 'zsh' ? zsh(all, globals) : bash(all, globals);
}

type Completed = Pick<CommandSpec, 'name' | 'summary' | 'arguments' | 'options'>;

/** The command that the parser adds by itself. */
function helpOf(commands: readonly CommandSpec[]): Completed {
  const choices = commands.map(({ name }) => name);
  return {
    name: 'help',
    summary: 'show the help of a command',
    arguments: [{ name: 'command', summary: '', choices }],
  };
}

function longNames(options: readonly OptionSpec[] = []): string[] {
  return options.flatMap(({ flags }) => /--[a-z-]+/.exec(flags) ?? []);
}

/** `-f, --follow <x>` → [`-f`, `--follow`]. */
function allNames({ flags }: OptionSpec): string[] {
  return flags.match(/(?<![\w-])--?[a-z-]+/g) ?? [];
}

const takesValue = ({ flags }: OptionSpec): boolean => flags.includes('<');

/** All options that have a value, of whichever command; none is without one elsewhere. */
function valueOptions(commands: readonly Completed[], globals: readonly OptionSpec[]): OptionSpec[] {
  const found = [...globals, ...commands.flatMap(({ options = [] }) => options)].filter(takesValue);
  return [...new Map(found.map((option) => [allNames(option).join('|'), option])).values()];
}

/** Cases by the number of words behind the command; a variadic argument stands for all that follow. */
function argumentCases(specs: readonly ArgumentSpec[] = []): string[] {
  return specs.flatMap(({ choices, names, variadic }, i) =>
    choices || names
      ? [`      ${variadic ? '*' : i}) fixed="${choices?.join(' ') ?? ''}" kind="${names ?? ''}" ;;`]
      : [],
  );
}

/**
 * For bash and zsh, which both understand it: what can follow the words in `$@`. Sets `options`, `fixed` (words), `kind`
 * (of names to ask for) and `cluster`.
 */
function finder(commands: readonly Completed[], globals: readonly OptionSpec[]): string {
  const values = valueOptions(commands, globals);
  const valueNames = values.flatMap(allNames).join('|');
  const commandCases = commands.flatMap((command) => {
    const own = argumentCases(command.arguments);
    return [
      `  ${command.name})`,
      `    options="${[...longNames(command.options), ...longNames(globals)].join(' ')}"`,
      ...(own.length > 0 ? ['    case "$position" in', ...own, '    esac'] : []),
      '    ;;',
    ];
  });
  const valueCases = values
    .filter(({ choices, names }) => choices || names)
    .map(
      (option) =>
        `  ${allNames(option).join('|')}) options="" fixed="${option.choices?.join(' ') ?? ''}" kind="${option.names ?? ''}" ;;`,
    );
  return `_devcluster_find() {
  local word="" command="" position=0 expected=""
  for word in "$@"; do
    if [ -n "$expected" ]; then
      case "$expected" in -c|--cluster) cluster="$word" ;; esac
      expected=""
    else
      case "$word" in
      ${valueNames}) expected="$word" ;;
      -*) ;;
      *) if [ -z "$command" ]; then command="$word"; else position=$((position + 1)); fi ;;
      esac
    fi
  done
  case "$command" in
  "") options="${longNames(globals).join(' ')}" fixed="${commands.map(({ name }) => name).join(' ')}" ;;
${commandCases.join('\n')}
  esac
  case "$expected" in
  "") ;;
${valueCases.join('\n')}
  *) options="" fixed="" kind="" ;;
  esac
}
_devcluster_names() {
  set -- completion --names "$kind"
  if [ -n "$cluster" ]; then set -- "$@" -c "$cluster"; fi
  devcluster "$@" 2>/dev/null
}`;
}

function bash(commands: readonly Completed[], globals: readonly OptionSpec[]): string {
  return `# bash completion for devcluster: source <(devcluster completion bash)
${finder(commands, globals)}
_devcluster() {
  local line="\${COMP_LINE:0:COMP_POINT}" cur="" cluster="" options="" fixed="" kind=""
  local -a typed
  read -r -a typed <<<"$line"
  case "$line" in *[[:space:]]) ;; *) cur="\${typed[\${#typed[@]}-1]}"; unset "typed[\${#typed[@]}-1]" ;; esac
  _devcluster_find "\${typed[@]:1}"
  case "$cur" in -*) fixed="$options"; kind="" ;; esac
  if [ -n "$kind" ]; then fixed="$fixed $(_devcluster_names)"; fi
  COMPREPLY=($(compgen -W "$fixed" -- "$cur"))
  # A colon begins a new word for bash, so what stands before it must not be repeated.
  case "$cur" in *:*)
    local prefix="\${cur%"\${cur##*:}"}" i
    for i in "\${!COMPREPLY[@]}"; do COMPREPLY[i]="\${COMPREPLY[i]#"$prefix"}"; done
    ;;
  esac
}
complete -o default -F _devcluster devcluster
`;
}

function zsh(commands: readonly Completed[], globals: readonly OptionSpec[]): string {
  return `#compdef devcluster
# zsh completion for devcluster: source <(devcluster completion zsh)
${finder(commands, globals)}
_devcluster() {
  local cluster="" options="" fixed="" kind=""
  local -a found
  _devcluster_find "\${(@Q)words[2,CURRENT-1]}"
  if [[ "\${words[CURRENT]}" == -* ]]; then fixed="$options" kind=""; fi
  found=(\${=fixed})
  if [[ -n "$kind" ]]; then found+=("\${(@f)$(_devcluster_names)}"); fi
  if (( $#found )); then compadd -a found; else _files; fi
}
(( $+functions[compdef] )) || { autoload -U compinit && compinit -i; }
if [[ "$funcstack[1]" == _devcluster ]]; then _devcluster "$@"; else compdef _devcluster devcluster; fi
`;
}

/** Sees which arguments are there already, which fish's own conditions don't. */
function fish(commands: readonly Completed[], globals: readonly OptionSpec[]): string {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const live = (kind: string) => quote(`(__devcluster_names ${kind})`);
  const optionLine = (condition: string, option: OptionSpec) => {
    const names = allNames(option).map((name) =>
      name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
    );
    const values = option.choices ? ` -x -a ${quote(option.choices.join(' '))}` : '';
    const asked = option.names ? ` -x -a ${live(option.names)}` : '';
    const any = !values && !asked && takesValue(option) ? ' -r' : '';
    return `complete -c devcluster${condition} ${names.join(' ')}${values}${asked}${any} -d ${quote(option.summary)}`;
  };
  const lines = commands.flatMap((command) => [
    `complete -c devcluster -n '__devcluster_at "" 0 0' -f -a ${command.name} -d ${quote(command.summary)}`,
    ...(command.arguments ?? []).flatMap(({ choices, names, variadic }, i) => {
      const here = ` -n '__devcluster_at ${command.name} ${i} ${variadic ? 99 : i}' -f`;
      return [
        ...(choices ? [`complete -c devcluster${here} -a ${quote(choices.join(' '))}`] : []),
        ...(names ? [`complete -c devcluster${here} -a ${live(names)}`] : []),
      ];
    }),
    ...(command.options ?? []).map((option) => optionLine(` -n '__devcluster_at ${command.name} 0 99'`, option)),
  ]);
  const valueNames = valueOptions(commands, globals).flatMap(allNames).join(' ');
  return `# fish completion for devcluster: devcluster completion fish | source
# The command and its arguments before the cursor, without options.
function __devcluster_words
    set -l expected
    for word in (commandline -opc)[2..]
        if set -q expected[1]
            set expected
        else if contains -- $word ${valueNames}
            set expected $word
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end
# Whether the next word is an argument of this command, so many behind the first.
function __devcluster_at -a name least most
    set -l given (__devcluster_words)
    set -l behind (math max 0, (count $given) - 1)
    test "$given[1]" = "$name" -a $behind -ge $least -a $behind -le $most
end
function __devcluster_names -a kind
    set -l given (commandline -opc)
    set -l cluster
    for i in (seq (count $given))
        set -l value $given[(math $i + 1)]
        contains -- $given[$i] -c --cluster; and set -q value[1]; and set cluster -c $value
    end
    devcluster completion --names $kind $cluster 2>/dev/null
end
${[...lines, ...globals.map((option) => optionLine('', option))].join('\n')}
`;
}
