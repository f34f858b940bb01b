import { down, downAll } from '../../cluster/down.ts';
import { DevclusterError } from '../../support/errors.ts';
import { clusterContext, clusterName } from '../open-cluster.ts';
import type { CommandContext } from '../spec.ts';

/** `down` */
export async function run(context: CommandContext): Promise<void> {
  const clusters = clusterContext(context);
  const options = { keepData: context.options.keepData === true, wait: context.options.wait === true };
  if (context.options.all === true) {
    if (context.globals.cluster !== undefined)
      throw new DevclusterError('usage', 'USAGE', '--all and -c contradict each other', { hint: 'Leave one out.' });
    const removed = await downAll(clusters, options);
    context.output.result({ removed }, removed.length > 0 ? `Removed ${removed.join(', ')}.` : 'There was no cluster.');
    return;
  }
  const name = await clusterName(context);
  const removed = await down(clusters, name, options);
  context.output.result(
    { name, removed },
    removed ? `The cluster '${name}' is removed.` : `There was no cluster '${name}'.`,
  );
}
