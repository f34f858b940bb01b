import type { AppDefinition, FieldErrors, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import { type Group, getApp, getSpec, type Roles, rolesFor } from './group.ts';
import { moderniseApp, moderniseUpdate } from './modernize.ts';
import { normaliseApp, serialiseApp } from './normalize.ts';
import { canonical, rootPath } from './path-id.ts';
import { good, type Problem, problems, type Result } from './problem.ts';
import type { RawApp, RawAppUpdate } from './raw.ts';
import { keepsData, type RunSpec } from './run-spec.ts';
import { checkApp, checkApps, checkAppUpdate, checkAppUpdates } from './schema.ts';
import { validateApp, validateLegacy, validateUpdate } from './validate.ts';

/**
 * From bodies of app requests to definitions. Source: api/v2/{AppsResource,AppHelpers}.scala and
 * raml/AppConversion.scala of Marathon.
 */

/** What reading a body depends on besides the body. */
export interface ReadContext {
  readonly config: ModelConfig;
  /** The current tree: it decides roles, and what is updated. */
  readonly root: Group;
  readonly now: Timestamp;
  /** `?force=true`: an app that keeps data may also change its role. */
  readonly force?: boolean;
}

const refusal = (problem: Problem) => ({ ok: false, problem }) as const;
const invalid = (errors: readonly FieldErrors[]) => refusal(problems.notValid(errors));

/** With absolute paths. */
function absolute<T extends RawAppUpdate>(raw: T, base: PathId): T {
  return {
    ...raw,
    ...(raw.id !== undefined && { id: canonical(raw.id, base) }),
    ...(raw.dependencies && { dependencies: raw.dependencies.map((id) => canonical(id, base)) }),
  };
}

/** The complete definition of a well-typed body: converted, validated, with all defaults. */
export function completeApp(
  given: RawApp,
  config: ModelConfig,
  place: { readonly base: PathId; readonly roles: Roles; readonly now: Timestamp },
): Result<AppDefinition> {
  const raw = absolute(given, place.base);
  const legacy = validateLegacy(raw);
  if (legacy.length > 0) return invalid(legacy);
  const modern = moderniseApp(raw, config);
  if (!modern.ok) return modern;
  const app: RawApp = { ...modern.value, role: modern.value.role ?? place.roles.default };
  const errors = validateApp(app, config, place.roles.valid);
  if (errors.length > 0) return invalid(errors);
  const { version: _v, versionInfo: _i, ...unversioned } = app;
  return good(normaliseApp(unversioned, config, { base: place.base, role: place.roles.default, now: place.now }));
}

function complete(raw: RawApp, context: ReadContext): Result<AppDefinition> {
  const roles = rolesFor(context.root, canonical(raw.id), context.config);
  return completeApp(raw, context.config, { base: rootPath, roles, now: context.now });
}

/** `POST /v2/apps`: a complete definition from a parsed body, type-checked, converted, validated. */
export function readApp(json: unknown, context: ReadContext): Result<AppDefinition> {
  const raw = checkApp(json);
  return raw.ok ? complete(raw.value, context) : raw;
}

function readUpdate(given: RawAppUpdate, config: ModelConfig): Result<RawAppUpdate> {
  const modern = moderniseUpdate(absolute(given, rootPath), config);
  if (!modern.ok) return modern;
  const errors = validateUpdate(modern.value);
  return errors.length > 0 ? invalid(errors) : modern;
}

/** The body of PUT or PATCH on one app, checked and with legacy fields converted. The id is that of the path. */
export function readAppUpdate(json: unknown, id: PathId, context: ReadContext): Result<RawAppUpdate> {
  const raw = checkAppUpdate(json);
  if (!raw.ok) return raw;
  const update = readUpdate(raw.value, context.config);
  return update.ok ? good({ ...update.value, id }) : update;
}

/** The body of PUT or PATCH on `/v2/apps`; each entry has its absolute `id`. */
export function readAppUpdates(
  json: unknown,
  context: ReadContext,
  partial = true,
): Result<readonly (RawAppUpdate & { readonly id: PathId })[]> {
  const raw = partial ? checkAppUpdates(json) : checkApps(json);
  if (!raw.ok) return raw;
  const updates: (RawAppUpdate & { readonly id: PathId })[] = [];
  for (const each of raw.value) {
    const { version: _, ...complete } = each;
    const update = readUpdate(partial ? each : complete, context.config);
    if (!update.ok) return update;
    updates.push({ ...update.value, id: canonical(each.id) });
  }
  return good(updates);
}

/** How an update is applied. */
export interface UpdateMode {
  /** False: the body is a complete definition, absent fields get their defaults. */
  readonly partial: boolean;
  /** False (PATCH): an app that does not exist is refused. */
  readonly create: boolean;
}

/** The version that an update restores, when it restores one. The caller loads it before calling {@link updateApp}. */
export function versionToRestore(update: RawAppUpdate): Timestamp | undefined {
  return update.version;
}

/** The error in moving what keeps data to another role, for its reservations stay; none when that is forced. */
export function roleChangeErrors(context: ReadContext, id: PathId, to: RunSpec): FieldErrors[] {
  const from = getSpec(context.root, id);
  if (!from || !keepsData(from) || from.role === to.role || context.force) return [];
  const warning =
    'It is not possible to change the role for existing reservations. If you proceed with this change, all existing ' +
    `instances will continue to run under the previous role, ${from.role}. Only new instances will be allocated with ` +
    `the new role, ${to.role}. In order to continue, retry your request with ?force=true`;
  return [{ path: '/role', errors: [warning] }];
}

/** The definition as a body that would make it again. */
function rawOf(app: AppDefinition): RawApp {
  const { version: _v, versionInfo: _i, residency: _r, ...raw } = serialiseApp(app);
  return raw;
}

/** Supplied fields replace those of the app wholesale; these two are cleared unless supplied. */
function merged(app: AppDefinition, update: RawAppUpdate): RawApp {
  const { executorResources: _e, resourceLimits: _l, ...kept } = rawOf(app);
  return { ...kept, ...update, id: app.id };
}

/**
 * The definition after an update of `id`. A body of `{"version"}` restores that version of an existing app, which
 * `versions` looks up; `undefined` from it refuses the update. Versions are stamped later, see versions.ts.
 */
export function updateApp(
  id: PathId,
  update: RawAppUpdate,
  mode: UpdateMode,
  context: ReadContext,
  versions: (id: PathId, version: Timestamp) => AppDefinition | undefined,
): Result<AppDefinition> {
  const existing = getApp(context.root, id);
  if (!existing) {
    if (!mode.create) return refusal(problems.unknownApp(id));
    const { version: _, ...raw } = update;
    return complete({ ...raw, id }, context);
  }
  const restored = mode.partial ? versionToRestore(update) : undefined;
  if (restored !== undefined) {
    const app = versions(id, restored);
    return app ? good(app) : refusal(problems.unknownApp(id));
  }
  const { version: _, ...raw } = update;
  const app = complete(mode.partial ? merged(existing, raw) : { ...raw, id }, context);
  if (!app.ok) return app;
  const errors = roleChangeErrors(context, id, app.value);
  if (errors.length > 0) return invalid(errors);
  return good({ ...app.value, version: existing.version, versionInfo: existing.versionInfo });
}
