/** What a server was told: `--name=value`, `--name value`, `--name`, `--no-name`, and PREFIX_NAME variables. */
export type FlagValues = Record<string, string | true | false>;

/** A flag the program can't take; the program ends with it. */
export class FlagError extends Error {}

/**
 * Reads flags the way Mesos and Marathon do: from variables with a prefix, then from arguments.
 * @param known names (snake_case) with whether each takes a value; an unknown argument is an error, an unknown
 *   variable is not
 * @param duplicates what the same option in both places means: Marathon refuses it, Mesos takes the argument
 */
export function parseFlags(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  options: {
    prefix: string;
    known: Readonly<Record<string, 'value' | 'switch'>>;
    duplicates: 'refuse' | 'argument-wins';
  },
): FlagValues {
  const { prefix, known, duplicates } = options;
  const values: FlagValues = {};
  for (const [name, kind] of Object.entries(known)) {
    const value = env[`${prefix}${name.toUpperCase()}`];
    if (value === undefined) continue;
    values[name] = kind === 'switch' ? !/^(false|0|no)$/i.test(value) : value;
  }
  const fromEnvironment = new Set(Object.keys(values));
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(argument);
    if (!match?.[1]) throw new FlagError(`Unexpected argument '${argument}'`);
    const negated = !(match[1] in known) && /^(no-|disable_)/.test(match[1]);
    const name = negated ? match[1].replace(/^(no-|disable_)/, '') : match[1].replaceAll('-', '_');
    const kind = known[name];
    if (!kind) throw new FlagError(`Failed to load unknown flag '${match[1]}'`);
    if (duplicates === 'refuse' && fromEnvironment.has(name))
      throw new FlagError(`The option '${name}' is given as a flag and by the environment`);
    if (negated) values[name] = false;
    else if (kind === 'switch') values[name] = match[2] === undefined ? true : !/^(false|0|no)$/i.test(match[2]);
    else {
      const value = match[2] ?? argv[++i];
      if (value === undefined) throw new FlagError(`The flag '--${name}' needs a value`);
      values[name] = value;
    }
  }
  return values;
}

const unitMs: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  secs: 1e3,
  mins: 6e4,
  hrs: 36e5,
  days: 864e5,
  weeks: 6048e5,
};

/** A Mesos duration (`15secs`, `1.5mins`, `500ms`) in milliseconds. @throws FlagError */
export function parseDuration(text: string): number {
  const match = /^(-?[\d.]+)\s*(ns|us|ms|secs|mins|hrs|days|weeks)$/.exec(text.trim());
  if (!match) throw new FlagError(`Invalid duration '${text}': a number and one of ${Object.keys(unitMs).join(', ')}`);
  return Number(match[1]) * unitMs[match[2]!]!;
}
