import { mkdir, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { TaskInfo } from '../../../protocols/mesos/types.ts';
import type { ResolveSecret } from '../environment.ts';
import { persistentPath, readSecret, secretOf } from '../volumes.ts';
import type { Mount } from './request.ts';

/**
 * Makes what a task's secret files and persistent volumes are mounted from. Secrets lie outside of the sandbox, which
 * the agent shows to whoever may see its files; the folder is private, the files are for any user of the container.
 * @throws Error fit for a task's message
 */
export async function prepareMounts(
  task: TaskInfo,
  context: { secretsFolder: string; workDir: string; mappedSandbox: string; resolveSecret: ResolveSecret },
): Promise<Mount[]> {
  const { secretsFolder, mappedSandbox } = context;
  const inContainer = (path: string) => (isAbsolute(path) ? path : join(mappedSandbox, path));
  const mounts: Mount[] = [];
  for (const volume of task.container?.volumes ?? []) {
    const secret = secretOf(volume);
    if (!secret) continue;
    await mkdir(secretsFolder, { recursive: true, mode: 0o700 });
    const Source = join(secretsFolder, String(mounts.length));
    await writeFile(Source, await readSecret(secret, context.resolveSecret), { mode: 0o444 });
    mounts.push({ Type: 'bind', Source, Target: inContainer(volume.container_path), ReadOnly: true });
  }
  for (const resource of task.resources ?? []) {
    const volume = resource.disk?.volume;
    const Source = persistentPath(context.workDir, resource);
    if (!Source || !volume) continue;
    await mkdir(Source, { recursive: true, mode: 0o755 });
    const ReadOnly = volume.mode === 'RO';
    mounts.push({ Type: 'bind', Source, Target: inContainer(volume.container_path), ReadOnly });
  }
  return mounts;
}

export async function removeMounts(secretsFolder: string): Promise<void> {
  await rm(secretsFolder, { recursive: true, force: true });
}
