import type { ClusterPlan, UnitPlan } from '../plan/types.ts';
import { components } from '../protocols/versions.ts';
import type { Runtime } from '../runtime/types.ts';
import { settleAll } from '../support/settle.ts';

/**
 * Those for which others wait come first: the real ZooKeepers, which start while the containers of others are made, then
 * masters, and so on. Hosts of embedded servers wait by themselves, and have servers for which others wait.
 */
export function startOrder(units: readonly UnitPlan[]): UnitPlan[] {
  const rank = ({ services }: UnitPlan) =>
    services.some(({ engine }) => engine === 'embedded')
      ? 0
      : Math.min(...services.map(({ component }) => components.indexOf(component)));
  return [...units].sort((a, b) => rank(a) - rank(b));
}

/**
 * Starts units, as many at a time as the runtime starts best, those that are waited for first. After a failure no other
 * is begun.
 */
export async function startUnits(
  runtime: Runtime,
  plan: ClusterPlan,
  units: readonly UnitPlan[],
  options: { signal: AbortSignal; onStarted?: (unit: UnitPlan) => void },
): Promise<void> {
  const waiting = startOrder(units);
  let failed = false;
  const work = async () => {
    for (let unit = waiting.shift(); unit && !failed; unit = waiting.shift())
      try {
        options.signal.throwIfAborted();
        await runtime.start(plan, unit);
        options.onStarted?.(unit);
      } catch (error) {
        failed = true;
        throw error;
      }
  };
  await settleAll(Array.from({ length: Math.min(runtime.startsAtOnce ?? units.length, units.length) }, work));
}
