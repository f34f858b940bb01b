import type Docker from 'dockerode';
import { engineMessage, statusOf } from '../errors.ts';

/** A kind of images that devcluster makes. */
export interface OwnImages {
  /** The label by which they are known; its values tell groups of them apart. */
  label: string;
  /** What they are called, without a tag: an image that others made of one of ours inherits the label, but not the name. */
  repository(label: string): string;
  /** How many of each group stay in any case. */
  keep: number;
}

/** An image that devcluster made, by one of its names. */
export interface OwnTag {
  /** The image's id where it has lost its name, as by a `docker rmi` while it was in use. */
  reference: string;
  nameless?: true;
  id: string;
  /** Images of one group are versions of the same. */
  group: string;
  /** Seconds since 1970. */
  created: number;
  bytes: number;
}

export interface PruneResult {
  removed: OwnTag[];
  /** Bytes of the images that went with their last name; layers that others have too are counted. */
  freed: number;
  kept: OwnTag[];
  /** What the engine would not remove, with its reason. */
  refused: { tag: OwnTag; reason: string }[];
}

/**
 * The tags that nobody needs any more: of each group all but the newest ones and what has no name, but none that a
 * container uses.
 * @param used ids of images that containers, running or not, were made from
 * @param keep how many of each group stay in any case
 */
export function oldTags(tags: readonly OwnTag[], used: ReadonlySet<string>, keep: number): OwnTag[] {
  const groups = new Map<string, OwnTag[]>();
  for (const tag of tags) if (!tag.nameless) groups.set(tag.group, [...(groups.get(tag.group) ?? []), tag]);
  const older = [...groups.values()].flatMap((group) =>
    group.sort((a, b) => b.created - a.created || (a.reference < b.reference ? -1 : 1)).slice(keep),
  );
  return [...older, ...tags.filter(({ nameless }) => nameless)].filter(({ id }) => !used.has(id));
}

/** Removes old images of devcluster's own making; nothing else is ever touched. */
export async function pruneImages(docker: Docker, kinds: readonly OwnImages[]): Promise<PruneResult> {
  const [tagsOfKinds, containers] = await Promise.all([
    Promise.all(kinds.map((kind) => ownTags(docker, kind))),
    docker.listContainers({ all: true }),
  ]);
  const used = new Set(containers.map(({ ImageID }) => ImageID));
  const tags = tagsOfKinds.flat();
  const old = tagsOfKinds.flatMap((found, i) => oldTags(found, used, kinds[i]!.keep));
  const removed: OwnTag[] = [];
  const refused: PruneResult['refused'] = [];
  let freed = 0;
  for (const tag of old) {
    try {
      const what = (await docker.getImage(tag.reference).remove()) as { Deleted?: string }[];
      removed.push(tag);
      if (what.some(({ Deleted }) => Deleted === tag.id)) freed += tag.bytes;
    } catch (error) {
      if (statusOf(error) === undefined) throw error;
      if (statusOf(error) !== 404) refused.push({ tag, reason: engineMessage(error) });
    }
  }
  return { removed, freed, refused, kept: tags.filter((tag) => !removed.includes(tag)) };
}

async function ownTags(docker: Docker, { label, repository }: OwnImages): Promise<OwnTag[]> {
  const found = await docker.listImages({ filters: { label: [label] } });
  const tags = await Promise.all(
    found.map(async ({ Id, RepoTags, Labels, Created, Size }): Promise<OwnTag[]> => {
      const group = Labels?.[label] ?? '';
      const facts = { id: Id, group, created: Created, bytes: Size };
      const names = (RepoTags ?? []).filter((reference) => reference !== '<none>:<none>');
      if (names.length === 0)
        return (await isOneLayer(docker, Id)) ? [{ ...facts, reference: Id, nameless: true }] : [];
      return names
        .filter((reference) => reference.slice(0, reference.lastIndexOf(':')) === repository(group))
        .map((reference) => ({ ...facts, reference }));
    }),
  );
  return tags.flat();
}

/** As the nodes' images are, and none that was made of another. */
async function isOneLayer(docker: Docker, id: string): Promise<boolean> {
  const layers = await docker
    .getImage(id)
    .inspect()
    .then(({ RootFS }) => RootFS.Layers)
    .catch(() => undefined);
  return layers?.length === 1;
}
