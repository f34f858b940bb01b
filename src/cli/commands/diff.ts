import { openApps } from '../apps-place.ts';
import { formatChanges } from '../changes-text.ts';
import { planDeployment } from '../planned-deployment.ts';
import type { CommandContext } from '../spec.ts';

/** `diff [FILE|FOLDER…]`: what `deploy` would change; builds and changes nothing. */
export async function run(context: CommandContext): Promise<void> {
  const { changes } = await planDeployment(context, await openApps(context), false);
  context.output.result(
    { changed: changes.some(({ change }) => change !== 'none'), changes },
    formatChanges(changes, context.output.style),
  );
}
