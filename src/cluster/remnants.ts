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
 * What commands and tests left behind that crashed: clusters that never got ready, whose record can't be read, or whose
 * test has ended. One that a command is changing at this moment is none.
 */
export async function findRemnants(context: ClusterContext): Promise<Remnant[]> {
  const names = await context.records.names();
  const found = await Promise.all(
    names.map(async (name) => {
      const why = await reason(context, name);
      return why !== undefined && (await isIdle(context, name)) ? [{ name, why }] : [];
    }),
  );
  return found.flat();
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
