import type { ControlEvent, HostedService, ServiceState, ServiceStatus } from '../../protocols/control.ts';
import type { Cancel, Clock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import type { Logger } from '../../support/logger.ts';
import type { Network } from '../../support/network.ts';
import { type RunningService, type ServiceExit, StartError, type StartService } from '../service.ts';
import { nextRestartDelay } from './backoff.ts';

/** One service of the node, kept running. */
export interface Supervisor {
  status(): ServiceStatus;
  /** Starts it unless it runs; resolves when its start succeeded or failed (it is tried again then). */
  start(): Promise<void>;
  /** Ends it and keeps it ended; resolves when it has closed everything. */
  stop(): Promise<void>;
  /** Cuts it off from these destinations, now and after every restart. */
  cut(destinations: readonly string[]): void;
}

export interface SupervisorOptions {
  service: HostedService;
  /** Loads the component's code; called before every start. */
  load: () => Promise<StartService>;
  log: Logger;
  clock: Clock;
  appClock: Clock;
  random: () => number;
  /** A network of its own for each run of the service. */
  createNetwork: () => Network;
  cut: readonly string[];
  onEvent: (event: ControlEvent) => void;
  /** A service that has not stopped by then is given up. */
  stopTimeoutMs?: number;
}

/** One run of the service, from its start to its end. */
interface Run {
  network: Network;
  startedAt: number;
  /** What started, or undefined when the start failed. */
  running: Promise<RunningService | undefined>;
}

export function supervise(options: SupervisorOptions): Supervisor {
  const { service, log, clock } = options;
  const { component } = service;
  let state: ServiceState = { state: 'stopped' };
  let exits = 0;
  /** What was asked for last. */
  let wanted = false;
  let destinations = options.cut;
  /** The present run; a run that is no longer this one has been stopped, and nothing it says counts. */
  let run: Run | undefined;
  let lastDelay: number | undefined;
  let cancelRestart: Cancel | undefined;
  let stopping: Promise<void> | undefined;

  const launch = (): Promise<void> => {
    const network = options.createNetwork();
    network.cut(destinations);
    state = { state: 'starting' };
    const current: Run = { network, startedAt: clock.monotonic(), running: Promise.resolve(undefined) };
    run = current;
    current.running = begin(current);
    return current.running.then(() => {});
  };

  const begin = async (current: Run): Promise<RunningService | undefined> => {
    let running: RunningService;
    try {
      const start = await options.load();
      running = await start({
        argv: service.argv,
        env: service.env,
        log,
        clock,
        appClock: options.appClock,
        random: options.random,
        network: current.network,
      });
    } catch (error) {
      const code = error instanceof StartError ? error.exitCode : 1;
      ended(current, { code, reason: `could not start: ${messageOf(error)}` });
      return undefined;
    }
    void running.exited.then((exit) => ended(current, exit));
    if (run !== current) return running;
    state = { state: 'running' };
    running.ready.then(
      () => {
        if (run !== current) return;
        state = { state: 'ready' };
        options.onEvent({ type: 'service-ready', component });
      },
      // A service that will never be ready says why when it exits.
      () => {},
    );
    return running;
  };

  const ended = (current: Run, exit: ServiceExit) => {
    current.network.close();
    if (run !== current) return;
    run = undefined;
    exits++;
    lastDelay = nextRestartDelay(lastDelay, clock.monotonic() - current.startedAt);
    state = { state: 'waiting', code: exit.code, reason: exit.reason };
    log.error('the service ended; it is started again', { code: exit.code, reason: exit.reason, afterMs: lastDelay });
    options.onEvent({ type: 'service-exited', component, code: exit.code, reason: exit.reason });
    cancelRestart = clock.after(lastDelay, () => {
      cancelRestart = undefined;
      void launch();
    });
  };

  const end = async (current: Run): Promise<void> => {
    let giveUp: Cancel | undefined;
    const tooLong = new Promise<'too long'>((resolve) => {
      giveUp = clock.after(options.stopTimeoutMs ?? 5_000, () => resolve('too long'));
    });
    const orderly = current.running
      .then((running) => running?.stop())
      .catch((error: unknown) => log.error('stopping failed', { error: messageOf(error) }));
    if ((await Promise.race([orderly, tooLong])) === 'too long') log.error('the service did not stop in time');
    giveUp?.();
    current.network.close();
  };

  return {
    status: () => ({ ...state, component, exits }),
    async start() {
      wanted = true;
      await stopping;
      if (!wanted) return;
      if (run) {
        await run.running;
        return;
      }
      cancelRestart?.();
      cancelRestart = undefined;
      lastDelay = undefined;
      await launch();
    },
    stop() {
      wanted = false;
      cancelRestart?.();
      cancelRestart = undefined;
      const current = run;
      run = undefined;
      if (current)
        stopping = end(current).finally(() => {
          stopping = undefined;
        });
      if (state.state !== 'stopped') {
        state = { state: 'stopped' };
        options.onEvent({ type: 'service-stopped', component });
      }
      return stopping ?? Promise.resolve();
    },
    cut(next) {
      destinations = next;
      run?.network.cut(next);
    },
  };
}
