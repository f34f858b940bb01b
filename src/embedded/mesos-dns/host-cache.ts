import type { Clock } from '../../support/clock.ts';

/** All addresses of a name, as the system's resolver has them. Rejects when there are none. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** Names resolved in the background, so that no reload waits for a resolver. */
export interface HostCache {
  /** What is known now; a name asked for the first time is looked up. */
  resolve(host: string): readonly string[];
  /** Looks up again what is older than a minute. */
  refresh(): void;
}

const maxAgeMs = 60_000;
const maxNames = 4096;

/** @param onChange called when a name has got other addresses than `resolve` said */
export function createHostCache(lookup: Lookup, clock: Clock, onChange: () => void): HostCache {
  const entries = new Map<string, { addresses: readonly string[]; askedAt: number; asking: boolean }>();
  const ask = (host: string) => {
    const entry = entries.get(host) ?? { addresses: [], askedAt: 0, asking: false };
    entries.set(host, entry);
    if (entry.asking) return;
    entry.asking = true;
    entry.askedAt = clock.monotonic();
    lookup(host)
      .catch(() => [])
      .then((addresses: readonly string[]) => {
        entry.asking = false;
        if (addresses.join() === entry.addresses.join()) return;
        entry.addresses = addresses;
        onChange();
      });
  };
  return {
    resolve(host) {
      if (!entries.has(host)) {
        if (entries.size >= maxNames) entries.clear();
        ask(host);
      }
      return entries.get(host)?.addresses ?? [];
    },
    refresh() {
      const now = clock.monotonic();
      for (const [host, { askedAt }] of entries) if (now - askedAt > maxAgeMs) ask(host);
    },
  };
}
