import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { skipped } from '../support/skipped.ts';
import { createDockerWorkplace, type DockerWorkplace } from './cluster.ts';
import { startFakeRegistry } from './fake-registry.ts';
import { type OwnEngine, startOwnEngine, whyNoOwnEngine } from './own-engine.ts';

const reason = whyNoOwnEngine();
const none = skipped(reason === undefined, 'engines that fail', reason ?? '');

describe.skipIf(none)('an engine that fails', () => {
  let engine: OwnEngine;
  let place: DockerWorkplace;

  beforeAll(async () => {
    engine = await startOwnEngine({ diskMegabytes: 700 });
    await engine.start();
    place = await createDockerWorkplace({ DOCKER_HOST: `unix://${engine.socketPath}` }, engine.prefix);
    await writeFile(join(place.folder, 'devcluster.yml'), 'version: 1\nnodes: [{ ports: 4 }]\n');
  });

  afterAll(async () => {
    engine?.thaw();
    await place?.close();
    await engine?.close();
  });

  /** A command that is to fail. */
  const failing = async (...args: string[]) => {
    const { code, stdout } = await place.run(...args, '--json');
    return { code, error: JSON.parse(stdout).error };
  };
  /** `up`, and what is done as soon as its containers are made. Should the cluster be ready before, once more. */
  const upUntilStarted = async (act: () => unknown) => {
    for (;;) {
      const { child, ended } = place.start(['up', '--no-samples', '--verbose', '--json']);
      let said = '';
      const onSaid = (chunk: Buffer) => {
        said += chunk;
        if (!/it is starting/.test(said)) return;
        child.stderr?.off('data', onSaid);
        act();
      };
      child.stderr?.on('data', onSaid);
      const { code, stdout } = await ended;
      if (code !== 0) return { code, error: JSON.parse(stdout).error };
      engine.thaw();
      await engine.start();
      await place.json('down');
    }
  };

  it('has no room for what a cluster needs: nothing is left of it, and it is made when there is room', async () => {
    await engine.fillDisk(20);
    const { code, error } = await failing('up', '--no-samples');
    expect({ code, error }).toMatchObject({ code: 3, error: { code: 'DISK_FULL' } });
    expect(error.hint).toContain('docker system df');
    expect((await place.run('status', '--json')).code).toBe(5);
    await engine.emptyDisk();
  });

  it('has no room for an image: what came is kept, and the rest is fetched when there is room', async () => {
    const registry = await startFakeRegistry();
    try {
      const host = await engine.forward(registry.host);
      await registry.put('big', '1', 'x', { kind: 'serves' }, { layers: [2_000_000, 30_000_000] });
      const components = { zookeeper: { engine: 'mesos', image: `${host}/big:1` } };
      await writeFile(join(place.folder, 'images.yml'), JSON.stringify({ engine: 'embedded', components }));
      await engine.fillDisk(20);
      const { code, error } = await failing('images', 'pull', '--config', 'images.yml');
      expect({ code, error }).toMatchObject({ code: 3, error: { code: 'DISK_FULL' } });
      expect(error.hint).toContain('not fetched again');
      await engine.emptyDisk();
      expect(await place.json('images', 'pull', '--config', 'images.yml')).toMatchObject({
        images: [{ pulled: true }],
      });
    } finally {
      await registry.close();
    }
  });

  it('has an image without the program that it should start', async () => {
    const registry = await startFakeRegistry();
    try {
      const image = `${await engine.forward(registry.host)}/empty:1`;
      const config = { Entrypoint: ['/no/such/program'] };
      await registry.put('empty', '1', 'x', { kind: 'serves' }, { config });
      const components = { zookeeper: { engine: 'mesos', image } };
      const nodes = [{ ports: 4 }];
      await writeFile(join(place.folder, 'empty.yml'), JSON.stringify({ nodes, samples: false, components }));
      const { code, error } = await failing('up', '--config', 'empty.yml');
      expect({ code, error }).toMatchObject({ code: 3, error: { code: 'NO_SUCH_PROGRAM' } });
      expect(error.message).toContain(`node-1/zookeeper (${image}) can't be started`);
      expect((await place.run('status', '--json')).code).toBe(5);
    } finally {
      await registry.close();
    }
  });

  it("is killed while a cluster is made: 'up' says so, and goes on when the engine is back", async () => {
    const { code, error } = await upUntilStarted(() => void engine.kill());
    expect({ code, error }).toMatchObject({ code: 3, error: { code: 'NO_DOCKER' } });
    expect((await failing('status')).error.code).toBe('NO_DOCKER');
    await engine.start();
    expect(await place.json('up', '--no-samples')).toMatchObject({ state: 'running' });
    await place.json('down');
    expect((await place.run('status', '--json')).code).toBe(5);
  });

  it("hangs while a cluster is made: 'up' ends nevertheless, and goes on when the engine does", async () => {
    const { code, error } = await upUntilStarted(() => engine.freeze());
    expect({ code, error }).toMatchObject({ code: 3, error: { code: 'NO_DOCKER' } });
    expect(error.message).toContain('does not answer any more');
    engine.thaw();
    expect(await place.json('up', '--no-samples')).toMatchObject({ state: 'running' });
  });
});
