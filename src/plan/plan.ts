import { createHash } from 'node:crypto';
import type { ClusterConfig, Engine, NodeConfig, RuntimeKind } from '../config/types.ts';
import type { Component } from '../protocols/versions.ts';
import { type ComponentContext, publishedUrl, zkHosts } from './component.ts';
import { engineOf } from './image-sets.ts';
import { marathon } from './marathon.ts';
import { mesosAgent } from './mesos-agent.ts';
import { mesosDns } from './mesos-dns.ts';
import { mesosMaster } from './mesos-master.ts';
import type { ClusterPlan, NodePlan, NodeSite, ServicePlan, Site, UnitPlan } from './types.ts';
import { zookeeper } from './zookeeper.ts';

export interface PlanInput {
  config: ClusterConfig;
  site: Site;
  runtime: RuntimeKind;
  /** What a component gets unless its own configuration says otherwise. */
  engine: Engine;
}

const planners: Record<Component, (context: ComponentContext) => ServicePlan> = {
  zookeeper,
  'mesos-master': mesosMaster,
  'mesos-agent': mesosAgent,
  marathon,
  'mesos-dns': mesosDns,
};

/** In the order in which they are worth starting. */
const onControlNodes: readonly Component[] = ['zookeeper', 'mesos-master', 'mesos-agent', 'marathon', 'mesos-dns'];
const onOtherNodes: readonly Component[] = ['mesos-agent', 'mesos-dns'];

/** Everything that will run: pure, the same input gives the same plan. */
export function makePlan({ config, site, runtime, engine }: PlanInput): ClusterPlan {
  const places = new Map(site.nodes.map((place) => [place.name, place]));
  const placeOf = (node: NodeConfig): NodeSite => {
    const place = places.get(node.name);
    if (!place) throw new Error(`the site has no place for ${node.name}`);
    return place;
  };
  const control = config.nodes.filter((node) => node.control).map(placeOf);
  const nodes = config.nodes.map((node): NodePlan => {
    const place = placeOf(node);
    const services = (node.control ? onControlNodes : onOtherNodes).map((component) =>
      planners[component]({
        config,
        runtime,
        site,
        node,
        place,
        control,
        engine: engineOf(config, engine, component, site.imageSet),
      }),
    );
    return {
      name: node.name,
      control: node.control,
      site: place,
      resources: { cpus: node.cpus, mem: node.mem, disk: node.disk, gpus: node.gpus },
      attributes: { node: node.name, ...node.attributes },
      units: unitsOf(node.name, services),
    };
  });
  const engines = new Set(nodes.flatMap((node) => node.units.flatMap((unit) => unit.services.map((s) => s.engine))));
  const [only] = engines;
  return {
    name: config.name,
    runtime,
    engine: engines.size === 1 && only ? only : 'mixed',
    domain: config.network.domain,
    nodes,
    endpoints: {
      zookeeper: zkHosts(control.map((place) => ({ ...place, ...publishedZookeeper(place) }))),
      mesos: control.map((place) => publishedUrl(place, 'mesos-master')),
      marathon: control.map((place) => publishedUrl(place, 'marathon')),
      mesosDns: nodes.map((node) => publishedUrl(node.site, 'mesos-dns-http')),
      dns: nodes.map(({ site: { published } }) => `${published.dns.host}:${published.dns.port}`),
    },
    ...(config.seed === undefined ? {} : { seed: config.seed }),
    configHash: hashOf(config, runtime, engine),
  };
}

function publishedZookeeper({ published, ports }: NodeSite): Pick<NodeSite, 'address' | 'ports'> {
  return { address: published.zookeeper.host, ports: { ...ports, zookeeper: published.zookeeper.port } };
}

/**
 * The node's host runs the embedded servers and real programs that are local processes, all in one unit; a real program
 * in a container is a unit of its own.
 */
function unitsOf(node: string, services: readonly ServicePlan[]): UnitPlan[] {
  const isHosted = (service: ServicePlan) => service.engine === 'embedded' || service.command !== undefined;
  const hosted = services.filter(isHosted);
  const own = services.filter((service) => !isHosted(service));
  return [
    ...(hosted.length > 0 ? [{ id: node, node, services: hosted }] : []),
    ...own.map((service) => ({ id: `${node}/${service.component}`, node, services: [service] })),
  ];
}

/** Of what decides how services run; what only commands use (apps, secrets, time limits) is left out. */
function hashOf(config: ClusterConfig, runtime: RuntimeKind, engine: Engine): string {
  const { name, timing, nodes, components, network, ports, seed } = config;
  const decided = { name, runtime, engine, timing, nodes, components, network, ports, seed };
  return createHash('sha256').update(canonical(decided)).digest('hex').slice(0, 16);
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
