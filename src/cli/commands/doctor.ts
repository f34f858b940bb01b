import { runChecks } from '../../cluster/doctor.ts';
import { exitCodes } from '../../support/errors.ts';
import { clusterContext } from '../open-cluster.ts';
import type { CommandContext } from '../spec.ts';

/** `doctor`: what clusters need on this machine. Never fails by itself: a check that can't be made says so. */
export async function run(context: CommandContext): Promise<number> {
  const { records } = clusterContext(context);
  const checks = await runChecks({ root: records.paths.root, env: context.env });
  const { style } = context.output;
  const mark = { ok: style.green('✔'), note: style.cyan('·'), warning: style.yellow('!'), failure: style.red('✖') };
  const lines = checks.flatMap(({ state, title, hint }) => [
    `${mark[state]} ${title}`,
    ...(hint && state !== 'ok' ? [`  ${style.dim(hint)}`] : []),
  ]);
  const healthy = checks.every(({ state }) => state !== 'failure');
  context.output.result({ healthy, checks }, lines.join('\n'));
  return healthy ? exitCodes.ok : exitCodes.missing;
}
