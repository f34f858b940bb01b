import { describe, expect, it } from 'vitest';
import { applyDefaults } from '../../../src/config/defaults.ts';
import type { RawConfig } from '../../../src/config/types.ts';
import { imageOf, imageSets, imagesOf, suitableSet, tagOf, unsuitable } from '../../../src/plan/image-sets.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import type { ImageSetName, ServicePlan } from '../../../src/plan/types.ts';
import { type Component, components } from '../../../src/protocols/versions.ts';
import { makeSite } from '../cluster/fakes.ts';

function servicesOf(raw: RawConfig = {}, imageSet: ImageSetName = 'clusterd') {
  const config = applyDefaults(raw, 'test');
  const site = { ...makeSite(config), imageSet };
  const plan = makePlan({ config, site, runtime: 'docker', engine: 'mesos' });
  const node = plan.nodes[0]!;
  const service = (component: Component): ServicePlan =>
    node.units.flatMap(({ services }) => services).find((each) => each.component === component)!;
  return { plan, node, service };
}

describe('the plan of real programs in Docker', () => {
  it('gives every service a unit and an image of its own', () => {
    const { plan, node } = servicesOf();
    expect(plan.engine).toBe('mesos');
    expect(node.units.map(({ id }) => id)).toEqual(components.map((component) => `node-1/${component}`));
    for (const { services } of node.units)
      expect(services[0]?.image).toBe(imageOf(applyDefaults({}, 'x'), services[0]!.component, 'clusterd').reference);
  });

  it("tells ZooKeeper's image all by its variables", () => {
    const { args, env, container } = servicesOf({
      components: { zookeeper: { flags: { jute_maxbuffer: 5 } } },
    }).service('zookeeper');
    expect(args).toEqual([]);
    expect(env).toMatchObject({
      ZOO_MY_ID: '1',
      ZOO_ADMINSERVER_ENABLED: 'false',
      ZOO_4LW_COMMANDS_WHITELIST: '*',
      ZOO_TICK_TIME: '500',
    });
    expect(env.ZOO_SERVERS?.split(' ')).toHaveLength(3);
    expect(env.ZOO_SERVERS).toMatch(/^server\.1=[\d.]+:\d+:\d+;\d+ /);
    expect(env.ZOO_CFG_EXTRA?.split(' ')).toEqual(['maxSessionTimeout=20000', 'forceSync=no', 'jute_maxbuffer=5']);
    expect(container?.volumes).toEqual(['/data', '/datalog']);
  });

  it("gives ZooKeeper short ticks and masters short sessions, unless production's are asked for", () => {
    const development = servicesOf();
    expect(development.service('zookeeper').env).toMatchObject({
      ZOO_TICK_TIME: '500',
      ZOO_INIT_LIMIT: '40',
      ZOO_SYNC_LIMIT: '6',
    });
    expect(development.service('mesos-master').args).toContain('--zk_session_timeout=2secs');
    const production = servicesOf({ timing: 'production' });
    expect(production.service('zookeeper').env).toMatchObject({
      ZOO_TICK_TIME: '2000',
      ZOO_INIT_LIMIT: '10',
      ZOO_SYNC_LIMIT: '5',
    });
    expect(production.service('mesos-master').args.join(' ')).not.toContain('zk_session_timeout');
  });

  it('gives masters an init, and no rights that they do not need', () => {
    expect(servicesOf().service('mesos-master').container).toMatchObject({
      entrypoint: ['mesos-master'],
      init: true,
      restart: true,
      hostPid: false,
      capabilities: { add: [], drop: ['ALL'] },
    });
  });

  it("lets agents see their tasks' processes, and restarts them inside their containers", () => {
    const { args, files, container } = servicesOf().service('mesos-agent');
    expect(container).toMatchObject({
      entrypoint: ['/bin/sh', '/etc/devcluster/supervise', 'mesos-agent'],
      hostPid: true,
      capabilities: { add: ['SYS_ADMIN', 'SYS_PTRACE'] },
      supervisor: { stop: 'SIGUSR1', start: 'SIGUSR2', stoppedFile: '/tmp/.devcluster-stopped' },
    });
    // Writable, since agents before Mesos 1.10 set the limits of tasks anew after their restart, or else end them.
    expect(container?.binds.map(({ source, readOnly }) => [source, readOnly])).toEqual([
      ['/var/run/docker.sock', false],
      ['/sys/fs/cgroup', false],
    ]);
    expect(args).toEqual(
      expect.arrayContaining([
        '--launcher=posix',
        '--docker_kill_orphans=false',
        '--docker=/etc/devcluster/docker',
        '--containerizers=docker,mesos',
        '--systemd_enable_support=false',
      ]),
    );
    expect(files.map(({ path, mode }) => [path, mode])).toEqual([
      ['/etc/devcluster/supervise', 0o755],
      ['/etc/devcluster/docker', 0o755],
    ]);
    expect(files[1]?.content).toContain("node='node-1'");
  });

  it('gives agents a docker command in a volume of the cluster', () => {
    expect(servicesOf().service('mesos-agent').container?.programs).toBeUndefined();
    const { container } = servicesOf({ images: { dockerCli: 'docker:28-cli' } }).service('mesos-agent');
    expect(container?.programs).toEqual({
      image: 'docker:28-cli',
      folder: '/usr/local/bin',
      volume: expect.stringMatching(/^devcluster-test-docker-cli-[0-9a-f]{8}$/),
      target: '/opt/devcluster',
    });
  });

  it('bounds the memory of Marathon, unless the user sizes its heap', () => {
    const own = servicesOf().service('marathon');
    expect(own.env.JAVA_OPTS).toContain('-Xmx512m');
    expect(own.env.LIBPROCESS_IP).toMatch(/^[\d.]+$/);
    expect(own.container?.memory).toBe(2 ** 30);
    const sized = servicesOf({ components: { marathon: { env: { JAVA_OPTS: '-Xmx2g' } } } }).service('marathon');
    expect(sized.env.JAVA_OPTS).toBe('-Xmx2g');
    expect(sized.container?.memory).toBeUndefined();
  });

  it("leaves Marathon its image's own user, and gives programs on a JVM more time to start", () => {
    const { service } = servicesOf();
    expect(service('marathon').container?.user).toBeUndefined();
    expect([service('zookeeper').startSeconds, service('marathon').startSeconds]).toEqual([120, 180]);
    expect(service('mesos-master').startSeconds).toBeUndefined();
  });

  it('runs what a set has no image of by the embedded engine', () => {
    const { plan, service } = servicesOf({}, 'native-arm64');
    expect(plan.engine).toBe('mixed');
    expect(service('marathon')).toMatchObject({ engine: 'embedded' });
    expect(service('marathon').image).toBeUndefined();
    expect(service('mesos-master').engine).toBe('mesos');
  });

  it('mixes as the configuration asks', () => {
    const { service } = servicesOf({
      components: {
        marathon: { engine: 'embedded' },
        'mesos-dns': { engine: 'embedded' },
        zookeeper: { version: '3.8' },
      },
    });
    expect(service('marathon').engine).toBe('embedded');
    expect(service('zookeeper').image).toBe('zookeeper:3.8');
    expect(service('zookeeper').version).toBe('3.8');
  });
});

