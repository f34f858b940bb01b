import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askEngine, loadClient } from '../../../src/runtime/docker/client.ts';
import type { EngineEndpoint } from '../../../src/runtime/docker/endpoint.ts';
import { surveyEngine } from '../../../src/runtime/docker/survey.ts';
import { skipped } from '../../support/skipped.ts';

let folder: string;
let servers: Server[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'devcluster-engine-'));
  servers = [];
});
afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

/** An engine as far as it says who it is. */
const engine =
  (version: object): RequestListener =>
  (request, response) => {
    const path = request.url?.replace(/^\/v[\d.]+/, '');
    const answers: Record<string, unknown> = {
      '/version': version,
      '/info': { CgroupVersion: '2' },
      '/images/json': [{ RepoTags: ['zookeeper:3.9'] }, { RepoTags: null }],
    };
    const answer = answers[path ?? ''];
    response.writeHead(answer ? 200 : 404, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(answer ?? { message: 'page not found' }));
  };
const current = { Version: '27.1.0', ApiVersion: '1.46', Os: 'linux', Arch: 'arm64' };

async function listen(server: Server, where: { path: string } | { port: number; host: string }): Promise<void> {
  servers.push(server);
  server.listen(where);
  await once(server, 'listening');
}

async function onSocket(handler: RequestListener): Promise<EngineEndpoint> {
  const socketPath = join(folder, 'docker.sock');
  await listen(createServer(handler), { path: socketPath });
  return { from: 'DOCKER_HOST', kind: 'unix', socketPath };
}

describe('a Docker engine', () => {
  it('says who it is, on a socket and over TCP', async () => {
    const facts = { version: '27.1.0', apiVersion: '1.46', os: 'linux', arch: 'arm64' };
    expect(await askEngine(await onSocket(engine(current)), 5000)).toEqual(facts);
    const server = createServer(engine(current));
    await listen(server, { port: 0, host: '127.0.0.1' });
    const { port } = server.address() as AddressInfo;
    expect(await askEngine({ from: 'DOCKER_HOST', kind: 'tcp', host: '127.0.0.1', port }, 5000)).toEqual(facts);
  });

  it.each([
    ['20.10', { version: '20.10.24+dfsg1', apiVersion: '1.41' }],
    ['26.1', { version: '26.1.5+dfsg1', apiVersion: '1.45' }],
    ['28.5', { version: '28.5.2+dfsg4', apiVersion: '1.51' }],
    ['podman-5.8', { version: '5.8.6', apiVersion: '1.44', podman: true }],
  ])('is known by what it says of itself: %s', async (name, facts) => {
    const file = new URL(`../../fixtures/docker/engine-${name}.json`, import.meta.url);
    const endpoint = await onSocket(engine(JSON.parse(readFileSync(file, 'utf8')).version));
    expect(await askEngine(endpoint, 5000)).toEqual({ os: 'linux', arch: 'amd64', ...facts });
  });

  it('is surveyed with the images it has', async () => {
    await onSocket(engine(current));
    expect(await surveyEngine({ DOCKER_HOST: `unix://${folder}/docker.sock` })).toEqual({
      available: true,
      version: '27.1.0',
      traits: { arch: 'arm64', cgroups: 'v2' },
      images: new Set(['zookeeper:3.9']),
    });
    expect(await surveyEngine({ DOCKER_HOST: `unix://${folder}/none` })).toMatchObject({
      available: false,
      reason: expect.stringContaining('No Docker engine answers'),
    });
  });

  it.each([
    ['too old', { Version: '18.09', ApiVersion: '1.39', Os: 'linux' }, 'DOCKER_TOO_OLD'],
    ['for Windows containers', { Version: '27', ApiVersion: '1.46', Os: 'windows' }, 'DOCKER_NOT_LINUX'],
    ['something else', {}, 'NO_DOCKER'],
  ])('is refused when it is %s', async (_, version, code) => {
    await expect(askEngine(await onSocket(engine(version)), 5000)).rejects.toMatchObject({
      kind: 'missing',
      code,
      hint: expect.stringContaining('--runtime process'),
    });
  });

  it('that does not answer is given up', async () => {
    const silent = await onSocket(() => {});
    await expect(askEngine(silent, 50)).rejects.toMatchObject({ code: 'NO_DOCKER' });
  });

  const noOpenssl = skipped(hasOpenssl(), 'engines by TLS', 'there is no openssl to make certificates with');
  it.skipIf(noOpenssl)('is spoken to by TLS, and only when its certificate is trusted', async () => {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=engine', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert];
    execFileSync('openssl', [...make, ...subject], { stdio: 'ignore' });
    const own = { cert: await readFile(cert), key: await readFile(key) };
    const server = createTlsServer({ ...own, ca: own.cert, requestCert: true }, engine(current));
    await listen(server, { port: 0, host: '127.0.0.1' });
    const { port } = server.address() as AddressInfo;
    const at = (tls: object) =>
      ({ from: 'DOCKER_HOST', kind: 'tcp', host: '127.0.0.1', port, tls: { verify: true, ...tls } }) as EngineEndpoint;
    expect(await askEngine(at({ ...own, ca: own.cert }), 5000)).toMatchObject({ version: '27.1.0' });
    expect(await (await loadClient(at({ ...own, ca: own.cert }))).version()).toMatchObject({ Version: '27.1.0' });
    expect(await (await loadClient(at({ ...own, verify: false }))).version()).toMatchObject({ Version: '27.1.0' });
    await expect(askEngine(at({}), 5000)).rejects.toMatchObject({ code: 'DOCKER_TLS' });
  });

  const notRoot = skipped(process.getuid?.() === 0, 'a socket without permission', 'it needs another user to be');
  it.skipIf(notRoot)('says what to do when this user may not speak to it', async () => {
    const endpoint = await onSocket(engine(current));
    process.seteuid!(65534);
    try {
      await expect(askEngine(endpoint, 5000)).rejects.toMatchObject({
        code: 'DOCKER_NO_PERMISSION',
        hint: expect.stringContaining('usermod -aG docker'),
      });
    } finally {
      process.seteuid!(0);
    }
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
