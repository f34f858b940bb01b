import { type Fault, faults, nodeFault } from '../../cluster/lifecycle.ts';
import { DevclusterError } from '../../support/errors.ts';
import { printResult } from '../lifecycle.ts';
import { clusterContext, clusterName } from '../open-cluster.ts';
import { argument, type CommandContext } from '../spec.ts';

const done: Record<Fault, string> = {
  kill: 'is killed; `devcluster start` brings it back',
  pause: 'is paused; `devcluster node resume` lets it go on',
  resume: 'goes on',
  partition: 'is cut off from the other nodes; `devcluster node heal` connects it again',
  heal: 'is connected again',
};

/** `node kill|pause|resume|partition|heal NODE` */
export async function run(context: CommandContext): Promise<void> {
  const fault = faults.find((known) => known === argument(context, 'action'));
  const node = argument(context, 'node');
  if (!fault || !node) throw new DevclusterError('usage', 'USAGE', `Give one of ${faults.join(', ')} and a node`);
  const options = { wait: context.options.wait === true };
  const result = await nodeFault(clusterContext(context), await clusterName(context), fault, node, options);
  await printResult(context, result, `${node} ${done[fault]}.`);
}
