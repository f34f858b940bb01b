import type { Labels } from '../../../protocols/marathon/types.ts';
import type { Result } from './problem.ts';

/** Reads a label selector such as `env==prod,tier in (web,api)` into a predicate on labels. */
export function parseSelector(text: string): Result<(labels: Labels) => boolean> {
  throw new Error(`not built: ${text}`);
}
