import { networkInterfaces } from 'node:os';
import type { PortName, PortRange } from '../../plan/types.ts';
import { DevclusterError } from '../../support/errors.ts';
import type { SiteRequest } from '../types.ts';
import type { Claim } from './claims.ts';
import { whyNotFree } from './free-port.ts';
import {
  blockSize,
  blocksOf,
  nodeAddress,
  overlaps,
  portInBlock,
  portNamesOf,
  subnetAttempts,
  subnetOf,
} from './places.ts';
import {
  firstProblem,
  portNames,
  portTaken,
  shifted,
  shiftRemark,
  type Taken,
  unlessPrivileged,
} from './port-problems.ts';

export type Ports = Record<PortName, number>;

/** Addresses and ports of all nodes, in order. */
export interface Places {
  nodes: { address: string; ports: Ports }[];
  remarks: string[];
  /** What of it only this cluster may use. */
  claim: Pick<Claim, 'addresses' | 'blocks'>;
}

/**
 * Places for a new cluster: an address for each node where the system has them, else a block of ports.
 * @throws DevclusterError
 */
export async function findPlaces(request: SiteRequest, taken: Taken, standard: Readonly<Ports>): Promise<Places> {
  if (request.publish !== undefined) return inBlocks(request, ownAddress(request.publish), taken, []);
  if (request.addresses === 'port-blocks') return inBlocks(request, '127.0.0.1', taken, []);
  const subnet = await freeSubnet(request, taken);
  if (subnet !== undefined) return onOwnAddresses(request, subnet, taken, standard);
  if (request.addresses === 'per-node')
    throw new DevclusterError('missing', 'NO_LOOPBACK_ADDRESSES', 'This system has no loopback address for each node', {
      hint: "Leave the addresses to devcluster ('auto'), which then gives each node a block of ports on 127.0.0.1.",
    });
  return inBlocks(request, '127.0.0.1', taken, [
    'This system has only one loopback address, so all nodes share 127.0.0.1 and each has a block of ports.',
  ]);
}

/** A subnet that no other cluster has and on which nobody listens; undefined where the system has no such addresses. */
async function freeSubnet(request: SiteRequest, taken: Taken): Promise<string | undefined> {
  for (let attempt = 0; attempt < subnetAttempts; attempt++) {
    const subnet = subnetOf(request.cluster, attempt);
    const inUse = (address: string) => address.startsWith(`${subnet}.`);
    if (taken.claims.some((claim) => claim.addresses.some(inUse))) continue;
    if (taken.listeners.some((listener) => inUse(listener.address))) continue;
    if ((await whyNotFree(nodeAddress(subnet, 1), 0, 'tcp')) === undefined) return subnet;
    return undefined;
  }
  return undefined;
}

async function onOwnAddresses(
  request: SiteRequest,
  subnet: string,
  taken: Taken,
  standard: Readonly<Ports>,
): Promise<Places> {
  const addresses = request.nodes.map((_, i) => nodeAddress(subnet, i + 1));
  const wanted = { ...standard, ...request.ports };
  const chosen = { ...wanted };
  const remarks: string[] = [];
  const problems = await Promise.all(
    portNames.map(async (name) => {
      const needed = addresses.filter((_, i) => portNamesOf(request.nodes[i]!.control).includes(name));
      return { name, needed, problem: unlessPrivileged(await firstProblem(needed, wanted[name], name), taken) };
    }),
  );
  for (const { name, needed, problem } of problems) {
    if (!problem) continue;
    if (request.ports[name] !== undefined) throw portTaken(name, problem, taken);
    chosen[name] = await shifted(name, needed, wanted[name], [...Object.values(wanted), ...Object.values(chosen)]);
    remarks.push(shiftRemark(name, problem, chosen[name], taken));
  }
  const nodes = addresses.map((address) => ({ address, ports: chosen }));
  return { nodes, remarks, claim: { addresses, blocks: [] } };
}

/** All nodes at one address, each with a block of ports. */
async function inBlocks(request: SiteRequest, address: string, taken: Taken, remarks: string[]): Promise<Places> {
  const claimed = taken.claims.flatMap((claim) => claim.blocks);
  const candidates = blocksOf(request.cluster);
  const found: PortRange[] = [];
  const nodes: Places['nodes'] = [];
  for (const node of request.nodes) {
    const place = await nextBlock(node.control, address, candidates, claimed);
    found.push(place.block);
    nodes.push({ address, ports: place.ports });
  }
  const first = nodes[0];
  if (first) {
    const fixed = portNames.filter((name) => request.ports[name] !== undefined);
    for (const name of fixed) {
      const problem = await firstProblem([address], request.ports[name]!, name);
      if (problem) throw portTaken(name, problem, taken);
      first.ports[name] = request.ports[name]!;
    }
    if (fixed.length > 0 && nodes.length > 1)
      remarks.push(
        `The nodes share ${address}, so only ${request.nodes[0]!.name} has the fixed ports (${fixed.join(', ')}).`,
      );
  }
  return { nodes, remarks, claim: { addresses: [], blocks: found } };
}

/** Takes the first free block off the candidates. */
export async function nextBlock(
  control: boolean,
  address: string,
  candidates: number[],
  claimed: readonly PortRange[],
): Promise<{ block: PortRange; ports: Ports }> {
  for (let base = candidates.shift(); base !== undefined; base = candidates.shift()) {
    const block = { begin: base, end: base + blockSize - 1 };
    if (claimed.some((range) => overlaps(range, block))) continue;
    const ports = Object.fromEntries(portNames.map((name) => [name, portInBlock(block.begin, name)])) as Ports;
    const problems = await Promise.all(portNamesOf(control).map((name) => firstProblem([address], ports[name], name)));
    if (problems.every((problem) => problem === undefined)) return { block, ports };
    if (problems.some((problem) => problem?.code === 'EADDRNOTAVAIL'))
      throw new DevclusterError('missing', 'NO_SUCH_ADDRESS', `${address} is no address of this machine`, {
        hint: "Set network.publish to one of this machine's addresses, or leave it out.",
      });
  }
  throw new DevclusterError('conflict', 'NO_PORTS_LEFT', `There is no free block of ports left at ${address}`, {
    hint: "Remove clusters that are no longer needed ('devcluster list', 'devcluster down').",
  });
}

/** Peers need one address to call: for "all addresses" the first that others can reach. */
function ownAddress(publish: string): string {
  if (publish !== '0.0.0.0') return publish;
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.find((entry) => entry.family === 'IPv4' && !entry.internal)?.address ?? '127.0.0.1';
}
