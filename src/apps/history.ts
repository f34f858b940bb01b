import type { MarathonClient } from '../clients/marathon.ts';
import type { AppInfo, AppJson } from '../protocols/marathon/types.ts';
import { DevclusterError } from '../support/errors.ts';
import { compareApp, type Difference } from './differences.ts';
import { sourceLabels } from './labels.ts';

/** A version that Marathon keeps of an app. */
export interface AppVersion {
  version: string;
  current: boolean;
  /** Of the source, if `deploy` put it into labels. */
  commit?: string;
  branch?: string;
  instances: number;
  image?: string;
  /** What it changed about the version before; undefined for the oldest that is shown. */
  differences?: Difference[];
}

/** The newest versions of an app, newest first. @throws DevclusterError notFound */
export async function appHistory(marathon: MarathonClient, id: string, limit: number): Promise<AppVersion[]> {
  const [current, versions] = await Promise.all([marathon.app(id), sortedVersions(marathon, id)]);
  // One more, for what the oldest one changed.
  const definitions = await Promise.all(versions.slice(0, limit + 1).map((version) => marathon.version(id, version)));
  return definitions.slice(0, limit).map((app, i) => {
    const before = definitions[i + 1];
    return {
      version: app.version,
      current: app.version === current.version,
      ...sourceOf(app),
      instances: app.instances,
      ...(app.container?.docker ? { image: app.container.docker.image } : {}),
      ...(before ? { differences: compareApp(before as AppInfo, { ...app }).differences } : {}),
    };
  });
}

/**
 * The version to go back to: the named one, the newest of a commit, or the newest before the current one that differs
 * from it.
 * @param to a version, or the beginning of a commit's hash
 * @throws DevclusterError notFound
 */
export async function findVersion(marathon: MarathonClient, id: string, to: string | undefined): Promise<string> {
  const [current, versions] = await Promise.all([marathon.app(id), sortedVersions(marathon, id)]);
  if (to !== undefined && versions.includes(to)) return to;
  const earlier = versions.filter((version) => version < current.version);
  for (const version of to === undefined ? earlier : versions) {
    const app = await marathon.version(id, version);
    if (to === undefined) {
      if (
        compareApp(current, { ...app }).change !== 'none' ||
        compareApp(app as AppInfo, { ...current }).change !== 'none'
      )
        return version;
    } else if (to.length >= 4 && sourceOf(app).commit?.startsWith(to)) return version;
  }
  if (to === undefined)
    throw new DevclusterError(
      'notFound',
      'NO_EARLIER_VERSION',
      `${id} has no other version before ${current.version}`,
      {
        hint: 'There is nothing to go back to.',
      },
    );
  throw new DevclusterError('notFound', 'NO_SUCH_VERSION', `${id} has no version or commit ${to}`, {
    hint: `See \`devcluster history ${id}\`.`,
    details: { versions },
  });
}

async function sortedVersions(marathon: MarathonClient, id: string): Promise<string[]> {
  return (await marathon.versions(id)).sort().reverse();
}

function sourceOf({ labels }: AppJson): { commit?: string; branch?: string } {
  const { [sourceLabels.commit]: commit, [sourceLabels.branch]: branch } = labels ?? {};
  return { ...(commit ? { commit } : {}), ...(branch ? { branch } : {}) };
}
