import { chmod, mkdir, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, resolve } from 'node:path';
import type { Resource, Secret, TaskInfo, Volume } from '../../protocols/mesos/types.ts';
import type { ResolveSecret } from './environment.ts';
import { replaceLink } from './sandbox.ts';

/** A volume that this agent can't give; the message is for the task's status. */
export class VolumeError extends Error {}

/**
 * Brings a task's volumes into its sandbox. There is no file system of its own to mount into, so host paths and
 * persistent volumes are links and secrets are files, all at relative container paths, as the real agent does it for
 * tasks without an image.
 * @throws VolumeError
 */
export async function prepareVolumes(
  task: Pick<TaskInfo, 'container' | 'resources'>,
  context: {
    sandbox: string;
    workDir: string;
    secretsFolder: string;
    resolveSecret: ResolveSecret;
    /** Of a task of a group: its executor, which may lend it folders. */
    parent?: VolumeParent;
  },
): Promise<void> {
  const { parent } = context;
  if (parent) await linkPersistent(parent.resources, parent.directory, context.workDir);
  let secrets = 0;
  for (const volume of task.container?.volumes ?? []) {
    const target = await placeIn(context.sandbox, volume.container_path);
    const secret = secretOf(volume);
    const lent = sandboxPathOf(volume);
    if (secret) {
      // Outside of the sandbox, which the agent shows to whoever may see its files.
      const file = join(context.secretsFolder, String(secrets++));
      await writeSecret(file, secret, context.resolveSecret);
      await linkTo(file, target, volume.container_path);
    } else if (lent && (lent.type !== 'PARENT' || parent)) {
      const owner = lent.type === 'PARENT' && parent ? parent.directory : context.sandbox;
      const source = await placeIn(owner, lent.path);
      await mkdir(source, { recursive: true });
      if (source !== target) await linkTo(source, target, volume.container_path);
    } else if (volume.host_path) await linkHostPath(target, volume.host_path, context.sandbox);
    else throw new VolumeError(`The volume at '${volume.container_path}' has a source that this agent doesn't know`);
  }
  await linkPersistent(task.resources ?? [], context.sandbox, context.workDir);
}

/** The executor of a task group, as its tasks' volumes need it. */
export interface VolumeParent {
  /** Its sandbox. */
  directory: string;
  resources: readonly Resource[];
}

async function linkPersistent(resources: readonly Resource[], sandbox: string, workDir: string): Promise<void> {
  for (const resource of resources) {
    const volume = resource.disk?.volume;
    const path = persistentPath(workDir, resource);
    if (!path || !volume) continue;
    await mkdir(path, { recursive: true, mode: 0o755 });
    await linkTo(path, await placeIn(sandbox, volume.container_path), volume.container_path);
  }
}

/** A folder of the task's own sandbox or, for a task of a group, of its executor's. */
function sandboxPathOf(volume: Volume): { type: 'SELF' | 'PARENT'; path: string } | undefined {
  const source = volume.source as { type?: string; sandbox_path?: { type?: string; path?: string } } | undefined;
  if (source?.type !== 'SANDBOX_PATH' || !source.sandbox_path?.path) return undefined;
  return { type: source.sandbox_path.type === 'PARENT' ? 'PARENT' : 'SELF', path: source.sandbox_path.path };
}

interface DiskSource {
  type?: string;
  path?: { root?: string };
  mount?: { root?: string };
}

/** Where the data of a persistent volume is kept, whatever task uses it; undefined for other resources. */
export function persistentPath(workDir: string, resource: Resource): string | undefined {
  const id = resource.disk?.persistence?.id;
  if (id === undefined) return undefined;
  const role = resource.reservations?.at(-1)?.role ?? resource.role ?? '*';
  for (const part of [id, ...role.split('/')])
    if (part === '' || part === '.' || part === '..' || part.includes('\0') || id.includes('/'))
      throw new VolumeError(`'${id}' of role '${role}' is no valid persistent volume`);
  const source = resource.disk?.source as DiskSource | undefined;
  // A mount is one volume as a whole.
  if (source?.type === 'MOUNT' && source.mount?.root) return resolve(workDir, source.mount.root);
  const root = source?.type === 'PATH' && source.path?.root ? resolve(workDir, source.path.root) : workDir;
  return join(root, 'volumes', 'roles', role, id);
}

