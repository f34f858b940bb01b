import { clusterStatus, type StatusDocument } from '../../cluster/status.ts';
import { exitCodes } from '../../support/errors.ts';
import { clusterContext, clusterName } from '../open-cluster.ts';
import type { CommandContext } from '../spec.ts';
import { formatStatus } from '../status-text.ts';

/** `status`: prints its document for an absent cluster too, with exit code 5. */
export async function run(context: CommandContext): Promise<number> {
  const name = await clusterName(context);
  const { output } = context;
  if (context.options.watch === true) return (await import('../watch-status.ts')).watchStatus(context, name);
  const status = await clusterStatus(clusterContext(context), name);
  output.result(status, formatStatus(status, output.style));
  return exitCodeOf(status);
}

function exitCodeOf(status: StatusDocument): number {
  return status.state === 'absent' ? exitCodes.notFound : exitCodes.ok;
}
