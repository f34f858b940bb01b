// npm run bench:docker [-- runs]: the Docker runtime against what the engine needs for the same containers, and against
// docker-compose. Nothing here passes or fails; figures are for people to compare.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { devcluster, median, run } from './measure.mjs';

const runs = Number(process.argv[2] ?? 5);
const state = mkdtempSync(join(tmpdir(), 'bench-docker-'));
const name = `bench-${process.pid}`;
const of = (runtime) => ({
  XDG_STATE_HOME: state,
  DEVCLUSTER_NAME: name,
  DEVCLUSTER_RUNTIME: runtime,
  DEVCLUSTER_ENGINE: 'embedded',
});
const docker = new Docker();
const figures = {};
const note = (what, seconds) => {
  figures[what] = [...(figures[what] ?? []), seconds];
  console.error(`${what}: ${seconds.toFixed(2)} s`);
};

try {
  // The image is made once; that is a figure of its own.
  await imageSize();
  for (let i = 0; i < runs; i++) await round();
  table();
} finally {
  for (const runtime of ['docker', 'process']) await devcluster(of(runtime), 'down').catch(() => {});
  rmSync(state, { recursive: true, force: true });
}

async function imageSize() {
  const before = new Set((await docker.listImages()).map(({ Id }) => Id));
  const first = (await devcluster(of('docker'), 'up', '--no-samples')).seconds;
  const again = (await devcluster(of('docker'), 'restart')).seconds;
  const [made] = (await docker.listImages({ filters: { label: ['devcluster.image=embedded'] } })).sort(
    (a, b) => b.Created - a.Created,
  );
  console.error(`image: ${(made.Size / 1e6).toFixed(1)} MB${before.has(made.Id) ? ', was here' : ', made by this up'}`);
  console.error(`first up: ${first.toFixed(2)} s; restart: ${again.toFixed(2)} s`);
  figures.megabytes = [made.Size / 1e6];
  await devcluster(of('docker'), 'down');
}

async function round() {
  note('up, process', (await devcluster(of('process'), 'up', '--no-samples')).seconds);
  await devcluster(of('process'), 'down');
  note('up, docker', (await devcluster(of('docker'), 'up', '--no-samples')).seconds);
  note('status', (await devcluster(of('docker'), 'status')).seconds);
  const specs = await ownContainers();
  note('down, docker', (await devcluster(of('docker'), 'down')).seconds);
  await bare(specs);
  await compose();
}

/** How the cluster's containers would be made again, but for what runs in them. */
async function ownContainers() {
  const found = await docker.listContainers({ filters: { label: [`devcluster.cluster=${name}`] } });
  return Promise.all(
    found.map(async ({ Id }) => {
      const { Config, HostConfig, NetworkSettings, Name } = await docker.getContainer(Id).inspect();
      const [[network, { IPAMConfig }]] = Object.entries(NetworkSettings.Networks);
      return {
        name: `${Name.slice(1)}-bare`,
        Image: Config.Image,
        Hostname: Config.Hostname,
        ExposedPorts: Config.ExposedPorts,
        Entrypoint: ['sleep', 'infinity'],
        HostConfig: { ...HostConfig, NetworkMode: network },
        NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig } } },
        network,
        address: IPAMConfig.IPv4Address,
      };
    }),
  );
}

async function bare(specs) {
  const subnet = `${specs[0].address.split('.').slice(0, 3).join('.')}.0/24`;
  const network = await docker.createNetwork({ Name: specs[0].network, IPAM: { Config: [{ Subnet: subnet }] } });
  const containers = [];
  try {
    let begun = performance.now();
    await Promise.all(
      specs.map(async ({ network: _, address: __, ...options }) => {
        const container = await docker.createContainer(options);
        containers.push(container);
        await container.start();
      }),
    );
    note('bare create and start', (performance.now() - begun) / 1000);
    begun = performance.now();
    await Promise.all(containers.map((container) => container.remove({ force: true, v: true })));
    containers.length = 0;
    note('bare removal', (performance.now() - begun) / 1000);
  } finally {
    await Promise.all(containers.map((container) => container.remove({ force: true, v: true }).catch(() => {})));
    await network.remove();
    for (const { HostConfig } of specs)
      for (const { Type, Source } of HostConfig.Mounts ?? [])
        if (Type === 'volume')
          await docker
            .getVolume(Source)
            .remove()
            .catch(() => {});
  }
}

async function compose() {
  const program = ['/usr/bin/docker-compose', 'docker-compose'].find((path) => {
    try {
      execFileSync(path, ['version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (!program) return;
  const file = join(state, 'docker-compose.yml');
  const generated = await devcluster(of('docker'), 'generate', 'compose', '-o', file, '--yes').catch(() => undefined);
  if (!generated) return;
  note('docker-compose up -d', (await run(program, ['-f', file, '-p', name, 'up', '-d'])).seconds);
  note('docker-compose down', (await run(program, ['-f', file, '-p', name, 'down', '-v'])).seconds);
}

function table() {
  const of = (what) => (figures[what] ? median(figures[what]) : Number.NaN);
  const rows = [
    ['up --no-samples, process', of('up, process'), ''],
    ['bare parallel create and start of the same containers', of('bare create and start'), ''],
    ['up --no-samples, docker', of('up, docker'), ''],
    ['  / (process + bare)', of('up, docker') / (of('up, process') + of('bare create and start')), 'at most 1.3'],
    ['status', of('status'), 'under 0.5'],
    ['bare parallel removal', of('bare removal'), ''],
    ['down, docker', of('down, docker'), ''],
    ['  / bare', of('down, docker') / of('bare removal'), 'at most 1.3'],
    ['docker-compose up -d', of('docker-compose up -d'), 'not faster than up'],
    ['docker-compose down', of('docker-compose down'), 'not faster than down'],
    ['image, MB', of('megabytes'), 'at most 140'],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  for (const [what, value, aim] of rows) console.log(`${what.padEnd(width)}  ${value.toFixed(2).padStart(8)}  ${aim}`);
}
