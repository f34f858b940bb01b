import { DevclusterError } from '../support/errors.ts';
import { chosenTarget } from './apps-place.ts';
import { openCluster } from './open-cluster.ts';
import type { CommandContext } from './spec.ts';

/** A service that does not answer because nothing of the cluster runs is no riddle: the error says so instead. */
export async function explain(error: unknown, context: CommandContext): Promise<unknown> {
  if (!(error instanceof DevclusterError) || error.code !== 'SERVICE_UNREACHABLE') return error;
  try {
    if ('target' in context.options && (await chosenTarget(context))) return error;
    const { plan, runtime } = await openCluster(context);
    const units = await runtime.inspect(plan);
    if (units.some(({ state }) => state !== 'stopped')) return error;
    const named = context.globals.cluster === undefined ? '' : ` -c ${plan.name}`;
    return new DevclusterError('missing', 'CLUSTER_STOPPED', `The cluster '${plan.name}' is stopped`, {
      hint: `Run \`devcluster start${named}\` first.`,
      cause: error,
    });
  } catch {
    return error;
  }
}
