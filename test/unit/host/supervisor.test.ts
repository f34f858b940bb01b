import { describe, expect, it } from 'vitest';
import { supervise } from '../../../src/embedded/host/supervisor.ts';
import type { RunningService, ServiceContext, ServiceExit, StartService } from '../../../src/embedded/service.ts';
import type { ControlEvent } from '../../../src/protocols/control.ts';
import type { Clock } from '../../../src/support/clock.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork, type Network } from '../../../src/support/network.ts';

/** A clock that stands still until it is told to go on. */
function manualClock(): Clock & { advance(ms: number): void; pending(): number[] } {
  let now = 0;
  let timers: { due: number; fn: () => void }[] = [];
  return {
    now: () => now,
    monotonic: () => now,
    after(ms, fn) {
      const timer = { due: now + ms, fn };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    every: () => () => {},
    advance(ms) {
      now += ms;
      const due = timers.filter((timer) => timer.due <= now);
      timers = timers.filter((timer) => timer.due > now);
      for (const timer of due) timer.fn();
    },
    pending: () => timers.map(({ due }) => due - now),
  };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

interface FakeRun extends RunningService {
  context: ServiceContext;
  exit(exit: ServiceExit): void;
  becomeReady(): void;
  stops: number;
}

function setUp(start?: StartService) {
  const clock = manualClock();
  const events: ControlEvent[] = [];
  const runs: FakeRun[] = [];
  const networks: Network[] = [];
  const fake: StartService = async (context) => {
    let exit: (exit: ServiceExit) => void = () => {};
    let becomeReady = () => {};
    const run: FakeRun = {
      context,
      exited: new Promise((resolve) => {
        exit = resolve;
      }),
      ready: new Promise((resolve) => {
        becomeReady = resolve;
      }),
      exit: (value) => exit(value),
      becomeReady: () => becomeReady(),
      stops: 0,
      async stop() {
        run.stops++;
      },
    };
    runs.push(run);
    return run;
  };
  const supervisor = supervise({
    service: { component: 'marathon', argv: ['--a'], env: { B: 'c' } },
    load: async () => start ?? fake,
    log: silentLogger,
    clock,
    appClock: clock,
    random: () => 0.5,
    createNetwork: () => {
      const network = createNetwork();
      networks.push(network);
      return network;
    },
    cut: ['10.0.0.1'],
    onEvent: (event) => events.push(event),
    stopTimeoutMs: 1000,
  });
  return { supervisor, clock, events, runs, networks };
}

describe('a supervised service', () => {
  it('gets its own arguments, variables and network', async () => {
    const { supervisor, runs } = setUp();
    await supervisor.start();
    expect(runs[0]!.context).toMatchObject({ argv: ['--a'], env: { B: 'c' } });
    expect(runs[0]!.context.network.isCut(80, '10.0.0.1')).toBe(true);
    expect(supervisor.status()).toEqual({ component: 'marathon', state: 'running', exits: 0 });
  });

  it('is ready when it says so', async () => {
    const { supervisor, runs, events } = setUp();
    await supervisor.start();
    runs[0]!.becomeReady();
    await settled();
    expect(events).toEqual([{ type: 'service-ready', component: 'marathon' }]);
    expect(supervisor.status().state).toBe('ready');
  });

  it('is started once however often it is asked to', async () => {
    const { supervisor, runs } = setUp();
    await Promise.all([supervisor.start(), supervisor.start()]);
    await supervisor.start();
    expect(runs).toHaveLength(1);
  });

  it('is started again when it ended, with a fresh network that is cut as the last', async () => {
    const { supervisor, clock, runs, events, networks } = setUp();
    await supervisor.start();
    supervisor.cut(['10.0.0.2']);
    runs[0]!.exit({ code: 1, reason: 'lost leadership' });
    await settled();
    expect(supervisor.status()).toEqual({
      component: 'marathon',
      state: 'waiting',
      code: 1,
      reason: 'lost leadership',
      exits: 1,
    });
    expect(clock.pending()).toEqual([10]);
    clock.advance(10);
    await settled();
    expect(runs).toHaveLength(2);
    expect(networks[1]!.isCut(80, '10.0.0.2')).toBe(true);
    expect(supervisor.status().state).toBe('running');
    expect(events).toEqual([{ type: 'service-exited', component: 'marathon', code: 1, reason: 'lost leadership' }]);
  });

  it('waits longer after each of several quick exits, and not after one that came late', async () => {
    const { supervisor, clock, runs } = setUp();
    await supervisor.start();
    const waits: number[] = [];
    for (const ranMs of [0, 0, 0, 60_000]) {
      clock.advance(ranMs);
      runs.at(-1)!.exit({ code: 1, reason: '' });
      await settled();
      waits.push(...clock.pending());
      clock.advance(waits.at(-1)!);
      await settled();
    }
    expect(waits).toEqual([10, 100, 200, 10]);
  });

  it('that can not start is tried again, and says why', async () => {
    let attempts = 0;
    const { supervisor, clock, events } = setUp(async () => {
      attempts++;
      throw new Error('listen EADDRINUSE');
    });
    await supervisor.start();
    clock.advance(10);
    await settled();
    expect(attempts).toBe(2);
    expect(events[0]).toEqual({
      type: 'service-exited',
      component: 'marathon',
      code: 1,
      reason: 'could not start: listen EADDRINUSE',
    });
  });

  it('stays stopped when it was stopped, and can be started again', async () => {
    const { supervisor, clock, runs, events } = setUp();
    await supervisor.start();
    await supervisor.stop();
    expect(runs[0]!.stops).toBe(1);
    expect(supervisor.status().state).toBe('stopped');
    runs[0]!.exit({ code: 0, reason: 'late' });
    clock.advance(10_000);
    await settled();
    expect(runs).toHaveLength(1);
    expect(events).toEqual([{ type: 'service-stopped', component: 'marathon' }]);
    await supervisor.start();
    expect(runs).toHaveLength(2);
  });

  it('that waits for its restart is not started after a stop', async () => {
    const { supervisor, clock, runs } = setUp();
    await supervisor.start();
    runs[0]!.exit({ code: 1, reason: '' });
    await settled();
    await supervisor.stop();
    clock.advance(10_000);
    await settled();
    expect(runs).toHaveLength(1);
    expect(supervisor.status().state).toBe('stopped');
  });

  it('that is stopped while it starts is stopped once it has started', async () => {
    const { supervisor, runs } = setUp();
    const starting = supervisor.start();
    await Promise.resolve();
    expect(supervisor.status().state).toBe('starting');
    await Promise.all([starting, supervisor.stop()]);
    expect(runs[0]!.stops).toBe(1);
    expect(supervisor.status().state).toBe('stopped');
  });

  it('that is stopped before it could start does not start', async () => {
    const { supervisor, runs } = setUp();
    await Promise.all([supervisor.start(), supervisor.stop()]);
    expect(runs).toEqual([]);
    expect(supervisor.status().state).toBe('stopped');
  });

  it('that does not stop is given up after a time', async () => {
    const { supervisor, clock, runs } = setUp();
    await supervisor.start();
    runs[0]!.stop = () => new Promise(() => {});
    const stopping = supervisor.stop();
    await settled();
    clock.advance(1000);
    await stopping;
    expect(supervisor.status().state).toBe('stopped');
  });
});
