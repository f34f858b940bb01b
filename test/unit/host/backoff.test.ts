import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextRestartDelay } from '../../../src/embedded/host/backoff.ts';

describe('the wait before a service is started again', () => {
  it('is next to nothing the first time', () => {
    expect(nextRestartDelay(undefined, 3)).toBe(10);
  });

  it('doubles while the service ends soon after its start, up to five seconds', () => {
    const delays = [nextRestartDelay(undefined, 0)];
    while (delays.length < 9) delays.push(nextRestartDelay(delays.at(-1), 0));
    expect(delays).toEqual([10, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('is short again after a run that lasted', () => {
    expect(nextRestartDelay(5000, 60_000)).toBe(10);
  });

  it('is never zero nor over the limit', () => {
    fc.assert(
      fc.property(fc.option(fc.nat(5000), { nil: undefined }), fc.nat(), (previous, ran) => {
        const delay = nextRestartDelay(previous, ran);
        expect(delay).toBeGreaterThan(0);
        expect(delay).toBeLessThanOrEqual(5000);
      }),
    );
  });
});
