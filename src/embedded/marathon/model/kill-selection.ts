import type { Constraint, KillSelection, Timestamp } from '../../../protocols/marathon/types.ts';
import { selectToKeepEven } from './constraints.ts';
import type { Condition, Instance } from './instance.ts';

/** Which instances go when an app has too many. Source: core/deployment/ScalingProposition.scala of Marathon. */

const weights: Partial<Record<Condition, number>> = { Unreachable: 1, Staging: 2, Starting: 3, Running: 4 };
const weight = (condition: Condition) => weights[condition] ?? 5;

/** The time by which instances of one condition are compared: staged, seen in the condition, or seen running. */
function ageOf({ condition, task, since, activeSince }: Instance): Timestamp | undefined {
  if (condition === 'Staging') return task?.stagedAt ?? since;
  if (condition === 'Starting') return since;
  return activeSince;
}

/** Orders instances by who goes first. */
export function compareVictims(selection: KillSelection): (a: Instance, b: Instance) => number {
  return (a, b) => {
    const byCondition = weight(a.condition) - weight(b.condition);
    if (byCondition !== 0) return byCondition;
    const [first, second] = [ageOf(a), ageOf(b)];
    if (first === second) return a.id < b.id ? -1 : 1;
    if (first === undefined) return -1;
    if (second === undefined) return 1;
    const older = first < second ? -1 : 1;
    return selection === 'OLDEST_FIRST' ? older : -older;
  };
}

/**
 * Which instances go, first to go first, when only `keep` shall stay: the sentenced ones (all of them, even when more
 * than asked for), then those that keep GROUP_BY even, then by condition and age.
 */
export function selectVictims(
  instances: readonly Instance[],
  keep: number,
  sentenced: readonly string[],
  selection: KillSelection,
  constraints: readonly Constraint[],
): Instance[] {
  const doomed = new Set(sentenced);
  const first = instances.filter(({ id }) => doomed.has(id));
  const others = instances.filter(({ id }) => !doomed.has(id));
  const count = Math.max(instances.length - keep, first.length);
  if (count === first.length) return first;
  // Candidates are tried by who would go first anyway, so that evenness only breaks ties it has to.
  const ordered = [...others].sort(compareVictims(selection));
  const uneven = selectToKeepEven(constraints, ordered, Math.min(others.length, count - first.length));
  const chosen = new Set(uneven.map(({ id }) => id));
  return [...first, ...uneven, ...ordered.filter(({ id }) => !chosen.has(id))].slice(0, count);
}
