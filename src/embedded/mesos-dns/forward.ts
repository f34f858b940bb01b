import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import type { Logger } from '../../support/logger.ts';
import type { Network } from '../../support/network.ts';
import { createStreamSplitter, frameMessage } from './stream.ts';

export type Transport = 'udp' | 'tcp';

export interface Resolver {
  host: string;
  port: number;
}

export interface ForwarderOptions {
  network: Network;
  clock: Clock;
  log: Logger;
  /** For one exchange with one resolver, milliseconds. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** Asks resolvers one after the other, by the transport the question came by. @returns undefined when all fail */
export type Forwarder = (
  message: Buffer,
  resolvers: readonly Resolver[],
  transport: Transport,
) => Promise<Buffer | undefined>;

// Each UDP exchange has a socket of its own; a burst of questions must not use up all file descriptors.
const maxExchanges = 256;

export function createForwarder(options: ForwarderOptions): Forwarder {
  let running = 0;
  return async (message, resolvers, transport) => {
    if (running >= maxExchanges) return undefined;
    running++;
    try {
      for (const resolver of resolvers) {
        if (options.signal.aborted) return undefined;
        try {
          return await exchange(options, message, resolver, transport);
        } catch (error) {
          options.log.debug('a resolver did not answer', { resolver: resolver.host, error: messageOf(error) });
        }
      }
      return undefined;
    } finally {
      running--;
    }
  };
}

/** One question, with an id that nobody can guess, to one resolver. */
function exchange(
  options: ForwarderOptions,
  message: Buffer,
  resolver: Resolver,
  transport: Transport,
): Promise<Buffer> {
  const { network, clock, timeoutMs, signal } = options;
  const question = Buffer.from(message);
  const id = randomInt(0x10000);
  question.writeUInt16BE(id, 0);
  return new Promise((resolve, reject) => {
    let close = () => {};
    const settle = (finish: () => void) => {
      cancel();
      signal.removeEventListener('abort', onAbort);
      close();
      finish();
    };
    const fail = (error: Error) => settle(() => reject(error));
    const onAbort = () => fail(new Error('stopping'));
    const onReply = (reply: Buffer) => {
      if (reply.length < 12 || reply.readUInt16BE(0) !== id) return;
      const answer = Buffer.from(reply);
      message.copy(answer, 0, 0, 2);
      settle(() => resolve(answer));
    };
    const cancel = clock.after(timeoutMs, () => fail(new Error(`no answer in ${timeoutMs} ms`)));
    signal.addEventListener('abort', onAbort, { once: true });
    if (transport === 'tcp') {
      const socket = network.connect(resolver.port, resolver.host);
      close = () => socket.destroy();
      socket.on('connect', () => socket.write(frameMessage(question)));
      socket.on('data', createStreamSplitter(onReply));
      socket.on('error', fail);
      socket.on('close', () => fail(new Error('the resolver hung up')));
      return;
    }
    if (network.isCut(resolver.port, resolver.host)) return fail(new Error('cut off'));
    const socket = createSocket(isIPv6(resolver.host) ? 'udp6' : 'udp4');
    let open = true;
    close = () => {
      if (open) socket.close();
      open = false;
    };
    socket.on('error', fail);
    socket.on('message', onReply);
    // A connected socket hears of a port that nobody listens on, and takes answers from this resolver only.
    socket.connect(resolver.port, resolver.host, () => {
      if (open) socket.send(question, (error) => error && fail(error));
    });
  });
}
