import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** A shell of this machine, with the words that come before a script. */
export interface Shell {
  name: string;
  command: readonly [string, ...string[]];
}

/** The POSIX shells that are here: what images have as `sh` is one of them. */
export const shells: readonly Shell[] = [
  { name: 'dash', program: 'dash', words: [] },
  { name: 'busybox', program: 'busybox', words: ['sh'] },
  { name: 'bash', program: 'bash', words: ['--posix'] },
].flatMap(({ name, program, words }): Shell[] => {
  const path = findProgram(program);
  return path === undefined ? [] : [{ name, command: [path, ...words] }];
});

/** The whole path of a program of this machine. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(':').filter(Boolean);
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
