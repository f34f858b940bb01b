// npm run bench:marathon: the embedded Marathon at 1,000 apps and 2,000 instances, on the embedded master with
// simulated agents; development timing, each server in a process of its own. BENCH_APPS changes the number of apps,
// BENCH_LOG=info shows what the servers log, BENCH_PROFILE=folder writes CPU profiles of them.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { cpuSeconds, median, pss, sleep, until } from './measure.mjs';
import { startAgents } from './simulated-agents.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const apps = Number(process.env.BENCH_APPS ?? 1000);
const sessionMs = 2000;
const folder = mkdtempSync(join(tmpdir(), 'bench-marathon-'));
const children = [];
const results = [];

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Bundles a component once, as the program that a process runs. */
async function program(component) {
  const outfile = join(folder, `${component}.mjs`);
  const contents = `
    import { start } from './src/embedded/${component}/index.ts';
    import { systemClock } from './src/support/clock.ts';
    import { createLogger } from './src/support/logger.ts';
    import { createNetwork } from './src/support/network.ts';
    const log = createLogger((line) => process.stderr.write(line), '${component}', '${process.env.BENCH_LOG ?? 'error'}');
    const context = { argv: process.argv.slice(2), env: {}, log, clock: systemClock, random: Math.random };
    const service = await start({ ...context, network: createNetwork() });
    service.ready.then(() => process.stdout.write('ready'));
    service.exited.then(({ code }) => process.exit(code));
    process.once('SIGTERM', () => process.exit());`;
  const stdin = { contents, resolveDir: root, loader: 'ts' };
  await build({ stdin, bundle: true, platform: 'node', format: 'esm', target: 'node20', outfile });
  return outfile;
}

async function start(file, argv) {
  const options =
    process.env.BENCH_PROFILE && file.includes('marathon')
      ? [`--cpu-prof`, `--cpu-prof-dir=${process.env.BENCH_PROFILE}`]
      : [];
  const child = spawn(process.execPath, [...options, file, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
  });
  return child;
}

const flags = (values) => Object.entries(values).map(([name, value]) => `--${name}=${value}`);
const keepAlive = new Agent({ keepAlive: true, maxSockets: 64 });

function ask(port, method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const call = request({ host: '127.0.0.1', port, method, path, headers, agent: keepAlive }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString('utf8') }));
    });
    call.once('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Calls `onEvent` with every event of these types. */
function listen(port, types, onEvent) {
  const path = `/v2/events?${types.map((type) => `event_type=${type}`).join('&')}`;
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, headers: { Accept: 'text/event-stream' } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
        for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
          const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
          text = text.slice(end + 4);
          if (data) onEvent(JSON.parse(data));
        }
      });
      response.on('error', () => {});
      resolve(response);
    });
  });
}

const quantile = (values, q) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];
const report = (what, value, unit, limit) => results.push([what, value, unit, limit]);

