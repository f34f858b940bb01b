import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { splitImage } from '../../../../src/embedded/mesos-agent/docker/engine.ts';
import { authIn, registryAuth, registryOf } from '../../../../src/embedded/mesos-agent/docker/registry-auth.ts';

test.each([
  ['nginx', 'nginx', 'latest'],
  ['nginx:1.2', 'nginx', '1.2'],
  ['registry:5000/a/b', 'registry:5000/a/b', 'latest'],
  ['registry:5000/a/b:c', 'registry:5000/a/b', 'c'],
  ['a/b@sha256:0f', 'a/b', 'sha256:0f'],
])('%s is pulled as %s with the tag %s', (image, name, tag) => {
  expect(splitImage(image)).toEqual({ name, tag });
});

test.each([
  ['nginx', 'https://index.docker.io/v1/'],
  ['me/app:1', 'https://index.docker.io/v1/'],
  ['localhost/app', 'localhost'],
  ['registry:5000/app', 'registry:5000'],
  ['registry.example/a/b', 'registry.example'],
])('%s is of the registry %s', (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});

const auth = Buffer.from('me:pass:word').toString('base64');

test('credentials are found whichever way the registry is written', () => {
  for (const address of ['registry.example', 'https://registry.example', 'https://registry.example/v2/'])
    expect(authIn({ auths: { other: {}, [address]: { auth } } }, 'registry.example/a')).toEqual({
      username: 'me',
      password: 'pass:word',
      serveraddress: 'registry.example',
    });
  expect(authIn({ auths: { 'https://index.docker.io/v1/': { auth } } }, 'nginx')).toMatchObject({ username: 'me' });
  expect(authIn({ auths: { 'registry.example': { auth } } }, 'nginx')).toBeUndefined();
  expect(authIn(undefined, 'nginx')).toBeUndefined();
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'devcluster-auth-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('what the URIs brought into the sandbox comes before the flag, which is JSON or a file', async () => {
  const config = (user: string) => JSON.stringify({ auths: { 'r.io': { username: user, password: 'p' } } });
  const find = async (flag?: string) => (await registryAuth('r.io/a', folder, flag))?.username;
  expect(await find()).toBeUndefined();
  expect(await find(config('flag'))).toBe('flag');
  await writeFile(join(folder, 'file.json'), config('file'));
  expect(await find(join(folder, 'file.json'))).toBe('file');
  expect(await find(`file://${join(folder, 'file.json')}`)).toBe('file');
  await writeFile(join(folder, '.dockercfg'), JSON.stringify({ 'r.io': { auth } }));
  expect(await find(config('flag'))).toBe('me');
  await mkdir(join(folder, '.docker'));
  await writeFile(join(folder, '.docker', 'config.json'), config('sandbox'));
  expect(await find(config('flag'))).toBe('sandbox');
});
