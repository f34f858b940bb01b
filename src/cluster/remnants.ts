import { messageOf } from '../support/errors.ts';
import type { ClusterContext } from './context.ts';
import { withClusterLock } from './lock.ts';
import { isOwnerAlive } from './owner.ts';

/** A cluster that nobody gets any use of. */
export interface Remnant {
  name: string;
  /** A part of a sentence. */
  why: string;
}

/**
 * What commands and tests left behind that crashed: clusters that never got ready, whose record can't be read or is
 * gone, or whose test has ended. One that a command is changing at this moment is none. Clusters with records elsewhere,
 * as those of other users, are never looked at.
 */
export async function findRemnants(context: ClusterContext): Promise<Remnant[]> {
  // Before the records: a cluster that is being made has its record first.
  const parts = await partsOfClusters(context);
  const names = await context.records.names();
  const found = await Promise.all([
    ...names.map(async (name) => ({ name, why: await reason(context, name) })),
    ...[...parts]
      .filter(([name]) => !names.includes(name))
      .map(([name, left]) => ({ name, why: `its record is gone; left of it: ${left.join(', ')}` })),
  ]);
  const idle = await Promise.all(found.map(async ({ name, why }) => why !== undefined && isIdle(context, name)));
  return found.flatMap(({ name, why }, i) => (why !== undefined && idle[i] ? [{ name, why }] : []));
}

/** What the runtimes have, by clusters, with or without a record. */
async function partsOfClusters(context: ClusterContext): Promise<Map<string, string[]>> {
  const { docker } = await context.choiceFacts({ runtime: 'auto' });
  const kinds = docker?.available ? (['process', 'docker'] as const) : (['process'] as const);
  const parts = new Map<string, string[]>();
  for (const kind of kinds)
    for (const found of await (await context.runtime(kind)).clusters())
      parts.set(found.name, [...(parts.get(found.name) ?? []), found.parts]);
  return parts;
}

async function reason(context: ClusterContext, name: string): Promise<string | undefined> {
  try {
    const record = await context.records.read(name);
    if (!record) return 'it has a folder, but no record';
    if (record.owner && !isOwnerAlive(record.owner)) return 'the test that made it has ended';
    return record.phase === 'creating' ? 'it never got ready' : undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function isIdle({ records }: ClusterContext, name: string): Promise<boolean> {
  const options = { doing: 'devcluster prune', wait: false };
  return withClusterLock(name, records.paths.cluster(name).folder, options, async () => true).catch(() => false);
}
