import type { OfferRefusal, PathId, Timestamp, UnusedOffer } from '../../../protocols/marathon/types.ts';
import type { Offer, Resource } from '../../../protocols/mesos/types.ts';
import type { InstanceTracker } from '../instances.ts';
import type { Instance } from '../model/instance.ts';

/** What became of the offers that an app with instances to launch has seen. */
export interface OfferRecord {
  since: Timestamp;
  processed: number;
  unused: number;
  lastUnusedAt?: Timestamp;
  lastUsedAt?: Timestamp;
  /** Refusals of all offers since the launch began, by the first reason. */
  refusals: Record<string, number>;
  /** The last refused offer of each agent, by agent. */
  lastOffers: Map<string, UnusedOffer>;
}

/** The instances that wait for an offer, by app. */
export interface LaunchQueue {
  /** Apps with waiting instances, those that waited longest first. */
  appIds(): IterableIterator<PathId>;
  /** Waiting instances of an app, oldest first. */
  waiting(appId: PathId): ReadonlySet<string>;
  readonly size: number;
  record(appId: PathId): OfferRecord | undefined;
  used(appId: PathId, now: Timestamp): void;
  refused(appId: PathId, offer: Offer, reasons: readonly OfferRefusal[], now: Timestamp): void;
}

const none: ReadonlySet<string> = new Set();

/** @param onAdded an instance began to wait */
export function createLaunchQueue(
  tracker: InstanceTracker,
  now: () => Timestamp,
  onAdded: (instance: Instance) => void,
): LaunchQueue {
  const queue = new Map<PathId, { ids: Set<string>; record: OfferRecord }>();
  let size = 0;

  const add = (instance: Instance) => {
    let entry = queue.get(instance.appId);
    if (!entry) {
      const record = { since: now(), processed: 0, unused: 0, refusals: {}, lastOffers: new Map() };
      queue.set(instance.appId, (entry = { ids: new Set(), record }));
    }
    if (entry.ids.has(instance.id)) return;
    entry.ids.add(instance.id);
    size++;
    onAdded(instance);
  };
  const remove = (instance: Instance) => {
    const entry = queue.get(instance.appId);
    if (!entry?.ids.delete(instance.id)) return;
    size--;
    if (entry.ids.size === 0) queue.delete(instance.appId);
  };
  const waits = (instance: Instance | undefined): instance is Instance =>
    instance !== undefined && instance.condition === 'Scheduled' && instance.goal === 'Running';

  for (const instance of tracker.all()) if (waits(instance)) add(instance);
  tracker.onChange(({ before, after }) => {
    if (waits(after)) add(after);
    else if (waits(before)) remove(before);
  });

  return {
    appIds: () => queue.keys(),
    waiting: (appId) => queue.get(appId)?.ids ?? none,
    get size() {
      return size;
    },
    record: (appId) => queue.get(appId)?.record,
    used(appId, at) {
      const record = queue.get(appId)?.record;
      if (!record) return;
      record.processed++;
      record.lastUsedAt = at;
    },
    refused(appId, offer, reasons, at) {
      const record = queue.get(appId)?.record;
      if (!record) return;
      record.processed++;
      record.unused++;
      record.lastUnusedAt = at;
      const first = reasons[0] ?? 'DeclinedScarceResources';
      record.refusals[first] = (record.refusals[first] ?? 0) + 1;
      record.lastOffers.set(offer.agent_id.value, unusedOffer(offer, reasons, at));
    },
  };
}

function unusedOffer(offer: Offer, reasons: readonly OfferRefusal[], timestamp: Timestamp): UnusedOffer {
  return {
    offer: {
      id: offer.id.value,
      agentId: offer.agent_id.value,
      hostname: offer.hostname,
      resources: offer.resources.map((resource) => ({ ...describe(resource), role: roleOf(resource) })),
      attributes: (offer.attributes ?? []).map(describe),
    },
    reason: reasons,
    timestamp,
  };
}

function describe(value: Resource | NonNullable<Offer['attributes']>[number]) {
  return {
    name: value.name,
    ...('text' in value && value.text ? { text: value.text.value } : {}),
    ...(value.scalar ? { scalar: value.scalar.value } : {}),
    ...(value.ranges ? { ranges: value.ranges.range } : {}),
    ...(value.set ? { set: value.set.item } : {}),
  };
}

function roleOf(resource: Resource): string {
  return resource.reservations?.at(-1)?.role ?? resource.role ?? '*';
}
