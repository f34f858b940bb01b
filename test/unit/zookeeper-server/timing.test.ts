import { describe, expect, test } from 'vitest';
import { createHostClock } from '../../../src/embedded/zookeeper/host-clock.ts';
import { createSessionTimes } from '../../../src/embedded/zookeeper/server/sessions.ts';
import { createManualClock } from '../../support/manual-clock.ts';

describe('the time by which a server judges others', () => {
  const setUp = () => {
    const clock = createManualClock();
    const late: number[] = [];
    const host = createHostClock(clock, 250, (ms) => late.push(ms));
    return { clock, host, late };
  };

  test('runs with the clock while the server runs', () => {
    const { clock, host, late } = setUp();
    clock.advance(10_100);
    expect(host.now()).toBe(10_100);
    expect(late).toEqual(Array(40).fill(0));
  });

  test('stands still while the server could not run', () => {
    const { clock, host, late } = setUp();
    clock.advance(1000);
    clock.sleep(60_000);
    expect(host.now()).toBeLessThan(1800);
    expect(late.at(-1)).toBeGreaterThan(59_000);
    clock.advance(1000);
    expect(host.now()).toBeLessThan(2800);
  });

  test('never goes back', () => {
    const clock = createManualClock();
    const seen: number[] = [];
    const host = createHostClock(clock, 250, () => seen.push(host.now()));
    for (const ms of [100, 300, 370, 380, 1000, 10, 700]) {
      clock.sleep(ms);
      seen.push(host.now());
    }
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    host.stop();
  });

  test('wakes when its time has come, however long it stood still before', () => {
    const { clock, host } = setUp();
    let woken = 0;
    host.wakeAt(1000, () => {
      woken = host.now();
    });
    clock.sleep(900);
    clock.advance(300);
    expect(woken).toBe(0);
    clock.advance(1000);
    expect(woken).toBeGreaterThanOrEqual(1000);
    expect(woken).toBeLessThan(1010);
  });

  test('wakes later or sooner when told so, and not at all when told never', () => {
    const { clock, host } = setUp();
    const woken: string[] = [];
    host.wakeAt(100, () => woken.push('first'));
    host.wakeAt(500, () => woken.push('second'));
    clock.advance(400);
    expect(woken).toEqual([]);
    clock.advance(200);
    expect(woken).toEqual(['second']);
    host.wakeAt(5000, () => woken.push('third'));
    host.wakeAt(700, () => woken.push('fourth'));
    clock.advance(200);
    expect(woken).toEqual(['second', 'fourth']);
    host.wakeAt(900, () => woken.push('never'));
    host.wakeAt(Number.POSITIVE_INFINITY, () => woken.push('never'));
    clock.advance(10_000);
    expect(woken).toEqual(['second', 'fourth']);
  });

  test('leaves no timer behind', () => {
    const { clock, host } = setUp();
    host.wakeAt(1e6, () => {});
    host.stop();
    expect(clock.timers).toBe(0);
  });
});

describe("sessions' time", () => {
  test('is over when nothing was heard for as long as was agreed, once', () => {
    const times = createSessionTimes();
    times.touch(1n, 1000, 0);
    times.touch(2n, 3000, 0);
    times.touch(1n, 1000, 600);
    expect(times.takeExpired(1599)).toEqual([]);
    expect(times.takeExpired(1600)).toEqual([1n]);
    expect(times.takeExpired(1600)).toEqual([]);
  });

  test('starts anew for everybody under a new leader', () => {
    const times = createSessionTimes();
    times.touch(9n, 10, 0);
    times.startAll([{ id: 1n, timeoutMs: 1000 }], 5000);
    expect(times.takeExpired(5999)).toEqual([]);
    expect(times.takeExpired(6000)).toEqual([1n]);
  });
});
