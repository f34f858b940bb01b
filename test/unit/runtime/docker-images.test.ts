import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { describe, expect, it } from 'vitest';
import { explainPull, isTransient } from '../../../src/runtime/docker/images/explain.ts';
import { countLayers, describe as describeLayers } from '../../../src/runtime/docker/images/layers.ts';
import { oldTags } from '../../../src/runtime/docker/images/prune.ts';
import { pullImage } from '../../../src/runtime/docker/images/pull.ts';
import { nameOf, parseReference } from '../../../src/runtime/docker/images/reference.ts';
import { pullErrors } from './pull-errors.ts';

describe('references of images', () => {
  it('are taken apart as the engine does it', () => {
    expect(parseReference('zookeeper:3.9')).toEqual({
      registry: 'docker.io',
      repository: 'library/zookeeper',
      tag: '3.9',
      digest: undefined,
    });
    expect(parseReference('avhost/mesos-mini')).toMatchObject({
      registry: 'docker.io',
      repository: 'avhost/mesos-mini',
      tag: 'latest',
    });
    expect(parseReference('localhost/x:1')).toMatchObject({ registry: 'localhost', repository: 'x', tag: '1' });
    expect(parseReference('127.0.0.1:5000/a/b@sha256:ff')).toEqual({
      registry: '127.0.0.1:5000',
      repository: 'a/b',
      tag: undefined,
      digest: 'sha256:ff',
    });
    expect(nameOf('127.0.0.1:5000/a/b:1')).toBe('127.0.0.1:5000/a/b');
    expect(nameOf('127.0.0.1:5000/a/b')).toBe('127.0.0.1:5000/a/b');
  });
});

describe('a pull as people see it', () => {
  it('counts layers and what came of them', () => {
    const layers = countLayers();
    expect(describeLayers(layers.state)).toBe('asking the registry');
    layers.add({ status: 'Pulling from library/zookeeper', id: '3.9' });
    layers.add({ status: 'Already exists', id: 'aaaaaaaaaaaa' });
    layers.add({ status: 'Pulling fs layer', id: 'bbbbbbbbbbbb' });
    layers.add({ status: 'Downloading', id: 'bbbbbbbbbbbb', progressDetail: { current: 1_500_000, total: 6_000_000 } });
    expect(describeLayers(layers.state)).toBe('1 of 2 layers, 1.5 of 6.0 MB');
    layers.add({ status: 'Retrying in 5 seconds', id: 'bbbbbbbbbbbb' });
    expect(describeLayers(layers.state)).toBe('1 of 2 layers, 1.5 of 6.0 MB, retrying in 5 seconds');
    expect(layers.unpacking).toBe(false);
    layers.add({ status: 'Download complete', id: 'bbbbbbbbbbbb' });
    expect(layers.unpacking).toBe(true);
    layers.add({ status: 'Extracting', id: 'bbbbbbbbbbbb' });
    layers.add({ status: 'Pull complete', id: 'bbbbbbbbbbbb' });
    expect(describeLayers(layers.state)).toBe('2 of 2 layers, 6.0 of 6.0 MB');
  });
});

