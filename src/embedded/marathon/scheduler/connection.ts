import type { IncomingMessage } from 'node:http';
import type { FrameworkInfo, SchedulerCall, SchedulerEvent } from '../../../protocols/mesos/types.ts';
import { createRecordDecoder } from '../../../protocols/recordio.ts';
import type { Clock } from '../../../support/clock.ts';
import { messageOf, systemCode } from '../../../support/errors.ts';
import { httpCall, httpStream } from '../../../support/http-client.ts';
import type { Logger } from '../../../support/logger.ts';
import type { Network } from '../../../support/network.ts';
import { createWatchdog, type Watchdog } from '../../../support/watchdog.ts';

/** A subscription that was refused, or a call the master did not accept. */
export class SchedulerCallError extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

/** The call never left this process. */
export class NotSentError extends Error {}

export interface SubscriptionOptions {
  /** `host:port` of a master; a redirect is followed. */
  master: string;
  framework: FrameworkInfo;
  suppressedRoles: readonly string[];
  /** Silence of this many heartbeats ends the subscription. */
  heartbeatFailureThreshold: number;
  network: Network;
  clock: Clock;
  log: Logger;
  onEvent: (event: SchedulerEvent) => void;
  /** Once, when the stream ended for whatever reason but `close`. */
  onClosed: (reason: string) => void;
}

/** One subscription of a framework at a master. */
export interface Subscription {
  /** `host:port` of the master that answered. */
  readonly master: string;
  /**
   * Sends a call that belongs to this subscription. Calls are sent in order, one after the other.
   * @throws SchedulerCallError when the master refuses it; NotSentError; system errors of the network
   */
  call(call: SchedulerCall): Promise<void>;
  close(): void;
}

const subscribeTimeoutMs = 10_000;
const callTimeoutMs = 10_000;
const defaultHeartbeatMs = 15_000;
/** Acknowledgements and kills are independent of each other, so several may be under way. */
const parallelCalls = 8;

/**
 * Subscribes over POST /api/v1/scheduler in JSON.
 * @throws SchedulerCallError or a system error when no stream could be opened
 */
export async function openSubscription(options: SubscriptionOptions): Promise<Subscription> {
  const { framework, network, clock, log } = options;
  const { response, master } = await subscribe(options);
  const header = response.headers['mesos-stream-id'];
  const streamId = Array.isArray(header) ? header[0] : header;
  let closed = false;
  let watchdog: Watchdog | undefined;
  let frameworkId = framework.id;

  const end = (reason: string | undefined) => {
    if (closed) return;
    closed = true;
    watchdog?.close();
    response.destroy();
    if (reason !== undefined) options.onClosed(reason);
  };

  const decode = createRecordDecoder((payload) => {
    if (closed) return;
    let event: SchedulerEvent;
    try {
      event = JSON.parse(payload.toString('utf8')) as SchedulerEvent;
    } catch (error) {
      return end(`malformed event: ${messageOf(error)}`);
    }
    if (event.type === 'SUBSCRIBED') {
      frameworkId = event.subscribed.framework_id;
      const seconds = event.subscribed.heartbeat_interval_seconds;
      const heartbeatMs = seconds && seconds > 0 ? seconds * 1000 : defaultHeartbeatMs;
      watchdog?.close();
      watchdog = createWatchdog(clock, heartbeatMs * options.heartbeatFailureThreshold, () =>
        end('no heartbeat from the master'),
      );
    }
    try {
      options.onEvent(event);
    } catch (error) {
      // One event that can't be handled must not take the others with it.
      log.error('event of the master failed', { type: event.type, error: (error as Error)?.stack ?? messageOf(error) });
    }
  });
  response.on('data', (chunk: Buffer) => {
    watchdog?.heard();
    try {
      decode(chunk);
    } catch (error) {
      end(`malformed stream: ${messageOf(error)}`);
    }
  });
  response.once('end', () => end('the master closed the stream'));
  response.once('error', (error) => end(messageOf(error)));
  response.once('close', () => end('the connection broke off'));

  const post = async (call: SchedulerCall): Promise<void> => {
    if (closed) throw new NotSentError('the subscription has ended');
    const url = `http://${master}/api/v1/scheduler`;
    const request = {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        ...(streamId ? { 'Mesos-Stream-Id': streamId } : {}),
      },
      body: JSON.stringify(frameworkId ? { framework_id: frameworkId, ...call } : call),
      timeoutMs: callTimeoutMs,
      agent: network.httpAgent,
    };
    const reply = await httpCall(url, request).catch((error: unknown) => {
      // A kept-alive connection may be closed by the other side just when it is used again. An ACCEPT that got
      // through must not be repeated: its tasks would be refused as duplicates.
      if (call.type === 'ACCEPT' || systemCode(error) !== 'ECONNRESET') throw error;
      return httpCall(url, request);
    });
    if (reply.status !== 202 && reply.status !== 200)
      throw new SchedulerCallError(reply.status, `${call.type}: ${reply.status} ${reply.body.toString('utf8').trim()}`);
  };

  const ordered = createLane(1);
  const independent = createLane(parallelCalls);
  return {
    master,
    call: (call) => {
      const lane = call.type === 'ACKNOWLEDGE' || call.type === 'KILL' ? independent : ordered;
      return lane(() => post(call));
    },
    close: () => end(undefined),
  };
}

async function subscribe(options: SubscriptionOptions): Promise<{ response: IncomingMessage; master: string }> {
  let master = options.master;
  for (let redirects = 0; ; redirects++) {
    const framework = options.framework;
    const call: SchedulerCall = {
      type: 'SUBSCRIBE',
      ...(framework.id ? { framework_id: framework.id } : {}),
      subscribe: {
        framework_info: framework,
        ...(options.suppressedRoles.length > 0 ? { suppressed_roles: [...options.suppressedRoles] } : {}),
      },
    };
    const response = await httpStream(`http://${master}/api/v1/scheduler`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify(call),
      timeoutMs: subscribeTimeoutMs,
      agent: options.network.httpAgent,
    });
    if (response.statusCode === 200) return { response, master };
    const location = response.headers.location;
    if (response.statusCode === 307 && location && redirects < 3) {
      response.resume();
      const target = new URL(location, `http://${master}/`);
      master = target.host;
      continue;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8').trim();
    throw new SchedulerCallError(response.statusCode ?? 0, `SUBSCRIBE: ${response.statusCode} ${text}`);
  }
}

/** Runs at most `width` of the given jobs at a time, in the order given. */
function createLane(width: number): <T>(job: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (job) => {
    if (running >= width) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
