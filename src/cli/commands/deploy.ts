import { readDefinitions, refuseImages } from '../../apps/definition.ts';
import { DevclusterError } from '../../support/errors.ts';
import { forceOption, reportDeployments, runDeployment } from '../deploying.ts';
import { openCluster } from '../open-cluster.ts';
import { argumentList, type CommandContext } from '../spec.ts';

/** `deploy FILE…`: all apps of a file in one deployment, each of its groups in one of its own. */
export async function run(context: CommandContext): Promise<number> {
  const { marathon, plan } = await openCluster(context);
  const values = { cluster: { name: plan.name, domain: plan.domain }, env: context.env };
  const definitions = await readDefinitions(argumentList(context, 'file'), values);
  if (plan.runtime === 'process') refuseImages(definitions);
  const empty = definitions.find(({ apps, groups }) => apps.length + groups.length === 0);
  if (empty)
    throw new DevclusterError('usage', 'NO_DEFINITIONS', `${empty.source} defines no app`, {
      hint: 'The smallest definition is {"id": "/my-app", "cmd": "sleep 1000"}.',
    });
  const force = forceOption(context);
  const results = [];
  for (const { apps, groups } of definitions) {
    const [first] = apps;
    if (first)
      results.push(
        await runDeployment(context, marathon, `deploy ${apps.map(({ id }) => id).join(', ')}`, () =>
          apps.length === 1 ? marathon.putApp(first, force) : marathon.putApps(apps, force),
        ),
      );
    for (const group of groups)
      results.push(await runDeployment(context, marathon, `deploy ${group.id}`, () => marathon.putGroup(group, force)));
  }
  return reportDeployments(context, results);
}
