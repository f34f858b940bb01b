import type { Cancel, Clock } from '../../support/clock.ts';
import type { Network } from '../../support/network.ts';
import { lateMs, patientTimer } from '../../support/watchdog.ts';
import type { Server } from './connect-string.ts';
import { type Connection, createConnection } from './connection.ts';
import { encodeFrame } from './framing.ts';
import { JuteReader } from './jute.ts';
import { ConnectRequest, ConnectResponse } from './records.ts';

export interface LinkOptions {
  servers: readonly Server[];
  network: Network;
  clock: Clock;
  random: () => number;
  /** What is at stake: neither a wait for one server nor a pause may use up much of it. */
  sessionTimeoutMs(): number;
  /** What to say to the next server. */
  request(): ConnectRequest;
  /** A server answered; frames follow. May call `drop` and `connect`; an error it throws makes it a failed attempt. */
  onAnswer(response: ConnectResponse, server: string): void;
  /** An error it throws ends the connection. */
  onFrame(frame: Buffer): void;
  /** A connection that had been answered ended. */
  onClosed(reason: string): void;
  /** A server could not be reached or did not answer. */
  onFailure(server: string, reason: string): void;
}

/** The connection to one of several servers: at most one at a time. */
export interface Link {
  /** Dials servers, one after the other, until one answers. */
  connect(): void;
  send(frame: Buffer): void;
  /** Ends the connection or the dialing; nothing is called back for it. */
  drop(): void;
}

// An ensemble that is just starting refuses connections for some tenths of a second. The pause between rounds follows
// the time it took so far, so that at most an eighth of it is lost, and the servers are asked ever more rarely.
const minPauseMs = 10;
const pauseShare = 1 / 8;
const maxPauseMs = 500;
// A server that accepts but doesn't answer (paused, without quorum) must not hold up the others for long.
const firstAttemptMs = 400;
const minAttemptMs = 50;
const minLifeMs = 50;

export function createLink(options: LinkOptions): Link {
  const { servers, clock, network } = options;
  const order = shuffle(servers, options.random);
  let next = 0;
  /** Servers tried since the last answer. */
  let tried = 0;
  let answeredAt = Number.NEGATIVE_INFINITY;
  let dialingSince = 0;
  let connection: Connection | undefined;
  let cancelTimer: Cancel = () => {};

  const drop = () => {
    cancelTimer();
    connection?.destroy();
    connection = undefined;
  };

  const attempt = () => {
    const server = order[next % order.length]!;
    next++;
    const name = server.host.includes(':') ? `[${server.host}]:${server.port}` : `${server.host}:${server.port}`;
    let answered = false;
    const mine = createConnection(network.connect(server.port, server.host), {
      onOpen: () => mine.send(encodeFrame((writer) => ConnectRequest.write(writer, options.request()))),
      onFrame(frame) {
        if (answered) return options.onFrame(frame);
        const response = ConnectResponse.read(new JuteReader(frame));
        cancelTimer();
        options.onAnswer(response, name);
        answered = true;
        answeredAt = clock.monotonic();
        tried = 0;
      },
      onClosed(reason) {
        cancelTimer();
        connection = undefined;
        if (answered) options.onClosed(reason);
        else failed(name, reason);
      },
    });
    connection = mine;
    const round = Math.floor(tried / order.length);
    const share = Math.max(options.sessionTimeoutMs() / order.length, minAttemptMs);
    const limit = Math.min(share, firstAttemptMs * 2 ** Math.min(round, 8));
    cancelTimer = patientTimer(clock, limit, lateMs * 2, () => {
      mine.destroy();
      connection = undefined;
      failed(name, `no answer in ${Math.round(limit)} ms`);
    });
  };

  const failed = (server: string, reason: string) => {
    tried++;
    options.onFailure(server, reason);
    if (tried % order.length !== 0) return attempt();
    const elapsed = clock.monotonic() - dialingSince;
    const pause = Math.min(Math.max(elapsed * pauseShare, minPauseMs), maxPauseMs, options.sessionTimeoutMs() / 10);
    // Spread, so that the clients of a server that died don't return all at the same moment.
    cancelTimer = clock.after(pause * (0.75 + options.random() / 2), attempt);
  };

  return {
    connect() {
      drop();
      dialingSince = clock.monotonic();
      // A server that answers and hangs up at once must not be dialed without a pause.
      const early = minLifeMs - (clock.monotonic() - answeredAt);
      if (early > 0) cancelTimer = clock.after(early, attempt);
      else attempt();
    },
    send: (frame) => connection?.send(frame),
    drop,
  };
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.min(i, Math.floor(random() * (i + 1)));
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}
