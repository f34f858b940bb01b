import { confirmChange, openApps } from '../apps-place.ts';
import { formatChanges } from '../changes-text.ts';
import { forceOption, reportDeployments, runDeployment } from '../deploying.ts';
import { planDeployment } from '../planned-deployment.ts';
import type { CommandContext } from '../spec.ts';
import { createStyle } from '../style.ts';

/** `deploy [FILE|FOLDER…]`: all apps of a file in one deployment, each of its groups in one of its own. */
export async function run(context: CommandContext): Promise<number> {
  const place = await openApps(context);
  const dryRun = context.options.dryRun === true;
  const { definitions, changes, images } = await planDeployment(context, place, !dryRun);
  if (dryRun) {
    context.output.result({ changes }, formatChanges(changes, context.output.style));
    return 0;
  }
  const { marathon } = place;
  if (changes.some(({ change }) => change !== 'create'))
    for (const line of formatChanges(changes, createStyle(false)).split('\n')) context.progress.note(line);
  await confirmChange(context, place, `Deploy ${changes.map(({ id }) => id).join(', ')}`);
  if (!place.cluster) await pushImages(context, images);
  const force = forceOption(context);
  const results = [];
  for (const { apps, groups } of definitions) {
    const [first] = apps;
    if (first)
      results.push(
        await runDeployment(context, place, `deploy ${apps.map(({ id }) => id).join(', ')}`, () =>
          apps.length === 1 ? marathon.putApp(first, force) : marathon.putApps(apps, force),
        ),
      );
    for (const group of groups)
      results.push(await runDeployment(context, place, `deploy ${group.id}`, () => marathon.putGroup(group, force)));
  }
  return reportDeployments(context, results);
}

async function pushImages(context: CommandContext, images: readonly string[]): Promise<void> {
  if (images.length === 0) return;
  const { pushImage } = await import('../../apps/image.ts');
  for (const image of images) {
    const [step] = context.progress.steps([`push ${image}`]);
    await pushImage(image, { signal: context.signal, onLine: (line) => step?.update(line) });
    step?.done();
  }
}
