import type { IncomingMessage } from 'node:http';
import {
  type AgentMessage,
  agentLinkPath,
  agentStreamHeader,
  type MasterMessage,
} from '../../protocols/mesos/agent-link.ts';
import { createRecordDecoder } from '../../protocols/recordio.ts';
import type { Cancel, Clock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import { httpCall, httpStream } from '../../support/http-client.ts';
import type { Logger } from '../../support/logger.ts';
import type { Network } from '../../support/network.ts';
import { createWatchdog, type Watchdog } from '../../support/watchdog.ts';
import type { MasterAddress, Masters } from './masters.ts';

export type Subscribed = MasterMessage & { type: 'SUBSCRIBED' };

export interface MasterLinkOptions {
  masters: Masters;
  /** What to register with; asked for at every attempt. */
  registration: () => AgentMessage & { type: 'SUBSCRIBE' };
  /** The first pause after a failed registration; doubles. */
  backoffMs: number;
  network: Network;
  clock: Clock;
  random: () => number;
  log: Logger;
  /** The master has taken the agent in. Messages follow. */
  onSubscribed: (message: Subscribed, master: MasterAddress) => void;
  onMessage: (message: Exclude<MasterMessage, { type: 'PING' | 'SUBSCRIBED' }>) => void;
  /** The link is broken; a new one is being made. */
  onLost: () => void;
}

/** The agent's side of the link with the leading master, made again whenever it breaks. */
export interface MasterLink {
  /** Sends in order. Without a link it is dropped: whatever matters is told again after the registration. */
  send(message: AgentMessage): void;
  close(): void;
}

const registrationTimeoutMs = 10_000;
const messageTimeoutMs = 15_000;
/** The first attempts come quickly whatever the backoff says: a master that was just elected needs some moments. */
const quickMs = 50;
const backoffSteps = 4;

interface Stream {
  id: string;
  /** `host:port` that answered, after redirects. */
  address: string;
  close(): void;
}

export function openMasterLink(options: MasterLinkOptions): MasterLink {
  const { masters, clock, network, log } = options;
  let closed = false;
  let stream: Stream | undefined;
  let attempt: AbortController | undefined;
  let cancelRetry: Cancel | undefined;
  let failures = 0;
  let outbox: AgentMessage[] = [];
  let sending = false;

  const lose = (why: string) => {
    if (!stream) return;
    log.warn('lost the master', { address: stream.address, reason: why });
    drop();
    retryLater();
  };

  const drop = () => {
    const lost = stream;
    stream = undefined;
    outbox = [];
    lost?.close();
    if (lost) options.onLost();
  };

  const retryLater = () => {
    if (closed) return;
    cancelRetry?.();
    // 2 to the failures, up to 16 backoffs; between half and all of it, so that agents do not come all at once.
    const limit = options.backoffMs * 2 ** backoffSteps;
    const delay = Math.min(limit, quickMs * 2 ** Math.min(failures++, 30)) * (0.5 + options.random() / 2);
    cancelRetry = clock.after(delay, () => void connect());
  };

  const connect = async () => {
    cancelRetry?.();
    attempt?.abort();
    const { leader } = masters;
    if (closed || stream || !leader) return;
    const own = new AbortController();
    attempt = own;
    try {
      const opened = await subscribe(leader.address, own.signal);
      if (own.signal.aborted) opened.response.destroy();
      else listen(opened.response, opened.address, leader);
    } catch (error) {
      if (own.signal.aborted) return;
      log.info('registration failed; trying again', { master: leader.address, reason: messageOf(error) });
      retryLater();
    }
  };

  const subscribe = async (address: string, signal: AbortSignal) => {
    const body = JSON.stringify(options.registration());
    let at = address;
    for (let redirects = 0; ; redirects++) {
      const response = await httpStream(`http://${at}${agentLinkPath}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body,
        agent: network.httpAgent,
        timeoutMs: registrationTimeoutMs,
        signal,
      });
      if (response.statusCode === 200) return { response, address: at };
      const { location } = response.headers;
      if (response.statusCode !== 307 || !location || redirects >= 3) {
        response.destroy();
        throw new Error(`the master answered with status ${response.statusCode}`);
      }
      response.resume();
      at = new URL(location, `http://${at}`).host;
    }
  };

  const listen = (response: IncomingMessage, address: string, leader: MasterAddress) => {
    const header = response.headers[agentStreamHeader];
    let watchdog: Watchdog;
    const own: Stream = {
      id: typeof header === 'string' ? header : '',
      address,
      close() {
        watchdog.close();
        response.destroy();
      },
    };
    stream = own;
    const isCurrent = () => stream === own;
    const watch = (silenceMs: number) =>
      createWatchdog(clock, silenceMs, () => {
        if (isCurrent()) lose(`no word within ${silenceMs} ms`);
      });
    watchdog = watch(registrationTimeoutMs);
    const take = (message: MasterMessage) => {
      if (!isCurrent()) return;
      watchdog.heard();
      if (message.type === 'PING') void pong(own);
      else if (message.type === 'SUBSCRIBED') {
        failures = 0;
        watchdog.close();
        watchdog = watch(message.ping_timeout_ms * message.max_missed_pings);
        options.onSubscribed(message, leader);
      } else options.onMessage(message);
    };
    const decode = createRecordDecoder((payload) => take(JSON.parse(payload.toString('utf8')) as MasterMessage));
    response.on('data', (chunk: Buffer) => {
      try {
        decode(chunk);
      } catch (error) {
        if (isCurrent()) lose(`unreadable message: ${messageOf(error)}`);
      }
    });
    const over = () => {
      if (isCurrent()) lose('the connection was closed');
    };
    response.once('end', over);
    response.once('error', over);
    response.once('close', over);
  };

  const post = (to: Stream, message: AgentMessage) =>
    httpCall(`http://${to.address}${agentLinkPath}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', [agentStreamHeader]: to.id },
      body: JSON.stringify(message),
      agent: network.httpAgent,
      timeoutMs: messageTimeoutMs,
    });

  const pong = async (to: Stream) => {
    // The queue may be waiting for a slow answer; a sign of life must not.
    await post(to, { type: 'PONG' }).catch(() => {});
  };

  const drain = async () => {
    if (sending) return;
    sending = true;
    try {
      for (let message = outbox.shift(); message && stream; message = outbox.shift()) {
        const to = stream;
        try {
          const { status } = await post(to, message);
          if (status !== 202 && stream === to) lose(`the master answered ${message.type} with status ${status}`);
        } catch (error) {
          if (stream === to) lose(messageOf(error));
        }
      }
    } finally {
      sending = false;
    }
    if (outbox.length > 0) void drain();
  };

  const stopFollowing = masters.onChange((leader) => {
    failures = 0;
    if (!leader) {
      cancelRetry?.();
      attempt?.abort();
      // Nobody leads as far as ZooKeeper knows: a link that still stands is left to its own fate, like the real agent.
      return;
    }
    if (stream?.address === leader.address) return;
    log.info('new leading master', { address: leader.address });
    drop();
    void connect();
  });
  // Recovery takes its time: who leads may be known since before.
  void connect();

  return {
    send(message) {
      if (!stream) return;
      outbox.push(message);
      void drain();
    },
    close() {
      closed = true;
      stopFollowing();
      cancelRetry?.();
      attempt?.abort();
      const last = stream;
      stream = undefined;
      outbox = [];
      last?.close();
    },
  };
}
