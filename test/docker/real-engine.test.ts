import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { type Component, components } from '../../src/protocols/versions.ts';
import { findPrograms } from '../../src/runtime/process/programs.ts';
import { httpCall } from '../../src/support/http-client.ts';
import { createWorkplace, type Result, type Workplace } from '../integration/devcluster.ts';
import { skipped } from '../support/skipped.ts';
import { bundle } from './images/build.ts';
import { images, layers, testImages } from './images/definitions.ts';
import { hasRegistry, publish, type Registry, startRegistry } from './registry.ts';
import { engineAnswers } from './test-engine.ts';

/** A YAML file with references by component, and under `upgrade` those to upgrade to: the suite runs on these images. */
const imagesFile = process.env.DEVCLUSTER_TEST_IMAGES;
type References = Partial<Record<Component, string>> & {
  upgrade?: Partial<Record<Component, string>>;
  'docker-cli'?: string;
};
const given = imagesFile === undefined ? undefined : (parse(readFileSync(imagesFile, 'utf8')) as References);

const answers = await engineAnswers();
if (given && !answers)
  throw new Error(`${imagesFile} can't be tried: no Docker engine answers. Start one, or set DOCKER_HOST.`);
const none = skipped(
  answers && (given !== undefined || (hasRegistry() && hasZooKeeper())),
  'the real engine',
  'it needs a Docker engine, and docker-registry and zookeeper of Debian or --images',
);

function hasZooKeeper(): boolean {
  try {
    return findPrograms([{ component: 'zookeeper' }], undefined, process.env) !== undefined;
  } catch {
    return false;
  }
}

interface Status {
  state: string;
  engine: string;
  endpoints: { mesos: string; marathon: string };
  nodes: {
    name: string;
    address: string;
    services: {
      component: Component;
      ready: boolean;
      leader: boolean;
      engine: string;
      image: string;
      version: string;
    }[];
  }[];
  mesos: { leader: string; agents: number };
}
type App = { id: string; tasksRunning: number; tasks: { id: string; host: string; ports: number[] }[] };

/**
 * On a busy machine programs get no time for seconds, and agents are stopped and started here: what suits development
 * would take them for dead.
 */
const patience: Partial<Record<Component, Record<string, string | number>>> = {
  'mesos-master': { zk_session_timeout: '10secs', agent_ping_timeout: '15secs', max_agent_ping_timeouts: 5 },
  'mesos-agent': { zk_session_timeout: '10secs' },
  marathon: { zk_session_timeout: 10_000 },
};

/** For what takes programs that end and start again. */
const slowly = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 250 });

/** Components that the images leave out are embedded. */
const isReal = (component: Component) => given === undefined || given[component] !== undefined;
const realMesos = isReal('mesos-agent');
const withoutStandIns = skipped(given === undefined, 'what needs the stand-ins', 'other images are given');
const withoutMesos = skipped(realMesos, 'what needs real masters and agents', 'the images that are given have none');
const withoutGiven = skipped(
  given !== undefined && realMesos,
  'a Docker app that serves by what the image of Mesos has',
  'no image of Mesos is given, and the stand-ins have other Docker tests',
);

