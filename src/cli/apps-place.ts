import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type AppTarget,
  checkTargetUrl,
  findTarget,
  isThisMachine,
  ownCluster,
  readTargets,
  targetsFile,
} from '../apps/targets.ts';
import type { Endpoint } from '../clients/http.ts';
import { createMarathonClient, type MarathonClient } from '../clients/marathon.ts';
import { createMesosClient, type MesosClient } from '../clients/mesos.ts';
import type { MarathonInfo } from '../protocols/marathon/types.ts';
import { DevclusterError, messageOf } from '../support/errors.ts';
import { confirm } from './ask.ts';
import { type CliCluster, openCluster } from './open-cluster.ts';
import { type CommandContext, textOption } from './spec.ts';

/** Where a command's apps are: one's own cluster, or any Marathon. */
export interface AppsPlace {
  /** As messages name it. */
  name: string;
  url: string;
  marathon: MarathonClient;
  /** The Mesos below it, for sandboxes; undefined when Marathon doesn't tell where that is. */
  mesos(): Promise<MesosClient | undefined>;
  /** Undefined for a target. */
  cluster?: CliCluster;
  /** Whether a change is seen by others than this machine's users. */
  remote: boolean;
}

/**
 * The place by --target, DEVCLUSTER_TARGET, or the target in use, in this order; else, and whenever -c names one, the
 * cluster.
 */
export async function openApps(context: CommandContext): Promise<AppsPlace> {
  const target = await chosenTarget(context);
  if (target) return openTarget(context, target.name, target);
  const cluster = await openCluster(context);
  return {
    name: cluster.plan.name,
    url: cluster.plan.endpoints.marathon[0] ?? '',
    marathon: cluster.marathon,
    mesos: async () => cluster.mesos,
    cluster,
    remote: false,
  };
}

/** Whether the command is about a target instead of a cluster, and which. */
export async function chosenTarget(context: CommandContext): Promise<(AppTarget & { name: string }) | undefined> {
  const asked = textOption(context, 'target') ?? (context.globals.cluster ? undefined : context.env.DEVCLUSTER_TARGET);
  if (asked === ownCluster || (!asked && context.globals.cluster)) return undefined;
  if (asked?.includes('://')) return { name: asked, url: checkTargetUrl(asked) };
  const list = await readTargets(targetsFile(context.env));
  const name = asked || list.current;
  if (!name || name === ownCluster) return undefined;
  return { name, ...findTarget(list, name) };
}

async function openTarget(context: CommandContext, name: string, target: AppTarget): Promise<AppsPlace> {
  const { url, credentials, caFile } = target;
  const endpoint: Endpoint = {
    urls: [url],
    hint: `Is ${url} right, and can this machine reach it (VPN, proxy, certificate)? \`devcluster target list\` shows what is set.`,
    ...(credentials ? { credentials } : {}),
    ...(caFile ? { ca: await readCertificates(resolve(context.cwd, caFile)) } : {}),
  };
  const marathon = createMarathonClient(endpoint);
  return {
    name,
    url,
    marathon,
    mesos: async () => {
      const mesosUrl = masterOf(await marathon.info());
      return mesosUrl ? createMesosClient({ ...endpoint, urls: [mesosUrl] }) : undefined;
    },
    remote: !isThisMachine(url),
  };
}

function masterOf(info: MarathonInfo): string | undefined {
  const { mesos_leader_ui_url: url } = info.marathon_config as { mesos_leader_ui_url?: unknown };
  return typeof url === 'string' && /^https?:\/\//.test(url) ? url.replace(/\/+$/, '') : undefined;
}

async function readCertificates(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new DevclusterError('usage', 'FILE_NOT_READABLE', `Can't read the certificates: ${messageOf(error)}`, {
      cause: error,
      hint: 'Set the file anew with `devcluster target add … --ca FILE`.',
    });
  }
}

/**
 * Asks before others' apps are changed.
 * @param what is about to happen, as a part of a sentence: `remove /shop`
 */
export async function confirmChange(context: CommandContext, place: AppsPlace, what: string): Promise<void> {
  if (!place.cluster)
    context.progress.note(`on ${place.name === place.url ? place.url : `${place.name} (${place.url})`}`);
  if (place.remote) await confirm(context, `${what} on ${place.name}, which others may use?`);
}
