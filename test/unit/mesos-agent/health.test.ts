import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Health, healthSettings, judge } from '../../../src/embedded/mesos-agent/health.ts';

/** What is told for a series of probes, one a second, with a grace period of 10. */
function tell(series: string, maxFailures = 3): string[] {
  let health: Health = { graceUntil: 10_000, initializing: true, failures: 0 };
  return [...series].map((probe, second) => {
    const verdict = judge(health, probe === '+', second * 1000, maxFailures);
    health = verdict.health;
    return `${verdict.healthy ?? ''}${verdict.kill ? ' kill' : ''}`;
  });
}

describe('health', () => {
  test('is told at the first success and then no more', () => {
    expect(tell('+++')).toEqual(['true', '', '']);
  });

  test('lost is told every time, and its return once', () => {
    expect(tell('+--++')).toEqual(['true', 'false', 'false', 'true', '']);
  });

  test('does not suffer from failures within the grace period, until the first success', () => {
    expect(tell('------+')).toEqual(['', '', '', '', '', '', 'true']);
    expect(tell('--+--', 2)).toEqual(['', '', 'true', 'false', 'false kill']);
  });

  test('ends the task after so many failures in a row once the grace period is over', () => {
    expect(tell('-'.repeat(14)).slice(10)).toEqual(['', 'false', 'false', 'false kill']);
    expect(tell('+--+---')).toEqual(['true', 'false', 'false', 'true', 'false', 'false', 'false kill']);
  });

  test('with no failures allowed ends the task at the first', () => {
    expect(tell('+-', 0)).toEqual(['true', 'false kill']);
  });

  test('never kills before so many failures in a row', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('+', '-') }), fc.integer({ min: 1, max: 5 }), (series, max) => {
        const first = tell(series, max).findIndex((told) => told.endsWith('kill'));
        if (first >= 0) expect(series.slice(first - max + 1, first + 1)).toBe('-'.repeat(max));
      }),
    );
  });

  test('has the defaults of Mesos', () => {
    expect(healthSettings({})).toEqual({
      delayMs: 15_000,
      intervalMs: 10_000,
      timeoutMs: 20_000,
      graceMs: 10_000,
      maxFailures: 3,
    });
  });
});