async function measure() {
  const [zkPort, masterPort, ...marathonPorts] = await Promise.all(Array.from({ length: 4 }, freePort));
  const zoo = join(folder, 'zoo.cfg');
  writeFileSync(
    zoo,
    `tickTime=1000\nforceSync=no\ndataDir=${join(folder, 'zk')}\nclientPort=${zkPort}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n`,
  );
  const [zookeeper, master, marathon] = await Promise.all(['zookeeper', 'mesos-master', 'marathon'].map(program));
  await start(zookeeper, [zoo]);
  const common = { ip: '127.0.0.1', hostname: '127.0.0.1' };
  await start(
    master,
    flags({
      ...common,
      port: masterPort,
      work_dir: join(folder, 'master'),
      quorum: 1,
      zk: `zk://127.0.0.1:${zkPort}/mesos`,
      allocation_interval: '100ms',
    }),
  );
  const running = new Map();
  const agents = await startAgents(masterPort, 20, (taskId) => running.set(taskId, performance.now()));
  const marathons = [];
  for (const port of marathonPorts)
    marathons.push(
      await start(
        marathon,
        flags({
          master: `zk://127.0.0.1:${zkPort}/mesos`,
          zk: `zk://127.0.0.1:${zkPort}/marathon`,
          hostname: '127.0.0.1',
          http_address: '127.0.0.1',
          http_port: port,
          zk_session_timeout: sessionMs,
          min_revive_offers_interval: 100,
          launch_tokens: 100_000,
          max_instances_per_offer: 100,
          launch_token_refresh_interval: 1000,
          decline_offer_duration: 1000,
          reconciliation_initial_delay: 2000,
          scale_apps_initial_delay: 2000,
          scale_apps_interval: 30_000,
          kill_retry_timeout: 5000,
        }),
      ),
    );
  const [leader, standby] = marathonPorts;

  // Half of the apps at 50 a second, whatever the answers take; then the rest as fast as 16 clients can.
  const app = (id) => ({ id, cmd: 'sleep 100000', cpus: 0.01, mem: 1, instances: 2, labels: { bench: 'yes' } });
  const errors = [];
  /** @param patient whether to wait while there are as many deployments as there may be */
  const create = async (id, patient = false) => {
    const answer = await ask(leader, 'POST', '/v2/apps', app(id)).catch((error) => ({
      status: 0,
      text: String(error),
    }));
    if (patient && answer.status === 403) return sleep(100).then(() => create(id, true));
    if (answer.status !== 201) errors.push(`${answer.status} ${answer.text.slice(0, 200)}`);
  };
  const begun = performance.now();
  const creating = [];
  const paced = Math.floor(apps / 2);
  for (let i = 0; i < paced; i++) {
    const wait = begun + i * 20 - performance.now();
    if (wait > 0) await sleep(wait);
    creating.push(create(`/bench/group-${i % 20}/app-${i}`));
  }
  await Promise.all(creating);
  report(`${paced} apps created at 50/s: errors`, errors.length, '', 0);
  if (errors.length > 0) console.error(errors.slice(0, 3));
  report(`${paced} apps created at 50/s: took`, (performance.now() - begun) / 1000, 's');
  report(`${paced} apps created at 50/s: CPU of the leader`, cpuSeconds(marathons[0].pid), 's');
  const rest = Array.from({ length: apps - paced }, (_, i) => `/bench/group-${i % 20}/more-${i}`);
  const filled = performance.now();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let id = rest.pop(); id; id = rest.pop()) await create(id, true);
    }),
  );
  report(
    `${apps - paced} more, as fast as 16 clients can: apps/s`,
    (apps - paced) / ((performance.now() - filled) / 1000),
    '/s',
  );
  await until(
    () => ask(leader, 'GET', '/v2/deployments'),
    ({ text }) => text === '[]',
    50,
  );
  report('errors in all', errors.length, '', 0);
  report('tasks running', agents.tasks.size, '');

  const times = [];
  let bytes = 0;
  for (let i = 0; i < 110; i++) {
    const from = performance.now();
    bytes = (await ask(leader, 'GET', '/v2/apps')).text.length;
    if (i >= 10) times.push(performance.now() - from);
  }
  report('GET /v2/apps: kB', bytes / 1000, 'kB');
  report('GET /v2/apps: median', median(times), 'ms');
  report('GET /v2/apps: p99', quantile(times, 0.99), 'ms', 150);

  const heard = new Map();
  const waiting = new Map();
  const stream = await listen(leader, ['status_update_event'], (event) => {
    if (event.taskStatus !== 'TASK_RUNNING') return;
    heard.set(event.taskId, performance.now());
    waiting.get(event.appId)?.(event.taskId);
  });
  const toRunning = [];
  const eventDelays = [];
  for (let i = 0; i < 50; i++) {
    const id = `/single/app-${i}`;
    const from = performance.now();
    const ran = new Promise((resolve) => waiting.set(id, resolve));
    await ask(leader, 'POST', '/v2/apps', { ...app(id), instances: 1 });
    const taskId = await ran;
    toRunning.push(heard.get(taskId) - from);
    eventDelays.push(heard.get(taskId) - running.get(taskId));
    await sleep(50);
  }
  stream.destroy();
  report('POST of an app to its first running instance: median', median(toRunning), 'ms', 150);
  report('POST of an app to its first running instance: p99', quantile(toRunning, 0.99), 'ms', 150);
  report('agent’s word to subscriber: median', median(eventDelays), 'ms', 20);
  report('agent’s word to subscriber: p99', quantile(eventDelays, 0.99), 'ms', 20);
  report('CPU of the leader so far', cpuSeconds(marathons[0].pid), 's');
  report('memory of the leader, PSS', pss(marathons[0].pid), 'MB', 350);

  const killed = performance.now();
  marathons[0].kill(process.env.BENCH_PROFILE ? 'SIGTERM' : 'SIGKILL');
  await until(
    () => ask(standby, 'GET', '/v2/info'),
    ({ status, text }) => status === 200 && JSON.parse(text).leader === `127.0.0.1:${standby}`,
    10,
  );
  const serving = performance.now() - killed - sessionMs;
  const listed = JSON.parse((await ask(standby, 'GET', '/v2/apps')).text).apps;
  report('failover to serving, beyond the session timeout', serving / 1000, 's', 2);
  report('apps lost by the failover', apps + 50 - listed.length, '', 0);
  const again = performance.now();
  await ask(standby, 'POST', '/v2/apps', { ...app('/after'), instances: 1 });
  await until(
    () => ask(standby, 'GET', '/v2/apps/after'),
    ({ text }) => text.includes('"tasksRunning":1'),
    10,
  );
  report('first new app to running after the failover', performance.now() - again, 'ms');
  agents.close();
}

try {
  await measure();
} finally {
  for (const child of children) child.kill(process.env.BENCH_PROFILE ? 'SIGTERM' : 'SIGKILL');
  if (process.env.BENCH_PROFILE) await sleep(1500);
  keepAlive.destroy();
  rmSync(folder, { recursive: true, force: true });
  for (const [what, value, unit, limit] of results)
    console.log(
      what.padEnd(62),
      `${Number.isInteger(value) ? value : value.toFixed(1)} ${unit}`.padStart(12),
      limit === undefined ? '' : `   limit ${limit}${value > limit ? '   MISSED' : ''}`,
    );
}
