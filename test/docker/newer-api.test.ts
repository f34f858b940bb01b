import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpCall } from '../../src/support/http-client.ts';
import { skipped } from '../support/skipped.ts';
import { createDockerWorkplace, type DockerWorkplace } from './cluster.ts';
import { type NewerApi, startNewerApi } from './newer-api.ts';
import { engineAnswers, socketPath, testEngine } from './test-engine.ts';
import { httpServer, makeTinyImage, tinyImage } from './tiny-image.ts';

const none = skipped(await engineAnswers(), 'clusters by the API of Docker 29', 'no Docker engine answers');

describe.skipIf(none)('a cluster by the API as Docker 29 has it', () => {
  let api: NewerApi;
  let place: DockerWorkplace;

  beforeAll(async () => {
    await makeTinyImage(testEngine);
    api = await startNewerApi(socketPath);
    place = await createDockerWorkplace({ DOCKER_HOST: `unix://${api.socketPath}` });
    await writeFile(join(place.folder, 'devcluster.yml'), 'version: 1\nnodes: [{ ports: 4 }]\n');
  });
  afterAll(async () => {
    await place?.close();
    await api?.close();
  });

  it('comes up, runs Docker tasks, and goes, and nothing is asked for in a version that is refused', async () => {
    await place.json('up', '--no-samples');
    const [bound] = (await place.inspect('node-1')).Mounts.filter(({ Type }) => Type === 'bind');
    expect(bound?.Source).toBe(api.socketPath);
    const file = join(place.folder, 'web.json');
    const web = {
      id: '/web',
      cmd: httpServer(8080, 'served'),
      cpus: 0.1,
      mem: 32,
      container: {
        type: 'DOCKER',
        docker: { image: tinyImage },
        portMappings: [{ containerPort: 8080, hostPort: 0, name: 'http' }],
      },
      networks: [{ mode: 'container/bridge' }],
      healthChecks: [{ protocol: 'MESOS_HTTP', path: '/', portIndex: 0, delaySeconds: 0, intervalSeconds: 1 }],
    };
    await writeFile(file, JSON.stringify(web));
    await place.json('deploy', file);
    const [app] = await place.json<{ tasks: { ports: number[] }[] }[]>('apps');
    const reply = await httpCall(`http://127.0.0.1:${app!.tasks[0]!.ports[0]}/`, { timeoutMs: 10_000 });
    expect(reply.body.toString()).toBe('served');
    expect((await place.run('exec', 'app:/web', '--', 'cat', '/proc/self/comm')).stdout).toBe('cat\n');
    expect((await place.run('logs', 'app:/web')).stdout).toContain('listening');
    expect((await place.run('doctor')).stdout).toContain('Docker 29.0.0 (API 1.52');
    expect((await place.run('down')).code).toBe(0);
    expect(await place.remains()).toEqual([]);
    expect({ refused: api.refused, versions: [...api.versions].sort() }).toEqual({
      refused: [],
      versions: ['1.44', 'newest'],
    });
  });

  it('and a client that asks for an older version is told so', async () => {
    const reply = await httpCall('http://docker/v1.41/containers/json', { socketPath: api.socketPath });
    expect([reply.status, reply.body.toString()]).toEqual([400, expect.stringContaining('1.41 is too old')]);
  });
});
