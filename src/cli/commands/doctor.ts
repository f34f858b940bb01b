import { type DoctorInput, runChecks } from '../../cluster/doctor.ts';
import { loadConfig } from '../../config/load.ts';
import { exitCodes } from '../../support/errors.ts';
import { clusterContext } from '../open-cluster.ts';
import type { CommandContext } from '../spec.ts';

/** What the configuration says of images; one that can't be read is told by other commands. */
async function configured(context: CommandContext): Promise<Pick<DoctorInput, 'config'>> {
  try {
    const { config } = await loadConfig({ cwd: context.cwd, env: context.env, file: context.globals.config });
    return { config };
  } catch {
    return {};
  }
}

/** `doctor`: what clusters need on this machine. Never fails by itself: a check that can't be made says so. */
export async function run(context: CommandContext): Promise<number> {
  const { records } = clusterContext(context);
  const checks = await runChecks({
    root: records.paths.root,
    env: context.env,
    network: context.options.network === true,
    ...(await configured(context)),
  });
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
