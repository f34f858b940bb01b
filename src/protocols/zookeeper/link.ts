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
  /** The longest wait for one server's answer, milliseconds. */
  maxAttemptMs(): number;
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

// An ensemble that is just starting refuses connections for some tens of milliseconds: ask again soon, then less often.
const firstPauseMs = 10;
const pauseGrowth = 1.5;
const maxPauseMs = 500;
// A server that accepts but doesn't answer (paused, without quorum) must not hold up the others for long.
const firstAttemptMs = 400;
const minLifeMs = 50;

export function createLink(options: LinkOptions): Link {
  const { servers, clock, network } = options;
  const order = shuffle(servers, options.random);
  let next = 0;
  /** Servers tried since the last answer. */
  let tried = 0;
  let answeredAt = Number.NEGATIVE_INFINITY;
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
    const limit = Math.min(options.maxAttemptMs(), firstAttemptMs * 2 ** Math.min(round, 8));
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
    const pause = Math.min(firstPauseMs * pauseGrowth ** Math.min(tried / order.length - 1, 20), maxPauseMs);
    // Spread, so that the clients of a server that died don't return all at the same moment.
    cancelTimer = clock.after(pause * (0.75 + options.random() / 2), attempt);
  };

  return {
    connect() {
      drop();
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
