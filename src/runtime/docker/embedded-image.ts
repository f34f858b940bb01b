import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { DevclusterError } from '../../support/errors.ts';
import { withMachineLock } from '../../support/machine-lock.ts';
import { packageRoot } from '../../support/package-root.ts';
import { packArchive, type TarEntry } from './archive.ts';
import type { EngineFacts } from './client.ts';
import { engineMessage, statusOf } from './errors.ts';
import { machineFiles } from './machine-files.ts';

/** What images of ours are called; the tag says what is in them. */
export const embeddedRepository = 'devcluster/node';
/** The label by which images of ours are found, and old ones removed. */
export const imageLabel = 'devcluster.image=embedded';

/** Where things are in the embedded image. */
export const inImage = {
  node: '/usr/local/bin/node',
  host: '/opt/devcluster/dist/node-host.cjs',
  samples: '/opt/devcluster/templates/samples',
} as const;

/** Counts up when the image is made differently from the same files. */
const recipe = 1;

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm' };

/**
 * The image with the embedded servers, made where the engine has none of this build. Where the engine runs programs of
 * this machine, it is put together from these and needs no registry; elsewhere it is built on Node.js' own image.
 * @returns its reference
 * @throws DevclusterError
 */
export async function ensureEmbeddedImage(docker: Docker, facts: EngineFacts): Promise<string> {
  const own = ownFiles();
  const native = process.platform === 'linux' && architectures[process.arch] === facts.arch;
  const reference = `${embeddedRepository}:${fingerprint(own, native)}`;
  if (await hasImage(docker, reference)) return reference;
  await withMachineLock(
    `image ${reference}`,
    async () => {
      if (await hasImage(docker, reference)) return;
      if (native) await importImage(docker, reference, [...(await machineFiles(inImage.node)), ...own]);
      else await buildOnNode(docker, reference, own);
    },
    { timeoutMs: 120_000 },
  );
  return reference;
}

export async function hasImage(docker: Docker, reference: string): Promise<boolean> {
  try {
    await docker.getImage(reference).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

/** devcluster's own part: the node host with its code caches, and what the sample apps fetch. */
function ownFiles(): TarEntry[] {
  const root = packageRoot();
  const below = (folder: string, wanted: (name: string) => boolean): TarEntry[] => {
    let names: string[];
    try {
      names = readdirSync(join(root, folder)).filter(wanted).sort();
    } catch {
      names = [];
    }
    return names.map((name) => ({
      path: `/opt/devcluster/${folder}/${name}`,
      content: readFileSync(join(root, folder, name)),
    }));
  };
  const host = below('dist', (name) => name.startsWith('node-host') && /\.(cjs|cache)$/.test(name));
  if (host.length === 0)
    throw new DevclusterError(
      'missing',
      'NOT_BUILT',
      `${join(root, 'dist')} has no node host: devcluster is not built`,
      {
        hint: "Run 'npm run build' in devcluster's folder, or install the package again.",
      },
    );
  return [...host, ...below('templates/samples', () => true)];
}

/** Of our own files by their content; of Node.js, which is large, by what tells one of its files from another. */
function fingerprint(own: readonly TarEntry[], native: boolean): string {
  const hash = createHash('sha256').update(`${recipe}\n${process.version} ${process.arch}\n`);
  if (native) {
    const { size, mtimeMs } = statSync(process.execPath);
    hash.update(`${size} ${mtimeMs}\n`);
  }
  // Caches only speed up what is there anyway, and are written again by a build of the same content.
  for (const entry of own)
    if ('content' in entry && !entry.path.endsWith('.cache')) hash.update(`${entry.path}\n`).update(entry.content);
  return hash.digest('hex').slice(0, 16);
}

async function importImage(docker: Docker, reference: string, entries: readonly TarEntry[]): Promise<void> {
  const [repo = '', tag = ''] = reference.split(':');
  const stream = await docker.importImage(packArchive(entries) as unknown as NodeJS.ReadableStream as never, {
    repo,
    tag,
    changes: `LABEL ${imageLabel}`,
  });
  await untilDone(docker, stream);
}

async function buildOnNode(docker: Docker, reference: string, own: readonly TarEntry[]): Promise<void> {
  const base = `node:${process.versions.node.split('.')[0]}-slim`;
  const dockerfile = readFileSync(join(packageRoot(), 'templates', 'docker', 'Dockerfile'), 'utf8').replace(
    'BASE_IMAGE',
    base,
  );
  const context = [
    { path: '/Dockerfile', content: Buffer.from(dockerfile) },
    // Caches belong to this machine's Node.js.
    ...own.filter(({ path }) => !path.endsWith('.cache')),
  ];
  try {
    const stream = await docker.buildImage(packArchive(context) as unknown as NodeJS.ReadableStream, {
      t: reference,
      forcerm: true,
    });
    await untilDone(docker, stream);
  } catch (error) {
    throw new DevclusterError(
      'missing',
      'NO_BASE_IMAGE',
      `The image of devcluster can't be built on ${base}: ${engineMessage(error)}`,
      { hint: `Fetch it with 'docker pull ${base}', or use --runtime process.`, cause: error },
    );
  }
}

function untilDone(docker: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error: Error | null, output: ProgressLine[]) => {
      const failed = output?.find((line) => line?.errorDetail || line?.error);
      if (error) reject(error);
      else if (failed)
        reject(Object.assign(new Error(failed.errorDetail?.message ?? failed.error), { statusCode: 500 }));
      else resolve();
    });
  });
}

/** Newer engines say what went wrong in the detail only. */
interface ProgressLine {
  error?: string;
  errorDetail?: { message?: string };
}
