import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DevclusterError, systemCode } from '../support/errors.ts';

/** What templates and labels say of the source that is deployed. */
export interface GitFacts {
  /** The whole hash of HEAD. */
  commit: string;
  short: string;
  /** `HEAD` when none is checked out. */
  branch: string;
  dirty: boolean;
  /** The commit, with `-dirty.<content hash>` when the tree differs from it: names the content, whatever it is. */
  version: string;
  /** The working tree's top folder. */
  root: string;
  /** Name of that folder. */
  name: string;
}

/**
 * The state of the git repository that a folder is in.
 * @throws DevclusterError usage: not in a repository, or one without a commit; missing: no git
 */
export async function gitFacts(folder: string): Promise<GitFacts> {
  const head = await git(folder, ['rev-parse', '--show-toplevel', '--verify', 'HEAD']).catch((error: unknown) => {
    throw explain(error, folder);
  });
  const [root = folder, commit = ''] = head.toString('utf8').trim().split('\n');
  const [branch, status] = await Promise.all([
    git(folder, ['symbolic-ref', '--short', '-q', 'HEAD']).then(
      (name) => name.toString('utf8').trim(),
      () => 'HEAD',
    ),
    git(root, ['status', '--porcelain', '-z', '--untracked-files=all']),
  ]);
  const dirty = status.length > 0;
  const version = dirty ? `${commit}-dirty.${await contentHash(root)}` : commit;
  return { commit, short: commit.slice(0, 12), branch, dirty, version, root, name: basename(root) };
}

/** Of what differs from HEAD: the changes, and the files that git doesn't know and isn't told to ignore. */
async function contentHash(root: string): Promise<string> {
  const [changes, untracked] = await Promise.all([
    git(root, ['diff', 'HEAD', '--binary', '--no-color', '--no-ext-diff', '--no-textconv']),
    git(root, ['ls-files', '--others', '--exclude-standard', '-z']),
  ]);
  const hash = createHash('sha256').update(changes);
  for (const name of untracked.toString('utf8').split('\0').filter(Boolean).sort()) {
    hash.update(`\0${name}\0`).update(await contentOf(join(root, name)));
  }
  return hash.digest('hex').slice(0, 12);
}

async function contentOf(path: string): Promise<Buffer | string> {
  try {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) return await readlink(path);
    return stats.isFile() ? await readFile(path) : '';
  } catch {
    // Gone meanwhile, or not ours to read: it is no part of what can be built either.
    return '';
  }
}

function git(folder: string, args: readonly string[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { encoding: 'buffer', maxBuffer: 512 * 1024 * 1024, env: { ...process.env, LC_ALL: 'C' } } as const;
    execFile('git', ['-C', folder, ...args], options, (error, stdout, stderr) => {
      if (error) reject(Object.assign(error, { said: stderr.toString('utf8').trim() }));
      else resolve(stdout);
    });
  });
}

function explain(error: unknown, folder: string): DevclusterError {
  const { said = '' } = error as { said?: string };
  if (systemCode(error) === 'ENOENT')
    return new DevclusterError('missing', 'NO_GIT', 'There is no program `git`', {
      hint: 'Install git, or leave {{git.…}} and {{image}} out of the definition.',
      cause: error,
    });
  if (/not a git repository/i.test(said))
    return new DevclusterError('usage', 'NOT_A_REPOSITORY', `${folder} is not in a git repository`, {
      hint: 'Run `git init` and commit, or leave {{git.…}} and {{image}} out of the definition.',
      cause: error,
    });
  if (/Needed a single revision|unknown revision|ambiguous argument/i.test(said))
    return new DevclusterError('usage', 'NO_COMMIT', `The git repository of ${folder} has no commit yet`, {
      hint: 'Commit first: the commit names what is deployed.',
      cause: error,
    });
  return new DevclusterError('unexpected', 'GIT_FAILED', `git can't tell about ${folder}: ${said || String(error)}`, {
    cause: error,
  });
}
