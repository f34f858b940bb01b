import {
  addResources,
  allocateTo,
  containsResources,
  isReserved,
  offerableTo,
  scalarOf,
  subtractResources,
} from '../../../protocols/mesos/resources.ts';
import type { Resource } from '../../../protocols/mesos/types.ts';
import { meetsConstraints } from './constraints.ts';
import type { Agent, Cluster, Framework, Offer } from './model.ts';
import { offerMessage } from './offers.ts';

/**
 * Offers all free resources: agents in random order, roles by their dominant share (divided by their weight), in a
 * role the framework with the least share first, and to it everything of the agent that it may have. Sends one OFFERS
 * event for each framework. Source: src/master/allocator/mesos/hierarchical.cpp and sorter/drf of Apache Mesos.
 */
export function allocate(cluster: Cluster): Offer[] {
  cluster.allocation = undefined;
  count(cluster);
  expireFilters(cluster);
  const candidates = candidatesByRole(cluster);
  if (candidates.size === 0) return [];
  const free = shuffled(
    [...cluster.agents.values()].filter((agent) => agent.active && isAllocatable(cluster, agent.available)),
    cluster.sources.random,
  );
  if (free.length === 0) return [];
  const shares = createShares(cluster);
  const offers: Offer[] = [];
  for (const agent of free) {
    for (const role of shares.sortRoles([...candidates.keys()])) {
      for (const framework of shares.sortFrameworks(role, candidates.get(role)!)) {
        const resources = offerable(cluster, agent, framework, role);
        if (!isAllocatable(cluster, resources)) continue;
        const offer = makeOffer(cluster, agent, framework, role, resources);
        shares.add(role, framework.id, offer.resources);
        offers.push(offer);
      }
    }
  }
  sendOffers(cluster, offers);
  return offers;
}

function count(cluster: Cluster): void {
  const name = 'allocator/mesos/allocation_runs';
  cluster.counters.set(name, (cluster.counters.get(name) ?? 0) + 1);
}

function expireFilters(cluster: Cluster): void {
  const now = cluster.sources.monotonic();
  for (const framework of cluster.frameworks.values())
    if (framework.filters.some((filter) => filter.until <= now))
      framework.filters = framework.filters.filter((filter) => filter.until > now);
}

function candidatesByRole(cluster: Cluster): Map<string, Framework[]> {
  const byRole = new Map<string, Framework[]>();
  for (const framework of cluster.frameworks.values()) {
    if (!framework.active) continue;
    for (const role of framework.roles) {
      if (framework.suppressed.has(role)) continue;
      const list = byRole.get(role);
      if (list) list.push(framework);
      else byRole.set(role, [framework]);
    }
  }
  return byRole;
}

/** What a framework may have of an agent's free resources now; empty when it must not see the agent. */
function offerable(cluster: Cluster, agent: Agent, framework: Framework, role: string): Resource[] {
  const { capabilities } = framework;
  if (cluster.settings.filterGpuResources && !capabilities.has('GPU_RESOURCES') && scalarOf(agent.total, 'gpus') > 0)
    return [];
  if (!capabilities.has('REGION_AWARE') && isRemote(cluster, agent)) return [];
  if (!meetsConstraints(framework.offerConstraints, role, agent.info)) return [];
  const resources = offerableTo(role, agent.available).filter(
    (resource) =>
      (capabilities.has('RESERVATION_REFINEMENT') || (resource.reservations?.length ?? 0) <= 1) &&
      (capabilities.has('REVOCABLE_RESOURCES') || !resource.revocable) &&
      (capabilities.has('SHARED_RESOURCES') || !resource.shared),
  );
  const refused = framework.filters.some(
    (filter) => filter.agentId === agent.id && filter.role === role && containsResources(filter.resources, resources),
  );
  return refused ? [] : inOfferOrder(resources);
}

/** Ranges and sets before scalars, reserved scalars before the others, as real offers and messages have them. */
function inOfferOrder(resources: readonly Resource[]): Resource[] {
  const rank = (resource: Resource) => (resource.type !== 'SCALAR' ? 0 : isReserved(resource) ? 1 : 2);
  return [...resources].sort((a, b) => rank(a) - rank(b));
}

function isRemote(cluster: Cluster, agent: Agent): boolean {
  const home = cluster.master.domain?.fault_domain?.region.name;
  const region = agent.info.domain?.fault_domain?.region.name;
  return region !== undefined && region !== home;
}

