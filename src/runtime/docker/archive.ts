import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { extract, type Pack, pack } from 'tar-stream';

/** One entry of an archive; `path` is absolute. Folders above it are made, open to everybody to read. */
export type TarEntry = { path: string; mode?: number; uid?: number } & (
  | { content: Buffer }
  /** A file of this machine. */
  | { source: string; size: number }
  | { linkTo: string }
  | { folder: true }
);

/** All times are the same, so that the same content is the same archive. */
const mtime = new Date(0);

/** The archive as a stream. An error of reading ends it. */
export function packArchive(entries: readonly TarEntry[]): Pack {
  const archive = pack();
  void write(archive, entries).catch((error: Error) => archive.destroy(error));
  return archive;
}

async function write(archive: Pack, entries: readonly TarEntry[]): Promise<void> {
  const folders = new Set(['/']);
  const addFolder = (path: string, mode: number, uid: number) => {
    folders.add(path);
    archive.entry({ name: `${path.slice(1)}/`, type: 'directory', mode, uid, gid: uid, mtime });
  };
  const above = (path: string) => {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    if (folders.has(parent)) return;
    above(parent);
    addFolder(parent, 0o755, 0);
  };
  for (const entry of entries) {
    const { path, uid = 0 } = entry;
    above(path);
    const header = { name: path.slice(1), mode: entry.mode ?? 0o644, uid, gid: uid, mtime };
    if ('folder' in entry) addFolder(path, entry.mode ?? 0o755, uid);
    else if ('linkTo' in entry) {
      archive.entry({ ...header, type: 'symlink', linkname: entry.linkTo });
      folders.add(path);
    } else if ('content' in entry) archive.entry(header, entry.content);
    else await pipeline(createReadStream(entry.source), archive.entry({ ...header, size: entry.size }));
  }
  archive.finalize();
}

/** A small archive as a whole. */
export async function packToBuffer(entries: readonly TarEntry[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of packArchive(entries)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The content of the first file in an archive; undefined when there is none. @throws Error when the archive is cut off */
export async function firstFile(archive: NodeJS.ReadableStream): Promise<Buffer | undefined> {
  const reader = extract();
  let found: Buffer | undefined;
  reader.on('entry', (header, stream, next) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: unknown) => chunks.push(chunk as Buffer));
    // An archive that is cut off ends the entry as well; the pipeline tells.
    stream.on('error', () => {});
    stream.on('end', () => {
      if (header.type === 'file') found ??= Buffer.concat(chunks);
      next();
    });
  });
  await pipeline(archive, reader as unknown as NodeJS.WritableStream);
  return found;
}
