import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { DevclusterError } from '../support/errors.ts';
import { applyDefaults } from './defaults.ts';
import type { ConfigFile } from './file.ts';
import { findConfigFile, readNamedFile } from './find.ts';
import { clusterNamePattern, clusterNameRule, defaultClusterName } from './names.ts';
import { applyOverrides, type Override, overridesFromEnv } from './overrides.ts';
import { checkRules } from './rules.ts';
import type { ClusterConfig, RawConfig } from './types.ts';

export interface ConfigSources {
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Named by --config; otherwise the nearest devcluster.yml is taken. */
  file?: string | undefined;
  /** Of the command line, by setting; undefined ones are not set. */
  flags?: Readonly<Partial<Record<Override['key'], string | number | boolean | undefined>>>;
}

export interface LoadedConfig {
  config: ClusterConfig;
  /** The configuration file that was read. */
  file: string | undefined;
  /** What was said, before the defaults. */
  raw: RawConfig;
  /** The part of it that variables and flags said about the cluster itself. */
  overrides: RawConfig;
}

/**
 * The configuration: file, then `DEVCLUSTER_*` variables, then flags.
 * @throws DevclusterError usage with every mistake at once, each with its place
 */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const file = await readFile(sources);
  const { raw, mistakes, sources: overridden } = applyOverrides(file?.raw ?? {}, overridesOf(sources));
  const messages: { text: string; detail: object }[] = [
    ...(file?.mistakes ?? []).map((mistake) => ({
      text: `${mistake.file}:${mistake.line}: ${mistake.path ? `${mistake.path}: ` : ''}${mistake.message}`,
      detail: mistake,
    })),
    ...mistakes.map((mistake) => ({ text: `${mistake.source}: ${mistake.message}`, detail: mistake })),
  ];
  if (messages.length === 0)
    for (const mistake of checkRules(raw)) {
      const source = overridden.get(String(mistake.path[0]));
      const placed = source ? undefined : file?.place(mistake);
      const where = placed ? `${placed.file}:${placed.line}` : (source ?? 'configuration');
      messages.push({ text: `${where}: ${mistake.message}`, detail: placed ?? { source: where, ...mistake } });
    }
  if (messages.length > 0) throw invalid(messages, file?.path);
  return { config: applyDefaults(raw, defaultName()), file: file?.path, raw, overrides: shaping(raw, overridden) };
}

const shapingKeys = ['runtime', 'engine', 'timing', 'nodes', 'images', 'network'] as const;

function shaping(raw: RawConfig, overridden: ReadonlyMap<string, string>): RawConfig {
  return Object.fromEntries(shapingKeys.filter((key) => overridden.has(key)).map((key) => [key, raw[key]]));
}

/**
 * Only the cluster's name, for commands that need no more; mistakes elsewhere in the file don't matter to them.
 * @throws DevclusterError usage
 */
export async function loadClusterName(sources: ConfigSources): Promise<string> {
  const override = overridesOf(sources).findLast(({ key }) => key === 'name');
  if (override) {
    const { raw, mistakes } = applyOverrides({}, [override]);
    if (raw.name) return raw.name;
    throw invalid(
      mistakes.map((mistake) => ({ text: `${mistake.source}: ${mistake.message}`, detail: mistake })),
      undefined,
    );
  }
  return (await readName(sources)) ?? defaultName();
}

function defaultName(): string {
  try {
    return defaultClusterName(userInfo().username);
  } catch {
    // A container may run as a user without an entry in the password file.
    return defaultClusterName(String(process.getuid?.() ?? 'user'));
  }
}

function overridesOf(sources: ConfigSources): Override[] {
  const names: Partial<Record<Override['key'], string>> = { name: '--cluster' };
  const flags = Object.entries(sources.flags ?? {}).flatMap(([key, value]): Override[] =>
    value === undefined
      ? []
      : [{ key: key as Override['key'], source: names[key as Override['key']] ?? `--${key}`, value: String(value) }],
  );
  return [...overridesFromEnv(sources.env), ...flags];
}

async function findFile(sources: ConfigSources): Promise<{ path: string; text: string } | undefined> {
  const named = sources.file ?? (sources.env.DEVCLUSTER_CONFIG || undefined);
  return named ? readNamedFile(resolve(sources.cwd, named)) : findConfigFile(sources.cwd);
}

/** YAML and the schema are loaded only when there is a file. */
async function readFile(sources: ConfigSources): Promise<ConfigFile | undefined> {
  const found = await findFile(sources);
  if (!found) return undefined;
  const { parseConfigFile } = await import('./file.ts');
  return parseConfigFile(found.path, found.text, sources.cwd);
}

/** The file's `name`, whatever else is wrong with the file. */
async function readName(sources: ConfigSources): Promise<string | undefined> {
  const found = await findFile(sources);
  if (!found) return undefined;
  const { readYaml } = await import('./yaml.ts');
  const { value, errors } = readYaml(found.text);
  const fault = errors[0] ? `:${errors[0].line}: ${errors[0].message}` : undefined;
  const name = (value as RawConfig | null | undefined)?.name;
  if (!fault && (name === undefined || (typeof name === 'string' && clusterNamePattern.test(name)))) return name;
  throw new DevclusterError(
    'usage',
    'CONFIG_INVALID',
    `${found.path}${fault ?? `: name: must be ${clusterNameRule}`}`,
    { hint: 'Correct the file, or name the cluster with -c.', details: errors },
  );
}

function invalid(messages: readonly { text: string; detail: object }[], file: string | undefined): DevclusterError {
  const [first] = messages;
  const message =
    messages.length === 1 && first
      ? first.text
      : `The configuration has ${messages.length} mistakes:\n${messages.map(({ text }) => `  ${text}`).join('\n')}`;
  return new DevclusterError('usage', 'CONFIG_INVALID', message, {
    ...(file ? { hint: 'The keys and values are in schema/devcluster.schema.json, which editors understand.' } : {}),
    details: messages.map(({ text, detail }) => ({ text, ...detail })),
  });
}
