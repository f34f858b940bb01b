import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chown, cp, mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

/** The command as users run it. */
export const bin = join(packageFolder, 'bin', 'devcluster.js');

export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Workplace {
  /** Fresh XDG_STATE_HOME of this workplace. */
  stateHome: string;
  /** Folder to put files in; commands run there. */
  folder: string;
  cluster: string;
  run(...args: string[]): Promise<Result>;
  /** Runs with --json; fails the test with all output when the exit code isn't 0. */
  json<T = Record<string, never>>(...args: string[]): Promise<T>;
  /** Starts a command and leaves it running; `input` is what it finds on standard input. */
  start(
    args: readonly string[],
    env?: Record<string, string>,
    input?: string,
  ): { child: ChildProcess; ended: Promise<Result> };
  /** The variables that commands see. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Pids of everything that was started below the state folder and still runs. */
  leftovers(): number[];
  /** `down`, then removes the folders. */
  close(): Promise<void>;
}

let counter = 0;

/** A user's surroundings of their own, so that tests neither meet each other nor a developer's cluster. */
export async function createWorkplace(
  options: {
    uid?: number;
    /** Variables of all its commands. */
    env?: Record<string, string>;
    /** Comes before every command: `nsenter …`. */
    prefix?: readonly string[];
  } = {},
): Promise<Workplace> {
  if (!existsSync(join(packageFolder, 'dist', 'node-host.cjs')))
    throw new Error('dist/ is missing: run `npm run build` first');
  const folder = await mkdtemp(join(tmpdir(), 'devcluster-test-'));
  let command = bin;
  if (options.uid !== undefined) {
    await chown(folder, options.uid, options.uid);
    // The checkout may lie where that user can't read; an installed package wouldn't.
    for (const part of ['bin', 'dist', 'templates', 'package.json'])
      await cp(join(packageFolder, part), join(folder, 'package', part), { recursive: true });
    command = join(folder, 'package', 'bin', 'devcluster.js');
  }
  const stateHome = join(folder, 'state');
  const cluster = `t${process.pid}-${++counter}`;
  const environment = {
    ...process.env,
    XDG_STATE_HOME: stateHome,
    XDG_CONFIG_HOME: join(folder, 'config'),
    DEVCLUSTER_NAME: cluster,
    DEVCLUSTER_RUNTIME: 'process',
    NO_COLOR: '1',
    ...options.env,
  };
  const start: Workplace['start'] = (args, env = {}, input) => {
    const [program, ...before] = [...(options.prefix ?? []), process.execPath];
    const child = spawn(program!, [...before, command, ...args], {
      cwd: folder,
      env: { ...environment, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
    let stdout = '';
    let stderr = '';
    child.stdin?.end(input);
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    const ended = once(child, 'close').then(([code, signal]) => ({
      // A command that a signal ended before it could catch it: what a shell makes of it.
      code: (code as number | null) ?? 128 + constants.signals[signal as NodeJS.Signals],
      stdout,
      stderr,
    }));
    return { child, ended };
  };
  const run = (...args: string[]) => start(args).ended;
  return {
    stateHome,
    folder,
    cluster,
    run,
    start,
    environment,
    async json(...args) {
      const result = await run(...args, '--json');
      if (result.code !== 0)
        throw new Error(`devcluster ${args.join(' ')} ended with ${result.code}\n${result.stdout}\n${result.stderr}`);
      return JSON.parse(result.stdout);
    },
    leftovers: () => processesNaming(stateHome),
    async close() {
      await run('down');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Processes with a text in their arguments or environment: hosts and tasks carry the paths of their files. */
export function processesNaming(text: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(
      (pid) =>
        Number.isInteger(pid) &&
        pid !== process.pid &&
        ['cmdline', 'environ'].some((file) => holds(`/proc/${pid}/${file}`, text)),
    );
}

function holds(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'latin1').includes(text);
  } catch {
    return false;
  }
}
