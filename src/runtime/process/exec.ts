import { constants } from 'node:os';
import type { ClusterPlan, NodePlan } from '../../plan/types.ts';
import { DevclusterError, messageOf, systemCode } from '../../support/errors.ts';

/** What a command on a node finds in its environment, besides the caller's: where the node's own services are. */
export function nodeEnvironment(plan: ClusterPlan, node: NodePlan): Record<string, string> {
  const { address, ports } = node.site;
  const url = (port: number) => `http://${address}:${port}`;
  return {
    DEVCLUSTER_NAME: plan.name,
    DEVCLUSTER_NODE: node.name,
    DEVCLUSTER_NODE_ADDRESS: address,
    ZK_HOSTS: plan.endpoints.zookeeper,
    MESOS_MASTER: `zk://${plan.endpoints.zookeeper}/mesos`,
    MESOS_AGENT_URL: url(ports['mesos-agent']),
    MESOS_DNS_URL: url(ports['mesos-dns-http']),
    MESOS_DNS_SERVER: `${address}:${ports.dns}`,
    ...(node.control ? { MESOS_MASTER_URL: url(ports['mesos-master']), MARATHON_URL: url(ports.marathon) } : {}),
  };
}

/**
 * Runs a command on this machine, which is the machine of all nodes, with the node's environment and data folder and
 * this process's own terminal. @returns its exit code; 128 and the signal's number when a signal ended it
 */
export async function execOnNode(plan: ClusterPlan, node: NodePlan, command: readonly string[]): Promise<number> {
  const [file, ...args] = command;
  if (!file) throw new DevclusterError('usage', 'NO_COMMAND', 'There is no command to run');
  const { execa } = await import('execa');
  const result = await execa(file, args, {
    cwd: node.site.dataDir,
    env: nodeEnvironment(plan, node),
    stdio: 'inherit',
    reject: false,
  });
  if (result.exitCode !== undefined) return result.exitCode;
  if (result.signal) return 128 + constants.signals[result.signal as NodeJS.Signals];
  const missing = systemCode(result.cause) === 'ENOENT';
  throw new DevclusterError(
    'missing',
    'COMMAND_NOT_STARTED',
    missing ? `There is no program '${file}'` : `'${file}' can't be run: ${messageOf(result.cause)}`,
    { hint: 'It is looked for on this machine, by PATH.' },
  );
}
