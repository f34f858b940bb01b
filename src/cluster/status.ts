import type { Engine, RuntimeKind } from '../config/types.ts';
import type { ClusterPlan, NodePlan, ServicePlan } from '../plan/types.ts';
import { type Component, components } from '../protocols/versions.ts';
import type { Runtime, UnitStatus } from '../runtime/types.ts';
import { type ClusterContext, openCluster } from './context.ts';
import { type Health, type MarathonSummary, type MesosSummary, marathonCounts, probe } from './probes.ts';
import type { Leaders } from './readiness.ts';
import type { PlannedRecord } from './record.ts';
import { servicesOf } from './target.ts';

export type ClusterState = 'running' | 'degraded' | 'stopped' | 'absent';
export type NodeState = 'running' | 'stopped' | 'paused' | 'partitioned' | 'failed';

export interface ServiceReport {
  component: Component;
  state: 'running' | 'stopped' | 'paused' | 'failed';
  ready: boolean;
  leader: boolean;
  url?: string;
  version: string;
  engine: Engine;
  image?: string;
  pid?: number;
  containerId?: string;
  /** Why it isn't ready. */
  reason?: string;
}

export interface NodeReport {
  name: string;
  address: string;
  state: NodeState;
  services: ServiceReport[];
}

/** One address for each service, of the leader where there is one. */
export interface Endpoints {
  zookeeper: string;
  mesos: string;
  marathon: string;
  mesosDns: string;
  dns: string;
}

/** What `status --json` prints. */
export interface StatusDocument {
  name: string;
  state: ClusterState;
  runtime?: RuntimeKind;
  engine?: Engine | 'mixed';
  readyInSeconds?: number;
  /** Reachable from the laptop; `mesos` and `marathon` are the leaders'. */
  endpoints?: Endpoints;
  nodes: NodeReport[];
  /** `leader` is a node's name. */
  mesos?: { leader: string | null; agents: number; frameworks: number; tasksRunning: number };
  marathon?: { leader: string | null; apps: number; deployments: number };
}

/** How long a service may take to say how it is: somebody waits for the whole, but a busy machine is no fault. */
const probeTimeoutMs = 800;

/** The state of a cluster, also of one that isn't there. */
export async function clusterStatus(context: ClusterContext, name: string): Promise<StatusDocument> {
  const record = await context.records.read(name);
  if (!record?.plan || !record.site || record.phase === 'kept') return { name, state: 'absent', nodes: [] };
  const { runtime } = await openCluster(context, name);
  return describe({ ...record, plan: record.plan, site: record.site }, runtime, context.probe);
}

/** Asks the runtime and all services of a cluster, in parallel. */
export async function describe(
  record: PlannedRecord,
  runtime: Runtime,
  ask: typeof probe = probe,
): Promise<StatusDocument> {
  const { plan } = record;
  const units = new Map((await runtime.inspect(plan)).map((unit) => [unit.id, unit]));
  const observed = await Promise.all(
    plan.nodes.map(async (node) => ({
      node,
      services: await Promise.all(
        servicesOf(node).map(async (service) => {
          const state = serviceState(node, service, units);
          const health: Health =
            state.state === 'running'
              ? await ask(service, node, { timeoutMs: probeTimeoutMs })
              : { ready: false, reason: state.reason ?? `it is ${state.state}` };
          return { service, state, health };
        }),
      ),
    })),
  );

  // Cut off from the others, a leader believes for a while that it still leads.
  const cutOff = ({ node }: { node: NodePlan }) => Number(nodeState(node, units) === 'partitioned');
  const all = observed
    .flatMap(({ node, services }) => services.map((each) => ({ node, ...each })))
    .sort((a, b) => cutOff(a) - cutOff(b));
  const detailOf = <T extends MesosSummary | MarathonSummary>(
    kind: T['kind'],
  ): { node: NodePlan; detail: T } | undefined => {
    for (const { node, health } of all)
      if (health.ready && health.detail?.kind === kind && (kind === 'mesos' || health.leader))
        return { node, detail: health.detail as T };
    return undefined;
  };
  const mesos = detailOf<MesosSummary>('mesos');
  const marathon = detailOf<MarathonSummary>('marathon');
  const marathonUrl = all.find(({ node, service }) => node === marathon?.node && service.component === 'marathon')
    ?.service.url;
  const counts = marathonUrl
    ? await marathonCounts(marathonUrl, { timeoutMs: probeTimeoutMs }).catch(() => undefined)
    : undefined;

  const nodes = observed.map(
    ({ node, services }): NodeReport => ({
      name: node.name,
      address: node.site.address,
      state: nodeState(node, units),
      services: services.map(({ service, state, health }) => {
        // Whether an agent is registered is for the leading master to say, as far as there is one.
        const lost =
          service.component === 'mesos-agent' &&
          health.ready &&
          mesos !== undefined &&
          !mesos.detail.agents.has(`${node.site.address}:${node.site.ports['mesos-agent']}`);
        const unit = units.get(unitIdOf(node, service));
        return {
          component: service.component,
          state: state.state,
          ready: health.ready && !lost,
          leader: health.ready && health.leader,
          ...(service.url === undefined ? {} : { url: service.url }),
          version: service.version,
          engine: service.engine,
          ...(service.image === undefined ? {} : { image: service.image }),
          ...(unit?.pid === undefined || state.state === 'stopped' ? {} : { pid: unit.pid }),
          ...(unit?.containerId === undefined ? {} : { containerId: unit.containerId }),
          ...(lost ? { reason: 'the leading master does not list it' } : health.ready ? {} : { reason: health.reason }),
        };
      }),
    }),
  );

  return {
    name: plan.name,
    state: clusterState(nodes),
    runtime: plan.runtime,
    engine: plan.engine,
    ...(record.readyInSeconds === undefined ? {} : { readyInSeconds: record.readyInSeconds }),
    endpoints: endpointsOf(plan, nodes),
    nodes,
    mesos: {
      leader: mesos?.node.name ?? null,
      agents: mesos?.detail.agents.size ?? 0,
      frameworks: mesos?.detail.frameworks.length ?? 0,
      tasksRunning: mesos?.detail.tasksRunning ?? 0,
    },
    marathon: {
      leader: marathon?.node.name ?? null,
      apps: counts?.apps ?? 0,
      deployments: counts?.deployments ?? 0,
    },
  };
}

