import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpCall } from '../../src/support/http-client.ts';
import { retry } from '../../src/support/retry.ts';
import { type ImageSpec, imageConfig, withLayers } from './images/archive.ts';
import type { Entry } from './images/laptop-files.ts';
import { freePort } from './test-engine.ts';

/** Debian's docker-registry, as a process of its own on a loopback port. */
export interface Registry {
  readonly host: string;
  /** Where its filesystem storage begins. */
  readonly storage: string;
  close(): Promise<void>;
}

export function hasRegistry(): boolean {
  try {
    execFileSync('docker-registry', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export async function startRegistry(): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), 'devcluster-registry-'));
  const host = `127.0.0.1:${await freePort('127.0.0.1')}`;
  const storage = join(folder, 'data');
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: storage } },
    http: { addr: host },
  };
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
  const end = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await retry(async () => httpCall(`http://${host}/v2/`, { timeoutMs: 1000 }), {
      delayMs: 50,
      maxDelayMs: 200,
      signal: AbortSignal.timeout(20_000),
    });
  } catch (error) {
    await end();
    throw error;
  }
  return { host, storage, close: end };
}

/**
 * Puts images into the registry, without an engine. Layers go as they are, and right into its storage: packing hundreds
 * of megabytes, or sending them, would take longer than everything else. The rest goes by its own protocol, by which it
 * sees to it that everything is there.
 */
export async function publish(
  { host, storage }: Registry,
  images: readonly ImageSpec[],
  layers: Readonly<Record<string, readonly Entry[]>>,
): Promise<void> {
  await withLayers(images, layers, async (written) => {
    const sizes = new Map([...written].map(([name, { file }]) => [name, statSync(file).size]));
    for (const [name, { file, sha256 }] of written) {
      const users = images.filter((image) => image.layers.includes(name));
      await store(storage, file, sha256, new Set(users.map(({ tag }) => repositoryOf(tag))));
    }
    for (const image of images) {
      const repository = repositoryOf(image.tag);
      const parts = image.layers.map((name) => ({
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
        size: sizes.get(name)!,
        digest: `sha256:${written.get(name)!.sha256}`,
      }));
      const config = imageConfig(image, written);
      const digest = `sha256:${createHash('sha256').update(config).digest('hex')}`;
      await putBlob(host, repository, digest, config);
      const manifest = {
        schemaVersion: 2,
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        config: { mediaType: 'application/vnd.docker.container.image.v1+json', size: config.length, digest },
        layers: parts,
      };
      const [, tag] = image.tag.split(':');
      const content = Buffer.from(JSON.stringify(manifest));
      const reply = await send(host, 'PUT', `/v2/${repository}/manifests/${tag}`, {
        content,
        type: manifest.mediaType,
      });
      if (reply.status !== 201) throw new Error(`the registry refuses ${image.tag}: ${reply.status}`);
    }
  });
}

function repositoryOf(tag: string): string {
  return tag.split(':')[0] ?? '';
}

/** A file becomes a blob, as the registry's filesystem driver lays them out; each repository that has it links to it. */
async function store(storage: string, file: string, sha256: string, repositories: ReadonlySet<string>): Promise<void> {
  const root = join(storage, 'docker', 'registry', 'v2');
  const blob = join(root, 'blobs', 'sha256', sha256.slice(0, 2), sha256);
  await mkdir(blob, { recursive: true });
  await rename(file, join(blob, 'data'));
  for (const repository of repositories) {
    const layer = join(root, 'repositories', repository, '_layers', 'sha256', sha256);
    await mkdir(layer, { recursive: true });
    await writeFile(join(layer, 'link'), `sha256:${sha256}`);
  }
}

async function putBlob(host: string, repository: string, digest: string, content: Buffer): Promise<void> {
  const begun = await send(host, 'POST', `/v2/${repository}/blobs/uploads/`);
  const upload = new URL(begun.location);
  upload.searchParams.set('digest', digest);
  const done = await send(host, 'PUT', `${upload.pathname}${upload.search}`, { content });
  if (done.status !== 201) throw new Error(`the registry refuses ${digest}: ${done.status}`);
}

async function send(
  host: string,
  method: string,
  path: string,
  { content, type }: { content?: Buffer; type?: string } = {},
): Promise<{ status: number; location: string }> {
  const call = request(`http://${host}${path}`, {
    method,
    headers: { 'content-length': String(content?.length ?? 0), 'content-type': type ?? 'application/octet-stream' },
  });
  const answered = once(call, 'response');
  call.end(content);
  const [response] = await answered;
  response.resume();
  await once(response, 'end');
  return { status: response.statusCode, location: response.headers.location ?? '' };
}
