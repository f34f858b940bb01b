import { constants } from 'node:os';
import type { ProcessIdentity } from '../../support/process.ts';
import { parseStat } from '../../support/process.ts';

/**
 * The record that every process task of an embedded agent keeps in its sandbox, so that whoever comes later (a
 * restarted agent, `down`, a fault on purpose) finds the task's processes and how they ended, whatever happened to the
 * agent. The task's own wrapper writes it, line by line:
 *
 *     started 4711 (sh) S 1 4711 4711 …     Linux: the line of /proc/<pid>/stat
 *     started 4711 Sun Nov 22 18:00:00 2026  elsewhere: pid and start time as `ps -o lstart=` prints it
 *     Killed                                 what the shell says when a signal ended the command
 *     ended 137                              the shell's $? for the command
 *
 * The first line is there before the command runs; the last one only when the command has ended under the wrapper.
 */
export const taskRecordFile = '.devcluster-task';

/** The variable that each process of a task carries: the path of its sandbox. */
export const sandboxVariable = 'MESOS_SANDBOX';

/** How a command ended. */
export type CommandEnd = { status: number } | { signal: string; coreDumped: boolean };

export interface TaskRecord {
  /** The wrapper: leader of the session and of the process group that the command runs in. */
  leader: ProcessIdentity;
  /** Absent while it runs, and for good when the wrapper was killed. */
  end?: CommandEnd;
}

/** Takes a record at any stage of being written; undefined when it holds no whole first line. */
export function parseTaskRecord(text: string): TaskRecord | undefined {
  const lines = text.split('\n');
  // What follows the last newline is a line still being written.
  lines.pop();
  const leader = parseLeader(lines[0] ?? '');
  if (!leader) return undefined;
  const ended = lines.findLastIndex((line) => /^ended \d{1,3}$/.test(line));
  if (ended < 1) return { leader };
  return { leader, end: interpretStatus(Number(lines[ended]!.slice(6)), lines.slice(1, ended).join('\n')) };
}

function parseLeader(line: string): ProcessIdentity | undefined {
  if (!line.startsWith('started ')) return undefined;
  const rest = line.slice('started '.length);
  const stat = rest.includes('(') ? parseStat(rest) : undefined;
  if (stat) return { pid: stat.pid, startTime: stat.startTime };
  const match = /^(\d+)\s+(\S.*\S)\s*$/.exec(rest);
  return match && !rest.includes('(') ? { pid: Number(match[1]), startTime: match[2]! } : undefined;
}

/**
 * A shell's $? can't tell `exit 143` from a death by SIGTERM, but shells say the latter in words. They keep silent
 * about SIGINT and SIGPIPE, so those two are taken for signals always.
 */
function interpretStatus(status: number, said: string): CommandEnd {
  const signal = status > 128 ? signalName(status - 128) : undefined;
  if (!signal || (said.trim() === '' && signal !== 'SIGINT' && signal !== 'SIGPIPE')) return { status };
  return { signal, coreDumped: /core dumped/.test(said) };
}

function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}
