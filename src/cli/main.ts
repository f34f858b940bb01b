import { DevclusterError, exitCodes, systemCode } from '../support/errors.ts';
import { commands } from './commands.ts';
import { formatError, reportOf } from './errors.ts';
import { createOutput } from './output.ts';
import { parseArguments } from './parse.ts';
import { type CliProgress, createPlainProgress } from './progress.ts';
import { ownSignals } from './signals.ts';
import type { CommandContext, GlobalOptions } from './spec.ts';
import { createStyle, wantsColor } from './style.ts';

/** Runs one command line and ends the process with its exit code. The one place that catches errors. */
export async function main(argv: readonly string[]): Promise<never> {
  leaveQuietlyWhenNobodyReads();
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  let json = own.includes('--json');
  let verbose = false;
  let style = createStyle(wantsColor(process.stderr, process.env, !own.includes('--no-color')));
  let progress: CliProgress | undefined;
  let context: CommandContext | undefined;
  let exitCode: number;
  try {
    const request = parseArguments(argv, commands);
    if (request.kind === 'text') {
      await write(process.stdout, request.text);
      process.exit(exitCodes.ok);
    }
    const { globals, command } = request;
    ({ json, verbose } = globals);
    style = createStyle(wantsColor(process.stderr, process.env, globals.color));
    const shown = (progress = await createProgress(globals));
    const signal = ownSignals({
      cleansUp: command.cleansUp === true,
      onFirst: () => shown.warn('interrupted, cleaning up (again: leave at once)'),
    });
    const output = createOutput((text) => process.stdout.write(text), {
      json,
      color: wantsColor(process.stdout, process.env, globals.color),
    });
    const module = await command.load();
    const { arguments: given, options } = request;
    context = {
      arguments: given,
      options,
      globals,
      output,
      progress,
      signal,
      env: process.env,
      cwd: process.cwd(),
    };
    exitCode = (await module.run(context)) ?? exitCodes.ok;
    await progress.close();
  } catch (thrown) {
    await progress?.close();
    const error = context === undefined ? thrown : await (await import('./explain.ts')).explain(thrown, context);
    const report = reportOf(error);
    exitCode = report.exitCode;
    if (json) await write(process.stdout, `${JSON.stringify(report.document, undefined, 2)}\n`);
    if (!json || verbose) {
      const unexpected = !(error instanceof DevclusterError) && exitCode === exitCodes.unexpected;
      await write(process.stderr, formatError(error, style, verbose || unexpected));
    }
  }
  await Promise.all([write(process.stdout, ''), write(process.stderr, '')]);
  process.exit(exitCode);
}

async function createProgress(globals: GlobalOptions): Promise<CliProgress> {
  const options = {
    quiet: globals.quiet,
    verbose: globals.verbose,
    style: createStyle(wantsColor(process.stderr, process.env, globals.color)),
  };
  const toStderr = (text: string) => void process.stderr.write(text);
  // A terminal that has no width can't be drawn on.
  if (process.stderr.isTTY && process.stderr.columns > 0 && !globals.quiet && process.env.TERM !== 'dumb') {
    const { createTerminalProgress } = await import('./terminal-progress.ts');
    return createTerminalProgress(toStderr, options);
  }
  return createPlainProgress(toStderr, options);
}

/** Resolves when the text was handed to the system, or nobody can get it any more. */
function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable) resolve();
    else stream.write(text, () => resolve());
  });
}

/** `devcluster logs | head`: the reader is gone, and that is no error. */
function leaveQuietlyWhenNobodyReads(): void {
  process.stdout.on('error', (error) => {
    if (systemCode(error) === 'EPIPE') process.exit(exitCodes.ok);
    throw error;
  });
  process.stderr.on('error', () => {});
}

/** Evaluates the code that nearly every use needs: for the build, which keeps the result of compiling it. */
export async function loadAll(): Promise<void> {
  const common = ['up', 'down', 'status', 'start', 'apps', 'samples', 'logs', 'deploy', 'completion'];
  for (const command of commands) if (common.includes(command.name)) await command.load();
  parseArguments(['status', '--json'], commands);
  await import('../runtime/process/index.ts');
  await import('../apps/samples.ts');
}

// The build runs the bundle's loader by itself; users come through bin/devcluster.js.
if (process.argv[2] !== '--write-cache' || process.argv[1]?.endsWith('/devcluster.js'))
  void main(process.argv.slice(2));
