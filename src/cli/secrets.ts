import { dirname } from 'node:path';
import { storeConfiguredSecrets } from '../apps/configured-secrets.ts';
import type { RenderedDefinitions } from '../apps/render-definitions.ts';
import { createSecretStore, type SecretStore } from '../apps/secret-store.ts';
import type { MarathonClient } from '../clients/marathon.ts';
import { loadConfig } from '../config/load.ts';
import type { ClusterConfig, SecretSource } from '../config/types.ts';
import { DevclusterError } from '../support/errors.ts';
import { type CliCluster, clusterContext } from './open-cluster.ts';
import type { CommandContext } from './spec.ts';

export function secretStore(context: CommandContext, cluster: string): SecretStore {
  return createSecretStore(clusterContext(context).records.paths.cluster(cluster).secretsDir);
}

/** The secrets that a configuration names, and the folder that their files are relative to. */
export interface SecretSources {
  sources: Readonly<Record<string, SecretSource>>;
  folder: string;
}

/** Of the configuration in force; from another folder, what `up` was told still holds. */
async function configuredSecrets(context: CommandContext, made: ClusterConfig): Promise<SecretSources> {
  const loaded = await loadConfig({
    cwd: context.cwd,
    env: context.env,
    file: context.globals.config,
    flags: { name: context.globals.cluster },
  }).catch(() => undefined);
  if (!loaded?.file) return { sources: made.secrets, folder: context.cwd };
  return { sources: loaded.config.secrets, folder: dirname(loaded.file) };
}

/** Brings the store up to date with the configuration. @returns the store and where the configured ones come from */
export async function freshSecrets(
  context: CommandContext,
  { record, runtime }: Pick<CliCluster, 'record' | 'runtime'>,
): Promise<SecretSources & { store: SecretStore; problems: string[] }> {
  const store = secretStore(context, record.name);
  const configured = await configuredSecrets(context, record.config);
  const { changed, problems } = await storeConfiguredSecrets(store, configured.sources, {
    env: context.env,
    folder: configured.folder,
  });
  if (changed.length > 0) await runtime.refreshSecrets?.(record.plan, []);
  return { ...configured, store, problems };
}

/** Where apps look for their secrets: in a cluster, or at a target. */
export interface SecretsPlace {
  name: string;
  marathon: MarathonClient;
  cluster?: Pick<CliCluster, 'plan' | 'record' | 'runtime'>;
}

/**
 * Holds that apps find the secrets they refer to.
 * @throws DevclusterError missing where references are not resolved, usage for a secret that isn't there
 */
export async function checkSecrets(
  context: CommandContext,
  place: SecretsPlace,
  definitions: readonly RenderedDefinitions[],
): Promise<void> {
  const [first] = definitions.flatMap(({ source, secrets }) =>
    [...secrets].map(([name, at]) => ({ name, where: `${source}, at ${at}` })),
  );
  if (!first) return;
  const { cluster } = place;
  if (!(await resolvesSecrets(place)))
    throw new DevclusterError(
      'missing',
      'NO_SECRETS_THERE',
      `${first.where}: ${cluster ? 'the real Mesos' : place.name} can't resolve secrets`,
      {
        hint: "With --plain-secrets the value is put into the app's definition, where all who may see the app can read it.",
      },
    );
  // A target keeps secrets of its own, which only it knows.
  if (!cluster) return;
  const { store, problems } = await freshSecrets(context, cluster);
  for (const { source, secrets } of definitions)
    for (const [name, at] of secrets)
      if (!(await store.has(name)))
        throw new DevclusterError(
          'usage',
          'SECRET_MISSING',
          [`${source}, at ${at}: there is no secret '${name}'`, ...problems].join('\n'),
          {
            hint: `Set it with \`devcluster secret set ${name}\`, or name where it is under \`secrets\` in devcluster.yml.`,
          },
        );
}

async function resolvesSecrets({ cluster, marathon }: SecretsPlace): Promise<boolean> {
  if (cluster)
    return cluster.plan.nodes
      .flatMap(({ units }) => units.flatMap(({ services }) => services))
      .every(({ component, engine }) => component !== 'mesos-agent' || engine === 'embedded');
  const { features } = (await marathon.info()).marathon_config as { features?: unknown };
  return Array.isArray(features) && features.includes('secrets');
}

/** Values for --plain-secrets, from one's own cluster's store; what was read is kept to be hidden from outputs. */
export function plainSecrets(
  context: CommandContext,
  cluster: string,
): { read: (name: string) => Promise<string>; values: string[] } {
  const store = secretStore(context, cluster);
  const values: string[] = [];
  return {
    values,
    async read(name) {
      const value = (await store.read(name)).toString('utf8');
      values.push(value);
      return value;
    },
  };
}
