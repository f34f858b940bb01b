import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describeSource, withoutLastNewline } from '../../apps/configured-secrets.ts';
import { parseDotenv } from '../../apps/dotenv.ts';
import { checkSecretName, noSuchSecret, type SecretStore } from '../../apps/secret-store.ts';
import { DevclusterError, messageOf, systemCode } from '../../support/errors.ts';
import { confirm, readHidden } from '../ask.ts';
import { type CliCluster, openCluster } from '../open-cluster.ts';
import { freshSecrets, secretStore } from '../secrets.ts';
import { argument, type CommandContext } from '../spec.ts';
import { formatTable } from '../table.ts';

/** `secret set|import|list|remove [NAME|FILE]`: values come from standard input, a prompt or a file, and never go out. */
export async function run(context: CommandContext): Promise<void> {
  const cluster = await openCluster(context);
  const store = secretStore(context, cluster.plan.name);
  const name = argument(context, 'name');
  switch (argument(context, 'action')) {
    case 'set':
      return set(context, cluster, store, needed(name, 'devcluster secret set DB_PASSWORD'));
    case 'import':
      return importFile(context, cluster, store, needed(name, 'devcluster secret import .env'));
    case 'remove':
      return remove(context, store, needed(name, 'devcluster secret remove DB_PASSWORD'), cluster);
    default:
      return list(context, cluster);
  }
}

function needed(value: string | undefined, example: string): string {
  if (value) return value;
  throw new DevclusterError('usage', 'USAGE', 'A name is missing', { hint: `For instance: ${example}` });
}

async function set(context: CommandContext, cluster: CliCluster, store: SecretStore, name: string): Promise<void> {
  checkSecretName(name);
  const value = withoutLastNewline(await readHidden(context, `Value of ${name}:`));
  if (value.length === 0)
    throw new DevclusterError('usage', 'NO_VALUE', `The value of '${name}' is empty`, {
      hint: `Pipe it in: printf %s "$VALUE" | devcluster secret set ${name}`,
    });
  const changed = await store.has(name);
  await store.set(name, value);
  await cluster.runtime.refreshSecrets?.(cluster.plan, []);
  const text = `The secret '${name}' is ${changed ? 'changed' : 'set'}.`;
  context.output.result({ name, changed }, await withUsers(cluster, [name], text));
}

async function importFile(
  context: CommandContext,
  cluster: CliCluster,
  store: SecretStore,
  file: string,
): Promise<void> {
  let text: string;
  try {
    text = await readFile(resolve(context.cwd, file), 'utf8');
  } catch (error) {
    const why = systemCode(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new DevclusterError('usage', 'FILE_NOT_READABLE', `Can't read ${file}: ${why}`, { cause: error });
  }
  const values = parseDotenv(text, file);
  const names = [...values.keys()];
  for (const name of names) checkSecretName(name);
  for (const [name, value] of values) await store.set(name, value);
  await cluster.runtime.refreshSecrets?.(cluster.plan, []);
  const summary = names.length === 0 ? `${file} holds no values.` : `Imported ${names.join(', ')}.`;
  context.output.result({ imported: names }, await withUsers(cluster, names, summary));
}

async function list(context: CommandContext, cluster: CliCluster): Promise<void> {
  const { store, sources, problems } = await freshSecrets(context, cluster);
  const stored = await store.list();
  const missing = Object.keys(sources).filter((name) => !stored.some((each) => each.name === name));
  const document = [
    ...stored.map(({ name, changedAt }) => ({ name, from: from(sources, name), available: true, changedAt })),
    ...missing.map((name) => ({ name, from: from(sources, name), available: false, changedAt: undefined })),
  ];
  for (const problem of problems) context.progress.warn(problem);
  const rows = document.map((each) => [
    each.name,
    each.from,
    each.changedAt?.replace('T', ' ').slice(0, 19) ?? 'not available',
  ]);
  const heading = ['SECRET', 'FROM', 'CHANGED (UTC)'].map(context.output.style.bold);
  context.output.result(
    document,
    rows.length === 0 ? 'No secrets. Set one with `devcluster secret set NAME`.' : formatTable([heading, ...rows]),
  );
}

function from(sources: Awaited<ReturnType<typeof freshSecrets>>['sources'], name: string): string {
  const source = sources[name];
  return source ? describeSource(source) : 'devcluster secret';
}

async function remove(context: CommandContext, store: SecretStore, name: string, cluster: CliCluster): Promise<void> {
  if (!(await store.has(name))) throw noSuchSecret(name);
  const users = await usersOf(cluster, [name]);
  if (users.length > 0)
    await confirm(context, `Remove '${name}' all the same?`, [`${users.join(', ')} could not start new tasks then.`]);
  await store.remove(name);
  await cluster.runtime.refreshSecrets?.(cluster.plan, [name]);
  context.output.result({ name, removed: true }, `The secret '${name}' is removed.`);
}

/** Tasks that run keep the value they were started with. */
async function withUsers(cluster: CliCluster, names: readonly string[], text: string): Promise<string> {
  const users = await usersOf(cluster, names);
  if (users.length === 0) return text;
  return `${text}\nTasks get it when they are started anew:\n${users.map((id) => `  devcluster restart-app ${id}`).join('\n')}`;
}

/** Apps that refer to one of the secrets; none while Marathon can't be asked. */
async function usersOf({ marathon }: CliCluster, names: readonly string[]): Promise<string[]> {
  const apps = await marathon.apps().catch(() => []);
  return apps
    .filter(({ secrets }) => Object.values(secrets ?? {}).some(({ source }) => names.includes(source)))
    .map(({ id }) => id);
}
