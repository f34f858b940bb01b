import { describe, expect, it } from 'vitest';
import { createMovableClock } from '../../../src/support/clock.ts';
import { createManualClock } from '../../support/manual-clock.ts';

describe('a movable clock', () => {
  it('runs like the clock below it, ahead by as much as it was moved on', async () => {
    const base = createManualClock();
    const clock = createMovableClock(base);
    base.advance(10);
    await clock.advance(500);
    base.advance(5);
    expect([clock.monotonic(), clock.now() - base.now()]).toEqual([515, 500]);
  });

  it('runs what becomes due in order, each at its own time, and what that starts', async () => {
    const base = createManualClock();
    const clock = createMovableClock(base);
    const seen: string[] = [];
    const note = (what: string) => () => seen.push(`${what} at ${clock.monotonic()}`);
    clock.after(300, note('third'));
    clock.after(100, () => {
      note('first')();
      clock.after(50, note('second'));
    });
    const cancelled = clock.after(200, note('never'));
    clock.after(1001, note('later'));
    cancelled();
    await clock.advance(1000);
    expect(seen).toEqual(['first at 100', 'second at 150', 'third at 300']);
    base.advance(1);
    expect(seen.at(-1)).toBe('later at 1001');
  });

  it('runs intervals as often as they are due, until they are cancelled', async () => {
    const base = createManualClock();
    const clock = createMovableClock(base);
    const times: number[] = [];
    const cancel = clock.every(100, () => times.push(clock.monotonic()));
    base.advance(100);
    await clock.advance(250);
    base.advance(50);
    expect(times).toEqual([100, 200, 300, 400]);
    cancel();
    await clock.advance(1000);
    expect([times.length, base.timers]).toEqual([4, 0]);
  });

  it('moves one way after the other', async () => {
    const clock = createMovableClock(createManualClock());
    await Promise.all([clock.advance(100), clock.advance(200)]);
    expect(clock.monotonic()).toBe(300);
  });
});
