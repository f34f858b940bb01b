export class ArgumentError extends Error {}

export interface Arguments {
  config: string;
  version: boolean;
}

/** Flags of Go's logging library that the real program takes too; what they say has no meaning here. */
const ignoredValues = new Set(['v', 'stderrthreshold', 'vmodule', 'log_dir', 'log_backtrace_at']);
const ignoredSwitches = new Set(['logtostderr', 'alsologtostderr', 'vv']);

/** Reads flags as Go's flag package does: `-name=value`, `-name value`, one dash or two. @throws ArgumentError */
export function parseArguments(argv: readonly string[]): Arguments {
  const found: Arguments = { config: 'config.json', version: false };
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    const match = /^--?([A-Za-z_]+)(?:=(.*))?$/s.exec(argument);
    // Go stops at the first argument that is no flag.
    if (!match) return found;
    const [, name = '', value] = match;
    if (name === 'config') {
      const path = value ?? argv[++i];
      if (!path) throw new ArgumentError('flag needs an argument: -config');
      found.config = path;
    } else if (name === 'version') found.version = value !== 'false';
    else if (name === 'v' && value === undefined && !/^\d+$/.test(argv[i + 1] ?? '')) continue;
    else if (ignoredValues.has(name)) {
      if (value === undefined) i++;
    } else if (!ignoredSwitches.has(name)) throw new ArgumentError(`flag provided but not defined: -${name}`);
  }
  return found;
}
