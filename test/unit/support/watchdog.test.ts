import { describe, expect, it } from 'vitest';
import { coalesce } from '../../../src/support/coalesce.ts';
import { createWatchdog, patientTimer } from '../../../src/support/watchdog.ts';
import { createManualClock } from '../../support/manual-clock.ts';

describe('a watchdog', () => {
  function watch(ms: number) {
    const clock = createManualClock();
    const silences: number[] = [];
    const watchdog = createWatchdog(clock, ms, () => silences.push(clock.monotonic()));
    return { clock, watchdog, silences };
  }

  it('speaks up once after silence of that length', () => {
    const { clock, silences } = watch(1000);
    clock.advance(999);
    expect(silences).toEqual([]);
    clock.advance(5000);
    expect(silences).toEqual([1000]);
    expect(clock.timers).toBe(0);
  });

  it('counts from the last sign of life', () => {
    const { clock, watchdog, silences } = watch(1000);
    clock.advance(700);
    watchdog.heard();
    clock.advance(999);
    expect(silences).toEqual([]);
    clock.advance(1);
    expect(silences).toEqual([1700]);
  });

  it('does not count time in which the process did not run', () => {
    const { clock, watchdog, silences } = watch(1000);
    clock.advance(500);
    clock.sleep(60_000);
    expect(silences).toEqual([]);
    watchdog.heard();
    clock.advance(999);
    expect(silences).toEqual([]);
    clock.advance(1);
    expect(silences).toHaveLength(1);
  });

  it('still speaks up when nothing comes after such a pause', () => {
    const { clock, silences } = watch(1000);
    clock.sleep(60_000);
    clock.advance(1000);
    expect(silences).toHaveLength(1);
  });

  it('is silent after it was closed', () => {
    const { clock, watchdog, silences } = watch(1000);
    watchdog.close();
    clock.advance(5000);
    expect([silences, clock.timers]).toEqual([[], 0]);
  });
});

describe('a patient timer', () => {
  it('runs at its time, and after another wait when it would run late', () => {
    const clock = createManualClock();
    const runs: number[] = [];
    patientTimer(clock, 100, 30, () => runs.push(clock.monotonic()));
    clock.advance(100);
    patientTimer(clock, 100, 30, () => runs.push(clock.monotonic()));
    clock.sleep(500);
    expect(runs).toEqual([100]);
    clock.advance(30);
    expect(runs).toEqual([100, 630]);
  });

  it('can be cancelled at any time', () => {
    const clock = createManualClock();
    const cancel = patientTimer(clock, 100, 30, () => expect.unreachable());
    clock.sleep(500);
    cancel();
    clock.advance(100);
    expect(clock.timers).toBe(0);
  });
});

describe('coalesced work', () => {
  it('runs once more, however often it was asked for while it ran', async () => {
    let runs = 0;
    let release = () => {};
    const ask = coalesce(async () => {
      runs++;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    const done = ask();
    ask();
    ask();
    expect(runs).toBe(1);
    release();
    await Promise.resolve();
    await Promise.resolve();
    expect(runs).toBe(2);
    release();
    await done;
    expect(runs).toBe(2);
    void ask();
    expect(runs).toBe(3);
    release();
  });
});
