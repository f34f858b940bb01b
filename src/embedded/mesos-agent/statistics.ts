import { readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { scalarOf } from '../../protocols/mesos/resources.ts';
import type { TaggedProcess } from '../../support/process-tree.ts';
import { membersOf } from '../../support/process-tree.ts';
import type { ExecutorBook } from './books.ts';
import { executorResources } from './state-view.ts';

/** What an executor's processes use, and what they may. Limits are told, not enforced. */
export interface ContainerStatistics {
  cpus_soft_limit: number;
  cpus_system_time_secs: number;
  cpus_user_time_secs: number;
  mem_limit_bytes: number;
  mem_rss_bytes: number;
  mem_soft_limit_bytes: number;
  timestamp: number;
}

/** Of /proc/<pid>/stat; 100 on every Linux that Node.js runs on. */
const ticksPerSecond = 100;
const pageBytes = 4096;

export function statisticsOf(
  executor: ExecutorBook,
  processes: readonly TaggedProcess[],
  nowMs: number,
): ContainerStatistics {
  const resources = executorResources(executor);
  const below = executor.directory + sep;
  const members = membersOf(processes, { tagged: (tag) => tag === executor.directory || tag.startsWith(below) });
  let user = 0;
  let system = 0;
  let pages = 0;
  for (const { pid } of members) {
    const use = readUse(pid);
    user += use.user;
    system += use.system;
    pages += use.pages;
  }
  const memory = Math.round(scalarOf(resources, 'mem') * 1024 * 1024);
  return {
    cpus_soft_limit: scalarOf(resources, 'cpus'),
    cpus_system_time_secs: system / ticksPerSecond,
    cpus_user_time_secs: user / ticksPerSecond,
    mem_limit_bytes: memory,
    mem_rss_bytes: pages * pageBytes,
    mem_soft_limit_bytes: memory,
    timestamp: nowMs / 1000,
  };
}

/** utime, stime and rss of proc(5); zero where there is no /proc. */
function readUse(pid: number): { user: number; system: number; pages: number } {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { user: Number(fields[11]), system: Number(fields[12]), pages: Math.max(0, Number(fields[21])) };
  } catch {
    return { user: 0, system: 0, pages: 0 };
  }
}
