import { down } from '../../cluster/down.ts';
import { type PrunedClusters, pruneOwned } from '../../cluster/prune.ts';
import { findRemnants } from '../../cluster/remnants.ts';
import { endLeftCommands } from '../../fixture/left-commands.ts';
import { exitCodes, messageOf } from '../../support/errors.ts';
import { confirm } from '../ask.ts';
import { clusterContext } from '../open-cluster.ts';
import { type CommandContext, textOption } from '../spec.ts';

/**
 * `prune`: what crashed commands and tests left, after asking; `prune --test`: clusters of tests whose process has
 * ended, without asking.
 */
export async function run(context: CommandContext): Promise<number> {
  const { removed, failed } = context.options.test === true ? await pruneTests(context) : await pruneRemnants(context);
  for (const { name, reason } of failed) context.progress.warn(`'${name}' is left: ${reason}`);
  context.output.result(
    { removed, failed },
    removed.length > 0 ? `Removed ${removed.join(', ')}.` : 'There was nothing to remove.',
  );
  return failed.length > 0 ? exitCodes.unexpected : exitCodes.ok;
}

async function pruneTests(context: CommandContext): Promise<PrunedClusters> {
  const owner = textOption(context, 'owner');
  if (owner === undefined) return pruneOwned(clusterContext(context));
  await endLeftCommands(owner);
  return pruneOwned(clusterContext(context), ({ id }) => id === owner);
}

async function pruneRemnants(context: CommandContext): Promise<PrunedClusters> {
  const clusters = clusterContext(context);
  const remnants = await findRemnants(clusters);
  const result: PrunedClusters = { removed: [], failed: [] };
  if (remnants.length === 0) return result;
  await confirm(
    context,
    `Remove ${remnants.length === 1 ? 'it' : 'them'}?`,
    remnants.map(({ name, why }) => `${name}: ${why}`),
  );
  for (const { name } of remnants)
    try {
      await down(clusters, name, { keepData: false, wait: false });
      result.removed.push(name);
    } catch (error) {
      result.failed.push({ name, reason: messageOf(error) });
    }
  return result;
}