function isAllocatable(cluster: Cluster, resources: readonly Resource[]): boolean {
  return cluster.settings.minAllocatable.some((amounts) => {
    for (const [name, amount] of amounts) if (scalarOf(resources, name) < amount) return false;
    return true;
  });
}

function makeOffer(
  cluster: Cluster,
  agent: Agent,
  framework: Framework,
  role: string,
  resources: readonly Resource[],
): Offer {
  const { offerTimeoutMs } = cluster.settings;
  const offer: Offer = {
    id: `${cluster.master.id}-O${cluster.next.offer++}`,
    frameworkId: framework.id,
    agentId: agent.id,
    role,
    resources: allocateTo(role, resources),
    expiresAt: offerTimeoutMs === undefined ? undefined : cluster.sources.monotonic() + offerTimeoutMs,
  };
  agent.available = subtractResources(agent.available, resources);
  agent.offers.set(offer.id, offer);
  framework.offers.set(offer.id, offer);
  framework.allocations++;
  cluster.offers.set(offer.id, offer);
  return offer;
}

function sendOffers(cluster: Cluster, offers: readonly Offer[]): void {
  const byFramework = new Map<string, Offer[]>();
  for (const offer of offers) {
    const list = byFramework.get(offer.frameworkId);
    if (list) list.push(offer);
    else byFramework.set(offer.frameworkId, [offer]);
  }
  for (const [frameworkId, list] of byFramework) {
    const framework = cluster.frameworks.get(frameworkId)!;
    cluster.effects.toFramework(frameworkId, {
      type: 'OFFERS',
      offers: { offers: list.map((offer) => offerMessage(cluster, framework, offer)) },
    });
  }
}

/** Dominant shares of roles and of frameworks in a role, kept up as offers are made. */
function createShares(cluster: Cluster) {
  const totals = new Map<string, number>();
  for (const agent of cluster.agents.values())
    for (const resource of agent.total)
      if (resource.scalar) totals.set(resource.name, (totals.get(resource.name) ?? 0) + resource.scalar.value);
  const byRole = new Map<string, Map<string, number>>();
  const byFramework = new Map<string, Map<string, number>>();
  const roleAllocations = new Map<string, number>();

  const add = (role: string, frameworkId: string, resources: readonly Resource[]) => {
    for (const [books, key] of [
      [byRole, role],
      [byFramework, `${role}\n${frameworkId}`],
    ] as const) {
      let amounts = books.get(key);
      if (!amounts) {
        amounts = new Map();
        books.set(key, amounts);
      }
      for (const resource of resources)
        if (resource.scalar) amounts.set(resource.name, (amounts.get(resource.name) ?? 0) + resource.scalar.value);
    }
  };
  for (const framework of cluster.frameworks.values()) {
    for (const resource of framework.used) add(resource.allocation_info?.role ?? '*', framework.id, [resource]);
    for (const offer of framework.offers.values()) add(offer.role, framework.id, offer.resources);
    for (const role of framework.roles)
      roleAllocations.set(role, (roleAllocations.get(role) ?? 0) + framework.allocations);
  }

  const dominant = (amounts: ReadonlyMap<string, number> | undefined) => {
    let share = 0;
    for (const [name, amount] of amounts ?? []) {
      const total = totals.get(name) ?? 0;
      if (total > 0) share = Math.max(share, amount / total);
    }
    return share;
  };
  const roleShare = (role: string) => dominant(byRole.get(role)) / (cluster.settings.weights.get(role) ?? 1);
  const frameworkShare = (role: string, id: string) => dominant(byFramework.get(`${role}\n${id}`));
  return {
    add,
    sortRoles: (roles: string[]) =>
      roles.sort(
        (a, b) =>
          roleShare(a) - roleShare(b) ||
          (roleAllocations.get(a) ?? 0) - (roleAllocations.get(b) ?? 0) ||
          compareText(a, b),
      ),
    sortFrameworks: (role: string, frameworks: readonly Framework[]) =>
      [...frameworks].sort(
        (a, b) =>
          frameworkShare(role, a.id) - frameworkShare(role, b.id) ||
          a.allocations - b.allocations ||
          compareText(a.id, b.id),
      ),
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function shuffled<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}

/** What is offered of an agent now, allocated. */
export function offeredOf(holder: { offers: ReadonlyMap<string, Offer> }): Resource[] {
  return addResources(...[...holder.offers.values()].map((offer) => offer.resources));
}
