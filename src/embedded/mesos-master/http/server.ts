import type { MasterInfo } from '../../../protocols/mesos/types.ts';
import type { HttpAnswer, HttpHandler, HttpRequest, Route } from '../../../support/http-server.ts';
import { HttpError } from '../../../support/http-server.ts';
import type { Engine } from '../engine.ts';
import type { MasterFacts } from '../views/identity.ts';

/** What the HTTP handlers know of the master they serve. */
export interface MasterServer {
  readonly info: MasterInfo;
  readonly facts: () => MasterFacts;
  /** Undefined while this master doesn't lead. */
  readonly engine: () => Engine | undefined;
  /** Who leads, as far as is known. */
  readonly leader: () => MasterInfo | undefined;
  /** Seconds since 1970. */
  readonly now: () => number;
  /** The file behind `/master/log`. */
  readonly logFile: string | undefined;
}

/** A route below the master's process id: `/x` and `/master/x` are the same. */
export function masterRoute(path: string, handler: HttpHandler): Route {
  return { method: '*', path: new RegExp(`^(?:/master)?${path}$`), handler };
}

/** The engine, or the answer of a master that doesn't lead. @throws HttpError */
export function leading(server: MasterServer, request: HttpRequest): Engine {
  const engine = server.engine();
  if (engine) return engine;
  if (server.leader()?.id === server.info.id) throw new HttpError(503, 'Master has not finished recovery');
  throw toLeader(server, request);
}

/** 307 to the same path on the leading master, by a protocol-relative URL as the real master has it. */
function toLeader(server: MasterServer, request: HttpRequest): HttpError {
  const base = leaderBase(server);
  const path = request.url.startsWith('/master/') ? request.url : `/master${request.url}`;
  return new HttpError(307, '', { Location: `${base}${path}` });
}

/** `//host:port` of the leading master. @throws HttpError 503 */
export function leaderBase(server: MasterServer): string {
  const leader = server.leader();
  if (!leader) throw new HttpError(503, 'No leader elected');
  return `//${leader.hostname ?? leader.address?.ip}:${leader.port}`;
}

/** 405 with the text of the real master. @throws HttpError unless the method is the wanted one */
export function requireMethod(request: HttpRequest, method: string): void {
  if (request.method === method) return;
  throw new HttpError(
    405,
    `405 Method Not Allowed. Expecting one of { '${method}' }, but received '${request.method}'.`,
    { Allow: method },
  );
}

/** JSON, wrapped into a call of the function that `?jsonp=` names. */
export function json(request: HttpRequest, body: object | string): HttpAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const callback = request.query.get('jsonp');
  if (callback === null) return { status: 200, headers: { 'Content-Type': 'application/json' }, body: text };
  return { status: 200, headers: { 'Content-Type': 'text/javascript' }, body: `${callback}(${text})` };
}
