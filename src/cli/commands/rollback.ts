import { DevclusterError } from '../../support/errors.ts';
import { appId, forceOption, reportDeployments, runDeployment } from '../deploying.ts';
import { openCluster } from '../open-cluster.ts';
import { argument, type CommandContext, textOption } from '../spec.ts';

/** `rollback APP [--to VERSION]`: a version of Marathon's own history, by default the one before the current. */
export async function run(context: CommandContext): Promise<number> {
  const id = appId(argument(context, 'app'));
  const { marathon } = await openCluster(context);
  const [{ version: current }, versions] = await Promise.all([marathon.app(id), marathon.versions(id)]);
  const wanted =
    textOption(context, 'to') ??
    versions
      .filter((version) => version < current)
      .sort()
      .at(-1);
  if (!wanted)
    throw new DevclusterError('notFound', 'NO_EARLIER_VERSION', `${id} has no version before ${current}`, {
      hint: 'There is nothing to go back to.',
    });
  if (!versions.includes(wanted))
    throw new DevclusterError('notFound', 'NO_SUCH_VERSION', `${id} has no version ${wanted}`, {
      hint: `It has ${versions.join(', ')}.`,
    });
  const change = () => marathon.restoreVersion(id, wanted, forceOption(context));
  return reportDeployments(context, [await runDeployment(context, marathon, `roll ${id} back to ${wanted}`, change)]);
}
