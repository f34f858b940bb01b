import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bin, createWorkplace, processesNaming, type Workplace } from './devcluster.ts';

const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

/** A runner of tests that starts clusters and hangs. */
const runner = `
import { startCluster } from 'devcluster';
const clusters = await Promise.all([1, 2].map(() => startCluster({ nodes: 1 })));
for (const cluster of clusters) await cluster.deploy({ id: 'job', cmd: 'sleep 1000', cpus: 0.1, mem: 16 });
console.log(JSON.stringify(clusters.map(({ name }) => name)));
setInterval(() => {}, 1e6);
`;

let place: Workplace;
let running: ChildProcess[] = [];
beforeEach(async () => {
  place = await createWorkplace();
});
afterEach(async () => {
  for (const child of running) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  running = [];
  await place.close();
});

function startRunner(program = runner): { child: ChildProcess; line: Promise<string> } {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: packageFolder,
    env: { ...process.env, XDG_STATE_HOME: place.stateHome },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  const line = (async () => {
    let text = '';
    for await (const chunk of child.stdout) {
      text += chunk;
      if (text.includes('\n')) return text;
    }
    return expect.fail('the runner ended');
  })();
  // Not every test waits for it.
  line.catch(() => {});
  return { child, line };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

const clusters = async () => (await readdir(join(place.stateHome, 'devcluster')).catch(() => [])).sort();
/** Until no process and no file of any cluster is left. */
const untilNothingIsLeft = () =>
  vi.waitFor(
    async () => {
      expect(processesNaming(`${place.stateHome}/devcluster/`)).toEqual([]);
      expect(await clusters()).toEqual([]);
    },
    { timeout: 60_000, interval: 100 },
  );
const reapers = () =>
  readdirSync('/proc').flatMap((pid) => {
    try {
      const isOurs = readFileSync(`/proc/${pid}/environ`, 'latin1').includes(place.stateHome);
      return isOurs && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('devcluster-reaper')
        ? [Number(pid)]
        : [];
    } catch {
      return [];
    }
  });

describe('a runner of tests that is killed', () => {
  it('leaves nothing: no process, no task, no file, no reaper', async () => {
    const { child, line } = startRunner();
    expect(JSON.parse(await line)).toHaveLength(2);
    expect(processesNaming(`${place.stateHome}/devcluster/`).length).toBeGreaterThanOrEqual(4);
    expect(reapers()).toHaveLength(1);
    await kill(child);
    await untilNothingIsLeft();
    await vi.waitFor(() => expect(reapers()).toEqual([]), { timeout: 20_000, interval: 50 });
  });

  it('while it starts its cluster: nothing is left either', async () => {
    const { child } = startRunner();
    await vi.waitFor(async () => expect(await clusters()).not.toEqual([]), { timeout: 20_000, interval: 2 });
    await kill(child);
    await untilNothingIsLeft();
  });

  it('with its reaper: `prune --test` removes the rest, and leaves the clusters of living runners alone', async () => {
    const [lost, living] = [startRunner(), startRunner()];
    const [gone, kept] = [JSON.parse(await lost.line), JSON.parse(await living.line)];
    // The one whose parent is the lost runner.
    const [reaper] = reapers().filter((pid) => parentOf(pid) === lost.child.pid);
    process.kill(reaper!, 'SIGKILL');
    await kill(lost.child);
    const pruned = await place.json<{ removed: string[] }>('prune', '--test');
    expect(pruned.removed).toEqual([...gone].sort());
    expect(await clusters()).toEqual([...kept].sort());
    expect(await place.json('prune', '--test')).toEqual({ removed: [], failed: [] });
    await kill(living.child);
    await untilNothingIsLeft();
  });

  it('a cluster that somebody else made is not taken over, nor removed', async () => {
    await place.run('up', '--no-samples', '--nodes', '1');
    const program = `
      import { startCluster } from 'devcluster';
      const error = await startCluster({ name: '${place.cluster}', nodes: 1 }).catch((error) => error);
      console.log(error.code);
    `;
    const { child, line } = startRunner(program);
    expect(await line).toBe('CLUSTER_EXISTS\n');
    if (child.exitCode === null) await once(child, 'exit');
    expect(await place.json('list')).toMatchObject([{ name: place.cluster, state: 'running' }]);
  });
});

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

describe('devcluster run', () => {
  it('gives the command a cluster, and its exit code back', async () => {
    const script = 'curl -fsS "$MARATHON_URL/v2/info" >/dev/null && echo "$DEVCLUSTER_NAME $ZK_HOSTS"; exit 7';
    const result = await place.run('run', '--nodes', '1', '--quiet', '--', 'sh', '-c', script);
    expect(result).toMatchObject({ code: 7, stdout: expect.stringMatching(/^run-\w+ 127\.[\d.]+:\d+\n$/), stderr: '' });
    await untilNothingIsLeft();
    const absent = await place.run('run', '--nodes', '1', '--json', '--', 'no-such-program');
    expect([absent.code, JSON.parse(absent.stdout).error.code]).toEqual([3, 'COMMAND_NOT_STARTED']);
    await untilNothingIsLeft();
  });

  it('hands a signal on to the command, and cleans up behind it', async () => {
    const script = 'trap "echo bye; exit 9" TERM; echo ready; while :; do sleep 0.1; done';
    const { child, ended } = place.start(['run', '--nodes', '1', '--quiet', '--', 'sh', '-c', script]);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 9, stdout: 'ready\nbye\n' });
    await untilNothingIsLeft();
  });

  it('that is killed does not leave its command behind', async () => {
    const script = 'echo ready; sleep 1000; echo bye';
    const { child, ended } = place.start(['run', '--nodes', '1', '--quiet', '--', 'sh', '-c', script]);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill('SIGKILL');
    // The command holds the pipe until it ends.
    expect((await ended).stdout).toBe('ready\n');
    await untilNothingIsLeft();
  });

  it('is interrupted while it starts: nothing is left', async () => {
    const { child, ended } = place.start(['run', '--', 'true']);
    await vi.waitFor(async () => expect(await clusters()).not.toEqual([]), { timeout: 20_000, interval: 2 });
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    await untilNothingIsLeft();
  });

  it('lets test files of node:test share its cluster, each with its own namespace', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'example-node-test-'));
    try {
      await cp(join(packageFolder, 'examples', 'node-test'), folder, { recursive: true });
      await linkPackage(folder);
      const test = join(folder, 'test', 'deploy.test.js');
      await cp(test, join(folder, 'test', 'same.test.js'));
      const child = spawn(
        process.execPath,
        [
          bin,
          'run',
          '--nodes',
          '1',
          '--quiet',
          '--',
          process.execPath,
          '--test',
          test,
          join(folder, 'test/same.test.js'),
        ],
        { cwd: folder, env: { ...process.env, XDG_STATE_HOME: place.stateHome }, stdio: ['ignore', 'pipe', 'pipe'] },
      );
      running.push(child);
      let output = '';
      child.stdout.on('data', (chunk) => (output += chunk));
      child.stderr.on('data', (chunk) => (output += chunk));
      const [code] = await once(child, 'close');
      expect(output).toMatch(/pass 4\n/);
      expect(code, output).toBe(0);
      await untilNothingIsLeft();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** As if it was installed. */
async function linkPackage(folder: string): Promise<void> {
  const target = join(folder, 'node_modules', 'devcluster');
  for (const part of ['bin', 'dist', 'templates', 'package.json'])
    await cp(join(packageFolder, part), join(target, part), { recursive: true });
}
