import type { AppDefinition, FieldErrors, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import type { Result } from './problem.ts';
import type { RawGroupUpdate } from './raw.ts';
import type { ReadContext } from './update.ts';

/** A group and all below it: plain data that is never changed in place. The root has the id `/`. */
export interface Group {
  readonly id: PathId;
  /** By absolute path. */
  readonly apps: Readonly<Record<PathId, AppDefinition>>;
  /** By absolute path. */
  readonly groups: Readonly<Record<PathId, Group>>;
  readonly dependencies: readonly PathId[];
  readonly version: Timestamp;
  /** Whether the apps below must use the top-level group's name as their role. Only on top-level groups. */
  readonly enforceRole?: boolean;
}

export function emptyGroup(id: PathId, version: Timestamp): Group {
  return { id, apps: {}, groups: {}, dependencies: [], version };
}

export function emptyRoot(version: Timestamp): Group {
  return emptyGroup('/', version);
}

export function getApp(root: Group, id: PathId): AppDefinition | undefined {
  throw new Error(`not built: ${root} ${id}`);
}

export function getGroup(root: Group, id: PathId): Group | undefined {
  throw new Error(`not built: ${root} ${id}`);
}

/** All apps of the group and of those below it, in the order of their paths. */
export function transitiveApps(group: Group): AppDefinition[] {
  throw new Error(`not built: ${group}`);
}

/** All groups below, the group itself included. */
export function transitiveGroups(group: Group): Group[] {
  throw new Error(`not built: ${group}`);
}

/** With the app added or replaced; missing groups on the way are made. */
export function putApp(root: Group, app: AppDefinition, version: Timestamp): Group {
  throw new Error(`not built: ${root} ${app} ${version}`);
}

/** Without the app; groups stay, even when empty. */
export function removeApp(root: Group, id: PathId, version: Timestamp): Group {
  throw new Error(`not built: ${root} ${id} ${version}`);
}

/** With the group added or replaced; missing groups on the way are made. */
export function putGroup(root: Group, group: Group, version: Timestamp): Group {
  throw new Error(`not built: ${root} ${group} ${version}`);
}

/** Without the group and all below it. Removing the root empties it. */
export function removeGroup(root: Group, id: PathId, version: Timestamp): Group {
  throw new Error(`not built: ${root} ${id} ${version}`);
}

/**
 * The tree after `update` of the group `id`. `versions` looks up the tree at an older version (for `version`).
 * @returns a problem when the update breaks a rule or the version is unknown
 */
export function updateGroup(
  id: PathId,
  update: RawGroupUpdate,
  context: ReadContext,
  versions: (version: Timestamp) => Group | undefined,
): Result<Group> {
  throw new Error(`not built: ${id} ${update} ${context} ${versions}`);
}

/** The rules of the whole tree, its apps' included. Paths are such as `/apps(/shop/web)/...`. */
export function validateRoot(root: Group, config: ModelConfig): FieldErrors[] {
  throw new Error(`not built: ${root} ${config}`);
}

/** The role an app at `id` gets that names none, and the roles it may name. */
export function rolesFor(
  root: Group,
  id: PathId,
  config: ModelConfig,
): { readonly default: string; readonly valid: readonly string[] } {
  throw new Error(`not built: ${root} ${id} ${config}`);
}
