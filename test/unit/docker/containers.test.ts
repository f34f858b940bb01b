import { describe, expect, it } from 'vitest';
import { applyDefaults } from '../../../src/config/defaults.ts';
import type { RawConfig } from '../../../src/config/types.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { type NodeSite, type Site, standardPorts } from '../../../src/plan/types.ts';
import type { HostSpec } from '../../../src/protocols/control.ts';
import { compose } from '../../../src/runtime/docker/compose.ts';
import { hasHolder, holderContainer, unitContainer } from '../../../src/runtime/docker/containers.ts';

function siteOf(names: readonly string[]): Site {
  const nodes = names.map((name, i): NodeSite => {
    const published = Object.entries(standardPorts).map(([port, number]) => [
      port,
      { host: `127.9.9.${i + 1}`, port: number },
    ]);
    return {
      name,
      address: `10.231.7.${11 + i}`,
      ports: standardPorts,
      published: Object.fromEntries(published) as NodeSite['published'],
      taskPorts: { begin: 20_000 + i * 2, end: 20_001 + i * 2 },
      dataDir: `/data/${name}`,
    };
  });
  return {
    nodes,
    remarks: [],
    nodeBinary: 'node',
    samplesDir: '/samples',
    resolvers: ['9.9.9.9'],
    imageSet: 'clusterd',
  };
}

function contextOf(raw: RawConfig = {}) {
  const config = applyDefaults({ nodes: 3, ...raw }, 'demo');
  const site = siteOf(config.nodes.map(({ name }) => name));
  const plan = makePlan({ config, site, runtime: 'docker', engine: raw.engine === 'mesos' ? 'mesos' : 'embedded' });
  return {
    plan,
    embeddedImage: 'devcluster/node:1',
    engineSocket: '/var/run/docker.sock',
    folder: '/state/demo',
    secrets: [],
  };
}
const withZooKeeper = () => contextOf({ components: { zookeeper: { engine: 'mesos', image: 'zookeeper:3.9' } } });

describe('the containers of a plan', () => {
  const context = contextOf();
  const [node] = context.plan.nodes;
  const { name, options, files, hash } = unitContainer(context, node!, node!.units[0]!);

  it('are one for a node of embedded services, with the node’s identity', () => {
    expect(hasHolder(node!)).toBe(false);
    expect([name, options.Hostname, options.Image]).toEqual(['devcluster-demo-node-1', 'node-1', 'devcluster/node:1']);
    expect(options.NetworkingConfig?.EndpointsConfig?.['devcluster-demo']?.IPAMConfig?.IPv4Address).toBe('10.231.7.11');
    expect(options.HostConfig?.ExtraHosts).toEqual(['node-1:10.231.7.11', 'node-2:10.231.7.12', 'node-3:10.231.7.13']);
    expect(options.HostConfig?.Dns).toEqual(['10.231.7.11', '10.231.7.12', '10.231.7.13']);
  });

  it('publish what the laptop asks for, and not what only peers do', () => {
    const ports = Object.entries(
      options.HostConfig?.PortBindings as Record<string, { HostIp: string; HostPort: string }[]>,
    );
    expect(ports.map(([port, [host]]) => `${host?.HostIp}:${host?.HostPort} ${port}`)).toEqual([
      '127.9.9.1:2181 2181/tcp',
      '127.9.9.1:5050 5050/tcp',
      '127.9.9.1:8080 8080/tcp',
      '127.9.9.1:5051 5051/tcp',
      '127.9.9.1:53 53/tcp',
      '127.9.9.1:53 53/udp',
      '127.9.9.1:8123 8123/tcp',
      '127.0.0.1:20000 20000/tcp',
      '127.0.0.1:20001 20001/tcp',
    ]);
  });

  it('are told what to run by a file, with the files of their services', () => {
    const unit = files.find(({ path }) => path === '/etc/devcluster/unit.json')!;
    const spec = JSON.parse(('content' in unit && unit.content.toString()) || '') as HostSpec;
    expect(spec).toMatchObject({ cluster: 'demo', node: 'node-1', alone: true });
    expect(spec.logsDir).toBeUndefined();
    expect(spec.files?.map(({ path }) => path)).toEqual([
      '/data/node-1/zookeeper/zoo.cfg',
      '/data/node-1/zookeeper/data/myid',
      '/data/node-1/mesos-dns/config.json',
    ]);
    // Mesos-DNS asks the machine's resolvers: the container's own would ask Mesos-DNS.
    expect(JSON.parse(spec.files!.at(-1)!.content)).toMatchObject({ resolvers: ['9.9.9.9'] });
  });

  it('are other ones when anything about them changes', () => {
    const { plan } = contextOf({ components: { 'mesos-master': { flags: { cluster: 'other' } } } });
    const changed = unitContainer({ ...context, plan }, plan.nodes[0]!, plan.nodes[0]!.units[0]!);
    expect(changed.hash).not.toBe(hash);
    expect(unitContainer(contextOf(), node!, node!.units[0]!).hash).toBe(hash);
  });

  it("are given the engine's socket from where the engine has it, at the place where agents look", () => {
    const elsewhere = { engineSocket: '/run/user/7/docker.sock' };
    const agents = contextOf({ images: { set: 'apache' }, engine: 'mesos' });
    const bound = (container: ReturnType<typeof unitContainer>) =>
      container.options.HostConfig?.Mounts?.filter(({ Target }) => Target === '/var/run/docker.sock').map(
        ({ Source }) => Source,
      );
    expect(bound(unitContainer({ ...context, ...elsewhere }, node!, node!.units[0]!))).toEqual([
      '/run/user/7/docker.sock',
    ]);
    const [first] = agents.plan.nodes;
    const sources = first!.units.flatMap((unit) => bound(unitContainer({ ...agents, ...elsewhere }, first!, unit)));
    expect(sources).toEqual(['/run/user/7/docker.sock']);
  });

  it('are several, in the network of a holder, where a real program is among them', () => {
    const mixed = withZooKeeper();
    const [first] = mixed.plan.nodes;
    expect(hasHolder(first!)).toBe(true);
    const holder = holderContainer(mixed, first!);
    expect([holder.name, holder.options.Hostname]).toEqual(['devcluster-demo-node-1', 'node-1']);
    const specs = first!.units.map((unit) => unitContainer(mixed, first!, unit));
    expect(specs.map((spec) => spec.name)).toEqual(['devcluster-demo-node-1-host', 'devcluster-demo-node-1-zookeeper']);
    for (const spec of specs) {
      expect(spec.options.HostConfig?.NetworkMode).toBe('container:devcluster-demo-node-1');
      expect([spec.options.Hostname, spec.options.HostConfig?.PortBindings]).toEqual([undefined, undefined]);
    }
    expect(specs[1]!.options.Image).toBe('zookeeper:3.9');
    expect(specs[1]!.options.Env).toContain('ZOO_MY_ID=1');
  });
});

