import { dirname, join, resolve } from 'node:path';
import { DevclusterError, messageOf, systemCode } from '../support/errors.ts';
import { readTextIfExists } from '../support/files.ts';

export const configFileNames = ['devcluster.yml', 'devcluster.yaml'] as const;

/** The nearest devcluster.yml, from `cwd` upward, or undefined. */
export async function findConfigFile(cwd: string): Promise<{ path: string; text: string } | undefined> {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    for (const name of configFileNames) {
      const text = await readTextIfExists(join(folder, name)).catch((error: unknown) => {
        if (['EISDIR', 'EACCES'].includes(systemCode(error) ?? '')) return undefined;
        throw error;
      });
      if (text !== undefined) return { path: join(folder, name), text };
    }
    if (dirname(folder) === folder) return undefined;
  }
}

/** @throws DevclusterError usage when it can't be read */
export async function readNamedFile(path: string): Promise<{ path: string; text: string }> {
  let text: string | undefined;
  try {
    text = await readTextIfExists(path);
  } catch (error) {
    throw new DevclusterError('usage', 'CONFIG_UNREADABLE', `${path} can't be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (text !== undefined) return { path, text };
  throw new DevclusterError('usage', 'CONFIG_NOT_FOUND', `There is no configuration file ${path}`, {
    hint: 'Give the right path with --config, or leave it out for the defaults.',
  });
}
