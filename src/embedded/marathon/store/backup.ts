import { readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { messageOf } from '../../../support/errors.ts';
import { type StateReader, stateFolders } from './state.ts';

/**
 * Copies of the whole state in a file: gzipped lines, one document each. They are this program's own, as its layout in
 * ZooKeeper is; a real Marathon's archives can't be read.
 */

export interface StoredDocument {
  /** Below the base of the state. */
  readonly path: string;
  readonly document: unknown;
}

/** The file that a URI names. @throws RangeError for other places than files */
export function fileOf(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch {
    throw new RangeError(`'${uri}' is no place for a backup: this Marathon writes to file:///absolute/path only`);
  }
}

/** Writes all documents; the file appears when it is complete. @returns how many there are */
export async function writeBackup(reader: StateReader, uri: string): Promise<number> {
  const paths = ['framework'];
  for (const folder of stateFolders)
    for (const name of await reader.children(folder)) {
      const below = await reader.children(`${folder}/${name}`);
      if (below.length === 0) paths.push(`${folder}/${name}`);
      else paths.push(...below.map((each) => `${folder}/${name}/${each}`));
    }
  const lines: string[] = [];
  for (const path of paths) {
    const data = await reader.data(path);
    // Folders without children hold nothing.
    if (!data || data.length === 0) continue;
    const text = data[0] === 0x1f && data[1] === 0x8b ? await promisify(gunzip)(data) : data;
    lines.push(JSON.stringify({ path, document: JSON.parse(text.toString('utf8')) } satisfies StoredDocument));
  }
  const file = fileOf(uri);
  await writeFile(`${file}.part`, await promisify(gzip)(`${lines.join('\n')}\n`), { mode: 0o600 });
  await rename(`${file}.part`, file);
  return lines.length;
}

/** Reads a whole backup. @throws when it can't be read or is none */
export async function readBackup(uri: string): Promise<StoredDocument[]> {
  const data = await readFile(fileOf(uri));
  try {
    const text = (await promisify(gunzip)(data)).toString('utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const { path, document } = JSON.parse(line) as StoredDocument;
        const [folder] = String(path).split('/');
        const known = path === 'framework' || stateFolders.some((name) => name === folder);
        if (!known || document === undefined) throw new Error(`'${path}' is no document of the state`);
        return { path, document };
      });
  } catch (error) {
    throw new Error(`${uri} is no backup of this Marathon: ${messageOf(error)}`);
  }
}
