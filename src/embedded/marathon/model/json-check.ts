import type { FieldErrors } from '../../../protocols/marathon/types.ts';

/**
 * Small checkers of parsed JSON. Each returns the value, cleaned of what its shape does not know, or reports what is
 * wrong by path and returns undefined. Messages are those that Marathon's JSON library (play-json) gives.
 */
export type Check<T> = (json: unknown, path: string, errors: Errors) => T | undefined;

/** Gathers errors by path, in the order in which the paths first came up. */
export interface Errors {
  add(path: string, ...messages: string[]): void;
  readonly empty: boolean;
  list(): FieldErrors[];
}

export function createErrors(): Errors {
  const byPath = new Map<string, string[]>();
  return {
    add(path, ...messages) {
      const known = byPath.get(path);
      if (known) known.push(...messages);
      else byPath.set(path, messages);
    },
    get empty() {
      return byPath.size === 0;
    },
    list: () => [...byPath].map(([path, errors]) => ({ path, errors })),
  };
}

/** How an absent path is written: the whole body is `/`. */
export const pathOrRoot = (path: string) => (path === '' ? '/' : path);

const fail = (errors: Errors, path: string, message: string): undefined => {
  errors.add(pathOrRoot(path), message);
  return undefined;
};

export function text(limits: { min?: number; max?: number; pattern?: RegExp } = {}): Check<string> {
  return (json, path, errors) => {
    if (typeof json !== 'string') return fail(errors, path, 'error.expected.jsstring');
    let good = true;
    if (limits.min !== undefined && json.length < limits.min) good = !!fail(errors, path, 'error.minLength');
    if (limits.max !== undefined && json.length > limits.max) good = !!fail(errors, path, 'error.maxLength');
    if (limits.pattern && !limits.pattern.test(json)) good = !!fail(errors, path, 'error.pattern');
    return good ? json : undefined;
  };
}

export function number(limits: { min?: number; max?: number } = {}): Check<number> {
  return (json, path, errors) => {
    if (typeof json !== 'number') return fail(errors, path, 'error.expected.jsnumber');
    if (limits.min !== undefined && json < limits.min) return fail(errors, path, 'error.min');
    if (limits.max !== undefined && json > limits.max) return fail(errors, path, 'error.max');
    return json;
  };
}

const maxInt = 2 ** 31 - 1;

/** A whole number of 32 bits, or of up to 53 with `long`. */
export function integer(limits: { min?: number; max?: number; long?: boolean } = {}): Check<number> {
  const inRange = number(limits);
  return (json, path, errors) => {
    if (typeof json !== 'number') return fail(errors, path, 'error.expected.jsnumber');
    if (!Number.isSafeInteger(json) || (!limits.long && (json > maxInt || json < -maxInt - 1)))
      return fail(errors, path, limits.long ? 'error.expected.long' : 'error.expected.int');
    return inRange(json, path, errors);
  };
}

export const flag: Check<boolean> = (json, path, errors) =>
  typeof json === 'boolean' ? json : fail(errors, path, 'error.expected.jsboolean');

/** One of the literals, in any case of letters; the value is as written here. */
export function literal<T extends string>(...values: T[]): Check<T> {
  const byLower = new Map(values.map((value) => [value.toLowerCase(), value]));
  return (json, path, errors) =>
    (typeof json === 'string' ? byLower.get(json.toLowerCase()) : undefined) ??
    fail(errors, path, 'error.unknown.enum.literal');
}

export function list<T>(check: Check<T>, limits: { min?: number; max?: number } = {}): Check<readonly T[]> {
  return (json, path, errors) => {
    if (!Array.isArray(json)) return fail(errors, path, 'error.expected.jsarray');
    if (limits.min !== undefined && json.length < limits.min) return fail(errors, path, 'error.minLength');
    if (limits.max !== undefined && json.length > limits.max) return fail(errors, path, 'error.maxLength');
    const result: T[] = [];
    let good = true;
    json.forEach((item, index) => {
      const value = check(item, `${path}(${index})`, errors);
      if (value === undefined) good = false;
      else result.push(value);
    });
    return good ? result : undefined;
  };
}

export function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** Sets a member under any name, `__proto__` included. */
function assign(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
}

export function map<T>(check: Check<T>): Check<Readonly<Record<string, T>>> {
  return (json, path, errors) => {
    if (!isObject(json)) return fail(errors, path, 'error.expected.jsobject');
    const result: Record<string, T> = {};
    let good = true;
    for (const [name, item] of Object.entries(json)) {
      const value = check(item, `${path}/${name}`, errors);
      if (value === undefined) good = false;
      else assign(result, name, value);
    }
    return good ? result : undefined;
  };
}

/** A member that may be absent or null. */
export interface Optional<T> {
  readonly optional: true;
  readonly check: Check<T>;
}

export function optional<T>(check: Check<T>): Optional<T> {
  return { optional: true, check };
}

/** A member that may be absent or null and then has a value all the same. */
export interface Defaulted<T> {
  readonly optional: false;
  readonly check: Check<T>;
  readonly value: T;
}

export function defaulted<T>(check: Check<T>, value: T): Defaulted<T> {
  return { optional: false, check, value };
}

type Shape<T> = {
  readonly [K in keyof T]-?: undefined extends T[K]
    ? Optional<Exclude<T[K], undefined>>
    : Check<T[K]> | Defaulted<T[K]>;
};

/** An object with these members; others are dropped, as Marathon does. */
export function object<T>(shape: Shape<T>): Check<T> {
  const members = Object.entries(shape) as [string, Check<unknown> | Optional<unknown> | Defaulted<unknown>][];
  return (json, path, errors) => {
    if (!isObject(json)) return fail(errors, path, 'error.expected.jsobject');
    const result: Record<string, unknown> = {};
    let good = true;
    for (const [name, member] of members) {
      const item = Object.hasOwn(json, name) ? json[name] : undefined;
      if (typeof member !== 'function' && (item === undefined || item === null)) {
        if (!member.optional) result[name] = member.value;
        continue;
      }
      if (item === undefined) {
        good = !!fail(errors, `${path}/${name}`, 'error.path.missing');
        continue;
      }
      const value = (typeof member === 'function' ? member : member.check)(item, `${path}/${name}`, errors);
      if (value === undefined) good = false;
      else result[name] = value;
    }
    return good ? (result as T) : undefined;
  };
}

/** The first of the shapes that fits; the errors of the last are told when none does. */
export function either<T>(...checks: Check<T>[]): Check<T> {
  return (json, path, errors) => {
    let last: Errors | undefined;
    for (const check of checks) {
      last = createErrors();
      const value = check(json, path, last);
      if (value !== undefined) return value;
    }
    for (const { path: at, errors: messages } of last?.list() ?? []) errors.add(at, ...messages);
    return undefined;
  };
}

/** Anything at all. */
export const anything: Check<unknown> = (json) => json;
