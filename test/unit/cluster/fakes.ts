import type { Health, probe } from '../../../src/cluster/probes.ts';
import type { ClusterConfig } from '../../../src/config/types.ts';
import type { ClusterPlan, NodePlan, NodeSite, ServicePlan, Site } from '../../../src/plan/types.ts';
import { standardPorts } from '../../../src/plan/types.ts';
import type { Component } from '../../../src/protocols/versions.ts';
import type { FoundCluster, Runtime, UnitEvent, UnitState } from '../../../src/runtime/types.ts';

/** Places on 127.9.9.x; nothing is listened on. */
export function makeSite(config: ClusterConfig): Site {
  return {
    nodes: config.nodes.map((node, i): NodeSite => {
      const address = `127.9.9.${i + 1}`;
      return {
        name: node.name,
        address,
        ports: standardPorts,
        published: Object.fromEntries(
          Object.entries(standardPorts).map(([name, port]) => [name, { host: address, port }]),
        ) as NodeSite['published'],
        taskPorts: { begin: 20000 + i * 100, end: 20000 + i * 100 + node.taskPorts - 1 },
        dataDir: `/nowhere/${node.name}/data`,
      };
    }),
    remarks: [],
    nodeBinary: process.execPath,
    samplesDir: '/nowhere/samples',
  };
}

export interface FakeRuntime extends Runtime {
  /** What was asked of it, in order: `start node-1`, `remove test`, … */
  readonly calls: string[];
  readonly units: Map<string, UnitState>;
  readonly stopped: Map<string, Set<Component>>;
  /** What it has of clusters, as `clusters` tells. */
  found: FoundCluster[];
  emit(event: UnitEvent): void;
  /** Called at the start of a unit; may throw or emit. */
  onStart: (unit: string) => void | Promise<void>;
}

/** A runtime that only keeps books. By default the services of a started unit are ready at once. */
export function fakeRuntime(logText = 'the last words'): FakeRuntime {
  const calls: string[] = [];
  const units = new Map<string, UnitState>();
  const stopped = new Map<string, Set<Component>>();
  const watchers = new Set<(event: UnitEvent) => void>();
  const partitioned = new Set<string>();
  const ready = (plan: ClusterPlan, unitId: string) => {
    const unit = plan.nodes.flatMap((node) => node.units).find((each) => each.id === unitId);
    for (const { component } of unit?.services ?? []) runtime.emit({ type: 'service-ready', unit: unitId, component });
  };
  const setUnits = (node: NodePlan, state: UnitState) => {
    for (const unit of node.units) units.set(unit.id, state);
  };
  const runtime: FakeRuntime = {
    kind: 'process',
    calls,
    units,
    stopped,
    found: [],
    onStart: () => {},
    emit(event) {
      for (const watcher of [...watchers]) watcher(event);
    },
    async reserve(request, known) {
      calls.push(`reserve${known ? ' known' : ''}`);
      return makeSite({
        nodes: request.nodes.map((node) => ({ ...node })),
      } as unknown as ClusterConfig);
    },
    async start(plan, unit) {
      calls.push(`start ${unit.id}`);
      await runtime.onStart(unit.id);
      units.set(unit.id, 'running');
      ready(plan, unit.id);
    },
    async stop(_plan, node) {
      calls.push(`stop ${node.name}`);
      setUnits(node, 'stopped');
      for (const unit of node.units) runtime.emit({ type: 'unit-exited', unit: unit.id, reason: 'it was stopped' });
    },
    async advance(_plan, node, ms) {
      calls.push(`advance ${node.name} ${ms}`);
    },
    async kill(_plan, node) {
      calls.push(`kill ${node.name}`);
      setUnits(node, 'failed');
    },
    async pause(_plan, node) {
      setUnits(node, 'paused');
    },
    async resume(plan, node) {
      calls.push(`resume ${node.name}`);
      setUnits(node, 'running');
      for (const unit of node.units) ready(plan, unit.id);
    },
    async partition(_plan, node, cut) {
      calls.push(`${cut ? 'partition' : 'heal'} ${node.name}`);
      if (cut) partitioned.add(node.name);
      else partitioned.delete(node.name);
    },
    async startService(_plan, node, component) {
      calls.push(`start ${node.name}/${component}`);
      stopped.get(node.name)?.delete(component);
      runtime.emit({ type: 'service-ready', unit: node.name, component });
    },
    async stopService(_plan, node, component) {
      calls.push(`stop ${node.name}/${component}`);
      stopped.set(node.name, new Set([...(stopped.get(node.name) ?? []), component]));
    },
    inspect: async (plan) =>
      plan.nodes.flatMap((node) =>
        node.units.map((unit) => ({
          id: unit.id,
          node: node.name,
          state: units.get(unit.id) ?? 'stopped',
          stoppedServices: [...(stopped.get(unit.id) ?? [])].map((component) => ({
            component,
            reason: 'stopped on request',
          })),
          partitioned: partitioned.has(node.name),
        })),
      ),
    watch(plan, onEvent, signal) {
      watchers.add(onEvent);
      signal.addEventListener('abort', () => watchers.delete(onEvent));
      for (const [unit, state] of units) if (state === 'running') ready(plan, unit);
    },
    async remove(cluster, { keepData }) {
      calls.push(`remove ${cluster}${keepData ? ' but its data' : ''}`);
      units.clear();
    },
    clusters: async () => runtime.found,
    async *logs(_plan, { node, component }) {
      yield { source: `${node.name}/${component ?? 'host'}`, text: logText };
    },
    exec: async () => 0,
  };
  return runtime;
}

/** Probes that find everything ready but what is named; the first control node leads everything. */
export function fakeProbe(plan: () => ClusterPlan, notReady: ReadonlyMap<string, string> = new Map()): typeof probe {
  return async (service: ServicePlan, node: NodePlan): Promise<Health> => {
    const reason = notReady.get(`${node.name}/${service.component}`) ?? notReady.get(service.component);
    if (reason !== undefined) return { ready: false, reason };
    const leader = node.name === 'node-1';
    switch (service.component) {
      case 'mesos-master':
        return leader
          ? {
              ready: true,
              leader,
              detail: {
                kind: 'mesos',
                agents: new Set(
                  plan()
                    .nodes.filter((each) => !notReady.has(`${each.name}/mesos-agent`))
                    .map((each) => `${each.site.address}:${each.site.ports['mesos-agent']}`),
                ),
                frameworks: [{ name: 'marathon', active: !notReady.has('framework') }],
                tasksRunning: 2,
              },
            }
          : { ready: true, leader };
      case 'marathon':
        return { ready: true, leader, detail: { kind: 'marathon', leader: '127.9.9.1:8080', frameworkId: 'f-1' } };
      default:
        return { ready: true, leader: leader && service.component === 'zookeeper' };
    }
  };
}
