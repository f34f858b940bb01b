import type { ServerResponse } from 'node:http';
import type { ClockStatus, ControlEvent, HostStatus, ServiceAction, ServiceStatus } from '../../protocols/control.ts';
import { type Component, components } from '../../protocols/versions.ts';
import { createHttpServer, HttpError, type HttpServer, handled } from '../../support/http-server.ts';
import type { Logger } from '../../support/logger.ts';

/** A month: timers can't be longer than that, and intervals would take too long to run. */
const longestAdvanceMs = 30 * 24 * 3600_000;

/** What the control socket lets its user do with the node. */
export interface Controlled {
  status(): HostStatus;
  /** @returns undefined when the node has no such service */
  act(component: Component, action: ServiceAction): Promise<ServiceStatus> | undefined;
  cut(destinations: readonly string[]): void;
  advance(ms: number): Promise<ClockStatus>;
}

export interface ControlServer extends HttpServer {
  /** Tells everyone who reads `/events`. */
  publish(event: ControlEvent): void;
}

/** The host's side of the protocol in protocols/control.ts. */
export function createControlServer(node: Controlled, log: Logger): ControlServer {
  const readers = new Set<ServerResponse>();
  const server = createHttpServer({
    log,
    gzipFrom: 0,
    routes: [
      { method: 'GET', path: /^\/status$/, handler: () => ({ status: 200, body: node.status() }) },
      {
        method: 'GET',
        path: /^\/events$/,
        handler: (_request, response) => {
          response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
          response.flushHeaders();
          for (const service of node.status().services) {
            const event = present(service);
            if (event) send(response, event);
          }
          readers.add(response);
          response.once('close', () => readers.delete(response));
          return handled;
        },
      },
      {
        method: 'POST',
        path: /^\/services\/(?<component>[a-z-]+)\/(?<action>start|stop|restart)$/,
        handler: async ({ params }) => {
          const component = components.find((known) => known === params.component);
          const done = component && node.act(component, params.action as ServiceAction);
          if (!done) throw new HttpError(404, `This node has no service '${params.component}'`);
          return { status: 200, body: await done };
        },
      },
      {
        method: 'POST',
        path: /^\/peers\/cut$/,
        handler: async (request) => {
          node.cut(destinationsOf(await request.body()));
          return { status: 204 };
        },
      },
      {
        method: 'POST',
        path: /^\/clock\/advance$/,
        handler: async (request) => ({ status: 200, body: await node.advance(durationOf(await request.body())) }),
      },
    ],
  });
  return {
    ...server,
    publish(event) {
      for (const reader of readers) send(reader, event);
    },
  };
}

function send(reader: ServerResponse, event: ControlEvent): void {
  reader.write(`${JSON.stringify(event)}\n`);
}

/** The event that brought a service to where it is. */
function present(service: ServiceStatus): ControlEvent | undefined {
  const { component } = service;
  switch (service.state) {
    case 'ready':
      return { type: 'service-ready', component };
    case 'stopped':
      return { type: 'service-stopped', component };
    case 'waiting':
      return { type: 'service-exited', component, code: service.code, reason: service.reason };
    default:
      return undefined;
  }
}

function destinationsOf(body: Buffer): string[] {
  const destinations = parsed(body)?.destinations;
  if (!Array.isArray(destinations) || !destinations.every((entry) => typeof entry === 'string'))
    throw new HttpError(400, 'destinations must be a list of strings');
  return destinations;
}

function durationOf(body: Buffer): number {
  const ms = parsed(body)?.ms;
  if (typeof ms !== 'number' || !(ms >= 0) || ms > longestAdvanceMs)
    throw new HttpError(400, `ms must be a number from 0 to ${longestAdvanceMs}`);
  return ms;
}

function parsed(body: Buffer): Record<string, unknown> | null {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new HttpError(400, 'The body is no JSON');
  }
}
