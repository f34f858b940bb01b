import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | undefined;

/** The folder of devcluster's own package, from the sources as from what is built: where templates/ and dist/ are. */
export function packageRoot(): string {
  if (found) return found;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the package of devcluster is incomplete: its package.json is missing');
    folder = parent;
  }
  found = folder;
  return folder;
}
