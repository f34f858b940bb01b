import { readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import type { NetworkInspectInfo } from 'dockerode';
import { labels, networkName } from '../../plan/docker-names.ts';
import { DevclusterError } from '../../support/errors.ts';
import { engineMessage, statusOf } from './errors.ts';
import {
  addressOf,
  candidateSubnets,
  formatSubnet,
  gatewayOf,
  overlap,
  parseRoutes,
  parseSubnet,
  poolOf,
  type Subnet,
} from './subnets.ts';

export interface NetworkRequest {
  cluster: string;
  /** Folder of the cluster's record. */
  folder: string;
  /** The subnet the user fixed. */
  fixed?: string;
  /** The one the cluster had before. */
  known?: string;
  /** Whether the engine shares this machine's routes. */
  local: boolean;
}

/**
 * The cluster's own bridge network: the one that is there, or a new one in a free subnet. Making it is the reservation:
 * the engine refuses subnets that overlap.
 * @throws DevclusterError conflict: the subnet asked for is taken; usage: it is none
 */
export async function ensureNetwork(docker: Docker, request: NetworkRequest): Promise<Subnet> {
  const there = await inspectNetwork(docker, networkName(request.cluster));
  const had = there?.IPAM?.Config?.[0]?.Subnet;
  const subnet = had === undefined ? undefined : parseSubnet(had);
  if (subnet) return subnet;
  const wanted = request.fixed ?? request.known;
  if (wanted !== undefined) {
    const parsed = parseSubnet(wanted);
    if (!parsed)
      throw new DevclusterError('usage', 'BAD_SUBNET', `network.subnet is '${wanted}', which is no subnet`, {
        hint: 'It is, for instance, 10.231.7.0/24.',
      });
    const failure = await tryCreate(docker, request, parsed);
    if (failure === undefined) return parsed;
    throw new DevclusterError('conflict', 'SUBNET_IN_USE', `The subnet ${wanted} can't be had: ${failure}`, {
      hint: request.fixed
        ? 'Set network.subnet to another one, or leave it out to let devcluster choose.'
        : "Remove the network that has it now ('docker network ls'), or run 'devcluster down' and 'devcluster up'.",
    });
  }
  const routes = request.local ? ownRoutes() : [];
  let failure = 'all that were tried are in use on this machine';
  for (const candidate of candidateSubnets(request.cluster)) {
    if (routes.some((route) => overlap(route, candidate))) continue;
    const refused = await tryCreate(docker, request, candidate);
    if (refused === undefined) return candidate;
    failure = refused;
  }
  throw new DevclusterError('conflict', 'NO_SUBNET_LEFT', `There is no free subnet for the cluster: ${failure}`, {
    hint: 'Set network.subnet to one that is free.',
  });
}

export function nodeAddress(subnet: Subnet, n: number): string {
  const address = addressOf(subnet, n);
  if (address !== undefined) return address;
  throw new DevclusterError(
    'usage',
    'SUBNET_TOO_SMALL',
    `The subnet ${formatSubnet(subnet)} has no room for ${n} nodes`,
    {
      hint: 'Set network.subnet to a larger one, for instance a /24.',
    },
  );
}

export async function inspectNetwork(docker: Docker, name: string): Promise<NetworkInspectInfo | undefined> {
  try {
    return (await docker.getNetwork(name).inspect()) as NetworkInspectInfo;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** @returns why the engine refuses the subnet; undefined when the network was made */
async function tryCreate(docker: Docker, request: NetworkRequest, subnet: Subnet): Promise<string | undefined> {
  const pool = poolOf(subnet);
  try {
    await docker.createNetwork({
      Name: networkName(request.cluster),
      Driver: 'bridge',
      CheckDuplicate: true,
      IPAM: {
        Driver: 'default',
        Config: [
          {
            Subnet: formatSubnet(subnet),
            Gateway: gatewayOf(subnet),
            ...(pool ? { IPRange: formatSubnet(pool) } : {}),
          },
        ],
      },
      Labels: {
        [labels.cluster]: request.cluster,
        [labels.kind]: 'network',
        [labels.folder]: request.folder,
      },
    });
    return undefined;
  } catch (error) {
    const text = engineMessage(error);
    if (/overlap|already (exists|in use)|conflicts with network|pool/i.test(text)) return text;
    throw error;
  }
}

/** The subnets that this machine reaches; none where it doesn't tell. */
export function ownRoutes(): Subnet[] {
  try {
    return parseRoutes(readFileSync('/proc/net/route', 'latin1'));
  } catch {
    return [];
  }
}
