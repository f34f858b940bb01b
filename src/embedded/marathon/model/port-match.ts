import { mergeRanges } from '../../../protocols/mesos/ranges.ts';
import type { Resource } from '../../../protocols/mesos/types.ts';

/** Which ports of an offer an instance gets. Source: tasks/PortsMatcher.scala of Marathon. */

interface PortRange {
  readonly resource: Resource;
  readonly begin: number;
  readonly end: number;
}

export interface OfferedPort {
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

/**
 * Takes host ports; undefined when one can't be had.
 * @param wanted see wantedHostPorts in run-spec.ts
 */
export function takePorts(
  wanted: readonly (number | undefined)[],
  resources: readonly Resource[],
  random: () => number,
): readonly (OfferedPort | undefined)[] | undefined {
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

/** The ports as resources of the offer they were taken from. */
export function portResources(ports: readonly (OfferedPort | undefined)[]): Resource[] {
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
