// npm run bench:zookeeper: the embedded ensemble of three beside the real one, same client, same settings, same run.
// They take turns, round by round, so that whatever else the machine does concerns both; medians of the rounds.
// Words on the command line choose parts: forceSync=no, forceSync=yes, memory, failover, embedded (without the real one).
import zookeeper from 'node-zookeeper-client';
import { startEmbeddedEnsemble } from './embedded-zookeeper.mjs';
import { median, pss, sleep } from './measure.mjs';
import { hasRealZooKeeper, startRealEnsemble } from './real-zookeeper.mjs';

/** Requests a pipelining client has under way. */
const depth = 32;
const payload = Buffer.alloc(100, 'x');
const rounds = 3;
const roundSeconds = 2;

const words = process.argv.slice(2);
const kinds = [{ name: 'embedded', start: startEmbeddedEnsemble }];
if (hasRealZooKeeper() && !words.includes('embedded')) kinds.push({ name: 'real', start: startRealEnsemble });
const parts = words.filter((word) => word !== 'embedded');
const wanted = (part) => parts.length === 0 || parts.includes(part);

table(['', 'embedded', 'real', 'embedded / real']);
if (wanted('memory')) await withEnsembles(['forceSync=no'], memory);
for (const sync of ['forceSync=no', 'forceSync=yes']) if (wanted(sync)) await withEnsembles([sync], throughput);
if (wanted('failover')) await withEnsembles(['forceSync=no'], failover);

async function withEnsembles(settings, measure) {
  const ensembles = [];
  try {
    for (const { name, start } of kinds) ensembles.push({ name, ...(await start(settings)) });
    await measure(ensembles, settings.join(' '));
  } finally {
    await Promise.all(ensembles.map((ensemble) => ensemble.stop()));
  }
}

async function throughput(ensembles, setting) {
  for (const count of [1, 8]) {
    for (const ensemble of ensembles) {
      ensemble.clients = await Promise.all(Array.from({ length: count }, (_, i) => connect(ensemble.hosts[i % 3])));
      await create(ensemble.clients[0], `/bench-${count}`);
      for (const i of ensemble.clients.keys()) await create(ensemble.clients[0], `/bench-${count}/c${i}`);
    }
    const at = (i) => `/bench-${count}/c${i}`;
    let serial = 0;
    const operations = {
      create: (client, i) => create(client, `${at(i)}/n${serial++}`),
      setData: (client, i) => call((done) => client.setData(at(i), payload, -1, done)),
      getData: (client, i) => call((done) => client.getData(at(i), done)),
    };
    // A JVM compiles what it has seen often; both have seen every operation before they are measured.
    for (const operation of Object.values(operations))
      for (const { clients } of ensembles) await load(clients, operation, 2);
    for (const [operation, run] of Object.entries(operations)) {
      const results = ensembles.map(() => []);
      for (let round = 0; round < rounds; round++)
        for (const [i, { clients }] of ensembles.entries()) results[i].push(await load(clients, run, roundSeconds));
      const what = `${setting}: ${operation}, ${count} client(s)`;
      compare(
        `${what}, operations/s`,
        results.map((list) => median(list.map(({ perSecond }) => perSecond))),
      );
      compare(
        `${what}, p99 ms`,
        results.map((list) => median(list.map(({ p99 }) => p99))),
      );
    }
    for (const client of ensembles.flatMap(({ clients }) => clients)) client.close();
  }
}

/** The largest server with 100,000 znodes of 100 bytes and 1,000 sessions: right afterwards, and when it has settled. */
async function memory(ensembles) {
  const now = [];
  const later = [];
  for (const { hosts, pids } of ensembles) {
    const clients = await Promise.all(Array.from({ length: 1000 }, (_, i) => connect(hosts[i % 3])));
    await create(clients[0], '/many');
    let next = 0;
    const lane = async (client) => {
      for (let i = next++; i < 100_000; i = next++) await create(client, `/many/n${i}`);
    };
    await Promise.all(clients.slice(0, 200).map(lane));
    now.push(Math.max(...pids().map(pss)));
    await sleep(10_000);
    later.push(Math.max(...pids().map(pss)));
    for (const client of clients) client.close();
  }
  compare('100,000 znodes, 1,000 sessions, MB a server', now);
  compare('the same ten seconds later, MB a server', later);
}

async function failover(ensembles) {
  const results = ensembles.map(() => []);
  for (let round = 0; round < 2 * rounds - 1; round++)
    for (const [i, ensemble] of ensembles.entries()) {
      const dead = await ensemble.killLeader();
      results[i].push(await firstWrite(ensemble.hosts.filter((_, server) => server !== dead)));
      await ensemble.restart(dead);
    }
  compare('first write after SIGKILL of the leader, ms', results.map(median));
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
  await new Promise((resolve) => client.once('connected', resolve));
  for (;;) {
    const done = await create(client, `/after-failover-${Math.round(performance.now())}`).then(
      () => true,
      () => false,
    );
    if (done) break;
    await sleep(10);
  }
  const took = performance.now() - started;
  client.close();
  return took;
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

function compare(what, [embedded, real]) {
  table([what, embedded.toFixed(1), real?.toFixed(1) ?? 'not measured', real ? (embedded / real).toFixed(2) : '']);
}

function table([what, ...cells]) {
  console.log(what.padEnd(52), ...cells.map((cell) => cell.padStart(16)));
}
