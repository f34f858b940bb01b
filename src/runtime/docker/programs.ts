import type Docker from 'dockerode';
import { labels } from '../../plan/docker-names.ts';
import type { ContainerPlan } from '../../plan/types.ts';
import { localDriver, programLabels } from './containers.ts';
import { statusOf } from './errors.ts';

/**
 * Fills the volume with programs that containers of a cluster are given, unless it is there. The engine itself copies
 * what an image has at the place of a new volume, so nothing of that image is run.
 */
export async function bringPrograms(
  docker: Docker,
  cluster: string,
  { image, folder, volume }: NonNullable<ContainerPlan['programs']>,
): Promise<void> {
  if (await isThere(docker, volume)) return;
  try {
    const container = await docker.createContainer({
      Image: image,
      // Never started, but every container has to have one.
      Entrypoint: ['none'],
      Labels: { [labels.cluster]: cluster, [labels.kind]: 'programs' },
      HostConfig: {
        NetworkMode: 'none',
        Mounts: [
          {
            Type: 'volume',
            Source: volume,
            Target: folder,
            VolumeOptions: { NoCopy: false, Labels: programLabels(cluster), DriverConfig: localDriver },
          },
        ],
      },
    });
    await container.remove();
  } catch (error) {
    // Half of it would be taken for all of it the next time.
    await docker
      .getVolume(volume)
      .remove({ force: true })
      .catch(() => {});
    throw error;
  }
}

async function isThere(docker: Docker, volume: string): Promise<boolean> {
  try {
    await docker.getVolume(volume).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}
