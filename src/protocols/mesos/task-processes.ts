import { open, readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type ProcessIdentity, signalPid } from '../../support/process.ts';
import { listProcesses, membersOf, type TaggedProcess } from '../../support/process-tree.ts';
import { parseTaskRecord, sandboxVariable, type TaskRecord, taskRecordFile } from './task-record.ts';

/**
 * The tasks of an embedded agent seen from outside, by its work folder alone: for whoever must find, pause or end them
 * when the agent is gone. They are found twice over: by the records in the sandboxes, and by the sandbox variable in
 * the processes' environments.
 */

/** The record of one sandbox; undefined when there is none (yet). */
export async function readTaskRecord(sandbox: string): Promise<TaskRecord | undefined> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(join(sandbox, taskRecordFile), 'r');
  } catch {
    return undefined;
  }
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    return parseTaskRecord(buffer.toString('utf8', 0, bytesRead));
  } catch {
    return undefined;
  } finally {
    await handle.close();
  }
}

/** Records of all sandboxes below an agent's work folder, nested containers included. Unreadable folders are skipped. */
export async function findTaskRecords(workDir: string): Promise<{ sandbox: string; record: TaskRecord }[]> {
  const found: { sandbox: string; record: TaskRecord }[] = [];
  const look = async (sandbox: string): Promise<void> => {
    const record = await readTaskRecord(sandbox);
    if (record) found.push({ sandbox, record });
    for (const name of await folders(join(sandbox, 'containers'))) await look(join(sandbox, 'containers', name));
  };
  for (const agent of await folders(join(workDir, 'slaves'))) {
    const frameworks = join(workDir, 'slaves', agent, 'frameworks');
    for (const framework of await folders(frameworks)) {
      const executors = join(frameworks, framework, 'executors');
      for (const executor of await folders(executors)) {
        const runs = join(executors, executor, 'runs');
        for (const run of await folders(runs)) await look(join(runs, run));
      }
    }
  }
  return found;
}

/** Folders in `path`, without links (`latest` is one). */
async function folders(path: string): Promise<string[]> {
  try {
    return (await readdir(path, { withFileTypes: true })).filter((e) => e.isDirectory()).map((e) => e.name);
  } catch {
    return [];
  }
}

/** Every living process of every task below these agents' work folders. */
export async function findTaskProcesses(workDirs: readonly string[]): Promise<TaggedProcess[]> {
  const leaders: ProcessIdentity[] = [];
  for (const workDir of workDirs)
    for (const { record } of await findTaskRecords(workDir)) if (!record.end) leaders.push(record.leader);
  const prefixes = workDirs.map((workDir) => join(workDir, 'slaves') + sep);
  const tagged = (tag: string) => prefixes.some((prefix) => tag.startsWith(prefix));
  return membersOf(await listProcesses(sandboxVariable), { leaders, tagged });
}

/**
 * Sends a signal (SIGSTOP, SIGCONT, …) to every process of every task below these work folders.
 * @returns how many processes there were
 */
export async function signalTasks(workDirs: readonly string[], signal: NodeJS.Signals): Promise<number> {
  const processes = await findTaskProcesses(workDirs);
  for (const { pid } of processes) signalPid(pid, signal);
  return processes.length;
}

/**
 * Kills every process of every task below these work folders, looking again until none is left, since a process may
 * fork while it is being looked for.
 * @returns processes that would not die within `timeoutMs`, normally none
 */
export async function killTasks(workDirs: readonly string[], timeoutMs = 2000): Promise<TaggedProcess[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const processes = await findTaskProcesses(workDirs);
    if (processes.length === 0 || performance.now() > deadline) return processes;
    for (const { pid } of processes) signalPid(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
