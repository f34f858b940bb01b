import { appsOfGroup } from '../../apps/definition.ts';
import { sampleDefinitions, samplesGroup } from '../../apps/samples.ts';
import { reportDeployments, runDeployment } from '../deploying.ts';
import { openCluster } from '../open-cluster.ts';
import { sampleValues, templatesDir } from '../sample-values.ts';
import { argument, type CommandContext } from '../spec.ts';
import { formatTable } from '../table.ts';

/** `samples [list|deploy|remove]`. */
export async function run(context: CommandContext): Promise<number> {
  const { marathon, mesos, plan, site } = await openCluster(context);
  const cluster = { marathon, mesos: async () => mesos };
  const action = argument(context, 'action') ?? 'list';
  if (action === 'remove') {
    const removal = () => marathon.removeGroup(samplesGroup, { force: true });
    return reportDeployments(
      context,
      [await runDeployment(context, cluster, 'remove the samples', removal)],
      'removed',
    );
  }
  const group = await sampleDefinitions(templatesDir, sampleValues(plan, site));
  if (action === 'deploy')
    return reportDeployments(context, [
      await runDeployment(context, cluster, 'deploy the samples', () => marathon.putGroup(group, { force: true })),
    ]);
  const deployed = new Map((await marathon.apps()).map((app) => [app.id, app]));
  const samples = appsOfGroup(group).map(({ id }) => ({
    id,
    deployed: deployed.has(id),
    tasksRunning: deployed.get(id)?.tasksRunning ?? 0,
  }));
  context.output.result(
    samples,
    formatTable(
      samples.map((sample) => [sample.id, sample.deployed ? `${sample.tasksRunning} running` : 'not deployed']),
    ),
  );
  return 0;
}