describe('what goes wrong with a pull', () => {
  const request = { reference: 'mesosphere/mesos:9', fallbacks: ['other/mesos:1'], loggedIn: false };

  it.each(pullErrors)('$code, as engine $engine says it: $text', ({ text, code }) => {
    const error = explainPull(text, request);
    expect(error).toMatchObject({ code, kind: code === 'BAD_IMAGE_REFERENCE' ? 'usage' : 'missing' });
    expect(error.hint).toBeTruthy();
    if (error.kind === 'missing') expect(error.message).toContain(text);
  });

  it('is told of the lock file where the content that it names is gone', () => {
    const pinned = explainPull('manifest unknown', { ...request, digest: `sha256:${'ab'.repeat(32)}` });
    expect(pinned).toMatchObject({ code: 'NO_SUCH_IMAGE', message: expect.stringContaining('devcluster.lock') });
    expect(pinned.hint).toContain('images pull --update');
  });

  const engine = (answers: (string | Error)[]) => {
    const asked: string[] = [];
    const image = {
      Id: 'sha256:1',
      RepoDigests: ['mesosphere/mesos@sha256:ab'],
      Os: 'linux',
      Architecture: 'amd64',
      Size: 5,
    };
    const docker = {
      // As engines that know no other platform of it.
      modem: { dial: (_: unknown, done: (error: null, found: object) => void) => done(null, image) },
      async pull(reference: string, options: { abortSignal: AbortSignal }) {
        asked.push(reference);
        const answer = answers.shift() ?? '';
        if (answer === 'nothing')
          return new Promise((_, reject) =>
            options.abortSignal.addEventListener('abort', () => reject(options.abortSignal.reason)),
          );
        if (typeof answer !== 'string') throw answer;
        // In pieces that end anywhere.
        return Readable.from(answer.match(/.{1,7}/gs) ?? []);
      },
      getImage: () => ({ inspect: async () => image }),
    } as unknown as Docker;
    return { docker, asked };
  };
  const pull = (docker: Docker, platform?: string, signal = new AbortController().signal) =>
    pullImage(docker, {
      reference: 'mesosphere/mesos:9',
      fallbacks: [],
      onProgress() {},
      signal,
      retryDelayMs: 1,
      silenceMs: 5,
      ...(platform ? { platform } : {}),
    });
  const line = (message: object) => `${JSON.stringify(message)}\r\n`;

  it('is said in the middle of the stream, whose status was fine', async () => {
    const { docker } = engine([
      line({ status: 'Pulling fs layer', id: 'aaaaaaaaaaaa' }) +
        line({ errorDetail: { message: 'no space left on device' }, error: 'no space left on device' }),
    ]);
    await expect(pull(docker)).rejects.toMatchObject({ code: 'DISK_FULL' });
  });

  it('is tried again when it may pass, and goes on where it was', async () => {
    const { docker, asked } = engine([
      Object.assign(new Error('x'), {
        statusCode: 500,
        json: { message: 'Get "https://x/v2/": net/http: TLS handshake timeout' },
      }),
      line({ error: 'unexpected EOF' }),
      line({ status: 'Status: Downloaded newer image' }),
    ]);
    expect(await pull(docker)).toMatchObject({ digest: 'sha256:ab', platform: 'linux/amd64', bytes: 5 });
    expect(asked).toHaveLength(3);
    expect(isTransient('manifest unknown')).toBe(false);
  });

  it('is told after some tries, and not tried again when it will not pass', async () => {
    const moody = engine(Array.from({ length: 9 }, () => line({ error: 'unexpected EOF' })));
    await expect(pull(moody.docker)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(moody.asked).toHaveLength(4);
    const gone = engine([line({ error: 'manifest unknown' })]);
    await expect(pull(gone.docker)).rejects.toMatchObject({ code: 'NO_SUCH_IMAGE' });
    expect(gone.asked).toHaveLength(1);
  });

  it('is a registry that says nothing, which nobody waits for without end', async () => {
    const { docker, asked } = engine(Array.from({ length: 9 }, () => 'nothing'));
    await expect(pull(docker)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('it has sent nothing for'),
    });
    expect(asked).toHaveLength(4);
  });

  it('is an image for another platform than was asked for', async () => {
    await expect(pull(engine(['']).docker, 'linux/arm64')).rejects.toMatchObject({ code: 'WRONG_PLATFORM' });
    expect(await pull(engine(['']).docker, 'linux/amd64')).toMatchObject({ platform: 'linux/amd64' });
  });

  it('is an engine that goes away, whose error is left as it is', async () => {
    const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    await expect(pull(engine([lost]).docker)).rejects.toBe(lost);
  });

  it('is an interruption', async () => {
    const stop = new AbortController();
    stop.abort(new Error('stopped'));
    await expect(pull(engine(['']).docker, undefined, stop.signal)).rejects.toThrow('stopped');
  });
});

describe('old images of our own making', () => {
  const tag = (reference: string, group: string, created: number) => ({
    reference,
    group,
    created,
    id: reference,
    bytes: 1,
  });

  it('are all but the newest of each kind and those in use', () => {
    const tags = [
      tag('node:a', 'node', 1),
      tag('node:b', 'node', 3),
      tag('node:c', 'node', 2),
      tag('app:a', 'app', 1),
      tag('app:b', 'app', 2),
    ];
    expect(oldTags(tags, new Set(), 1).map(({ reference }) => reference)).toEqual(['node:c', 'node:a', 'app:a']);
    expect(oldTags(tags, new Set(['node:a']), 1).map(({ reference }) => reference)).toEqual(['node:c', 'app:a']);
    expect(oldTags(tags, new Set(), 5)).toEqual([]);
    expect(oldTags(tags, new Set(), 0)).toHaveLength(5);
  });

  it('are what has lost its name, however new, unless it is in use', () => {
    const tags = [tag('node:a', 'node', 1), { ...tag('sha256:1', 'node', 2), nameless: true as const }];
    expect(oldTags(tags, new Set(), 1).map(({ reference }) => reference)).toEqual(['sha256:1']);
    expect(oldTags(tags, new Set(['sha256:1']), 1)).toEqual([]);
  });
});
