import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import { checkClusterName } from '../../config/names.ts';
import { ownerHere } from '../../fixture/reaper.ts';
import { runVariable } from '../../fixture/run-variable.ts';
import { newName, startLoaded } from '../../fixture/start.ts';
import { defaultArtifacts, type TestRun } from '../../fixture/test-run.ts';
import { DevclusterError, exitCodes, systemCode } from '../../support/errors.ts';
import { argumentList, type CommandContext, numberOption, textOption } from '../spec.ts';

/**
 * `run -- COMMAND…`: a cluster for the command alone. The exit code is the command's; without a command the cluster
 * lives until a signal.
 */
export async function run(context: CommandContext): Promise<number> {
  const { globals, signal, progress } = context;
  const name = checkClusterName(globals.cluster ?? newName('run'));
  const loaded = await loadConfig({
    cwd: context.cwd,
    env: context.env,
    file: globals.config,
    flags: {
      name,
      runtime: textOption(context, 'runtime'),
      engine: textOption(context, 'engine'),
      nodes: numberOption(context, 'nodes'),
      seed: textOption(context, 'seed'),
      timeout: numberOption(context, 'timeout'),
      samples: false,
    },
  });
  const cluster = await startLoaded({ loaded: forTests(loaded), env: context.env, progress, signal });
  try {
    const command = argumentList(context, 'command');
    progress.note(
      `ready: ${Object.entries(cluster.environment)
        .map(([key, value]) => `${key}=${value}`)
        .join(' ')}`,
    );
    if (command.length > 0)
      return await execute(context, command, {
        ...context.env,
        ...cluster.environment,
        [runVariable]: JSON.stringify(shared(name)),
      });
    await aborted(signal);
    return exitCodes.ok;
  } finally {
    await cluster.stop();
  }
}

/** What test files that the command runs are told, so that each has a namespace of its own. */
function shared(name: string): TestRun {
  return { workers: 'namespace', name, owner: ownerHere(), options: {}, artifacts: defaultArtifacts };
}

/** Where nothing else is said a cluster for tests is what starts fastest, as with the library. */
function forTests(loaded: LoadedConfig): LoadedConfig {
  const { runtime = 'process', engine = 'embedded' } = loaded.raw;
  return { ...loaded, config: { ...loaded.config, runtime, engine } };
}

/** Runs the command in this process's own group and terminal, and hands signals on to it. */
async function execute(
  { signal }: CommandContext,
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: 'inherit', env: { ...env } });
  const hand = () => handOn(child, signal);
  signal.addEventListener('abort', hand);
  if (signal.aborted) hand();
  try {
    const [code, ended] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (ended ? constants.signals[ended] : 0);
  } catch (error) {
    throw new DevclusterError(
      'missing',
      'COMMAND_NOT_STARTED',
      systemCode(error) === 'ENOENT' ? `There is no program '${file}'` : `'${file}' can't be run: ${String(error)}`,
      { hint: 'Give a program and its arguments behind --, or `sh -c` and a line.', cause: error },
    );
  } finally {
    signal.removeEventListener('abort', hand);
  }
}

/** Ctrl-C in a terminal reaches the command by itself, with everything else in the foreground. */
function handOn(child: ChildProcess, { reason }: AbortSignal): void {
  const details = reason instanceof DevclusterError ? (reason.details as { signal?: NodeJS.Signals }) : undefined;
  const name = details?.signal ?? 'SIGTERM';
  if (name !== 'SIGINT' || !process.stdin.isTTY) child.kill(name);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    // Waiting for a signal alone doesn't keep a process alive.
    const staying = setInterval(() => {}, 2 ** 30);
    const end = () => {
      clearInterval(staying);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
