import { appId, forceOption, reportDeployments, runDeployment } from '../deploying.ts';
import { openCluster } from '../open-cluster.ts';
import { argument, type CommandContext } from '../spec.ts';

/** `restart-app APP`. */
export async function run(context: CommandContext): Promise<number> {
  const id = appId(argument(context, 'app'));
  const { marathon } = await openCluster(context);
  const change = () => marathon.restartApp(id, forceOption(context));
  return reportDeployments(context, [await runDeployment(context, marathon, `restart ${id}`, change)]);
}
