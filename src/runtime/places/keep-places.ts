import type { NodeSite, PortRange, Site } from '../../plan/types.ts';
import { DevclusterError } from '../../support/errors.ts';
import type { SiteRequest } from '../types.ts';
import { nextBlock, type Places } from './find-places.ts';
import { blockSize, blocksOf, nodeAddress, portNamesOf } from './places.ts';
import { describeProblem, firstProblem, portNames, portTaken, type Taken, unlessPrivileged } from './port-problems.ts';

/** A known cluster keeps its places, if they are still its own; nodes that are new get places beside them. */
export async function keepPlaces(
  request: SiteRequest,
  known: Site,
  taken: Taken,
  isRunning: (node: string) => Promise<boolean>,
): Promise<Places> {
  const first = known.nodes[0];
  for (const name of portNames)
    if (first && request.ports[name] !== undefined && request.ports[name] !== first.ports[name])
      throw new DevclusterError(
        'conflict',
        'SITE_CHANGED',
        `The cluster was made with port ${first.ports[name]} for ${name}, and ${request.ports[name]} is asked for now`,
        { hint: `Run 'devcluster down' and 'devcluster up' to make it anew.` },
      );
  const shares = first !== undefined && known.nodes.every((node) => node.address === first.address) && isInBlock(first);
  const nodes: Places['nodes'] = [];
  const claim: Places['claim'] = { addresses: [], blocks: [] };
  const candidates = blocksOf(request.cluster);
  const occupied = [...taken.claims.flatMap(({ blocks }) => blocks), ...(shares ? known.nodes.map(blockOf) : [])];
  const used = new Set(known.nodes.map((node) => node.address));
  for (const { name, control } of request.nodes) {
    const site = known.nodes.find((node) => node.name === name);
    if (site) {
      if (!(await isRunning(name))) await checkStillFree(site, control, taken);
      if (shares) claim.blocks.push(blockOf(site));
      else claim.addresses.push(site.address);
      nodes.push({ address: site.address, ports: { ...site.ports } });
    } else if (shares || !first) {
      const place = await nextBlock(control, first?.address ?? '127.0.0.1', candidates, occupied);
      occupied.push(place.block);
      claim.blocks.push(place.block);
      nodes.push({ address: first?.address ?? '127.0.0.1', ports: place.ports });
    } else {
      const address = besides(first.address, used);
      used.add(address);
      for (const port of portNamesOf(control)) {
        const problem = unlessPrivileged(await firstProblem([address], first.ports[port], port), taken);
        if (problem) throw portTaken(port, problem, taken);
      }
      claim.addresses.push(address);
      nodes.push({ address, ports: { ...first.ports } });
    }
  }
  return { nodes, remarks: [...known.remarks], claim };
}

function isInBlock(site: NodeSite): boolean {
  return !site.address.startsWith('127.') || site.address === '127.0.0.1';
}

function besides(address: string, used: ReadonlySet<string>): string {
  const subnet = address.slice(0, address.lastIndexOf('.'));
  for (let n = 1; n < 255; n++) if (!used.has(nodeAddress(subnet, n))) return nodeAddress(subnet, n);
  throw new DevclusterError('missing', 'NO_ADDRESS_LEFT', `There is no address left in ${subnet}.0/24`);
}

/** Before the host of a node is started again: nobody took its address or ports while it was away. */
async function checkStillFree(site: NodeSite, control: boolean, taken: Taken): Promise<void> {
  const rival = taken.claims.find((claim) => claim.addresses.includes(site.address));
  if (rival)
    throw new DevclusterError(
      'conflict',
      'ADDRESS_IN_USE',
      `${site.address} of ${site.name} now belongs to the cluster '${rival.cluster}'`,
      { hint: "Remove one of the two clusters ('devcluster down'), then bring this one up again." },
    );
  await Promise.all(
    portNamesOf(control).map(async (name) => {
      const problem = unlessPrivileged(await firstProblem([site.address], site.ports[name], name), taken);
      if (!problem) return;
      throw new DevclusterError(
        'conflict',
        'PORT_IN_USE',
        `Port ${problem.port} (${name}) at ${problem.address}, which ${site.name} had before, ${describeProblem(problem, taken)}`,
        {
          hint: "End that program, or run 'devcluster down' and 'devcluster up' to get other ports.",
          details: { port: problem.port, name, address: problem.address },
        },
      );
    }),
  );
}

/** The block of a node at a shared address: the one that most of its ports are in, as single ones may be fixed. */
function blockOf(site: NodeSite): PortRange {
  const bases = portNames.map((name) => Math.floor(site.ports[name] / blockSize) * blockSize);
  const count = (base: number) => bases.filter((other) => other === base).length;
  const begin = bases.reduce((best, base) => (count(base) > count(best) ? base : best));
  return { begin, end: begin + blockSize - 1 };
}
