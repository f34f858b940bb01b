import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A file, folder or link of an image. Paths begin without a slash, as in a tar archive. */
export type Entry =
  | { type: 'folder'; path: string; mode?: number; uid?: number }
  | { type: 'link'; path: string; to: string }
  | { type: 'text'; path: string; content: string; mode?: number }
  | { type: 'copy'; path: string; source: string; mode: number };

export const folder = (path: string, mode = 0o755): Entry => ({ type: 'folder', path, mode });
export const link = (path: string, to: string): Entry => ({ type: 'link', path, to });
export const text = (path: string, content: string, mode = 0o644): Entry => ({ type: 'text', path, content, mode });
export const script = (path: string, content: string): Entry => text(path, content, 0o755);

/** A program of this machine under another path, with all shared libraries it needs. */
export function program(source: string, path = within(source)): Entry[] {
  const real = realpathSync(source);
  return [copy(real, path), ...libraries(real)];
}

/**
 * A program of this machine that runs in every image with a shell, wherever the folder is: one that isn't static has its
 * libraries and their loader beside it.
 */
export function portable(source: string, path: string): Entry[] {
  const real = realpathSync(source);
  const all = libraries(real).flatMap((entry) => (entry.type === 'copy' ? [entry] : []));
  const loader = all.find((entry) => /^ld-/.test(basename(entry.path)));
  if (!loader) return [copy(real, path)];
  const beside = (name: string) => join(dirname(path), 'needs', name);
  const start = `"$here/needs/${basename(loader.path)}" --library-path "$here/needs" "$here/needs/${basename(path)}" "$@"`;
  return [
    script(path, `#!/bin/sh\nhere=\${0%/*}\nexec ${start}\n`),
    copy(real, beside(basename(path))),
    ...all.map((entry) => copy(entry.source, beside(basename(entry.path)))),
  ];
}

/** A program of this machine where it is, found on the usual paths. @throws when it isn't there */
export function tool(name: string): Entry[] {
  const folders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];
  const path = folders.map((each) => join(each, name)).find((each) => statSync(each, { throwIfNoEntry: false }));
  if (path === undefined) throw new Error(`there is no ${name} in ${folders.join(', ')}`);
  return program(path, `usr/bin/${name}`);
}

/** A whole folder of this machine; links are followed. @param skip names that are left out */
export function tree(source: string, path = within(source), skip: readonly string[] = []): Entry[] {
  const entries: Entry[] = [];
  for (const name of readdirSync(source).sort()) {
    if (skip.includes(name)) continue;
    const from = join(source, name);
    const found = statSync(from, { throwIfNoEntry: false });
    if (found?.isDirectory()) entries.push(...tree(from, join(path, name), skip));
    else if (found?.isFile()) {
      entries.push(copy(realpathSync(from), join(path, name)));
      if (isElf(from)) entries.push(...libraries(from));
    }
  }
  return entries;
}

export function copy(source: string, path = within(source)): Entry {
  return { type: 'copy', path, source, mode: statSync(source).mode & 0o777 };
}

/** The shared libraries of a program as the loader finds them, each under its name in the folder it really is in. */
function libraries(path: string): Entry[] {
  if (!isElf(path)) return [];
  let output: string;
  try {
    output = execFileSync('ldd', [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return [];
  }
  return output.split('\n').flatMap((line) => {
    const found = /(?:=>\s+)?(\/\S+)\s+\(0x/.exec(line)?.[1];
    if (found === undefined) return [];
    return [copy(realpathSync(found), within(join(realpathSync(dirname(found)), basename(found))))];
  });
}

function isElf(path: string): boolean {
  return readFileSync(path).subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'));
}

function within(path: string): string {
  return path.replace(/^\/+/, '');
}

/** Top folders that merely lead into /usr (as they do on this machine, so that the loader's path is right). */
export function topLinks(): Entry[] {
  return ['bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32'].flatMap((name) => {
    try {
      return [link(name, readlinkSync(`/${name}`))];
    } catch {
      return [];
    }
  });
}
