import { describe, expect, it } from 'vitest';
import { applyDefaults } from '../../../src/config/defaults.ts';
import type { RawConfig } from '../../../src/config/types.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import type { ClusterPlan, ServicePlan } from '../../../src/plan/types.ts';
import type { Component } from '../../../src/protocols/versions.ts';
import { makeSite } from '../cluster/fakes.ts';

function planOf(raw: RawConfig = {}): ClusterPlan {
  const config = applyDefaults(raw, 'test');
  return makePlan({ config, site: makeSite(config), runtime: 'process', engine: 'embedded' });
}

function service(plan: ClusterPlan, node: string, component: Component): ServicePlan {
  const found = plan.nodes
    .find((each) => each.name === node)
    ?.units.flatMap((unit) => unit.services)
    .find((each) => each.component === component);
  if (!found) throw new Error(`no ${node}/${component}`);
  return found;
}

const flag = ({ args }: ServicePlan, name: string): string | undefined => {
  const at = args.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
  if (at < 0) return undefined;
  const inline = args[at]!.slice(name.length + 3);
  return inline || args[at + 1];
};

describe('the plan of three nodes', () => {
  const plan = planOf();

  it('hosts all five services of a node in one unit', () => {
    expect(plan.nodes.map((node) => node.units.map((unit) => unit.id))).toEqual([['node-1'], ['node-2'], ['node-3']]);
    expect(plan.nodes[0]?.units[0]?.services.map(({ component }) => component)).toEqual([
      'zookeeper',
      'mesos-master',
      'mesos-agent',
      'marathon',
      'mesos-dns',
    ]);
  });

  it('gives every server of the ensemble the same list and its own id', () => {
    const files = plan.nodes.map(({ name }) => service(plan, name, 'zookeeper').files);
    const peers = files.map(([config]) => config?.content.split('\n').filter((line) => line.startsWith('server.')));
    expect(peers[0]).toEqual([
      'server.1=127.9.9.1:2888:3888',
      'server.2=127.9.9.2:2888:3888',
      'server.3=127.9.9.3:2888:3888',
    ]);
    expect(peers[1]).toEqual(peers[0]);
    expect(files.map(([, myid]) => myid?.content.trim())).toEqual(['1', '2', '3']);
    expect(files[0]?.[1]?.path).toMatch(/\/data\/myid$/);
  });

  it('points masters, agents and Marathon at the whole ensemble', () => {
    const hosts = '127.9.9.1:2181,127.9.9.2:2181,127.9.9.3:2181';
    expect(flag(service(plan, 'node-2', 'mesos-master'), 'zk')).toBe(`zk://${hosts}/mesos`);
    expect(flag(service(plan, 'node-2', 'mesos-agent'), 'master')).toBe(`zk://${hosts}/mesos`);
    expect(flag(service(plan, 'node-2', 'marathon'), 'zk')).toBe(`zk://${hosts}/marathon`);
    expect(flag(service(plan, 'node-2', 'mesos-master'), 'quorum')).toBe('2');
    expect(plan.endpoints.zookeeper).toBe(hosts);
  });

  it('declares what agents offer', () => {
    const agent = service(plan, 'node-1', 'mesos-agent');
    expect(flag(agent, 'resources')).toBe('cpus:4;mem:4096;disk:10000;ports:[20000-20019]');
    expect(flag(agent, 'attributes')).toBe('node:node-1');
    expect(flag(agent, 'executor_environment_variables')).toBe('{"MESOS_DNS_SERVER":"127.9.9.1:53"}');
  });

  it('tells Mesos-DNS the masters as IP:port', () => {
    const config = JSON.parse(service(plan, 'node-3', 'mesos-dns').files[0]!.content);
    expect(config).toMatchObject({
      masters: ['127.9.9.1:5050', '127.9.9.2:5050', '127.9.9.3:5050'],
      domain: 'mesos',
      listener: '127.9.9.3',
      port: 53,
      httpPort: 8123,
    });
  });

  it('is pure: the same input gives the same plan', () => {
    expect(planOf()).toEqual(plan);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });
});

describe('a plan of more nodes', () => {
  it('puts only an agent and Mesos-DNS on those without control services', () => {
    const plan = planOf({ nodes: 4 });
    expect(plan.nodes[3]?.control).toBe(false);
    expect(plan.nodes[3]?.units[0]?.services.map(({ component }) => component)).toEqual(['mesos-agent', 'mesos-dns']);
    expect(plan.endpoints.mesos).toHaveLength(3);
    expect(plan.endpoints.dns).toHaveLength(4);
  });

  it('lets a single ZooKeeper stand alone', () => {
    const [config] = service(planOf({ nodes: 1 }), 'node-1', 'zookeeper').files;
    expect(config?.content).not.toContain('server.');
  });

  it('puts control services where the configuration says', () => {
    const plan = planOf({ nodes: [{}, { control: true }, {}] });
    expect(plan.nodes.map((node) => node.control)).toEqual([false, true, false]);
    expect(flag(service(plan, 'node-1', 'mesos-agent'), 'master')).toBe('zk://127.9.9.2:2181/mesos');
    expect(service(plan, 'node-2', 'zookeeper').files[1]?.content).toBe('1\n');
  });
});

