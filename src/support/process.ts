import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { systemCode } from './errors.ts';

/**
 * A process that a reused pid can't be taken for: the pid and the system's own start time of the process
 * (Linux: clock ticks since boot, from /proc/<pid>/stat; elsewhere `ps -o lstart=`).
 */
export interface ProcessIdentity {
  pid: number;
  startTime: string;
}

/** The identity of a living process, or undefined. A zombie counts as dead. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (process.platform === 'linux') {
    const stat = readStat(pid);
    return stat && stat.state !== 'Z' && stat.state !== 'X' ? { pid, startTime: stat.startTime } : undefined;
  }
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return text ? { pid, startTime: text } : undefined;
  } catch {
    return undefined;
  }
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

/** Sends a signal to the process, or to its whole group; false when it is gone (or is another process by now). */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals, group = false): boolean {
  if (!isAlive(identity)) return false;
  return signalPid(group ? -identity.pid : identity.pid, signal);
}

/** Sends a signal; false when there is no such process or group. */
export function signalPid(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false;
    throw error;
  }
}

export interface ProcessStat extends ProcessIdentity {
  state: string;
  parent: number;
  group: number;
  session: number;
}

/** Parses /proc/<pid>/stat (see proc(5)); the command name in parentheses may hold anything. Linux only. */
export function parseStat(text: string): ProcessStat | undefined {
  const end = text.lastIndexOf(')');
  const pid = Number.parseInt(text, 10);
  const fields = text
    .slice(end + 2)
    .trim()
    .split(' ');
  const [state, parent, group, session] = fields;
  const startTime = fields[19];
  if (end < 0 || !state || !startTime || Number.isNaN(pid)) return undefined;
  return { pid, startTime, state, parent: Number(parent), group: Number(group), session: Number(session) };
}

export function readStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Living processes whose environment, as they were started, has `name` with a value that begins with `prefix`.
 * Linux only (empty elsewhere); processes of other users are not seen.
 */
export function findByEnvironment(name: string, prefix: string): ProcessIdentity[] {
  if (process.platform !== 'linux') return [];
  const needle = `${name}=${prefix}`;
  const found: ProcessIdentity[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      if (!environment.startsWith(needle) && !environment.includes(`\0${needle}`)) continue;
    } catch {
      continue;
    }
    const identity = identify(pid);
    if (identity) found.push(identity);
  }
  return found;
}