describe('sets of images', () => {
  const config = (raw: RawConfig = {}) => applyDefaults(raw, 'x');

  it('have an image with a tag and a platform for each component, but for what they leave to the embedded engine', () => {
    for (const { images, limits, summary } of Object.values(imageSets)) {
      expect([summary, ...limits].every((text) => text.length > 10)).toBe(true);
      for (const image of Object.values(images)) {
        expect(image.reference).toMatch(/:[\w.-]+$/);
        expect(image.platforms.length).toBeGreaterThan(0);
      }
    }
  });

  it('come from a mirror where one is named, with the tag that is asked for', () => {
    const raw: RawConfig = {
      images: { set: 'apache', registry: 'mirror.example.com:5000/cache/' },
      components: {
        'mesos-master': { version: '1.9.0' },
        'mesos-agent': { image: 'mine/mesos', version: '2' },
        marathon: { image: 'mine/marathon@sha256:00' },
      },
    };
    expect(
      imagesOf(config(raw), 'mesos', 'clusterd').map(({ component, reference }) => [component, reference]),
    ).toEqual([
      ['zookeeper', 'mirror.example.com:5000/cache/zookeeper:3.9'],
      ['mesos-master', 'mirror.example.com:5000/cache/mesosphere/mesos:1.9.0'],
      ['mesos-agent', 'mine/mesos:2'],
      ['marathon', 'mine/marathon@sha256:00'],
      ['mesos-dns', 'mirror.example.com:5000/cache/mesosphere/mesos-dns:v0.6.0'],
    ]);
  });

  it('bring a docker command where their Mesos has none, and wherever it is asked for', () => {
    const cli = (raw: RawConfig, engine: 'mesos' | 'embedded' = 'mesos') =>
      imagesOf(config(raw), engine, 'clusterd').find(({ component }) => component === 'docker-cli')?.reference;
    const agent = { components: { 'mesos-agent': { image: 'mine/mesos' } } };
    expect(cli({})).toBeUndefined();
    expect(cli({ images: { set: 'apache' } })).toBe('docker:28-cli');
    expect(cli({ images: { set: 'apache', registry: 'mirror/x' } })).toBe('mirror/x/docker:28-cli');
    expect(cli({ images: { set: 'apache', dockerCli: 'none' } })).toBeUndefined();
    expect(cli({ images: { set: 'apache' } }, 'embedded')).toBeUndefined();
    // Nobody knows what is in there.
    expect(cli({ images: { set: 'apache' }, ...agent })).toBeUndefined();
    expect(cli({ images: { dockerCli: 'mine/docker' }, ...agent })).toBe('mine/docker:latest');
  });

  it('suit engines by cgroups and architecture', () => {
    expect(suitableSet({ arch: 'amd64', cgroups: 'v2' })).toBe('clusterd');
    expect(suitableSet({ arch: 'arm64', cgroups: 'v2' })).toBe('native-arm64');
    expect(suitableSet({ arch: 'amd64', cgroups: 'v1' })).toBe('apache');
    expect(unsuitable('clusterd', { arch: 'arm64', cgroups: 'v1' })).toEqual([
      expect.stringContaining('cgroup v2'),
      expect.stringContaining('marathon would be emulated'),
    ]);
    expect(unsuitable('native-arm64', { arch: 'arm64', cgroups: 'v2' })).toEqual([]);
  });

  it('know tags', () => {
    expect(['zookeeper:3.9', 'r:5000/zookeeper', 'r:5000/a/b:1@sha256:0'].map(tagOf)).toEqual(['3.9', 'latest', '1']);
  });
});
