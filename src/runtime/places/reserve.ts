import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type NodeSite, type PortName, type PortRange, type Site, standardPorts } from '../../plan/types.ts';
import { withMachineLock } from '../../support/machine-lock.ts';
import type { ClusterPaths } from '../paths.ts';
import type { SiteRequest } from '../types.ts';
import {
  claimFile,
  claimsFolder,
  claimsLock,
  prepareClaims,
  readClaims,
  readOwnClaim,
  removeClaim,
  writeClaim,
} from './claims.ts';
import { fileError, removeIfEmpty } from './file-error.ts';
import { findPlaces, type Places } from './find-places.ts';
import { keepPlaces } from './keep-places.ts';
import { listListeners } from './listeners.ts';
import { portNames, type Taken } from './port-problems.ts';
import { ephemeralPorts, findTaskPorts } from './task-ports.ts';

export interface ReserveOptions {
  paths: ClusterPaths;
  nodeBinary: string;
  samplesDir: string;
  /** Whether the node's host runs, so that its ports are rightly in use. */
  isRunning: (node: string) => Promise<boolean>;
  /** Default: one folder for all users of the machine. */
  claimsFolder?: string;
  /** The ports to begin with; tests bring free ones. */
  standard?: Readonly<Record<PortName, number>>;
  /** Default: what the system says. */
  ephemeralPorts?: PortRange;
  /** Whether somebody with more rights than this user is to listen. */
  privileged?: boolean;
}

/**
 * Finds a place for every node and claims it among all clusters of the machine, whoever owns them.
 * @throws DevclusterError conflict: a fixed port is taken, or what a known cluster had is; missing: no room, or the
 *   addresses asked for do not exist here
 */
export async function reserveSite(
  request: SiteRequest,
  known: Site | undefined,
  options: ReserveOptions,
): Promise<Site> {
  try {
    mkdirSync(options.paths.folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileError(error, options.paths.folder);
  }
  try {
    return await withMachineLock(claimsLock, () => reserveLocked(request, known, options));
  } catch (error) {
    removeIfEmpty(options.paths.folder);
    removeIfEmpty(dirname(options.paths.folder));
    throw error;
  }
}

async function reserveLocked(request: SiteRequest, known: Site | undefined, options: ReserveOptions): Promise<Site> {
  const shared = options.claimsFolder ?? claimsFolder;
  const remarks: string[] = [];
  const folder = prepareClaims(shared) ? shared : ownFolder(shared);
  if (folder !== shared) {
    prepareClaims(folder);
    remarks.push(
      `${shared} can't be written, so other users may be given the same ports; its owner should make it mode 1777.`,
    );
  }
  const folders = new Set([shared, folder]);
  const taken: Taken = {
    claims: [...folders].flatMap((each) => readClaims(each, options.paths.folder)),
    listeners: listListeners(),
    ...(options.privileged ? { privileged: true } : {}),
  };

  const standard = options.standard ?? standardPorts;
  const places = known
    ? await keepPlaces(request, known, taken, options.isRunning)
    : await findPlaces(request, taken, standard);
  const servicePorts = new Set(places.nodes.flatMap(({ ports }) => portNames.map((name) => ports[name])));
  const taskPorts = findTaskPorts(request, known, taken, servicePorts, options.ephemeralPorts ?? ephemeralPorts());
  const claim = {
    cluster: request.cluster,
    uid: process.getuid?.() ?? 0,
    folder: options.paths.folder,
    ...places.claim,
    ports: [...servicePorts],
    taskPorts,
  };
  await writeClaim(folder, claim).catch((error: unknown) => {
    throw fileError(error, folder);
  });
  return {
    nodes: request.nodes.map((node, i) => toNodeSite(node.name, places.nodes[i]!, taskPorts[i]!, options)),
    remarks: [...new Set([...remarks, ...places.remarks])],
    nodeBinary: options.nodeBinary,
    samplesDir: options.samplesDir,
    secretsDir: options.paths.secretsDir,
  };
}

/** The places a cluster had, given back to the machine. */
export async function releaseSite(paths: ClusterPaths, folder = claimsFolder): Promise<void> {
  const own = ownFolder(folder);
  if (!readOwnClaim(folder, paths.folder) && !readOwnClaim(own, paths.folder)) return;
  await withMachineLock(claimsLock, async () => {
    removeClaim(folder, paths.folder);
    removeClaim(own, paths.folder);
  });
}

/** Where a user's claims go when the folder for all can't be written. */
function ownFolder(shared: string): string {
  return `${shared}-${process.getuid?.() ?? 0}`;
}

/** The file by which a cluster's claim is kept; renewing its time keeps it from being tidied away. */
export function claimFilesOf(paths: ClusterPaths, folder = claimsFolder): string[] {
  return [folder, ownFolder(folder)].map((each) => claimFile(each, paths.folder)).filter((path) => existsSync(path));
}

function toNodeSite(
  name: string,
  { address, ports }: Places['nodes'][number],
  taskPorts: PortRange,
  options: ReserveOptions,
): NodeSite {
  const published = Object.fromEntries(portNames.map((port) => [port, { host: address, port: ports[port] }]));
  return {
    name,
    address,
    ports,
    published: published as NodeSite['published'],
    taskPorts,
    dataDir: options.paths.node(name).dataDir,
  };
}
