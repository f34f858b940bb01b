import type Docker from 'dockerode';
import { labels } from '../../plan/docker-names.ts';
import { settleAll } from '../../support/settle.ts';
import { containersOf, forAll, removeContainer } from './containers-of.ts';
import { statusOf } from './errors.ts';

/**
 * Removes all of a cluster from the engine, known by its labels alone; nothing there is success. What belongs to a
 * cluster of the same name that is kept in another folder stays.
 */
export async function removeFromDocker(
  docker: Docker,
  cluster: string,
  options: { folder: string; keepData: boolean },
): Promise<void> {
  const filters = { label: [`${labels.cluster}=${cluster}`] };
  const isOurs = (each: { folder: string | undefined }) => each.folder === undefined || each.folder === options.folder;
  const all = await containersOf(docker, cluster);
  const foreign = all.some((each) => !isOurs(each));
  // Tasks carry no folder; they belong to whoever has the nodes.
  const own = all.filter((each) => (each.kind === 'task' ? !foreign : isOurs(each)));
  await forAll(docker, own, removeContainer);
  // What an agent started while its node was being removed.
  const late = own.length === 0 || foreign ? [] : await containersOf(docker, cluster);
  await forAll(docker, late, removeContainer);
  const [networks, volumes] = await Promise.all([
    docker.listNetworks({ filters }),
    options.keepData ? undefined : docker.listVolumes({ filters }),
  ]);
  const folderOf = (given: Record<string, string> | undefined | null) => given?.[labels.folder];
  await settleAll([
    ...networks
      .filter(({ Labels }) => isOurs({ folder: folderOf(Labels) }))
      .map(({ Id }) => unlessGone(docker.getNetwork(Id).remove())),
    ...(volumes?.Volumes ?? [])
      .filter(({ Labels }) => isOurs({ folder: folderOf(Labels) }))
      .map(({ Name }) => unlessGone(docker.getVolume(Name).remove())),
  ]);
}

async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}
