import type Docker from 'dockerode';
import { engineMessage, statusOf } from '../errors.ts';

/** A name of an image that devcluster made. */
export interface OwnTag {
  reference: string;
  id: string;
  /** Images of one group are versions of the same. */
  group: string;
  /** Seconds since 1970. */
  created: number;
  bytes: number;
}

export interface PruneResult {
  removed: OwnTag[];
  kept: OwnTag[];
  /** What the engine would not remove, with its reason. */
  refused: { tag: OwnTag; reason: string }[];
}

/**
 * The tags that nobody needs any more: of each group all but the newest ones, but none that a container uses.
 * @param used ids of images that containers, running or not, were made from
 * @param keep how many of each group stay in any case
 */
export function oldTags(tags: readonly OwnTag[], used: ReadonlySet<string>, keep: number): OwnTag[] {
  const groups = new Map<string, OwnTag[]>();
  for (const tag of tags) groups.set(tag.group, [...(groups.get(tag.group) ?? []), tag]);
  return [...groups.values()].flatMap((group) =>
    group
      .sort((a, b) => b.created - a.created || (a.reference < b.reference ? -1 : 1))
      .slice(keep)
      .filter(({ id }) => !used.has(id)),
  );
}

/**
 * Removes old images of devcluster's own making; nothing else is ever touched.
 * @param labels those by which they are known: `key=value` for a group of its own, `key` for groups by its values
 */
export async function pruneImages(docker: Docker, labels: readonly string[], keep: number): Promise<PruneResult> {
  const [tags, containers] = await Promise.all([
    Promise.all(labels.map((label) => ownTags(docker, label))).then((found) => found.flat()),
    docker.listContainers({ all: true }),
  ]);
  const old = oldTags(tags, new Set(containers.map(({ ImageID }) => ImageID)), keep);
  const removed: OwnTag[] = [];
  const refused: PruneResult['refused'] = [];
  for (const tag of old) {
    try {
      await docker.getImage(tag.reference).remove();
      removed.push(tag);
    } catch (error) {
      if (statusOf(error) === undefined) throw error;
      if (statusOf(error) !== 404) refused.push({ tag, reason: engineMessage(error) });
    }
  }
  return { removed, refused, kept: tags.filter((tag) => !removed.includes(tag)) };
}

async function ownTags(docker: Docker, label: string): Promise<OwnTag[]> {
  const [key = ''] = label.split('=');
  const found = await docker.listImages({ filters: { label: [label] } });
  return found.flatMap(({ Id, RepoTags, Labels, Created, Size }) =>
    (RepoTags ?? [])
      .filter((reference) => reference !== '<none>:<none>')
      .map((reference) => ({ reference, id: Id, group: `${key}=${Labels?.[key]}`, created: Created, bytes: Size })),
  );
}
