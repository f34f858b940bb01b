// npm run bench:real [-- runs]: the real engine in Docker, on images that stand in for the real ones (ZooKeeper is the
// real one), against the same containers started by the engine's API alone. Nothing here passes or fails; figures are
// for people to compare, as ratios within one run.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Docker from 'dockerode';
import { devcluster, median } from './measure.mjs';
import { startBare } from './real-bare.mjs';

const runs = Number(process.argv[2] ?? 3);
const state = mkdtempSync(join(tmpdir(), 'bench-real-'));
const name = `bench-real-${process.pid}`;
const image = (tag) => `devcluster-test/${tag}`;
const config = {
  engine: 'mesos',
  samples: false,
  // The images have all they need.
  images: { dockerCli: 'none' },
  components: {
    zookeeper: { image: image('zookeeper:3.8') },
    'mesos-master': { image: image('mesos:1.11') },
    'mesos-agent': { image: image('mesos:1.11') },
    marathon: { image: image('marathon:v1.11') },
    'mesos-dns': { image: image('avhost/mesos-dns:latest') },
  },
};
const file = join(state, 'devcluster.yml');
writeFileSync(file, JSON.stringify(config));
const command = (...args) =>
  devcluster({ XDG_STATE_HOME: state, DEVCLUSTER_NAME: name, DEVCLUSTER_RUNTIME: 'docker' }, ...args, '--config', file);
const docker = new Docker();
const figures = new Map();
const note = (what, seconds) => {
  figures.set(what, [...(figures.get(what) ?? []), seconds]);
  console.error(`${what}: ${seconds.toFixed(2)} s`);
};

try {
  execFileSync(process.execPath, [fileURLToPath(new URL('../docker/images/build.mjs', import.meta.url))], {
    stdio: 'inherit',
  });
  // The image of the networks' holders is made once.
  await command('up', '--nodes', '1', '--pull', 'never');
  await command('down');
  for (let i = 0; i < runs; i++) await round();
  table();
} finally {
  await command('down').catch(() => {});
  rmSync(state, { recursive: true, force: true });
}

async function round() {
  const { seconds, stderr } = await command('up', '--pull', 'never', '--verbose');
  note('up', seconds);
  const of = (pattern) => Number(pattern.exec(stderr)?.[1]);
  note('images to ready', of(/^Ready ([\d.]+) s/m));
  note('slowest chain', of(/^The slowest chain: ([\d.]+) s/m));
  note("devcluster's own", of(/^devcluster's own: ([\d.]+) s/m));
  note('planning', of(/planning ([\d.]+)/));
  note('starting the first', of(/starting what the chain began with ([\d.]+)/));
  note('noticing', of(/noticing ([\d.]+)/));
  note('status', (await command('status')).seconds);
  const { plan, site } = JSON.parse(readFileSync(join(state, 'devcluster', name, 'cluster.json'), 'utf8'));
  const found = await docker.listContainers({ filters: { label: [`devcluster.cluster=${name}`] } });
  const containers = await Promise.all(found.map(({ Id }) => docker.getContainer(Id).inspect()));
  note('down', (await command('down')).seconds);
  const bare = await startBare(docker, { plan, subnet: site.subnet, containers });
  note('bare: all started', bare.startedSeconds);
  note('bare: ready', bare.readySeconds);
  note('bare: removal', await bare.remove());
}

function table() {
  const of = (what) => median(figures.get(what));
  const rows = [
    ['up, from the shell', of('up'), ''],
    ['  images there to ready', of('images to ready'), ''],
    ["  the slowest chain of the services' own start-ups", of('slowest chain'), ''],
    ['  all else', of("devcluster's own"), 'at most 1'],
    ["    the engine's start of what the chain began with", of('starting the first'), ''],
    ["    devcluster's planning and noticing", of('planning') + of('noticing'), ''],
    ['the same containers by the API alone: all started', of('bare: all started'), ''],
    ['the same containers by the API alone: ready', of('bare: ready'), ''],
    ['  images there to ready / bare', of('images to ready') / of('bare: ready'), ''],
    ['status', of('status'), 'under 0.5'],
    ['down', of('down'), ''],
    ['bare removal', of('bare: removal'), ''],
    ['  down / bare', of('down') / of('bare: removal'), 'at most 1.3'],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  for (const [what, value, aim] of rows) console.log(`${what.padEnd(width)}  ${value.toFixed(2).padStart(8)}  ${aim}`);
}
