import type { AppDefinition, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { PodDefinition, RunSpec } from './run-spec.ts';

/** A group and all below it: plain data that is never changed in place. The root has the id `/`. */
export interface Group {
  readonly id: PathId;
  /** By absolute path. */
  readonly apps: Readonly<Record<PathId, AppDefinition>>;
  /** By absolute path; absent when there are none. */
  readonly pods?: Readonly<Record<PathId, PodDefinition>>;
  /** By absolute path. */
  readonly groups: Readonly<Record<PathId, Group>>;
  readonly dependencies: readonly PathId[];
  readonly version: Timestamp;
  /** Whether the apps below must use the top-level group's name as their role. Only on top-level groups. */
  readonly enforceRole?: boolean;
}

/** Apps and pods of the group itself. */
export function specsOf(group: Group): RunSpec[] {
  const apps: RunSpec[] = Object.values(group.apps);
  return group.pods ? [...apps, ...Object.values(group.pods)] : apps;
}
