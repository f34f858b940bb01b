import type { Endpoints, NodeReport, ServiceReport, StatusDocument } from '../cluster/status.ts';
import type { Style } from './spec.ts';
import { formatTable } from './table.ts';

const short: Record<ServiceReport['component'], string> = {
  zookeeper: 'ZooKeeper',
  'mesos-master': 'master',
  'mesos-agent': 'agent',
  marathon: 'Marathon',
  'mesos-dns': 'Mesos-DNS',
};

/** A status for people. */
export function formatStatus(status: StatusDocument, style: Style): string {
  if (status.state === 'absent') return `There is no cluster '${status.name}'. Create it with \`devcluster up\`.`;
  const kind = [status.runtime, status.engine].filter(Boolean).join(', ');
  const lines = [`${style.bold(status.name)}  ${colored(status.state, style)}  ${style.dim(kind)}`, ''];
  lines.push(formatTable(status.nodes.map((node) => nodeRow(node, style))), '');
  const { endpoints, mesos, marathon } = status;
  const leaders = { 'mesos-master': mesos?.leader ?? undefined, marathon: marathon?.leader ?? undefined };
  if (endpoints) lines.push(formatEndpoints(endpoints, leaders, style));
  if (mesos && marathon)
    lines.push(
      '',
      style.dim(
        `${count(mesos.agents, 'agent')}, ${count(mesos.frameworks, 'framework')}, ${count(mesos.tasksRunning, 'task')} running, ${count(marathon.apps, 'app')}, ${count(marathon.deployments, 'deployment')}`,
      ),
    );
  const unhealthy = status.nodes.flatMap((node) =>
    node.state === 'running' || node.state === 'partitioned'
      ? node.services
          .filter((service) => !service.ready)
          .map((service) => `${style.red('✖')} ${node.name}/${service.component}: ${service.reason ?? service.state}`)
      : [],
  );
  if (unhealthy.length > 0) lines.push('', ...unhealthy);
  return lines.join('\n');
}

/** Where the cluster's services are, one a line, with who leads. */
export function formatEndpoints(
  endpoints: Endpoints,
  leaders: { [C in 'mesos-master' | 'marathon']?: string | undefined },
  style: Style,
): string {
  const led = (leader: string | undefined) => style.dim(leader ? `led by ${leader}` : 'no leader');
  return formatTable(
    [
      ['Marathon', endpoints.marathon, led(leaders.marathon)],
      ['Mesos', endpoints.mesos, led(leaders['mesos-master'])],
      ['Mesos-DNS', endpoints.mesosDns, style.dim(`DNS at ${endpoints.dns}`)],
      ['ZooKeeper', endpoints.zookeeper],
    ],
    '  ',
  );
}

function nodeRow(node: NodeReport, style: Style): string[] {
  const services = node.services.map((service) => {
    const name = `${short[service.component]}${service.leader ? '*' : ''}`;
    if (service.ready) return name;
    return node.state === 'running' ? style.red(name) : style.dim(name);
  });
  return [node.name, node.address, colored(node.state, style), services.join(' ')];
}

function colored(state: string, style: Style): string {
  if (state === 'running') return style.green(state);
  return state === 'failed' || state === 'degraded' ? style.red(state) : style.yellow(state);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
