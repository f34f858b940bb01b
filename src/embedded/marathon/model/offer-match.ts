import { type OfferRefusal, offerRefusals } from '../../../protocols/marathon/types.ts';
import { subtractRanges } from '../../../protocols/mesos/ranges.ts';
import { anyRole } from '../../../protocols/mesos/resources.ts';
import type { Offer, Resource } from '../../../protocols/mesos/types.ts';
import type { ModelConfig } from './config.ts';
import { meetsConstraint, placementOf } from './constraints.ts';
import { holdsNothing, type Instance, type Placement } from './instance.ts';
import { portResources, takePorts } from './port-match.ts';
import { isForAnInstance, isReservedFor, takeVolumes, type VolumeToMake } from './reservation.ts';
import { keepsData, keptVolumes, type RunSpec, resourcesOf, wantedHostPorts } from './run-spec.ts';

/** Whether an offer fits an app or a pod. Source: mesos/ResourceMatcher.scala of Marathon. */

/** What one instance takes of an offer. */
export interface OfferMatch {
  readonly kind: 'match';
  /** Resources in the form of the offer (role, reservation and allocation kept), ports included. */
  readonly resources: readonly Resource[];
  /** One entry per port definition or mapping, in their order; undefined where a mapping has no host port. */
  readonly hostPorts: readonly (number | undefined)[];
  readonly placement: Placement;
  /** Volumes to be made of the resources, when a reservation is to be made. */
  readonly volumes?: readonly VolumeToMake[];
}

export interface OfferMismatch {
  readonly kind: 'refused';
  /** Every reason that was found, in funnel order; the first is the one that counts. */
  readonly reasons: readonly OfferRefusal[];
}

/** Which resources of the offer are looked at. */
export type Pool =
  | { readonly kind: 'free' }
  /** Unreserved ones, of which a reservation can be made for an instance that keeps data. */
  | { readonly kind: 'reservable' }
  /** Those that are reserved for the instance. */
  | { readonly kind: 'reserved'; readonly instance: Instance };

export interface MatchContext {
  readonly config: ModelConfig;
  /** Placements that constraints count, see {@link constraintPlacements}. */
  readonly placed: readonly Placement[];
  readonly random: () => number;
  /** Default: what is free. */
  readonly pool?: Pool;
  /** Whether offers of agents in maintenance are refused; default true. */
  readonly maintenanceMode?: boolean;
  /** Before an agent's maintenance begins, in milliseconds, it is not used any more; default 0. */
  readonly drainingMs?: number;
  /** Milliseconds since 1970; offers of agents in maintenance are refused. */
  readonly now: number;
}

/**
 * Where the instances are as the constraints of their app or pod see them: those with a task, of the current
 * configuration. Older ones don't count, so that a new instance may take the place beside the one it replaces. One
 * that keeps data has its place whether it runs or not.
 * @param except the instance to be placed
 */
export function constraintPlacements(app: RunSpec, instances: readonly Instance[], except?: string): Placement[] {
  const placed: Placement[] = [];
  for (const instance of instances) {
    if (!instance.placement || instance.id === except) continue;
    const bound = instance.reservation !== undefined && instance.goal !== 'Decommissioned';
    const current = !holdsNothing(instance) && instance.appVersion >= app.versionInfo.lastConfigChangeAt;
    if (bound || current) placed.push(instance.placement);
  }
  return placed;
}

/** The role a resource is reserved for, in the form with one role or in the refined one. */
function roleOf(resource: Resource): string {
  return resource.reservations?.at(-1)?.role ?? resource.role ?? anyRole;
}

function acceptedRoles(app: RunSpec, config: ModelConfig): readonly string[] {
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

function isInMaintenance(offer: Offer, { now, maintenanceMode = true, drainingMs = 0 }: MatchContext): boolean {
  if (!offer.unavailability || !maintenanceMode) return false;
  const { start, duration } = offer.unavailability;
  const begin = start.nanoseconds / 1e6 - drainingMs;
  return now >= begin && (!duration || now < start.nanoseconds / 1e6 + duration.nanoseconds / 1e6);
}

/** Apps without GPUs leave agents that have some to those that need them. */
function wastesGpus(app: RunSpec, offer: Offer, config: ModelConfig): boolean {
  const label = app.labels.GPU_SCHEDULING_BEHAVIOR;
  const behaviour =
    label === 'restricted' || label === 'unrestricted' ? label : (config.gpuSchedulingBehavior ?? 'restricted');
  return (
    behaviour === 'restricted' &&
    resourcesOf(app).gpus === 0 &&
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
export function matchOffer(offer: Offer, app: RunSpec, context: MatchContext): OfferMatch | OfferMismatch {
  const reasons = new Set<OfferRefusal>();
  const pool = context.pool ?? { kind: 'free' };
  const roles = acceptedRoles(app, context.config);
  const inPool = (resource: Resource): boolean => {
    if (pool.kind === 'reserved') return isReservedFor(resource, offer.framework_id.value, pool.instance.id);
    if (isForAnInstance(resource) || !roles.includes(roleOf(resource))) return false;
    return pool.kind === 'free' || roleOf(resource) === anyRole;
  };
  const resources = offer.resources.filter(
    (resource) => !resource.disk?.persistence && !resource.revocable && inPool(resource),
  );
  const offeredTo = offer.allocation_info?.role;
  if (
    resources.length === 0 ||
    (offeredTo !== undefined && offeredTo !== (pool.kind === 'reserved' ? pool.instance.role : app.role))
  )
    reasons.add('UnfulfilledRole');

  const placement = placementOf(offer);
  if (!app.constraints.every((constraint) => meetsConstraint(constraint, context.placed, placement, app.instances)))
    reasons.add('UnfulfilledConstraint');
  // What keeps data runs on reservations alone.
  if (pool.kind === 'free' && keepsData(app)) reasons.add('NoCorrespondingReservationFound');
  if (isInMaintenance(offer, context)) reasons.add('AgentMaintenance');
  const taken: Resource[] = [];
  const kept = pool.kind === 'reservable' ? takeVolumes(resources, keptVolumes(app)) : undefined;
  if (pool.kind === 'reservable' && !kept) reasons.add('InsufficientDisk');
  if (kept) taken.push(...kept.disks);
  if (pool.kind === 'reserved') {
    const ids = new Set(pool.instance.reservation?.volumes.map(({ persistenceId }) => persistenceId));
    const volumes = offer.resources.filter(({ disk }) => disk?.persistence && ids.has(disk.persistence.id));
    if (volumes.length < ids.size) reasons.add('NoCorrespondingReservationFound');
    taken.push(...volumes);
  }
  const demand = resourcesOf(app);
  for (const [name, reason] of scalars) {
    const part = takeScalar(resources, name, demand[name] + (name === 'disk' ? (kept?.rootDisk ?? 0) : 0));
    if (part) taken.push(...part);
    else reasons.add(reason);
  }
  if (wastesGpus(app, offer, context.config)) reasons.add('DeclinedScarceResources');
  const ports = takePorts(wantedHostPorts(app), resources, context.random);
  if (!ports) reasons.add('InsufficientPorts');
  if (!ports || reasons.size > 0)
    return { kind: 'refused', reasons: offerRefusals.filter((reason) => reasons.has(reason)) };
  return {
    kind: 'match',
    resources: [...taken, ...portResources(ports)],
    hostPorts: ports.map((offered) => offered?.port),
    placement,
    ...(kept && { volumes: kept.volumes }),
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
