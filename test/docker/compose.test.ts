import { execFile, execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { skipped } from '../support/skipped.ts';
import { createDockerWorkplace, type DockerWorkplace } from './cluster.ts';
import { engineAnswers } from './test-engine.ts';

const program = ['/usr/bin/docker-compose', 'docker-compose'].find((path) => {
  try {
    execFileSync(path, ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});
const reason = program === undefined ? 'there is no docker-compose' : 'no Docker engine answers';
const none = skipped((await engineAnswers()) && program !== undefined, 'clusters by docker-compose', reason);

interface ComposeFile {
  services: Record<string, { ports?: string[]; network_mode?: string; depends_on?: string[]; image: string }>;
}

describe.skipIf(none)('generate compose', () => {
  let place: DockerWorkplace;
  const compose = (...args: string[]) =>
    promisify(execFile)(program!, ['-f', join(place.folder, 'docker-compose.yml'), '-p', place.cluster, ...args]);

  beforeAll(async () => {
    place = await createDockerWorkplace();
  });
  afterAll(async () => {
    await compose('down', '-v').catch(() => {});
    await place?.close();
  });

  it('writes a file by which docker-compose runs the same cluster, without devcluster', async () => {
    const { code, stderr } = await place.run('generate', 'compose', '-o', 'docker-compose.yml');
    expect(code, stderr).toBe(0);
    const file = parse(await readFile(join(place.folder, 'docker-compose.yml'), 'utf8')) as ComposeFile;
    expect(Object.keys(file.services)).toEqual(['node-1', 'node-2', 'node-3']);
    await compose('up', '-d');
    const [, address] = file.services['node-1']!.ports!.join(' ').match(/(127\.[\d.]+:\d+):8080\b/) ?? [];
    // Docker takes connections before anybody listens, so each question has its own time.
    const ask = async () =>
      (await fetch(`http://${address}/v2/info`, { signal: AbortSignal.timeout(1000) })).json().catch(() => undefined);
    await expect
      .poll(() => ask().catch(() => undefined), { timeout: 60_000 })
      .toMatchObject({ frameworkId: expect.any(String), leader: expect.any(String) });
    await compose('down', '-v');
    expect(await place.remains()).toEqual([]);
  });

  it('joins the programs of a node of several to the network of its holder', async () => {
    await writeFile(
      join(place.folder, 'devcluster.yml'),
      "version: 1\ncomponents: { zookeeper: { engine: mesos, image: 'zookeeper:3.9' } }\n",
    );
    const { services } = await place.json<ComposeFile>('generate', 'compose');
    expect(services['node-1']).toMatchObject({ hostname: 'node-1', networks: { cluster: { aliases: ['node-1'] } } });
    expect(services['node-1-host']).toMatchObject({ network_mode: 'service:node-1', depends_on: ['node-1'] });
    expect(services['node-1-zookeeper']).toMatchObject({ network_mode: 'service:node-1', image: 'zookeeper:3.9' });
    expect(services['node-1-zookeeper']!.ports).toBeUndefined();
  });
});
