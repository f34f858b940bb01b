import type { PortName } from '../../../src/plan/types.ts';
import { whyNotFree } from '../../../src/runtime/places/free-port.ts';
import type { SiteRequest } from '../../../src/runtime/types.ts';

const portNames: PortName[] = [
  'zookeeper',
  'zookeeper-peer',
  'zookeeper-election',
  'mesos-master',
  'mesos-agent',
  'marathon',
  'dns',
  'mesos-dns-http',
];

/**
 * Ports that nobody has at any address, so that tests depend on nothing that runs on this machine; below the ones that
 * the system gives away by itself.
 */
export async function freePorts(): Promise<Record<PortName, number>> {
  const chosen = new Set<number>();
  while (chosen.size < portNames.length) {
    const port = 2_000 + Math.floor(Math.random() * 8_000);
    const problems = await Promise.all([whyNotFree('0.0.0.0', port, 'tcp'), whyNotFree('0.0.0.0', port, 'udp')]);
    if (problems.every((problem) => problem === undefined)) chosen.add(port);
  }
  const ports = [...chosen];
  return Object.fromEntries(portNames.map((name, i) => [name, ports[i]])) as Record<PortName, number>;
}

export function siteRequest(cluster: string, options: Partial<SiteRequest> = {}): SiteRequest {
  return {
    cluster,
    nodes: ['node-1', 'node-2', 'node-3'].map((name) => ({ name, control: true, taskPorts: 20 })),
    ports: {},
    addresses: 'auto',
    ...options,
  };
}
