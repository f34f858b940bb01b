import { createMarathonClient, type MarathonClient } from '../clients/marathon.ts';
import { createMesosClient, type MesosClient } from '../clients/mesos.ts';
import { agentUrl } from '../cluster/agent-url.ts';
import { type ClusterContext, createClusterContext, openCluster as open } from '../cluster/context.ts';
import type { PlannedRecord } from '../cluster/record.ts';
import { loadClusterName } from '../config/load.ts';
import type { ClusterPlan, Site } from '../plan/types.ts';
import type { Runtime } from '../runtime/types.ts';
import type { CommandContext } from './spec.ts';

/** The cluster a command is about, with what speaks to it. */
export interface CliCluster {
  context: ClusterContext;
  record: PlannedRecord;
  plan: ClusterPlan;
  site: Site;
  runtime: Runtime;
  marathon: MarathonClient;
  mesos: MesosClient;
}

export function clusterContext(context: CommandContext): ClusterContext {
  return createClusterContext({ env: context.env, progress: context.progress, signal: context.signal });
}

/** The name by -c, DEVCLUSTER_NAME, the configuration file or the default, in this order. */
export function clusterName(context: CommandContext): Promise<string> {
  return loadClusterName({
    cwd: context.cwd,
    env: context.env,
    file: context.globals.config,
    flags: { name: context.globals.cluster },
  });
}

/** @throws DevclusterError notFound when there is no such cluster */
export async function openCluster(context: CommandContext): Promise<CliCluster> {
  const clusters = clusterContext(context);
  const { record, runtime } = await open(clusters, await clusterName(context));
  const { plan, site } = record;
  return {
    context: clusters,
    record,
    plan,
    site,
    runtime,
    marathon: createMarathonClient({ urls: plan.endpoints.marathon }),
    mesos: createMesosClient({ urls: plan.endpoints.mesos }, (agent) => agentUrl(plan, agent.pid)),
  };
}
