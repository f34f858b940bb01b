import { type AppDefinition, type OfferRefusal, offerRefusals } from '../../../protocols/marathon/types.ts';
import { mergeRanges, subtractRanges } from '../../../protocols/mesos/ranges.ts';
import { anyRole } from '../../../protocols/mesos/resources.ts';
import type { Offer, Resource } from '../../../protocols/mesos/types.ts';
import type { ModelConfig } from './config.ts';
import { meetsConstraint, placementOf } from './constraints.ts';
import { holdsNothing, type Instance, type Placement } from './instance.ts';
import { isResident } from './normalize.ts';

/** Whether an offer fits an app. Source: mesos/ResourceMatcher.scala, tasks/PortsMatcher.scala of Marathon. */

/** What one instance takes of an offer. */
export interface OfferMatch {
  readonly kind: 'match';
  /** Resources in the form of the offer (role, reservation and allocation kept), ports included. */
  readonly resources: readonly Resource[];
  /** One entry per port definition or mapping, in their order; undefined where a mapping has no host port. */
  readonly hostPorts: readonly (number | undefined)[];
  readonly placement: Placement;
}

export interface OfferMismatch {
  readonly kind: 'refused';
  /** Every reason that was found, in funnel order; the first is the one that counts. */
  readonly reasons: readonly OfferRefusal[];
}

export interface MatchContext {
  readonly config: ModelConfig;
  /** Placements that constraints count, see {@link constraintPlacements}. */
  readonly placed: readonly Placement[];
  readonly random: () => number;
  /** Milliseconds since 1970; offers of agents in maintenance are refused. */
  readonly now: number;
}

/**
 * Where the app's instances are as its constraints see them: those with a task, of the current configuration. Older
 * ones don't count, so that a new instance may take the place beside the one it replaces.
 */
export function constraintPlacements(app: AppDefinition, instances: readonly Instance[]): Placement[] {
  const placed: Placement[] = [];
  for (const instance of instances)
    if (instance.placement && !holdsNothing(instance) && instance.appVersion >= app.versionInfo.lastConfigChangeAt)
      placed.push(instance.placement);
  return placed;
}

/** The role a resource is reserved for, in the form with one role or in the refined one. */
function roleOf(resource: Resource): string {
  return resource.reservations?.at(-1)?.role ?? resource.role ?? anyRole;
}

/** Reservations that Marathon itself made are for the instance they were made for. */
function isForAnInstance(resource: Resource): boolean {
  const labels = resource.reservations?.at(-1)?.labels ?? resource.reservation?.labels;
  return (labels?.labels ?? []).some(({ key }) => key === 'marathon_framework_id' || key === 'marathon_task_id');
}

function acceptedRoles(app: AppDefinition, config: ModelConfig): readonly string[] {
  if (app.acceptedResourceRoles) return app.acceptedResourceRoles;
  switch (config.defaultAcceptedResourceRoles) {
    case 'any':
      return [anyRole, app.role];
    case 'reserved':
      return [app.role];
    case 'unreserved':
      return [anyRole];
  }
}

const rounded = (value: number) => Math.round(value * 1000) / 1000;

/** Takes `wanted` of a scalar out of the resources, in their order; undefined when there is not enough. */
function takeScalar(resources: readonly Resource[], name: string, wanted: number): Resource[] | undefined {
  const taken: Resource[] = [];
  let left = wanted;
  for (const resource of resources) {
    if (left <= 0) break;
    // Disks other than the root's are for volumes alone.
    if (resource.name !== name || resource.disk?.source) continue;
    const value = Math.min(left, resource.scalar?.value ?? 0);
    if (value <= 0) continue;
    taken.push({ ...resource, scalar: { value: rounded(value) } });
    left = rounded(left - value);
  }
  return left > 0 ? undefined : taken;
}

interface PortRange {
  readonly resource: Resource;
  readonly begin: number;
  readonly end: number;
}

