import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { HostedProgram } from '../../protocols/control.ts';
import { fourLetterWord, serverMode } from '../../protocols/zookeeper/four-letter-word.ts';
import type { Clock } from '../../support/clock.ts';
import type { Network } from '../../support/network.ts';
import { retry } from '../../support/retry.ts';
import type { ServiceExit, StartService } from '../service.ts';

/** From SIGTERM to SIGKILL; shorter than the supervisor waits for any service. */
const graceMs = 3_000;
/** A server that has taken a connection but serves nobody yet may never answer it. */
const answerMs = 1_000;
/** Of so many of its last lines one may say why the program ended: a stack of Java's is some thirty lines. */
const lastLines = 60;
/** What a program writes without a line's end is written in pieces of this length. */
const longestLine = 64 << 10;

/**
 * How to run a real program as one of the node's services: as a child in the host's own process group, so that it
 * belongs to the node whatever happens, and with nothing but the service's own variables.
 * @param write takes whole lines of the program's output, for the service's log file
 */
export function programStart(program: HostedProgram, write: (line: string) => void): StartService {
  return async ({ argv, env, log, clock, network }) => {
    const [file, ...before] = program.command;
    const child = spawn(file, [...before, ...argv], { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    // Without this the program would outlive a host that ends because of an error.
    const endWithHost = () => void child.kill('SIGKILL');
    process.on('exit', endWithHost);
    const ended = once(child, 'close').then(
      () => {},
      () => {},
    );
    void ended.then(() => process.off('exit', endWithHost));
    const last: string[] = [];
    const keep = (line: string) => {
      last.push(line);
      if (last.length > lastLines) last.shift();
      write(`${timed(line, clock)}\n`);
    };
    readLines(child.stdout, keep);
    readLines(child.stderr, keep);
    await once(child, 'spawn');
    log.info('the program runs', { pid: child.pid, program: file });

    const over = new AbortController();
    void ended.then(() => over.abort());
    const ready = untilServing(program, network, over.signal);
    // Nobody may be listening any more when the program ends before it served.
    ready.catch(() => {});
    let stopping: Promise<void> | undefined;
    return {
      ready,
      exited: new Promise<ServiceExit>((resolve) => {
        void ended.then(() => {
          if (!stopping) resolve(exitOf(child, last));
        });
      }),
      stop() {
        over.abort();
        stopping ??= end(child, ended, clock);
        return stopping;
      },
    };
  };
}

async function untilServing({ srvr }: HostedProgram, network: Network, signal: AbortSignal): Promise<void> {
  await retry(
    async () => {
      const answer = await fourLetterWord('srvr', network.connect(srvr.port, srvr.host), answerMs);
      if (serverMode(answer) === undefined) throw new Error('it has not joined a quorum');
    },
    { delayMs: 50, maxDelayMs: 200, signal },
  );
}

async function end(child: ChildProcess, ended: Promise<void>, clock: Clock): Promise<void> {
  child.kill('SIGTERM');
  const cancel = clock.after(graceMs, () => void child.kill('SIGKILL'));
  await ended;
  cancel();
}

function exitOf({ exitCode, signalCode }: ChildProcess, last: readonly string[]): ServiceExit {
  const how = signalCode ? `was ended by ${signalCode}` : `ended with code ${exitCode ?? 1}`;
  const complaint = signalCode ? undefined : complaintIn(last);
  return { code: exitCode ?? 1, reason: `the program ${how}${complaint ? `: ${complaint}` : ''}` };
}

/** An exception says more than that there was an error. */
export function complaintIn(lines: readonly string[]): string | undefined {
  return (
    lines.findLast((line) => /^(Caused by: )?[\w.$]+(Exception|Error)\b/.test(line)) ??
    lines.findLast((line) => /\b(ERROR|FATAL|Error)\b/.test(line))
  )?.trim();
}

/** The line with the time it came, unless it begins with one as our own logs do. */
function timed(line: string, clock: Clock): string {
  return /^\d{4}-\d{2}-\d{2}T[\d:.]+Z /.test(line) ? line : `${new Date(clock.now()).toISOString()} ${line}`;
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    if (rest.length < longestLine) return;
    onLine(rest);
    rest = '';
  });
  stream.on('error', () => {});
  stream.on('close', () => {
    if (rest) onLine(rest);
  });
}
