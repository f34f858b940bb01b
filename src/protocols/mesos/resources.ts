import { formatRanges, mergeRanges, parseRanges, subtractRanges } from './ranges.ts';
import type { ReservationInfo, Resource, ValueRange } from './types.ts';

/**
 * Arithmetic on Mesos resources. All functions are pure, and all work on the refined form: a reservation is a stack in
 * `reservations` (absent when unreserved), and neither `role` nor `reservation` is set. `refine` makes it of anything a
 * client sends; `toOldForm` and `toEndpointForm` make what clients read. Scalars count in thousandths, as in Mesos.
 * Source: src/common/resources.cpp, resources_utils.cpp and values.cpp of Apache Mesos.
 */

/** A resource text or object that can't be used; the message is fit for clients. */
export class ResourceError extends Error {}

/** Resources as `/state` shows them: numbers, ranges as `[1-2, 5-6]`, sets as `{a, b}`. */
export type ResourcesState = { cpus: number; gpus: number; mem: number; disk: number } & Record<
  string,
  number | string
>;

const rounded = (value: number) => Math.round(value * 1000) / 1000;

/** The role that unreserved resources belong to. */
export const anyRole = '*';

/** The role a resource is reserved for, `*` when it is unreserved. */
export function reservedFor(resource: Resource): string {
  return resource.reservations?.at(-1)?.role ?? anyRole;
}

export function isReserved(resource: Resource): boolean {
  return (resource.reservations?.length ?? 0) > 0;
}

/**
 * One resource in the refined form, with only the fields of its type, scalars rounded and ranges merged. Both the
 * pre-refinement form (`role`, `reservation`) and the endpoint form (both) are understood.
 * @throws ResourceError
 */
export function refine(resource: Resource): Resource {
  const { name, type } = resource;
  if (typeof name !== 'string' || name === '') throw new ResourceError('Empty resource name');
  const refined: Resource = { name, type };
  switch (type) {
    case 'SCALAR': {
      const value = Number(resource.scalar?.value);
      if (!resource.scalar || !Number.isFinite(value)) throw new ResourceError(`Invalid scalar resource: '${name}'`);
      if (value < 0) throw new ResourceError('Invalid scalar resource: value < 0');
      refined.scalar = { value: rounded(value) };
      break;
    }
    case 'RANGES': {
      if (!Array.isArray(resource.ranges?.range)) throw new ResourceError(`Invalid ranges resource: '${name}'`);
      const ranges: ValueRange[] = [];
      for (const { begin, end } of resource.ranges.range) {
        const range = { begin: Number(begin), end: Number(end) };
        if (!Number.isSafeInteger(range.begin) || !Number.isSafeInteger(range.end) || range.begin < 0)
          throw new ResourceError(`Invalid ranges resource: '${name}'`);
        if (range.begin > range.end) throw new ResourceError('Invalid ranges resource: begin > end');
        ranges.push(range);
      }
      refined.ranges = { range: mergeRanges(ranges) };
      break;
    }
    case 'SET': {
      if (!Array.isArray(resource.set?.item)) throw new ResourceError(`Invalid set resource: '${name}'`);
      const items = resource.set.item.map(String);
      if (new Set(items).size !== items.length) throw new ResourceError('Invalid set resource: duplicated elements');
      refined.set = { item: items };
      break;
    }
    default:
      throw new ResourceError(`Unsupported resource type for '${name}'`);
  }
  const reservations = refineReservations(resource);
  if (reservations.length > 0) refined.reservations = reservations;
  if (resource.allocation_info?.role) refined.allocation_info = { role: resource.allocation_info.role };
  if (resource.disk) refined.disk = resource.disk;
  if (resource.revocable) refined.revocable = {};
  if (resource.shared) refined.shared = {};
  return refined;
}

function refineReservations(resource: Resource): ReservationInfo[] {
  if (resource.reservations && resource.reservations.length > 0)
    return resource.reservations.map(({ type, role, principal, labels }) => ({
      type: type ?? 'DYNAMIC',
      role: role ?? anyRole,
      ...(principal === undefined ? {} : { principal }),
      ...(labels === undefined ? {} : { labels }),
    }));
  if (resource.role === undefined || resource.role === anyRole) {
    if (resource.reservation && resource.role === anyRole)
      throw new ResourceError("Invalid reservation: role '*' cannot be dynamically reserved");
    return [];
  }
  const { principal, labels } = resource.reservation ?? {};
  return [
    {
      type: resource.reservation ? 'DYNAMIC' : 'STATIC',
      role: resource.role,
      ...(principal === undefined ? {} : { principal }),
      ...(labels === undefined ? {} : { labels }),
    },
  ];
}

