import { clusterStatus, type StatusDocument } from '../cluster/status.ts';
import { exitCodes } from '../support/errors.ts';
import { sleep } from '../support/retry.ts';
import { type CliCluster, clusterContext, openCluster } from './open-cluster.ts';
import type { CommandContext } from './spec.ts';
import { statusChanges } from './status-changes.ts';
import { formatStatus } from './status-text.ts';
import { cutLine } from './table.ts';

/** Events of one change come close together; one look is enough for them. */
const settleMs = 60;
/** What no event tells (a service that hangs, a cluster that is made anew) is seen by looking again. */
const lookAgainMs = 2000;

/**
 * Shows the status whenever it changes, until Ctrl-C: on a terminal the whole of it anew, in a pipe one line for each
 * change, with --json a document.
 */
export async function watchStatus(context: CommandContext, name: string): Promise<number> {
  const clusters = clusterContext(context);
  const news = watchForNews(context);
  let last: StatusDocument | undefined;
  while (!context.signal.aborted) {
    const status = await clusterStatus(clusters, name);
    show(context, last, status);
    last = status;
    await news.next();
  }
  return exitCodes.interrupted;
}

function show(context: CommandContext, last: StatusDocument | undefined, status: StatusDocument): void {
  const { output } = context;
  if (last && JSON.stringify(last) === JSON.stringify(status)) return;
  if (output.json) output.event(status, '');
  else if (process.stdout.isTTY) draw(formatStatus(status, output.style), last === undefined);
  else if (!last) output.event(status, formatStatus(status, output.style));
  else
    for (const change of statusChanges(last, status))
      output.event(status, `${new Date().toTimeString().slice(0, 8)} ${change}`);
}

/** Over what was drawn before, line by line, so that nothing flickers; lines that are too long are cut. */
function draw(text: string, first: boolean): void {
  const { columns = 80, rows = 24 } = process.stdout;
  const lines = `${text}\n\n${new Date().toTimeString().slice(0, 8)} Ctrl-C ends`
    .split('\n')
    .slice(0, Math.max(1, rows - 1));
  const cleared = lines.map((line) => `${cutLine(line, columns)}\u001b[K`).join('\n');
  process.stdout.write(`${first ? '\u001b[2J' : ''}\u001b[H${cleared}\n\u001b[J`);
}

/** Resolves `next` soon after something happened to the cluster, or after a while. */
function watchForNews(context: CommandContext): { next(): Promise<void> } {
  let wake = () => {};
  let happened = false;
  const tell = () => {
    happened = true;
    wake();
  };
  process.stdout.on('resize', tell);
  void openCluster(context).then(
    (cluster) => {
      cluster.runtime.watch(cluster.plan, tell, context.signal);
      void followMarathon(cluster, context.signal, tell);
    },
    // Not there yet: it is looked for again.
    () => {},
  );
  return {
    async next() {
      let timer: NodeJS.Timeout | undefined;
      if (!happened)
        await new Promise<void>((resolve) => {
          timer = setTimeout(resolve, lookAgainMs);
          wake = resolve;
        });
      clearTimeout(timer);
      if (happened) await sleep(settleMs, context.signal).catch(() => {});
      happened = false;
    },
  };
}

async function followMarathon({ marathon }: CliCluster, signal: AbortSignal, tell: () => void): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const _ of marathon.events(signal)) tell();
    } catch {
      // There is no leader at the moment.
    }
    await sleep(lookAgainMs, signal).catch(() => {});
  }
}
