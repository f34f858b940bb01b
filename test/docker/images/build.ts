import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type Docker from 'dockerode';
import { build } from 'esbuild';
import { type ImageSpec, withArchive } from './archive.ts';
import { images, layers } from './definitions.ts';
import type { Entry } from './laptop-files.ts';

const contentLabel = 'devcluster.test.content';

/**
 * Makes the images of this folder in the engine, those that are missing or were made of something else; nothing is
 * downloaded. @returns the tags that were built
 */
export async function buildTestImages(
  docker: Docker,
  wanted: readonly string[] = images.map(({ tag }) => tag),
): Promise<string[]> {
  const contents = layers(await bundle());
  const hashes = new Map(Object.entries(contents).map(([name, entries]) => [name, hashOf(entries)]));
  const labelled = images
    .filter(({ tag }) => wanted.includes(tag))
    .map((image): ImageSpec => {
      const hash = createHash('sha256').update(JSON.stringify([image, image.layers.map((name) => hashes.get(name))]));
      return { ...image, config: { ...image.config, Labels: { [contentLabel]: hash.digest('hex') } } };
    });
  const present = await Promise.all(labelled.map((image) => isPresent(docker, image)));
  const missing = labelled.filter((_, i) => !present[i]);
  if (missing.length === 0) return [];
  const before = await Promise.all(missing.map(({ tag }) => idOf(docker, tag)));
  await withArchive(missing, contents, async (archive) => {
    const answer = await docker.loadImage(archive, { quiet: true });
    for await (const chunk of answer) {
      const said = String(chunk);
      if (said.includes('"error"')) throw new Error(`the engine can't load the images: ${said}`);
    }
  });
  // What the tags meant before is nobody's any more.
  for (const id of before)
    if (id !== undefined)
      await docker
        .getImage(id)
        .remove()
        .catch(() => {});
  return missing.map(({ tag }) => tag);
}

async function idOf(docker: Docker, tag: string): Promise<string | undefined> {
  try {
    return (await docker.getImage(tag).inspect()).Id;
  } catch {
    return undefined;
  }
}

async function isPresent(docker: Docker, { tag, config }: ImageSpec): Promise<boolean> {
  try {
    const found = await docker.getImage(tag).inspect();
    return found.Config?.Labels?.[contentLabel] === config.Labels?.[contentLabel];
  } catch {
    return false;
  }
}

/** The code of the stand-ins as one file. */
export async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('service.ts', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20.17',
    format: 'cjs',
    minifySyntax: true,
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}

/** Copied files are told apart by size and time: reading hundreds of megabytes would take longer than it is worth. */
function hashOf(entries: readonly Entry[]): string {
  const described = entries.map((entry) => {
    if (entry.type !== 'copy') return entry;
    const { size, mtimeMs } = statSync(entry.source);
    return [entry, size, mtimeMs];
  });
  return createHash('sha256').update(JSON.stringify(described)).digest('hex');
}
