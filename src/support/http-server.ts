import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { gzip } from 'node:zlib';
import { messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

/** A request as handlers see it. `params` are the named groups of the route's pattern, percent-decoded. */
export interface HttpRequest {
  readonly method: string;
  /** Percent-encoded path, without the query. */
  readonly path: string;
  readonly url: string;
  readonly query: URLSearchParams;
  readonly params: Record<string, string>;
  readonly headers: IncomingMessage['headers'];
  readonly remoteAddress: string;
  readonly raw: IncomingMessage;
  /** Reads the body once. @throws HttpError 413 over the limit, 400 when the client goes away */
  body(): Promise<Buffer>;
}

/** An answer in one piece. A string body without a content type is text/plain; an object is JSON. */
export interface HttpAnswer {
  status: number;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer | object;
}

/** Takes over the connection: the handler wrote (or goes on writing) to `response` itself. */
export const handled = Symbol('handled');

export type HttpHandler = (
  request: HttpRequest,
  response: ServerResponse,
) => HttpAnswer | typeof handled | Promise<HttpAnswer | typeof handled>;

/** The first route whose method and pattern match answers; named groups become `params`. */
export interface Route {
  /** `*` is any method; GET answers HEAD too. */
  method: string;
  path: RegExp;
  handler: HttpHandler;
}

/** Thrown by handlers to answer with a status and a body. */
export class HttpError extends Error {
  readonly answer: HttpAnswer;

  constructor(status: number, body: string | object, headers?: Record<string, string>) {
    super(typeof body === 'string' ? body : JSON.stringify(body));
    this.answer = { status, body, ...(headers ? { headers } : {}) };
  }
}

export interface HttpServerOptions {
  routes: readonly Route[];
  log: Logger;
  /** Runs before the routes; an answer ends the request there. */
  before?: (
    request: HttpRequest,
    response: ServerResponse,
  ) => HttpAnswer | typeof handled | undefined | Promise<HttpAnswer | typeof handled | undefined>;
  /** Added to every answer in one piece. */
  headers?: (request: HttpRequest) => Record<string, string>;
  /** No route has the path, or none of the path's routes has the method. */
  notFound?: (request: HttpRequest) => HttpAnswer;
  methodNotAllowed?: (request: HttpRequest, allowed: string[]) => HttpAnswer;
  /** Turns an error of a handler into an answer; `HttpError`s are answered before. */
  onError?: (error: unknown, request: HttpRequest) => HttpAnswer;
  /** Names a browser may address this server by, besides IP literals and localhost. `domain` matches any name below. */
  allowedHosts?: { names: readonly string[]; domain?: string };
  /** HTTP basic credentials that every request must carry. */
  basicAuth?: { user: string; password: string; realm: string };
  /** Bodies over this many bytes are refused with 413. Default 16 MiB. */
  maxBodyBytes?: number;
  /** Answers of at least this many bytes are gzipped for clients that accept it. Default 1024; 0 never. */
  gzipFrom?: number;
  /** The server speaks TLS with this certificate. */
  tls?: ServerTls;
}

/** A certificate with its key, as a PKCS #12 file. */
export interface ServerTls {
  pfx: Buffer;
  passphrase?: string;
}

export interface HttpServer {
  readonly server: Server;
  /** @throws the system's error (EADDRINUSE, EACCES, …) */
  listen(port: number, host: string): Promise<number>;
  /** A unix socket. */
  listenPath(path: string): Promise<void>;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

/**
 * The one HTTP server of the project. Malformed requests are answered 400 and never throw.
 * A server on a developer's machine that starts programs is a target for web pages: requests for a foreign `Host`
 * (DNS rebinding) are refused with 403, and so are state-changing requests from a foreign origin.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const sockets = new Set<Socket>();
  const times = { keepAliveTimeout: 75_000, requestTimeout: 0 };
  const listener = (raw: IncomingMessage, response: ServerResponse) => void answerRequest(options, raw, response);
  const server: Server = options.tls
    ? createTlsServer({ ...times, ...options.tls }, listener)
    : createServer(times, listener);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('clientError', (_error, socket) => {
    if ((socket as Socket).writable)
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    else socket.destroy();
  });
  const listening = (start: () => void) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', () => {
        server.off('error', reject);
        resolve();
      });
      start();
    });
  return {
    server,
    async listen(port, host) {
      await listening(() => server.listen(port, host));
      return (server.address() as AddressInfo).port;
    },
    listenPath: (path) => listening(() => server.listen(path)),
    close: () =>
      new Promise((resolve) => {
        if (!server.listening) return resolve();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function answerRequest(options: HttpServerOptions, raw: IncomingMessage, response: ServerResponse) {
  const request = toRequest(raw, options.maxBodyBytes ?? 16 << 20);
  let answer: HttpAnswer | typeof handled;
  try {
    answer =
      refusal(options, request) ??
      (await options.before?.(request, response)) ??
      (await route(options, request, response));
  } catch (error) {
    if (error instanceof HttpError) answer = error.answer;
    else if (options.onError) answer = options.onError(error, request);
    else {
      options.log.error('request failed', {
        method: request.method,
        path: request.path,
        error: (error as Error)?.stack ?? messageOf(error),
      });
      answer = { status: 500, body: messageOf(error) };
    }
  }
  if (answer === handled || response.headersSent || response.destroyed) return;
  await send(options, request, response, answer);
}

function toRequest(raw: IncomingMessage, maxBodyBytes: number): HttpRequest {
  const url = raw.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  return {
    method: raw.method ?? 'GET',
    url,
    path: path || '/',
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    params: {},
    headers: raw.headers,
    remoteAddress: raw.socket.remoteAddress ?? '',
    raw,
    body: () => readBody(raw, maxBodyBytes),
  };
}

function readBody(raw: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    raw.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        raw.pause();
        reject(new HttpError(413, 'Request body too large', { Connection: 'close' }));
      } else chunks.push(chunk);
    });
    raw.once('end', () => resolve(Buffer.concat(chunks)));
    raw.once('error', () => reject(new HttpError(400, 'Request body ended early')));
  });
}

async function route(options: HttpServerOptions, request: HttpRequest, response: ServerResponse) {
  const allowed: string[] = [];
  for (const candidate of options.routes) {
    const match = candidate.path.exec(request.path);
    if (!match) continue;
    const fits =
      candidate.method === '*' ||
      candidate.method === request.method ||
      (candidate.method === 'GET' && request.method === 'HEAD');
    if (!fits) {
      allowed.push(candidate.method);
      continue;
    }
    const params: Record<string, string> = {};
    for (const [name, value] of Object.entries(match.groups ?? {}))
      if (value !== undefined) params[name] = decode(value);
    return candidate.handler({ ...request, params }, response);
  }
  if (allowed.length > 0)
    return (
      options.methodNotAllowed?.(request, allowed) ?? { status: 405, headers: { Allow: allowed.join(', ') }, body: '' }
    );
  return options.notFound?.(request) ?? { status: 404, body: 'Not Found' };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HttpError(400, 'Malformed percent-encoding in the path');
  }
}

async function send(options: HttpServerOptions, request: HttpRequest, response: ServerResponse, answer: HttpAnswer) {
  const headers: Record<string, string | string[]> = { ...options.headers?.(request), ...answer.headers };
  let body: Buffer | string = '';
  if (typeof answer.body === 'string' || Buffer.isBuffer(answer.body)) {
    body = answer.body;
    if (typeof body === 'string' && body && !hasHeader(headers, 'content-type'))
      headers['Content-Type'] = 'text/plain; charset=utf-8';
  } else if (answer.body !== undefined) {
    body = JSON.stringify(answer.body);
    if (!hasHeader(headers, 'content-type')) headers['Content-Type'] = 'application/json';
  }
  let bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const gzipFrom = options.gzipFrom ?? 1024;
  if (
    gzipFrom > 0 &&
    bytes.length >= gzipFrom &&
    /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? '')) &&
    !hasHeader(headers, 'content-encoding')
  ) {
    bytes = await new Promise<Buffer>((resolve, reject) =>
      gzip(bytes, { level: 1 }, (error, zipped) => (error ? reject(error) : resolve(zipped))),
    );
    headers['Content-Encoding'] = 'gzip';
  }
  if (answer.status !== 204 && answer.status !== 304) headers['Content-Length'] = String(bytes.length);
  response.writeHead(answer.status, headers);
  response.end(request.method === 'HEAD' ? undefined : bytes);
  // A body nobody read would otherwise be taken for the next request of the connection.
  if (!request.raw.complete) request.raw.resume();
}

function hasHeader(headers: Record<string, unknown>, lowerCaseName: string): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === lowerCaseName);
}

function refusal(options: HttpServerOptions, request: HttpRequest): HttpAnswer | undefined {
  const host = hostName(request.headers.host);
  if (options.allowedHosts && host !== undefined && !isOurs(host, options.allowedHosts))
    return {
      status: 403,
      body: `Requests for the host '${host}' are refused: it is neither an IP address nor a name of this cluster`,
    };
  if (options.allowedHosts && !['GET', 'HEAD', 'OPTIONS'].includes(request.method)) {
    const origin = request.headers.origin;
    const site = request.headers['sec-fetch-site'];
    const foreign =
      origin !== undefined
        ? !sameOrigin(origin, request.headers.host)
        : site !== undefined && site !== 'same-origin' && site !== 'none';
    if (foreign) return { status: 403, body: 'State-changing requests from another origin are refused' };
  }
  if (options.basicAuth) {
    const { user, password, realm } = options.basicAuth;
    const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    if (request.headers.authorization !== expected)
      return { status: 401, headers: { 'WWW-Authenticate': `Basic realm="${realm}"` }, body: '' };
  }
  return undefined;
}

function hostName(header: string | undefined): string | undefined {
  if (!header) return undefined;
  const bracket = /^\[([^\]]*)\]/.exec(header);
  return (bracket?.[1] ?? header.replace(/:\d*$/, '')).toLowerCase();
}

function isOurs(host: string, allowed: { names: readonly string[]; domain?: string }): boolean {
  if (host === 'localhost' || /^\d+\.\d+\.\d+\.\d+$/.test(host) || host.includes(':')) return true;
  if (allowed.domain && (host === allowed.domain || host.endsWith(`.${allowed.domain}`))) return true;
  return allowed.names.includes(host);
}

function sameOrigin(origin: string, host: string | undefined): boolean {
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}
