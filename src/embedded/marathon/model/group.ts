import type { AppDefinition, FieldErrors, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import { dependencyLevels } from './dependencies.ts';
import { createErrors } from './json-check.ts';
import { isRoot, parentOf, parentsOf, rootPath, topLevelOf } from './path-id.ts';
import type { Group } from './tree.ts';
import { checkRoles } from './validate.ts';

/** The tree of groups and apps. Source: state/{Group,RootGroup}.scala and util/RoleSettings.scala of Marathon. */

export type { Group } from './tree.ts';

export function isTopLevel(id: PathId): boolean {
  return !isRoot(id) && isRoot(parentOf(id));
}

/** A group with nothing in it. Top-level ones say whether they enforce their role. */
export function emptyGroup(id: PathId, version: Timestamp, enforceRole = false): Group {
  return { id, apps: {}, groups: {}, dependencies: [], version, ...(isTopLevel(id) && { enforceRole }) };
}

export function emptyRoot(version: Timestamp): Group {
  return emptyGroup(rootPath, version);
}

const get = <T>(members: Readonly<Record<string, T>>, id: string): T | undefined =>
  Object.hasOwn(members, id) ? members[id] : undefined;

export function getGroup(root: Group, id: PathId): Group | undefined {
  let at: Group | undefined = root;
  for (let end = 0; at && end < id.length && id !== rootPath; ) {
    const slash = id.indexOf('/', end + 1);
    end = slash === -1 ? id.length : slash;
    at = get(at.groups, id.slice(0, end));
  }
  return at;
}

export function getApp(root: Group, id: PathId): AppDefinition | undefined {
  const group = getGroup(root, parentOf(id));
  return group && get(group.apps, id);
}

function* walkGroups(group: Group): Generator<Group> {
  yield group;
  for (const child of Object.values(group.groups)) yield* walkGroups(child);
}

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** A group never changes, so neither does this list of it. */
const transitiveLists = new WeakMap<Group, readonly AppDefinition[]>();

/** All apps of the group and of those below it, in the order of their paths. */
export function transitiveApps(group: Group): readonly AppDefinition[] {
  let apps = transitiveLists.get(group);
  if (!apps) {
    const found: AppDefinition[] = [];
    for (const each of walkGroups(group)) for (const app of Object.values(each.apps)) found.push(app);
    apps = found.sort(byId);
    transitiveLists.set(group, apps);
  }
  return apps;
}

/** All groups below in the order of their paths, the group itself first. */
export function transitiveGroups(group: Group): Group[] {
  return [...walkGroups(group)].sort(byId);
}

export function hasApps(group: Group): boolean {
  for (const each of walkGroups(group)) if (Object.keys(each.apps).length > 0) return true;
  return false;
}

const without = <T>(members: Readonly<Record<string, T>>, id: string): Readonly<Record<string, T>> => {
  if (!Object.hasOwn(members, id)) return members;
  const { [id]: _, ...rest } = members;
  return rest;
};

/** The group and all below it with this version. */
function stamped(group: Group, version: Timestamp): Group {
  const groups: Record<string, Group> = {};
  for (const [id, child] of Object.entries(group.groups)) groups[id] = stamped(child, version);
  return { ...group, groups, version };
}

/** The tree with `group` in its place and every other group as it was; the path to it is made where it is missing. */
function place(root: Group, group: Group, enforceNew: boolean): Group {
  let result = group;
  for (const id of parentsOf(group.id)) {
    const parent = getGroup(root, id) ?? emptyGroup(id, root.version, enforceNew);
    result = { ...parent, groups: { ...parent.groups, [result.id]: result } };
  }
  return result;
}

/** Whether a top-level group that comes into being enforces its role. */
export function enforcesRoleWhenNew(config: ModelConfig): boolean {
  return config.newGroupEnforceRole === 'top';
}

/** With the group added or replaced; missing groups on the way are made. All groups get the version. */
export function putGroup(root: Group, group: Group, version: Timestamp, enforceNew = false): Group {
  return stamped(place(root, group, enforceNew), version);
}

/** The group with these apps of its own added or replaced; a child group of such an id gives way if it has no apps. */
function withApps(group: Group, apps: readonly AppDefinition[]): Group {
  const all: Record<string, AppDefinition> = { ...group.apps };
  let { groups } = group;
  for (const app of apps) {
    all[app.id] = app;
    const clashing = get(groups, app.id);
    if (clashing && !hasApps(clashing)) groups = without(groups, app.id);
  }
  return { ...group, groups, apps: all };
}

/**
 * With the apps added or replaced; missing groups on the way are made. A group of the same id without apps gives way.
 * All groups get the version.
 */
export function putApps(root: Group, apps: readonly AppDefinition[], version: Timestamp, enforceNew = false): Group {
  const byParent = new Map<PathId, AppDefinition[]>();
  for (const app of apps) {
    const id = parentOf(app.id);
    const siblings = byParent.get(id);
    if (siblings) siblings.push(app);
    else byParent.set(id, [app]);
  }
  let result = root;
  for (const [id, siblings] of byParent) {
    const group = getGroup(result, id) ?? emptyGroup(id, version, enforceNew);
    result = place(result, withApps(group, siblings), enforceNew);
  }
  return stamped(result, version);
}

/** {@link putApps} for one. */
export function putApp(root: Group, app: AppDefinition, version: Timestamp, enforceNew = false): Group {
  return putApps(root, [app], version, enforceNew);
}

/** Without the app; groups stay, even when empty. */
export function removeApp(root: Group, id: PathId, version: Timestamp): Group {
  const group = getGroup(root, parentOf(id));
  if (!group) return stamped(root, version);
  return putGroup(root, { ...group, apps: without(group.apps, id) }, version);
}

/** Without the group and all below it. Removing the root empties it. */
export function removeGroup(root: Group, id: PathId, version: Timestamp): Group {
  if (isRoot(id)) return emptyRoot(version);
  const parent = getGroup(root, parentOf(id));
  if (!parent) return stamped(root, version);
  return putGroup(root, { ...parent, groups: without(parent.groups, id) }, version);
}

/** The tree with `change` applied to every app of `group` and below. */
export function mapApps(group: Group, change: (app: AppDefinition) => AppDefinition): Group {
  const apps: Record<string, AppDefinition> = {};
  for (const [id, app] of Object.entries(group.apps)) apps[id] = change(app);
  const groups: Record<string, Group> = {};
  for (const [id, child] of Object.entries(group.groups)) groups[id] = mapApps(child, change);
  return { ...group, apps, groups };
}

export interface Roles {
  readonly default: string;
  readonly valid: readonly string[];
}

/** The role an app at `id` gets that names none, and the roles it may name. */
export function rolesFor(root: Group, id: PathId, config: ModelConfig): Roles {
  const { mesosRole } = config;
  if (isRoot(parentOf(id))) return { default: mesosRole, valid: [mesosRole] };
  const topLevel = topLevelOf(id);
  const groupRole = topLevel.slice(1);
  const group = getGroup(root, topLevel);
  const enforced = group ? (group.enforceRole ?? false) : enforcesRoleWhenNew(config);
  const existing = getApp(root, id)?.role;
  const valid = enforced ? [groupRole] : [mesosRole, groupRole];
  if (existing !== undefined) valid.push(existing);
  return { default: enforced ? groupRole : mesosRole, valid: [...new Set(valid)] };
}

/**
 * The rules of the whole tree that no app can keep by itself: dependencies without cycles, no group and app of one id,
 * roles. Apps are checked on their own when they are read.
 */
export function validateRoot(root: Group): FieldErrors[] {
  const errors = createErrors();
  if (!dependencyLevels(root)) errors.add('/', 'Dependency graph has cyclic dependencies.');
  transitiveGroups(root).forEach((group, index) => {
    if (Object.keys(group.groups).some((id) => Object.hasOwn(group.apps, id)))
      errors.add(index === 0 ? '/' : `/groups(${index})`, 'Groups and Applications may not have the same identifier.');
  });
  for (const app of transitiveApps(root)) {
    // The role itself was checked when the app was read, and an app may keep the role it has.
    if (!app.acceptedResourceRoles) continue;
    const found = createErrors();
    checkRoles(app, [app.role], found);
    // The app's path stands for where in it the error is, as Marathon reports it.
    for (const { errors: messages } of found.list()) errors.add(`/apps/${app.id}`, ...messages);
  }
  return errors.list();
}
