import { execFileSync, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/cluster/status.ts';
import { skipped } from '../support/skipped.ts';
import { createDockerWorkplace, type DockerWorkplace } from './cluster.ts';
import { engineAnswers, testEngine } from './test-engine.ts';
import { httpServer, makeTinyImage, tinyImage } from './tiny-image.ts';

const program = spawnSync('docker', ['version']).status === 0;
const none = skipped((await engineAnswers()) && program, "a developer's day in Docker", 'no docker program or engine');
const planted = 'pl4nted-in-docker';

describe.skipIf(none)("a developer's day in Docker", () => {
  let place: DockerWorkplace;
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', place.folder, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
      encoding: 'utf8',
    }).trim();
  const write = (name: string, content: string) => writeFile(join(place.folder, name), content);
  /** Of its own for each run, since images are shared by all of the engine's users. */
  const image = () => `devcluster-test/${place.cluster}`;
  const deploy = (...args: string[]) => place.run('deploy', '--image', image(), ...args);

  beforeAll(async () => {
    place = await createDockerWorkplace();
    await makeTinyImage(testEngine);
    await place.json('up', '--no-samples');
  });

  afterAll(async () => {
    await place?.run('down');
    if (place)
      for (const tag of execFileSync('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}', image()], {
        encoding: 'utf8',
      })
        .split('\n')
        .filter(Boolean))
        spawnSync('docker', ['rmi', '--force', tag]);
    const left = await place?.remains();
    await place?.close();
    expect(left ?? []).toEqual([]);
  });

  it('builds the source into an image named by the commit, and deploys it with its secrets', async () => {
    const { ended } = place.start(['secret', 'set', 'DB'], {}, planted);
    expect((await ended).code).toBe(0);
    git('init', '-q');
    await write('.gitignore', 'state\nconfig\n');
    await write('.dockerignore', 'state\nconfig\n');
    await write('word', 'first\n');
    await write('Dockerfile', `FROM ${tinyImage}\nCOPY word /word\n`);
    const app = {
      id: '/shop/web',
      cmd: `echo "got \${#DB} $(cat /keys/db | wc -c) $(cat /word)" || true; ${httpServer(8080, 'hello')}`,
      cpus: 0.1,
      mem: 32,
      env: { DB: '{{secret.DB}}' },
      networks: [{ mode: 'container/bridge' }],
      container: {
        type: 'DOCKER',
        docker: { image: '{{image}}' },
        portMappings: [{ containerPort: 8080, hostPort: 0 }],
        volumes: [{ containerPath: '/keys/db', secret: '{{secret.DB}}' }],
      },
      healthChecks: [{ protocol: 'HTTP', path: '/', intervalSeconds: 1, gracePeriodSeconds: 20 }],
    };
    await write('marathon.json', JSON.stringify(app));
    git('add', '.');
    git('commit', '-qm', 'first');
    const { code, stdout, stderr } = await deploy();
    expect(code, stdout + stderr).toBe(0);
    const commit = git('rev-parse', 'HEAD');
    expect(stderr).toContain(`image ${image()}:${commit} built`);
    expect(await place.json('history', '/shop/web')).toMatchObject([{ commit, image: `${image()}:${commit}` }]);
    const inside = await place.run('exec', 'app:/shop/web', '--', 'sh', '-c', `echo \${#DB}; cat /word /keys/db`);
    expect(inside.stdout).toBe(`${planted.length}\nfirst\n${planted}`);
    const { endpoints } = await place.json<StatusDocument>('status');
    for (const path of ['/v2/apps', '/v2/tasks'])
      expect(await (await fetch(endpoints!.marathon + path)).text()).not.toContain(planted);
  });

  it('does not build again what is there, and names what is not committed by its content', async () => {
    expect((await deploy()).stderr).toContain('is there already');
    await write('word', 'second\n');
    expect((await deploy()).stderr).toMatch(/image \S+-dirty\.[0-9a-f]{12} built/);
    const inside = await place.run('exec', 'app:/shop/web', '--', 'cat', '/word');
    expect(inside.stdout).toBe('second\n');
  });

  it('shows the last lines of a Dockerfile that fails, and deploys nothing', async () => {
    const versions = async () => (await place.json<{ version: string }[]>('apps')).map(({ version }) => version);
    const before = await versions();
    await write('Dockerfile', `FROM ${tinyImage}\nCOPY no-such-file /x\n`);
    const { code, stderr } = await deploy();
    expect(code).toBe(7);
    expect(stderr).toContain('no-such-file');
    expect(await versions()).toEqual(before);
  });
});
