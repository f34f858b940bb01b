import { execFile } from 'node:child_process';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { type ProcessIdentity, type ProcessStat, parseStat } from './process.ts';

/** A process with the value that one variable of its environment had when it was started. */
export interface TaggedProcess extends ProcessStat {
  tag?: string;
}

/**
 * Tags found before, by pid. Only what was found is remembered, and until the process has ended: one that was made
 * without a tag may still get one when it becomes another program.
 */
export type KnownTags = Map<number, { startTime: string; tag: string }>;

/**
 * All living processes (zombies left out), with the value of `variable` (of several: the first it has) where it can be
 * read: processes of other users have none. A process that wipes its environment keeps none either; its group, session
 * and parents tell then.
 * @param known halves the price of looks that are repeated; it is brought up to date
 */
export async function listProcesses(
  variable: string | readonly string[],
  known: KnownTags = new Map(),
): Promise<TaggedProcess[]> {
  const variables = typeof variable === 'string' ? [variable] : variable;
  return process.platform === 'linux' ? listLinux(variables, known) : listByPs(variables);
}

function listLinux(variables: readonly string[], known: KnownTags): TaggedProcess[] {
  const needles = variables.map((variable) => Buffer.from(`${variable}=`));
  const found: TaggedProcess[] = [];
  const tagged = new Set<number>();
  for (const entry of readdirSync('/proc')) {
    if (entry.charCodeAt(0) > 0x39 || entry.charCodeAt(0) < 0x30) continue;
    const stat = parseStat(readSmall(`/proc/${entry}/stat`).toString('latin1'));
    if (!stat || stat.state === 'Z' || stat.state === 'X') continue;
    const { pid, startTime } = stat;
    const before = known.get(pid);
    const tag = before?.startTime === startTime ? before.tag : readTag(entry, needles);
    found.push(tag === undefined ? stat : { ...stat, tag });
    if (tag === undefined) continue;
    tagged.add(pid);
    if (before?.startTime !== startTime) known.set(pid, { startTime, tag });
  }
  for (const pid of known.keys()) if (!tagged.has(pid)) known.delete(pid);
  return found;
}

let shared = Buffer.allocUnsafe(64 << 10);

/**
 * A file of /proc, without the system calls that only ordinary files need; empty when it can't be read. The result is
 * good until the next call.
 */
function readSmall(path: string): Buffer {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return shared.subarray(0, 0);
  }
  let length = 0;
  try {
    for (;;) {
      length += readSync(file, shared, length, shared.length - length, null);
      if (length < shared.length) return shared.subarray(0, length);
      shared = Buffer.concat([shared, Buffer.allocUnsafe(shared.length)]);
    }
  } catch {
    return shared.subarray(0, 0);
  } finally {
    closeSync(file);
  }
}

function readTag(pid: string, needles: readonly Buffer[]): string | undefined {
  const environment = readSmall(`/proc/${pid}/environ`);
  for (const needle of needles)
    for (let at = environment.indexOf(needle); at >= 0; at = environment.indexOf(needle, at + 1)) {
      if (at > 0 && environment[at - 1] !== 0) continue;
      const end = environment.indexOf(0, at);
      return environment.toString('utf8', at + needle.length, end < 0 ? environment.length : end);
    }
  return undefined;
}

/** Without /proc: two runs of ps; the second shows environments behind the commands (macOS, own processes only). */
async function listByPs(variables: readonly string[]): Promise<TaggedProcess[]> {
  const [plain, wide] = await Promise.all([
    run('ps', ['-axo', 'pid=,ppid=,pgid=,stat=,lstart=']),
    run('ps', ['-axEwwo', 'pid=,command=']),
  ]);
  const tags = new Map<number, string>();
  const patterns = variables.map((name) => new RegExp(`\\s${name}=(.*?)(?=\\s[A-Za-z_][A-Za-z0-9_]*=|$)`));
  for (const line of wide.split('\n')) {
    const tag = patterns.map((pattern) => pattern.exec(line)?.[1]).find((value) => value !== undefined);
    if (tag !== undefined) tags.set(Number.parseInt(line, 10), tag);
  }
  const found: TaggedProcess[] = [];
  for (const line of plain.split('\n')) {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*\S)/.exec(line);
    if (!match || match[4]!.startsWith('Z')) continue;
    const pid = Number(match[1]);
    const tag = tags.get(pid);
    found.push({
      pid,
      parent: Number(match[2]),
      group: Number(match[3]),
      session: -1,
      state: match[4]!.charAt(0),
      startTime: match[5]!,
      ...(tag === undefined ? {} : { tag }),
    });
  }
  return found;
}

function run(command: string, args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(command, args, { maxBuffer: 64 << 20 }, (error, stdout) => resolve(error ? '' : stdout));
  });
}

/** What belongs together: leaders of groups or sessions of their own, and processes whose tag is accepted. */
export interface TreeRoots {
  leaders?: readonly ProcessIdentity[];
  tagged?: (tag: string) => boolean;
}

/**
 * The processes of `table` that belong to the roots: the leaders, all of their groups and sessions, the tagged ones,
 * and every descendant of any of these. A leader whose pid is another process by now is passed over with its group.
 */
export function membersOf<P extends TaggedProcess>(table: readonly P[], roots: TreeRoots): P[] {
  const byPid = new Map(table.map((entry) => [entry.pid, entry]));
  const groups = new Set<number>();
  for (const leader of roots.leaders ?? []) {
    const now = byPid.get(leader.pid);
    if (!now || now.startTime === leader.startTime) groups.add(leader.pid);
  }
  const members = new Set<P>();
  const children = new Map<number, P[]>();
  for (const entry of table) {
    const siblings = children.get(entry.parent);
    if (siblings) siblings.push(entry);
    else children.set(entry.parent, [entry]);
    if (
      groups.has(entry.pid) ||
      groups.has(entry.group) ||
      groups.has(entry.session) ||
      (entry.tag !== undefined && roots.tagged?.(entry.tag))
    )
      members.add(entry);
  }
  // A Set's iteration takes in what is added on the way, so this ends when no new descendant turns up.
  for (const member of members) for (const child of children.get(member.pid) ?? []) members.add(child);
  return [...members];
}
