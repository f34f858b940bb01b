import type { DeploymentOutcome } from '../../apps/deployment.ts';
import type { RenderedDefinitions as Definitions } from '../../apps/render-definitions.ts';
import { createMarathonClient } from '../../clients/marathon.ts';
import { createMesosClient } from '../../clients/mesos.ts';
import { choose } from '../../cluster/choose.ts';
import type { ClusterContext } from '../../cluster/context.ts';
import { down } from '../../cluster/down.ts';
import { describe, endpointsByLeaders } from '../../cluster/status.ts';
import { type UpResult, up } from '../../cluster/up.ts';
import { loadConfig } from '../../config/load.ts';
import type { ClusterConfig } from '../../config/types.ts';
import type { DeploymentResult } from '../../protocols/marathon/types.ts';
import { pullPolicies } from '../../runtime/types.ts';
import { exitCodes } from '../../support/errors.ts';
import { trace } from '../../support/trace.ts';
import { type DeploymentPlace, runDeployment } from '../deploying.ts';
import { clusterContext } from '../open-cluster.ts';
import { type CommandContext, numberOption, type Style, textOption } from '../spec.ts';
import { formatEndpoints } from '../status-text.ts';
import { formatList } from '../table.ts';

type Deployed = DeploymentOutcome | DeploymentResult;

/** `up` */
export async function run(context: CommandContext): Promise<number> {
  trace('up begins');
  const { globals, options } = context;
  const loaded = await loadConfig({
    cwd: context.cwd,
    env: context.env,
    file: globals.config,
    flags: {
      name: globals.cluster,
      runtime: textOption(context, 'runtime'),
      engine: textOption(context, 'engine'),
      nodes: numberOption(context, 'nodes'),
      seed: textOption(context, 'seed'),
      timeout: numberOption(context, 'timeout'),
      samples: options.samples === false ? false : undefined,
    },
  });
  trace('configuration read');
  // A definition that can't be read is known before anything is started.
  const clusters = clusterContext(context);
  const definitions = loaded.config.apps.length > 0 ? await readApps(context, clusters, loaded.config) : [];
  const result = await up(clusters, {
    loaded,
    pull: pullPolicies.find((policy) => policy === options.pull) ?? 'missing',
    keepFailed: options.keepFailed === true,
    wait: options.wait === true,
  });
  let deployed: Deployed[];
  try {
    await storeSecrets(context, result);
    deployed = await deployApps(context, result, definitions);
    context.signal.throwIfAborted();
  } catch (error) {
    // Ctrl-C undoes all of this `up`, as long as it made the cluster.
    if (context.signal.aborted && result.outcome === 'created' && options.keepFailed !== true)
      await down(clusterContext({ ...context, signal: new AbortController().signal }), result.record.name, {
        keepData: false,
        wait: true,
      });
    throw error;
  }
  const { output } = context;
  // The whole status takes a question to every service, which is asked only for those who read it.
  const document = output.json ? await describe(result.record, result.runtime) : undefined;
  output.result(document, output.json ? '' : summary(result, deployed, globals.cluster, output.style));
  trace('done');
  return deployed.some((each) => 'state' in each && each.state === 'failed') ? exitCodes.deployment : exitCodes.ok;
}

/**
 * The samples of a cluster that has just been made, and the apps of the configuration. Everything they need is loaded
 * only when there is something to deploy.
 */
