import { type Agent, type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http';
import { request as startTlsRequest } from 'node:https';

export interface HttpCall {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** No answer in this many milliseconds is an error with code ETIMEDOUT. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Used where its protocol fits; a redirect may lead to the other one. */
  agent?: Agent;
  /** Redirects followed, re-sending method and body (as Mesos' 307 expects). Default 0. */
  maxRedirects?: number;
  /** A unix socket to speak to instead of the URL's host. */
  socketPath?: string;
  /** false accepts any certificate. */
  verifyTls?: boolean;
  /** Told of 1xx answers; the final one may still come, but not after 101. */
  onInformation?: (status: number) => void;
  /** Certificates to trust instead of the system's, PEM. */
  ca?: string;
}

export interface HttpReply {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/**
 * One HTTP exchange. Every status is a reply; only the network's failures throw (system errors with their `code`).
 * Protocol-relative redirects (`//host:port/path`, as Mesos sends them) are resolved against the request's URL.
 */
export async function httpCall(url: string, call: HttpCall = {}): Promise<HttpReply> {
  const { response, url: finalUrl } = await open(url, call);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
  } catch (error) {
    throw Object.assign(new Error(`${call.method ?? 'GET'} ${finalUrl}: the answer broke off`, { cause: error }), {
      code: 'ECONNRESET',
    });
  }
}

/** Like `httpCall`, with the answer's body as a stream that the caller must read or destroy. */
export async function httpStream(url: string, call: HttpCall = {}): Promise<IncomingMessage> {
  return (await open(url, call)).response;
}

/** `httpCall` with JSON in both directions; @returns the parsed body, undefined when it is empty or no JSON */
export async function httpJson<T>(
  url: string,
  call: Omit<HttpCall, 'body'> & { json?: unknown } = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; json: T | undefined; text: string }> {
  const { json, ...rest } = call;
  const headers = {
    Accept: 'application/json',
    ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...call.headers,
  };
  const reply = await httpCall(url, {
    ...rest,
    headers,
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  const text = reply.body.toString('utf8');
  return { status: reply.status, headers: reply.headers, json: parse<T>(text), text };
}

function parse<T>(text: string): T | undefined {
  try {
    return text ? (JSON.parse(text) as T) : undefined;
  } catch {
    return undefined;
  }
}

async function open(url: string, call: HttpCall): Promise<{ response: IncomingMessage; url: string }> {
  let current = url;
  for (let left = call.maxRedirects ?? 0; ; left--) {
    const response = await exchange(current, call);
    const location = response.headers.location;
    if (left <= 0 || !location || ![301, 302, 307, 308].includes(response.statusCode ?? 0))
      return { response, url: current };
    response.resume();
    current = new URL(location, current).href;
  }
}

function exchange(url: string, call: HttpCall): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const target = new URL(url);
    const body = call.body === undefined ? undefined : Buffer.from(call.body as Buffer);
    const options = {
      method: call.method ?? 'GET',
      headers: { ...call.headers, ...(body ? { 'Content-Length': String(body.length) } : {}) },
      ...(call.agent && protocolOf(call.agent) === target.protocol ? { agent: call.agent } : {}),
      ...(call.socketPath ? { socketPath: call.socketPath } : {}),
      ...(call.signal ? { signal: call.signal } : {}),
      ...(call.verifyTls === false ? { rejectUnauthorized: false } : {}),
      ...(call.ca === undefined ? {} : { ca: call.ca }),
    };
    const request: ClientRequest =
      target.protocol === 'https:' ? startTlsRequest(target, options) : startRequest(target, options);
    const timer =
      call.timeoutMs === undefined
        ? undefined
        : setTimeout(() => request.destroy(timeout(url, call.timeoutMs)), call.timeoutMs);
    request.once('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    const { onInformation } = call;
    if (onInformation) {
      request.on('information', ({ statusCode }) => onInformation(statusCode));
      request.once('upgrade', ({ statusCode }, socket) => {
        onInformation(statusCode ?? 101);
        socket.destroy();
        request.destroy(new Error(`${url} answered with another protocol`));
      });
    }
    request.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.end(body);
  });
}

/** Not in the types, but what Node.js itself compares. */
function protocolOf(agent: Agent): string | undefined {
  return (agent as { protocol?: string }).protocol;
}

function timeout(url: string, ms: number | undefined): Error {
  return Object.assign(new Error(`no answer from ${url} in ${ms} ms`), { code: 'ETIMEDOUT' });
}
