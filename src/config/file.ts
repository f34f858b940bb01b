import { dirname, relative, resolve } from 'node:path';
import type { core } from 'zod/mini';
import { nearest } from '../support/nearest.ts';
import type { Mistake } from './rules.ts';
import { configSchema } from './schema.ts';
import type { RawConfig } from './types.ts';
import { readYaml } from './yaml.ts';

/** A mistake with its place, ready to be shown. */
export interface PlacedMistake {
  file: string;
  line: number;
  column: number;
  path: string;
  message: string;
}

export interface ConfigFile {
  path: string;
  raw: RawConfig;
  mistakes: PlacedMistake[];
  /** Puts a mistake found later at its line. */
  place(mistake: Mistake): PlacedMistake;
}

/** Parses and checks a configuration file; all mistakes of syntax, keys and values are in the answer. */
export function parseConfigFile(path: string, text: string, cwd: string): ConfigFile {
  const shown = relative(cwd, path) || path;
  const file = shown.startsWith('..') ? path : shown;
  const yaml = readYaml(text);
  const at = (steps: readonly (string | number)[], message: string, key = false): PlacedMistake => ({
    file,
    ...yaml.place(steps, key),
    path: formatPath(steps),
    message,
  });
  const place = (mistake: Mistake) => at(mistake.path, mistake.message);
  if (yaml.errors.length > 0)
    return { path, raw: {}, place, mistakes: yaml.errors.map((error) => ({ file, path: '', ...error })) };
  const value = yaml.value ?? {};
  const parsed = configSchema.safeParse(value);
  if (parsed.success) {
    const { $schema: _, ...raw } = parsed.data;
    return { path, raw: { ...raw, apps: raw.apps?.map((app) => resolve(dirname(path), app)) }, place, mistakes: [] };
  }
  const mistakes = parsed.error.issues.flatMap((issue) =>
    issueMistakes(issue, value, []).map(({ path: steps, message, key }) => at(steps, message, key)),
  );
  return { path, raw: {}, place, mistakes: mistakes.sort((a, b) => a.line - b.line) };
}

interface KeyMistake extends Mistake {
  /** The place is the key's, not the value's. */
  key: boolean;
}

function issueMistakes(issue: core.$ZodIssue, root: unknown, above: readonly (string | number)[]): KeyMistake[] {
  const path = [...above, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  const one = (message: string): KeyMistake[] => [{ path, message, key: false }];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(path);
      return issue.keys.map((key) => {
        const meant = nearest(key, known);
        const advice = meant ? `did you mean '${meant}'?` : `known keys: ${known.join(', ')}`;
        return { path: [...path, key], key: true, message: `unknown key '${key}' (${advice})` };
      });
    }
    case 'invalid_type':
      return one(`must be ${article(issue.expected)}, not ${describe(valueAt(root, path))}`);
    case 'invalid_value': {
      const value = valueAt(root, path);
      const meant = typeof value === 'string' ? nearest(value, issue.values.map(String)) : undefined;
      const advice = meant ? `; did you mean '${meant}'?` : '';
      return one(`must be ${issue.values.map((allowed) => JSON.stringify(allowed)).join(' or ')}${advice}`);
    }
    case 'invalid_union': {
      // The alternative that got furthest is the one that was meant.
      const alternatives = issue.errors.map((issues) => issues.flatMap((inner) => issueMistakes(inner, root, path)));
      const deepest = (mistakes: KeyMistake[]) => Math.max(0, ...mistakes.map((mistake) => mistake.path.length));
      const fitting = issue.errors.findIndex((issues) =>
        issues.every((inner) => inner.code !== 'invalid_type' || inner.path.length > 0),
      );
      const best = alternatives[fitting] ?? alternatives.toSorted?.((a, b) => deepest(b) - deepest(a))[0];
      if (fitting >= 0 && best?.length) return best;
      const expected = issue.errors.flatMap((issues) =>
        issues.flatMap((inner) =>
          inner.code === 'invalid_type' && inner.path.length === 0 ? [article(inner.expected)] : [],
        ),
      );
      return one(`must be ${[...new Set(expected)].join(' or ')}, not ${describe(valueAt(root, path))}`);
    }
    case 'invalid_key':
      return issue.issues.flatMap((inner) => [
        { path, key: true, message: `key '${String(path.at(-1))}' ${inner.message}` },
      ]);
    default:
      return one(issue.message);
  }
}

/** The keys that the schema knows at a path. */
function keysAt(path: readonly (string | number)[]): string[] {
  let schemas: unknown[] = [configSchema];
  for (const step of path) schemas = schemas.flatMap((schema) => childSchemas(schema, step));
  return [...new Set(schemas.flatMap(unwrap).flatMap((schema) => Object.keys(definition(schema).shape ?? {})))].filter(
    (key) => key !== '$schema',
  );
}

interface Definition {
  shape?: Record<string, unknown>;
  element?: unknown;
  valueType?: unknown;
  innerType?: unknown;
  options?: unknown[];
}

function definition(schema: unknown): Definition {
  return (schema as { _zod: { def: Definition } })._zod.def;
}

function unwrap(schema: unknown): unknown[] {
  const { innerType, options } = definition(schema);
  if (innerType) return unwrap(innerType);
  return options ? options.flatMap(unwrap) : [schema];
}

function childSchemas(schema: unknown, step: string | number): unknown[] {
  return unwrap(schema).flatMap((plain) => {
    const { shape, element, valueType } = definition(plain);
    const child = typeof step === 'number' ? element : (shape?.[step] ?? valueType);
    return child ? [child] : [];
  });
}

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string | number, unknown> | undefined)?.[step], root);
}

function article(type: string): string {
  if (type === 'object' || type === 'record') return 'a map';
  if (type === 'array') return 'a list';
  if (type === 'int') return 'a whole number';
  if (type === 'null') return 'null';
  return type === 'boolean' ? 'true or false' : `a ${type}`;
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'a list';
  if (value !== null && typeof value === 'object') return 'a map';
  return JSON.stringify(value);
}

function formatPath(path: readonly (string | number)[]): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}
