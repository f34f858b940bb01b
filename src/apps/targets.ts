import { chmod } from 'node:fs/promises';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { Credentials } from '../clients/http.ts';
import { DevclusterError, messageOf } from '../support/errors.ts';
import { makeFolder, readTextIfExists, writeFileAtomic } from '../support/files.ts';
import { nearest } from '../support/nearest.ts';

/** A Marathon that isn't one of devcluster's clusters. */
export interface AppTarget {
  /** Base URL without a slash at the end. */
  url: string;
  credentials?: Credentials;
  /** Path of a file with the certificates to trust, PEM. */
  caFile?: string;
}

/** All targets of the user, and the one that commands use when none is named. */
export interface TargetList {
  current?: string;
  targets: Readonly<Record<string, AppTarget>>;
}

/** How one's own cluster is named where a target could be. */
export const ownCluster = 'local';

const namePattern = /^[a-z][a-z0-9-]{0,30}$/;

/** `$XDG_CONFIG_HOME/devcluster/targets.json`; it holds passwords, so it is of mode 0600. */
export function targetsFile(env: Readonly<Record<string, string | undefined>>): string {
  const config = env.XDG_CONFIG_HOME && isAbsolute(env.XDG_CONFIG_HOME) ? env.XDG_CONFIG_HOME : undefined;
  return join(config ?? join(env.HOME || homedir(), '.config'), 'devcluster', 'targets.json');
}

/** @throws DevclusterError usage when the file is damaged */
export async function readTargets(file: string): Promise<TargetList> {
  const text = await readTextIfExists(file);
  if (text === undefined) return { targets: {} };
  try {
    const list = JSON.parse(text) as TargetList;
    if (typeof list.targets !== 'object' || list.targets === null) throw new Error('it has no targets');
    return list;
  } catch (error) {
    throw new DevclusterError('usage', 'TARGETS_DAMAGED', `${file} can't be used: ${messageOf(error)}`, {
      hint: 'Remove the file, then add the targets again with `devcluster target add`.',
    });
  }
}

export async function writeTargets(file: string, list: TargetList): Promise<void> {
  await makeFolder(dirname(file), 0o700);
  await writeFileAtomic(file, `${JSON.stringify(list, undefined, 2)}\n`, 0o600);
  await chmod(file, 0o600);
}

/** @throws DevclusterError usage */
export function checkTargetName(name: string): string {
  if (namePattern.test(name) && name !== ownCluster) return name;
  throw new DevclusterError('usage', 'BAD_TARGET_NAME', `'${name}' can't be the name of a target`, {
    hint: `Use at most 31 small letters, digits and hyphens, beginning with a letter; '${ownCluster}' is your own cluster.`,
  });
}

/** A URL as a target has it. @throws DevclusterError usage */
export function checkTargetUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    throw new DevclusterError('usage', 'BAD_URL', `'${text}' is no URL`, {
      hint: 'For instance: https://marathon.example.com:8443',
      cause: error,
    });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new DevclusterError('usage', 'BAD_URL', `Marathon is reached by http or https, not by '${url.protocol}'`);
  if (url.username || url.password)
    throw new DevclusterError('usage', 'BAD_URL', 'A password in an address is seen in process lists and logs', {
      hint: 'Use `devcluster target add NAME URL --user NAME`, which asks for it.',
    });
  url.hash = '';
  url.search = '';
  return url.href.replace(/\/(v2|ui)?\/*$/, '').replace(/\/+$/, '');
}

/** @throws DevclusterError notFound */
export function findTarget(list: TargetList, name: string): AppTarget {
  const target = Object.hasOwn(list.targets, name) ? list.targets[name] : undefined;
  if (target) return target;
  const names = Object.keys(list.targets);
  const meant = nearest(name, names);
  throw new DevclusterError('notFound', 'NO_SUCH_TARGET', `There is no target '${name}'`, {
    hint: meant
      ? `Did you mean ${meant}?`
      : names.length > 0
        ? `There is ${names.join(', ')}.`
        : `Add it with \`devcluster target add ${name} https://marathon.example.com\`.`,
  });
}

/** Whether requests to a URL stay on this machine; a name that only may lead here counts as outside. */
export function isThisMachine(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host.startsWith('::ffff:7f');
}
