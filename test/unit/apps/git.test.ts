import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gitFacts } from '../../../src/apps/git.ts';
import { findDockerfile, imageName } from '../../../src/apps/image.ts';

let folder: string;
const git = (...args: string[]) =>
  execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'git-')));
});
afterEach(() => rm(folder, { recursive: true }));

describe('the source of a folder', () => {
  it('is its commit and branch, also from a folder below', async () => {
    git('init', '-q', '-b', 'topic/one');
    await writeFile(join(folder, 'a'), '1');
    git('add', '.');
    git('commit', '-qm', 'one');
    await mkdir(join(folder, 'below'));
    const commit = git('rev-parse', 'HEAD');
    expect(await gitFacts(join(folder, 'below'))).toMatchObject({
      commit,
      branch: 'topic/one',
      dirty: false,
      version: commit,
      root: folder,
    });
  });

  it('has a version of its own for each content that is not committed', async () => {
    git('init', '-q');
    await writeFile(join(folder, 'a'), '1');
    await writeFile(join(folder, '.gitignore'), 'ignored\n');
    git('add', '.');
    git('commit', '-qm', 'one');
    const commit = git('rev-parse', 'HEAD');
    const version = async () => (await gitFacts(folder)).version;
    await writeFile(join(folder, 'ignored'), 'x');
    expect(await version()).toBe(commit);
    await writeFile(join(folder, 'a'), '2');
    const changed = await version();
    expect(changed).toMatch(new RegExp(`^${commit}-dirty\\.[0-9a-f]{12}$`));
    await writeFile(join(folder, 'new'), 'x');
    const added = await version();
    await writeFile(join(folder, 'new'), 'y');
    expect(new Set([changed, added, await version()]).size).toBe(3);
    await rm(join(folder, 'new'));
    expect(await version()).toBe(changed);
  });

  it('is missed in words', async () => {
    await expect(gitFacts(folder)).rejects.toMatchObject({ kind: 'usage', code: 'NOT_A_REPOSITORY' });
    git('init', '-q');
    await expect(gitFacts(folder)).rejects.toMatchObject({ kind: 'usage', code: 'NO_COMMIT' });
  });
});

describe('the image of a definition', () => {
  it('is that of the nearest Dockerfile, up to the top of the working tree', async () => {
    const deploy = join(folder, 'service', 'deploy');
    await mkdir(deploy, { recursive: true });
    await writeFile(join(folder, 'Dockerfile'), '');
    expect(findDockerfile(join(deploy, 'marathon.json'), join(folder, 'service'))).toBeUndefined();
    await writeFile(join(folder, 'service', 'Dockerfile'), '');
    expect(findDockerfile(join(deploy, 'marathon.json'), folder)).toBe(join(folder, 'service'));
  });

  it('is called after the folder, or as the user says, with the version as its tag', () => {
    expect(imageName({ name: 'My Shop_Web', version: 'abc' })).toBe('devcluster/my-shop-web:abc');
    expect(imageName({ name: 'x', version: 'abc' }, 'registry.example.com:5000/web')).toBe(
      'registry.example.com:5000/web:abc',
    );
  });
});
