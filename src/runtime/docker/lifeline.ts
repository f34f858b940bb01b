import { sleep } from '../../support/retry.ts';

export interface LifelineOptions {
  /** Whether the engine answers within that time. */
  ping(timeoutMs: number): Promise<boolean>;
  /** Gives up what is still asked of the engine. */
  cut(): void;
  /** What those who wait are told. */
  error(): Error;
  /** How long work goes on before the engine is asked whether it is there, and from one question to the next. */
  everyMs?: number;
  /** How long one answer may take. */
  timeoutMs?: number;
}

/** Ends what is asked of an engine that has fallen silent: its requests, which may take long, have no time limits. */
export interface Lifeline {
  /** @throws the error of an engine that does not answer any more */
  during<T>(work: () => Promise<T>): Promise<T>;
}

/** As many questions in a row without an answer; one alone may be due to a machine that slept or is busy. */
const mostSilent = 3;
const betweenSilentMs = 1_000;

export function createLifeline(options: LifelineOptions): Lifeline {
  const { ping, cut, error, everyMs = 2_000, timeoutMs = 3_000 } = options;
  const waiting = new Set<(reason: unknown) => void>();
  let watch: AbortController | undefined;
  let lost = false;

  const lose = () => {
    lost = true;
    for (const reject of waiting) reject(error());
    cut();
  };
  const watchOver = async (signal: AbortSignal) => {
    let silent = 0;
    await sleep(everyMs, signal);
    while (silent < mostSilent) {
      silent = (await ping(timeoutMs)) ? 0 : silent + 1;
      signal.throwIfAborted();
      await sleep(silent === 0 ? everyMs : Math.min(betweenSilentMs, everyMs), signal);
    }
    lose();
  };

  return {
    async during(work) {
      // Nobody waits twice for the same silence.
      if (lost && !(await ping(timeoutMs))) throw error();
      lost = false;
      let reject: (reason: unknown) => void = () => {};
      const silence = new Promise<never>((_, no) => {
        reject = no;
      });
      waiting.add(reject);
      if (!watch) {
        watch = new AbortController();
        watchOver(watch.signal).catch(() => {});
      }
      try {
        return await Promise.race([work(), silence]);
      } finally {
        waiting.delete(reject);
        if (waiting.size === 0) {
          watch?.abort();
          watch = undefined;
        }
      }
    },
  };
}
