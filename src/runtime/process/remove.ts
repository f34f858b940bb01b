import { readdirSync, rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DevclusterError } from '../../support/errors.ts';
import { signalProcess } from '../../support/process.ts';
import type { ClusterPaths, NodePaths } from '../paths.ts';
import { fileError, removeIfEmpty } from '../places/file-error.ts';
import { releaseSite } from '../places/reserve.ts';
import { hostState } from './hosts.ts';
import { findAllBelow, killAll, recordedTasks } from './processes.ts';

/**
 * Removes all of a cluster that the `process` runtime made, whatever state it is in; nothing there is success.
 * @throws DevclusterError unexpected, when a process can't be ended, or missing, when a folder can't be removed
 */
export async function removeCluster(
  root: string,
  paths: ClusterPaths,
  options: { keepData: boolean; claimsFolder?: string },
): Promise<void> {
  const nodes = nodeNames(paths).map((name) => paths.node(name));
  const records = nodes.flatMap((node) => hostState(node).record ?? []);
  // Hosts first, all at once, so that none starts what another loses.
  for (const record of records) signalProcess(record, 'SIGKILL');
  const left = await killAll(
    async (round) => {
      // What can only be found by its record is rare; it is looked for once the rest has ended.
      const tasks = round === 0 ? [] : await recordedTasks(nodes.map((node) => node.dataDir));
      return findAllBelow(paths.folder, [...records, ...tasks]);
    },
    { leastRounds: 2 },
  );
  if (left.length > 0) {
    const pids = left.map(({ pid }) => pid);
    throw new DevclusterError('unexpected', 'PROCESSES_LEFT', `These processes can't be ended: ${pids.join(', ')}`, {
      hint: "End them with the rights of the user they belong to, and run 'devcluster down' again.",
      details: { pids },
    });
  }
  const sockets = new Set([...records, ...nodes].map(({ controlSocket }) => controlSocket));
  try {
    await Promise.all(nodes.flatMap((node) => (options.keepData ? removeButData(node) : removeTree(node.folder))));
    await removeTree(options.keepData ? paths.partitionsFile : paths.folder);
    for (const socket of sockets) {
      await rm(socket, { force: true });
      if (!socket.startsWith(paths.folder)) removeIfEmpty(dirname(socket));
    }
  } catch (error) {
    throw fileError(error, paths.folder);
  }
  removeIfEmpty(root);
  // Kept data holds on to its places: an agent does not come back with other task ports.
  if (!options.keepData) await releaseSite(paths, options.claimsFolder);
}

/** Names of all nodes that have left a folder; strange ones are left to the removal of the whole. */
function nodeNames(paths: ClusterPaths): string[] {
  try {
    return readdirSync(paths.nodesDir).filter((name) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name));
  } catch {
    return [];
  }
}

async function removeButData(node: NodePaths): Promise<void> {
  const keep = node.dataDir;
  let names: string[] = [];
  try {
    names = readdirSync(node.folder);
  } catch {
    return;
  }
  await Promise.all(
    names
      .map((name) => join(node.folder, name))
      .filter((path) => path !== keep)
      .map(removeTree),
  );
  try {
    rmdirSync(node.folder);
  } catch {
    // It holds the data.
  }
}

async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 10 });
}
