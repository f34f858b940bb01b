import { randomUUID } from 'node:crypto';
import { uptime } from 'node:os';
import { DevclusterError } from '../support/errors.ts';
import { identify, isAlive, type ProcessIdentity } from '../support/process.ts';

/** Who a throw-away cluster was made for; kept in its record from before anything is started. */
export interface ClusterOwner extends ProcessIdentity {
  /** Tells owners in one process apart. */
  id: string;
  /** When it became an owner, as an ISO 8601 time. */
  since: string;
}

/** An owner that is this process. */
export function ownThisProcess(): ClusterOwner {
  const { pid, startTime } = identify(process.pid) ?? { pid: process.pid, startTime: '' };
  return { id: randomUUID(), pid, startTime, since: new Date().toISOString() };
}

/** Clocks are set now and then. */
const toleranceMs = 60_000;

/** Whether the owner's process still runs; after a reboot another one may have its pid, and even its start time. */
export function isOwnerAlive(owner: ClusterOwner): boolean {
  const bootedAt = Date.now() - uptime() * 1000;
  return Date.parse(owner.since) > bootedAt - toleranceMs && isAlive(owner);
}

/**
 * A throw-away cluster is removed with its owner, so it never takes over one that somebody else made.
 * @throws DevclusterError conflict
 */
export function refuseForeign(
  found: { name: string; owner?: ClusterOwner } | undefined,
  owner: ClusterOwner | undefined,
): void {
  if (!owner || !found || found.owner?.id === owner.id) return;
  throw new DevclusterError('conflict', 'CLUSTER_EXISTS', `There is a cluster '${found.name}' already`, {
    hint: `A cluster for tests needs a name of its own: leave the name out, or run \`devcluster down -c ${found.name}\`.`,
    details: { cluster: found.name },
  });
}
