import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { httpCall } from '../../src/support/http-client.ts';
import { retry } from '../../src/support/retry.ts';
import { type ImageSpec, imageConfig, withLayers } from './images/archive.ts';
import type { Entry } from './images/laptop-files.ts';
import { freePort } from './test-engine.ts';

/** Debian's docker-registry, as a process of its own on a loopback port. */
export interface Registry {
  readonly host: string;
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
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
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
  return { host, close: end };
}

/**
 * Puts images into the registry by its own protocol, without an engine. Layers go as they are: packing hundreds of
 * megabytes would take longer than everything else.
 */
export async function publish(
  host: string,
  images: readonly ImageSpec[],
  layers: Readonly<Record<string, readonly Entry[]>>,
): Promise<void> {
  await withLayers(images, layers, async (written) => {
    const homes = new Map<string, string>();
    for (const image of images) {
      const [repository = '', tag = ''] = image.tag.split(':');
      const parts = [];
      for (const name of image.layers) {
        const { file, sha256 } = written.get(name)!;
        const digest = `sha256:${sha256}`;
        const home = homes.get(digest);
        if (home !== repository) await putBlob(host, repository, digest, { file }, home);
        homes.set(digest, repository);
        parts.push({
          mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
          size: statSync(file).size,
          digest,
        });
      }
      const config = imageConfig(image, written);
      const digest = `sha256:${createHash('sha256').update(config).digest('hex')}`;
      await putBlob(host, repository, digest, { content: config });
      const manifest = {
        schemaVersion: 2,
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        config: { mediaType: 'application/vnd.docker.container.image.v1+json', size: config.length, digest },
        layers: parts,
      };
      const reply = await send(host, 'PUT', `/v2/${repository}/manifests/${tag}`, {
        content: Buffer.from(JSON.stringify(manifest)),
        type: manifest.mediaType,
      });
      if (reply.status !== 201) throw new Error(`the registry refuses ${image.tag}: ${reply.status}`);
    }
  });
}

type Body = { content: Buffer; type?: string } | { file: string };

/** @param from another repository that has the blob */
async function putBlob(host: string, repository: string, digest: string, body: Body, from?: string): Promise<void> {
  const mount = from === undefined ? '' : `?mount=${digest}&from=${from}`;
  const begun = await send(host, 'POST', `/v2/${repository}/blobs/uploads/${mount}`);
  if (begun.status === 201) return;
  const upload = new URL(begun.location);
  upload.searchParams.set('digest', digest);
  const done = await send(host, 'PUT', `${upload.pathname}${upload.search}`, body);
  if (done.status !== 201) throw new Error(`the registry refuses ${digest}: ${done.status}`);
}

async function send(
  host: string,
  method: string,
  path: string,
  body?: Body,
): Promise<{ status: number; location: string }> {
  const length = body === undefined ? 0 : 'file' in body ? statSync(body.file).size : body.content.length;
  const type = body && 'type' in body && body.type ? body.type : 'application/octet-stream';
  const call = request(`http://${host}${path}`, {
    method,
    headers: { 'content-length': String(length), 'content-type': type },
  });
  const answered = once(call, 'response');
  if (body && 'file' in body) await pipeline(createReadStream(body.file, { highWaterMark: 1 << 20 }), call);
  else call.end(body?.content);
  const [response] = await answered;
  response.resume();
  await once(response, 'end');
  return { status: response.statusCode, location: response.headers.location ?? '' };
}
