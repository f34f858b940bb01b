import { pipeline } from 'node:stream';
import { messageOf, systemCode } from '../../../support/errors.ts';
import { httpStream } from '../../../support/http-client.ts';
import { type HttpAnswer, type HttpHandler, handled } from '../../../support/http-server.ts';
import type { Network } from '../../../support/network.ts';

/** Who leads, as this instance knows it. */
export type LeaderView =
  /** This instance leads and its state is loaded. */
  | { kind: 'self' }
  /** This instance is elected and still loads, or nobody is known to lead. */
  | { kind: 'pending' }
  | { kind: 'other'; hostPort: string };

export interface Leadership {
  view(): LeaderView;
  /** Resolves at the next change of `view`, or after `timeoutMs`. */
  changed(timeoutMs: number): Promise<void>;
}

export interface ProxyOptions {
  /** `host:port` of this instance. */
  self: string;
  leadership: Leadership;
  network: Network;
  readTimeoutMs: number;
  monotonic: () => number;
  /** How long a request waits for a leader; Marathon asks 11 times, 250 ms apart. */
  waitMs?: number;
}

const viaHeader = 'X-Marathon-Via';

/**
 * What an instance that does not lead answers: the leader's answer, for every path; only event streams are redirected.
 * @returns a filter that lets requests through (undefined) when this instance leads and is ready
 */
export function createLeaderProxy(
  options: ProxyOptions,
): (...args: Parameters<HttpHandler>) => Promise<HttpAnswer | typeof handled | undefined> {
  const { self, leadership, network } = options;
  const via = `1.1 ${self}`;
  return async (request, response) => {
    let view = leadership.view();
    if (view.kind === 'self') return undefined;
    const deadline = options.monotonic() + (options.waitMs ?? 2750);
    while (view.kind === 'pending') {
      const left = deadline - options.monotonic();
      if (left <= 0) return { status: 502, body: { message: 'Could not determine the current leader' } };
      await leadership.changed(left);
      view = leadership.view();
    }
    if (view.kind === 'self') return undefined;
    const target = `http://${view.hostPort}${request.url}`;
    if (request.path.startsWith('/v2/events')) return { status: 302, headers: { Location: target } };
    const passed = header(request.headers['x-marathon-via']);
    if (passed?.split(',').some((hop) => hop.trim() === via))
      return { status: 502, body: { message: 'Detected proxying loop.' } };

    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers))
      if (value !== undefined && !dropped.has(name)) headers[name] = Array.isArray(value) ? value.join(', ') : value;
    headers[viaHeader] = passed ? `${passed}, ${via}` : via;
    const forwarded = header(request.headers['x-forwarded-for']);
    headers['X-Forwarded-For'] = forwarded ? `${forwarded}, ${request.remoteAddress}` : request.remoteAddress;
    const body = await request.body();
    try {
      const answer = await httpStream(target, {
        method: request.method,
        headers,
        ...(body.length > 0 ? { body } : {}),
        timeoutMs: options.readTimeoutMs,
        agent: network.httpAgent,
      });
      for (const [name, value] of Object.entries(answer.headers))
        if (value !== undefined && !dropped.has(name)) response.setHeader(name, value);
      response.setHeader(viaHeader, via);
      response.writeHead(answer.statusCode ?? 500);
      pipeline(answer, response, () => {});
      return handled;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
        return { status: 502, body: { message: 'Connection to leader refused.' } };
      if (code === 'ETIMEDOUT' || code === 'ECONNRESET')
        return { status: 502, body: { message: `Connection to leader failed: ${messageOf(error)}` } };
      return { status: 500, body: { message: messageOf(error) } };
    }
  };
}

/** What concerns the one connection alone, and what the guard against foreign pages has looked at already. */
const dropped = new Set([
  'connection',
  'host',
  'keep-alive',
  'transfer-encoding',
  'expect',
  'origin',
  'sec-fetch-site',
  'x-marathon-via',
  'x-forwarded-for',
]);

function header(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
