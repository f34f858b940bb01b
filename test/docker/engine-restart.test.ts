import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { observe } from '../integration/observe.ts';
import { skipped } from '../support/skipped.ts';
import { createDockerWorkplace, type DockerWorkplace } from './cluster.ts';
import { type OwnEngine, startOwnEngine, whyNoOwnEngine } from './own-engine.ts';

const reason = whyNoOwnEngine();
const none = skipped(reason === undefined, 'clusters whose engine is restarted', reason ?? '');

describe.skipIf(none)('a cluster whose Docker engine is restarted', () => {
  let engine: OwnEngine;
  let place: DockerWorkplace;
  let observed: ReturnType<typeof observe>;

  beforeAll(async () => {
    engine = await startOwnEngine();
    await engine.start();
    place = await createDockerWorkplace({ DOCKER_HOST: `unix://${engine.socketPath}` }, engine.prefix);
    observed = observe(place);
    await place.json('up', '--no-samples');
  });

  afterAll(async () => {
    await place?.close();
    await engine?.close();
  });

  it('is whole again without anybody’s help', async () => {
    await engine.stop();
    const { code, stderr } = await place.run('status');
    expect([code, stderr]).toEqual([3, expect.stringContaining('No Docker engine answers')]);
    await engine.start();
    await observed.statusUntil(({ state }) => state === 'running');
  });

  it('goes on all the while where the engine keeps its containers (live-restore)', async () => {
    await engine.stop();
    await engine.start('--live-restore');
    await observed.statusUntil(({ state }) => state === 'running');
    const host = ['sh', '-c', 'stat -c %Y /run/devcluster/pid.json'];
    const before = await place.run('exec', 'node-1', '--', ...host);
    await engine.stop();
    await engine.start('--live-restore');
    await observed.statusUntil(({ state }) => state === 'running');
    expect((await place.run('exec', 'node-1', '--', ...host)).stdout).toBe(before.stdout);
  });
});
