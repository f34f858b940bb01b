// npm run bench:fixture [-- runs]: how long tests wait for clusters. Medians; nothing here passes or fails.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCluster } from '../../dist/fixture.js';
import { median, pss, run } from './measure.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const runs = Number(process.argv[2] ?? 5);
const folder = mkdtempSync(join(tmpdir(), 'bench-fixture-'));
const stateHome = join(folder, 'state');
const rows = [];
const report = (what, value, unit, aim) => {
  rows.push([what, `${value.toFixed(value < 10 ? 3 : 1)} ${unit}`, aim]);
  console.error(`${what}: ${value.toFixed(3)} ${unit}`);
};
const seconds = async (work) => {
  const begun = performance.now();
  const result = await work();
  return { seconds: (performance.now() - begun) / 1000, result };
};

try {
  await starts(3, 'at most 1.2');
  await starts(1, 'at most 0.6');
  await resets();
  await eight();
  await exampleSuite();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i].length)));
for (const row of rows) console.log(row.map((cell, i) => cell.padEnd(widths[i])).join('  '));

async function starts(nodes, aim) {
  const up = [];
  const down = [];
  for (let i = 0; i < runs; i++) {
    const started = await seconds(() => startCluster({ nodes, stateHome }));
    up.push(started.seconds);
    down.push((await seconds(() => started.result.stop())).seconds);
  }
  report(`startCluster(), ${nodes} node${nodes === 1 ? '' : 's'}`, median(up), 's', aim);
  report(`stop(), ${nodes} node${nodes === 1 ? '' : 's'}`, median(down), 's', '');
}

async function resets() {
  const cluster = await startCluster({ stateHome });
  const [idle, apps, tasks] = [[], [], []];
  const app = { cmd: 'sleep 1000', cpus: 0.01, mem: 16 };
  for (let i = 0; i < runs * 4; i++) {
    idle.push((await seconds(() => cluster.reset())).seconds);
    await cluster.deploy({ ...app, id: 'idle', instances: 0 });
    apps.push((await seconds(() => cluster.reset())).seconds);
    await cluster.deploy({ ...app, id: 'job', instances: 3 });
    tasks.push((await seconds(() => cluster.reset())).seconds);
  }
  await cluster.stop();
  report('reset(), nothing to do', median(idle) * 1000, 'ms', 'at most 100');
  report('reset(), an app without tasks', median(apps) * 1000, 'ms', 'at most 100');
  report('reset(), an app with three tasks', median(tasks) * 1000, 'ms', '');
}

async function eight() {
  const started = await seconds(() => Promise.all(Array.from({ length: 8 }, () => startCluster({ stateHome }))));
  report('eight clusters of three nodes at once', started.seconds, 's', 'at most 10');
  const used = below(`${stateHome}/devcluster/`).map(pss);
  report(
    'eight clusters, summed PSS',
    used.reduce((a, b) => a + b, 0),
    'MB',
    'at most 2000',
  );
  await Promise.all(started.result.map((cluster) => cluster.stop()));
}

/** Processes whose environment names a folder. */
function below(path) {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(path);
    } catch {
      return false;
    }
  });
}

async function exampleSuite() {
  const project = join(folder, 'example');
  cpSync(join(root, 'examples', 'vitest'), project, { recursive: true });
  mkdirSync(join(project, 'node_modules'));
  for (const [name, target] of [
    ['devcluster', root],
    ['vitest', join(root, 'node_modules', 'vitest')],
  ])
    symlinkSync(target, join(project, 'node_modules', name));
  const times = [];
  const env = { ...process.env, XDG_STATE_HOME: stateHome };
  for (let i = 0; i < Math.max(2, runs >> 1); i++)
    times.push(
      (await run(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run'], { cwd: project, env }))
        .seconds,
    );
  report('50 tests with deploys, shell to shell', median(times), 's', 'under 20');
}
