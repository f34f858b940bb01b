import { findNode } from '../../cluster/target.ts';
import { DevclusterError } from '../../support/errors.ts';
import { openCluster } from '../open-cluster.ts';
import { argument, argumentList, type CommandContext } from '../spec.ts';

/** `exec NODE -- COMMAND…`: its exit code is the command's. */
export async function run(context: CommandContext): Promise<number> {
  const { runtime, plan } = await openCluster(context);
  const target = argument(context, 'target') ?? '';
  const [name = '', ...rest] = target.split('/');
  const node = findNode(plan, name);
  if (rest.length > 0)
    throw new DevclusterError('usage', 'USAGE', `Commands run on a node, not in '${target}'`, {
      hint: `Use \`devcluster exec ${name} -- …\`.`,
    });
  return runtime.exec(plan, node, argumentList(context, 'command'));
}
