import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AppChange } from '../apps/differences.ts';
import { planChanges } from '../apps/plan-changes.ts';
import type { RenderedDefinitions } from '../apps/render-definitions.ts';
import { DevclusterError } from '../support/errors.ts';
import type { AppsPlace } from './apps-place.ts';
import { hideValues } from './changes-text.ts';
import { readDefinitions } from './definitions.ts';
import { clusterName } from './open-cluster.ts';
import { checkSecrets, plainSecrets } from './secrets.ts';
import { argumentList, type CommandContext } from './spec.ts';

/** What `deploy` is about to do, and `diff` shows. */
export interface PlannedDeployment {
  definitions: RenderedDefinitions[];
  /** Values of secrets are hidden in them. */
  changes: AppChange[];
  images: string[];
}

/** @param build whether `{{image}}` is built, or only named */
export async function planDeployment(
  context: CommandContext,
  place: AppsPlace,
  build: boolean,
): Promise<PlannedDeployment> {
  const given = argumentList(context, 'file');
  const plain = context.options.plainSecrets === true ? plainSecrets(context, await clusterName(context)) : undefined;
  const { definitions, images } = await readDefinitions(context, {
    paths: given.length > 0 ? given : [projectFile(context)],
    cluster: clusterValues(place),
    containers: place.cluster?.plan.runtime !== 'process',
    build,
    label: true,
    ...(plain ? { plainSecret: plain.read } : {}),
  });
  await checkSecrets(context, place, definitions);
  const planned = await Promise.all(definitions.map((each) => planChanges(place.marathon, each)));
  return {
    definitions: planned.map((each) => each.definitions),
    changes: hideValues(
      planned.flatMap(({ changes }) => changes),
      plain?.values ?? [],
    ),
    images,
  };
}

/** Without a file, the current folder must say that it is to be deployed. */
function projectFile(context: CommandContext): string {
  for (const name of ['marathon.json', 'marathon.yml', 'marathon.yaml'])
    if (existsSync(join(context.cwd, name))) return name;
  throw new DevclusterError('usage', 'NO_DEFINITIONS', 'There is no marathon.json (.yml, .yaml) in this folder', {
    hint: 'Write one, or name the file: devcluster deploy my-app.json',
  });
}

function clusterValues({ name, url, cluster }: AppsPlace): Record<string, unknown> {
  if (!cluster) return { name, domain: 'mesos', marathon: url };
  const { plan } = cluster;
  return {
    name: plan.name,
    domain: plan.domain,
    nodes: plan.nodes.length,
    marathon: plan.endpoints.marathon[0],
    mesos: plan.endpoints.mesos[0],
    zookeeper: plan.endpoints.zookeeper,
    dns: plan.endpoints.dns[0],
  };
}
