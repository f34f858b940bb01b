// npm run bench:zookeeper: the embedded ensemble of three beside the real one, same client, same settings, same run.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import zookeeper from 'node-zookeeper-client';
import { devcluster, pss } from './measure.mjs';
import { hasRealZooKeeper, startRealEnsemble } from './real-zookeeper.mjs';

/** Requests a pipelining client has under way. */
const depth = 32;
const payload = Buffer.alloc(100, 'x');

async function startEmbedded() {
  const state = mkdtempSync(join(tmpdir(), 'bench-devcluster-'));
  const env = { XDG_STATE_HOME: state, DEVCLUSTER_NAME: 'bench-zk', DEVCLUSTER_RUNTIME: 'process' };
  await devcluster(env, 'up', '--no-samples');
  const status = async () => JSON.parse((await devcluster(env, 'status', '--json')).stdout);
  const { endpoints, nodes } = await status();
  return {
    hosts: endpoints.zookeeper.split(','),
    pids: nodes.map((node) => node.services.find((one) => one.component === 'zookeeper').pid),
    async killLeader() {
      const now = (await status()).nodes;
      const service = now.flatMap((node) => node.services).find((one) => one.component === 'zookeeper' && one.leader);
      process.kill(service.pid, 'SIGKILL');
      return now.findIndex((node) => node.services.includes(service));
    },
    async stop() {
      await devcluster(env, 'down');
      rmSync(state, { recursive: true, force: true });
    },
  };
}

const ensembles = [{ name: 'embedded', start: startEmbedded }];
if (hasRealZooKeeper()) ensembles.push({ name: 'real', start: () => startRealEnsemble(['forceSync=no']) });
const results = {};
for (const { name, start } of ensembles) {
  const ensemble = await start();
  try {
    results[name] = await measure(ensemble);
  } finally {
    await ensemble.stop();
  }
}
const rows = Object.keys(results.embedded).map((what) => {
  const embedded = results.embedded[what];
  const real = results.real?.[what];
  const ratio = real === undefined ? '' : (embedded / real).toFixed(2);
  return [what, embedded.toFixed(1), real?.toFixed(1) ?? 'not measured', ratio];
});
for (const row of [['', 'embedded', 'real', 'embedded / real'], ...rows])
  console.log(row[0].padEnd(44), ...row.slice(1).map((cell) => cell.padStart(16)));

async function measure(ensemble) {
  // First, while nothing else is stored.
  const result = await memory(ensemble);
  for (const clients of [1, 8]) {
    const connected = await Promise.all(Array.from({ length: clients }, (_, i) => connect(ensemble.hosts[i % 3])));
    const [first] = connected;
    await create(first, `/bench-${clients}`);
    for (const [i] of connected.entries()) await create(first, `/bench-${clients}/c${i}`);
    const at = (i) => `/bench-${clients}/c${i}`;
    let serial = 0;
    const operations = {
      create: (client, i) => create(client, `${at(i)}/n${serial++}`),
      setData: (client, i) => call((done) => client.setData(at(i), payload, -1, done)),
      getData: (client, i) => call((done) => client.getData(at(i), done)),
    };
    // A JVM compiles what it has seen often; both have seen every operation before they are measured.
    for (const operation of Object.values(operations)) await load(connected, operation, 2);
    for (const [name, operation] of Object.entries(operations)) {
      const { perSecond, p99 } = await load(connected, operation, 3);
      result[`${name}, ${clients} client(s), operations/s`] = perSecond;
      result[`${name}, ${clients} client(s), p99 ms`] = p99;
    }
    for (const client of connected) client.close();
  }
  const dead = await ensemble.killLeader();
  result['first write after SIGKILL of the leader, ms'] = await firstWrite(ensemble.hosts.filter((_, i) => i !== dead));
  return result;
}

/** The largest server with 100,000 znodes of 100 bytes and 1,000 sessions; the embedded one's host runs all services. */
async function memory({ hosts, pids }) {
  const clients = await Promise.all(Array.from({ length: 1000 }, (_, i) => connect(hosts[i % 3])));
  await create(clients[0], '/many');
  let next = 0;
  const lane = async (client) => {
    for (let i = next++; i < 100_000; i = next++) await create(client, `/many/n${i}`);
  };
  await Promise.all(clients.slice(0, 200).map(lane));
  const most = Math.max(...pids.map(pss));
  for (const client of clients) client.close();
  return { '100,000 znodes, 1,000 sessions, MB a server': most };
}

/** Keeps `depth` operations of each client under way. */
async function load(clients, operation, seconds) {
  const latencies = [];
  const started = performance.now();
  const ends = started + seconds * 1000;
  const lane = async (client, i) => {
    while (performance.now() < ends) {
      const begun = performance.now();
      await operation(client, i);
      latencies.push(performance.now() - begun);
    }
  };
  await Promise.all(clients.flatMap((client, i) => Array.from({ length: depth }, () => lane(client, i))));
  const took = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  return { perSecond: latencies.length / took, p99: latencies[Math.floor(latencies.length * 0.99)] };
}

/** Milliseconds until a client of the survivors has a write acknowledged. */
async function firstWrite(hosts) {
  const started = performance.now();
  const client = zookeeper.createClient(hosts.join(','), { sessionTimeout: 4000, spinDelay: 20, retries: 0 });
  client.connect();
  const session = new Promise((resolve) => client.once('connected', resolve));
  await session;
  for (;;) {
    const done = await create(client, `/after-failover-${Math.round(performance.now())}`).then(
      () => true,
      () => false,
    );
    if (done) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  client.close();
  return performance.now() - started;
}

function connect(host) {
  const client = zookeeper.createClient(host, { sessionTimeout: 10_000 });
  return new Promise((resolve) => {
    client.once('connected', () => resolve(client));
    client.connect();
  });
}

function create(client, path) {
  return call((done) => client.create(path, payload, done));
}

function call(start) {
  return new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))));
}
