import { STATUS_CODES } from 'node:http';
import { hostname as systemHostname } from 'node:os';
import { messageOf } from '../../../support/errors.ts';
import {
  createHttpServer,
  type HttpAnswer,
  type HttpHandler,
  type HttpRequest,
  type HttpServer,
  type handled,
  type Route,
  type ServerTls,
} from '../../../support/http-server.ts';
import type { Logger } from '../../../support/logger.ts';
import type { MarathonOptions } from '../options.ts';
import { DocumentTooLarge } from '../store/writer.ts';
import { preferred } from './system.ts';

export interface ApiServerOptions {
  options: MarathonOptions;
  routes: readonly Route[];
  log: Logger;
  /** Answers in the leader's place, or lets the request through. */
  proxy: (...args: Parameters<HttpHandler>) => Promise<HttpAnswer | typeof handled | undefined>;
  /** The value of X-Marathon-Leader; undefined while this instance does not lead. */
  leaderUrl: () => string | undefined;
}

/** The HTTP server, or with `tls` the HTTPS server, of one instance: what every answer has in common. Source: api/*Filter.scala. */
export function createApiServer(input: ApiServerOptions, tls?: ServerTls): HttpServer {
  const { options } = input;
  let underWay = 0;

  const before: NonNullable<Parameters<typeof createHttpServer>[0]['before']> = async (request, response) => {
    if (options.httpMaxConcurrentRequests !== undefined) {
      if (underWay >= options.httpMaxConcurrentRequests)
        return failure(503, 'Too many concurrent requests: --http_max_concurrent_requests is reached');
      underWay++;
      response.once('close', () => underWay--);
    }
    const proxied = await input.proxy(request, response);
    if (proxied !== undefined) return proxied;
    if (options.corsOrigins.length > 0 && request.method === 'OPTIONS') return preflight(request);
    if (!isAcceptable(request)) return failure(406, STATUS_CODES[406] ?? '');
    return undefined;
  };

  const headers = (request: HttpRequest): Record<string, string> => {
    const leader = input.leaderUrl();
    return {
      ...(leader === undefined ? {} : { 'X-Marathon-Leader': leader }),
      'X-Frame-Options': 'DENY',
      'X-XSS-Protection': '1; mode=block',
      'Cache-Control': 'no-cache, no-store, must-revalidate',
      Pragma: 'no-cache',
      Expires: '0',
      ...corsHeaders(request),
    };
  };

  const corsHeaders = (request: HttpRequest): Record<string, string> => {
    const { origin } = request.headers;
    if (options.corsOrigins.length === 0) return {};
    const all = options.corsOrigins.includes('*');
    if (!all && (origin === undefined || !options.corsOrigins.includes(origin))) return {};
    return { 'Access-Control-Allow-Origin': all ? '*' : (origin ?? '') };
  };

  const preflight = (request: HttpRequest): HttpAnswer => {
    const asked = request.headers['access-control-request-headers'];
    return {
      status: 200,
      headers: {
        'Access-Control-Allow-Methods': 'GET, HEAD, OPTIONS',
        'Access-Control-Max-Age': '86400',
        ...(asked ? { 'Access-Control-Allow-Headers': String(asked) } : {}),
      },
      body: '',
    };
  };

  return createHttpServer({
    routes: input.routes,
    log: input.log,
    before,
    headers,
    ...(tls ? { tls } : {}),
    allowedHosts: { names: [options.hostname.toLowerCase(), systemHostname().toLowerCase()], domain: 'mesos' },
    notFound: () => failure(404, 'URI not found'),
    methodNotAllowed: (_request, allowed) => ({
      ...failure(405, STATUS_CODES[405] ?? ''),
      headers: { Allow: allowed.join(', ') },
    }),
    onError(error, request) {
      if (error instanceof DocumentTooLarge) return failure(422, error.message);
      input.log.error('request failed', {
        method: request.method,
        path: request.path,
        error: (error as Error)?.stack ?? messageOf(error),
      });
      return failure(500, messageOf(error));
    },
    ...(options.httpCredentials ? { basicAuth: { ...options.httpCredentials, realm: 'Mesosphere' } } : {}),
  });
}

function failure(status: number, message: string): HttpAnswer {
  return { status, body: { message } };
}

/** Resources of the API are JSON; those with other forms look at the header themselves. */
function isAcceptable(request: HttpRequest): boolean {
  if (!request.path.startsWith('/v2/') || /^\/v2\/events\b/.test(request.path)) return true;
  const forms = /\/tasks\/?$/.test(request.path) ? ['application/json', 'text/plain'] : ['application/json'];
  return preferred(request, forms) !== undefined;
}
