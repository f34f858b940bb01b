import { basename } from 'node:path';
import type Docker from 'dockerode';
import { taskLabels } from '../../protocols/docker-labels.ts';
import type { TaskPlace } from '../types.ts';
import { statusOf } from './errors.ts';

/**
 * The container of a task, whose environment and file system a command in it finds by itself; undefined for a task that
 * is a process of its node. An agent of ours labels it; the real one calls it `mesos-` and the container's id, which is
 * the name of the sandbox's folder.
 */
export async function taskContainer(docker: Docker, { id, sandbox }: TaskPlace): Promise<string | undefined> {
  const labelled = await docker.listContainers({ filters: { label: [`${taskLabels.task}=${id}`] } });
  if (labelled[0]) return labelled[0].Id;
  try {
    const { Id, State } = await docker.getContainer(`mesos-${basename(sandbox)}`).inspect();
    return State.Running ? Id : undefined;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
