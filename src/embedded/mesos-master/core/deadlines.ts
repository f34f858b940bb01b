import { markUnreachable } from './agent-departures.ts';
import { removeFramework } from './frameworks.ts';
import type { Agent, Cluster } from './model.ts';
import { requestAllocation, rescindOffer } from './offers.ts';

/** How late a timer may run before this process counts as having stood still (stopped, asleep, blocked). */
const lateMs = 500;
/** What others get on top of the time that is forgiven, since they may have stood still as well. */
const graceMs = 30_000;

/** When `wake` must run next, in monotonic milliseconds; undefined when nothing is waited for. */
export function nextWake(cluster: Cluster): number | undefined {
  let next = Number.POSITIVE_INFINITY;
  const at = (time: number | undefined) => {
    if (time !== undefined && time < next) next = time;
  };
  if (typeof cluster.allocation === 'number') at(cluster.allocation);
  at(cluster.recoveryEndsAt);
  for (const agent of cluster.agents.values()) {
    at(agent.ping.nextAt);
    at(agent.reregisterBy);
  }
  for (const framework of cluster.frameworks.values()) {
    at(framework.failoverAt);
    // The allocation that is due takes expired filters away.
    if (framework.active && cluster.allocation !== 'now') for (const filter of framework.filters) at(filter.until);
  }
  if (cluster.settings.offerTimeoutMs !== undefined) for (const offer of cluster.offers.values()) at(offer.expiresAt);
  return next === Number.POSITIVE_INFINITY ? undefined : next;
}

/**
 * Does what has become due. A process that stood still has heard nobody meanwhile, so when this runs late everybody's
 * silence is forgiven for that long.
 */
export function wake(cluster: Cluster): void {
  const now = cluster.sources.monotonic();
  const late = cluster.expectedWake === undefined ? 0 : now - cluster.expectedWake;
  if (late > lateMs) forgive(cluster, late);
  if (typeof cluster.allocation === 'number' && cluster.allocation <= now) requestAllocation(cluster, 'now');
  for (const offer of [...cluster.offers.values()])
    if (offer.expiresAt !== undefined && offer.expiresAt <= now) rescindOffer(cluster, offer);
  for (const framework of [...cluster.frameworks.values()]) {
    if (framework.failoverAt !== undefined && framework.failoverAt <= now) removeFramework(cluster, framework);
    else if (framework.active && framework.filters.some((filter) => filter.until <= now))
      requestAllocation(cluster, 'now');
  }
  for (const agent of [...cluster.agents.values()]) judge(cluster, agent, now);
  if (cluster.recoveryEndsAt !== undefined && cluster.recoveryEndsAt <= now) endRecovery(cluster);
}

function forgive(cluster: Cluster, late: number): void {
  cluster.effects.log(`This master stood still for ${Math.round(late)} ms; extending all deadlines of others`);
  const now = cluster.sources.monotonic();
  for (const agent of cluster.agents.values()) {
    if (agent.reregisterBy !== undefined) agent.reregisterBy += late + graceMs;
    // Ask again instead of counting an answer that may wait unread in the socket.
    agent.ping.answered = true;
    agent.ping.nextAt = Math.max(agent.ping.nextAt, now + cluster.settings.agentPingTimeoutMs);
  }
  for (const framework of cluster.frameworks.values())
    if (framework.failoverAt !== undefined)
      framework.failoverAt += late + Math.min(graceMs, (framework.info.failover_timeout ?? 0) * 1000);
  if (cluster.recoveryEndsAt !== undefined) cluster.recoveryEndsAt += late + graceMs;
}

function judge(cluster: Cluster, agent: Agent, now: number): void {
  const { agentPingTimeoutMs, maxAgentPingTimeouts, agentReregisterTimeoutMs } = cluster.settings;
  if (agent.reregisterBy !== undefined && agent.reregisterBy <= now) {
    markUnreachable(
      cluster,
      agent,
      `agent did not reregister within ${agentReregisterTimeoutMs / 1000}secs after disconnecting`,
    );
    return;
  }
  const { ping } = agent;
  if (ping.nextAt > now) return;
  if (!ping.answered || !agent.connected) ping.missed++;
  if (ping.missed >= maxAgentPingTimeouts) {
    markUnreachable(cluster, agent, 'health check timed out');
    return;
  }
  ping.answered = false;
  ping.nextAt = now + agentPingTimeoutMs;
  if (agent.connected) cluster.effects.toAgent(agent.id, { type: 'PING' });
}

/** Agents of the last leader's registry that didn't come back in time are unreachable. */
function endRecovery(cluster: Cluster): void {
  cluster.recoveryEndsAt = undefined;
  const now = cluster.sources.now() / 1000;
  for (const agent of cluster.recoveredAgents.values()) {
    cluster.effects.log(`Agent ${agent.id} (${agent.info.hostname}) did not come back after the election`);
    cluster.unreachableAgents.set(agent.id, now);
    for (const framework of cluster.frameworks.values())
      cluster.effects.toFramework(framework.id, { type: 'FAILURE', failure: { agent_id: { value: agent.id } } });
  }
  cluster.recoveredAgents.clear();
  cluster.effects.registryChanged();
}
