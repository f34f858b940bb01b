import { readdir } from 'node:fs/promises';
import { DevclusterError, messageOf } from '../support/errors.ts';
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
        const record = await context.records.read(name);
        if (record ? !record.owner || !isLost(record.owner) : !(await isBarelyBegun(context, name))) return;
        // Who makes a cluster holds its lock, so one without a record that is free was given up.
        await down(context, name, { keepData: false, wait: record !== undefined });
        result.removed.push(name);
      } catch (error) {
        if (error instanceof DevclusterError && error.code === 'CLUSTER_LOCKED') return;
        result.failed.push({ name, reason: messageOf(error) });
      }
    }),
  );
  result.removed.sort();
  return result;
}

/** Whether the folder was made, but not even the cluster's record written. */
async function isBarelyBegun({ records }: ClusterContext, name: string): Promise<boolean> {
  const files = await readdir(records.paths.cluster(name).folder).catch(() => ['']);
  return files.every((file) => file.endsWith('.tmp'));
}
