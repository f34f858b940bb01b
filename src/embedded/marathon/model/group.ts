import type { AppDefinition, FieldErrors, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import { dependencyLevels } from './dependencies.ts';
import { createErrors } from './json-check.ts';
import { isRoot, parentOf, parentsOf, rootPath, topLevelOf } from './path-id.ts';
import { isApp, isPod, type PodDefinition, type RunSpec } from './run-spec.ts';
import { type Group, specsOf } from './tree.ts';
import { checkRoles } from './validate.ts';

/** The tree of groups, apps and pods. Source: state/{Group,RootGroup}.scala and util/RoleSettings.scala of Marathon. */

export { type Group, specsOf } from './tree.ts';

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

/** The app or the pod of this path; there is never one of each. */
export function getSpec(root: Group, id: PathId): RunSpec | undefined {
  const group = getGroup(root, parentOf(id));
  return group && (get(group.apps, id) ?? (group.pods && get(group.pods, id)));
}

function* walkGroups(group: Group): Generator<Group> {
  yield group;
  for (const child of Object.values(group.groups)) yield* walkGroups(child);
}

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** A group never changes, so neither do these lists of it. */
const transitiveLists = new WeakMap<Group, { specs: readonly RunSpec[]; apps: readonly AppDefinition[] }>();

function listsOf(group: Group): { specs: readonly RunSpec[]; apps: readonly AppDefinition[] } {
  let lists = transitiveLists.get(group);
  if (!lists) {
    const specs: RunSpec[] = [];
    for (const each of walkGroups(group)) specs.push(...specsOf(each));
    specs.sort(byId);
    lists = { specs, apps: specs.filter(isApp) };
    transitiveLists.set(group, lists);
  }
  return lists;
}

/** All apps and pods of the group and of those below it, in the order of their paths. */
export function transitiveSpecs(group: Group): readonly RunSpec[] {
  return listsOf(group).specs;
}

/** The apps among them. */
export function transitiveApps(group: Group): readonly AppDefinition[] {
  return listsOf(group).apps;
}

/** An app or pod that two trees don't share; what is undefined is not there. */
export interface SpecDifference {
  readonly before: RunSpec | undefined;
  readonly after: RunSpec | undefined;
}

const membersOf = (group: Group | undefined): Readonly<Record<PathId, RunSpec>> => ({ ...group?.apps, ...group?.pods });

function* differing(from: Group | undefined, to: Group | undefined): Generator<SpecDifference> {
  if (from?.apps !== to?.apps || from?.pods !== to?.pods) {
    const before = membersOf(from);
    const after = membersOf(to);
    for (const [id, spec] of Object.entries(after)) if (before[id] !== spec) yield { before: before[id], after: spec };
    for (const [id, spec] of Object.entries(before)) if (!after[id]) yield { before: spec, after: undefined };
  }
  if (from?.groups === to?.groups) return;
  for (const id of new Set([...Object.keys(from?.groups ?? {}), ...Object.keys(to?.groups ?? {})]))
    yield* differing(from?.groups[id], to?.groups[id]);
}

/** The apps and pods that are not the very same in both trees, in the order of their paths. Costs little where little has changed. */
export function specDifferences(from: Group, to: Group): SpecDifference[] {
  const idOf = ({ before, after }: SpecDifference) => (after ?? before)?.id ?? '';
  return [...differing(from, to)].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
}

/** All groups below in the order of their paths, the group itself first. */
export function transitiveGroups(group: Group): Group[] {
  return [...walkGroups(group)].sort(byId);
}

/** Whether there is any app or pod in the group or below. */
export function hasApps(group: Group): boolean {
  for (const each of walkGroups(group)) if (specsOf(each).length > 0) return true;
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

/** The group with these apps and pods of its own added or replaced; an empty child group of such an id gives way. */
function withSpecs(group: Group, specs: readonly RunSpec[]): Group {
  const apps: Record<string, AppDefinition> = { ...group.apps };
  const pods: Record<string, PodDefinition> = { ...group.pods };
  let { groups } = group;
  for (const spec of specs) {
    if (isPod(spec)) pods[spec.id] = spec;
    else apps[spec.id] = spec;
    const clashing = get(groups, spec.id);
    if (clashing && !hasApps(clashing)) groups = without(groups, spec.id);
  }
  return withPods({ ...group, groups, apps }, pods);
}

/** The group with exactly these pods; without any, it says nothing of them. */
export function withPods({ pods: _, ...group }: Group, pods: Readonly<Record<PathId, PodDefinition>>): Group {
  return Object.keys(pods).length > 0 ? { ...group, pods } : group;
}

/**
 * With the apps or pods added or replaced; missing groups on the way are made. A group of the same id with nothing in
 * it gives way. All groups get the version.
 */
export function putApps(root: Group, specs: readonly RunSpec[], version: Timestamp, enforceNew = false): Group {
  const byParent = new Map<PathId, RunSpec[]>();
  for (const spec of specs) {
    const id = parentOf(spec.id);
    const siblings = byParent.get(id);
    if (siblings) siblings.push(spec);
    else byParent.set(id, [spec]);
  }
  let result = root;
  for (const [id, siblings] of byParent) {
    const group = getGroup(result, id) ?? emptyGroup(id, version, enforceNew);
    result = place(result, withSpecs(group, siblings), enforceNew);
  }
  return stamped(result, version);
}

/** {@link putApps} for one. */
export function putApp(root: Group, app: RunSpec, version: Timestamp, enforceNew = false): Group {
  return putApps(root, [app], version, enforceNew);
}

/** Without the app or pod; groups stay, even when empty. */
export function removeApp(root: Group, id: PathId, version: Timestamp): Group {
  const group = getGroup(root, parentOf(id));
  if (!group) return stamped(root, version);
  const left = withPods({ ...group, apps: without(group.apps, id) }, without(group.pods ?? {}, id));
  return putGroup(root, left, version);
}

/** Without the group and all below it. Removing the root empties it. */
export function removeGroup(root: Group, id: PathId, version: Timestamp): Group {
  if (isRoot(id)) return emptyRoot(version);
  const parent = getGroup(root, parentOf(id));
  if (!parent) return stamped(root, version);
  return putGroup(root, { ...parent, groups: without(parent.groups, id) }, version);
}

/** The tree with `change` applied to every app and pod of `group` and below. */
export function mapSpecs(group: Group, change: <T extends RunSpec>(spec: T) => T): Group {
  const apps: Record<string, AppDefinition> = {};
  for (const [id, app] of Object.entries(group.apps)) apps[id] = change(app);
  const pods: Record<string, PodDefinition> = {};
  for (const [id, pod] of Object.entries(group.pods ?? {})) pods[id] = change(pod);
  const groups: Record<string, Group> = {};
  for (const [id, child] of Object.entries(group.groups)) groups[id] = mapSpecs(child, change);
  return withPods({ ...group, apps, groups }, pods);
}

/** The tree with these apps and pods in the places of others of the same path and kind. */
export function replaceSpecs(group: Group, by: ReadonlyMap<RunSpec, RunSpec>): Group {
  if (by.size === 0) return group;
  const replaced = <T extends RunSpec>(members: Readonly<Record<PathId, T>>): Readonly<Record<PathId, T>> => {
    let result: Record<PathId, T> | undefined;
    for (const [id, spec] of Object.entries(members)) {
      const other = by.get(spec);
      // The same kind stands for the same kind.
      if (other) (result ??= { ...members })[id] = other as T;
    }
    return result ?? members;
  };
  const groups: Record<string, Group> = {};
  for (const [id, child] of Object.entries(group.groups)) groups[id] = replaceSpecs(child, by);
  return { ...group, apps: replaced(group.apps), ...(group.pods && { pods: replaced(group.pods) }), groups };
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
  const existing = getSpec(root, id)?.role;
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
    const path = index === 0 ? '/' : `/groups(${index})`;
    const pods = Object.keys(group.pods ?? {});
    if (pods.some((id) => Object.hasOwn(group.apps, id)))
      errors.add(path, 'Applications and Pods may not share the same id');
    if (Object.keys(group.groups).some((id) => Object.hasOwn(group.apps, id)))
      errors.add(path, 'Groups and Applications may not have the same identifier.');
    if (pods.some((id) => Object.hasOwn(group.groups, id)))
      errors.add(path, 'Groups and Pods may not have the same identifier.');
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
