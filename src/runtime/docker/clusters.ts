import { join } from 'node:path';
import type Docker from 'dockerode';
import { clusterNamePattern } from '../../config/names.ts';
import { labels } from '../../plan/docker-names.ts';
import type { FoundCluster } from '../types.ts';

/** What an engine has of clusters whose records should be below `root`, told by the labels alone. */
export async function clustersInDocker(docker: Docker, root: string): Promise<FoundCluster[]> {
  const filters = { label: [labels.folder] };
  const [containers, networks, volumes] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
  ]);
  const found = new Map<string, Map<string, number>>();
  const count = (what: string, given: Readonly<Record<string, string>> | null | undefined) => {
    const name = given?.[labels.cluster] ?? '';
    // Anybody can write labels, and other users and other machines of one engine have records elsewhere.
    if (!clusterNamePattern.test(name) || given?.[labels.folder] !== join(root, name)) return;
    const counts = found.get(name) ?? new Map<string, number>();
    counts.set(what, (counts.get(what) ?? 0) + 1);
    found.set(name, counts);
  };
  for (const { State, Labels } of containers)
    count(State === 'running' ? 'running container' : 'container that does not run', Labels);
  for (const { Labels } of networks) count('network', Labels);
  for (const { Labels } of volumes.Volumes ?? []) count('volume', Labels);
  return [...found].map(([name, counts]) => ({
    name,
    parts: [...counts].map(([what, n]) => `${n} ${plural(what, n)}`).join(', '),
  }));
}

function plural(what: string, n: number): string {
  if (n === 1) return what;
  return what === 'container that does not run' ? 'containers that do not run' : `${what}s`;
}
