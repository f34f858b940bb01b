import { createSecretStore } from '../apps/secret-store.ts';
import { readTargets, targetsFile } from '../apps/targets.ts';
import { components } from '../protocols/versions.ts';
import { httpJson } from '../support/http-client.ts';
import { clusterContext, clusterName } from './open-cluster.ts';
import type { CommandContext, NameKind } from './spec.ts';

/** Somebody waits with a finger on the key: who doesn't answer by then isn't asked. */
const patienceMs = 80;

/** Names that can stand at a place of the command line at this moment. Never fails: without an answer there are none. */
export async function liveNames(context: CommandContext, kind: NameKind): Promise<string[]> {
  try {
    return await find(context, kind);
  } catch {
    return [];
  }
}

async function find(context: CommandContext, kind: NameKind): Promise<string[]> {
  const { records } = clusterContext(context);
  switch (kind) {
    case 'clusters':
      return await records.names();
    case 'targets':
      return ['local', ...Object.keys((await readTargets(targetsFile(context.env))).targets)];
    case 'secrets': {
      const store = createSecretStore(records.paths.cluster(await clusterName(context)).secretsDir);
      return (await store.list()).map(({ name }) => name);
    }
    default: {
      const plan = (await records.read(await clusterName(context)))?.plan;
      if (!plan) return [];
      const nodes = plan.nodes.map(({ name }) => name);
      if (kind === 'nodes') return nodes;
      if (kind === 'services') return [...nodes, ...components];
      const apps = await appsOf(plan.endpoints.marathon);
      if (kind === 'apps') return apps;
      if (kind === 'pages') return ['mesos', 'marathon', ...apps];
      return [...nodes, ...(kind === 'logs' ? components : []), ...apps.map((id) => `app:${id}`)];
    }
  }
}

/** Of the instance that answers first. */
async function appsOf(urls: readonly string[]): Promise<string[]> {
  const asked = urls.map(async (url) => {
    const { json } = await httpJson<{ apps: { id: string }[] }>(`${url}/v2/apps`, { timeoutMs: patienceMs });
    if (!json) throw new Error('no answer');
    return json.apps.map(({ id }) => id);
  });
  return (await Promise.any(asked)).sort();
}
