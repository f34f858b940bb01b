import { FlagError, type FlagValues, parseDuration, parseFlags } from '../../support/flags.ts';
import { AttributeError } from './attributes.ts';
import { ResourceError } from './resources.ts';

/** Flags by name with the default that /flags shows; null has none. `true` and `false` make a flag a switch. */
export type FlagDefaults = Readonly<Record<string, string | null>>;

export interface MesosFlags {
  /** What arguments and variables said, without defaults. */
  given: FlagValues;
  /** The value or the default. */
  text(name: string): string | undefined;
  /** Milliseconds. @throws FlagError */
  duration(name: string): number;
  /** As /flags shows them, sorted. @param computed defaults that depend on the machine */
  shown(hidden: ReadonlySet<string>, computed: Readonly<Record<string, string | undefined>>): Record<string, string>;
}

/**
 * Reads arguments and MESOS_* variables as masters and agents do; arguments win.
 * @throws FlagError naming the flag
 */
export function readMesosFlags(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  defaults: FlagDefaults,
): MesosFlags {
  const known = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, value === 'true' || value === 'false' ? 'switch' : 'value']),
  ) as Record<string, 'value' | 'switch'>;
  const given = parseFlags(argv, env, { prefix: 'MESOS_', known, duplicates: 'argument-wins' });
  const text = (name: string): string | undefined => {
    const value = given[name] ?? defaults[name];
    return value === undefined || value === null ? undefined : String(value);
  };
  return {
    given,
    text,
    duration: (name) => named(name, () => parseDuration(text(name)!)),
    shown(hidden, computed) {
      const shown: Record<string, string> = {};
      for (const name of Object.keys(defaults).sort()) {
        const value = given[name] ?? computed[name] ?? defaults[name];
        if (value !== null && value !== undefined && !hidden.has(name)) shown[name] = String(value);
      }
      return shown;
    },
  };
}

/** Reads a flag's value. @throws FlagError that names the flag, for whatever is wrong with the value */
export function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const malformed = [FlagError, RangeError, ResourceError, AttributeError].some((kind) => error instanceof kind);
    if (malformed) throw new FlagError(`Failed to load flag '${name}': ${(error as Error).message}`);
    throw error;
  }
}
