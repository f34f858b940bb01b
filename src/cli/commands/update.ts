import { changedFields } from '../../apps/set-fields.ts';
import { DevclusterError } from '../../support/errors.ts';
import { confirmChange, openApps } from '../apps-place.ts';
import { appId, forceOption, reportDeployments, runDeployment } from '../deploying.ts';
import { argument, type CommandContext, listOption } from '../spec.ts';

/** `update APP --set env.X=…`. */
export async function run(context: CommandContext): Promise<number> {
  const id = appId(argument(context, 'app'));
  const settings = listOption(context, 'set');
  if (settings.length === 0)
    throw new DevclusterError('usage', 'USAGE', 'Nothing to change', {
      hint: `For instance: devcluster update ${id} --set env.COLOR=tomato`,
    });
  const place = await openApps(context);
  const { marathon } = place;
  const fields = changedFields((await marathon.app(id)) as unknown as Record<string, unknown>, settings);
  const change = () => marathon.patchApp(id, fields, forceOption(context));
  await confirmChange(context, place, `Update ${id}`);
  return reportDeployments(context, [await runDeployment(context, place, `update ${id}`, change)]);
}
