import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import type { Entry } from './laptop-files.ts';

/** An image as `docker load` takes it. Layers are named: the same name in several images is the same layer. */
export interface ImageSpec {
  tag: string;
  layers: readonly string[];
  config: {
    Entrypoint?: readonly string[];
    Cmd?: readonly string[];
    Env?: readonly string[];
    WorkingDir?: string;
    User?: string;
    Volumes?: Readonly<Record<string, object>>;
    ExposedPorts?: Readonly<Record<string, object>>;
    Labels?: Readonly<Record<string, string>>;
  };
}

export interface Layer {
  file: string;
  sha256: string;
}

/**
 * An archive with all the images, in the form of `docker save`: each layer is in it once. It is deleted when `use` is
 * done. Two runs over the same files give the same bytes.
 */
export async function withArchive(
  images: readonly ImageSpec[],
  layers: Readonly<Record<string, readonly Entry[]>>,
  use: (archive: Readable) => Promise<void>,
): Promise<void> {
  await withLayers(images, layers, async (written) => {
    const archive = pack();
    const filling = fill(archive, images, written);
    // What tar-stream gives is a stream of its own making that behaves as Node's.
    await Promise.all([use(archive as unknown as Readable), filling]);
  });
}

/** The layers of the images as files, by name; they are deleted when `use` is done. */
export async function withLayers(
  images: readonly ImageSpec[],
  layers: Readonly<Record<string, readonly Entry[]>>,
  use: (written: ReadonlyMap<string, Layer>) => Promise<void>,
): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'devcluster-images-'));
  try {
    const written = new Map<string, Layer>();
    for (const name of new Set(images.flatMap((image) => image.layers)))
      written.set(name, await writeLayer(join(work, `${name}.tar`), layers[name] ?? []));
    await use(written);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** An image's configuration, which names its layers by their content. */
export function imageConfig(image: ImageSpec, layers: ReadonlyMap<string, Layer>): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: image.config,
      rootfs: { type: 'layers', diff_ids: image.layers.map((name) => `sha256:${layers.get(name)!.sha256}`) },
      history: image.layers.map((name) => ({ created: '1970-01-01T00:00:00Z', created_by: `devcluster-test ${name}` })),
    }),
  );
}

async function fill(archive: Pack, images: readonly ImageSpec[], layers: ReadonlyMap<string, Layer>): Promise<void> {
  for (const layer of layers.values()) await addFile(archive, `${layer.sha256}/layer.tar`, layer.file, 0o644);
  const manifest = [];
  for (const image of images) {
    const own = image.layers.map((name) => layers.get(name)!);
    const config = imageConfig(image, layers);
    const name = `${createHash('sha256').update(config).digest('hex')}.json`;
    archive.entry({ name, mtime: new Date(0) }, config);
    manifest.push({
      Config: name,
      RepoTags: [image.tag],
      Layers: own.map(({ sha256 }) => `${sha256}/layer.tar`),
    });
  }
  archive.entry({ name: 'manifest.json', mtime: new Date(0) }, JSON.stringify(manifest));
  archive.finalize();
}

/** Folders that no entry makes are made; what comes twice is taken once. */
async function writeLayer(file: string, entries: readonly Entry[]): Promise<Layer> {
  const archive = pack();
  const hash = createHash('sha256');
  archive.on('data', (chunk) => void hash.update(chunk as Buffer));
  const writing = pipeline(archive, createWriteStream(file));
  const done = new Set<string>();
  const add = async (entry: Entry): Promise<void> => {
    if (done.has(entry.path)) return;
    const parent = dirname(entry.path);
    if (parent !== '.' && !done.has(parent)) await add({ type: 'folder', path: parent });
    done.add(entry.path);
    const header = { name: entry.path, mtime: new Date(0), uid: 0, gid: 0 };
    switch (entry.type) {
      case 'folder':
        archive.entry({
          ...header,
          name: `${entry.path}/`,
          type: 'directory',
          mode: entry.mode ?? 0o755,
          uid: entry.uid ?? 0,
          gid: entry.uid ?? 0,
        });
        break;
      case 'link':
        archive.entry({ ...header, type: 'symlink', linkname: entry.to });
        break;
      case 'text':
        archive.entry({ ...header, mode: entry.mode ?? 0o644 }, entry.content);
        break;
      case 'copy':
        await addFile(archive, entry.path, entry.source, entry.mode);
    }
  };
  for (const entry of entries) await add(entry);
  archive.finalize();
  await writing;
  return { file, sha256: hash.digest('hex') };
}

async function addFile(archive: Pack, name: string, source: string, mode: number): Promise<void> {
  const entry = archive.entry({ name, mode, mtime: new Date(0), size: statSync(source).size });
  await pipeline(createReadStream(source, { highWaterMark: 1 << 20 }), entry);
}
