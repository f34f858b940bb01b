import { describe, expect, test } from 'vitest';
import { createInstanceTracker } from '../../../src/embedded/marathon/instances.ts';
import { createOfferDemand } from '../../../src/embedded/marathon/launch/demand.ts';
import { createKiller } from '../../../src/embedded/marathon/launch/killer.ts';
import { createLaunchTokens } from '../../../src/embedded/marathon/launch/tokens.ts';
import type { Condition, Instance } from '../../../src/embedded/marathon/model/instance.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const at = '2024-01-01T00:00:00.000Z';

function instance(id: string, condition: Condition = 'Running'): Instance {
  return {
    id,
    appId: '/web',
    appVersion: at,
    role: '*',
    goal: 'Decommissioned',
    condition,
    since: at,
    task: { id: `${id}._app.1`, hostPorts: [], stagedAt: at, ipAddresses: [] },
    placement: { agentId: 'S1', host: 'h', attributes: [] },
  };
}

describe('launch tokens', () => {
  test('are given back by time and by tasks that run, never more than there were', () => {
    const clock = createManualClock();
    let refilled = 0;
    const tokens = createLaunchTokens(clock, 2, 1000, () => refilled++);
    tokens.giveBack();
    expect([tokens.take(), tokens.take(), tokens.take()]).toEqual([true, true, false]);
    tokens.giveBack();
    expect(refilled).toBe(1);
    expect(tokens.left).toBe(1);
    clock.advance(1000);
    expect(tokens.left).toBe(2);
    expect(clock.timers).toBe(0);
  });
});

describe('the demand for offers', () => {
  function demandOf(minReviveMs: number) {
    const clock = createManualClock();
    const calls: string[] = [];
    const demand = createOfferDemand({
      clock,
      minReviveMs,
      revive: (roles) => calls.push(`revive ${roles}`),
      suppress: (roles) => calls.push(`suppress ${roles}`),
    });
    return { clock, calls, demand };
  }

  test('revives at once, then at most so often', () => {
    const { clock, calls, demand } = demandOf(5000);
    demand.subscribed(new Set());
    demand.update(new Set(['*']), true);
    demand.update(new Set(['*']), true);
    expect(calls).toEqual(['revive *']);
    clock.advance(4999);
    expect(calls).toHaveLength(1);
    clock.advance(1);
    expect(calls).toEqual(['revive *', 'revive *']);
  });

  test('suppresses what nothing is wanted for, role by role', () => {
    const { calls, demand } = demandOf(0);
    demand.subscribed(new Set(['a', 'b']));
    demand.update(new Set(['a', 'b']), true);
    demand.update(new Set(['b']), false);
    demand.update(new Set(), false);
    demand.update(new Set(['b']), true);
    expect(calls).toEqual(['revive a,b', 'suppress a', 'suppress b', 'revive b']);
  });

  test('a subscription that began suppressed is revived for what came up meanwhile', () => {
    const { calls, demand } = demandOf(5000);
    expect(demand.unwanted(['*'])).toEqual(['*']);
    demand.update(new Set(['*']), true);
    demand.subscribed(new Set(['*']));
    expect(calls).toEqual(['revive *']);
  });
});

describe('kills', () => {
  function killerOf(instances: Instance[], maxInFlight = 100) {
    const clock = createManualClock();
    const tracker = createInstanceTracker(instances, () => {});
    const sent: string[] = [];
    const unsent = new Set<string>();
    const killer = createKiller({
      tracker,
      clock,
      maxInFlight,
      retryMs: 1000,
      send: (taskId) => sent.push(taskId),
      cancelLaunch: (id) => unsent.delete(id),
    });
    return { clock, tracker, sent, unsent, killer };
  }

  test('are repeated until the task has ended', () => {
    const { clock, tracker, sent, killer } = killerOf([instance('a')]);
    killer.kill('a');
    killer.kill('a');
    expect(sent).toEqual(['a._app.1']);
    clock.advance(1500);
    expect(sent).toHaveLength(2);
    tracker.put(instance('a', 'Killed'));
    clock.advance(10_000);
    expect(sent).toHaveLength(2);
    expect(killer.inFlight).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test('are limited in number; the next follows when one is through', () => {
    const { tracker, sent, killer } = killerOf([instance('a'), instance('b')], 1);
    killer.kill('a');
    killer.kill('b');
    expect(sent).toEqual(['a._app.1']);
    tracker.forget('a');
    expect(sent).toEqual(['a._app.1', 'b._app.1']);
  });

  test('need no call where there is no task to reach', () => {
    const { tracker, sent, unsent, killer } = killerOf([
      instance('scheduled', 'Scheduled'),
      instance('away', 'UnreachableInactive'),
      instance('unsent', 'Provisioned'),
    ]);
    unsent.add('unsent');
    for (const id of ['scheduled', 'away', 'unsent']) killer.kill(id);
    expect(sent).toEqual([]);
    expect(tracker.size).toBe(0);
  });
});

test('listeners of instances see changes in order, those they make themselves included', () => {
  const kept: string[] = [];
  const tracker = createInstanceTracker([], ({ after }) => kept.push(after?.condition ?? 'gone'));
  const seen: string[] = [];
  tracker.onChange(({ after }) => {
    if (after?.condition === 'Failed') tracker.put({ ...after, condition: 'Scheduled' });
  });
  tracker.onChange(({ after }) => seen.push(after?.condition ?? 'gone'));
  tracker.put(instance('a', 'Failed'));
  tracker.forget('a');
  expect(seen).toEqual(['Failed', 'Scheduled', 'gone']);
  expect(kept).toEqual(['Failed', 'Scheduled', 'gone']);
  expect(tracker.ofApp('/web')).toEqual([]);
});
