import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { retry } from '../../src/support/retry.ts';
import { fourLetterWord, freePorts } from './real-zookeeper.ts';

export interface ServerProcess {
  readonly id: number;
  readonly port: number;
  readonly quorumPort: number;
  readonly up: boolean;
  readonly paused: boolean;
  /** Starts it on its data; resolves when the process runs. */
  start(): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Its event loop does nothing for so long; resolves when it goes on. */
  block(ms: number): Promise<void>;
  /** Forbids it to talk to these servers, and nobody else. */
  cut(others: readonly ServerProcess[]): Promise<void>;
  mode(): Promise<string | undefined>;
  /** Everything it logged. */
  log(): string;
}

export interface ProcessEnsemble {
  readonly servers: readonly ServerProcess[];
  /** Resolves when every running server serves and one leads. */
  settled(): Promise<void>;
  leader(): Promise<ServerProcess>;
  close(): Promise<void>;
}

/** Three embedded servers in processes of their own, on loopback. */
export async function startZooKeeperProcesses(
  options: { servers?: number; tickTime?: number; settings?: Record<string, string> } = {},
): Promise<ProcessEnsemble> {
  const { servers: count = 3, tickTime = 500, settings = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), 'zookeeper-processes-'));
  const program = join(folder, 'server.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('./zookeeper-child.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: program,
  });
  const ports = await freePorts(3 * count);
  const members = Array.from(
    { length: count },
    (_, i) => `server.${i + 1}=127.0.0.1:${ports[3 * i + 1]}:${ports[3 * i + 2]}`,
  );
  const servers = Array.from({ length: count }, (_, i): ServerProcess => {
    const data = join(folder, String(i + 1));
    const logFile = join(data, 'log');
    const configuration = join(data, 'zoo.cfg');
    const lines = {
      tickTime,
      initLimit: 20,
      syncLimit: 10,
      dataDir: data,
      clientPort: ports[3 * i],
      clientPortAddress: '127.0.0.1',
      maxClientCnxns: 0,
      '4lw.commands.whitelist': '*',
      ...settings,
    };
    mkdirSync(data);
    writeFileSync(join(data, 'myid'), `${i + 1}\n`);
    const own = Object.entries(lines).map(([key, value]) => `${key}=${value}`);
    writeFileSync(configuration, `${[...own, ...(count > 1 ? members : [])].join('\n')}\n`);
    let child: ChildProcess | undefined;
    let paused = false;
    const say = (line: string, answer: string) =>
      new Promise<void>((resolve) => {
        const running = child!;
        const done = () => {
          running.stdout!.removeListener('data', onData);
          running.removeListener('close', done);
          resolve();
        };
        const onData = (chunk: Buffer) => {
          if (chunk.toString().includes(answer)) done();
        };
        running.stdout!.on('data', onData);
        running.once('close', done);
        running.stdin!.write(`${line}\n`);
      });
    const server: ServerProcess = {
      id: i + 1,
      port: ports[3 * i]!,
      quorumPort: ports[3 * i + 1]!,
      get up() {
        return child !== undefined;
      },
      get paused() {
        return paused;
      },
      start() {
        const started = spawn(process.execPath, [program, configuration], { stdio: ['pipe', 'pipe', 'pipe'] });
        child = started;
        started.stderr.on('data', (chunk) => appendFileSync(logFile, chunk));
        started.stdin.on('error', () => {});
        started.once('close', (code, signal) => {
          if (signal !== 'SIGKILL') appendFileSync(logFile, `ended by itself: code ${code} signal ${signal}\n`);
          if (child === started) child = undefined;
        });
      },
      kill() {
        const running = child;
        if (!running) return Promise.resolve();
        paused = false;
        return new Promise((resolve) => {
          running.once('close', () => resolve());
          running.kill('SIGKILL');
        });
      },
      pause() {
        paused = true;
        child?.kill('SIGSTOP');
      },
      resume() {
        paused = false;
        child?.kill('SIGCONT');
      },
      block: (ms) => say(`block ${ms}`, 'unblocked'),
      cut: (others) => say(`cut ${others.map((other) => `127.0.0.1:${other.quorumPort}`).join()}`, 'cut'),
      mode: async () => /Mode: (\w+)/.exec(await fourLetterWord(ports[3 * i]!, 'srvr'))?.[1],
      log: () => readFileSync(logFile, 'utf8'),
    };
    return server;
  });
  const patience = { delayMs: 10, maxDelayMs: 100, timeoutMs: 30_000 };
  const leader = () =>
    retry(async () => {
      for (const server of servers)
        if (server.up && !server.paused && /leader|standalone/.test((await server.mode()) ?? '')) return server;
      throw new Error('no server leads');
    }, patience);
  const settled = async () => {
    await leader();
    await retry(async () => {
      for (const server of servers)
        if (server.up && !server.paused && (await server.mode()) === undefined)
          throw new Error(`server ${server.id} does not serve`);
    }, patience);
  };
  const close = async () => {
    await Promise.all(servers.map((server) => server.kill()));
    rmSync(folder, { recursive: true, force: true });
  };
  for (const server of servers) server.start();
  try {
    await settled();
  } catch (error) {
    await close();
    throw error;
  }
  return { servers, settled, leader, close };
}
