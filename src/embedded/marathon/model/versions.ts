import type { AppDefinition, Timestamp } from '../../../protocols/marathon/types.ts';
import { type Group, replaceSpecs, specDifferences } from './group.ts';
import { isPod, type PodDefinition, type RunSpec } from './run-spec.ts';

/** What counts as a change of an app or a pod. Source: state/AppDefinition.scala, core/pod/PodDefinition.scala and upgrade/GroupVersioningUtil.scala. */

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

const comparedInPods = [
  'user',
  'env',
  'labels',
  'acceptedResourceRoles',
  'secrets',
  'containers',
  'constraints',
  'volumes',
  'networks',
  'backoffSeconds',
  'backoffFactor',
  'maxLaunchDelaySeconds',
  'upgradeStrategy',
  'role',
  'linuxInfo',
] as const satisfies readonly (keyof PodDefinition)[];

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

function differs<T extends RunSpec>(from: T, to: T, names: readonly (string & keyof T)[]): boolean {
  return names.some((name) => (unordered.has(name) ? !sameSet(from[name], to[name]) : !sameJson(from[name], to[name])));
}

/** Whether two definitions differ in more than the number of instances, so that running tasks must be replaced. */
export function isUpgrade(from: RunSpec, to: RunSpec): boolean {
  if (isPod(from)) return !isPod(to) || differs(from, to, comparedInPods);
  return isPod(to) || differs(from, to, comparedInUpgrade);
}

/** Whether two definitions differ in the number of instances alone. */
export function isOnlyScaleChange(from: RunSpec, to: RunSpec): boolean {
  return from.instances !== to.instances && !isUpgrade(from, to);
}

/** The definition stamped as restarted at `now`: new version and config change, the last scaling kept. */
export function restarted<T extends RunSpec>(spec: T, now: Timestamp): T {
  return { ...spec, version: now, versionInfo: { ...spec.versionInfo, lastConfigChangeAt: now } };
}

/** Fields that a change of which starts nothing anew. */
function quietFields(spec: RunSpec): unknown {
  return isPod(spec)
    ? [spec.executorResources, spec.killSelection, spec.unreachableStrategy, spec.legacySharedCgroups]
    : spec.executorResources;
}

/**
 * The target tree with versions by what changed: new or changed config → all three are `now`; instances only →
 * version and lastScalingAt; no difference → as it was. Specs stamped with {@link restarted} at `now` stay so.
 */
export function stampVersions(from: Group, to: Group, now: Timestamp): Group {
  const stamped = new Map<RunSpec, RunSpec>();
  for (const { before, after } of specDifferences(from, to)) if (after) stamped.set(after, stamp(before, after, now));
  return { ...replaceSpecs(to, stamped), version: now };
}

function stamp(before: RunSpec | undefined, spec: RunSpec, now: Timestamp): RunSpec {
  if (!before || isUpgrade(before, spec))
    return { ...spec, version: now, versionInfo: { lastScalingAt: now, lastConfigChangeAt: now } };
  if (before.instances !== spec.instances)
    return { ...spec, version: now, versionInfo: { ...before.versionInfo, lastScalingAt: now } };
  // A definition that was just read has `now` in all three; a restart keeps the last scaling.
  const { lastScalingAt, lastConfigChangeAt } = spec.versionInfo;
  if (spec.version === now && lastConfigChangeAt === now && lastScalingAt === before.versionInfo.lastScalingAt)
    return spec;
  // A change of these is kept and waits for the next version.
  if (sameJson(quietFields(before), quietFields(spec))) return before;
  return { ...spec, version: before.version, versionInfo: before.versionInfo };
}
