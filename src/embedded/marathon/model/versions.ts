import type { AppDefinition, Timestamp } from '../../../protocols/marathon/types.ts';
import { type Group, getApp, mapApps } from './group.ts';

/** What counts as a change of an app. Source: state/AppDefinition.scala and upgrade/GroupVersioningUtil.scala. */

const comparedInUpgrade = [
  'cmd',
  'args',
  'user',
  'env',
  'cpus',
  'mem',
  'disk',
  'gpus',
  'executor',
  'constraints',
  'fetch',
  'portDefinitions',
  'requirePorts',
  'backoffSeconds',
  'backoffFactor',
  'maxLaunchDelaySeconds',
  'container',
  'healthChecks',
  'check',
  'taskKillGracePeriodSeconds',
  'dependencies',
  'upgradeStrategy',
  'labels',
  'acceptedResourceRoles',
  'networks',
  'readinessChecks',
  'secrets',
  'unreachableStrategy',
  'killSelection',
  'tty',
  'role',
  'resourceLimits',
] as const satisfies readonly (keyof AppDefinition)[];

/** Lists that Marathon keeps as sets: their order says nothing. */
const unordered: ReadonlySet<string> = new Set([
  'constraints',
  'healthChecks',
  'dependencies',
  'acceptedResourceRoles',
]);

/** Deep equality of JSON values; the order of members says nothing. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every(
      (name) =>
        Object.hasOwn(b, name) && sameJson((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
    )
  );
}

function sameSet(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return sameJson(a, b);
  return a.length === b.length && a.every((item) => b.some((other) => sameJson(item, other)));
}

/** Whether two definitions differ in more than the number of instances, so that running tasks must be replaced. */
export function isUpgrade(from: AppDefinition, to: AppDefinition): boolean {
  return comparedInUpgrade.some((name) =>
    unordered.has(name) ? !sameSet(from[name], to[name]) : !sameJson(from[name], to[name]),
  );
}

/** Whether two definitions differ in the number of instances alone. */
export function isOnlyScaleChange(from: AppDefinition, to: AppDefinition): boolean {
  return from.instances !== to.instances && !isUpgrade(from, to);
}

/** The definition stamped as restarted at `now`: new version and config change, the last scaling kept. */
export function restarted(app: AppDefinition, now: Timestamp): AppDefinition {
  return { ...app, version: now, versionInfo: { ...app.versionInfo, lastConfigChangeAt: now } };
}

/**
 * The target tree with versions by what changed: new or changed config → all three are `now`; instances only →
 * version and lastScalingAt; no difference → as it was. Apps stamped with {@link restarted} at `now` stay so.
 */
export function stampVersions(from: Group, to: Group, now: Timestamp): Group {
  return mapApps({ ...to, version: now }, (app) => {
    const before = getApp(from, app.id);
    if (before === app) return app;
    if (!before || isUpgrade(before, app))
      return { ...app, version: now, versionInfo: { lastScalingAt: now, lastConfigChangeAt: now } };
    if (before.instances !== app.instances)
      return { ...app, version: now, versionInfo: { ...before.versionInfo, lastScalingAt: now } };
    // A definition that was just read has `now` in all three; a restart keeps the last scaling.
    const { lastScalingAt, lastConfigChangeAt } = app.versionInfo;
    if (app.version === now && lastConfigChangeAt === now && lastScalingAt === before.versionInfo.lastScalingAt)
      return app;
    // Executor resources are no part of the comparison; a change of them is kept and waits for the next version.
    if (sameJson(before.executorResources, app.executorResources)) return before;
    return { ...app, version: before.version, versionInfo: before.versionInfo };
  });
}
