import { type ChildProcess, spawn } from 'node:child_process';
import { type FSWatcher, renameSync, watch, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { readTaskRecord } from '../../protocols/mesos/task-processes.ts';
import { type CommandEnd, taskRecordFile } from '../../protocols/mesos/task-record.ts';
import type { Cancel, Clock } from '../../support/clock.ts';
import { identify, isAlive, type ProcessIdentity, signalPid } from '../../support/process.ts';
import { membersOf } from '../../support/process-tree.ts';
import { retry } from '../../support/retry.ts';
import type { Environment } from './environment.ts';
import type { ProcessScans } from './scans.ts';

/** A command running in a session of its own, in its sandbox. */
export interface Container {
  readonly pid: number;
  /**
   * Resolves when the command has ended and nothing else of the task is left, daemons included. undefined: it ended
   * while nobody could see how.
   */
  readonly exited: Promise<CommandEnd | undefined>;
  /** SIGTERM to every process of it, SIGKILL after `graceMs`. A later call can only make the time shorter. */
  kill(graceMs: number): void;
  /** Stops watching; the command goes on. `exited` never resolves then. */
  release(): void;
}

export interface LaunchSpec {
  /** The sandbox: working folder, home of `stdout`, `stderr` and the record. */
  directory: string;
  /** Program and arguments; found by PATH when it has no slash. */
  command: readonly [string, ...string[]];
  /** All of it; must hold the sandbox variable. */
  environment: Environment;
  user?: { uid: number; gid: number };
}

export interface Containers {
  /** @throws system errors when no process can be made */
  launch(spec: LaunchSpec): Promise<Container>;
  /** One that an earlier agent launched and that still runs. */
  adopt(directory: string, leader: ProcessIdentity): Container;
  /** Kills what is left in a sandbox (or below it) without a command to wait for. */
  sweep(directory: string): Promise<void>;
}

/**
 * The wrapper around each command, run by /bin/sh. It puts down who it is before the command runs, and how that ended
 * after, in the format of protocols/mesos/task-record.ts. It is no more than the parent of the command: they share
 * session and process group, and signals to the group pass it by (caught signals are default again in children).
 * Its own standard error is the record, since there shells say in words what a signal ended. The command is run by
 * `exec` in a subshell, so that it is always a program and never a builtin of the shell.
 */
const wrapper = `# The wrapper around each task's command; a devcluster agent wrote it.
[ -n "$BASH_VERSION" ] && set +o posix
exec 3>>stderr >>stdout 2>>${taskRecordFile}
if read -r s 2>/dev/null </proc/$$/stat; then echo "started $s" >&2; else echo "started $$ $(LC_ALL=C ps -o lstart= -p $$)" >&2; fi
command -v "$1" >/dev/null || { echo "Failed to execute '$1': no such program" >&3; echo 'ended 1' >&2; exit 1; }
trap : HUP INT QUIT USR1 USR2 PIPE ALRM TERM
(exec "$@" 2>&3 3>&-)
s=$?
echo "ended $s" >&2
exit $s
`;

/** How often it is looked whether an adopted command still lives; its normal end is told by the record at once. */
const adoptedPollMs = 1000;
/**
 * A SIGTERM that comes at the very moment when the wrapper forks is lost: the wrapper catches it and the child is not
 * the command yet. A command that was younger than this when it was asked to end is asked once more.
 */
const youngMs = 500;
const askAgainMs = 200;
const sweepTimeoutMs = 5000;

export interface ContainersOptions {
  clock: Clock;
  scans: ProcessScans;
  /** Where the wrapper is kept, so that process lists show a short name and not all of it. */
  folder: string;
  shell?: string;
}

/** @throws system errors when the wrapper can't be written */
export function createContainers(options: ContainersOptions): Containers {
  const { clock, scans, shell = '/bin/sh' } = options;
  const script = writeWrapper(options.folder);

  /** Nothing, when the system is too short of everything to look: then the groups alone are signalled. */
  const find = async (directory: string, leaders: readonly ProcessIdentity[]) => {
    const below = directory + sep;
    const tagged = (tag: string) => tag === directory || tag.startsWith(below);
    return membersOf(await scans.scan().catch(() => []), { leaders, tagged });
  };

  /** Kills all of a sandbox until a look finds nothing. */
  const sweep = async (directory: string, leaders: readonly ProcessIdentity[]): Promise<void> => {
    const deadline = clock.monotonic() + sweepTimeoutMs;
    for (;;) {
      const members = await find(directory, leaders);
      if (members.length === 0 || clock.monotonic() > deadline) return;
      for (const { pid } of members) trySignal(pid, 'SIGKILL');
    }
  };

  /** The part that launched and adopted containers share. */
  const control = (
    directory: string,
    pid: number,
    identity: () => ProcessIdentity | undefined,
    startedAt = Number.NEGATIVE_INFINITY,
  ) => {
    /** Members that were asked to end; one that has left everything that ties it to the task is found by this. */
    const asked: ProcessIdentity[] = [];
    let killAt = Number.POSITIVE_INFINITY;
    let cancelKill: Cancel | undefined;
    let cancelAgain: Cancel | undefined;
    let ended = false;
    let released = false;
    let resolve!: (end: CommandEnd | undefined) => void;
    const exited = new Promise<CommandEnd | undefined>((done) => {
      resolve = done;
    });

    const signalAll = async (signal: 'SIGTERM' | 'SIGKILL') => {
      const both = (target: number) => {
        trySignal(target, signal);
        // A stopped process takes the signal only when it goes on.
        if (signal === 'SIGTERM') trySignal(target, 'SIGCONT');
      };
      const leader = identity();
      if (leader) both(-pid);
      const members = await find(directory, [...asked, ...(leader ? [leader] : [])]);
      if (ended || released) return;
      for (const member of members) if (member.group !== pid) both(member.pid);
      asked.push(...members.map((member) => ({ pid: member.pid, startTime: member.startTime })));
    };

    return {
      exited,
      kill(graceMs: number) {
        if (ended || released) return;
        const at = clock.monotonic() + graceMs;
        const first = killAt === Number.POSITIVE_INFINITY;
        if (at >= killAt) return;
        killAt = at;
        cancelKill?.();
        cancelKill = clock.after(graceMs, () => void signalAll('SIGKILL'));
        if (!first) return;
        void signalAll('SIGTERM');
        if (clock.monotonic() - startedAt < youngMs)
          cancelAgain = clock.after(Math.min(askAgainMs, graceMs / 2), () => void signalAll('SIGTERM'));
      },
      async end(end: CommandEnd | undefined | Promise<CommandEnd | undefined>) {
        if (ended || released) return;
        ended = true;
        cancelKill?.();
        cancelAgain?.();
        // A start time that nobody has: the pid counts only as the name of the group, when no new process has it.
        const [how] = await Promise.all([end, sweep(directory, [{ pid, startTime: '' }, ...asked])]);
        if (!released) resolve(how);
      },
      release() {
        released = true;
        cancelKill?.();
        cancelAgain?.();
      },
    };
  };

  const launch = async (spec: LaunchSpec): Promise<Container> => {
    const { directory, command, environment, user } = spec;
    const child = await spawnWrapper(shell, [script, ...command], directory, environment, user);
    const pid = child.pid!;
    let alive = true;
    // Until its exit is handled nobody else can have the pid.
    const { exited, kill, end, release } = control(
      directory,
      pid,
      () => (alive ? identify(pid) : undefined),
      clock.monotonic(),
    );
    child.once('exit', (code, signal) => {
      alive = false;
      void end(howItEnded(directory, code, signal));
    });
    child.unref();
    return { pid, exited, kill, release };
  };

  /** One timer for all adopted ones. */
  const polled = new Set<() => void>();
  let cancelPoll: Cancel | undefined;
  const poll = (check: () => void): Cancel => {
    polled.add(check);
    cancelPoll ??= clock.every(adoptedPollMs, () => {
      for (const each of polled) each();
    });
    return () => {
      polled.delete(check);
      if (polled.size > 0) return;
      cancelPoll?.();
      cancelPoll = undefined;
    };
  };

  const adopt = (directory: string, leader: ProcessIdentity): Container => {
    const { exited, kill, end, release } = control(directory, leader.pid, () => (isAlive(leader) ? leader : undefined));
    let watcher: FSWatcher | undefined;
    let done = false;
    const stop = () => {
      done = true;
      cancel();
      watcher?.close();
    };
    const finish = (how: CommandEnd | undefined) => {
      if (done) return;
      stop();
      void end(how);
    };
    const look = async () => {
      // In this order: a process that is dead now has written what it would ever write.
      const gone = !isAlive(leader);
      const how = (await readTaskRecord(directory))?.end;
      if (how || gone) finish(how);
    };
    const cancel = poll(() => {
      if (!isAlive(leader)) void look();
    });
    try {
      watcher = watch(join(directory, taskRecordFile), () => void look());
      watcher.on('error', () => {});
    } catch {
      // The poll sees it a little later.
    }
    void look();
    return {
      pid: leader.pid,
      exited,
      kill,
      release() {
        stop();
        release();
      },
    };
  };

  return { launch, adopt, sweep: (directory) => sweep(directory, []) };
}

/** A wrapper that still runs may still read the old file, so it is replaced, not overwritten. */
function writeWrapper(folder: string): string {
  const path = join(folder, 'run-task');
  writeFileSync(`${path}.new`, wrapper, { mode: 0o644 });
  renameSync(`${path}.new`, path);
  return path;
}

/** Short of processes for a moment (EAGAIN) is no reason to fail a task. */
function spawnWrapper(
  shell: string,
  args: readonly string[],
  directory: string,
  env: Environment,
  user: { uid: number; gid: number } | undefined,
): Promise<ChildProcess> {
  const once = async (): Promise<ChildProcess> => {
    const child = spawn(shell, args, {
      argv0: 'sh',
      cwd: directory,
      env,
      detached: true,
      stdio: 'ignore',
      ...(user ?? {}),
    });
    if (child.pid === undefined) throw await new Promise<Error>((resolve) => child.once('error', resolve));
    return child;
  };
  const retryable = (error: unknown) => (error as NodeJS.ErrnoException).code === 'EAGAIN';
  return retry(once, { delayMs: 50, timeoutMs: 2000, retryable });
}

async function howItEnded(
  directory: string,
  code: number | null,
  signal: NodeJS.Signals | null,
): Promise<CommandEnd | undefined> {
  if (signal === null && code !== null && code <= 128) return { status: code };
  const recorded = (await readTaskRecord(directory))?.end;
  return recorded ?? (signal === null ? { status: code ?? 1 } : { signal, coreDumped: false });
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    signalPid(pid, signal);
  } catch {
    // EPERM: a set-user-id program that is no longer ours to end.
  }
}
