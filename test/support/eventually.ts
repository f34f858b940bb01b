import { vi } from 'vitest';

/** Resolves once `check` no longer throws; a busy machine gets its time. Rejects with the last error after ten seconds. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 10_000, interval: 5 });
}
