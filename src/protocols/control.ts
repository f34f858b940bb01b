import { Agent } from 'node:http';
import { messageOf, systemCode } from '../support/errors.ts';
import { httpJson, httpStream } from '../support/http-client.ts';
import type { ProcessIdentity } from '../support/process.ts';
import { type Component, components } from './versions.ts';

/**
 * The private protocol between a runtime and a node's host: HTTP over a unix socket that only its owner may open.
 *
 *   GET  /status                                    HostStatus
 *   GET  /events                                    JSON lines of ControlEvent, the present state first
 *   POST /services/<component>/start|stop|restart   ServiceStatus, once it is done
 *   POST /peers/cut {"destinations": [...]}         204; replaces the last list
 *   POST /clock/advance {"ms": 300000}             ClockStatus, once what became due has run
 */

/** A service as its host starts it: what the real program would get, and nothing of the host's own environment. */
export interface HostedService {
  component: Component;
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  /** The real program, which the host runs as a child of its own instead of the embedded server. */
  program?: HostedProgram;
}

export interface HostedProgram {
  /** What to execute, and the arguments that come before `argv`. */
  command: readonly [string, ...string[]];
  /** Where it answers `srvr` as a ZooKeeper server; it is ready when it tells its mode. */
  srvr: { host: string; port: number };
}

/** What a node's host is told: the content of its unit file (JSON, 0600), the path of which is its only argument. */
export interface HostSpec {
  cluster: string;
  node: string;
  /** The node's own address, the source of its services' connections. */
  address: string;
  /** In the order in which they are started; they are stopped in the reverse one. */
  services: readonly HostedService[];
  controlSocket: string;
  /** Files of the services, which the host writes before it starts any; in containers nobody else could. */
  files?: readonly { path: string; content: string; mode?: number }[];
  /** Where the host puts its `HostRecord` before any service starts. */
  pidFile: string;
  /**
   * Gets one file per component, and `host.log`. Without it lines go to stdout with `<component> | ` in front, and the
   * events, as JSON lines with their numbers, to stderr: a container's engine keeps both.
   */
  logsDir?: string;
  /** Holds a `NumberedStatus`, for whoever can't reach the socket. */
  statusFile?: string;
  /** Whether all other processes that the host can see are the node's tasks, which end with the node. */
  alone?: boolean;
  /** Destinations (`host` or `host:port`) that are cut off from the start. */
  cut: readonly string[];
  /** Makes the random choices of the services repeatable; each start of the host draws other ones. */
  seed?: string;
  /** Files whose time is renewed once a day, so that what tidies temporary folders leaves them alone. */
  keepFresh: readonly string[];
}

/** Content of the pid file: which process hosts the node, beyond doubt, and how to speak to it. */
export interface HostRecord extends ProcessIdentity {
  controlSocket: string;
}

/**
 * A service within its host. `starting`: its start has not returned; `running`: it works but has not joined its peers
 * yet; `ready`; `waiting`: it ended and is about to be started again; `stopped`: on request.
 */
export type ServiceState =
  | { state: 'starting' | 'running' | 'ready' | 'stopped' }
  | { state: 'waiting'; code: number; reason: string };

export type ServiceStatus = ServiceState & {
  component: Component;
  /** How often it ended by itself since the host started. */
  exits: number;
};

/** How far the time of this node's apps (delays, checks, time limits) is ahead of the machine's. */
export interface ClockStatus {
  aheadMs: number;
}

export interface HostStatus extends ProcessIdentity {
  cluster: string;
  node: string;
  cut: readonly string[];
  clock: ClockStatus;
  services: readonly ServiceStatus[];
}

/** Content of the status file. */
export interface NumberedStatus {
  /** Of the last event that it includes. Events of a node are numbered upwards, over all hosts it ever had. */
  number: number;
  services: readonly ServiceStatus[];
}

export type ControlEvent =
  | { type: 'service-ready'; component: Component }
  | { type: 'service-exited'; component: Component; code: number; reason: string }
  | { type: 'service-stopped'; component: Component };

export const serviceActions = ['start', 'stop', 'restart'] as const;
export type ServiceAction = (typeof serviceActions)[number];

export interface ControlClient {
  status(): Promise<HostStatus>;
  /** Resolves when it is done: started (not ready) or stopped. */
  act(component: Component, action: ServiceAction): Promise<ServiceStatus>;
  cut(destinations: readonly string[]): Promise<void>;
  /** Moves the time of the node's apps on; resolves when what became due has run. */
  advance(ms: number): Promise<ClockStatus>;
  /** Resolves when the stream ended, whichever side ended it. @throws when the host can't be reached */
  events(onEvent: (event: ControlEvent) => void, signal: AbortSignal): Promise<void>;
}

/** The host could not be reached, or refused: `status` is 0 when it never answered. */
export class ControlError extends Error {
  readonly status: number;

  constructor(status: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
  }
}

/**
 * Speaks to the host behind a control socket. Every call makes its own connection: a host may have been replaced since
 * the last one. @throws ControlError from all of its functions
 */
export function createControlClient(socketPath: string, timeoutMs = 15_000): ControlClient {
  const agent = new Agent({ keepAlive: false });
  const call = async <T>(method: string, path: string, json?: unknown): Promise<T> => {
    const reply = await httpJson<T>(`http://localhost${path}`, { method, socketPath, agent, timeoutMs, json }).catch(
      (error: unknown) => {
        throw unreachable(socketPath, error);
      },
    );
    if (reply.status >= 300) throw new ControlError(reply.status, `${method} ${path}: ${reply.text}`);
    return reply.json as T;
  };
  return {
    status: () => call('GET', '/status'),
    act: (component, action) => call('POST', `/services/${component}/${action}`),
    cut: (destinations) => call('POST', '/peers/cut', { destinations }),
    advance: (ms) => call('POST', '/clock/advance', { ms }),
    async events(onEvent, signal) {
      const stream = await httpStream('http://localhost/events', { socketPath, agent, signal }).catch(
        (error: unknown) => {
          throw unreachable(socketPath, error);
        },
      );
      let rest = '';
      try {
        for await (const chunk of stream.setEncoding('utf8')) {
          const lines = (rest + String(chunk)).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            const event = parseEvent(line);
            if (event) onEvent(event);
          }
        }
      } catch (error) {
        // A host that is killed breaks the stream off; for the reader that is an end like any other.
        if (systemCode(error) !== 'ECONNRESET' && !signal.aborted) throw unreachable(socketPath, error);
      }
    },
  };
}

function unreachable(socketPath: string, error: unknown): ControlError {
  return new ControlError(0, `no answer at ${socketPath}: ${messageOf(error)}`, error);
}

/** One line of `/events`; undefined for lines and kinds of events that this version doesn't know. */
export function parseEvent(line: string): ControlEvent | undefined {
  let event: Partial<Record<keyof ControlEvent | 'code' | 'reason', unknown>>;
  try {
    event = JSON.parse(line);
  } catch {
    return undefined;
  }
  const component = components.find((known) => known === event?.component);
  if (!component) return undefined;
  switch (event.type) {
    case 'service-ready':
    case 'service-stopped':
      return { type: event.type, component };
    case 'service-exited':
      return { type: event.type, component, code: Number(event.code), reason: String(event.reason) };
    default:
      return undefined;
  }
}
