import type { ClusterPlan, NodePlan } from '../../plan/types.ts';
import { readTextIfExists, writeFileAtomic } from '../../support/files.ts';

/** Names of the nodes that are cut off from all others; kept in a file, so that a host started later knows too. */
export async function readPartitions(file: string): Promise<ReadonlySet<string>> {
  const text = await readTextIfExists(file);
  try {
    const names: unknown = JSON.parse(text ?? '[]');
    return new Set(Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []);
  } catch {
    return new Set();
  }
}

export async function writePartitions(file: string, names: ReadonlySet<string>): Promise<void> {
  await writeFileAtomic(file, JSON.stringify([...names]));
}

/**
 * Where a node's services may not connect to, given which nodes are cut off: from a node that is, everywhere else; from
 * the others, to those that are. A node is meant by its address, or by each of its ports where nodes share one.
 */
export function destinationsCut(plan: ClusterPlan, node: NodePlan, partitioned: ReadonlySet<string>): string[] {
  const others = plan.nodes.filter(({ name }) => name !== node.name);
  const cut = partitioned.has(node.name) ? others : others.filter(({ name }) => partitioned.has(name));
  return cut.flatMap((other) => {
    const { address, ports, taskPorts } = other.site;
    const shared = plan.nodes.some((each) => each !== other && each.site.address === address);
    if (!shared) return [address];
    const tasks = Array.from({ length: taskPorts.end - taskPorts.begin + 1 }, (_, i) => taskPorts.begin + i);
    return [...Object.values(ports), ...tasks].map((port) => `${address}:${port}`);
  });
}
