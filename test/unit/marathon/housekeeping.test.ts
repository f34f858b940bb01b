import { describe, expect, test } from 'vitest';
import { createInstanceTracker } from '../../../src/embedded/marathon/instances.ts';
import { createCatalog } from '../../../src/embedded/marathon/leader/catalog.ts';
import { createHousekeeping, type HousekeepingOptions } from '../../../src/embedded/marathon/leader/housekeeping.ts';
import type { Condition } from '../../../src/embedded/marathon/model/instance.ts';
import type { AppDefinition } from '../../../src/protocols/marathon/types.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { makeApp, makeInstance, makeRoot } from '../marathon-model/make.ts';

const minute = 60_000;

/** One app, its instances in these conditions since the start of the clock. */
function keep(app: Partial<AppDefinition>, conditions: readonly Condition[], locked = false) {
  const clock = createManualClock();
  const since = new Date(clock.now()).toISOString();
  const instances = conditions.map((condition, index) =>
    makeInstance({
      id: `app.instance-${index}`,
      condition,
      since,
      ...(condition === 'Unreachable' && { unreachableSince: since }),
      placement: { agentId: 'S', host: 'h', attributes: [] },
    }),
  );
  const tracker = createInstanceTracker(instances, () => {});
  const calls = { started: 0, ended: [] as string[], killed: [] as string[] };
  const end = (ids: readonly string[]) => {
    calls.ended.push(...ids);
    for (const id of ids) tracker.put({ ...tracker.get(id)!, goal: 'Decommissioned' });
  };
  const housekeeping = createHousekeeping({
    tracker,
    catalog: createCatalog(makeRoot(makeApp('/app', { instances: conditions.length, ...app })), []),
    clock,
    log: silentLogger,
    isLocked: () => locked,
    start: (_app, count) => {
      calls.started += count;
      for (let i = 0; i < count; i++) tracker.put(makeInstance({ condition: 'Scheduled' }));
    },
    decommission: end,
    retire: end,
    kill: (id) => calls.killed.push(id),
    scaleInitialMs: 15_000,
    scaleMs: 5 * minute,
    taskLaunchMs: 5 * minute,
    taskLaunchConfirmMs: 2 * minute,
    taskReservationMs: 20_000,
    expungeInitialMs: 5 * minute,
    expungeMs: 30_000,
  } as HousekeepingOptions);
  return { clock, tracker, calls, housekeeping };
}

/** What is asked for within a turn is done at its end. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('what takes too long', () => {
  test('a launch that nobody confirms is ended', () => {
    const { clock, calls } = keep({}, ['Provisioned', 'Running']);
    clock.advance(2 * minute);
    expect(calls.killed).toEqual([]);
    clock.advance(10_000);
    expect(new Set(calls.killed)).toEqual(new Set(['app.instance-0']));
  });

  test('a task that does not come to run is ended', () => {
    const { clock, calls } = keep({}, ['Staging', 'Starting', 'Running']);
    clock.advance(5 * minute);
    expect(calls.killed).toEqual([]);
    clock.advance(10_000);
    expect(new Set(calls.killed)).toEqual(new Set(['app.instance-0', 'app.instance-1']));
  });
});

describe('what is out of reach', () => {
  const unreachableStrategy = { inactiveAfterSeconds: 60, expungeAfterSeconds: 600 };

  test('an unreachable instance is given up when its time is over, and another takes its place', async () => {
    const { clock, tracker, calls } = keep({ unreachableStrategy }, ['Unreachable']);
    clock.advance(minute - 1);
    expect(tracker.get('app.instance-0')?.condition).toBe('Unreachable');
    clock.advance(1);
    expect(tracker.get('app.instance-0')?.condition).toBe('UnreachableInactive');
    await turn();
    expect(calls.started).toBe(1);
  });

  test('one that comes back in time stays', async () => {
    const { clock, tracker, calls } = keep({ unreachableStrategy }, ['Unreachable']);
    const { unreachableSince: _, ...instance } = tracker.get('app.instance-0')!;
    tracker.put({ ...instance, condition: 'Running' });
    clock.advance(minute);
    await turn();
    expect(tracker.get('app.instance-0')?.condition).toBe('Running');
    expect(calls).toEqual({ started: 0, ended: [], killed: [] });
  });

  test('an inactive instance is forgotten when its time is over', () => {
    const { clock, tracker } = keep({ unreachableStrategy }, ['Unreachable']);
    clock.advance(10 * minute - 1);
    expect(tracker.get('app.instance-0')).toBeDefined();
    clock.advance(30_000);
    expect(tracker.get('app.instance-0')).toBeUndefined();
  });

  test('an instance whose strategy is disabled is waited for', async () => {
    const { clock, tracker, calls } = keep({ unreachableStrategy: 'disabled' }, ['Unreachable']);
    clock.advance(24 * 60 * minute);
    await turn();
    expect(tracker.get('app.instance-0')?.condition).toBe('Unreachable');
    expect(calls.started).toBe(0);
  });
});

describe('the number of instances', () => {
  test('the number of instances is looked after, but not where a deployment is at it', async () => {
    for (const [wanted, there, locked, started, ended] of [
      [3, 1, false, 2, 0],
      [1, 3, false, 0, 2],
      [3, 1, true, 0, 0],
    ] as const) {
      const { clock, calls, housekeeping } = keep({ instances: wanted }, Array(there).fill('Running'), locked);
      clock.advance(14_999);
      await turn();
      expect(calls.started + calls.ended.length).toBe(0);
      clock.advance(1);
      await turn();
      expect([calls.started, calls.ended.length]).toEqual([started, ended]);
      housekeeping.close();
      expect(clock.timers).toBe(0);
    }
  });

  test('instances of an app that does not exist are ended', async () => {
    const { clock, tracker, calls } = keep({}, ['Running']);
    tracker.put(makeInstance({ id: 'gone.instance-1', appId: '/gone' }));
    clock.advance(15_000);
    await turn();
    expect(calls.ended).toEqual(['gone.instance-1']);
  });
});
