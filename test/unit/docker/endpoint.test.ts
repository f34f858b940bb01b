import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeEndpoint, engineEndpoint, isLocal } from '../../../src/runtime/docker/endpoint.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'devcluster-docker-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const found = (env: Record<string, string> = {}) => engineEndpoint({ HOME: home, ...env });

async function addContext(name: string, docker: object, tls: Record<string, string> = {}): Promise<void> {
  const id = createHash('sha256').update(name).digest('hex');
  const meta = join(home, '.docker', 'contexts', 'meta', id);
  await mkdir(meta, { recursive: true });
  await writeFile(join(meta, 'meta.json'), JSON.stringify({ Name: name, Endpoints: { docker } }));
  if (Object.keys(tls).length === 0) return;
  const folder = join(home, '.docker', 'contexts', 'tls', id, 'docker');
  await mkdir(folder, { recursive: true });
  for (const [file, content] of Object.entries(tls)) await writeFile(join(folder, file), content);
}

const configure = (config: object) =>
  mkdir(join(home, '.docker'), { recursive: true }).then(() =>
    writeFile(join(home, '.docker', 'config.json'), JSON.stringify(config)),
  );

describe('which Docker engine is used', () => {
  it('is the one that DOCKER_HOST names', () => {
    expect(found({ DOCKER_HOST: 'unix:///run/user/7/docker.sock' })).toEqual({
      from: 'DOCKER_HOST',
      kind: 'unix',
      socketPath: '/run/user/7/docker.sock',
    });
    expect(found({ DOCKER_HOST: 'tcp://build:2400' })).toMatchObject({ kind: 'tcp', host: 'build', port: 2400 });
    expect(found({ DOCKER_HOST: 'tcp://[::1]' })).toMatchObject({ host: '::1', port: 2375 });
  });

  it('is spoken to by TLS with the certificates of DOCKER_CERT_PATH', async () => {
    const certs = join(home, 'certs');
    await mkdir(certs);
    for (const name of ['ca', 'cert', 'key']) await writeFile(join(certs, `${name}.pem`), name);
    const env = { DOCKER_HOST: 'tcp://far', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certs };
    expect(found(env)).toMatchObject({
      port: 2376,
      tls: { verify: true, ca: Buffer.from('ca'), cert: Buffer.from('cert'), key: Buffer.from('key') },
    });
  });

  it('is that of the current context, unless DOCKER_CONTEXT names another', async () => {
    await addContext('rootless', { Host: 'unix:///run/user/7/docker.sock' });
    await addContext('build', { Host: 'tcp://build:2376', SkipTLSVerify: true }, { 'ca.pem': 'ca' });
    await configure({ currentContext: 'rootless' });
    expect(found()).toMatchObject({ from: "the Docker context 'rootless'", socketPath: '/run/user/7/docker.sock' });
    expect(found({ DOCKER_CONTEXT: 'build' })).toMatchObject({
      host: 'build',
      tls: { verify: false, ca: Buffer.from('ca') },
    });
    expect(found({ DOCKER_HOST: 'tcp://other:1' })).toMatchObject({ host: 'other' });
  });

  it('is said to be missing when its context is', async () => {
    await configure({ currentContext: 'gone' });
    expect(() => found()).toThrow(/the Docker context 'gone' can't be read/);
  });

  it('is not guessed from a configuration that can not be read', async () => {
    await mkdir(join(home, '.docker'), { recursive: true });
    await writeFile(join(home, '.docker', 'config.json'), '{');
    expect(() => found()).toThrow(/config\.json can't be read/);
  });

  it('is refused over SSH with a way that works', () => {
    expect(() => found({ DOCKER_HOST: 'ssh://me@far:2222' })).toThrow(
      expect.objectContaining({ code: 'DOCKER_OVER_SSH', hint: expect.stringContaining('-p 2222 me@far') }),
    );
  });

  it.each(['build:2375', 'unix://docker.sock', 'tcp://:x'])('is refused when it makes no sense: %s', (host) => {
    expect(() => found({ DOCKER_HOST: host })).toThrow(expect.objectContaining({ code: 'BAD_DOCKER_HOST' }));
  });

  it('is local or not by its address', () => {
    const local = (host: string) => isLocal(found({ DOCKER_HOST: host }));
    expect(['unix:///d.sock', 'tcp://localhost:1', 'tcp://127.0.0.1:1', 'tcp://build:1'].map(local)).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(describeEndpoint(found({ DOCKER_HOST: 'tcp://[::1]:5' }))).toBe('tcp://[::1]:5');
  });
});
