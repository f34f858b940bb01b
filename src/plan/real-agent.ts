import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../support/package-root.ts';

/** Where a real agent's container has what devcluster brings. */
export const inAgent = {
  supervisor: '/etc/devcluster/supervise',
  docker: '/etc/devcluster/docker',
  /** The docker command there goes before that of the agent's image; the script has the same path. */
  programs: '/opt/devcluster',
  /** The supervisor's; the script has the same path. */
  stoppedFile: '/tmp/.devcluster-stopped',
} as const;

/** What the docker command of one agent has to know; executors run it with a clean environment. */
export interface AgentDockerValues {
  cluster: string;
  node: string;
  /** The cluster's network. */
  network: string;
  /** The container whose network namespace is the node's. */
  holder: string;
  /** Addresses of Mesos-DNS. */
  nameservers: readonly string[];
}

/** The script that real agents run as `docker`: templates/docker/agent-docker.sh with these values. */
export function agentDocker(values: AgentDockerValues): string {
  const assignments = [
    ['cluster', values.cluster],
    ['node', values.node],
    ['network', values.network],
    ['holder', values.holder],
    ['nameservers', values.nameservers.join(' ')],
  ].map(([name, value = '']) => `${name}=${quote(value)}`);
  return read('agent-docker.sh').replace(/^# VALUES$/m, () => assignments.join('\n'));
}

/** The script that keeps a real agent running inside its container. */
export function agentSupervisor(): string {
  return read('agent-supervise.sh');
}

function read(name: string): string {
  return readFileSync(join(packageRoot(), 'templates', 'docker', name), 'utf8');
}

/** As one word of a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