/** Everything runs in containers of their own, from images that were pulled by reference. */
describe.skipIf(none)('a cluster of real programs', () => {
  const docker = new Docker();
  let registry: Registry | undefined;
  let place: Workplace;
  let references: References;
  let made: Result;

  const configure = async (extra: References = {}) => {
    const chosen = components.flatMap((component) => {
      const image = extra[component] ?? references[component];
      const flags = patience[component] ?? {};
      return [[component, image === undefined ? { engine: 'embedded', flags } : { image, flags }]];
    });
    await writeFile(
      join(place.folder, 'devcluster.yml'),
      // Every published port costs the engine time, and few are used here.
      JSON.stringify({
        engine: 'mesos',
        samples: false,
        nodes: [{ ports: 8 }, { ports: 8 }, { ports: 8 }],
        components: Object.fromEntries(chosen),
        images: { dockerCli: references['docker-cli'] ?? 'none' },
      }),
    );
  };
  const container = (node: string, component: Component) =>
    docker.getContainer(`devcluster-${place.cluster}-${node}-${component}`);
  const servicesOf = (status: Status, component: Component) =>
    status.nodes.flatMap(({ services }) => services.filter((service) => service.component === component));
  const app = (id: string) => slowly(async () => (await place.json<App[]>('apps')).find((each) => each.id === id));
  const deploy = async (id: string) => {
    const definition = { id, cmd: 'echo begins; exec sleep 3600', instances: 3, cpus: 0.1, mem: 32 };
    await writeFile(
      join(place.folder, `${id.slice(1)}.json`),
      JSON.stringify({ ...definition, constraints: [['node', 'UNIQUE']] }),
    );
    return place.json<{ deployments: { state: string }[] }>('deploy', `${id.slice(1)}.json`);
  };

  beforeAll(async () => {
    place = await createWorkplace({ env: { DEVCLUSTER_RUNTIME: 'docker' } });
    if (given) references = given;
    else {
      registry = await startRegistry();
      await publish(registry, images, layers(await bundle()));
      const at = (name: string) => `${registry!.host}/${name}`;
      references = {
        zookeeper: at(testImages.zookeeper),
        'mesos-master': at(testImages.mesos),
        'mesos-agent': at(testImages.mesos),
        marathon: at(testImages.marathon),
        'mesos-dns': at(testImages.mesosDnsFork),
        upgrade: { 'mesos-master': at(testImages.mesosNext), 'mesos-agent': at(testImages.mesosNext) },
      };
    }
    await configure();
    made = await place.run('up', '--json', '--verbose');
    expect(made.code, made.stdout + made.stderr).toBe(0);
    // Some four hundred megabytes go into the registry and out again before that.
  }, 600_000);

  afterAll(async () => {
    await place?.close();
    if (registry) {
      for (const { tag } of images)
        await docker
          .getImage(`${registry.host}/${tag}`)
          .remove()
          .catch(() => {});
      await registry.close();
    }
  });

  it('runs from the images that were pulled, which are pinned, and has leaders', async () => {
    const status = await place.json<Status>('status');
    const engine = components.every(isReal) ? 'mesos' : 'mixed';
    expect(status).toMatchObject({ state: 'running', engine, mesos: { agents: 3 } });
    for (const component of components) {
      const services = servicesOf(status, component);
      expect(services.map(({ ready, engine, image }) => ({ ready, engine, image }))).toEqual(
        services.map(() =>
          isReal(component)
            ? { ready: true, engine: 'mesos', image: references[component] }
            : { ready: true, engine: 'embedded' },
        ),
      );
    }
    for (const component of ['zookeeper', 'mesos-master', 'marathon'] as const)
      expect(servicesOf(status, component).filter(({ leader }) => leader)).toHaveLength(1);
    // An image that was built on this machine has no digest to be pinned by.
    const lock = await readFile(join(place.folder, 'devcluster.lock'), 'utf8').catch(() => '{"images":{}}');
    const { images: pinned } = JSON.parse(lock);
    const listed = await place.json<{ images: { reference: string; digest: string; pinned: string }[] }>(
      'images',
      'list',
    );
    for (const { reference, digest } of listed.images) expect(pinned[reference] ?? digest).toBe(digest);
    if (!given) expect(Object.keys(pinned).sort()).toEqual([...new Set(components.map((c) => references[c]!))].sort());
  });

  it('came up in a time of which --verbose tells who took it', () => {
    expect(JSON.parse(made.stdout)).toMatchObject({ state: 'running' });
    const lines = made.stderr.split('\n');
    const figures = (id: string) => expect.stringMatching(new RegExp(`^  ${id} +[\\d.]+ +[\\d.]+ +[\\d.]+$`));
    for (const component of components)
      for (const node of ['node-1', 'node-2', 'node-3']) expect(lines).toContainEqual(figures(`${node}/${component}`));
    expect(lines).toContainEqual(expect.stringMatching(/^The slowest chain: [\d.]+ s \(node-\d\/[a-z-]+ [\d.]+/));
    expect(lines).toContainEqual(expect.stringMatching(/^devcluster's own: [\d.]+ s \(planning [\d.]+, starting/));
  });

  it.skipIf(withoutMesos)('gives an agent the processes, rights and paths without which its tasks fail', async () => {
    const { HostConfig, Mounts, Config } = await container('node-1', 'mesos-agent').inspect();
    expect(HostConfig).toMatchObject({ PidMode: 'host', CapAdd: ['CAP_SYS_ADMIN', 'CAP_SYS_PTRACE'].map(plain) });
    const workDir = Config.Cmd?.find((word) => word.startsWith('--work_dir='))?.slice('--work_dir='.length) ?? '';
    const volume = Mounts.find(({ Type, Destination }) => Type === 'volume' && workDir.startsWith(Destination));
    expect(volume?.Source).toBe(volume?.Destination);
    expect(Config.Cmd).toEqual(
      expect.arrayContaining(['--docker_kill_orphans=false', '--launcher=posix', '--docker=/etc/devcluster/docker']),
    );
  });

  it("runs an app, whose tasks outlive a restart of their agent's process", async () => {
    const { deployments } = await deploy('/steady');
    expect(deployments).toMatchObject([{ state: 'success' }]);
    const before = await app('/steady');
    expect(before?.tasksRunning).toBe(3);
    const ofContainer = async () =>
      realMesos ? (await container('node-2', 'mesos-agent').inspect()).State.Pid : undefined;
    const pid = await ofContainer();
    await place.json('restart', 'node-2/mesos-agent');
    expect(await ofContainer()).toBe(pid);
    const after = await app('/steady');
    expect(after?.tasks.map(({ id }) => id).sort()).toEqual(before?.tasks.map(({ id }) => id).sort());
    expect(after?.tasksRunning).toBe(3);
  });

  it("keeps an agent ended that was stopped, with its tasks, until 'up' starts it again", async () => {
    await deploy('/patient');
    await place.json('stop', 'node-3/mesos-agent');
    const agents = async () => {
      const status = await place.json<Status>('status');
      return servicesOf(status, 'mesos-agent').map(({ ready }) => ready);
    };
    expect(await agents()).toEqual([true, true, false]);
    const before = (await app('/patient'))?.tasks.map(({ id }) => id).sort();
    await place.json('up');
    expect(await agents()).toEqual([true, true, true]);
    expect((await app('/patient'))?.tasks.map(({ id }) => id).sort()).toEqual(before);
  });

  it.skipIf(withoutMesos)('has another leader when one ends, and the ended program again', async () => {
    const before = await place.json<Status>('status');
    const leader = before.nodes.find(({ services }) =>
      services.some((s) => s.component === 'mesos-master' && s.leader),
    );
    const startedAt = (await container(leader!.name, 'mesos-master').inspect()).State.StartedAt;
    // Killed by a request of the engine's, it would not be started again.
    const kill = await container(leader!.name, 'mesos-master').exec({ Cmd: ['/bin/sh', '-c', 'kill -9 -1'] });
    await kill.start({ Detach: true });
    await slowly(async () => {
      expect((await container(leader!.name, 'mesos-master').inspect()).State.StartedAt).not.toBe(startedAt);
      const after = await place.json<Status>('status');
      expect(after).toMatchObject({ state: 'running', mesos: { agents: 3 } });
      const masters = servicesOf(after, 'mesos-master');
      expect(masters.map(({ ready }) => ready)).toEqual([true, true, true]);
      expect(masters.filter((master) => master.leader)).toHaveLength(1);
    });
  });

  it.skipIf(withoutGiven)('runs a Docker app that is healthy, reached and known by name', async () => {
    const serve = `$s=IO::Socket::INET->new(LocalPort=>8000,Listen=>5,ReuseAddr=>1);while($c=$s->accept){<$c>;print $c "HTTP/1.0 200 OK\\r\\n\\r\\nfrom perl";close $c}`;
    const definition = {
      id: '/boxed',
      cmd: `exec perl -MIO::Socket::INET -e '${serve}'`,
      instances: 2,
      cpus: 0.1,
      mem: 32,
      constraints: [['node', 'UNIQUE']],
      container: {
        type: 'DOCKER',
        docker: { image: references['mesos-agent'] },
        portMappings: [{ containerPort: 8000, hostPort: 0 }],
      },
      networks: [{ mode: 'container/bridge' }],
      healthChecks: [{ protocol: 'MESOS_TCP', portIndex: 0, intervalSeconds: 1, gracePeriodSeconds: 60 }],
    };
    await writeFile(join(place.folder, 'boxed.json'), JSON.stringify(definition));
    await place.json('deploy', 'boxed.json');
    const boxed = await app('/boxed');
    expect(boxed?.tasks).toHaveLength(2);
    for (const { host, ports } of boxed?.tasks ?? [])
      for (const address of ['127.0.0.1', host])
        await slowly(async () => {
          const reply = await httpCall(`http://${address}:${ports[0]}/`, { timeoutMs: 1000 });
          expect(reply.body.toString()).toBe('from perl');
        });
    await slowly(async () => {
      const { answers } = await place.json<{ answers: unknown[] }>('dns', 'boxed.marathon.mesos');
      expect(answers).toHaveLength(2);
    });
    await place.json('remove', '/boxed');
  });

  it.skipIf(withoutStandIns)("gives Docker tasks of a real agent their place in the cluster's network", async () => {
    const status = await place.json<Status>('status');
    const node = status.nodes[0]!;
    const agent = container(node.name, 'mesos-agent');
    const { Config } = await agent.inspect();
    const port = /ports:\[(\d+)-/.exec(Config.Cmd?.join(' ') ?? '')?.[1] ?? '';
    const name = `mesos-test-${process.pid}`;
    const program = `require("http").createServer((q, r) => r.end("from " + require("os").hostname())).listen(8000)`;
    // As the agent's executor would, in the agent's container.
    const exec = await agent.exec({
      Cmd: [
        ...['/etc/devcluster/docker', '-H', 'unix:///var/run/docker.sock', 'run', '--net', 'bridge', '--name', name],
        ...[
          '-p',
          `${port}:8000/tcp`,
          '--hostname',
          'task',
          '--entrypoint',
          'node',
          references['mesos-agent']!,
          '-e',
          program,
        ],
      ],
    });
    await exec.start({ Detach: true });
    try {
      // From this machine by the published port, and from another node by the node's address.
      await slowly(async () => {
        const reply = await httpCall(`http://127.0.0.1:${port}/`, { timeoutMs: 1000 });
        expect(reply.body.toString()).toBe('from task');
      });
      const other = await container('node-2', 'mesos-agent').exec({
        Cmd: ['node', '-e', `fetch("http://${node.address}:${port}/").then((r) => r.text()).then(console.log)`],
        AttachStdout: true,
      });
      const output = await other.start({});
      const chunks: string[] = [];
      for await (const chunk of output) chunks.push(String(chunk));
      expect(chunks.join('')).toContain('from task');
      const labelled = await docker.getContainer(name).inspect();
      expect(labelled.Config.Labels).toMatchObject({ 'devcluster.node': node.name, 'devcluster.kind': 'task' });
    } finally {
      await docker.getContainer(name).remove({ force: true });
    }
    // Nobody listens for a task that is gone.
    await slowly(async () => {
      await expect(httpCall(`http://${node.address}:${port}/`, { timeoutMs: 1000 })).rejects.toThrow();
    });
  });

  it('takes other images node by node, and keeps its apps', async () => {
    const upgrade = references.upgrade ?? {};
    if (Object.keys(upgrade).length === 0) return;
    await deploy('/kept');
    await configure(upgrade);
    await place.json('up');
    const status = await place.json<Status>('status');
    for (const [component, image] of Object.entries(upgrade))
      expect(servicesOf(status, component as Component).map((service) => service.image)).toEqual(
        servicesOf(status, component as Component).map(() => image),
      );
    await slowly(async () => expect((await app('/kept'))?.tasksRunning).toBe(3));
  });

  it.skipIf(withoutStandIns)('says what is missing when the image of agents has no docker command', async () => {
    const other = await createWorkplace({ env: { DEVCLUSTER_RUNTIME: 'docker' } });
    try {
      const at = (name: string) => `${registry!.host}/${name}`;
      await writeFile(
        join(other.folder, 'devcluster.yml'),
        JSON.stringify({
          nodes: 1,
          samples: false,
          components: {
            'mesos-master': { engine: 'mesos', image: at(testImages.mesos) },
            'mesos-agent': { engine: 'mesos', image: at(testImages.mesosBare) },
          },
        }),
      );
      const { code, stdout } = await other.run('up', '--json');
      const { error } = JSON.parse(stdout);
      expect({ code, error: error.code }).toEqual({ code: 3, error: 'NO_DOCKER_CLI' });
      expect(error.message).toContain('Failed to get docker version');
      const left = await docker.listContainers({
        all: true,
        filters: { label: [`devcluster.cluster=${other.cluster}`] },
      });
      expect(left).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it.skipIf(withoutStandIns)(
    'mixes with embedded servers, and waits for a Marathon that starts slowly and starts again when it ends',
    async () => {
      const other = await createWorkplace({ env: { DEVCLUSTER_RUNTIME: 'docker' } });
      let up: ReturnType<Workplace['start']> | undefined;
      try {
        const mesos = { engine: 'mesos', image: references['mesos-agent']! };
        const env = { HOLD_UNTIL: '/tmp/go', JAVA_OPTS: '-Xmx256m' };
        await writeFile(
          join(other.folder, 'devcluster.yml'),
          JSON.stringify({
            engine: 'embedded',
            nodes: [{ ports: 4 }],
            samples: false,
            components: {
              'mesos-master': { ...mesos, flags: patience['mesos-master'] },
              'mesos-agent': { ...mesos, flags: patience['mesos-agent'] },
              marathon: { engine: 'mesos', image: references.marathon!, env, flags: patience.marathon },
            },
          }),
        );
        up = other.start(['up', '--json', '--verbose']);
        let said = '';
        up.child.stderr?.on('data', (chunk) => {
          said += chunk;
        });
        await vi.waitFor(
          () => {
            expect(said).toContain('✔ Mesos agents');
            expect(said).toContain('Marathon: node-1/marathon: it does not listen yet');
          },
          { timeout: 120_000, interval: 100 },
        );
        expect(said).not.toContain('✔ Marathon');
        const program = docker.getContainer(`devcluster-${other.cluster}-node-1-marathon`);
        const run = async (command: string) => {
          const exec = await program.exec({ Cmd: ['/bin/sh', '-c', command] });
          await exec.start({ Detach: true });
        };
        // Its container may not have been started yet.
        await slowly(() => run('touch /tmp/go'));
        const { code, stdout, stderr } = await up.ended;
        expect(code, stdout + stderr).toBe(0);
        const status: Status = JSON.parse(stdout);
        expect(status).toMatchObject({ state: 'running', engine: 'mixed' });
        expect(
          Object.fromEntries(status.nodes[0]!.services.map(({ component, engine }) => [component, engine])),
        ).toEqual({
          zookeeper: 'embedded',
          'mesos-master': 'mesos',
          'mesos-agent': 'mesos',
          marathon: 'mesos',
          'mesos-dns': 'embedded',
        });
        // The image's own user; the user's own heap, whose limit nobody knows.
        const { Config, HostConfig, State } = await program.inspect();
        expect({ user: Config.User, memory: HostConfig.Memory }).toEqual({ user: 'nobody', memory: 0 });
        expect(Config.Env).toContain('JAVA_OPTS=-Xmx256m');
        // As a leader that lost its leadership ends.
        await run('kill -9 -1');
        await slowly(async () => {
          expect((await program.inspect()).State.StartedAt).not.toBe(State.StartedAt);
          expect(await other.json<Status>('status')).toMatchObject({ state: 'running' });
        });
      } finally {
        up?.child.kill('SIGINT');
        await up?.ended;
        await other.close();
      }
    },
  );

  it('is not begun when images are missing and none may be pulled', async () => {
    const other = await createWorkplace({ env: { DEVCLUSTER_RUNTIME: 'docker' } });
    try {
      const image = 'devcluster-test/that-nobody-has:1';
      await writeFile(
        join(other.folder, 'devcluster.yml'),
        JSON.stringify({ nodes: 1, samples: false, components: { zookeeper: { engine: 'mesos', image } } }),
      );
      const { code, stdout } = await other.run('up', '--pull', 'never', '--json');
      expect({ code, error: JSON.parse(stdout).error }).toMatchObject({
        code: 3,
        error: { code: 'IMAGES_MISSING', details: { missing: [image] } },
      });
      const filters = { label: [`devcluster.cluster=${other.cluster}`] };
      expect(await docker.listContainers({ all: true, filters })).toEqual([]);
      expect(await docker.listNetworks({ filters })).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it('leaves nothing behind', async () => {
    await place.json('down');
    const filters = { label: [`devcluster.cluster=${place.cluster}`] };
    expect(await docker.listContainers({ all: true, filters })).toEqual([]);
    expect(await docker.listNetworks({ filters })).toEqual([]);
    expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([]);
    expect(existsSync(join(place.stateHome, 'devcluster', place.cluster))).toBe(false);
  });
});

/** Engines name a capability with or without its prefix. */
function plain(capability: string): unknown {
  return expect.stringMatching(new RegExp(`^(CAP_)?${capability.replace('CAP_', '')}$`));
}