/** Refines all and merges what can be merged. @throws ResourceError */
export function refineAll(resources: readonly Resource[] | undefined): Resource[] {
  return addResources([], (resources ?? []).map(refine));
}

/** Two resources can be merged exactly when this is equal. */
function keyOf(resource: Resource): string {
  let key = `${resource.name}/${resource.allocation_info?.role ?? ''}`;
  if (resource.reservations) key += JSON.stringify(resource.reservations);
  if (resource.disk) key += JSON.stringify(resource.disk);
  if (resource.revocable) key += '/revocable';
  if (resource.shared) key += '/shared';
  return key;
}

function isEmpty(resource: Resource): boolean {
  switch (resource.type) {
    case 'SCALAR':
      return (resource.scalar?.value ?? 0) <= 0;
    case 'RANGES':
      return (resource.ranges?.range.length ?? 0) === 0;
    case 'SET':
      return (resource.set?.item.length ?? 0) === 0;
    case 'TEXT':
      return true;
  }
}

function addOne(a: Resource, b: Resource): Resource {
  switch (a.type) {
    case 'SCALAR':
      return { ...a, scalar: { value: rounded((a.scalar?.value ?? 0) + (b.scalar?.value ?? 0)) } };
    case 'RANGES':
      return { ...a, ranges: { range: mergeRanges([...(a.ranges?.range ?? []), ...(b.ranges?.range ?? [])]) } };
    case 'SET':
      return { ...a, set: { item: [...new Set([...(a.set?.item ?? []), ...(b.set?.item ?? [])])] } };
    case 'TEXT':
      return a;
  }
}

function subtractOne(a: Resource, b: Resource): Resource {
  switch (a.type) {
    case 'SCALAR':
      return { ...a, scalar: { value: rounded((a.scalar?.value ?? 0) - (b.scalar?.value ?? 0)) } };
    case 'RANGES':
      return { ...a, ranges: { range: subtractRanges(a.ranges?.range ?? [], b.ranges?.range ?? []) } };
    case 'SET': {
      const removed = new Set(b.set?.item);
      return { ...a, set: { item: (a.set?.item ?? []).filter((item) => !removed.has(item)) } };
    }
    case 'TEXT':
      return a;
  }
}

/** The sum; resources of one name, reservation, allocation and disk are merged, empty ones dropped. */
export function addResources(...summands: readonly (readonly Resource[])[]): Resource[] {
  const byKey = new Map<string, Resource>();
  for (const summand of summands) {
    for (const resource of summand) {
      if (isEmpty(resource)) continue;
      const key = keyOf(resource);
      const known = byKey.get(key);
      byKey.set(key, known ? addOne(known, resource) : resource);
    }
  }
  return [...byKey.values()];
}

/** `from` without `removed`; what isn't there is not subtracted. */
export function subtractResources(from: readonly Resource[], removed: readonly Resource[]): Resource[] {
  const byKey = new Map(from.map((resource) => [keyOf(resource), resource]));
  for (const resource of removed) {
    const key = keyOf(resource);
    const known = byKey.get(key);
    if (known) byKey.set(key, subtractOne(known, resource));
  }
  return [...byKey.values()].filter((resource) => !isEmpty(resource));
}

/** Whether `part` can be taken out of `whole`. */
export function containsResources(whole: readonly Resource[], part: readonly Resource[]): boolean {
  const left = new Map(whole.map((resource) => [keyOf(resource), resource]));
  for (const resource of part) {
    if (isEmpty(resource)) continue;
    const key = keyOf(resource);
    const known = left.get(key);
    if (!known || !containsOne(known, resource)) return false;
    left.set(key, subtractOne(known, resource));
  }
  return true;
}

function containsOne(a: Resource, b: Resource): boolean {
  switch (a.type) {
    case 'SCALAR':
      return rounded(b.scalar?.value ?? 0) <= rounded(a.scalar?.value ?? 0);
    case 'RANGES':
      return subtractRanges(b.ranges?.range ?? [], a.ranges?.range ?? []).length === 0;
    case 'SET': {
      const items = new Set(a.set?.item);
      return (b.set?.item ?? []).every((item) => items.has(item));
    }
    case 'TEXT':
      return false;
  }
}

