import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { DevclusterError, systemCode } from './errors.ts';

type Address = { path: string } | { host: string; port: number };

/**
 * Runs `work` while no other process of this machine, of whichever user, holds the lock of that name.
 *
 * The holder listens on an address made from the name: the system frees it however the holder ends, so no lock is ever
 * stale, and whoever waits is connected to the holder and woken by the connection's end. On Linux the address is an
 * abstract unix socket (which, like ports, belongs to the network namespace); elsewhere a loopback port, with others
 * to turn to when a stranger has it.
 * @throws DevclusterError conflict when the lock is not free in `timeoutMs`
 */
export async function withMachineLock<T>(
  name: string,
  work: () => Promise<T>,
  options: { timeoutMs?: number; transport?: 'abstract' | 'tcp' } = {},
): Promise<T> {
  const transport = options.transport ?? (process.platform === 'linux' ? 'abstract' : 'tcp');
  const deadline = performance.now() + (options.timeoutMs ?? 10_000);
  const greeting = `devcluster-lock ${name}\n`;
  const addresses = addressesOf(name, transport);
  for (let i = 0; ; ) {
    const address = addresses[i];
    if (!address) throw held(name);
    const release = await hold(address, greeting);
    if (release) {
      try {
        return await work();
      } finally {
        release();
      }
    }
    const holder = await untilFreed(address, greeting, deadline);
    if (holder === 'stranger') i++;
    else if (performance.now() >= deadline) throw held(name);
  }
}

function held(name: string): DevclusterError {
  return new DevclusterError('conflict', 'LOCK_HELD', `another devcluster has held the lock '${name}' for too long`, {
    hint: 'Look for a devcluster process that is stopped or stuck, and end it.',
  });
}

function addressesOf(name: string, transport: 'abstract' | 'tcp'): Address[] {
  const hash = createHash('sha256').update(name).digest();
  if (transport === 'abstract') return [{ path: `\0devcluster-lock-${hash.toString('hex').slice(0, 32)}` }];
  return [0, 2, 4, 6].map((at) => ({ host: '127.0.0.1', port: 28_000 + (hash.readUInt16BE(at) % 2000) }));
}

/** @returns how to let go, or undefined when somebody else has it */
function hold(address: Address, greeting: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const waiting = new Set<Socket>();
    const server: Server = createServer((socket) => {
      waiting.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => waiting.delete(socket));
      socket.write(greeting);
    });
    server.once('error', (error) => (systemCode(error) === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen({ ...address, exclusive: true }, () =>
      resolve(() => {
        server.close();
        for (const socket of waiting) socket.destroy();
      }),
    );
  });
}

/** Waits for the end of the holder's connection; a stranger is known by not greeting in time. */
function untilFreed(address: Address, greeting: string, deadline: number): Promise<'freed' | 'stranger'> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(address);
    const finish = (result: 'freed' | 'stranger') => {
      clearTimeout(silence);
      clearTimeout(limit);
      socket.destroy();
      resolve(result);
    };
    // A holder that is stopped greets nobody; on an abstract socket it can't be a stranger all the same.
    const silence = 'port' in address ? setTimeout(() => heard || finish('stranger'), 1000) : undefined;
    const limit = setTimeout(() => finish('freed'), Math.max(0, deadline - performance.now()));
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (!greeting.startsWith(heard) && !heard.startsWith(greeting)) finish('stranger');
    });
    socket.on('error', () => {});
    socket.once('close', () => finish('freed'));
  });
}
