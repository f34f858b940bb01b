import type { Clock } from '../support/clock.ts';
import { messageOf } from '../support/errors.ts';
import type { Logger } from '../support/logger.ts';
import type { Network } from '../support/network.ts';

/** What a service is started with: the arguments and variables of the program it stands in for, never `process.env`. */
export interface ServiceContext {
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  log: Logger;
  /** Connections, sessions and elections go by it. */
  clock: Clock;
  /** The time of apps: their delays, checks and time limits. The fixture may move it on. Default: `clock`. */
  appClock?: Clock;
  /** A number in [0, 1); every random choice that may be fixed by a seed is drawn from it. */
  random: () => number;
  /** Every outgoing connection is made through it. */
  network: Network;
}

/** Why a service ended by itself. Leaders exit when they lose leadership; the node host starts them again. */
export interface ServiceExit {
  code: number;
  reason: string;
}

export interface RunningService {
  /** Resolves when the service ended by itself, never after `stop`. It has closed everything it owned by then. */
  readonly exited: Promise<ServiceExit>;
  /** Resolves once the service can do its part: it listens and has joined its peers. */
  readonly ready: Promise<void>;
  /** Ends it in order; resolves when everything it owned is closed. */
  stop(): Promise<void>;
}

/** A service can't start. `exitCode` is what the program that it stands in for ends with then. */
export class StartError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, cause: unknown) {
    super(messageOf(cause), { cause });
    this.exitCode = exitCode;
  }
}

/** @throws when it can't start (bad flags, port in use); the host reports it and tries again */
export type StartService = (context: ServiceContext) => Promise<RunningService>;
