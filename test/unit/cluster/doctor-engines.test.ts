import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runChecks } from '../../../src/cluster/doctor.ts';

/** What `doctor` says where something else than a working engine answers. */
describe('doctor', () => {
  let folder: string;
  let engines = 0;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'doctor-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  const checksOf = (DOCKER_HOST: string, network = false) =>
    runChecks({ root: folder, env: { DOCKER_HOST, HOME: folder }, network });
  /** What an engine means that answers as told. */
  const checksOfEngine = async (answer: RequestListener, network = false) => {
    const server = createServer(answer);
    // Each at a place of its own: connections are kept.
    const path = join(folder, `engine-${++engines}.sock`);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      return await checksOf(`unix://${path}`, network);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  };
  const version = { Version: '28.5.2', ApiVersion: '1.51', Os: 'linux', Arch: 'amd64' };

  it('tells of an engine that takes questions and answers none', async () => {
    const checks = await checksOfEngine(() => {});
    expect(checks.find(({ name }) => name === 'docker')).toMatchObject({
      state: 'note',
      title: expect.stringContaining('does not answer'),
      hint: expect.stringContaining('docker version'),
    });
  });

  it.each<[string, unknown]>([
    ['no JSON', 'it works!'],
    ['nothing', null],
    ['a list', []],
    ['a number', 42],
    ['a refusal', { message: 'no' }],
    ['fields of other kinds', { MemTotal: 'much', NCPU: {}, SecurityOptions: 'none', HttpProxy: 7, Driver: [] }],
    ['options that are no texts', { SecurityOptions: [null, 3], DockerRootDir: 5 }],
    ['images without names', [{ RepoTags: null }, null, { RepoTags: 'x' }]],
  ])('never fails when all that the engine answers is %s', async (_, answer) => {
    const body = typeof answer === 'string' ? answer : JSON.stringify(answer);
    for (const own of [undefined, version]) {
      const checks = await checksOfEngine((request, response) => {
        const isVersion = request.url === '/version' && own !== undefined;
        response.setHeader('content-type', 'application/json');
        response.end(isVersion ? JSON.stringify(own) : body);
      }, true);
      expect(checks.find(({ name }) => name === 'docker')).toMatchObject({ state: own ? 'ok' : 'note' });
      for (const { title, hint = '' } of checks)
        expect(`${title} ${hint}`).not.toMatch(/is not a function|of (undefined|null)|NaN|\[object/);
    }
  });

  it('tells of the registries that the engine can not reach, and what they have', async () => {
    const checks = await checksOfEngine((request, response) => {
      response.setHeader('content-type', 'application/json');
      if (request.url === '/version') return void response.end(JSON.stringify(version));
      if (request.url?.startsWith('/distribution/')) {
        response.statusCode = 500;
        return void response.end(JSON.stringify({ message: 'dial tcp: lookup registry-1.docker.io: no such host' }));
      }
      response.end(request.url === '/info' ? JSON.stringify({ CgroupVersion: '2', MemTotal: 8e9, NCPU: 4 }) : '[]');
    }, true);
    expect(checks.find(({ name }) => name === 'registry')).toMatchObject({
      state: 'warning',
      hint: expect.stringContaining('no such host'),
    });
    expect(checks.find(({ name }) => name === 'images-clusterd')).toMatchObject({ state: 'ok' });
  });
});
