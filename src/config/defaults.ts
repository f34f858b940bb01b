import { type Component, components } from '../protocols/versions.ts';
import type { ClusterConfig, ComponentConfig, NodeConfig, RawComponent, RawConfig, RawNode } from './types.ts';

/** Every default in one place; the generated JSON schema quotes them. */
export const defaults = {
  runtime: 'auto',
  engine: 'auto',
  timing: 'development',
  nodes: 3,
  node: { cpus: 4, mem: 4096, disk: 10000, gpus: 0, ports: 20 },
  images: { set: 'auto', dockerCli: 'auto' },
  network: { addresses: 'auto', domain: 'mesos', resolvers: [] as readonly string[] },
  samples: true,
  timeouts: { up: 120, service: 60, deployment: 120 },
} as const satisfies RawConfig & { node: RawNode };

/** The most nodes a cluster may have, and the most of them that carry the control services by themselves. */
export const maxNodes = 50;
const maxControlNodes = 5;

/** The largest odd number that is at most `nodes` and 5. */
export function controlCount(nodes: number): number {
  const most = Math.min(nodes, maxControlNodes);
  return most % 2 === 1 ? most : most - 1;
}

/** Fills in what was left out. `raw` has passed the schema and the rules. */
export function applyDefaults(raw: RawConfig, defaultName: string): ClusterConfig {
  return {
    name: raw.name ?? defaultName,
    runtime: raw.runtime ?? defaults.runtime,
    engine: raw.engine ?? defaults.engine,
    timing: raw.timing ?? defaults.timing,
    nodes: nodesOf(raw.nodes ?? defaults.nodes),
    components: Object.fromEntries(
      components.map((component) => [component, componentOf(raw.components?.[component])]),
    ) as Record<Component, ComponentConfig>,
    images: {
      set: raw.images?.set ?? defaults.images.set,
      ...(raw.images?.registry === undefined ? {} : { registry: raw.images.registry.replace(/\/+$/, '') }),
      dockerCli: raw.images?.dockerCli ?? defaults.images.dockerCli,
    },
    network: {
      addresses: raw.network?.addresses ?? defaults.network.addresses,
      domain: raw.network?.domain?.toLowerCase() ?? defaults.network.domain,
      resolvers: raw.network?.resolvers ?? defaults.network.resolvers,
      ...(raw.network?.subnet === undefined ? {} : { subnet: raw.network.subnet }),
      ...(raw.network?.publish === undefined ? {} : { publish: raw.network.publish }),
    },
    ports: withoutUndefined(raw.ports ?? {}),
    apps: raw.apps ?? [],
    samples: raw.samples ?? defaults.samples,
    secrets: raw.secrets ?? {},
    ...(raw.seed === undefined ? {} : { seed: raw.seed }),
    timeouts: { ...defaults.timeouts, ...withoutUndefined(raw.timeouts ?? {}) },
  };
}

/** Nodes as a list, named; those that carry the control services are the first ones unless the list says which. */
export function nodesOf(nodes: number | readonly RawNode[]): NodeConfig[] {
  const list: readonly RawNode[] = typeof nodes === 'number' ? Array.from({ length: nodes }, () => ({})) : nodes;
  const chosen = list.some((node) => node.control !== undefined);
  const control = controlCount(list.length);
  return list.map((node, i) => ({
    name: node.name ?? `node-${i + 1}`,
    control: chosen ? node.control === true : i < control,
    cpus: node.cpus ?? defaults.node.cpus,
    mem: node.mem ?? defaults.node.mem,
    disk: node.disk ?? defaults.node.disk,
    gpus: node.gpus ?? defaults.node.gpus,
    attributes: Object.fromEntries(Object.entries(node.attributes ?? {}).map(([key, value]) => [key, String(value)])),
    taskPorts: node.ports ?? defaults.node.ports,
  }));
}

function componentOf(raw: RawComponent | undefined): ComponentConfig {
  return {
    ...(raw?.engine === undefined ? {} : { engine: raw.engine }),
    ...(raw?.image === undefined ? {} : { image: raw.image }),
    ...(raw?.version === undefined ? {} : { version: raw.version }),
    env: mapValues(raw?.env ?? {}, String),
    flags: mapValues(raw?.flags ?? {}, (value) => (value === null ? null : String(value))),
  };
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function withoutUndefined<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