describe('timing', () => {
  it('for development is flags that the real programs have too', () => {
    const plan = planOf();
    expect(service(plan, 'node-1', 'zookeeper').files[0]?.content).toContain('tickTime=1000\n');
    expect(flag(service(plan, 'node-1', 'mesos-master'), 'zk_session_timeout')).toBe('2secs');
    expect(flag(service(plan, 'node-1', 'mesos-master'), 'agent_ping_timeout')).toBe('2secs');
    expect(flag(service(plan, 'node-1', 'marathon'), 'min_revive_offers_interval')).toBe('100');
    expect(flag(service(plan, 'node-1', 'marathon'), 'max_instances_per_offer')).toBe('100');
  });

  it("for production leaves the programs' own defaults", () => {
    const plan = planOf({ timing: 'production' });
    expect(flag(service(plan, 'node-1', 'mesos-master'), 'zk_session_timeout')).toBeUndefined();
    expect(flag(service(plan, 'node-1', 'mesos-master'), 'allocation_interval')).toBeUndefined();
    expect(flag(service(plan, 'node-1', 'marathon'), 'min_revive_offers_interval')).toBeUndefined();
    expect(flag(service(plan, 'node-1', 'marathon'), 'launch_tokens')).toBeUndefined();
  });
});

describe("a component's own settings", () => {
  const plan = planOf({
    components: {
      marathon: {
        flags: { max_instances_per_offer: 3, 'min-revive-offers-interval': null, ha: false, store_cache: true },
        env: { MARATHON_HTTP_ADDRESS: '0.0.0.0', OTHER: 'x' },
      },
      zookeeper: { flags: { tickTime: 700, 'admin.enableServer': null } },
      'mesos-dns': { flags: { ttl: 9, resolvers: '["10.0.0.1"]', SOAMname: 'ns.example' } },
    },
  });

  it('win over those of the plan', () => {
    expect(flag(service(plan, 'node-1', 'marathon'), 'max_instances_per_offer')).toBe('3');
    expect(service(plan, 'node-1', 'zookeeper').files[0]?.content).toContain('tickTime=700\n');
    const dns = JSON.parse(service(plan, 'node-1', 'mesos-dns').files[0]!.content);
    expect(dns).toMatchObject({ ttl: 9, resolvers: ['10.0.0.1'], SOAMname: 'ns.example' });
  });

  it('may leave one out', () => {
    expect(flag(service(plan, 'node-1', 'marathon'), 'min_revive_offers_interval')).toBeUndefined();
    expect(service(plan, 'node-1', 'zookeeper').files[0]?.content).not.toContain('admin.enableServer');
  });

  it('are never given twice, by a variable and by a flag, which Marathon refuses', () => {
    const marathon = service(plan, 'node-1', 'marathon');
    expect(flag(marathon, 'http_address')).toBeUndefined();
    expect(marathon.env).toEqual({ MARATHON_HTTP_ADDRESS: '0.0.0.0', OTHER: 'x' });
  });

  it("turn Marathon's switches on and off", () => {
    const { args } = service(plan, 'node-1', 'marathon');
    expect(args).toContain('--store_cache');
    expect(args).toContain('--disable_ha');
  });
});

describe('the real ZooKeeper as a local process', () => {
  const raw: RawConfig = { components: { zookeeper: { engine: 'mesos', version: '3' } } };
  const config = applyDefaults(raw, 'test');
  const command = ['/usr/bin/java', 'Main'] as const;
  const site = { ...makeSite(config), programs: { zookeeper: { command, version: '3.8.0' } } };
  const plan = makePlan({ config, site, runtime: 'process', engine: 'embedded' });

  it('is one of the services of its node, in the same unit and in the same order', () => {
    expect(plan.engine).toBe('mixed');
    expect(plan.nodes.map((node) => node.units.map((unit) => unit.id))).toEqual([['node-1'], ['node-2'], ['node-3']]);
    expect(plan.nodes[0]!.units[0]!.services.map(({ component, engine }) => [component, engine])).toEqual([
      ['zookeeper', 'mesos'],
      ['mesos-master', 'embedded'],
      ['mesos-agent', 'embedded'],
      ['marathon', 'embedded'],
      ['mesos-dns', 'embedded'],
    ]);
  });

  it('is the program that was found, given the same files as the embedded server', () => {
    const real = service(plan, 'node-2', 'zookeeper');
    const { files, args, probe } = service(planOf(), 'node-2', 'zookeeper');
    expect(real).toMatchObject({ command, version: '3.8.0', files, args, probe });
    expect(real.files[0]?.content).toContain('admin.enableServer=false\n');
    expect(service(planOf(), 'node-2', 'zookeeper').command).toBeUndefined();
  });

  it('is a unit of its own in containers', () => {
    const inContainers = makePlan({ config, site, runtime: 'docker', engine: 'embedded' });
    expect(inContainers.nodes[0]?.units.map(({ id }) => id)).toEqual(['node-1', 'node-1/zookeeper']);
    expect(service(inContainers, 'node-1', 'zookeeper').command).toBeUndefined();
  });
});

describe('the hash of a configuration', () => {
  it('changes with what decides how services run, and only with that', () => {
    const { configHash } = planOf();
    expect(planOf({ timing: 'production' }).configHash).not.toBe(configHash);
    expect(planOf({ nodes: 4 }).configHash).not.toBe(configHash);
    expect(planOf({ samples: false, timeouts: { up: 5 } }).configHash).toBe(configHash);
  });
});