interface OfferedPort {
  readonly resource: Resource;
  readonly port: number;
}

function* portsOf({ resource, begin, end }: PortRange): Generator<OfferedPort> {
  for (let port = begin; port <= end; port++) yield { resource, port };
}

/**
 * All offered ports: the ranges in random order, from a random port on and around. Consecutive ports keep the ranges
 * whole, and a random start keeps a port from being reused before load balancers have noticed.
 */
function* randomPorts(ranges: readonly PortRange[], random: () => number): Generator<OfferedPort> {
  const shuffled = [...ranges];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j] as PortRange, shuffled[i] as PortRange];
  }
  const total = shuffled.reduce((sum, { begin, end }) => sum + end - begin + 1, 0);
  let skip = Math.floor(random() * total);
  for (const [index, range] of shuffled.entries()) {
    const size = range.end - range.begin + 1;
    if (skip >= size) {
      skip -= size;
      continue;
    }
    const start = range.begin + skip;
    yield* portsOf({ ...range, begin: start });
    for (const later of shuffled.slice(index + 1)) yield* portsOf(later);
    for (const earlier of shuffled.slice(0, index)) yield* portsOf(earlier);
    yield* portsOf({ ...range, end: start - 1 });
    return;
  }
}

/** Takes the app's host ports; undefined when one can't be had. */
function takePorts(
  app: AppDefinition,
  resources: readonly Resource[],
  random: () => number,
): readonly (OfferedPort | undefined)[] | undefined {
  const mappings = app.container?.portMappings ?? [];
  // A number is that very port, 0 any port, undefined none.
  const wanted: readonly (number | undefined)[] =
    mappings.length > 0
      ? mappings.map(({ hostPort }) => hostPort)
      : (app.portDefinitions ?? []).map(({ port }) => (app.requirePorts ? port : 0));
  if (wanted.length === 0) return [];
  const ranges: PortRange[] = resources
    .filter(({ name }) => name === 'ports')
    .flatMap((resource) => (resource.ranges?.range ?? []).map(({ begin, end }) => ({ resource, begin, end })))
    .filter(({ begin, end }) => begin <= end);
  const fixed = new Set(wanted.filter((port) => port !== undefined && port !== 0));
  const free = randomPorts(ranges, random);
  const ports: (OfferedPort | undefined)[] = [];
  for (const port of wanted) {
    if (port === undefined) {
      ports.push(undefined);
      continue;
    }
    let found: OfferedPort | undefined;
    if (port !== 0) {
      const range = ranges.find(({ begin, end }) => begin <= port && port <= end);
      found = range && { resource: range.resource, port };
    } else {
      do found = free.next().value ?? undefined;
      while (found && fixed.has(found.port));
    }
    if (!found) return undefined;
    ports.push(found);
  }
  return ports;
}

function portResources(ports: readonly (OfferedPort | undefined)[]): Resource[] {
  const bySource = new Map<Resource, number[]>();
  for (const offered of ports) {
    if (!offered) continue;
    const known = bySource.get(offered.resource);
    if (known) known.push(offered.port);
    else bySource.set(offered.resource, [offered.port]);
  }
  return [...bySource].map(([resource, numbers]) => ({
    ...resource,
    ranges: { range: mergeRanges(numbers.map((port) => ({ begin: port, end: port }))) },
  }));
}

function isInMaintenance(offer: Offer, now: number): boolean {
  if (!offer.unavailability) return false;
  const { start, duration } = offer.unavailability;
  const begin = start.nanoseconds / 1e6;
  return now >= begin && (!duration || now < begin + duration.nanoseconds / 1e6);
}