/** Marks all as allocated to `role`. */
export function allocateTo(role: string, resources: readonly Resource[]): Resource[] {
  return resources.map((resource) => ({ ...resource, allocation_info: { role } }));
}

/** Marks those that name no role yet as allocated to `role`. */
export function allocateRest(role: string, resources: readonly Resource[]): Resource[] {
  return resources.map((resource) =>
    resource.allocation_info ? resource : { ...resource, allocation_info: { role } },
  );
}

/** The same resources without their allocation, merged. */
export function unallocate(resources: readonly Resource[]): Resource[] {
  return addResources(resources.map(({ allocation_info: _, ...resource }) => resource));
}

/** The sum of the scalars of this name. */
export function scalarOf(resources: readonly Resource[] | undefined, name: string): number {
  let sum = 0;
  for (const resource of resources ?? []) if (resource.name === name) sum += resource.scalar?.value ?? 0;
  return rounded(sum);
}

/** All ranges of this name, merged. */
export function rangesOf(resources: readonly Resource[] | undefined, name: string): ValueRange[] {
  return mergeRanges((resources ?? []).filter((r) => r.name === name).flatMap((r) => r.ranges?.range ?? []));
}

/** The part a framework of `role` may be offered: unreserved, and reserved for the role or one it is below of. */
export function offerableTo(role: string, resources: readonly Resource[]): Resource[] {
  return resources.filter((resource) => {
    const owner = reservedFor(resource);
    return owner === anyRole || owner === role || role.startsWith(`${owner}/`);
  });
}

/** Reserved resources by the role they are reserved for. */
export function reservationsByRole(resources: readonly Resource[]): Map<string, Resource[]> {
  const byRole = new Map<string, Resource[]>();
  for (const resource of resources) {
    if (!isReserved(resource)) continue;
    const role = reservedFor(resource);
    const known = byRole.get(role);
    if (known) known.push(resource);
    else byRole.set(role, [resource]);
  }
  return byRole;
}

export function unreservedOf(resources: readonly Resource[]): Resource[] {
  return resources.filter((resource) => !isReserved(resource));
}

/**
 * The form that frameworks without RESERVATION_REFINEMENT read: `role`, and `reservation` for a dynamic one.
 * @returns undefined when a reservation is refined and so has no old form
 */
export function toOldForm(resource: Resource): Resource | undefined {
  const { reservations, ...rest } = resource;
  if (!reservations || reservations.length === 0) return { ...rest, role: anyRole };
  if (reservations.length > 1) return undefined;
  const { role = anyRole, type, principal, labels } = reservations[0]!;
  if (type !== 'DYNAMIC') return { ...rest, role };
  const reservation = {
    ...(principal === undefined ? {} : { principal }),
    ...(labels === undefined ? {} : { labels }),
  };
  return { ...rest, role, reservation };
}

/** The form of the operator endpoints: old and refined fields together. */
export function toEndpointForm(resources: readonly Resource[]): Resource[] {
  return resources.map((resource) => {
    const old = toOldForm(resource);
    if (!old) return resource;
    return resource.reservations ? { ...old, reservations: resource.reservations } : old;
  });
}

/** Resources as `/state` shows them; cpus, gpus, mem and disk are always there. */
export function resourcesToState(resources: readonly Resource[] | undefined): ResourcesState {
  const state: ResourcesState = { disk: 0, mem: 0, gpus: 0, cpus: 0 };
  const ranges = new Map<string, ValueRange[]>();
  const sets = new Map<string, string[]>();
  for (const resource of resources ?? []) {
    const name = resource.revocable ? `${resource.name}_revocable` : resource.name;
    switch (resource.type) {
      case 'SCALAR':
        state[name] = rounded(((state[name] as number | undefined) ?? 0) + (resource.scalar?.value ?? 0));
        break;
      case 'RANGES':
        ranges.set(name, [...(ranges.get(name) ?? []), ...(resource.ranges?.range ?? [])]);
        break;
      case 'SET':
        sets.set(name, [...(sets.get(name) ?? []), ...(resource.set?.item ?? [])]);
        break;
      case 'TEXT':
        break;
    }
  }
  for (const [name, list] of ranges) state[name] = formatRanges(mergeRanges(list));
  for (const [name, items] of sets) state[name] = `{${[...new Set(items)].join(', ')}}`;
  return state;
}

