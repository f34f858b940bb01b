import {
  allocateRest,
  anyRole,
  isReserved,
  ResourceError,
  refineAll,
  reservedFor,
  unallocate,
} from '../../../protocols/mesos/resources.ts';
import type { OfferOperation, Resource } from '../../../protocols/mesos/types.ts';

/** Resources of an offer that turn into others, both allocated and (`…Total`) as the agent has them. */
export interface Conversion {
  consumed: Resource[];
  made: Resource[];
  consumedTotal: Resource[];
  madeTotal: Resource[];
}

const conversions: ReadonlySet<string> = new Set(['RESERVE', 'UNRESERVE', 'CREATE', 'DESTROY']);

/** Whether an operation takes effect at once by turning resources into others. */
export function isConversion(operation: OfferOperation): boolean {
  return conversions.has(operation.type);
}

/**
 * What RESERVE, UNRESERVE, CREATE and DESTROY turn into what; or why they can't be done.
 * @param role the one the offers are allocated to
 */
export function convert(operation: OfferOperation, role: string): Conversion | { problem: string } {
  try {
    const given = operation.reserve?.resources ?? operation.unreserve?.resources;
    const volumes = operation.create?.volumes ?? operation.destroy?.volumes;
    const resources = refineAll(allocateRest(role, given ?? volumes ?? []));
    if (resources.length === 0) return { problem: 'Resources cannot be empty' };
    switch (operation.type) {
      case 'RESERVE':
        return reserve(resources, role);
      case 'UNRESERVE':
        return unreserve(resources);
      case 'CREATE':
        return createVolumes(resources);
      default:
        return swapped(createVolumes(resources));
    }
  } catch (error) {
    if (error instanceof ResourceError) return { problem: error.message };
    throw error;
  }
}

function reserve(resources: readonly Resource[], role: string): Conversion | { problem: string } {
  for (const resource of resources) {
    const top = resource.reservations?.at(-1);
    if (top?.type !== 'DYNAMIC') return { problem: 'A resource to reserve must have a dynamic reservation' };
    const target = reservedFor(resource);
    if (target === anyRole) return { problem: "A resource can't be reserved for the role '*'" };
    if (role !== target && !role.startsWith(`${target}/`))
      return { problem: `A resource offered to role '${role}' can't be reserved for role '${target}'` };
  }
  return build(resources.map(withoutTop), resources);
}

function unreserve(resources: readonly Resource[]): Conversion | { problem: string } {
  for (const resource of resources) {
    if (!isReserved(resource) || resource.reservations?.at(-1)?.type !== 'DYNAMIC')
      return { problem: 'Only a dynamically reserved resource can be unreserved' };
    if (resource.disk?.persistence)
      return { problem: `A persistent volume '${resource.disk.persistence.id}' cannot be unreserved` };
  }
  return build(resources, resources.map(withoutTop));
}

function createVolumes(volumes: readonly Resource[]): Conversion | { problem: string } {
  for (const volume of volumes) {
    if (volume.name !== 'disk' || !volume.disk?.persistence || !volume.disk.volume)
      return { problem: "A volume must be a 'disk' resource with 'persistence' and 'volume'" };
    if (!isReserved(volume)) return { problem: 'A persistent volume cannot be created from unreserved resources' };
  }
  const raw = volumes.map((volume) => {
    const { disk, shared: _, ...rest } = volume;
    return disk?.source ? { ...rest, disk: { source: disk.source } } : rest;
  });
  return build(raw, volumes);
}

function swapped(conversion: Conversion | { problem: string }): Conversion | { problem: string } {
  if ('problem' in conversion) return conversion;
  return {
    consumed: conversion.made,
    made: conversion.consumed,
    consumedTotal: conversion.madeTotal,
    madeTotal: conversion.consumedTotal,
  };
}

function withoutTop(resource: Resource): Resource {
  const { reservations, ...rest } = resource;
  const left = (reservations ?? []).slice(0, -1);
  return left.length > 0 ? { ...rest, reservations: left } : rest;
}

function build(consumed: readonly Resource[], made: readonly Resource[]): Conversion {
  return {
    consumed: refineAll(consumed),
    made: refineAll(made),
    consumedTotal: unallocate(consumed),
    madeTotal: unallocate(made),
  };
}
