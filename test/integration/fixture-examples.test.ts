import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { processesNaming } from './devcluster.ts';

const packageFolder = fileURLToPath(new URL('../..', import.meta.url));
const examples = join(packageFolder, 'examples');
const run = promisify(execFile);

let folder: string;
/** The package as it would be published, unpacked. */
let installed: string;
let stateHome: string;
let project: string;
let running: ChildProcess[] = [];

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'fixture-examples-')));
  installed = join(folder, 'installed');
  await mkdir(installed);
  // The real install also runs `prepare`, which builds; that was done.
  await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: packageFolder });
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '';
  await run('tar', ['-xzf', join(folder, tarball), '-C', installed, '--strip-components=1']);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => {
  for (const child of running) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  running = [];
});

/** A project with the package and vitest installed. */
async function createProject(name: string, from?: string): Promise<void> {
  project = join(folder, name);
  stateHome = join(folder, `${name}-state`);
  await mkdir(join(project, 'node_modules'), { recursive: true });
  if (from) await cp(join(examples, from), project, { recursive: true });
  await cp(installed, join(project, 'node_modules', 'devcluster'), { recursive: true });
  await symlink(join(packageFolder, 'node_modules', 'vitest'), join(project, 'node_modules', 'vitest'));
}

function startVitest(): { child: ChildProcess; ended: Promise<{ code: number | null; output: string }> } {
  const { VITEST, VITEST_POOL_ID, VITEST_WORKER_ID, NODE_ENV, ...env } = process.env;
  const child = spawn(process.execPath, [join(project, 'node_modules/vitest/vitest.mjs'), 'run', '--no-color'], {
    cwd: project,
    env: { ...env, XDG_STATE_HOME: stateHome, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  return { child, ended: once(child, 'close').then(([code]) => ({ code, output })) };
}

const untilNothingIsLeft = () =>
  vi.waitFor(
    async () => {
      expect(processesNaming(`${stateHome}/devcluster/`)).toEqual([]);
      expect(await readdir(join(stateHome, 'devcluster')).catch(() => [])).toEqual([]);
    },
    { timeout: 60_000, interval: 100 },
  );

describe('the example for vitest, with the packed package', () => {
  it('passes, and leaves nothing', async () => {
    await createProject('example', 'vitest');
    const { code, output } = await startVitest().ended;
    expect(output).toMatch(/Tests +50 passed \(50\)/);
    expect(code).toBe(0);
    expect(existsSync(join(project, 'test-results'))).toBe(false);
    await untilNothingIsLeft();
  });

  it('is killed in the middle: nothing is left', async () => {
    const { child, ended } = startVitest();
    await vi.waitFor(() => expect(processesNaming('MARATHON_APP_ID=/w').length).toBeGreaterThan(0), {
      timeout: 60_000,
      interval: 20,
    });
    child.kill('SIGKILL');
    await ended;
    await untilNothingIsLeft();
  });
});

const config = (workers: string) => `
import { defineConfig } from 'vitest/config';
export default defineConfig({
  test: {
    globalSetup: ['devcluster/vitest/global-setup'],
    provide: { devcluster: { nodes: 1, workers: '${workers}', artifacts: 'saved' } },
    testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 1,
  },
});`;

/** Every file finds a cluster as new, and leaves it as bad as it can. */
const file = (deed: string) => `
import { useCluster } from 'devcluster/vitest';
import { expect, it } from 'vitest';
const cluster = await useCluster();
it('finds everything as new', async () => {
  expect((await cluster.status()).state).toBe('running');
  const apps = await cluster.marathon.apps();
  expect(apps.filter(({ id }) => id.startsWith(cluster.id('')))).toEqual([]);
});
it('does harm', async () => {
  await cluster.deploy({ id: 'job', cmd: 'echo from the job; sleep 1000', cpus: 0.1, mem: 16 });
  ${deed}
});`;

describe('test files that fail', () => {
  it('workers that share a cluster: state and logs are printed and saved, and the next file finds all as new', async () => {
    await createProject('shared');
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
    await writeFile(join(project, 'vitest.config.js'), config('namespace'));
    await writeFile(join(project, 'fails.test.js'), file(`expect(1).toBe(2);`));
    await writeFile(join(project, 'crashes.test.js'), file(`process.kill(process.pid, 'SIGKILL');`));
    const refused = `await expect(cluster.node('node-1').kill()).rejects.toMatchObject({ code: 'CLUSTER_SHARED' });
      await expect(cluster.deploy({ id: '/elsewhere' })).rejects.toMatchObject({ code: 'OUTSIDE_NAMESPACE' });`;
    await writeFile(join(project, 'refused.test.js'), file(refused));
    const { code, output } = await startVitest().ended;
    expect(code).toBe(1);
    expect(output).toMatch(/devcluster: the cluster '\S+' when 'does harm' failed/);
    expect(output).toMatch(/ \/w\d+\/job: 1 of 1 running/);
    expect(output).not.toMatch(/FAIL .*finds everything as new/);
    const saved = join(project, 'saved', 'fails.test.js', 'does-harm');
    expect(await readFile(join(saved, 'tasks.log'), 'utf8')).toMatch(/\/stdout from the job\n/);
    expect(JSON.parse(await readFile(join(saved, 'status.json'), 'utf8'))).toMatchObject({ state: 'running' });
    await untilNothingIsLeft();
  });

  it('each worker with a cluster of its own: a killed node is back for the next file', async () => {
    await createProject('own');
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
    await writeFile(join(project, 'vitest.config.js'), config('cluster'));
    for (const name of ['one', 'two'])
      await writeFile(
        join(project, `${name}.test.js`),
        file(`await cluster.node('node-1').kill(); expect(1).toBe(2);`),
      );
    const { code, output } = await startVitest().ended;
    expect(output).toMatch(/Tests +2 failed \| 2 passed \(4\)/);
    expect(output).toMatch(/node-1 failed/);
    expect(code).toBe(1);
    await untilNothingIsLeft();
  });
});
