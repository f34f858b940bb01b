import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { DevclusterError, systemCode } from './errors.ts';

/** How long a holder may take to say who it is. */
const greetingMs = 300;

type Address = { path: string } | { host: string; port: number };

/**
 * Runs `work` while no other process of this machine, of whichever user, holds the lock of that name.
 *
 * The holder listens on an address made from the name: the system frees it however the holder ends, so no lock is ever
 * stale, and whoever waits is connected to the holder and woken by the connection's end. On Linux the address is an
 * abstract unix socket (which, like ports, belongs to the network namespace); elsewhere a loopback port, with others
 * to turn to when a stranger has it.
 * @param options `holder` is told to whoever finds the lock held; a `timeoutMs` of 0 doesn't wait at all
 * @throws DevclusterError conflict when the lock is not free in `timeoutMs`, with the holder in its details
 */
export async function withMachineLock<T>(
  name: string,
  work: () => Promise<T>,
  options: { timeoutMs?: number; transport?: 'abstract' | 'tcp'; holder?: string; signal?: AbortSignal } = {},
): Promise<T> {
  const transport = options.transport ?? (process.platform === 'linux' ? 'abstract' : 'tcp');
  const timeoutMs = options.timeoutMs ?? 10_000;
  const deadline = performance.now() + timeoutMs;
  const greeting = `devcluster-lock ${name}\n`;
  const addresses = addressesOf(name, transport);
  for (let i = 0; ; ) {
    const address = addresses[i];
    if (!address) throw held(name, undefined);
    options.signal?.throwIfAborted();
    const release = await hold(address, `${greeting}${(options.holder ?? '').replaceAll('\n', ' ')}\n`);
    if (release) {
      try {
        return await work();
      } finally {
        release();
      }
    }
    const found = await untilFreed(address, greeting, timeoutMs === 0 ? undefined : deadline, options.signal);
    if (found.state === 'stranger') i++;
    else if (found.state === 'held') throw held(name, found.holder);
  }
}

function held(name: string, holder: string | undefined): DevclusterError {
  const who = holder ? ` (${holder})` : '';
  return new DevclusterError('conflict', 'LOCK_HELD', `another devcluster${who} holds the lock '${name}'`, {
    hint: 'Wait for it; if it is stopped or stuck, end it.',
    details: { lock: name, ...(holder ? { holder } : {}) },
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

/**
 * Waits for the end of the holder's connection; a stranger is known by not greeting in time.
 * @param deadline undefined: only until the holder said who it is
 */
function untilFreed(
  address: Address,
  greeting: string,
  deadline: number | undefined,
  signal: AbortSignal | undefined,
): Promise<{ state: 'freed' | 'stranger' } | { state: 'held'; holder: string | undefined }> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(address);
    const finish = (state: 'freed' | 'stranger' | 'held') => {
      clearTimeout(silence);
      clearTimeout(limit);
      signal?.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(
        state === 'held' ? { state, holder: heard.slice(greeting.length).split('\n')[0] || undefined } : { state },
      );
    };
    const onAbort = () => finish('freed');
    signal?.addEventListener('abort', onAbort);
    // A holder that is stopped greets nobody; on an abstract socket it can't be a stranger all the same.
    const silence = 'port' in address ? setTimeout(() => heard || finish('stranger'), 1000) : undefined;
    const waitMs = deadline === undefined ? greetingMs : Math.max(0, deadline - performance.now());
    const limit = setTimeout(() => finish('held'), waitMs);
    socket.on('data', (chunk) => {
      heard += chunk.toString('utf8');
      if (!greeting.startsWith(heard) && !heard.startsWith(greeting)) finish('stranger');
      else if (deadline === undefined && heard.length > greeting.length && heard.endsWith('\n')) finish('held');
    });
    socket.on('error', () => {});
    socket.once('close', () => finish('freed'));
  });
}
