import { createHash } from 'node:crypto';

/**
 * How what belongs to a cluster is called in a Docker engine. No name begins with `mesos-`, which every real agent takes
 * for a task of its own, and the network's has no dot, which the real agent could not look up.
 */
export function networkName(cluster: string): string {
  return `devcluster-${cluster}`;
}

/** The container whose network namespace is the node's: its only one, or the holder that its services join. */
export function nodeContainerName(cluster: string, node: string): string {
  return `devcluster-${cluster}-${node}`;
}

/** The volume with the node's data. */
export function volumeName(cluster: string, node: string): string {
  return `devcluster-${cluster}-${node}`;
}

/** The volume with the docker command that a cluster's real agents are given, of the image with this reference. */
export function dockerCliVolumeName(cluster: string, reference: string): string {
  const digest = createHash('sha256').update(reference).digest('hex').slice(0, 8);
  return `devcluster-${cluster}-docker-cli-${digest}`;
}

/** The container of one service among several of its node. */
export function serviceContainerName(cluster: string, node: string, component: string): string {
  return `devcluster-${cluster}-${node}-${component}`;
}

export { dockerLabels as labels } from '../protocols/docker-labels.ts';

/** Where the engine's own socket is inside of node containers, whichever way the laptop reaches the engine. */
export const engineSocket = '/var/run/docker.sock';
