import { zkHosts } from '../plan/component.ts';
import type { ClusterPlan, NodePlan } from '../plan/types.ts';

/** What a command on a node finds in its environment: where the node's own services are, as the nodes see them. */
export function nodeEnvironment(plan: ClusterPlan, node: NodePlan): Record<string, string> {
  const { address, ports } = node.site;
  const url = (port: number) => `http://${address}:${port}`;
  const zookeeper = zkHosts(plan.nodes.filter(({ control }) => control).map(({ site }) => site));
  return {
    DEVCLUSTER_NAME: plan.name,
    DEVCLUSTER_NODE: node.name,
    DEVCLUSTER_NODE_ADDRESS: address,
    ZK_HOSTS: zookeeper,
    MESOS_MASTER: `zk://${zookeeper}/mesos`,
    MESOS_AGENT_URL: url(ports['mesos-agent']),
    MESOS_DNS_URL: url(ports['mesos-dns-http']),
    MESOS_DNS_SERVER: `${address}:${ports.dns}`,
    ...(node.control ? { MESOS_MASTER_URL: url(ports['mesos-master']), MARATHON_URL: url(ports.marathon) } : {}),
  };
}
