import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  delayAfter,
  delayDeadline,
  delayKey,
  isDelayOver,
  type LaunchDelay,
} from '../../../src/embedded/marathon/model/backoff.ts';
import type { Condition } from '../../../src/embedded/marathon/model/instance.ts';
import { at, makeApp } from './make.ts';

const app = makeApp('/app', { backoffSeconds: 2, backoffFactor: 3, maxLaunchDelaySeconds: 10 });

describe('the launch delay', () => {
  it('begins with the first failure and grows with each, up to its limit', () => {
    let delay: LaunchDelay | undefined;
    const delays: number[] = [];
    for (let i = 0; i < 4; i++) {
      delay = delayAfter(delay, app, 'Failed', 1000 * i) as LaunchDelay;
      delays.push(delay.delay);
      expect(delayDeadline(delay)).toBe(1000 * i + delay.delay);
    }
    expect(delays).toEqual([2000, 6000, 10000, 10000]);
  });

  it.each<[Condition, boolean]>([
    ['Failed', true],
    ['Error', true],
    ['Dropped', true],
    ['Gone', true],
    ['Finished', true],
    ['Killed', false],
    ['Unreachable', false],
    ['Unknown', false],
    ['Running', false],
  ])('%s raises it: %s', (condition, raises) => {
    expect(delayAfter(undefined, app, condition, 0) !== undefined).toBe(raises);
  });

  it.each<Condition>(['Provisioned', 'Staging', 'Starting', 'Running'])('%s lets it begin anew', (condition) => {
    const delay = delayAfter(undefined, app, 'Failed', 0);
    expect(delayAfter(delay, app, condition, 5000)).toEqual({ ...delay, since: 5000 });
    expect(delayAfter(undefined, app, condition, 5000)).toBeUndefined();
  });

  it('is forgotten some time after', () => {
    const delay = delayAfter(undefined, app, 'Failed', 0) as LaunchDelay;
    expect(isDelayOver(delay, 10_000)).toBe(false);
    expect(isDelayOver(delay, 10_001)).toBe(true);
  });

  it('is kept by app and configuration, so that scaling does not lift it', () => {
    const scaled = { ...app, version: at(9), versionInfo: { ...app.versionInfo, lastScalingAt: at(9) } };
    const changed = { ...app, version: at(9), versionInfo: { lastScalingAt: at(9), lastConfigChangeAt: at(9) } };
    expect(delayKey(scaled)).toBe(delayKey(app));
    expect(delayKey(changed)).not.toBe(delayKey(app));
  });

  it('is never beyond its limit, nor the first one beyond it', () => {
    fc.assert(
      fc.property(
        fc.nat(100),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(100),
        fc.nat(20),
        (backoffSeconds, backoffFactor, maxLaunchDelaySeconds, failures) => {
          const one = makeApp('/a', { backoffSeconds, backoffFactor, maxLaunchDelaySeconds });
          let delay: LaunchDelay | undefined;
          let last = 0;
          for (let i = 0; i <= failures; i++) {
            delay = delayAfter(delay, one, 'Failed', i);
            expect(delay?.delay).toBeLessThanOrEqual(maxLaunchDelaySeconds * 1000);
            expect(delay?.delay).toBeGreaterThanOrEqual(last);
            last = delay?.delay ?? 0;
          }
        },
      ),
    );
  });
});
