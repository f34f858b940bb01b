import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, statfs } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpCall } from '../../src/support/http-client.ts';
import { sleep } from '../../src/support/retry.ts';

/** An engine of a test's own, which it may restart: with its own folders, and in a network of its own. */
export interface OwnEngine {
  socketPath: string;
  /** Comes before commands that are to run in the engine's network. */
  prefix: readonly string[];
  /** Ends the engine as the system does when it is upgraded. */
  stop(): Promise<void>;
  /** Starts it unless it runs. */
  start(...flags: string[]): Promise<void>;
  /** Ends the engine as a crash does: containers are left alone. */
  kill(): Promise<void>;
  /** The engine takes requests and answers none, until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Leaves so much room in the engine's folder, if that is a file system of its own. */
  fillDisk(leaveMegabytes: number): Promise<void>;
  emptyDisk(): Promise<void>;
  /** Makes a server of this machine reachable in the engine's network. @returns where */
  forward(host: string): Promise<string>;
  close(): Promise<void>;
}

/** Why there can't be one here; undefined when there can. */
export function whyNoOwnEngine(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'an engine of its own needs root on Linux';
  for (const [program, ...args] of [
    ['dockerd', '--version'],
    ['ip', '-V'],
    ['unshare', '--net', 'ip', 'link', 'set', 'lo', 'up'],
  ])
    try {
      execFileSync(program!, args, { stdio: 'ignore' });
    } catch {
      return `${program} ${args.join(' ')} does not work here`;
    }
  return undefined;
}

/** @param options.diskMegabytes gives its folder a file system of its own, of that size */
export async function startOwnEngine(options: { diskMegabytes?: number } = {}): Promise<OwnEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'devcluster-engine-'));
  const data = join(folder, 'data');
  await mkdir(data);
  if (options.diskMegabytes !== undefined)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${options.diskMegabytes}m`, 'tmpfs', data]);
  const closing: (() => unknown)[] = [];
  // It keeps the network while there is no engine.
  const keeper = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo up && exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(keeper.stdout, 'data');
  const prefix = ['nsenter', `--net=/proc/${keeper.pid}/ns/net`];
  const socketPath = join(folder, 'docker.sock');
  let daemon: ChildProcess | undefined;

  const answers = () =>
    httpCall('http://docker/_ping', { socketPath, timeoutMs: 2000 }).then(
      ({ status }) => status === 200,
      () => false,
    );
  const stop = async () => {
    if (!daemon || daemon.exitCode !== null) return;
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
    daemon = undefined;
  };
  const pidIn = (file: string) => readFile(join(folder, file), 'utf8').then(Number);
  return {
    socketPath,
    prefix,
    stop,
    async kill() {
      const own = daemon;
      if (!own || own.exitCode !== null) return;
      // It would outlive the engine, and stand in the way of the next.
      const containerd = await pidIn('exec/containerd/containerd.pid');
      process.kill(own.pid!, 'SIGKILL');
      if (own.exitCode === null && own.signalCode === null) await once(own, 'exit');
      process.kill(containerd, 'SIGKILL');
      await Promise.all(
        ['pid', 'exec/containerd/containerd.pid'].map((file) => rm(join(folder, file), { force: true })),
      );
      daemon = undefined;
    },
    freeze: () => void daemon?.kill('SIGSTOP'),
    thaw: () => void daemon?.kill('SIGCONT'),
    async fillDisk(leaveMegabytes) {
      const { bavail, bsize } = await statfs(data);
      const take = bavail * bsize - leaveMegabytes * 1e6;
      if (take > 0) execFileSync('fallocate', ['--length', String(Math.floor(take)), join(data, 'filler')]);
    },
    emptyDisk: () => rm(join(data, 'filler'), { force: true }),
    async forward(host) {
      const [address = '', port = ''] = host.split(':');
      const path = join(folder, `forward-${port}.sock`);
      const near = createServer((socket) => joined(socket, connect(Number(port), address))).listen(path);
      await once(near, 'listening');
      closing.push(() => near.close());
      const program = `const net = require('node:net');
        const server = net.createServer((one) => {
          const other = net.connect(process.argv[1]);
          for (const [from, to] of [[one, other], [other, one]]) from.on('error', () => to.destroy()).pipe(to);
        }).listen(0, '127.0.0.1', () => console.log(server.address().port));`;
      const [nsenter, ...inside] = [...prefix, process.execPath, '-e', program, path];
      const far = spawn(nsenter!, inside, { stdio: ['ignore', 'pipe', 'ignore'] });
      closing.push(() => far.kill());
      const [line] = await once(far.stdout, 'data');
      return `127.0.0.1:${String(line).trim()}`;
    },
    async start(...flags) {
      if (daemon) return;
      const log = join(folder, 'log');
      const options = [
        ...['--data-root', data, '--exec-root', join(folder, 'exec')],
        ...['--pidfile', join(folder, 'pid'), '--host', `unix://${socketPath}`, ...flags],
      ];
      const own = spawn('sh', ['-c', `exec "$@" >>"$0" 2>&1`, log, ...prefix, 'dockerd', ...options], {
        stdio: 'ignore',
      });
      daemon = own;
      while (!(await answers())) {
        if (own.exitCode !== null)
          throw new Error(`the engine has ended: ${(await readFile(log, 'utf8')).slice(-2000)}`);
        await sleep(50);
      }
    },
    async close() {
      await stop();
      for (const end of closing) end();
      keeper.kill();
      // The engine leaves the mount behind that it made of its folder.
      while (spawnSync('umount', ['--lazy', data], { stdio: 'ignore' }).status === 0);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function joined(one: Socket, other: Socket): void {
  one.on('error', () => other.destroy()).pipe(other);
  other.on('error', () => one.destroy()).pipe(one);
}
