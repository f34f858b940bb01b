import { taskLabels } from '../../../protocols/docker-labels.ts';
import { EngineError, whileAway } from './engine.ts';
import type { DockerHost } from './host.ts';
import type { TaskContainer } from './task-container.ts';

/**
 * Makes a task's container in the networks it belongs to; it is not started. Answers may get lost: asked a second time,
 * this takes the container that is there.
 * @param name of the container
 * @param containerId Mesos' own
 * @returns the engine's id of it
 * @throws EngineError, or the signal's reason
 */
export async function createContainer(
  { engine, launchTimeoutMs }: DockerHost,
  name: string,
  containerId: string,
  { request, network }: TaskContainer,
  signal: AbortSignal,
): Promise<string> {
  let tries = 0;
  const create = async () => {
    tries++;
    try {
      return await engine.create(name, request);
    } catch (error) {
      if (!(error instanceof EngineError) || error.status !== 409) throw error;
      const there = await engine.inspect(name);
      if (!there || there.Config.Labels?.[taskLabels.container] !== containerId) throw error;
      if (tries > 1) return there.Id;
      // Of an earlier life of this agent: nobody waits for it.
      await engine.remove(there.Id);
      return await engine.create(name, request);
    }
  };
  const container = await whileAway(create, signal, launchTimeoutMs);
  const { second } = network;
  if (second === undefined) return container;
  const join = async () => {
    try {
      await engine.connect(second, container);
    } catch (error) {
      // The first of two tries may have done it.
      if (!(error instanceof EngineError && error.status === 403)) throw error;
    }
  };
  await whileAway(join, signal, launchTimeoutMs);
  return container;
}

/** The exit code of `docker run` for an error of the engine. */
export function exitCodeOf(message: string): number {
  if (/not found|no such file or directory|cannot find the file/i.test(message) && !/network|volume/i.test(message))
    return 127;
  return /permission denied|not a directory/i.test(message) ? 126 : 125;
}
