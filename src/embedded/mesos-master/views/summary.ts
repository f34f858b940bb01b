import { countRanges } from '../../../protocols/mesos/ranges.ts';
import { addResources, isReserved, reservationsByRole, resourcesToState } from '../../../protocols/mesos/resources.ts';
import type { Resource, TaskState } from '../../../protocols/mesos/types.ts';
import { offeredOf } from '../core/allocator.ts';
import type { Cluster, Framework } from '../core/model.ts';
import type { MasterFacts } from './identity.ts';
import { agentView } from './state.ts';

const countedStates = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_KILLED',
  'TASK_FAILED',
  'TASK_LOST',
  'TASK_ERROR',
  'TASK_UNREACHABLE',
] as const satisfies readonly TaskState[];

type Counts = Record<(typeof countedStates)[number], number>;

function noCounts(): Counts {
  const counts = {} as Counts;
  for (const state of countedStates) counts[state] = 0;
  return counts;
}

/** GET /state-summary: agents and frameworks with how many tasks are in each state. */
export function summaryView(cluster: Cluster, facts: MasterFacts) {
  const byAgent = new Map<string, { counts: Counts; frameworks: Set<string> }>();
  const byFramework = new Map<string, { counts: Counts; agents: Set<string> }>();
  for (const id of cluster.agents.keys()) byAgent.set(id, { counts: noCounts(), frameworks: new Set() });
  for (const framework of cluster.frameworks.values()) {
    const own = { counts: noCounts(), agents: new Set<string>() };
    byFramework.set(framework.id, own);
    for (const list of [framework.tasks.values(), framework.unreachableTasks.values(), framework.completedTasks]) {
      for (const task of list) {
        const agent = byAgent.get(task.agentId);
        if (task.state in own.counts) {
          own.counts[task.state as keyof Counts]++;
          if (agent) agent.counts[task.state as keyof Counts]++;
        }
        own.agents.add(task.agentId);
        agent?.frameworks.add(framework.id);
      }
    }
  }
  return {
    hostname: cluster.master.hostname,
    ...(facts.cluster === undefined ? {} : { cluster: facts.cluster }),
    slaves: [...cluster.agents.values()].map((agent) => {
      const { counts, frameworks } = byAgent.get(agent.id)!;
      return { ...agentView(agent), ...counts, framework_ids: [...frameworks] };
    }),
    frameworks: [...cluster.frameworks.values()].map((framework) => {
      const { counts, agents } = byFramework.get(framework.id)!;
      return { ...frameworkSummary(framework), ...counts, slave_ids: [...agents] };
    }),
  };
}

function frameworkSummary(framework: Framework) {
  const { info } = framework;
  return {
    id: framework.id,
    name: info.name,
    used_resources: resourcesToState(framework.used),
    offered_resources: resourcesToState(offeredOf(framework)),
    capabilities: [...framework.capabilities],
    hostname: info.hostname ?? '',
    webui_url: info.webui_url ?? '',
    active: framework.active,
    connected: framework.connected,
    recovered: framework.recovered,
  };
}

/** GET /roles: what is known of every role that a framework has or that resources are reserved for. */
export function rolesView(cluster: Cluster) {
  return {
    roles: roleFacts(cluster).map((role) => ({
      name: role.name,
      weight: role.weight,
      quota: {
        role: role.name,
        guarantee: {},
        limit: {},
        consumed: quantities(
          addResources(
            role.allocated.filter((r) => !isReserved(r)),
            role.reserved,
          ),
        ),
      },
      resources: quantities(addResources(role.allocated, role.offered)),
      allocated: quantities(role.allocated),
      offered: quantities(role.offered),
      reserved: quantities(role.reserved),
      frameworks: role.frameworks,
    })),
  };
}

export interface RoleFacts {
  name: string;
  weight: number;
  allocated: Resource[];
  offered: Resource[];
  reserved: Resource[];
  frameworks: string[];
}

/** Every known role, by name. */
export function roleFacts(cluster: Cluster): RoleFacts[] {
  const roles = new Map<string, RoleFacts>();
  const role = (name: string) => {
    let facts = roles.get(name);
    if (!facts) {
      const weight = cluster.settings.weights.get(name) ?? 1;
      facts = { name, weight, allocated: [], offered: [], reserved: [], frameworks: [] };
      roles.set(name, facts);
    }
    return facts;
  };
  for (const name of cluster.settings.roles ?? []) role(name);
  for (const name of cluster.settings.weights.keys()) role(name);
  for (const framework of cluster.frameworks.values()) {
    for (const name of framework.roles) role(name).frameworks.push(framework.id);
    for (const resource of framework.used) {
      const facts = role(resource.allocation_info?.role ?? '*');
      facts.allocated = addResources(facts.allocated, [resource]);
    }
    for (const offer of framework.offers.values()) {
      const facts = role(offer.role);
      facts.offered = addResources(facts.offered, offer.resources);
    }
  }
  for (const agent of cluster.agents.values())
    for (const [name, resources] of reservationsByRole(agent.total)) {
      const facts = role(name);
      facts.reserved = addResources(facts.reserved, resources);
    }
  return [...roles.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Amounts by name; ranges and sets count their members. */
export function quantities(resources: readonly Resource[]): Record<string, number> {
  const amounts: Record<string, number> = {};
  for (const { name, scalar, ranges, set } of [...resources].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const amount = scalar?.value ?? (ranges ? countRanges(ranges.range) : (set?.item.length ?? 0));
    amounts[name] = Math.round(((amounts[name] ?? 0) + amount) * 1000) / 1000;
  }
  return amounts;
}
