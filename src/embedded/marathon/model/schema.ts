import type { FieldErrors } from '../../../protocols/marathon/types.ts';
import type { Result } from './problem.ts';
import type { RawApp, RawAppUpdate, RawGroupUpdate } from './raw.ts';

/**
 * The first look at a body: is it JSON, and does every field have its type? What passes may still break the rules of
 * validate.ts.
 */

/** Reads a body. An empty one and one that isn't JSON are refused with status 400. */
export function parseJson(text: string): Result<unknown> {
  throw new Error(`not built: ${text}`);
}

/** Checks a complete app definition. */
export function checkApp(json: unknown): Result<RawApp> {
  throw new Error(`not built: ${json}`);
}

/** Checks the body of PUT or PATCH on an app: every field may be absent. */
export function checkAppUpdate(json: unknown): Result<RawAppUpdate> {
  throw new Error(`not built: ${json}`);
}

/** Checks the body of PUT or PATCH on `/v2/apps`: a list of updates, each with an id. */
export function checkAppUpdates(json: unknown): Result<readonly (RawAppUpdate & { readonly id: string })[]> {
  throw new Error(`not built: ${json}`);
}

export function checkGroupUpdate(json: unknown): Result<RawGroupUpdate> {
  throw new Error(`not built: ${json}`);
}

/** Checks `{"enforceRole": boolean}`. */
export function checkGroupPatch(json: unknown): Result<{ readonly enforceRole?: boolean }> {
  throw new Error(`not built: ${json}`);
}

/** Checks `{"ids": [string]}`. */
export function checkTaskIds(json: unknown): Result<{ readonly ids: readonly string[] }> {
  throw new Error(`not built: ${json}`);
}

export type TypeErrors = readonly FieldErrors[];
