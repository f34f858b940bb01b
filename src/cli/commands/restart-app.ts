import { confirmChange, openApps } from '../apps-place.ts';
import { appId, forceOption, reportDeployments, runDeployment } from '../deploying.ts';
import { argument, type CommandContext } from '../spec.ts';

/** `restart-app APP`. */
export async function run(context: CommandContext): Promise<number> {
  const id = appId(argument(context, 'app'));
  const place = await openApps(context);
  const { marathon } = place;
  const change = () => marathon.restartApp(id, forceOption(context));
  await confirmChange(context, place, `Restart ${id}`);
  return reportDeployments(context, [await runDeployment(context, place, `restart ${id}`, change)]);
}
