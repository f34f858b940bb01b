import { resolve } from 'node:path';
import { withoutLastNewline } from '../../apps/configured-secrets.ts';
import {
  type AppTarget,
  checkTargetName,
  checkTargetUrl,
  findTarget,
  ownCluster,
  readTargets,
  targetsFile,
  writeTargets,
} from '../../apps/targets.ts';
import { createMarathonClient } from '../../clients/marathon.ts';
import { DevclusterError, messageOf } from '../../support/errors.ts';
import { readTextIfExists } from '../../support/files.ts';
import { readHidden } from '../ask.ts';
import { argument, type CommandContext, textOption } from '../spec.ts';
import { formatTable } from '../table.ts';

/** `target add|list|use|remove [NAME] [URL]`: other Marathons that apps can be deployed to. */
export async function run(context: CommandContext): Promise<void> {
  switch (argument(context, 'action')) {
    case 'add':
      return add(context);
    case 'use':
      return use(context);
    case 'remove':
      return remove(context);
    default:
      return list(context);
  }
}

async function add(context: CommandContext): Promise<void> {
  const name = checkTargetName(nameOf(context));
  const url = checkTargetUrl(argument(context, 'url') ?? '');
  const file = targetsFile(context.env);
  const known = await readTargets(file);
  const caFile = textOption(context, 'ca');
  const target: AppTarget = {
    url,
    ...(await credentials(context, name)),
    ...(caFile === undefined ? {} : { caFile: resolve(context.cwd, caFile) }),
  };
  if (target.caFile && (await readTextIfExists(target.caFile)) === undefined)
    throw new DevclusterError('usage', 'FILE_NOT_READABLE', `There is no file ${caFile}`, {
      hint: 'Give a file with the certificates to trust, PEM.',
    });
  await writeTargets(file, { ...known, targets: { ...known.targets, [name]: target } });
  const problem = await tryOut(target);
  if (problem) context.progress.warn(`it is added, but does not answer as it should: ${problem}`);
  context.output.result(
    { name, url, reachable: problem === undefined },
    `The target '${name}' is added. Use it with --target ${name}, or for all commands with \`devcluster target use ${name}\`.`,
  );
}

async function credentials(context: CommandContext, name: string): Promise<Pick<AppTarget, 'credentials'>> {
  const user = textOption(context, 'user');
  if (user !== undefined && context.options.token === true)
    throw new DevclusterError('usage', 'USAGE', '--user and --token contradict each other', { hint: 'Leave one out.' });
  const hidden = async (what: string) => {
    const text = withoutLastNewline(await readHidden(context, `${what}:`)).toString('utf8');
    if (text !== '') return text;
    throw new DevclusterError('usage', 'NOTHING_GIVEN', `${what} is empty`, {
      hint: 'Type it at the prompt, or pipe it in: printf %s "$PASSWORD" | devcluster target add …',
    });
  };
  if (user !== undefined) return { credentials: { user, password: await hidden(`Password of ${user} at ${name}`) } };
  if (context.options.token === true) return { credentials: { token: await hidden(`Token for ${name}`) } };
  return {};
}

/** Whether it answers as a Marathon; a target may well be set up before it can be reached. */
async function tryOut({ url, credentials, caFile }: AppTarget): Promise<string | undefined> {
  try {
    const ca = caFile === undefined ? undefined : await readTextIfExists(caFile);
    const endpoint = { urls: [url], timeoutMs: 3000, ...(credentials ? { credentials } : {}), ...(ca ? { ca } : {}) };
    await createMarathonClient(endpoint).info();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function use(context: CommandContext): Promise<void> {
  const name = nameOf(context);
  const file = targetsFile(context.env);
  const { current: _, ...known } = await readTargets(file);
  if (name === ownCluster) {
    await writeTargets(file, known);
    return context.output.result({ current: ownCluster }, 'Commands are about your own cluster again.');
  }
  findTarget(known, name);
  await writeTargets(file, { ...known, current: name });
  context.output.result(
    { current: name },
    `Commands about apps go to '${name}' now; \`devcluster target use ${ownCluster}\` ends that.`,
  );
}

async function remove(context: CommandContext): Promise<void> {
  const name = nameOf(context);
  const file = targetsFile(context.env);
  const { current, targets } = await readTargets(file);
  findTarget({ targets }, name);
  const { [name]: _, ...rest } = targets;
  await writeTargets(file, { targets: rest, ...(current && current !== name ? { current } : {}) });
  context.output.result({ name, removed: true }, `The target '${name}' is removed.`);
}

/** Never shows a password or a token. */
async function list(context: CommandContext): Promise<void> {
  const { current = ownCluster, targets } = await readTargets(targetsFile(context.env));
  const document = Object.entries(targets).map(([name, { url, credentials, caFile }]) => ({
    name,
    url,
    current: name === current,
    auth: !credentials ? 'none' : 'token' in credentials ? 'token' : `user ${credentials.user}`,
    ...(caFile === undefined ? {} : { caFile }),
  }));
  const { bold } = context.output.style;
  const rows = [
    [current === ownCluster ? '*' : '', ownCluster, 'your own cluster', ''],
    ...document.map((each) => [each.current ? '*' : '', each.name, each.url, each.auth]),
  ];
  context.output.result(document, formatTable([['', 'TARGET', 'URL', 'AUTH'].map(bold), ...rows]));
}

function nameOf(context: CommandContext): string {
  const name = argument(context, 'name');
  if (name) return name;
  throw new DevclusterError('usage', 'USAGE', 'The name of a target is missing', {
    hint: 'For instance: devcluster target add shared https://marathon.example.com',
  });
}
