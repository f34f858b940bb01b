import { DevclusterError, messageOf } from '../../../support/errors.ts';
import { readTextIfExists, writeFileAtomic } from '../../../support/files.ts';

/** The content that each reference meant when it was pulled first: everybody with the same file gets the same. */
export type PinnedDigests = Readonly<Record<string, string>>;

/** @throws DevclusterError usage when the file can't be understood */
export async function readPins(file: string): Promise<PinnedDigests> {
  const text = await readTextIfExists(file);
  if (text === undefined) return {};
  try {
    const { version, images } = JSON.parse(text) as { version?: unknown; images?: Record<string, unknown> };
    if (typeof version === 'number' && version > 1)
      throw new DevclusterError('usage', 'LOCK_FILE_INVALID', `${file} was written by a newer devcluster`, {
        hint: 'Install that one, or delete the file: `devcluster images pull` writes one that this version knows.',
      });
    if (version !== 1 || typeof images !== 'object' || images === null)
      throw new Error('it is no lock file of devcluster');
    for (const [reference, digest] of Object.entries(images))
      if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest))
        throw new Error(`what it says of '${reference}' is no digest`);
    return images as Record<string, string>;
  } catch (error) {
    if (error instanceof DevclusterError) throw error;
    throw new DevclusterError('usage', 'LOCK_FILE_INVALID', `${file} can't be used: ${messageOf(error)}`, {
      hint: 'Take it from version control again, or delete it: `devcluster images pull` writes a new one.',
    });
  }
}

/** Sorted, a line each, so that versions of it are easily compared. */
export async function writePins(file: string, pins: PinnedDigests): Promise<void> {
  const images = Object.fromEntries(Object.entries(pins).sort(([a], [b]) => (a < b ? -1 : 1)));
  await writeFileAtomic(file, `${JSON.stringify({ version: 1, images }, undefined, 2)}\n`, 0o644);
}
