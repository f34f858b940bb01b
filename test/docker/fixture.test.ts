import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Cluster, startCluster } from '../../src/fixture/index.ts';
import { skipped } from '../support/skipped.ts';
import { createDockerWorkplace, type DockerWorkplace } from './cluster.ts';
import { engineAnswers, testEngine } from './test-engine.ts';

const run = promisify(execFile);
const packageFolder = fileURLToPath(new URL('../..', import.meta.url));
const none = skipped(await engineAnswers(), 'clusters of tests in Docker', 'no Docker engine answers');
const hasClient = await run('docker', ['version']).then(
  () => true,
  () => false,
);
const noClient = none || skipped(hasClient, 'the image for CI', 'there is no program `docker`');

let place: DockerWorkplace;
beforeAll(async () => {
  if (none) return;
  place = await createDockerWorkplace();
  await writeFile(join(place.folder, 'devcluster.yml'), 'version: 1\nnodes: [{ ports: 4 }]\n');
});
afterAll(() => place?.close());

describe.skipIf(none)('a throw-away cluster in Docker', () => {
  it('is gone when the process that it was for is killed', async () => {
    // Ends with its parent, which can't hand a SIGKILL on.
    const stays = 'echo running; while kill -0 $PPID; do sleep 0.1; done 2>/dev/null';
    const { child, ended } = place.start(['run', '-c', place.cluster, '--', 'sh', '-c', stays]);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    expect(await place.remains()).not.toEqual([]);
    child.kill('SIGKILL');
    await ended;
    await vi.waitFor(async () => expect(await place.remains()).toEqual([]), { timeout: 60_000, interval: 100 });
    const records = () => readdir(join(place.stateHome, 'devcluster')).catch(() => []);
    await vi.waitFor(async () => expect(await records()).toEqual([]), { timeout: 60_000, interval: 50 });
  });

  it('is brought back to what it was, and its time can be moved on', async () => {
    const cluster: Cluster = await startCluster({
      runtime: 'docker',
      nodes: [{ ports: 4 }],
      stateHome: place.stateHome,
    });
    try {
      const job = { id: 'job', cmd: 'sleep 1000', cpus: 0.1, mem: 16 };
      await cluster.deploy(job);
      await cluster.reset();
      expect(await cluster.marathon.apps()).toEqual([]);
      await cluster.advance('5m');
      await cluster.deploy(job);
      expect((await cluster.waitFor('job')).tasksRunning).toBe(1);
    } finally {
      await cluster.stop();
    }
  });
});

describe.skipIf(noClient)('the image for teams without Node.js', () => {
  const name = `devcluster-test-ci-${process.pid}`;
  let context: string;
  afterAll(async () => {
    for (const args of [
      ['rm', '-f', name],
      ['network', 'rm', name],
      ['image', 'rm', '-f', name],
    ])
      await run('docker', args).catch(() => {});
    await rm(context, { recursive: true, force: true });
  });

  it('is built from the package, says when it is ready, is healthy, serves, and ends in order', async () => {
    context = await mkdtemp(join(tmpdir(), 'ci-image-'));
    for (const part of ['bin', 'dist', 'templates', 'package.json', 'LICENSE'])
      await cp(join(packageFolder, part), join(context, part), { recursive: true });
    // No registry is needed for the test: the runtime's own image has Node.js too.
    expect((await place.run('up', '--no-samples')).code).toBe(0);
    const base = (await place.inspect('node-1')).Config.Image;
    expect((await place.run('down')).code).toBe(0);
    const build = ['build', '-q', '-f', join(context, 'templates/ci/Dockerfile'), '--build-arg', `BASE=${base}`];
    await run('docker', [...build, '-t', name, context]);
    await run('docker', ['network', 'create', name]);
    await run('docker', ['run', '-d', '--init', '--network', name, '--name', name, name]);
    const inspect = async () =>
      (
        await testEngine.call<{
          State: { Health: { Status: string }; ExitCode: number };
          NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
        }>('GET', `/containers/${name}/json`)
      ).json;
    await vi.waitFor(async () => expect((await inspect()).State.Health.Status).toBe('healthy'), {
      timeout: 60_000,
      interval: 200,
    });
    const { stdout, stderr } = await run('docker', ['logs', name]);
    expect(`${stdout}${stderr}`).toMatch(/^ready: DEVCLUSTER_NAME=ci MARATHON_URL=http:\/\/[\d.]+:8080 /m);
    const url = `http://${(await inspect()).NetworkSettings.Networks[name]?.IPAddress}:8080/v2/info`;
    expect(await (await fetch(url)).json()).toMatchObject({ name: 'marathon' });
    await run('docker', ['stop', '-t', '30', name]);
    expect((await inspect()).State.ExitCode).toBe(0);
  });
});
