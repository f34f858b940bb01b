import { messageOf } from '../../../support/errors.ts';
import type { Logger } from '../../../support/logger.ts';
import { readBackup, writeBackup } from '../store/backup.ts';
import { type RuntimeConfiguration, type StateReader, stateFolders } from '../store/state.ts';
import type { StateWriter } from '../store/writer.ts';

/**
 * Does what the last leader was asked to leave to the next one: writes the state to a file, then replaces it by that of
 * another. What fails is told and not tried again: a state that is there is better than none.
 * @param open makes a writer of the state as it was just read
 */
export async function carryOut(
  { backup, restore }: RuntimeConfiguration,
  reader: StateReader,
  open: () => StateWriter,
  log: Logger,
): Promise<void> {
  let good = true;
  const attempt = async (what: string, uri: string, act: () => Promise<number>) => {
    try {
      log.info(`${what} done`, { uri, documents: await act() });
    } catch (error) {
      good = false;
      log.error(`${what} failed`, { uri, error: messageOf(error) });
    }
  };
  const writer = open();
  try {
    if (backup !== undefined) await attempt('backup', backup, () => writeBackup(reader, backup));
    // Without the backup that was asked for nothing is overwritten.
    if (restore !== undefined && good) await attempt('restore', restore, () => replaceState(reader, writer, restore));
    writer.remove('runtime');
    await writer.flushed();
  } finally {
    writer.close();
  }
}

async function replaceState(reader: StateReader, writer: StateWriter, uri: string): Promise<number> {
  const documents = await readBackup(uri);
  const wanted = new Set(documents.map(({ path }) => path));
  for (const folder of stateFolders)
    for (const name of await reader.children(folder)) {
      const below = await reader.children(`${folder}/${name}`);
      const paths = below.length > 0 ? below.map((each) => `${folder}/${name}/${each}`) : [`${folder}/${name}`];
      // What is one letter long is a folder of others.
      for (const path of paths) if (!wanted.has(path) && !/\/[0-9a-f]$/.test(path)) writer.remove(path);
    }
  for (const { path, document } of documents) writer.put(path, document);
  return documents.length;
}
