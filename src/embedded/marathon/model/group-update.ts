import type { AppDefinition, FieldErrors, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import {
  emptyGroup,
  enforcesRoleWhenNew,
  type Group,
  getGroup,
  getSpec,
  isTopLevel,
  mapSpecs,
  putGroup,
  type Roles,
  withPods,
} from './group.ts';
import { createErrors, type Errors, pathOrRoot } from './json-check.ts';
import { canonical, isChildOf, isRoot, pathErrors, topLevelOf } from './path-id.ts';
import { completePod } from './pod/read.ts';
import { good, problems, type Result } from './problem.ts';
import type { RawGroupUpdate } from './raw.ts';
import { isPod, type PodDefinition } from './run-spec.ts';
import { checkGroupUpdate } from './schema.ts';
import { completeApp, type ReadContext } from './update.ts';

/**
 * Bodies of group requests. Source: api/GroupApiService.scala, api/v2/GroupNormalization.scala,
 * raml/GroupConversion.scala and state/Group.scala of Marathon.
 */

const refused = (errors: readonly FieldErrors[]) => ({ ok: false, problem: problems.notValid(errors) }) as const;

/** The group a body is about: the one its id names, relative to the path it was sent to. */
export function groupUpdatePath(update: RawGroupUpdate, id: PathId): PathId {
  return update.id === undefined ? id : canonical(update.id, id);
}

function changesServices(update: RawGroupUpdate): boolean {
  return (
    update.version !== undefined ||
    update.scaleBy !== undefined ||
    update.apps !== undefined ||
    update.pods !== undefined ||
    (update.groups ?? []).some(changesServices)
  );
}

function checkUpdate(
  update: RawGroupUpdate,
  base: PathId,
  context: ReadContext,
  changes: boolean,
  path: string,
  errors: Errors,
): void {
  const id = groupUpdatePath(update, base);
  const members = Object.keys(update).length;
  for (const name of ['version', 'scaleBy'] as const)
    if (update[name] !== undefined && members > 1)
      errors.add(`${path}/${name}`, 'not allowed in conjunction with other properties.');
  if (update.id !== undefined) {
    const found = pathErrors(update.id);
    if (found.length > 0) errors.add(`${path}/id`, ...found);
  }
  if (update.enforceRole === true && !isTopLevel(id))
    errors.add(`${path}/enforceRole`, `enforceRole can only be set for top-level groups, and ${id} is not top-level`);
  const existing = getGroup(context.root, id);
  if (changes && existing && update.enforceRole !== undefined && update.enforceRole !== (existing.enforceRole ?? false))
    errors.add(
      `${path}/enforceRole`,
      'enforceRole cannot be modified in a request that adds, removes or modifies services; please make these changes in separate requests.',
    );
  update.apps?.forEach((app, index) => {
    if (!isChildOf(app.id, id)) errors.add(`${path}/apps(${index})/id`, `Identifier is not child of '${id}'`);
  });
  update.pods?.forEach((pod, index) => {
    if (!isChildOf(pod.id, id)) errors.add(`${path}/pods(${index})/id`, `Identifier is not child of '${id}'`);
  });
  update.groups?.forEach((group, index) => {
    const at = `${path}/groups(${index})`;
    if (group.id === undefined) errors.add(`${at}/id`, 'not defined');
    else if (!isChildOf(group.id, id)) errors.add(`${at}/id`, `Identifier is not child of '${id}'`);
    checkUpdate(group, id, context, changes, at, errors);
  });
  update.dependencies?.forEach((dependency, index) => {
    const found = pathErrors(dependency);
    if (found.length > 0) errors.add(`${path}/dependencies(${index})`, ...found);
  });
}

/** The body of POST or PUT on the group `id`: its types and the rules that need no app looked at. */
export function readGroupUpdate(json: unknown, id: PathId, context: ReadContext): Result<RawGroupUpdate> {
  const update = checkGroupUpdate(json);
  if (!update.ok) return update;
  const errors = createErrors();
  checkUpdate(update.value, id, context, changesServices(update.value), '', errors);
  return errors.empty ? update : refused(errors.list().map((each) => ({ ...each, path: pathOrRoot(each.path) })));
}

/** What the groups above decide for those below. */
interface Enclosing {
  readonly enforced: boolean;
  /** The role of the top-level group; undefined in the root. */
  readonly groupRole: string | undefined;
}

function rolesIn(id: PathId, { enforced, groupRole }: Enclosing, context: ReadContext): Roles {
  const { mesosRole } = context.config;
  const existing = getSpec(context.root, id)?.role;
  const usual = groupRole === undefined ? [mesosRole] : enforced ? [groupRole] : [mesosRole, groupRole];
  return {
    default: enforced && groupRole !== undefined ? groupRole : mesosRole,
    valid: [...new Set(existing === undefined ? usual : [...usual, existing])],
  };
}

function podsOf(
  update: RawGroupUpdate,
  id: PathId,
  current: Group | undefined,
  inside: Enclosing,
  context: ReadContext,
): Result<Readonly<Record<PathId, PodDefinition>>> {
  if (!update.pods) return good(current?.pods ?? {});
  const pods: Record<PathId, PodDefinition> = {};
  for (const raw of update.pods) {
    const podId = canonical(raw.id, id);
    const roles = rolesIn(podId, inside, context);
    const pod = completePod({ ...raw, id: podId }, context.config, { roles, now: context.now });
    if (!pod.ok) return pod;
    // Other than a PUT of the pod itself, one of its group leaves a pod running that has not changed.
    const before = getSpec(context.root, podId);
    pods[podId] = before ? { ...pod.value, version: before.version, versionInfo: before.versionInfo } : pod.value;
  }
  return good(pods);
}

function structural(
  update: RawGroupUpdate,
  id: PathId,
  current: Group | undefined,
  enclosing: Enclosing,
  context: ReadContext,
): Result<Group> {
  if (update.scaleBy !== undefined || update.version !== undefined) {
    const what = update.scaleBy === undefined ? 'version' : 'scale';
    return {
      ok: false,
      problem: problems.illegal(`requirement failed: For a structural update, no ${what} should be given.`),
    };
  }
  const topLevel = isTopLevel(id);
  const enforced = topLevel
    ? (update.enforceRole ?? current?.enforceRole ?? enforcesRoleWhenNew(context.config))
    : enclosing.enforced;
  const inside: Enclosing = { enforced, groupRole: isRoot(id) ? undefined : topLevelOf(id).slice(1) };

  let groups = current?.groups ?? {};
  if (update.groups) {
    const replaced: Record<PathId, Group> = {};
    for (const child of update.groups) {
      const childId = groupUpdatePath(child, id);
      const made = structural(child, childId, current?.groups[childId], inside, context);
      if (!made.ok) return made;
      replaced[childId] = made.value;
    }
    groups = replaced;
  }
  let apps = current?.apps ?? {};
  if (update.apps) {
    const replaced: Record<PathId, AppDefinition> = {};
    for (const raw of update.apps) {
      const appId = canonical(raw.id, id);
      const app = completeApp(raw, context.config, {
        base: id,
        roles: rolesIn(appId, inside, context),
        now: context.now,
      });
      if (!app.ok) return app;
      replaced[appId] = app.value;
    }
    apps = replaced;
  }
  const pods = podsOf(update, id, current, inside, context);
  if (!pods.ok) return pods;
  const dependencies = update.dependencies?.map((dependency) => canonical(dependency, id));
  const group = { ...emptyGroup(id, context.now, enforced), apps, groups };
  return good(withPods({ ...group, dependencies: dependencies ?? current?.dependencies ?? [] }, pods.value));
}

/**
 * The tree after `update` of the group `id` (see {@link groupUpdatePath}): reverted to a version, scaled, or changed
 * in its structure, where an absent member keeps what is there and a present one replaces it. `versions` looks up the
 * tree at an older version. Versions of apps are stamped later, see versions.ts.
 */
export function updateGroup(
  id: PathId,
  update: RawGroupUpdate,
  context: ReadContext,
  versions: (version: Timestamp) => Group | undefined,
): Result<Group> {
  const { root, now, config } = context;
  const enforceNew = enforcesRoleWhenNew(config);
  if (update.version !== undefined) {
    const then = versions(update.version);
    const group = then && getGroup(then, id);
    if (group) return good(putGroup(root, group, now, enforceNew));
    return { ok: false, problem: problems.illegal(`Group ${id} not available in version ${update.version}`) };
  }
  const current = getGroup(root, id);
  const { scaleBy } = update;
  if (scaleBy !== undefined) {
    // A product such as 3 × 1.1 is a little above what is meant; the next whole number must not be taken for it.
    const scaled = (instances: number) => Math.ceil(Number((instances * scaleBy).toPrecision(12)));
    const group = mapSpecs(current ?? emptyGroup(id, now, enforceNew), (spec) =>
      isPod(spec) ? spec : { ...spec, instances: scaled(spec.instances) },
    );
    return good(putGroup(root, group, now, enforceNew));
  }
  const topLevel = isRoot(id) ? undefined : topLevelOf(id);
  const enclosing: Enclosing = {
    enforced: topLevel
      ? (getGroup(root, topLevel)?.enforceRole ?? (getGroup(root, topLevel) ? false : enforceNew))
      : false,
    groupRole: topLevel?.slice(1),
  };
  const group = structural(update, id, current, enclosing, context);
  return group.ok ? good(putGroup(root, group.value, now, enforceNew)) : group;
}
