import { addResources, toOldForm, unallocate } from '../../../protocols/mesos/resources.ts';
import type { Filters, Offer as OfferMessage, Resource } from '../../../protocols/mesos/types.ts';
import type { Agent, Cluster, Framework, Offer } from './model.ts';

const defaultRefuseSeconds = 5;
const maxRefuseSeconds = 365 * 24 * 3600;

/** Asks for an allocation: at the end of this turn, or with the next interval so that refusals can't spin. */
export function requestAllocation(cluster: Cluster, when: 'now' | 'interval'): void {
  if (when === 'now') cluster.allocation = 'now';
  else cluster.allocation ??= cluster.sources.monotonic() + cluster.settings.allocationIntervalMs;
}

/** Gives resources (allocated or not) of an agent back to the pool. */
export function release(agent: Agent, resources: readonly Resource[]): void {
  agent.available = addResources(agent.available, unallocate(resources));
}

/** Takes an offer out of all books; its resources are still to be released or used. */
export function dropOffer(cluster: Cluster, offer: Offer): void {
  cluster.offers.delete(offer.id);
  cluster.agents.get(offer.agentId)?.offers.delete(offer.id);
  cluster.frameworks.get(offer.frameworkId)?.offers.delete(offer.id);
}

/** Takes an offer back without telling its framework; with filters, it won't get the like for a while. */
export function discardOffer(cluster: Cluster, offer: Offer, filters?: Filters): void {
  dropOffer(cluster, offer);
  const agent = cluster.agents.get(offer.agentId);
  if (!agent) return;
  release(agent, offer.resources);
  const framework = cluster.frameworks.get(offer.frameworkId);
  if (framework && filters) refuse(cluster, framework, offer, offer.resources, filters);
  requestAllocation(cluster, 'interval');
}

/** Takes an offer back and tells its framework. */
export function rescindOffer(cluster: Cluster, offer: Offer): void {
  cluster.effects.toFramework(offer.frameworkId, { type: 'RESCIND', rescind: { offer_id: { value: offer.id } } });
  discardOffer(cluster, offer);
}

/** Holds back offers of these resources (or parts of them) of an agent from a framework. */
export function refuse(
  cluster: Cluster,
  framework: Framework,
  from: { agentId: string; role: string },
  resources: readonly Resource[],
  filters: Filters,
): void {
  const ms = refuseMs(filters);
  if (ms === 0 || resources.length === 0) return;
  framework.filters.push({
    agentId: from.agentId,
    role: from.role,
    resources: unallocate(resources),
    until: cluster.sources.monotonic() + Math.max(ms, cluster.settings.allocationIntervalMs),
  });
}

function refuseMs({ refuse_seconds: given }: Filters): number {
  const wanted = given === undefined || !Number.isFinite(given) || given < 0 ? defaultRefuseSeconds : given;
  return Math.min(wanted, maxRefuseSeconds) * 1000;
}

/** An offer as its framework reads it: in the form of resources that its capabilities ask for. */
export function offerMessage(cluster: Cluster, framework: Framework, offer: Offer): OfferMessage {
  const agent = cluster.agents.get(offer.agentId)!;
  const executors = [...agent.executors.values()].filter((executor) => executor.frameworkId === framework.id);
  const { attributes, domain } = agent.info;
  const multiRole = framework.capabilities.has('MULTI_ROLE');
  return {
    id: { value: offer.id },
    framework_id: { value: framework.id },
    agent_id: { value: agent.id },
    hostname: agent.info.hostname,
    url: {
      scheme: 'http',
      address: { hostname: agent.info.hostname, ip: pidAddress(agent.pid).ip, port: pidAddress(agent.pid).port },
      path: '/slave(1)',
    },
    ...(domain ? { domain } : {}),
    resources: offer.resources.map((resource) => resourceFor(framework, resource)),
    ...(attributes && attributes.length > 0 ? { attributes } : {}),
    ...(executors.length > 0 ? { executor_ids: executors.map(({ id }) => ({ value: id })) } : {}),
    ...(multiRole ? { allocation_info: { role: offer.role } } : {}),
  };
}

function resourceFor(framework: Framework, resource: Resource): Resource {
  const formed = framework.capabilities.has('RESERVATION_REFINEMENT') ? resource : (toOldForm(resource) ?? resource);
  if (framework.capabilities.has('MULTI_ROLE')) return formed;
  const { allocation_info: _, ...stripped } = formed;
  return stripped;
}

/** ip and port of `slave(1)@ip:port`. */
export function pidAddress(pid: string): { ip: string; port: number } {
  const at = pid.indexOf('@') + 1;
  const colon = pid.lastIndexOf(':');
  return { ip: pid.slice(at, colon), port: Number(pid.slice(colon + 1)) };
}
