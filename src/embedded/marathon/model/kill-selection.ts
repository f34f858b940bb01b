import type { Constraint, KillSelection } from '../../../protocols/marathon/types.ts';
import type { Instance } from './instance.ts';

/**
 * Which instances go, first to go first, when only `keep` shall stay: the sentenced ones, then those that keep
 * GROUP_BY even, then by condition and age.
 */
export function selectVictims(
  instances: readonly Instance[],
  keep: number,
  sentenced: readonly string[],
  selection: KillSelection,
  constraints: readonly Constraint[],
): Instance[] {
  throw new Error(`not built: ${instances} ${keep} ${sentenced} ${selection} ${constraints}`);
}
