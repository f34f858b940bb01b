import { nearest } from '../support/nearest.ts';
import { maxNodes } from './defaults.ts';
import { clusterNamePattern, clusterNameRule } from './names.ts';
import { imageSetNames, type RawConfig } from './types.ts';

/** A value that a variable or a flag gives, and what to call its source in messages. */
export interface Override {
  key: keyof typeof settings;
  source: string;
  value: string;
}

/** How each setting is read from a text. @throws Error saying what it must be */
const settings = {
  name: (text: string): RawConfig => {
    if (!clusterNamePattern.test(text)) throw new Error(`must be ${clusterNameRule}, not '${text}'`);
    return { name: text };
  },
  runtime: (text: string): RawConfig => ({ runtime: oneOf(text, ['auto', 'docker', 'process'] as const) }),
  engine: (text: string): RawConfig => ({ engine: oneOf(text, ['auto', 'mesos', 'embedded'] as const) }),
  timing: (text: string): RawConfig => ({ timing: oneOf(text, ['development', 'production'] as const) }),
  nodes: (text: string): RawConfig => {
    const count = Number(text);
    if (!/^\d+$/.test(text) || count < 1 || count > maxNodes)
      throw new Error(`must be a whole number from 1 to ${maxNodes}, not '${text}'`);
    return { nodes: count };
  },
  images: (text: string): RawConfig => ({ images: { set: oneOf(text, ['auto', ...imageSetNames] as const) } }),
  registry: (text: string): RawConfig => ({ images: { registry: text } }),
  domain: (text: string): RawConfig => {
    if (!/^[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*$/.test(text)) throw new Error(`must be a domain name, not '${text}'`);
    return { network: { domain: text } };
  },
  addresses: (text: string): RawConfig => ({
    network: { addresses: oneOf(text, ['auto', 'per-node', 'port-blocks'] as const) },
  }),
  samples: (text: string): RawConfig => ({
    samples: ['true', '1', 'yes'].includes(oneOf(text, ['true', 'false', '1', '0', 'yes', 'no'] as const)),
  }),
  seed: (text: string): RawConfig => ({ seed: text }),
  timeout: (text: string): RawConfig => {
    if (!(Number(text) > 0)) throw new Error(`must be a number of seconds greater than 0, not '${text}'`);
    return { timeouts: { up: Number(text) } };
  },
};

/** `DEVCLUSTER_NAME` and the others, and the setting each of them is. */
const variables: Readonly<Record<string, Override['key']>> = Object.fromEntries(
  (Object.keys(settings) as Override['key'][]).map((key) => [`DEVCLUSTER_${key.toUpperCase()}`, key]),
);

/** The settings among the environment's variables; an empty one counts as not set. */
export function overridesFromEnv(env: Readonly<Record<string, string | undefined>>): Override[] {
  return Object.entries(variables).flatMap(([variable, key]) => {
    const value = env[variable];
    return value ? [{ key, source: variable, value }] : [];
  });
}

/** Lays overrides over what the file says, later ones over earlier ones. */
export function applyOverrides(
  raw: RawConfig,
  overrides: readonly Override[],
): { raw: RawConfig; mistakes: { source: string; message: string }[]; sources: Map<string, string> } {
  const mistakes: { source: string; message: string }[] = [];
  const sources = new Map<string, string>();
  let merged = raw;
  for (const { key, source, value } of overrides) {
    try {
      const part = settings[key](value);
      merged = {
        ...merged,
        ...part,
        ...(part.images ? { images: { ...merged.images, ...part.images } } : {}),
        ...(part.network ? { network: { ...merged.network, ...part.network } } : {}),
        ...(part.timeouts ? { timeouts: { ...merged.timeouts, ...part.timeouts } } : {}),
      };
      for (const name of Object.keys(part)) sources.set(name, source);
    } catch (error) {
      mistakes.push({ source, message: (error as Error).message });
    }
  }
  return { raw: merged, mistakes, sources };
}

function oneOf<const T extends string>(text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text.toLowerCase());
  if (found) return found;
  const meant = nearest(text, allowed);
  throw new Error(`must be ${allowed.join(' or ')}, not '${text}'${meant ? `; did you mean '${meant}'?` : ''}`);
}
