import type { AppDefinition, PathId, Timestamp } from '../../../protocols/marathon/types.ts';

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
