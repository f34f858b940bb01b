import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWorkplace, type Workplace } from './devcluster.ts';

interface AppDocument {
  id: string;
  instances: number;
  tasksRunning: number;
  tasksHealthy: number;
  version: string;
  tasks: { id: string; host: string; ports: number[]; healthy?: boolean }[];
}

let place: Workplace;
const app = async (id: string) => (await place.json<AppDocument[]>('apps')).find((candidate) => candidate.id === id);
const definition = (name: string, content: unknown) => writeFile(join(place.folder, name), JSON.stringify(content));

beforeAll(async () => {
  place = await createWorkplace();
  const up = await place.run('up', '--no-samples');
  expect(up.code, up.stderr).toBe(0);
});
afterAll(() => place.close());

describe("an app's life", () => {
  it('is deployed from an ordinary definition, scaled, updated, rolled back and removed', async () => {
    const serve =
      "require('http').createServer((q, s) => s.end(process.env.WORD)).listen(process.env.PORT0, process.env.HOST)";
    await definition('my-app.json', {
      id: '/my-app',
      args: [process.execPath, '-e', serve],
      env: { WORD: 'first' },
      cpus: 0.1,
      mem: 32,
      healthChecks: [{ protocol: 'HTTP', path: '/', intervalSeconds: 1, gracePeriodSeconds: 10 }],
    });
    const { deployments } = await place.json<{ deployments: { state: string; apps: string[] }[] }>(
      'deploy',
      'my-app.json',
    );
    expect(deployments).toMatchObject([{ state: 'success', apps: ['/my-app'] }]);
    const first = await app('/my-app');
    expect(first).toMatchObject({ instances: 1, tasksRunning: 1, tasksHealthy: 1 });
    const word = async () => {
      const task = (await app('/my-app'))!.tasks[0]!;
      return (await fetch(`http://${task.host}:${task.ports[0]}/`)).text();
    };
    expect(await word()).toBe('first');

    await place.json('scale', '/my-app', '3');
    expect(await app('/my-app')).toMatchObject({ instances: 3, tasksRunning: 3 });

    await place.json('update', 'my-app', '--set', 'env.WORD=second');
    expect(await word()).toBe('second');

    await place.json('rollback', '/my-app', '--to', first!.version);
    expect(await word()).toBe('first');
    expect((await app('/my-app'))?.instances).toBe(1);

    const before = (await app('/my-app'))!.tasks[0]!.id;
    await place.json('restart-app', '/my-app');
    expect((await app('/my-app'))!.tasks[0]!.id).not.toBe(before);

    await place.json('remove', '/my-app');
    expect(await app('/my-app')).toBeUndefined();
  });

  it('a pod is listed with the apps, and its containers as its tasks', async () => {
    const container = (name: string) => ({
      name,
      exec: { command: { shell: 'sleep 1000' } },
      resources: { cpus: 0.1, mem: 32 },
      endpoints: [{ name, hostPort: 0 }],
    });
    const pod = {
      id: '/duo/pair',
      containers: [container('a'), container('b')],
      scaling: { kind: 'fixed', instances: 2 },
    };
    await definition('duo.json', { id: '/duo', pods: [pod] });
    await place.json('deploy', 'duo.json');
    const listed = await app('/duo/pair');
    expect(listed).toMatchObject({ pod: true, instances: 2, tasksRunning: 4, deployments: [] });
    expect(listed!.tasks.map(({ id, ports }) => [/\.([ab])\.1$/.exec(id)?.[1], ports.length])).toEqual(
      [...'abab'].map((name) => [name, 1]),
    );
    expect((await place.run('apps')).stdout).toMatch(/^\/duo\/pair +2\/2 .* pod$/m);
    await place.json('remove', '/duo');
  });

  it('shows what its tasks write', async () => {
    await definition('talker.json', {
      id: '/talker',
      cmd: 'echo to-stdout; echo to-stderr >&2; sleep 1000',
      cpus: 0.1,
      mem: 16,
    });
    await place.json('deploy', 'talker.json');
    const { ended, child } = place.start(['logs', 'app:/talker', '-f']);
    let seen = '';
    await new Promise<void>((resolve) => {
      child.stdout?.on('data', (chunk) => {
        seen += chunk;
        if (seen.includes('to-stdout') && seen.includes('to-stderr')) resolve();
      });
    });
    child.kill('SIGINT');
    await ended;
    expect(seen).toContain('to-stdout');
    await place.json('remove', '/talker');
  });
});

describe('what cannot run', () => {
  it('an app that no offer fits is explained while waiting, and left running after the time limit', async () => {
    await definition('big.json', { id: '/big', cmd: 'sleep 1', cpus: 1000 });
    const result = await place.run('deploy', 'big.json', '--timeout', '4');
    expect(result.code).toBe(7);
    expect(result.stderr).toContain('no node has enough cpus free');
    expect((await app('/big'))?.instances).toBe(1);
    await place.json('remove', '/big', '--force');
  });

  it('a definition that fails Marathon’s validation is refused with the paths', async () => {
    await definition('bad.json', { id: '/Bad_Id', cmd: 'sleep 1', instances: -1 });
    const result = await place.run('deploy', 'bad.json');
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/\/id: |\/instances: /);
    expect(await app('/Bad_Id')).toBeUndefined();
  });

  it('a file that is no JSON is refused with its line', async () => {
    await writeFile(join(place.folder, 'broken.json'), '{\n "id": "/x",,\n}');
    const result = await place.run('deploy', 'broken.json', '--json');
    expect(result.code).toBe(2);
    expect(JSON.parse(result.stdout).error).toMatchObject({
      code: 'NOT_A_DEFINITION',
      message: expect.stringContaining('line 2'),
    });
  });

  it('a Docker-image app is refused at once with the way out', async () => {
    await definition('image.json', { id: '/image', container: { type: 'DOCKER', docker: { image: 'nginx:1' } } });
    const result = await place.run('deploy', 'image.json', '--json');
    expect(result.code).toBe(3);
    expect(JSON.parse(result.stdout).error).toMatchObject({
      code: 'NO_CONTAINERS',
      hint: expect.stringContaining('--runtime docker'),
    });
  });

  it('an unknown app is exit code 5', async () => {
    for (const args of [
      ['scale', '/none', '1'],
      ['remove', '/none'],
      ['rollback', '/none'],
      ['logs', 'app:/none'],
    ])
      expect((await place.run(...args)).code, args.join(' ')).toBe(5);
  });
});
