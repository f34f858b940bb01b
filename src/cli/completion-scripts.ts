import type { ArgumentSpec, CommandSpec, OptionSpec } from './spec.ts';

type Shell = 'bash' | 'zsh' | 'fish';

/** The script that completes commands, options and fixed values, and asks for names that only the program knows. */
export function completionScript(
  shell: Shell,
  commands: readonly CommandSpec[],
  globals: readonly OptionSpec[],
): string {
  if (shell === 'fish') return fish(commands, globals);
  return shell === 'zsh' ? zsh(commands, globals) : bash(commands, globals);
}

function longNames(options: readonly OptionSpec[] = []): string[] {
  return options.flatMap(({ flags }) => /--[a-z-]+/.exec(flags) ?? []);
}

/** `-f, --follow <x>` → [`-f`, `--follow`]. */
function allNames({ flags }: OptionSpec): string[] {
  return flags.match(/(?<![\w-])--?[a-z-]+/g) ?? [];
}

/** Options with values that can be completed, by each of their names. */
function optionValues(options: readonly OptionSpec[]): { names: string; words: string; kind: string }[] {
  return options
    .filter(({ choices, names }) => choices || names)
    .map((option) => ({
      names: allNames(option).join('|'),
      words: option.choices?.join(' ') ?? '',
      kind: option.names ?? '',
    }));
}

/** Cases by the number of words behind the command; a variadic argument stands for all that follow. */
function argumentCases(specs: readonly ArgumentSpec[] = []): string[] {
  return specs.flatMap(({ choices, names, variadic }, i) =>
    choices || names
      ? [`      ${variadic ? '*' : i}) words="${choices?.join(' ') ?? ''}" kind="${names ?? ''}" ;;`]
      : [],
  );
}

function bash(commands: readonly CommandSpec[], globals: readonly OptionSpec[]): string {
  const cases = commands.flatMap((command) => {
    const own = argumentCases(command.arguments);
    const options = [...longNames(command.options), ...longNames(globals)].join(' ');
    return [
      `  ${command.name})`,
      `    options="${options}"`,
      ...(own.length > 0 ? ['    case "$position" in', ...own, '    esac'] : []),
      '    ;;',
    ];
  });
  const values = [...globals, ...commands.flatMap(({ options = [] }) => options)];
  const seen = new Set<string>();
  const valueCases = optionValues(values).flatMap(({ names, words, kind }) => {
    if (seen.has(names)) return [];
    seen.add(names);
    return [`  ${names}) words="${words}" kind="${kind}" options="" position=value ;;`];
  });
  return `# bash completion for devcluster: source <(devcluster completion bash)
_devcluster_names() {
  devcluster completion --names "$1" \${cluster:+-c "$cluster"} 2>/dev/null
}
_devcluster() {
  local line="\${COMP_LINE:0:COMP_POINT}" cur="" before="" word command="" cluster="" options="" words="" kind="" position=0 skip=""
  local -a typed
  read -r -a typed <<<"$line"
  case "$line" in *[[:space:]]) ;; *) cur="\${typed[\${#typed[@]}-1]}"; unset "typed[\${#typed[@]}-1]" ;; esac
  for word in "\${typed[@]:1}"; do
    if [ -n "$skip" ]; then
      case "$skip" in -c|--cluster) cluster="$word" ;; esac
      skip=""
    else
      case "$word" in
      -c|--cluster|--config|--target|-o|--output) skip="$word" ;;
      -*) ;;
      *) if [ -z "$command" ]; then command="$word"; else position=$((position + 1)); fi ;;
      esac
    fi
    before="$word"
  done
  case "$command" in
  "") options="${longNames(globals).join(' ')}" words="${[...commands.map(({ name }) => name), 'help'].join(' ')}" ;;
${cases.join('\n')}
  esac
  case "$before" in
${valueCases.join('\n')}
  esac
  case "$cur" in -*) words="$options"; kind="" ;; esac
  if [ -n "$kind" ]; then words="$words $(_devcluster_names "$kind")"; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
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

function zsh(commands: readonly CommandSpec[], globals: readonly OptionSpec[]): string {
  return `#compdef devcluster
# zsh completion for devcluster: source <(devcluster completion zsh)
autoload -U +X compinit && compinit -i 2>/dev/null
autoload -U +X bashcompinit && bashcompinit
${bash(commands, globals).replace('read -r -a typed', 'emulate -L ksh; read -r -A typed')}`;
}

function fish(commands: readonly CommandSpec[], globals: readonly OptionSpec[]): string {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const live = (kind: string) => quote(`(devcluster completion --names ${kind} 2>/dev/null)`);
  const optionLine = (condition: string, option: OptionSpec) => {
    const values = option.choices ? ` -x -a ${quote(option.choices.join(' '))}` : '';
    const names = option.names ? ` -x -a ${live(option.names)}` : '';
    return longNames([option]).map(
      (name) => `complete -c devcluster${condition} -l ${name.slice(2)}${values}${names} -d ${quote(option.summary)}`,
    );
  };
  const lines = commands.flatMap((command) => {
    const here = ` -n '__fish_seen_subcommand_from ${command.name}'`;
    return [
      `complete -c devcluster -n __fish_use_subcommand -a ${command.name} -d ${quote(command.summary)}`,
      ...(command.arguments ?? []).flatMap(({ choices, names }) => [
        ...(choices ? [`complete -c devcluster${here} -f -a ${quote(choices.join(' '))}`] : []),
        ...(names ? [`complete -c devcluster${here} -f -a ${live(names)}`] : []),
      ]),
      ...(command.options ?? []).flatMap((option) => optionLine(here, option)),
    ];
  });
  const all = [...lines, ...globals.flatMap((option) => optionLine('', option))];
  return `# fish completion for devcluster: devcluster completion fish | source\n${all.join('\n')}\n`;
}
