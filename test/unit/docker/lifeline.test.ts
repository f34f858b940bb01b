import { describe, expect, it } from 'vitest';
import { createLifeline } from '../../../src/runtime/docker/lifeline.ts';

/** An engine whose answers are made up, and what is done to its connections. */
function engine(answers: (asked: number) => boolean) {
  let asked = 0;
  let cuts = 0;
  const lifeline = createLifeline({
    ping: async () => answers(++asked),
    cut: () => void cuts++,
    error: () => new Error('silent'),
    everyMs: 1,
  });
  return { lifeline, asked: () => asked, cuts: () => cuts };
}
const never = () => new Promise<never>(() => {});

describe('what is asked of an engine', () => {
  it('has all the time it needs while the engine answers other questions', async () => {
    const { lifeline, asked, cuts } = engine(() => true);
    const slow = new Promise((resolve) => {
      const look = () => (asked() < 5 ? setTimeout(look, 1) : resolve('done'));
      look();
    });
    expect(await lifeline.during(() => slow as Promise<string>)).toBe('done');
    expect(cuts()).toBe(0);
  });

  it('ends with an error when the engine answers nothing at all, and its connections with it', async () => {
    const { lifeline, asked, cuts } = engine(() => false);
    const both = [lifeline.during(never), lifeline.during(never)];
    for (const each of both) await expect(each).rejects.toThrow('silent');
    expect([asked(), cuts()]).toEqual([3, 1]);
    // Who comes later is told at once.
    await expect(lifeline.during(never)).rejects.toThrow('silent');
    expect(asked()).toBe(4);
  });

  it('goes on when the engine was silent for a while only', async () => {
    const { lifeline, asked } = engine((n) => n % 3 === 0);
    const slow = new Promise<string>((resolve) => {
      const look = () => (asked() < 7 ? setTimeout(look, 1) : resolve('done'));
      look();
    });
    expect(await lifeline.during(() => slow)).toBe('done');
  });

  it('works again when the engine is back', async () => {
    const { lifeline } = engine((n) => n > 3);
    await expect(lifeline.during(never)).rejects.toThrow('silent');
    expect(await lifeline.during(async () => 'back')).toBe('back');
  });

  it('fails in its own way otherwise', async () => {
    const { lifeline } = engine(() => true);
    await expect(lifeline.during(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  });
});
