import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/cluster/status.ts';
import { observe, type Status } from '../integration/observe.ts';
import { realZooKeeperMissing } from '../support/real-zookeeper.ts';
import { skipped } from '../support/skipped.ts';
import { createDockerWorkplace, type DockerWorkplace, fewPorts } from './cluster.ts';
import { buildTestImages } from './images/build.ts';
import { testImages } from './images/definitions.ts';
import { engineAnswers } from './test-engine.ts';

const reason = (await engineAnswers()) ? realZooKeeperMissing() : 'no Docker engine answers';
const none = skipped(reason === undefined, 'the real ZooKeeper in Docker', reason ?? '');

const zookeeper = `components: { zookeeper: { engine: mesos, image: '${testImages.zookeeper}' } }\n`;

describe.skipIf(none)('a cluster in Docker with the real ZooKeeper under embedded servers', () => {
  let place: DockerWorkplace;
  let made: StatusDocument;
  let observed: ReturnType<typeof observe>;

  beforeAll(async () => {
    await buildTestImages(new Docker(), [testImages.zookeeper]);
    place = await createDockerWorkplace();
    observed = observe(place);
    await writeFile(join(place.folder, 'devcluster.yml'), fewPorts + zookeeper);
    made = await place.json<StatusDocument>('up', '--no-samples', '--pull', 'never');
  });

  afterAll(async () => {
    await place?.run('down');
    const left = await place?.remains();
    await place?.close();
    expect(left ?? []).toEqual([]);
  });

  it('has a container for each program, in the network of one that holds it', async () => {
    expect(made).toMatchObject({ state: 'running', engine: 'mixed' });
    const holder = await place.inspect('node-1');
    expect(holder.Config.Labels['devcluster.kind']).toBe('holder');
    expect(holder.Config.Hostname).toBe('node-1');
    for (const name of ['node-1-host', 'node-1-zookeeper']) {
      const { HostConfig, Config } = await place.inspect(name);
      expect(Config.Labels['devcluster.kind']).toBe('service');
      expect([`container:${holder.Id}`, `container:${holder.Name.slice(1)}`]).toContain(HostConfig.NetworkMode);
    }
    expect(serviceOf(made, 'node-2', 'zookeeper')).toMatchObject({ engine: 'mesos', image: testImages.zookeeper });
  });

  it('is whole again after a node was killed and started', async () => {
    await place.run('node', 'kill', 'node-2');
    expect(stateOf(await observed.status(), 'node-2')).toBe('failed');
    const { code, stderr } = await place.run('start', 'node-2');
    expect(code, stderr).toBe(0);
    await observed.statusUntil(({ state }) => state === 'running');
  });

  it('gets a node that was cut off back with all of its programs', async () => {
    await place.run('node', 'partition', 'node-3');
    expect(stateOf(await observed.status(), 'node-3')).toBe('partitioned');
    await place.run('node', 'heal', 'node-3');
    await observed.statusUntil(({ state }) => state === 'running');
  });

  it('is degraded while programs are in a network that is no more, and up repairs it', async () => {
    await place.act('node-1', 'restart?t=1');
    expect(stateOf(await observed.status(), 'node-1')).toBe('failed');
    const { code, stdout, stderr } = await place.run('up', '--no-samples', '--pull', 'never');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('(repaired)');
    await observed.statusUntil(({ state }) => state === 'running');
  });

  it('stops and starts ZooKeeper alone', async () => {
    await place.run('stop', 'node-1/zookeeper');
    const stopped = serviceOf(await observed.status(), 'node-1', 'zookeeper');
    expect(stopped).toMatchObject({ state: 'stopped', ready: false });
    expect((await place.run('start', 'node-1/zookeeper')).code).toBe(0);
    await observed.statusUntil(({ state }) => state === 'running');
  });

  it('keeps its data when it is stopped and started', async () => {
    const file = join(place.folder, 'app.json');
    await writeFile(file, JSON.stringify({ id: '/kept', cmd: 'sleep 1000', cpus: 0.1, mem: 32 }));
    expect((await place.run('deploy', file)).code).toBe(0);
    await place.run('stop');
    expect((await place.run('start')).code).toBe(0);
    expect((await place.json<{ id: string }[]>('apps')).map(({ id }) => id)).toEqual(['/kept']);
  });
});

describe.skipIf(none)('a program whose container ends at once', () => {
  it('ends up with its last lines, and nothing is left', async () => {
    const place = await createDockerWorkplace();
    try {
      const wrong = `components: { zookeeper: { engine: mesos, image: '${testImages.zookeeper}', env: { ZOO_TICK_TIME: never } } }\n`;
      await writeFile(join(place.folder, 'devcluster.yml'), fewPorts + wrong);
      const { code, stdout } = await place.run('up', '--no-samples', '--pull', 'never', '--json');
      const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
      expect([code, error.code]).toEqual([3, 'CONFIG_REJECTED']);
      expect(error.message).toMatch(/\/zookeeper ends again and again[\s\S]*never/);
      expect(await place.remains()).toEqual([]);
    } finally {
      await place.close();
    }
  });
});

function stateOf({ nodes }: Status, name: string): string | undefined {
  return nodes.find((node) => node.name === name)?.state;
}

function serviceOf({ nodes }: Pick<Status, 'nodes'>, node: string, component: string) {
  return nodes.find(({ name }) => name === node)?.services.find((service) => service.component === component);
}
