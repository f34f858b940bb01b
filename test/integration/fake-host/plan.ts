import { join } from 'node:path';
import type { ClusterPlan, NodePlan, PortName, ServicePlan, Site } from '../../../src/plan/types.ts';
import { type Component, components } from '../../../src/protocols/versions.ts';

const portOf: Record<Component, PortName> = {
  zookeeper: 'zookeeper',
  'mesos-master': 'mesos-master',
  'mesos-agent': 'mesos-agent',
  marathon: 'marathon',
  'mesos-dns': 'mesos-dns-http',
};

/** A plan with fake services: each is told its address and port, and a value of the same variable as no other. */
export function fakePlan(cluster: string, site: Site, extra: Partial<Record<Component, string[]>> = {}): ClusterPlan {
  const nodes = site.nodes.map((place): NodePlan => {
    const service = (component: Component): ServicePlan => {
      const port = place.ports[portOf[component]];
      const url = `http://${place.address}:${port}`;
      return {
        component,
        node: place.name,
        engine: 'embedded',
        version: '0',
        args: [
          `--ip=${place.address}`,
          `--port=${port}`,
          `--work_dir=${place.dataDir}/mesos-agent`,
          ...(extra[component] ?? []),
        ],
        env: { MESOS_PORT: String(port), MESOS_WORK_DIR: `/of/${place.name}/${component}` },
        files: [{ path: join(place.dataDir, component, 'settings'), content: component }],
        ports: [portOf[component]],
        url,
        probe: { kind: 'marathon', url },
        after: [],
      };
    };
    return {
      name: place.name,
      control: true,
      site: place,
      resources: { cpus: 1, mem: 1, disk: 1, gpus: 0 },
      attributes: {},
      units: [{ id: place.name, node: place.name, services: components.map(service) }],
    };
  });
  return {
    name: cluster,
    runtime: 'process',
    engine: 'embedded',
    domain: 'mesos',
    nodes,
    endpoints: { zookeeper: '', mesos: [], marathon: [], mesosDns: [], dns: [] },
    configHash: '',
  };
}
