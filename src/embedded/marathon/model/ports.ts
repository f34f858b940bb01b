import type { AppDefinition, PathId } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import type { Group } from './group.ts';
import type { Result } from './problem.ts';

/** The service ports, in the order of the port definitions or mappings. */
export function servicePorts(app: AppDefinition): number[] {
  throw new Error(`not built: ${app}`);
}

/**
 * The target tree with a service port in place of every 0: first one that the same app held before and names no
 * longer, then the lowest free one of the range.
 */
export function assignServicePorts(from: Group, to: Group, config: ModelConfig): Result<Group> {
  throw new Error(`not built: ${from} ${to} ${config}`);
}

export type ServicePorts = Readonly<Record<PathId, readonly number[]>>;