/** `/state`'s `reserved_resources`: the form above for each role that has any. */
export function reservedToState(resources: readonly Resource[]): Record<string, ResourcesState> {
  const state: Record<string, ResourcesState> = {};
  for (const [role, reserved] of reservationsByRole(resources)) state[role] = resourcesToState(reserved);
  return state;
}

/** The text that Mesos puts into messages: `cpus(allocated: *):0.1; ports:[1-2]`, `{}` for nothing. */
export function formatResources(resources: readonly Resource[]): string {
  if (resources.length === 0) return '{}';
  return resources.map(formatResource).join('; ');
}

function formatResource(resource: Resource): string {
  const marks: string[] = [];
  if (resource.allocation_info?.role) marks.push(`(allocated: ${resource.allocation_info.role})`);
  if (resource.reservations && resource.reservations.length > 0) {
    const stack = resource.reservations.map(({ type, role, principal }) =>
      [type ?? 'DYNAMIC', role ?? anyRole, ...(principal === undefined ? [] : [principal])].join(','),
    );
    marks.push(`(reservations: [${stack.map((entry) => `(${entry})`).join(',')}])`);
  }
  if (resource.disk?.persistence)
    marks.push(`[${resource.disk.persistence.id}:${resource.disk.volume?.container_path ?? ''}]`);
  if (resource.revocable) marks.push('{REV}');
  if (resource.shared) marks.push('<SHARED>');
  return `${resource.name}${marks.join('')}:${formatValue(resource)}`;
}

function formatValue(resource: Resource): string {
  switch (resource.type) {
    case 'SCALAR':
      return String(resource.scalar?.value ?? 0);
    case 'RANGES':
      return formatRanges(resource.ranges?.range ?? []);
    case 'SET':
      return `{${(resource.set?.item ?? []).join(', ')}}`;
    case 'TEXT':
      return '';
  }
}

/**
 * Reads the `--resources` flag of an agent: `cpus:4;mem:2048;ports:[21000-24000];bugs(role):{a,b}` or a JSON array.
 * A role in parentheses makes a static reservation.
 * @throws ResourceError
 */
export function parseResources(text: string, defaultRole: string = anyRole): Resource[] {
  const trimmed = text.trim();
  if (trimmed.startsWith('[')) return parseJson(trimmed, defaultRole);
  const resources: Resource[] = [];
  for (const piece of trimmed.split(/[;\n]/)) {
    if (piece.trim() === '') continue;
    const match = /^\s*([^:(]+?)\s*(?:\(\s*([^)]*?)\s*\))?\s*:(.*)$/s.exec(piece);
    if (!match) throw new ResourceError(`Bad value for resources, missing or extra ':' in ${piece.trim()}`);
    const role = match[2] ?? defaultRole;
    resources.push({
      ...parseValue(match[1]!, match[3]!.trim()),
      ...(role === anyRole ? {} : { reservations: [{ type: 'STATIC' as const, role }] }),
    });
  }
  return refineAll(resources);
}

function parseValue(name: string, text: string): Resource {
  const ranges = parseRanges(text);
  if (ranges) return { name, type: 'RANGES', ranges: { range: ranges } };
  const set = /^\{(.*)\}$/s.exec(text)?.[1];
  if (set !== undefined) {
    const item = set
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '');
    return { name, type: 'SET', set: { item } };
  }
  if (text === '' || !Number.isFinite(Number(text)))
    throw new ResourceError(`Bad value for resource '${name}': '${text}' is no number, [ranges] or {set}`);
  return { name, type: 'SCALAR', scalar: { value: Number(text) } };
}

function parseJson(text: string, defaultRole: string): Resource[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ResourceError(`Failed to parse resources JSON: ${(error as Error).message}`);
  }
  return refineAll(
    (parsed as Resource[]).map((resource) => {
      if (typeof resource !== 'object' || resource === null) throw new ResourceError('A resource must be an object');
      const named = resource.role !== undefined || (resource.reservations?.length ?? 0) > 0;
      return named || defaultRole === anyRole ? resource : { ...resource, role: defaultRole };
    }),
  );
}
