import { findVersion } from '../../apps/history.ts';
import { confirmChange, openApps } from '../apps-place.ts';
import { appId, forceOption, reportDeployments, runDeployment } from '../deploying.ts';
import { argument, type CommandContext, textOption } from '../spec.ts';

/** `rollback APP [--to VERSION|COMMIT]`: a version of Marathon's own history, by default the one before the current. */
export async function run(context: CommandContext): Promise<number> {
  const id = appId(argument(context, 'app'));
  const place = await openApps(context);
  const { marathon } = place;
  const version = await findVersion(marathon, id, textOption(context, 'to'));
  await confirmChange(context, place, `Roll ${id} back to ${version}`);
  const change = () => marathon.restoreVersion(id, version, forceOption(context));
  return reportDeployments(context, [await runDeployment(context, place, `roll ${id} back to ${version}`, change)]);
}
