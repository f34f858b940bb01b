import { chmod, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DevclusterError, systemCode } from '../support/errors.ts';
import { makeFolder, writeFileAtomic } from '../support/files.ts';

/** What may be told of a secret: everything but its value. */
export interface SecretInfo {
  name: string;
  changedAt: string;
}

/** A cluster's secrets: a folder of mode 0700 with a file of mode 0600 for each, which the agents read. */
export interface SecretStore {
  list(): Promise<SecretInfo[]>;
  has(name: string): Promise<boolean>;
  /** @throws DevclusterError usage for a name that can't be one */
  set(name: string, value: string | Buffer): Promise<void>;
  /** @throws DevclusterError notFound */
  read(name: string): Promise<Buffer>;
  /** @returns whether there was one */
  remove(name: string): Promise<boolean>;
}

const secretNamePattern = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/;

/** @param folder made with the first secret */
export function createSecretStore(folder: string): SecretStore {
  const fileOf = (name: string) => join(folder, checkSecretName(name));
  const has = async (name: string) => (await changed(fileOf(name))) !== undefined;
  return {
    has,
    async list() {
      const names = await readdir(folder).catch((error: unknown) => {
        if (systemCode(error) === 'ENOENT') return [];
        throw error;
      });
      const infos = await Promise.all(
        names
          .filter((name) => secretNamePattern.test(name) && !name.endsWith('.tmp'))
          .sort()
          .map(async (name) => ({ name, time: await changed(join(folder, name)) })),
      );
      return infos.flatMap(({ name, time }) => (time ? [{ name, changedAt: time.toISOString() }] : []));
    },
    async set(name, value) {
      const file = fileOf(name);
      await makeFolder(folder, 0o700);
      await chmod(folder, 0o700);
      await writeFileAtomic(file, value, 0o600);
    },
    async read(name) {
      try {
        return await readFile(fileOf(name));
      } catch (error) {
        if (systemCode(error) === 'ENOENT') throw noSuchSecret(name);
        throw error;
      }
    },
    async remove(name) {
      const there = await has(name);
      await rm(fileOf(name), { force: true });
      return there;
    },
  };
}

export function noSuchSecret(name: string): DevclusterError {
  return new DevclusterError('notFound', 'NO_SUCH_SECRET', `There is no secret '${name}'`, {
    hint: `Set it with \`devcluster secret set ${name}\`; \`devcluster secret list\` shows the others.`,
  });
}

/** @throws DevclusterError usage */
export function checkSecretName(name: string): string {
  if (secretNamePattern.test(name) && !name.endsWith('.tmp')) return name;
  throw new DevclusterError('usage', 'BAD_SECRET_NAME', 'That is no name of a secret', {
    hint: 'A name has letters, digits, dots, hyphens and underscores, for instance DB_PASSWORD. The value is never an argument.',
  });
}

async function changed(file: string): Promise<Date | undefined> {
  try {
    const stats = await stat(file);
    return stats.isFile() ? stats.mtime : undefined;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
