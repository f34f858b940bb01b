import type { AppDefinition, Timestamp } from '../../../protocols/marathon/types.ts';
import type { Group } from './group.ts';

/** Whether two definitions differ in more than the number of instances, so that running tasks must be replaced. */
export function isUpgrade(from: AppDefinition, to: AppDefinition): boolean {
  throw new Error(`not built: ${from} ${to}`);
}

/** Whether two definitions differ in the number of instances alone. */
export function isOnlyScaleChange(from: AppDefinition, to: AppDefinition): boolean {
  throw new Error(`not built: ${from} ${to}`);
}

/** The definition stamped as restarted at `now`: new version and config change, the last scaling kept. */
export function restarted(app: AppDefinition, now: Timestamp): AppDefinition {
  throw new Error(`not built: ${app} ${now}`);
}

/**
 * The target tree with versions by what changed: new or changed config → all three are `now`; instances only →
 * version and lastScalingAt; no difference → as it was. Apps already stamped with `now` (restarts) are left alone.
 */
export function stampVersions(from: Group, to: Group, now: Timestamp): Group {
  throw new Error(`not built: ${from} ${to} ${now}`);
}
