import { DevclusterError } from '../../support/errors.ts';
import { confirmChange, openApps } from '../apps-place.ts';
import { appId, forceOption, reportDeployments, runDeployment } from '../deploying.ts';
import { argument, type CommandContext } from '../spec.ts';

/** `scale APP N`. */
export async function run(context: CommandContext): Promise<number> {
  const id = appId(argument(context, 'app'));
  const text = argument(context, 'instances') ?? '';
  if (!/^\d+$/.test(text))
    throw new DevclusterError('usage', 'USAGE', `'${text}' is no number of instances`, {
      hint: `For instance: devcluster scale ${id} 3`,
    });
  const place = await openApps(context);
  const { marathon } = place;
  const change = () => marathon.patchApp(id, { instances: Number(text) }, forceOption(context));
  await confirmChange(context, place, `Scale ${id} to ${text}`);
  return reportDeployments(context, [await runDeployment(context, place, `scale ${id} to ${text}`, change)]);
}
