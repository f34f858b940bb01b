import type { ClusterConfig, Engine } from '../config/types.ts';
import type { ClusterPlan, NodePlan } from '../plan/types.ts';
import type { Runtime } from '../runtime/types.ts';
import { DevclusterError } from '../support/errors.ts';
import { settleAll } from '../support/settle.ts';
import { realComponents } from './choose.ts';

/**
 * Real programs draw their own random numbers.
 * @throws DevclusterError missing
 */
export function refuseSeed(config: ClusterConfig, engine: Engine): void {
  const real = config.seed === undefined ? [] : realComponents(config, engine);
  if (real.length > 0)
    throw new DevclusterError(
      'missing',
      'SEED_NOT_POSSIBLE',
      `A seed can't fix the choices of real programs (${real.join(', ')})`,
      { hint: 'Leave the seed out, or use the engine `embedded`.', details: { components: real } },
    );
}

/**
 * Moves the time of apps on, by the same on all of these nodes: the delays, checks and time limits of Marathon and the
 * agents. Sessions, elections and connections stay as they are.
 * @throws DevclusterError missing for a cluster with a real Marathon or real agents
 */
export async function advanceTime(
  runtime: Runtime,
  plan: ClusterPlan,
  nodes: readonly NodePlan[],
  ms: number,
): Promise<void> {
  const real = plan.nodes
    .flatMap((node) => node.units.flatMap((unit) => unit.services))
    .find(({ component, engine }) => engine !== 'embedded' && ['marathon', 'mesos-agent'].includes(component));
  if (real)
    throw new DevclusterError(
      'missing',
      'CLOCK_NOT_POSSIBLE',
      `The time of a real ${real.component} can't be moved on`,
      { hint: 'Wait for it, shorten its interval in the app, or use the engine `embedded`.' },
    );
  await settleAll(nodes.map((node) => runtime.advance(plan, node, ms)));
}