/** Deletes the data of the volumes that are in `before` and no longer in `after`; a mount's own folder stays. */
export async function deleteDestroyed(
  workDir: string,
  before: readonly Resource[],
  after: readonly Resource[],
): Promise<void> {
  const pathsOf = (resources: readonly Resource[]) =>
    new Map(resources.flatMap((one) => [[persistentPath(workDir, one), one] as const]));
  const kept = pathsOf(after);
  for (const [path, { disk }] of pathsOf(before)) {
    if (path === undefined || kept.has(path)) continue;
    const isMount = (disk?.source as DiskSource | undefined)?.type === 'MOUNT';
    const doomed = isMount ? (await readdir(path).catch(() => [])).map((name) => join(path, name)) : [path];
    for (const each of doomed) await rm(each, { recursive: true, force: true });
  }
}

/** The place of a relative container path, its parent folders made; never outside of the sandbox. */
async function placeIn(sandbox: string, containerPath: string): Promise<string> {
  const path = normalize(containerPath).replace(/\/+$/, '');
  if (path === '' || path === '.' || isAbsolute(path) || path === '..' || path.startsWith('../'))
    throw new VolumeError(
      `The volume's container path '${containerPath}' must be relative: a local process shares the machine's files. Deploy with '--runtime docker' for a file system of its own`,
    );
  const target = join(sandbox, path);
  await mkdir(dirname(target), { recursive: true });
  const root = await realpath(sandbox);
  const parent = await realpath(dirname(target));
  if (parent !== root && !parent.startsWith(`${root}/`))
    throw new VolumeError(`The volume's container path '${containerPath}' leads out of the sandbox`);
  return target;
}

async function linkHostPath(target: string, hostPath: string, sandbox: string): Promise<void> {
  const source = isAbsolute(hostPath) ? hostPath : join(sandbox, hostPath);
  if (!isAbsolute(hostPath)) await mkdir(source, { recursive: true });
  if (!(await stat(source).catch(() => undefined)))
    throw new VolumeError(`Path '${hostPath}' in HOST_PATH volume does not exist`);
  if (source !== target) await linkTo(source, target, hostPath);
}

async function linkTo(source: string, target: string, shown: string): Promise<void> {
  try {
    await replaceLink(source, target);
  } catch (error) {
    throw new VolumeError(`The volume '${shown}' can't be put into the sandbox: ${(error as Error).message}`);
  }
}

/** The secret that a volume holds, if it is one of a secret. */
export function secretOf(volume: Volume): Secret | undefined {
  const source = volume.source as { type?: string; secret?: Secret } | undefined;
  return source?.type === 'SECRET' ? source.secret : undefined;
}

/** Whether some volume of the task is a secret. */
export function hasSecretFiles(task: Pick<TaskInfo, 'container'>): boolean {
  return (task.container?.volumes ?? []).some((volume) => secretOf(volume) !== undefined);
}

export async function readSecret(secret: Secret, resolve: ResolveSecret): Promise<Buffer> {
  return secret.reference ? resolve(secret.reference) : Buffer.from(secret.value?.data ?? '', 'base64');
}

async function writeSecret(target: string, secret: Secret, resolve: ResolveSecret): Promise<void> {
  const data = await readSecret(secret, resolve);
  // A task's own user has to get through; only the file is private.
  await mkdir(dirname(target), { recursive: true, mode: 0o711 });
  await writeFile(target, data, { mode: 0o600 });
  await chmod(target, 0o600);
}
