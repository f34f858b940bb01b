import type { Clock } from '../../../support/clock.ts';

/** Tells the master for which roles offers are wanted. */
export interface OfferDemand {
  /** The roles with something to launch now. `fresh`: new demand, for which refused offers shall come again. */
  update(roles: ReadonlySet<string>, fresh: boolean): void;
  /** A new subscription has begun, with these roles suppressed: filters and suppressions of the old one are gone. */
  subscribed(suppressed: ReadonlySet<string>): void;
  /** The roles of `all` that nothing is wanted for. */
  unwanted(all: Iterable<string>): string[];
  disconnected(): void;
  close(): void;
}

export interface OfferDemandOptions {
  clock: Clock;
  /** Roles are revived at most this often, in milliseconds. */
  minReviveMs: number;
  revive: (roles: string[]) => void;
  suppress: (roles: string[]) => void;
}

export function createOfferDemand(options: OfferDemandOptions): OfferDemand {
  const { clock } = options;
  let wanted: ReadonlySet<string> = new Set();
  let suppressed = new Set<string>();
  let connected = false;
  let lastRevive = Number.NEGATIVE_INFINITY;
  const due = new Set<string>();
  let cancel: (() => void) | undefined;

  const reviveDue = () => {
    cancel = undefined;
    const roles = [...due].filter((role) => wanted.has(role));
    due.clear();
    if (!connected || roles.length === 0) return;
    lastRevive = clock.monotonic();
    for (const role of roles) suppressed.delete(role);
    options.revive(roles);
  };

  return {
    update(roles, fresh) {
      const before = wanted;
      wanted = new Set(roles);
      if (!connected) return;
      const idle = [...before].filter((role) => !wanted.has(role) && !suppressed.has(role));
      if (idle.length > 0) {
        for (const role of idle) suppressed.add(role);
        options.suppress(idle);
      }
      for (const role of wanted) if (fresh || !before.has(role) || suppressed.has(role)) due.add(role);
      if (due.size === 0 || cancel) return;
      const wait = lastRevive + options.minReviveMs - clock.monotonic();
      if (wait <= 0) reviveDue();
      else cancel = clock.after(wait, reviveDue);
    },
    subscribed(roles) {
      connected = true;
      suppressed = new Set(roles);
      due.clear();
      const missed = [...wanted].filter((role) => suppressed.has(role));
      if (missed.length === 0) return;
      for (const role of missed) due.add(role);
      cancel?.();
      reviveDue();
    },
    unwanted: (all) => [...all].filter((role) => !wanted.has(role)),
    disconnected() {
      connected = false;
      cancel?.();
      cancel = undefined;
      due.clear();
    },
    close: () => cancel?.(),
  };
}
