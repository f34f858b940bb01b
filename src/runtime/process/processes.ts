import { realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { clusterNamePattern } from '../../config/names.ts';
import { findTaskRecords } from '../../protocols/mesos/task-processes.ts';
import { sandboxVariable } from '../../protocols/mesos/task-record.ts';
import { systemCode } from '../../support/errors.ts';
import { isAlive, type ProcessIdentity, signalPid } from '../../support/process.ts';
import { listProcesses, membersOf, type TaggedProcess } from '../../support/process-tree.ts';
import { sleep } from '../../support/retry.ts';

/**
 * The variable that every node's host, and every real program that it runs, is started with: the node's folder, with a
 * slash at its end. The tasks don't inherit it.
 */
export const hostVariable = 'DEVCLUSTER_NODE_FOLDER';

/** Living processes of all tasks of the nodes whose data is in these folders. */
export async function findTasks(dataDirs: readonly string[]): Promise<TaggedProcess[]> {
  const [leaders, table] = await Promise.all([recordedTasks(dataDirs), listProcesses(sandboxVariable)]);
  const prefixes = dataDirs.flatMap(prefixesOf);
  const tagged = (tag: string) => prefixes.some((prefix) => tag.startsWith(prefix));
  return notOurselves(membersOf(table, { leaders, tagged }));
}

/**
 * Living processes of a node besides its host: all of its tasks, and the real programs that the host was given to run
 * (the runtime starts these with the host's own variable).
 * @param host not counted; one that isn't known is found like the others
 */
export async function findGuests(
  node: { folder: string; dataDir: string },
  host?: ProcessIdentity,
): Promise<TaggedProcess[]> {
  const [leaders, table] = await Promise.all([
    recordedTasks([node.dataDir]),
    listProcesses([hostVariable, sandboxVariable]),
  ]);
  const [own, inData] = [prefixesOf(node.folder), prefixesOf(node.dataDir)];
  const tagged = (tag: string) => own.includes(tag) || inData.some((prefix) => tag.startsWith(prefix));
  return notOurselves(membersOf(table, { leaders, tagged })).filter(({ pid }) => pid !== host?.pid);
}

/** The real programs that a node's host was given to run, and their descendants; and the host, if it lives. */
export async function findNodePrograms(nodeFolder: string): Promise<TaggedProcess[]> {
  const own = prefixesOf(nodeFolder);
  return notOurselves(membersOf(await listProcesses(hostVariable), { tagged: (tag) => own.includes(tag) }));
}

/** Living processes that belong to a folder: hosts of its nodes, their tasks, and all descendants of these. */
export async function findAllBelow(folder: string, leaders: readonly ProcessIdentity[]): Promise<TaggedProcess[]> {
  const table = await listProcesses([hostVariable, sandboxVariable]);
  const prefixes = prefixesOf(folder);
  const tagged = (tag: string) => prefixes.some((prefix) => tag.startsWith(prefix));
  return notOurselves(membersOf(table, { leaders, tagged }));
}

/** How many living processes there are of each cluster with a folder below `root`, which itself may be gone. */
export async function processesByCluster(root: string): Promise<Map<string, number>> {
  const prefixes = prefixesOf(root);
  const counts = new Map<string, number>();
  for (const { tag = '' } of notOurselves(await listProcesses([hostVariable, sandboxVariable]))) {
    const prefix = prefixes.find((each) => tag.startsWith(each));
    if (prefix === undefined) continue;
    const [name = ''] = tag.slice(prefix.length).split(sep);
    if (clusterNamePattern.test(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** How paths below a folder begin, the way it is named and without links, since a program may have resolved it. */
function prefixesOf(folder: string): string[] {
  try {
    return [...new Set([folder, realpathSync(folder)])].map((path) => path + sep);
  } catch {
    return [folder + sep];
  }
}

/** Tasks by the records in their sandboxes, for processes whose environment doesn't tell. */
export async function recordedTasks(dataDirs: readonly string[]): Promise<ProcessIdentity[]> {
  const found = await Promise.all(
    dataDirs.map(async (dataDir) => {
      const workDirs = [dataDir, ...(await folderNames(dataDir)).map((name) => join(dataDir, name))];
      return (await Promise.all(workDirs.map((workDir) => findTaskRecords(workDir)))).flat();
    }),
  );
  return found.flat().flatMap(({ record }) => (record.end ? [] : [record.leader]));
}

async function folderNames(path: string): Promise<string[]> {
  try {
    return (await readdir(path, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/** A task may well run devcluster itself. */
function notOurselves(processes: TaggedProcess[]): TaggedProcess[] {
  return processes.filter(({ pid }) => pid !== process.pid);
}

export function signalAll(processes: readonly ProcessIdentity[], signal: NodeJS.Signals): void {
  for (const { pid } of processes) {
    try {
      signalPid(pid, signal);
    } catch (error) {
      // A task that became another user: whoever waits for its end reports it.
      if (systemCode(error) !== 'EPERM') throw error;
    }
  }
}

/** Waits until the processes have ended. @returns those that have not after `timeoutMs` */
export async function awaitEnd<P extends ProcessIdentity>(processes: readonly P[], timeoutMs: number): Promise<P[]> {
  const deadline = performance.now() + timeoutMs;
  // Nobody but a parent is told of a process's end, so we look: often at first, since most end at once.
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 25)) {
    const left = processes.filter(isAlive);
    if (left.length === 0 || performance.now() >= deadline) return left;
    await sleep(waitMs);
  }
}

/**
 * Kills what `find` finds, until it finds nothing: a process may fork while it is looked for.
 * @param find is given the number of the round, of which there are at least `leastRounds`
 * @returns what could not be killed within `timeoutMs`
 */
export async function killAll(
  find: (round: number) => Promise<TaggedProcess[]>,
  { leastRounds = 1, timeoutMs = 5_000 } = {},
): Promise<TaggedProcess[]> {
  const deadline = performance.now() + timeoutMs;
  for (let round = 0; ; round++) {
    const found = await find(round);
    if (found.length === 0 && round + 1 >= leastRounds) return [];
    if (performance.now() >= deadline) return found;
    signalAll(found, 'SIGKILL');
    await awaitEnd(found, Math.min(500, deadline - performance.now()));
  }
}
