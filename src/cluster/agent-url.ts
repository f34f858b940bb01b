import type { ClusterPlan } from '../plan/types.ts';

/** Where the laptop reaches the agent that the master knows as `slave(1)@ip:port`. */
export function agentUrl(plan: ClusterPlan, pid: string): string {
  const address = pid.slice(pid.indexOf('@') + 1);
  for (const { site } of plan.nodes)
    if (`${site.address}:${site.ports['mesos-agent']}` === address) {
      const { host, port } = site.published['mesos-agent'];
      return `http://${host}:${port}`;
    }
  return `http://${address}`;
}
