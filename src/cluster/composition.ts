import type { ClusterConfig } from '../config/types.ts';
import { makePlan } from '../plan/plan.ts';
import type { Composition } from '../runtime/docker/compose.ts';
import { composeCluster, plannedSite } from '../runtime/docker/planned.ts';
import type { ClusterContext } from './context.ts';
import { isPlanned } from './record.ts';
import { siteRequest } from './up.ts';

/**
 * The cluster as a compose file: the one that is there as it is, else the one that `up --runtime docker` would make.
 * @throws DevclusterError missing when no Docker engine answers
 */
export async function composition(
  context: ClusterContext,
  config: ClusterConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Composition> {
  const record = await context.records.read(config.name);
  if (isPlanned(record) && record.runtime === 'docker') return composeCluster(env, record.plan, record.site);
  const engine = config.engine === 'auto' ? 'embedded' : config.engine;
  const site = await plannedSite(env, siteRequest(config, engine));
  return composeCluster(env, makePlan({ config, site, runtime: 'docker', engine }), site);
}
