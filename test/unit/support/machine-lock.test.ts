import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { withMachineLock } from '../../../src/support/machine-lock.ts';
import { skipped } from '../../support/skipped.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const transports = process.platform === 'linux' ? (['abstract', 'tcp'] as const) : (['tcp'] as const);
let names = 0;
const freshName = () => `test ${process.pid} ${++names}`;

describe.each(transports)('the machine-wide lock (%s)', (transport) => {
  it('lets one in at a time', async () => {
    const name = freshName();
    let inside = 0;
    const most: number[] = [];
    const work = async () => {
      most.push(++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    await Promise.all(Array.from({ length: 10 }, () => withMachineLock(name, work, { transport })));
    expect(most).toEqual(Array(10).fill(1));
  });

  it('gives back what the work gives, and lets go when it throws', async () => {
    const name = freshName();
    expect(await withMachineLock(name, async () => 42, { transport })).toBe(42);
    const failing = withMachineLock(name, () => Promise.reject(new Error('no')), { transport });
    await expect(failing).rejects.toThrow('no');
    expect(await withMachineLock(name, async () => 43, { transport })).toBe(43);
  });

  it('does not hinder locks of other names', async () => {
    await withMachineLock(freshName(), () => withMachineLock(freshName(), async () => {}, { transport }), {
      transport,
    });
  });

  it('is refused at once to whoever does not want to wait, and names the holder', async () => {
    const name = freshName();
    await withMachineLock(
      name,
      async () => {
        const second = withMachineLock(name, async () => {}, { transport, timeoutMs: 0 });
        await expect(second).rejects.toMatchObject({ kind: 'conflict', details: { holder: 'up (process 7)' } });
      },
      { transport, holder: 'up (process 7)' },
    );
  });
});

const notLinux = skipped(
  process.platform === 'linux',
  'locks of killed processes and strangers',
  'only Linux has abstract sockets',
);

describe.skipIf(notLinux)('the lock of a process that was killed', () => {
  it('is free at once', async () => {
    const name = freshName();
    const script = `
      import { withMachineLock } from ${JSON.stringify(new URL('../../../src/support/machine-lock.ts', import.meta.url).href)};
      withMachineLock(${JSON.stringify(name)}, () => new Promise(() => { console.log('held'); setInterval(() => {}, 1e6); }));
    `;
    const { build } = await import('esbuild');
    const { outputFiles } = await build({
      stdin: { contents: script.replace(/file:\/\//, ''), resolveDir: '/' },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      write: false,
    });
    const child = spawn(process.execPath, ['-e', outputFiles[0]!.text], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    await once(child.stdout!, 'data');
    await expect(withMachineLock(name, async () => {}, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'LOCK_HELD' });
    const waiting = withMachineLock(name, async () => 'mine');
    child.kill('SIGKILL');
    expect(await waiting).toBe('mine');
  });
});

describe.skipIf(notLinux)('a stranger on the port of a lock', () => {
  it('is passed by', async () => {
    // Strangers are whoever listens there and does not greet as a holder does.
    const name = freshName();
    const port = await withMachineLock(name, async () => portOf(process.pid), { transport: 'tcp' });
    const stranger = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    stranger.listen(port, '127.0.0.1');
    await once(stranger, 'listening');
    try {
      expect(await withMachineLock(name, async () => 'mine', { transport: 'tcp' })).toBe('mine');
    } finally {
      stranger.close();
    }
  });
});

/** The lock's port: the one in the range of locks that this process listens on just now. */
async function portOf(pid: number): Promise<number> {
  const { listListeners } = await import('../../../src/runtime/places/listeners.ts');
  const { readdirSync, readlinkSync } = await import('node:fs');
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    }),
  );
  const lock = listListeners().find(
    ({ port, inode }) => port >= 28_000 && port < 30_000 && own.has(`socket:[${inode}]`),
  );
  return lock!.port;
}
