import { labels, networkName, volumeName } from '../../plan/docker-names.ts';
import { cgroupsOf, suitableSet } from '../../plan/image-sets.ts';
import { type ImageSetName, type NodeSite, type PortName, type Site, standardPorts } from '../../plan/types.ts';
import { DevclusterError } from '../../support/errors.ts';
import { settleAll } from '../../support/settle.ts';
import type { ClusterPaths } from '../paths.ts';
import { portNames } from '../places/port-problems.ts';
import { reserveSite } from '../places/reserve.ts';
import type { SiteRequest } from '../types.ts';
import { containersOf, forAll, isAlive, type OwnContainer, removeContainer } from './containers-of.ts';
import { inImage } from './embedded-image.ts';
import { isLocal } from './endpoint.ts';
import type { Engine } from './engine.ts';
import { nameInUse } from './errors.ts';
import { ensureNetwork, inspectNetwork, nodeAddress } from './network.ts';
import { upstreamResolvers } from './resolvers.ts';
import { formatSubnet, type Subnet } from './subnets.ts';

/** Where the agents find the cluster's secrets. */
export const secretsDir = '/run/devcluster/secrets';

export interface DockerReserveOptions {
  paths: ClusterPaths;
  claimsFolder?: string;
  standardPorts?: Readonly<Record<PortName, number>>;
}

/**
 * Places for a cluster in an engine: its network and volumes, which are made here, addresses in that network, and on
 * this machine loopback addresses and ports by which the nodes are reached.
 * @throws DevclusterError
 */
export async function reserveInDocker(
  engine: Engine,
  request: SiteRequest,
  known: Site | undefined,
  options: DockerReserveOptions,
): Promise<Site> {
  const { rootless } = await engine.machine();
  const publishAt = publishAddress(engine, request, rootless);
  const containers = await engine.with(async (docker) => {
    const [found, network] = await Promise.all([
      containersOf(docker, request.cluster),
      inspectNetwork(docker, networkName(request.cluster)),
    ]);
    if (network && network.Labels?.[labels.cluster] !== request.cluster) throw nameInUse(`a network '${network.Name}'`);
    refuseForeign(request.cluster, options.paths.folder, [
      ...found,
      ...(network ? [{ name: network.Name, folder: network.Labels?.[labels.folder] }] : []),
    ]);
    // What is there of a cluster that nobody knows any more would keep its names from the new one.
    const left = known ? [] : found;
    await forAll(docker, left, removeContainer);
    if (!known && network) await docker.getNetwork(network.Id).remove();
    return known ? found : [];
  });
  const running = new Set(containers.filter(isAlive).map(({ node }) => node));
  const places = await reserveSite(
    {
      ...request,
      addresses: publishAt.addresses,
      ...(publishAt.address === undefined ? {} : { publish: publishAt.address }),
    },
    known && asPublished(known),
    {
      paths: options.paths,
      nodeBinary: inImage.node,
      samplesDir: inImage.samples,
      isRunning: async (node) => running.has(node),
      privileged: !rootless,
      ...(options.claimsFolder === undefined ? {} : { claimsFolder: options.claimsFolder }),
      ...(options.standardPorts === undefined ? {} : { standard: options.standardPorts }),
    },
  );
  const [subnet, folders] = await engine.with((docker) =>
    Promise.all([
      ensureNetwork(docker, {
        cluster: request.cluster,
        folder: options.paths.folder,
        local: isLocal(engine.endpoint),
        ...(request.subnet === undefined ? {} : { fixed: request.subnet }),
        ...(known?.subnet === undefined ? {} : { known: known.subnet }),
      }),
      settleAll(
        request.nodes.map(async ({ name }) => {
          await docker.createVolume({
            Name: volumeName(request.cluster, name),
            Labels: {
              [labels.cluster]: request.cluster,
              [labels.node]: name,
              [labels.kind]: 'volume',
              [labels.folder]: options.paths.folder,
            },
          });
          const volume = await docker.getVolume(volumeName(request.cluster, name)).inspect();
          if (volume.Labels?.[labels.cluster] !== request.cluster) throw nameInUse(`a volume '${volume.Name}'`);
          return volume.Mountpoint;
        }),
      ),
    ]),
  );
  const site = toSite(places, subnet, folders, known, publishAt.reach);
  return request.programs ? { ...site, imageSet: known?.imageSet ?? (await suitableFor(engine)) } : site;
}

