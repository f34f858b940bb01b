import type { ClusterPlan } from '../plan/types.ts';
import type { Endpoints } from './status.ts';

/** The variables by which tools and tests find a cluster: what `devcluster env` prints and `run` exports. */
export function clusterEnvironment(plan: ClusterPlan, endpoints: Endpoints | undefined): Record<string, string> {
  return {
    DEVCLUSTER_NAME: plan.name,
    MARATHON_URL: endpoints?.marathon ?? '',
    MESOS_MASTER_URL: endpoints?.mesos ?? '',
    MESOS_MASTER: `zk://${plan.endpoints.zookeeper}/mesos`,
    ZK_HOSTS: plan.endpoints.zookeeper,
    MESOS_DNS_URL: endpoints?.mesosDns ?? '',
    MESOS_DNS_SERVER: endpoints?.dns ?? '',
  };
}
