import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { ClusterPlan } from '../../plan/types.ts';
import { systemCode } from '../../support/errors.ts';
import { settleAll } from '../../support/settle.ts';
import { packToBuffer, type TarEntry } from './archive.ts';
import { containerName, isHost } from './containers.ts';
import { statusOf } from './errors.ts';
import { secretsDir } from './reserve.ts';

/** The cluster's secrets, as they are put into its nodes. */
export async function readSecrets(folder: string): Promise<TarEntry[]> {
  let names: string[];
  try {
    names = (await readdir(folder, { withFileTypes: true, recursive: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
  const files = await Promise.all(
    names.sort().map(async (name) => ({
      path: `${secretsDir}/${name}`,
      content: await readFile(join(folder, name)),
      mode: 0o600,
    })),
  );
  return [{ path: secretsDir, folder: true, mode: 0o700 }, ...files];
}

/** Replaces the secrets in all nodes of a cluster. A node without a container gets them when it is made. */
export async function putSecrets(
  docker: Docker,
  plan: ClusterPlan,
  secrets: readonly TarEntry[],
  removed: readonly string[],
): Promise<void> {
  const archive = await packToBuffer(secrets);
  const hosts = plan.nodes.flatMap(({ units }) => units.filter(isHost));
  await settleAll(
    hosts.map(async (unit) => {
      const container = docker.getContainer(containerName(plan, unit));
      try {
        await container.putArchive(archive, { path: '/' });
        if (removed.length === 0) return;
        const files = removed.map((name) => `${secretsDir}/${name}`);
        const removal = await container.exec({ Cmd: ['rm', '-f', '--', ...files] });
        await removal.start({ Detach: true });
      } catch (error) {
        // 409: it doesn't run, and is given the secrets anew when it is started.
        if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
      }
    }),
  );
}
