import { createHash } from 'node:crypto';
import { volumeName } from '../../plan/docker-names.ts';
import { cgroupsOf, suitableSet } from '../../plan/image-sets.ts';
import { type ClusterPlan, type NodeSite, type Site, standardPorts } from '../../plan/types.ts';
import { type Claim, claimsFolder, readClaims } from '../places/claims.ts';
import { listListeners } from '../places/listeners.ts';
import { blocksOf, nodeAddress as loopback, portInBlock, subnetOf } from '../places/places.ts';
import { portNames } from '../places/port-problems.ts';
import { ephemeralPorts, findTaskPorts } from '../places/task-ports.ts';
import type { SiteRequest } from '../types.ts';
import { askJson } from './client.ts';
import { type Composition, compose } from './compose.ts';
import { ensureEmbeddedImage, inImage } from './embedded-image.ts';
import { openEngine } from './engine.ts';
import { nodeAddress, ownRoutes } from './network.ts';
import { secretsDir } from './reserve.ts';
import { upstreamResolvers } from './resolvers.ts';
import { candidateSubnets, formatSubnet, overlap, parseSubnet, type Subnet } from './subnets.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Where a cluster would be in this user's engine, without reserving anything: what its name leads to first, and task
 * ports that nobody has at the moment.
 * @throws DevclusterError missing when no engine answers
 */
export async function plannedSite(env: Variables, request: SiteRequest): Promise<Site> {
  const engine = openEngine(env);
  const facts = await engine.facts();
  const { rootless } = await engine.machine();
  const perNode = process.platform === 'linux' && !rootless;
  const info = await askJson<{ DockerRootDir?: string; CgroupVersion?: string; CgroupDriver?: string }>(
    engine.endpoint,
    '/info',
    5_000,
  );
  const routes = ownRoutes();
  const isFree = (candidate: Subnet) => !routes.some((route) => overlap(route, candidate));
  const subnet =
    (request.subnet === undefined ? undefined : parseSubnet(request.subnet)) ??
    candidateSubnets(request.cluster).find(isFree) ??
    candidateSubnets(request.cluster)[0]!;
  const blocks = blocksOf(request.cluster);
  const elsewhere = awayFromOthers(request.cluster);
  const taken = { claims: [...readClaims(claimsFolder), elsewhere], listeners: listListeners() };
  const standard = new Set(Object.values(standardPorts));
  const taskPorts = findTaskPorts(request, undefined, taken, standard, ephemeralPorts());
  const nodes = request.nodes.map(({ name }, i): NodeSite => {
    const host = perNode ? loopback(subnetOf(request.cluster, 0), i + 1) : '127.0.0.1';
    const published = portNames.map((port) => {
      const own = perNode ? standardPorts[port] : portInBlock(blocks[i]!, port);
      return [port, { host: request.publish ?? host, port: request.ports[port] ?? own }];
    });
    return {
      name,
      address: nodeAddress(subnet, i + 1),
      ports: standardPorts,
      published: Object.fromEntries(published) as NodeSite['published'],
      taskPorts: taskPorts[i]!,
      // Where the engine keeps the volume, so that containers of tasks can be given their sandboxes.
      dataDir: `${info?.DockerRootDir ?? '/var/lib/docker'}/volumes/${volumeName(request.cluster, name)}/_data`,
    };
  });
  return {
    nodes,
    remarks: [],
    nodeBinary: inImage.node,
    samplesDir: inImage.samples,
    secretsDir,
    resolvers: upstreamResolvers(),
    subnet: formatSubnet(subnet),
    imageSet: suitableSet({ arch: facts.arch, cgroups: cgroupsOf(info) }),
  };
}

/**
 * Nothing is reserved, and clusters take the first task ports that are free; so this one's are looked for from a place
 * further up that depends on its name.
 */
function awayFromOthers(cluster: string): Claim {
  const begin = 24_000 + (createHash('sha256').update(cluster).digest().readUInt16BE(0) % 8_000);
  return {
    cluster,
    uid: 0,
    folder: '',
    addresses: [],
    ports: [],
    blocks: [],
    taskPorts: [{ begin: 0, end: begin - 1 }],
  };
}

/** The plan as a compose file; the image that it needs is made. @throws DevclusterError */
export async function composeCluster(env: Variables, plan: ClusterPlan, site: Site): Promise<Composition> {
  const engine = openEngine(env);
  const facts = await engine.facts();
  const embeddedImage = await engine.with((docker) => ensureEmbeddedImage(docker, facts));
  const { socketPath } = await engine.machine();
  return compose({ plan, embeddedImage, engineSocket: socketPath, folder: '', secrets: [] }, site.subnet ?? '');
}
