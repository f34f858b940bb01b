import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../support/errors.ts';
import type { TarEntry } from './archive.ts';
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
