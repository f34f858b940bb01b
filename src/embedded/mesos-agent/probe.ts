import { spawn } from 'node:child_process';
import type { CommandInfo } from '../../protocols/mesos/types.ts';
import type { Clock } from '../../support/clock.ts';
import { systemCode } from '../../support/errors.ts';
import { httpCall } from '../../support/http-client.ts';
import type { Network } from '../../support/network.ts';
import { signalPid } from '../../support/process.ts';
import type { Environment } from './environment.ts';

/** What a check looks at. */
export type ProbeTarget =
  | { kind: 'command'; command: CommandInfo; environment: Environment; directory: string }
  | { kind: 'http'; scheme: string; port: number; path: string }
  | { kind: 'tcp'; port: number };

/** What was seen. */
export type ProbeResult =
  | { kind: 'command'; exitCode: number }
  | { kind: 'http'; statusCode: number }
  | { kind: 'tcp'; connected: boolean };

export interface Prober {
  /** Looks once. @throws when nothing could be seen: no answer in time, no connection for HTTP, the signal aborted */
  probe(target: ProbeTarget, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult>;
}

/** Code of errors that tell of this node, not of the task: it is off the network by which it reaches its containers. */
export const offNetwork = 'ENETUNREACH';

export interface ProberOptions {
  /** Where a task may listen, tried in this order: the next one when nothing listens on the one before. */
  hosts: readonly string[];
  network: Network;
  clock: Clock;
  /** Runs a check's command; by itself the prober starts a process of the agent's. @returns the exit code */
  run?: (command: CommandInfo, signal: AbortSignal) => Promise<number>;
}

export function createProber({ hosts, network, clock, run }: ProberOptions): Prober {
  const onHosts = async <T>(attempt: (host: string) => Promise<T>): Promise<T> => {
    const last = hosts.at(-1);
    if (last === undefined) throw new Error('the task has no address that its node reaches');
    for (const host of hosts.slice(0, -1)) {
      try {
        return await attempt(host);
      } catch (error) {
        if (systemCode(error) !== 'ECONNREFUSED') throw error;
      }
    }
    return attempt(last);
  };

  const http = async (target: ProbeTarget & { kind: 'http' }, signal: AbortSignal): Promise<ProbeResult> =>
    onHosts(async (host) => {
      const path = target.path.startsWith('/') ? target.path : `/${target.path}`;
      const reply = await httpCall(`${target.scheme}://${host}:${target.port}${path}`, {
        // A connection that is kept would go on answering for a server that listens no more.
        headers: { Connection: 'close', 'User-Agent': 'devcluster', Accept: '*/*' },
        agent: network.httpAgent,
        maxRedirects: 20,
        verifyTls: false,
        signal,
      });
      return { kind: 'http', statusCode: reply.status };
    });

  const tcp = (port: number, signal: AbortSignal): Promise<ProbeResult> =>
    onHosts(
      (host) =>
        new Promise<ProbeResult>((resolve, reject) => {
          const socket = network.connect(port, host);
          const abort = () => socket.destroy(signal.reason as Error);
          signal.addEventListener('abort', abort, { once: true });
          socket.once('connect', () => {
            resolve({ kind: 'tcp', connected: true });
            socket.destroy();
          });
          socket.once('error', reject);
          socket.once('close', () => signal.removeEventListener('abort', abort));
        }),
    ).catch((error) => {
      if (signal.aborted || systemCode(error) === offNetwork) throw error;
      return { kind: 'tcp', connected: false };
    });

  return {
    async probe(target, timeoutMs, signal) {
      const late = new AbortController();
      const cancel = clock.after(timeoutMs, () => late.abort(new Error(`no result in ${timeoutMs} ms`)));
      const both = AbortSignal.any([signal, late.signal]);
      try {
        if (target.kind === 'http') return await http(target, both);
        if (target.kind === 'tcp') return await tcp(target.port, both);
        if (run) return { kind: 'command', exitCode: await run(target.command, both) };
        return await runCommand(target, both);
      } catch (error) {
        throw both.aborted ? both.reason : error;
      } finally {
        cancel();
      }
    },
  };
}

/** Runs a check's command in the task's sandbox and environment; when the time is up all it started is killed. */
function runCommand(target: ProbeTarget & { kind: 'command' }, signal: AbortSignal): Promise<ProbeResult> {
  const { command, environment, directory } = target;
  const [file, ...args] = commandLine(command);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const child = spawn(file, args, { cwd: directory, env: environment, detached: true, stdio: 'ignore' });
    const abort = () => {
      if (child.pid !== undefined) signalPid(-child.pid, 'SIGKILL');
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    const done = () => signal.removeEventListener('abort', abort);
    child.once('error', (error) => {
      done();
      reject(error);
    });
    child.once('exit', (code) => {
      done();
      resolve({ kind: 'command', exitCode: code ?? 255 });
    });
  });
}

/** Program and arguments of a command: by the shell unless it says otherwise. */
export function commandLine(command: CommandInfo): [string, ...string[]] {
  if (command.shell !== false) return ['/bin/sh', '-c', command.value ?? ''];
  // The first of `arguments` is what the program sees as its own name.
  return [command.value ?? '', ...(command.arguments ?? []).slice(1)];
}
