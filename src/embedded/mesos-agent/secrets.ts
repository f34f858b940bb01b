import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../support/errors.ts';
import type { ResolveSecret } from './environment.ts';

/**
 * Looks secrets up in a folder: a secret is the file of its name, `a/b` a file in the subfolder `a`; a key is one more
 * level. A real agent asks a module for it.
 */
export function createSecretResolver(folder: string | undefined): ResolveSecret {
  return async ({ name, key }) => {
    const shown = key === undefined ? `'${name}'` : `'${name}' (key '${key}')`;
    if (folder === undefined)
      throw new Error(`The secret ${shown} can't be resolved: this agent has no secrets (flag --secrets_dir)`);
    const steps = [...String(name).split('/'), ...(key === undefined ? [] : [key])].filter((step) => step !== '');
    if (steps.length === 0 || steps.some((step) => step === '.' || step === '..' || step.includes('\0')))
      throw new Error(`The secret ${shown} can't be resolved: that is no name of a secret`);
    try {
      return await readFile(join(folder, ...steps));
    } catch (error) {
      const why = ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(systemCode(error) ?? '')
        ? 'it does not exist'
        : systemCode(error);
      throw new Error(`The secret ${shown} can't be resolved: ${why}`);
    }
  };
}
