import { listClusters } from '../../cluster/list.ts';
import { clusterContext } from '../open-cluster.ts';
import type { CommandContext } from '../spec.ts';
import { formatTable } from '../table.ts';

/** `list` */
export async function run(context: CommandContext): Promise<void> {
  const clusters = await listClusters(clusterContext(context));
  const { style } = context.output;
  const rows = clusters.map(({ name, state, runtime, engine, nodes }) => [
    name,
    state,
    String(nodes ?? '–'),
    runtime ?? '–',
    engine ?? '–',
  ]);
  const text =
    rows.length === 0
      ? 'No clusters. Create one with `devcluster up`.'
      : formatTable([['NAME', 'STATE', 'NODES', 'RUNTIME', 'ENGINE'].map(style.bold), ...rows]);
  context.output.result(clusters, text);
}
