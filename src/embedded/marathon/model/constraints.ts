import type { Constraint } from '../../../protocols/marathon/types.ts';
import type { Offer } from '../../../protocols/mesos/types.ts';
import type { Instance, Placement } from './instance.ts';

/** The value of a constraint's field on an agent, as text; undefined when the agent has no such attribute. */
export function fieldValue(placement: Placement, field: string): string | undefined {
  throw new Error(`not built: ${placement} ${field}`);
}

/** Where an offer would place an instance. */
export function placementOf(offer: Offer): Placement {
  throw new Error(`not built: ${offer}`);
}

/** Whether the offer may be used for one more instance beside those `placed`. */
export function meetsConstraint(constraint: Constraint, placed: readonly Placement[], offer: Placement): boolean {
  throw new Error(`not built: ${constraint} ${placed} ${offer}`);
}

/** The errors of one constraint as written in a definition; empty when it is good. */
export function constraintErrors(constraint: readonly string[]): string[] {
  throw new Error(`not built: ${constraint}`);
}

/** Up to `count` instances to kill so that GROUP_BY constraints stay as even as they can be. */
export function selectToKeepEven(
  constraints: readonly Constraint[],
  running: readonly Instance[],
  count: number,
): Instance[] {
  throw new Error(`not built: ${constraints} ${running} ${count}`);
}
