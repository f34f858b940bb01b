import { describe, expect, it } from 'vitest';
import { whyWaiting } from '../../../src/apps/deployment.ts';
import type { DeclinedOfferStep, QueueItem } from '../../../src/protocols/marathon/types.ts';

function item(overrides: { steps?: DeclinedOfferStep[]; unused?: number; delay?: number }): QueueItem {
  return {
    count: 2,
    role: '*',
    since: '2026-01-01T00:00:00.000Z',
    delay: { timeLeftSeconds: overrides.delay ?? 0, overdue: true },
    processedOffersSummary: {
      processedOffersCount: 3,
      unusedOffersCount: overrides.unused ?? 3,
      rejectSummaryLastOffers: overrides.steps ?? [],
      rejectSummaryLaunchAttempt: [],
    },
    app: { id: '/big' } as QueueItem['app'],
  };
}

describe('why an app is not started', () => {
  it('names the resource no offer has enough of', () => {
    const steps: DeclinedOfferStep[] = [
      { reason: 'UnfulfilledRole', declined: 0, processed: 3 },
      { reason: 'InsufficientCpus', declined: 3, processed: 3 },
    ];
    expect(whyWaiting(item({ steps }))).toBe('/big: 2 not started: no node has enough cpus free (3 of 3 offers)');
  });

  it('names all reasons when nodes differ', () => {
    const steps: DeclinedOfferStep[] = [
      { reason: 'UnfulfilledConstraint', declined: 2, processed: 3 },
      { reason: 'InsufficientMemory', declined: 1, processed: 1 },
    ];
    expect(whyWaiting(item({ steps }))).toContain(
      'no node satisfies its constraints (2 of 3 offers); no node has enough memory free (1 of 1 offers)',
    );
  });

  it('says nothing while some offer fits or none came', () => {
    expect(whyWaiting(item({ steps: [{ reason: 'InsufficientCpus', declined: 1, processed: 3 }] }))).toBeUndefined();
    expect(whyWaiting(item({ unused: 0 }))).toBeUndefined();
  });

  it('tells the delay after failures', () => {
    expect(whyWaiting(item({ delay: 12 }))).toContain('12 s');
  });
});
