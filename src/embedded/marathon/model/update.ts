import type { AppDefinition, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import type { Group } from './group.ts';
import type { Result } from './problem.ts';
import type { RawAppUpdate, RawGroupUpdate } from './raw.ts';

/** What reading a body depends on besides the body. */
export interface ReadContext {
  readonly config: ModelConfig;
  /** The current tree: it decides roles, and what is updated. */
  readonly root: Group;
  readonly now: Timestamp;
  /** `?force=true` also lets a service keep a role that its group doesn't enforce. */
  readonly force?: boolean;
}

/** `POST /v2/apps`: a complete definition from a parsed body, type-checked, converted, validated. */
export function readApp(json: unknown, context: ReadContext): Result<AppDefinition> {
  throw new Error(`not built: ${json} ${context}`);
}

/** The body of PUT or PATCH on one app, checked and with legacy fields converted. */
export function readAppUpdate(json: unknown, id: PathId, context: ReadContext): Result<RawAppUpdate> {
  throw new Error(`not built: ${json} ${id} ${context}`);
}

/** The body of PUT or PATCH on `/v2/apps`; each entry has its absolute `id`. */
export function readAppUpdates(
  json: unknown,
  context: ReadContext,
): Result<readonly (RawAppUpdate & { readonly id: PathId })[]> {
  throw new Error(`not built: ${json} ${context}`);
}

/** How an update is applied. */
export interface UpdateMode {
  /** False: the body is a complete definition, absent fields get their defaults. */
  readonly partial: boolean;
  /** False (PATCH): an app that does not exist is refused. */
  readonly create: boolean;
}

/**
 * The definition after an update of `id`. A body of `{"version"}` restores that version, which `versions` looks up;
 * `undefined` from it refuses the update.
 */
export function updateApp(
  id: PathId,
  update: RawAppUpdate,
  mode: UpdateMode,
  context: ReadContext,
  versions: (id: PathId, version: Timestamp) => AppDefinition | undefined,
): Result<AppDefinition> {
  throw new Error(`not built: ${id} ${update} ${mode} ${context} ${versions}`);
}

/** The version that an update restores, when it restores one. The caller loads it before calling {@link updateApp}. */
export function versionToRestore(update: RawAppUpdate): Timestamp | undefined {
  return update.version;
}

/** The body of POST or PUT on a group: checked, its apps converted and validated. `id` is the group's own path. */
export function readGroupUpdate(json: unknown, id: PathId, context: ReadContext): Result<RawGroupUpdate> {
  throw new Error(`not built: ${json} ${id} ${context}`);
}
