import { Agent } from 'node:https';
import { connect as connectTls } from 'node:tls';
import { messageOf, systemCode } from '../../../support/errors.ts';
import { httpStream } from '../../../support/http-client.ts';
import type { Network } from '../../../support/network.ts';

/** What a task answered: a status with the start of its body, or why there is none. */
export type HttpProbe =
  | { answered: true; status: number; contentType: string; body: string }
  | { answered: false; cause: string };

export interface Prober {
  /** One GET; redirects are not followed, certificates are not checked. Never throws. */
  http(url: string, timeoutMs: number, bodyBytes?: number): Promise<HttpProbe>;
  /** @returns undefined when the connection was accepted, else why not. Never throws. */
  tcp(host: string, port: number, timeoutMs: number): Promise<string | undefined>;
  close(): void;
}

/** Probes tasks over the node's own network. */
export function createProber(network: Network): Prober {
  const tlsAgent = new Agent({ keepAlive: false, rejectUnauthorized: false });
  (tlsAgent as unknown as { createConnection(o: { port: number; host: string }): unknown }).createConnection = (o) =>
    connectTls({ socket: network.connect(o.port, o.host), rejectUnauthorized: false });
  return {
    async http(url, timeoutMs, bodyBytes = 0) {
      let information: number | undefined;
      try {
        const response = await httpStream(url, {
          headers: { Accept: '*/*', 'User-Agent': 'marathon', Connection: 'close' },
          timeoutMs,
          verifyTls: false,
          onInformation: (status) => {
            information = status;
          },
          agent: url.startsWith('https:') ? tlsAgent : network.httpAgent,
        });
        const text = bodyBytes > 0 ? await readUpTo(response, bodyBytes) : '';
        response.destroy();
        return {
          answered: true,
          status: response.statusCode ?? 0,
          contentType: String(response.headers['content-type'] ?? ''),
          body: text,
        };
      } catch (error) {
        // A server that never gets beyond this has answered all the same.
        if (information !== undefined) return { answered: true, status: information, contentType: '', body: '' };
        return { answered: false, cause: causeOf(error, timeoutMs) };
      }
    },
    tcp: (host, port, timeoutMs) =>
      new Promise((resolve) => {
        const socket = network.connect(port, host);
        const timer = setTimeout(() => finish(`no connection in ${timeoutMs} ms`), timeoutMs);
        const finish = (cause: string | undefined) => {
          clearTimeout(timer);
          socket.destroy();
          resolve(cause);
        };
        socket.once('connect', () => finish(undefined));
        socket.once('error', (error) => finish(causeOf(error, timeoutMs)));
      }),
    close: () => tlsAgent.destroy(),
  };
}

async function readUpTo(stream: AsyncIterable<unknown>, bytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size >= bytes) break;
  }
  return Buffer.concat(chunks).subarray(0, bytes).toString('utf8');
}

function causeOf(error: unknown, timeoutMs: number): string {
  switch (systemCode(error)) {
    case 'ECONNREFUSED':
      return 'Connection refused';
    case 'ETIMEDOUT':
      return `Timeout: no answer in ${timeoutMs} ms`;
    default:
      return messageOf(error);
  }
}
