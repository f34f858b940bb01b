// npm run bench [-- runs]: prints a table of medians. Nothing here passes or fails; figures are for people to compare.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuSeconds, devcluster, median, pss, run, sleep, until } from './measure.mjs';
import { hasRealZooKeeper, realQuorumSeconds } from './real-zookeeper.mjs';

const runs = Number(process.argv[2] ?? 5);
const state = mkdtempSync(join(tmpdir(), 'bench-devcluster-'));
const env = { XDG_STATE_HOME: state, DEVCLUSTER_NAME: 'bench', DEVCLUSTER_RUNTIME: 'process' };
const rows = [];
const report = (what, value, unit, aim = '') => {
  rows.push([what, `${value.toFixed(value < 10 ? 3 : 1)} ${unit}`, aim]);
  console.error(`${what}: ${value.toFixed(3)} ${unit}`);
};
const json = async (...args) => JSON.parse((await devcluster(env, ...args, '--json')).stdout);
const get = async (url) => (await fetch(url)).json();

try {
  await startAndCommands();
  await samples();
  await idle();
  await burst();
  await manyApps();
} finally {
  await devcluster(env, 'down').catch(() => {});
  rmSync(state, { recursive: true, force: true });
}
const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i].length)));
for (const row of rows) console.log(row.map((cell, i) => cell.padEnd(widths[i])).join('  '));

async function startAndCommands() {
  const bare = [];
  const version = [];
  const up = [];
  const down = [];
  const status = [];
  const real = [];
  for (let i = 0; i < runs; i++) {
    bare.push((await run(process.execPath, ['-e', '0'])).seconds);
    version.push((await devcluster(env, 'version')).seconds);
    if (hasRealZooKeeper()) real.push(await realQuorumSeconds());
    up.push((await devcluster(env, 'up', '--no-samples')).seconds);
    status.push((await devcluster(env, 'status', '--json')).seconds);
    down.push((await devcluster(env, 'down')).seconds);
  }
  report('node -e 0', median(bare), 's');
  report('devcluster version', median(version), 's');
  report('devcluster version / node -e 0', median(version) / median(bare), '', 'at most 1.5');
  report('up --no-samples, shell to ready', median(up), 's', 'at most 1.2');
  if (real.length > 0) {
    report('three real ZooKeepers to quorum', median(real), 's');
    report('up / three real ZooKeepers', median(up) / median(real), '', 'at most 0.8, aim 0.4');
  } else rows.push(['three real ZooKeepers', 'not measured', 'needs java and ZooKeeper']);
  report('status --json', median(status), 's', 'under 0.4');
  report('down, no samples', median(down), 's', 'at most 0.7');
}

async function samples() {
  const plain = [];
  const healthy = [];
  const down = [];
  const running = [];
  for (let i = 0; i < Math.max(2, runs >> 1); i++) {
    plain.push((await devcluster(env, 'up', '--no-samples')).seconds);
    const status = await json('status');
    const started = performance.now();
    const deploying = devcluster(env, 'samples', 'deploy');
    const hello = await until(
      () => get(`${status.endpoints.marathon}/v2/apps//samples/hello`),
      (answer) => answer.app?.tasksRunning === 3,
    );
    running.push((performance.now() - started) / 1000);
    if (hello) await deploying;
    healthy.push((performance.now() - started) / 1000);
    down.push((await devcluster(env, 'down')).seconds);
  }
  report('samples: first level running after', median(running), 's', 'at most 1.5');
  report('samples: all healthy after', median(healthy), 's', 'at most 5');
  report('down with samples', median(down), 's', 'at most 0.7');
}

async function idle() {
  await devcluster(env, 'up', '--no-samples');
  const status = await json('status');
  const pids = [...new Set(status.nodes.flatMap((node) => node.services.map((service) => service.pid)))].filter(
    Boolean,
  );
  await sleep(10_000);
  const before = pids.map(cpuSeconds);
  await sleep(20_000);
  const used = pids.map(cpuSeconds).reduce((sum, value, i) => sum + value - before[i], 0);
  report(
    'three hosts, summed PSS',
    pids.map(pss).reduce((a, b) => a + b, 0),
    'MB',
    'at most 240',
  );
  report('three hosts, CPU when idle', (used / 20) * 100, '% of a core', 'under 3');
}

async function burst() {
  const { endpoints } = await json('status');
  const app = { id: '/burst', cmd: 'sleep 1000', instances: 300, cpus: 0.01, mem: 1, portDefinitions: [] };
  const started = performance.now();
  await fetch(`${endpoints.marathon}/v2/apps`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(app),
  });
  await until(
    () => get(`${endpoints.marathon}/v2/apps//burst`),
    (answer) => answer.app?.tasksRunning === 300,
    100,
  );
  report('300 instances, launches a second', 300 / ((performance.now() - started) / 1000), '1/s', 'at least 40');
  await devcluster(env, 'remove', '/burst');
}

async function manyApps() {
  const { endpoints } = await json('status');
  const apps = Array.from({ length: 500 }, (_, i) => ({
    id: `/many/app-${i}`,
    cmd: 'sleep 1000',
    instances: 0,
    env: { A: 'b' },
    labels: { n: String(i) },
  }));
  await fetch(`${endpoints.marathon}/v2/groups`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ id: '/many', apps }),
  });
  await until(
    () => get(`${endpoints.marathon}/v2/apps`),
    (answer) => answer.apps?.length >= 500,
    100,
  );
  const times = [];
  for (let i = 0; i < 20; i++) {
    const started = performance.now();
    await get(`${endpoints.marathon}/v2/apps`);
    times.push(performance.now() - started);
  }
  report('GET /v2/apps with 500 apps', median(times), 'ms', 'under 100');
}
