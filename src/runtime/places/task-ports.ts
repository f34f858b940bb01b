import { readFileSync } from 'node:fs';
import type { PortRange, Site } from '../../plan/types.ts';
import { DevclusterError } from '../../support/errors.ts';
import type { SiteRequest } from '../types.ts';
import { findPortRange, overlaps, taskPortSpaces } from './places.ts';
import type { Taken } from './port-problems.ts';

/** One range a node, none shared with anybody, and none with a port that somebody listens on. */
export function findTaskPorts(
  request: SiteRequest,
  known: Site | undefined,
  taken: Taken,
  servicePorts: ReadonlySet<number>,
  ephemeral: PortRange,
): PortRange[] {
  const single = (port: number): PortRange => ({ begin: port, end: port });
  const claimed = taken.claims.flatMap((claim) => claim.taskPorts);
  const spaces = taskPortSpaces(ephemeral);
  const occupied = [
    ...claimed,
    ...taken.claims.flatMap((claim) => [...claim.blocks, ...claim.ports.map(single)]),
    ...taken.listeners.map(({ port }) => single(port)),
    ...[...servicePorts].map(single),
    ...(known?.nodes.map((node) => node.taskPorts) ?? []),
  ];
  return request.nodes.map(({ name, taskPorts: count }) => {
    const site = known?.nodes.find((node) => node.name === name);
    const range = site?.taskPorts ?? findPortRange(count, spaces, occupied);
    if (!range)
      throw new DevclusterError(
        'conflict',
        'NO_PORTS_LEFT',
        `There are no ${count} ports in a row left for the tasks of ${name}`,
        {
          hint: "Remove clusters that are no longer needed ('devcluster list', 'devcluster down'), or give nodes fewer task ports.",
        },
      );
    const rival = site && taken.claims.find((claim) => claim.taskPorts.some((other) => overlaps(other, range)));
    if (rival)
      throw new DevclusterError(
        'conflict',
        'TASK_PORTS_IN_USE',
        `Task ports ${range.begin}-${range.end} of ${name} now belong to the cluster '${rival.cluster}'`,
        { hint: `Run 'devcluster down' and 'devcluster up' to get other ports.` },
      );
    occupied.push(range);
    return range;
  });
}

/** Ports the system gives to outgoing connections; where it can't be read, IANA's range. */
export function ephemeralPorts(): PortRange {
  try {
    const [begin, end] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
    if (begin && end) return { begin, end };
  } catch {
    // No Linux.
  }
  return { begin: 49_152, end: 65_535 };
}
