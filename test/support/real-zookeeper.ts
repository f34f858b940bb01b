import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { retry } from '../../src/support/retry.ts';

/** Where Debian's packages and ZOOKEEPER_HOME keep the jars. */
function classPath(): string | undefined {
  const folders = [process.env.ZOOKEEPER_HOME && join(process.env.ZOOKEEPER_HOME, 'lib'), '/usr/share/java'];
  for (const folder of folders)
    if (folder && existsSync(folder) && readdirSync(folder).some((name) => /^zookeeper-3.*\.jar$/.test(name)))
      return join(folder, '*');
  return undefined;
}

/** Why the real ZooKeeper can't run here, or undefined when it can. */
export function realZooKeeperMissing(): string | undefined {
  if (spawnSync('java', ['-version'], { stdio: 'ignore' }).status !== 0) return 'there is no java';
  return classPath() === undefined ? 'there are no jars of ZooKeeper in /usr/share/java or ZOOKEEPER_HOME' : undefined;
}

export interface RealServer {
  port: number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same data; resolves when it serves. */
  restart(): Promise<void>;
}

export interface RealEnsemble {
  /** `127.0.0.1:port,…`. */
  connect: string;
  servers: RealServer[];
  close(): Promise<void>;
}

/** Starts real ZooKeeper servers on loopback; resolves when all of them serve. */
export async function startRealZooKeeper(
  options: {
    servers?: 1 | 3;
    tickTime?: number;
    settings?: Record<string, string>;
    /** System properties: what zoo.cfg can't say. */
    properties?: Record<string, string>;
  } = {},
): Promise<RealEnsemble> {
  const { servers: count = 1, tickTime = 500, settings = {}, properties = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), 'real-zookeeper-'));
  const ports = await freePorts(3 * count);
  const children = new Map<number, ChildProcess>();
  const lines = {
    tickTime,
    initLimit: 20,
    syncLimit: 10,
    clientPortAddress: '127.0.0.1',
    'admin.enableServer': 'false',
    '4lw.commands.whitelist': '*',
    maxClientCnxns: 0,
    extendedTypesEnabled: 'true',
    ...settings,
    ...(count === 1
      ? {}
      : Object.fromEntries(
          Array.from({ length: count }, (_, i) => [
            `server.${i + 1}`,
            `127.0.0.1:${ports[3 * i + 1]}:${ports[3 * i + 2]}`,
          ]),
        )),
  };
  const launch = (i: number) => {
    const configuration = join(folder, String(i), 'zoo.cfg');
    const child = spawn(
      'java',
      [
        '-Xmx256m',
        '-Dzookeeper.extendedTypesEnabled=true',
        ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
        '-cp',
        classPath() ?? '',
        'org.apache.zookeeper.server.quorum.QuorumPeerMain',
        configuration,
      ],
      { stdio: 'ignore' },
    );
    children.set(i, child);
    return retry(
      async () => {
        const text = await fourLetterWord(ports[3 * i]!, 'srvr');
        if (!/Mode: (leader|follower|standalone)/.test(text)) throw new Error('not serving yet');
      },
      { delayMs: 20, maxDelayMs: 50, timeoutMs: 40_000 },
    );
  };
  const end = (i: number) => {
    const child = children.get(i);
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      child.kill('SIGKILL');
    });
  };
  for (let i = 0; i < count; i++) {
    const data = join(folder, String(i));
    mkdirSync(data);
    writeFileSync(join(data, 'myid'), `${i + 1}\n`);
    const all = { ...lines, dataDir: data, clientPort: ports[3 * i] };
    writeFileSync(
      join(data, 'zoo.cfg'),
      `${Object.entries(all)
        .map(([key, value]) => `${key}=${value}`)
        .join('\n')}\n`,
    );
  }
  const close = async () => {
    await Promise.all([...children.keys()].map(end));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(Array.from({ length: count }, (_, i) => launch(i)));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    connect: Array.from({ length: count }, (_, i) => `127.0.0.1:${ports[3 * i]}`).join(','),
    servers: Array.from({ length: count }, (_, i) => ({
      port: ports[3 * i]!,
      kill: () => end(i),
      pause: () => void children.get(i)?.kill('SIGSTOP'),
      resume: () => void children.get(i)?.kill('SIGCONT'),
      restart: async () => {
        await end(i);
        await launch(i);
      },
    })),
    close,
  };
}

/** What a server answers to an admin word; '' when it doesn't. */
export function fourLetterWord(port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(word));
    socket
      // A real server may take a connection just before it serves, and never answer it.
      .setTimeout(1000, () => socket.destroy())
      .on('data', (chunk) => {
        text += chunk;
      })
      .on('error', () => resolve(''))
      .on('close', () => resolve(text));
  });
}

/**
 * Ports nobody listens on at the moment, below the range from which the system takes the ports of outgoing connections:
 * there one that is free now may be taken a moment later.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if (!ports.includes(port) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