describe('the compose file of a plan', () => {
  it('names everything as devcluster does, and stands for itself', () => {
    const { document, files } = compose(contextOf(), '10.231.7.0/24');
    expect(files).toEqual([]);
    expect(document).toMatchObject({
      services: {
        'node-2': {
          container_name: 'devcluster-demo-node-2',
          command: ['--variable', 'DEVCLUSTER_UNIT'],
          networks: { cluster: { ipv4_address: '10.231.7.12' } },
        },
      },
      networks: { cluster: { name: 'devcluster-demo', ipam: { config: [{ subnet: '10.231.7.0/24' }] } } },
      volumes: { 'devcluster-demo-node-2': { name: 'devcluster-demo-node-2' } },
    });
    expect(JSON.stringify(document)).not.toContain('/state/demo');
  });

  it('doubles dollar signs, which compose would take for variables', () => {
    const { plan, ...rest } = contextOf({ components: { marathon: { env: { PRICE: '$5' } } } });
    const text = JSON.stringify(compose({ plan, ...rest }, '10.231.7.0/24').document);
    expect(text).toContain('$$5');
    expect(text).not.toMatch(/[^$]\$5/);
  });

  it('has holders whose network the others join', () => {
    const { document } = compose(withZooKeeper(), '10.231.7.0/24');
    expect(document.services).toMatchObject({
      'node-1': { hostname: 'node-1', ports: expect.arrayContaining(['127.9.9.1:2181:2181/tcp']) },
      'node-1-zookeeper': { network_mode: 'service:node-1', depends_on: ['node-1'], image: 'zookeeper:3.9' },
    });
  });

  it('has a container that brings the docker command of real agents, before theirs', () => {
    const { document } = compose(contextOf({ engine: 'mesos', images: { set: 'apache' } }), '10.231.7.0/24');
    const services = document.services as Record<string, { volumes: { source: string; target: string }[] }>;
    const source = services['docker-cli']?.volumes[0]?.source ?? '';
    expect(services['docker-cli']).toMatchObject({
      image: 'docker:28-cli',
      restart: 'no',
      volumes: [{ target: '/usr/local/bin' }],
    });
    for (const node of ['node-1', 'node-2', 'node-3']) {
      const agent = services[`${node}-mesos-agent`];
      expect(agent).toMatchObject({ depends_on: [node, 'docker-cli'] });
      expect(agent?.volumes).toContainEqual({ type: 'volume', source, target: '/opt/devcluster', read_only: true });
    }
    expect(Object.keys(document.volumes as object)).toContain(source);
  });
});
