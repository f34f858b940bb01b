import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processesNaming } from './devcluster.ts';

const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

/** A test of somebody else's, in a process of its own, that imports the package by its name. */
const program = `
import { startCluster, DevclusterError } from 'devcluster';

const cluster = await startCluster({ nodes: 1, stateHome: process.env.STATE });
const [deployed] = await cluster.deploy({ id: '/job', cmd: 'sleep 1000', cpus: 0.1, mem: 16 });
const app = await cluster.marathon.app('/job');
const [framework] = (await cluster.mesos.state()).frameworks;
const refused = await cluster.deploy({ id: '/Bad Id', cmd: 'true' }).catch((error) => error);
await cluster.stop();
console.log(JSON.stringify({
  name: cluster.name,
  endpoints: cluster.endpoints,
  state: deployed.state,
  running: app.tasksRunning,
  framework: framework.name,
  refused: [refused instanceof DevclusterError, refused.kind],
}));
`;

describe('the library', () => {
  let state: string;
  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'library-'));
  });
  afterEach(() => rm(state, { recursive: true, force: true }));

  it('starts a cluster of its own, deploys, hands out clients and leaves nothing', async () => {
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      cwd: packageFolder,
      env: { ...process.env, STATE: state },
    });
    const result = JSON.parse((await run).stdout);
    expect(result).toMatchObject({ state: 'success', running: 1, framework: 'marathon', refused: [true, 'usage'] });
    expect(result.name).toMatch(/^test-/);
    expect(result.endpoints.marathon).toEqual([expect.stringMatching(/^http:\/\/127\./)]);
    expect(processesNaming(state)).toEqual([]);
    const folders = await readdir(join(state, 'devcluster')).catch(() => []);
    expect(folders.filter((name) => name.startsWith('test-'))).toEqual([]);
  });
});
