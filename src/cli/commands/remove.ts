import { DevclusterError } from '../../support/errors.ts';
import { confirmChange, openApps } from '../apps-place.ts';
import { appId, forceOption, reportDeployments, runDeployment } from '../deploying.ts';
import { argument, type CommandContext } from '../spec.ts';

/** `remove APP`: an app, or the group of that id. */
export async function run(context: CommandContext): Promise<number> {
  const id = appId(argument(context, 'app'));
  if (id === '/')
    throw new DevclusterError('usage', 'USAGE', `'${argument(context, 'app')}' is no app`, {
      hint: 'Name an app or a group, for instance /shop; `devcluster apps` lists them.',
    });
  const place = await openApps(context);
  const { marathon } = place;
  const isApp = await marathon.app(id).then(
    () => true,
    (error: unknown) => {
      if (error instanceof DevclusterError && error.kind === 'notFound') return false;
      throw error;
    },
  );
  const force = forceOption(context);
  const change = async () => {
    if (isApp) return marathon.removeApp(id, force);
    return marathon.removeGroup(id, force).catch((error: unknown) => {
      if (!(error instanceof DevclusterError) || error.kind !== 'notFound') throw error;
      throw new DevclusterError('notFound', 'NO_SUCH_APP', `There is no app or group ${id}`, {
        hint: 'See `devcluster apps`.',
      });
    });
  };
  await confirmChange(context, place, `Remove ${id}`);
  return reportDeployments(context, [await runDeployment(context, place, `remove ${id}`, change)], 'removed');
}