/** Asked only for clusters with real programs. */
async function suitableFor(engine: Engine): Promise<ImageSetName> {
  const [{ arch }, info] = await Promise.all([engine.facts(), engine.with((docker) => docker.info())]);
  return suitableSet({ arch, cgroups: cgroupsOf(info as Parameters<typeof cgroupsOf>[0]) });
}

function toSite(
  places: Site,
  subnet: Subnet,
  folders: readonly string[],
  known: Site | undefined,
  reach: { host: string; publishedAt: string } | undefined,
): Site {
  const used = new Set(known?.nodes.map(({ address }) => address));
  const fresh = (): string => {
    for (let n = 1; ; n++) {
      const address = nodeAddress(subnet, n);
      if (used.has(address)) continue;
      used.add(address);
      return address;
    }
  };
  const nodes = places.nodes.map((place, i): NodeSite => {
    const before = known?.nodes.find(({ name }) => name === place.name);
    return {
      ...place,
      address: before?.address ?? fresh(),
      ports: standardPorts,
      ...(reach ? { published: moved(place.published, reach.host), publishedAt: reach.publishedAt } : {}),
      dataDir: folders[i]!,
    };
  });
  const text = formatSubnet(subnet);
  return {
    ...places,
    nodes,
    subnet: text,
    resolvers: known?.resolvers ?? upstreamResolvers(),
    remarks: [...places.remarks.filter((remark) => !remark.startsWith(subnetRemark)), `${subnetRemark}${text}.`],
    secretsDir,
  };
}

const subnetRemark = "The cluster's own network in Docker is ";

/** A known site as the places were reserved: by what is published on this machine. */
function asPublished(site: Site): Site {
  return {
    ...site,
    nodes: site.nodes.map((node) => ({
      ...node,
      // Another machine's ports can't be tried from here; those of this one stand for them.
      address: node.publishedAt === undefined ? node.published['mesos-agent'].host : '127.0.0.1',
      ports: Object.fromEntries(portNames.map((name) => [name, node.published[name].port])) as NodeSite['ports'],
    })),
  };
}

function moved(published: NodeSite['published'], host: string): NodeSite['published'] {
  return Object.fromEntries(
    portNames.map((name) => [name, { host, port: published[name].port }]),
  ) as NodeSite['published'];
}

/**
 * Where ports are published. On this machine's own engine each node has a loopback address of its own where the system
 * has such; a virtual machine's engine publishes on 127.0.0.1 only; a rootless one takes a port once, whatever the
 * address; one on another machine has to be reachable there.
 */
function publishAddress(
  { endpoint }: Engine,
  request: SiteRequest,
  rootless: boolean,
): { addresses: SiteRequest['addresses']; address?: string; reach?: { host: string; publishedAt: string } } {
  if (isLocal(endpoint)) {
    if (request.publish !== undefined) return { addresses: request.addresses, address: request.publish };
    return { addresses: process.platform === 'linux' && !rootless ? request.addresses : 'port-blocks' };
  }
  const host = endpoint.kind === 'tcp' ? endpoint.host : '';
  if (request.publish === undefined)
    throw new DevclusterError(
      'missing',
      'REMOTE_ENGINE',
      `The Docker engine is on another machine (${host}), and what is published on its loopback addresses can't be reached from here`,
      {
        hint: "Set network.publish to '0.0.0.0' if everybody who reaches that machine may use the cluster, choose an engine of this machine (DOCKER_HOST, `docker context use`), or take --runtime process.",
      },
    );
  return { addresses: 'port-blocks', reach: { host, publishedAt: request.publish } };
}

/** The names of clusters are shared by all who use the engine. */
function refuseForeign(cluster: string, folder: string, found: readonly Pick<OwnContainer, 'name' | 'folder'>[]): void {
  const foreign = found.find((each) => each.folder !== undefined && each.folder !== folder);
  if (!foreign) return;
  throw new DevclusterError(
    'conflict',
    'NAME_IN_USE',
    `The engine has a cluster '${cluster}' that belongs to somebody else: ${foreign.name} is kept in ${foreign.folder}`,
    { hint: 'Take another name with -c, or remove that cluster first.', details: { folder: foreign.folder } },
  );
}
