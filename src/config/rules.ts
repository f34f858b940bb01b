import type { Component } from '../protocols/versions.ts';
import { nodesOf } from './defaults.ts';
import { type Engine, type PortName, type RawConfig, standardPorts } from './types.ts';

/** Something wrong with a configuration. `path` leads to the key at fault. */
export interface Mistake {
  path: readonly (string | number)[];
  message: string;
}

type Rule = (raw: RawConfig) => Mistake[];

const uniqueNodeNames: Rule = (raw) => {
  if (!Array.isArray(raw.nodes)) return [];
  const names = nodesOf(raw.nodes).map((node) => node.name);
  return names.flatMap((name, i) =>
    names.indexOf(name) === i
      ? []
      : [{ path: ['nodes', i, 'name'], message: `'${name}' is the name of another node already` }],
  );
};

/** A quorum of an even number survives no more losses than that of one less, and real ensembles refuse it. */
const oddControlNodes: Rule = (raw) => {
  if (!Array.isArray(raw.nodes) || !raw.nodes.some((node) => node.control !== undefined)) return [];
  const count = nodesOf(raw.nodes).filter((node) => node.control).length;
  if (count === 0)
    return [{ path: ['nodes'], message: 'no node has control: true, so there would be no ZooKeeper and no master' }];
  if (count % 2 === 1 && count <= 7) return [];
  return [
    {
      path: ['nodes'],
      message:
        count % 2 === 0
          ? `${count} nodes have control: true, an even number of masters; take ${count - 1} or ${count + 1}`
          : `${count} nodes have control: true; take at most 7`,
    },
  ];
};

const distinctPorts: Rule = (raw) => {
  const ports = Object.entries(raw.ports ?? {}).filter((entry): entry is [PortName, number] => entry[1] !== undefined);
  return ports.flatMap(([name, port], i) => {
    const first = ports.findIndex(([, other]) => other === port);
    return first < i
      ? [{ path: ['ports', name], message: `${port} is the port of '${ports[first]![0]}' already` }]
      : [];
  });
};

/** The engines of those components whose engines depend on each other; undefined: not decided yet. */
export type DependentEngines = Partial<Record<'mesos-master' | 'mesos-agent' | 'marathon', Engine | undefined>>;

/** Master and agent speak a private protocol in each engine; a real Marathon speaks it too. */
export function forbiddenMixes(engines: DependentEngines): { component: Component; message: string }[] {
  const { 'mesos-master': master, 'mesos-agent': agent, marathon } = engines;
  const found: { component: Component; message: string }[] = [];
  if (master && agent && master !== agent)
    found.push({
      component: 'mesos-agent',
      message: `master and agent are a pair from one engine, but the master's is '${master}' and the agent's '${agent}'`,
    });
  if (marathon === 'mesos' && master === 'embedded')
    found.push({ component: 'marathon', message: 'a real Marathon needs a real Mesos master (engine: mesos)' });
  return found;
}

const enginePairs: Rule = (raw) => {
  const of = (component: keyof DependentEngines) =>
    raw.components?.[component]?.engine ?? (raw.engine === 'auto' ? undefined : raw.engine);
  const engines = { 'mesos-master': of('mesos-master'), 'mesos-agent': of('mesos-agent'), marathon: of('marathon') };
  return forbiddenMixes(engines).map(({ component, message }) => ({
    path: ['components', component, 'engine'],
    message,
  }));
};

const processRunsNoImages: Rule = (raw) => {
  if (raw.runtime !== 'process') return [];
  return Object.entries(raw.components ?? {}).flatMap(([name, component]) =>
    component?.image !== undefined
      ? [{ path: ['components', name, 'image'], message: "images need runtime: docker, but the runtime is 'process'" }]
      : [],
  );
};

const reservedAttribute: Rule = (raw) =>
  Array.isArray(raw.nodes)
    ? raw.nodes.flatMap((node, i) =>
        node.attributes && 'node' in node.attributes
          ? [{ path: ['nodes', i, 'attributes', 'node'], message: "'node' is set to the node's name; choose another" }]
          : [],
      )
    : [];

const peerPortsAreNotPublished: Rule = (raw) =>
  raw.network?.addresses === 'port-blocks' && raw.ports && Object.keys(raw.ports).length > 0
    ? [
        {
          path: ['ports'],
          message: `fixed ports (${Object.keys(standardPorts).slice(0, 2).join(', ')}, …) need an address per node, not addresses: port-blocks`,
        },
      ]
    : [];

const rules: readonly Rule[] = [
  uniqueNodeNames,
  oddControlNodes,
  distinctPorts,
  enginePairs,
  processRunsNoImages,
  reservedAttribute,
  peerPortsAreNotPublished,
];

/** What no single key shows; `raw` has passed the schema. */
export function checkRules(raw: RawConfig): Mistake[] {
  return rules.flatMap((rule) => rule(raw));
}
