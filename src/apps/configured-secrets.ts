import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SecretSource } from '../config/types.ts';
import { messageOf, systemCode } from '../support/errors.ts';
import type { SecretStore } from './secret-store.ts';

export interface SecretSurroundings {
  env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths begin at: the configuration file's. */
  folder: string;
}

/**
 * Puts the secrets of the configuration into the store, where agents find them.
 * @returns the names of those that changed; and why some could not be read, a sentence each: what the store had of
 *   these stays
 */
export async function storeConfiguredSecrets(
  store: SecretStore,
  configured: Readonly<Record<string, SecretSource>>,
  surroundings: SecretSurroundings,
): Promise<{ changed: string[]; problems: string[] }> {
  const changed: string[] = [];
  const problems: string[] = [];
  for (const [name, source] of Object.entries(configured)) {
    const value = await readSource(source, surroundings).catch((error: unknown) => {
      problems.push(`the secret '${name}' can't be read: ${messageOf(error)}`);
      return undefined;
    });
    if (value === undefined) continue;
    // Unchanged ones are left alone, so that their times tell when they changed.
    const known = (await store.has(name)) ? await store.read(name) : undefined;
    if (known?.equals(value)) continue;
    await store.set(name, value);
    changed.push(name);
  }
  return { changed, problems };
}

async function readSource(source: SecretSource, { env, folder }: SecretSurroundings): Promise<Buffer> {
  if ('env' in source) {
    const value = env[source.env];
    if (value === undefined) throw new Error(`the variable ${source.env} is not set`);
    return Buffer.from(value);
  }
  try {
    return withoutLastNewline(await readFile(resolve(folder, source.file)));
  } catch (error) {
    const why = systemCode(error) === 'ENOENT' ? 'there is no such file' : (systemCode(error) ?? messageOf(error));
    throw new Error(`${source.file}: ${why}`);
  }
}

/** Editors and `echo` end what they write with a newline, which is hardly ever part of a secret. */
export function withoutLastNewline(value: Buffer): Buffer {
  const end = value.length - (value.at(-1) === 0x0a ? (value.at(-2) === 0x0d ? 2 : 1) : 0);
  return value.subarray(0, end);
}

export function describeSource(source: SecretSource): string {
  return 'env' in source ? `variable ${source.env}` : `file ${source.file}`;
}
