import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from './errors.ts';

/** Writes a file so that readers see the old or the new content whole. `mode` defaults to 0600. */
export async function writeFileAtomic(path: string, content: string | Buffer, mode = 0o600): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx', mode);
    await handle.writeFile(content);
    await handle.close();
    handle = undefined;
    await rename(temporary, path);
  } catch (error) {
    await handle?.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Others may make and remove the same folders at the same time; not for ever, though. */
const mostTries = 20;

/**
 * Makes a folder and those above it that are missing; one that is there is fine. Node's own `recursive` tries for ever
 * where the system refuses new folders with ENOENT, as /proc does.
 */
export async function makeFolder(path: string, mode = 0o700, triesLeft = mostTries): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path || triesLeft === 0) throw error;
    if (!existsSync(dirname(path))) await makeFolder(dirname(path), mode, triesLeft);
    await makeFolder(path, mode, triesLeft - 1);
  }
}

/** The file's text, or undefined when there is none. */
export async function readTextIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
