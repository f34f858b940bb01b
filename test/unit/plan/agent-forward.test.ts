import { execFileSync, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentDocker } from '../../../src/plan/real-agent.ts';
import { findProgram, shells } from '../../support/shells.ts';
import { skipped } from '../../support/skipped.ts';

/** A docker command whose container runs until a line tells it to end. */
const docker = `#!/bin/sh
case $1 in
  version) echo 1.41 ;;
  run) trap 'exit 143' TERM; echo running; while kill -0 "$PPID" && ! [ -e "$FOLDER/end" ]; do sleep 0.02; done; exit 7 ;;
esac
`;

let folder: string;
const cleanups: (() => void)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-forward-'));
  writeFileSync(join(folder, 'docker'), docker, { mode: 0o755 });
  const values = { cluster: 'c', node: 'node-1', network: 'devcluster-c', holder: 'h', nameservers: [] };
  writeFileSync(join(folder, 'wrapper'), agentDocker(values));
});
afterEach(() => {
  writeFileSync(join(folder, 'end'), '');
  for (const cleanup of cleanups.splice(0)) cleanup();
  rmSync(folder, { recursive: true, force: true });
});

const tools = ['perl', 'socat'].filter((name) => findProgram(name) !== undefined);
const ways = tools.flatMap((tool) => shells.map((shell) => ({ tool, shell, name: `${tool} (${shell.name})` })));

describe.skipIf(skipped(ways.length > 0, 'tests of forwarded ports', 'neither perl nor socat')).each(ways)(
  'ports of real agents, forwarded by $name',
  ({ tool, shell }) => {
    /** Starts a task whose container is this machine; resolves when it runs. */
    const run = async (...mappings: string[]) => {
      // Nothing but what is needed, so that it is this tool that forwards.
      const path = join(folder, 'bin');
      execFileSync('mkdir', ['-p', path]);
      for (const name of ['sh', 'rm', 'mv', 'mkfifo', 'sleep', 'cat', 'setsid', tool])
        execFileSync('ln', ['-sf', findProgram(name) ?? '', join(path, name)]);
      const [program, ...words] = shell.command;
      const ports = mappings.flatMap((mapping) => ['-p', mapping]);
      const args = ['run', '--net', 'bridge', ...ports, '--name', 'localhost', 'image:1'];
      const env = { PATH: path, FOLDER: folder, DEVCLUSTER_DOCKER_CLI: join(folder, 'docker') };
      const child = spawn(program, [...words, join(folder, 'wrapper'), ...args], {
        env: { ...env, DEVCLUSTER_DOCKER_STATE: join(folder, 'state') },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      cleanups.push(() => void child.kill('SIGKILL'));
      let said = '';
      child.stderr.on('data', (chunk) => {
        said += chunk;
      });
      const output = once(child.stdout, 'data');
      const ended = once(child, 'close');
      const started = await Promise.race([output.then(() => true), ended.then(() => false)]);
      return { child, started, ended, said: () => said };
    };
    /** Both by IPv4: the container has no other address either. */
    const isOpen = (port: number) =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.destroy();
          resolve(true);
        });
        socket.once('error', () => resolve(false));
      });
    const soon = { timeout: 10_000, interval: 20 };

    it('carry connections both ways, whole, until either side ends', async () => {
      const task = await listening(
        createServer({ allowHalfOpen: true }, (socket) => {
          const chunks: Buffer[] = [];
          socket.on('data', (chunk) => chunks.push(chunk));
          socket.on('end', () => socket.end(Buffer.concat([Buffer.from('got '), ...chunks])));
        }),
      );
      const port = await freePort();
      await run(`${port}:${portOf(task)}/tcp`);
      const text = 'x'.repeat(300_000);
      await expect
        .poll(async () => {
          const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
          const chunks: Buffer[] = [];
          socket.on('data', (chunk) => chunks.push(chunk));
          socket.end(text);
          await once(socket, 'close').catch(() => {});
          return Buffer.concat(chunks).toString().replace(text, 'all');
        }, soon)
        .toBe('got all');
    });

    it('carry datagrams, and answers to whoever asked', async () => {
      const asked = new Set<number>();
      const task = await bound();
      task.on('message', (text, { port, address }) => {
        asked.add(port);
        task.send(`${text}!`, port, address);
      });
      const port = await freePort();
      await run(`${port}:${task.address().port}/udp`);
      const [one, other] = [await bound(), await bound()];
      const ask = (from: Socket, text: string) =>
        expect
          .poll(async () => {
            const answer = once(from, 'message');
            from.send(text, port, '127.0.0.1');
            return Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 500, []))]).then((found) =>
              String((found as unknown[])[0]),
            );
          }, soon)
          .toBe(`${text}!`);
      await Promise.all([ask(one, 'one'), ask(other, 'other')]);
      await ask(one, 'again');
      // To the task each is somebody else, and remains the same.
      expect(asked.size).toBe(2);
    });

    it('are closed when the task has ended, with all connections', async () => {
      const task = await listening(createServer(() => {}));
      const port = await freePort();
      const { ended } = await run(`${port}:${portOf(task)}/tcp`);
      await expect.poll(() => isOpen(port), soon).toBe(true);
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      const closed = once(socket, 'close').catch(() => []);
      socket.on('error', () => {});
      writeFileSync(join(folder, 'end'), '');
      expect((await ended)[0]).toBe(7);
      await closed;
      await expect.poll(() => isOpen(port), soon).toBe(false);
    });

    it('are closed when the docker command is killed', async () => {
      const port = await freePort();
      const { child, ended } = await run(`${port}:1/tcp`, `${await freePort()}:1/udp`);
      await expect.poll(() => isOpen(port), soon).toBe(true);
      child.kill('SIGKILL');
      await ended;
      await expect.poll(() => isOpen(port), soon).toBe(false);
    });

    const silent = skipped(tool === 'perl', `a port that another has, with ${tool}`, 'socat does not end for it');
    it.skipIf(silent)('that another has fail the task, with the reason', async () => {
      const other = await listening(createServer(() => {}));
      const { started, ended, said } = await run(`${portOf(other)}:1/tcp`);
      expect(started).toBe(false);
      expect((await ended)[0]).toBe(125);
      expect(said()).toContain(`port ${portOf(other)} (tcp) of this node: Address already in use`);
    });
  },
);

async function listening(server: Server): Promise<Server> {
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  cleanups.push(() => void server.close());
  return server;
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanups.push(() => void socket.close());
  return socket;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

/** One that the system gives to nobody who asks for any. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(port);
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
}
