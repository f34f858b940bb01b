import { messageOf } from '../support/errors.ts';
import type { ClusterContext } from './context.ts';
import { down } from './down.ts';
import { type ClusterOwner, isOwnerAlive } from './owner.ts';

export interface PrunedClusters {
  removed: string[];
  /** Those that could not be removed, and why. */
  failed: { name: string; reason: string }[];
}

/**
 * Removes throw-away clusters that `isLost` says nobody needs any more; by default those whose owner's process has
 * ended. A cluster that another command is changing is waited for.
 */
export async function pruneOwned(
  context: ClusterContext,
  isLost: (owner: ClusterOwner) => boolean = (owner) => !isOwnerAlive(owner),
): Promise<PrunedClusters> {
  const result: PrunedClusters = { removed: [], failed: [] };
  const names = await context.records.names();
  await Promise.all(
    names.map(async (name) => {
      try {
        const owner = (await context.records.read(name))?.owner;
        if (!owner || !isLost(owner)) return;
        await down(context, name, { keepData: false, wait: true });
        result.removed.push(name);
      } catch (error) {
        result.failed.push({ name, reason: messageOf(error) });
      }
    }),
  );
  result.removed.sort();
  return result;
}