/** Apps without GPUs leave agents that have some to those that need them. */
function wastesGpus(app: AppDefinition, offer: Offer, config: ModelConfig): boolean {
  const label = app.labels.GPU_SCHEDULING_BEHAVIOR;
  const behaviour =
    label === 'restricted' || label === 'unrestricted' ? label : (config.gpuSchedulingBehavior ?? 'restricted');
  return (
    behaviour === 'restricted' &&
    app.gpus === 0 &&
    offer.resources.some(({ name, scalar }) => name === 'gpus' && (scalar?.value ?? 0) > 0)
  );
}

const scalars = [
  ['cpus', 'InsufficientCpus'],
  ['mem', 'InsufficientMemory'],
  ['disk', 'InsufficientDisk'],
  ['gpus', 'InsufficientGpus'],
] as const;

/** Tries whether one instance of the app fits into what is left of the offer. */
export function matchOffer(offer: Offer, app: AppDefinition, context: MatchContext): OfferMatch | OfferMismatch {
  const reasons = new Set<OfferRefusal>();
  const roles = acceptedRoles(app, context.config);
  const resources = offer.resources.filter(
    (resource) =>
      roles.includes(roleOf(resource)) &&
      !resource.disk?.persistence &&
      !resource.revocable &&
      !isForAnInstance(resource),
  );
  const offeredTo = offer.allocation_info?.role;
  if (resources.length === 0 || (offeredTo !== undefined && offeredTo !== app.role)) reasons.add('UnfulfilledRole');

  const placement = placementOf(offer);
  if (!app.constraints.every((constraint) => meetsConstraint(constraint, context.placed, placement, app.instances)))
    reasons.add('UnfulfilledConstraint');
  // Nothing reserves resources for apps that keep data, so there is never a reservation of theirs in an offer.
  if (isResident(app)) reasons.add('NoCorrespondingReservationFound');
  if (isInMaintenance(offer, context.now)) reasons.add('AgentMaintenance');
  const taken: Resource[] = [];
  for (const [name, reason] of scalars) {
    const part = takeScalar(resources, name, app[name]);
    if (part) taken.push(...part);
    else reasons.add(reason);
  }
  if (wastesGpus(app, offer, context.config)) reasons.add('DeclinedScarceResources');
  const ports = takePorts(app, resources, context.random);
  if (!ports) reasons.add('InsufficientPorts');
  if (!ports || reasons.size > 0)
    return { kind: 'refused', reasons: offerRefusals.filter((reason) => reasons.has(reason)) };
  return {
    kind: 'match',
    resources: [...taken, ...portResources(ports)],
    hostPorts: ports.map((offered) => offered?.port),
    placement,
  };
}

/** What tells resources of one offer apart besides how much there is of them. Matches keep the order of members. */
function keyOf({ scalar: _s, ranges: _r, set: _i, ...rest }: Resource): string {
  return JSON.stringify(rest);
}

/** The offer without what a match takes, for a further instance. */
export function remainingOffer(offer: Offer, match: OfferMatch): Offer {
  const taken = new Map<string, Resource[]>();
  for (const resource of match.resources) {
    const key = keyOf(resource);
    taken.set(key, [...(taken.get(key) ?? []), { ...resource }]);
  }
  const resources = offer.resources.flatMap((resource): Resource[] => {
    const parts = taken.get(keyOf(resource));
    if (!parts) return [resource];
    if (resource.scalar) {
      const whole = resource.scalar.value;
      let left = whole;
      // Two resources of an offer may be alike: what one can't cover is taken from the next.
      for (const part of parts) {
        const value = Math.min(left, part.scalar?.value ?? 0);
        left = rounded(left - value);
        if (part.scalar) part.scalar = { value: rounded(part.scalar.value - value) };
      }
      return left > 0 ? [{ ...resource, scalar: { value: left } }] : [];
    }
    const range = subtractRanges(
      resource.ranges?.range ?? [],
      parts.flatMap((part) => part.ranges?.range ?? []),
    );
    return range.length > 0 ? [{ ...resource, ranges: { range } }] : [];
  });
  return { ...offer, resources };
}
