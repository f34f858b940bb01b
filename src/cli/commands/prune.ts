import { pruneOwned } from '../../cluster/prune.ts';
import { DevclusterError, exitCodes } from '../../support/errors.ts';
import { clusterContext } from '../open-cluster.ts';
import { type CommandContext, textOption } from '../spec.ts';

/** `prune --test`: clusters of tests whose process has ended. */
export async function run(context: CommandContext): Promise<number> {
  if (context.options.test !== true)
    throw new DevclusterError('usage', 'USAGE', 'Say what to remove', {
      hint: '`devcluster prune --test` removes clusters of tests that have ended.',
    });
  const owner = textOption(context, 'owner');
  const { removed, failed } = await pruneOwned(
    clusterContext(context),
    owner === undefined ? undefined : ({ id }) => id === owner,
  );
  for (const { name, reason } of failed) context.progress.warn(`'${name}' is left: ${reason}`);
  context.output.result(
    { removed, failed },
    removed.length > 0 ? `Removed ${removed.join(', ')}.` : 'There was no cluster of tests to remove.',
  );
  return failed.length > 0 ? exitCodes.unexpected : exitCodes.ok;
}
