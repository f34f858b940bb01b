import { describe, expect, test } from 'vitest';
import { createEventBus } from '../../../src/embedded/marathon/events.ts';
import { createHealthManager } from '../../../src/embedded/marathon/health/manager.ts';
import type { HttpProbe, Prober } from '../../../src/embedded/marathon/health/probe.ts';
import { createInstanceTracker } from '../../../src/embedded/marathon/instances.ts';
import type { AppHealthCheck } from '../../../src/protocols/marathon/types.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { makeApp, makeInstance } from '../marathon-model/make.ts';

const check: AppHealthCheck = {
  protocol: 'HTTP',
  path: '/health',
  portIndex: 0,
  gracePeriodSeconds: 0,
  intervalSeconds: 10,
  timeoutSeconds: 5,
  maxConsecutiveFailures: 2,
  delaySeconds: 15,
  ignoreHttp1xx: false,
  ipProtocol: 'IPv4',
};

/** A running instance under a check, and a task that answers as it is told. */
function watch(fields: Partial<AppHealthCheck> = {}) {
  const clock = createManualClock();
  const at = new Date(clock.now()).toISOString();
  const instance = makeInstance({
    id: 'app.instance-1',
    since: at,
    activeSince: at,
    task: { id: 'app.instance-1._app.1', hostPorts: [31000], stagedAt: at, startedAt: at, ipAddresses: [] },
    placement: { agentId: 'S', host: 'agent', attributes: [] },
  });
  const tracker = createInstanceTracker([instance], () => {});
  const app = makeApp('/app', { healthChecks: [{ ...check, ...fields }] });
  const asked: string[] = [];
  const ended: string[] = [];
  const events: string[] = [];
  const bus = createEventBus(clock);
  bus.subscribe((type) => events.push(type));
  let answer: HttpProbe | string | undefined;
  const answers = (next: number | string | undefined) => {
    answer = typeof next === 'number' ? { answered: true, status: next, contentType: '', body: '' } : next;
  };
  answers(200);
  const prober: Prober = {
    async http(url) {
      asked.push(url);
      return typeof answer === 'object' ? answer : { answered: false, cause: answer ?? 'Connection refused' };
    },
    async tcp(host, port) {
      asked.push(`tcp://${host}:${port}`);
      return typeof answer === 'string' ? answer : undefined;
    },
    close: () => {},
  };
  const manager = createHealthManager({
    tracker,
    definitionOf: () => app,
    prober,
    events: bus,
    clock,
    random: () => 0,
    onUnhealthy: (one) => ended.push(one.id),
  });
  /** Moves on to the next probe, and lets its answer be dealt with. */
  const next = async (ms = 10_000) => {
    clock.advance(ms);
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return {
    clock,
    tracker,
    manager,
    asked,
    ended,
    events,
    answers,
    next,
    health: () => manager.results.get(instance.id)?.[0],
  };
}

describe('what an answer says', () => {
  for (const [status, alive] of [
    [200, true],
    [204, true],
    [302, true],
    [399, true],
    [400, false],
    [404, false],
    [500, false],
    [101, false],
  ] as const)
    test(`${status}: ${alive ? 'healthy' : 'unhealthy'}`, async () => {
      const { answers, next, health, asked } = watch();
      answers(status);
      await next();
      expect(asked[0]).toBe('http://agent:31000/health');
      expect(health()?.alive).toBe(alive);
      if (!alive) expect(health()?.lastFailureCause).toBe(`HTTP status ${status}`);
    });

  test('no answer: unhealthy, with the cause', async () => {
    const { answers, next, health } = watch();
    answers('Connection refused');
    await next();
    expect(health()).toMatchObject({ alive: false, lastFailureCause: 'Connection refused' });
  });

  test('HTTPS and TCP', async () => {
    const https = watch({ protocol: 'HTTPS' });
    await https.next();
    expect(https.asked[0]).toBe('https://agent:31000/health');
    const tcp = watch({ protocol: 'TCP' });
    await tcp.next();
    expect(tcp.asked[0]).toBe('tcp://agent:31000');
    expect(tcp.health()?.alive).toBe(true);
  });
});

test('failures before the first success are forgiven while the grace period lasts', async () => {
  const { answers, next, health, ended, events } = watch({ gracePeriodSeconds: 60, maxConsecutiveFailures: 1 });
  answers(500);
  for (let i = 0; i < 5; i++) await next();
  expect(health()).toBeUndefined();
  expect(events).toEqual([]);
  answers(200);
  await next();
  expect(health()).toMatchObject({ alive: true, consecutiveFailures: 0 });
  answers(500);
  await next();
  await next();
  expect(ended).toEqual(['app.instance-1']);
});

test('the end comes with one failure more than allowed, and never when 0 are', async () => {
  for (const [maxConsecutiveFailures, ends] of [
    [2, 3],
    [1, 2],
    [0, Number.POSITIVE_INFINITY],
  ] as const) {
    const { answers, next, ended, health } = watch({ maxConsecutiveFailures });
    answers(500);
    for (let failure = 1; failure <= 4; failure++) {
      await next();
      expect(health()?.consecutiveFailures).toBe(failure);
      expect(ended.length > 0).toBe(failure >= ends);
    }
  }
});

test('a success in between begins the count anew', async () => {
  const { answers, next, ended, health } = watch();
  for (const status of [500, 500, 200, 500, 500]) {
    answers(status);
    await next();
  }
  expect(health()).toMatchObject({ alive: false, consecutiveFailures: 2 });
  expect(ended).toEqual([]);
});

test('nobody is ended whose agent is out of reach; results stay', async () => {
  const { answers, next, ended, health, tracker, asked } = watch({ maxConsecutiveFailures: 1 });
  await next();
  const before = health();
  tracker.put({ ...tracker.get('app.instance-1')!, condition: 'Unreachable' });
  answers('Timeout');
  const probes = asked.length;
  for (let i = 0; i < 5; i++) await next();
  expect(asked.length).toBe(probes);
  expect(ended).toEqual([]);
  expect(health()).toEqual(before);
});

test('nothing is watched once an instance is gone', async () => {
  const { tracker, manager, clock, next } = watch();
  await next();
  tracker.forget('app.instance-1');
  expect(manager.results.size).toBe(0);
  expect(clock.timers).toBe(0);
});
