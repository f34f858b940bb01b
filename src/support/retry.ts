export interface RetryOptions {
  /** First pause in milliseconds; doubles up to `maxDelayMs`. */
  delayMs?: number;
  maxDelayMs?: number;
  /** Give up (and throw the last error) after this many milliseconds; unlimited without it. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Errors for which it is false end the retries at once. */
  retryable?: (error: unknown) => boolean;
}

/**
 * Calls `attempt` until it resolves.
 * @throws the last error of `attempt` after the time limit, or the signal's reason
 */
export async function retry<T>(attempt: (signal?: AbortSignal) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { maxDelayMs = 1000, timeoutMs = Number.POSITIVE_INFINITY, signal } = options;
  let delayMs = options.delayMs ?? 10;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await attempt(signal);
    } catch (error) {
      if (options.retryable && !options.retryable(error)) throw error;
      if (performance.now() + delayMs > deadline) throw error;
    }
    await sleep(delayMs, signal);
    delayMs = Math.min(delayMs * 2, maxDelayMs);
  }
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
