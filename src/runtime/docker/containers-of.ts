import type Docker from 'dockerode';
import type { ContainerInfo } from 'dockerode';
import { labels } from '../../plan/docker-names.ts';
import { retry } from '../../support/retry.ts';
import { settleAll } from '../../support/settle.ts';
import { engineMessage, statusOf } from './errors.ts';

export type ContainerKind = 'node' | 'holder' | 'service' | 'task';

/** A container of a cluster, as the engine's list shows it. */
export interface OwnContainer {
  id: string;
  name: string;
  kind: ContainerKind;
  node: string;
  /** Of a service's container. */
  component: string;
  /** `created`, `running`, `paused`, `restarting`, `exited`, `removing` or `dead`. */
  state: string;
  /** Of one that has ended. */
  exitCode: number | undefined;
  image: string;
  hash: string | undefined;
  folder: string | undefined;
  /** Names of the networks that it is attached to. */
  networks: readonly string[];
}

/** All containers of a cluster, whoever made them, in whichever state. */
export async function containersOf(docker: Docker, cluster: string): Promise<OwnContainer[]> {
  const found = await docker.listContainers({ all: true, filters: { label: [`${labels.cluster}=${cluster}`] } });
  return found.map(toOwn);
}

function toOwn(info: ContainerInfo): OwnContainer {
  const kind = info.Labels[labels.kind];
  const code = /^Exited \((\d+)\)/.exec(info.Status)?.[1];
  return {
    id: info.Id,
    name: info.Names[0]?.slice(1) ?? info.Id,
    kind: kind === 'node' || kind === 'holder' || kind === 'service' ? kind : 'task',
    node: info.Labels[labels.node] ?? '',
    component: info.Labels[labels.component] ?? '',
    state: info.State,
    exitCode: code === undefined ? undefined : Number(code),
    image: info.Image,
    hash: info.Labels[labels.configHash],
    folder: info.Labels[labels.folder],
    networks: Object.entries(info.NetworkSettings?.Networks ?? {})
      .filter(([, network]) => network.NetworkID !== '')
      .map(([name]) => name),
  };
}

export const isAlive = ({ state }: OwnContainer): boolean =>
  state === 'running' || state === 'paused' || state === 'restarting';

/**
 * Ends a container and removes it with its anonymous volumes. An engine (28.5) may refuse it for one that it starts again
 * at that very moment; a moment later it does not.
 */
export async function removeContainer(container: Docker.Container): Promise<void> {
  await retry(() => container.remove({ force: true, v: true }), {
    delayMs: 50,
    timeoutMs: 10_000,
    retryable: (error) => statusOf(error) === 500 && /could not kill/i.test(engineMessage(error)),
  });
}

/** Does something to containers at once; one that is gone, or is so already, counts as done. */
export async function forAll(
  docker: Docker,
  containers: readonly Pick<OwnContainer, 'id'>[],
  work: (container: Docker.Container) => Promise<unknown>,
): Promise<void> {
  await settleAll(
    containers.map(async ({ id }) => {
      try {
        await work(docker.getContainer(id));
      } catch (error) {
        // 304: it is so already; 404: gone; 409: it has ended, or somebody else removes it at this moment.
        if (![304, 404, 409].includes(statusOf(error) ?? 0)) throw error;
      }
    }),
  );
}