function unitIdOf(node: NodePlan, service: ServicePlan): string {
  return node.units.find((unit) => unit.services.includes(service))?.id ?? node.name;
}

function serviceState(
  node: NodePlan,
  service: ServicePlan,
  units: ReadonlyMap<string, UnitStatus>,
): { state: ServiceReport['state']; reason?: string } {
  const unit = units.get(unitIdOf(node, service));
  if (!unit) return { state: 'stopped' };
  if (unit.state !== 'running') return { state: unit.state };
  const stopped = unit.stoppedServices.find(({ component }) => component === service.component);
  if (!stopped) return { state: 'running' };
  return { state: stopped.reason === stoppedOnRequest ? 'stopped' : 'failed', reason: stopped.reason };
}

/** How runtimes name the reason of a service that was stopped by a command. */
const stoppedOnRequest = 'stopped on request';

function nodeState(node: NodePlan, units: ReadonlyMap<string, UnitStatus>): NodeState {
  const own = node.units.flatMap((unit) => units.get(unit.id) ?? []);
  if (own.length === 0 || own.every((unit) => unit.state === 'stopped')) return 'stopped';
  if (own.some((unit) => unit.state === 'failed' || unit.state === 'stopped')) return 'failed';
  if (own.some((unit) => unit.state === 'paused')) return 'paused';
  return own.some((unit) => unit.partitioned) ? 'partitioned' : 'running';
}

function clusterState(nodes: readonly NodeReport[]): ClusterState {
  if (nodes.every((node) => node.state === 'stopped')) return 'stopped';
  const well = nodes.every((node) => node.state === 'running' && node.services.every((service) => service.ready));
  return well ? 'running' : 'degraded';
}

/** Where to reach a cluster of which only its leaders are known. */
export function endpointsByLeaders(plan: ClusterPlan, leaders: Leaders): Endpoints {
  const urlOf = (component: Component) => {
    const services = plan.nodes.flatMap(servicesOf).filter((service) => service.component === component);
    return (services.find((service) => service.node === leaders[component]) ?? services[0])?.url ?? '';
  };
  return {
    zookeeper: plan.endpoints.zookeeper,
    mesos: urlOf('mesos-master'),
    marathon: urlOf('marathon'),
    mesosDns: urlOf('mesos-dns'),
    dns: plan.endpoints.dns[0] ?? '',
  };
}

/** Of several services that are ready the leading one. */
function endpointsOf(plan: ClusterPlan, nodes: readonly NodeReport[]): Endpoints {
  const best = (component: Component) => {
    const able = nodes.flatMap(({ name, services }) =>
      services
        .filter((service) => service.component === component && service.ready)
        .map((service) => ({ name, service })),
    );
    return (able.find(({ service }) => service.leader) ?? able[0])?.name;
  };
  const leaders = Object.fromEntries(
    components.flatMap((component) => {
      const name = best(component);
      return name === undefined ? [] : [[component, name]];
    }),
  ) as Leaders;
  const dnsNode = plan.nodes.findIndex((node) => node.name === leaders['mesos-dns']);
  return { ...endpointsByLeaders(plan, leaders), dns: plan.endpoints.dns[Math.max(0, dnsNode)] ?? '' };
}