async function deployApps(
  context: CommandContext,
  { record, outcome, runtime }: UpResult,
  definitions: readonly Definitions[],
): Promise<Deployed[]> {
  const { config, plan, site } = record;
  const samples = config.samples && outcome === 'created';
  if (!samples && definitions.length === 0) return [];
  const marathon = createMarathonClient({ urls: plan.endpoints.marathon });
  const mesos = createMesosClient({ urls: plan.endpoints.mesos });
  const place = { marathon, mesos: async () => mesos };
  const own = { ...context, options: { ...context.options, timeout: config.timeouts.deployment, wait: true } };
  if (definitions.length > 0) {
    const { checkSecrets } = await import('../secrets.ts');
    await checkSecrets(context, { name: plan.name, marathon, cluster: { plan, record, runtime } }, definitions);
  }
  const deployed: Deployed[] = [];
  if (samples) {
    const { sampleDefinitions } = await import('../../apps/samples.ts');
    const { sampleValues, templatesDir } = await import('../sample-values.ts');
    const group = await sampleDefinitions(templatesDir, sampleValues(plan, site));
    deployed.push(await runDeployment(own, place, 'Sample apps', () => marathon.putGroup(group), false));
    trace('samples deployed');
  }
  deployed.push(...(await deployConfigured(own, place, definitions)));
  return deployed;
}

async function readApps(
  context: CommandContext,
  clusters: ClusterContext,
  config: ClusterConfig,
): Promise<Definitions[]> {
  const { readDefinitions } = await import('../definitions.ts');
  const { definitions } = await readDefinitions(context, {
    paths: config.apps,
    cluster: { name: config.name, domain: config.network.domain, nodes: config.nodes.length },
    containers: choose(config, await clusters.choiceFacts(config)).runtime !== 'process',
    build: true,
    // An `up` that changes nothing starts no deployment.
    label: false,
  });
  return definitions;
}

/** Puts the configuration's secrets where apps find them. */
async function storeSecrets(context: CommandContext, result: UpResult): Promise<void> {
  if (Object.keys(result.record.config.secrets).length === 0) return;
  const { freshSecrets } = await import('../secrets.ts');
  const { problems } = await freshSecrets(context, result);
  for (const problem of problems) context.progress.warn(problem);
}

async function deployConfigured(
  context: CommandContext,
  place: DeploymentPlace,
  definitions: readonly Definitions[],
): Promise<Deployed[]> {
  const { marathon } = place;
  const deployed: Deployed[] = [];
  for (const { apps, groups } of definitions) {
    if (apps.length > 0)
      deployed.push(
        await runDeployment(context, place, apps.map(({ id }) => id).join(', '), () => marathon.putApps(apps)),
      );
    for (const group of groups)
      deployed.push(await runDeployment(context, place, group.id, () => marathon.putGroup(group)));
  }
  return deployed;
}

function nextStep(outcome: UpResult['outcome'], app: string | undefined, named: string): string {
  if (app !== undefined) return `  devcluster logs${named} app:${app}`;
  // A cluster that was there before has its apps; whether the samples are among them was not asked.
  return outcome === 'created' ? `  devcluster samples${named} deploy` : `  devcluster logs${named} -f`;
}

/** @param cluster as -c named it; otherwise commands find it by themselves */
function summary(result: UpResult, deployed: readonly Deployed[], cluster: string | undefined, style: Style): string {
  const { record, leaders, outcome, seconds } = result;
  const kind = `${record.plan.runtime}, ${record.plan.engine}`;
  const what =
    outcome === 'unchanged'
      ? 'is ready; nothing had to be changed'
      : `is ready${outcome === 'created' ? '' : ` (${outcome})`} in ${seconds.toFixed(2)} s`;
  const apps = deployed.flatMap((each) => ('state' in each ? each.apps : []));
  const named = cluster === undefined ? '' : ` -c ${cluster}`;
  return [
    `${style.bold(`Cluster '${record.name}'`)} ${what} ${style.dim(`(${kind})`)}`,
    '',
    formatEndpoints(endpointsByLeaders(record.plan, leaders), leaders, style),
    ...(apps.length > 0 ? ['', formatList('Apps:', apps)] : []),
    '',
    'Try next:',
    `  devcluster status${named}`,
    `  devcluster apps${named}`,
    nextStep(outcome, apps[0], named),
    `  eval "$(devcluster env${named})"`,
    `  devcluster down${named}`,
  ].join('\n');
}
