import { clusterStatus, type StatusDocument } from '../../cluster/status.ts';
import { exitCodes } from '../../support/errors.ts';
import { sleep } from '../../support/retry.ts';
import { clusterContext, clusterName } from '../open-cluster.ts';
import type { CommandContext } from '../spec.ts';
import { formatStatus } from '../status-text.ts';

const watchMs = 1000;

/** `status`: prints its document for an absent cluster too, with exit code 5. */
export async function run(context: CommandContext): Promise<number> {
  const clusters = clusterContext(context);
  const name = await clusterName(context);
  const { output } = context;
  if (context.options.watch === true) {
    for (let last = ''; !context.signal.aborted; await sleep(watchMs, context.signal).catch(() => {})) {
      const status = await clusterStatus(clusters, name);
      const text = formatStatus(status, output.style);
      const key = output.json ? JSON.stringify(status) : text;
      if (key !== last) output.event(status, process.stdout.isTTY ? `\u001b[2J\u001b[H${text}` : text);
      last = key;
    }
    return exitCodes.interrupted;
  }
  const status = await clusterStatus(clusters, name);
  output.result(status, formatStatus(status, output.style));
  return exitCodeOf(status);
}

function exitCodeOf(status: StatusDocument): number {
  return status.state === 'absent' ? exitCodes.notFound : exitCodes.ok;
}
