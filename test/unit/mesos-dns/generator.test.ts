import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaults } from '../../../src/embedded/mesos-dns/config.ts';
import { generateRecords, type Surroundings } from '../../../src/embedded/mesos-dns/generator.ts';
import { hashTaskId } from '../../../src/embedded/mesos-dns/labels.ts';
import { type MesosState, parseState } from '../../../src/embedded/mesos-dns/state.ts';

const nowhere: Surroundings = { masters: [], resolve: () => [], interfaces: () => [] };
const config = { ...defaults, Listener: '10.0.0.1' };

function stateOf(tasks: object[], framework: object = {}): MesosState {
  return parseState(
    JSON.stringify({
      leader: 'master@10.0.0.1:5050',
      slaves: [
        { id: 'x-S0', pid: 'slave(1)@10.0.0.1:5051' },
        { id: 'x-S1', pid: 'slave(1)@10.0.0.2:5051' },
      ],
      frameworks: [
        {
          name: 'marathon',
          tasks: tasks.map((task, i) => ({
            id: `t.${i}`,
            name: 'app',
            slave_id: 'x-S0',
            state: 'TASK_RUNNING',
            ...task,
          })),
          ...framework,
        },
      ],
    }),
  )!;
}

function recordsOf(
  state: MesosState,
  overrides: Partial<typeof config> = {},
  surroundings: Partial<Surroundings> = {},
) {
  const records = generateRecords(state, { ...config, ...overrides }, { ...nowhere, ...surroundings });
  const values = (type: 'A' | 'AAAA' | 'SRV') => (name: string) => [...(records[type].get(name) ?? [])];
  return { records, a: values('A'), aaaa: values('AAAA'), srv: values('SRV') };
}

const h = (i: number) => hashTaskId(`t.${i}`);

describe('records of masters', () => {
  it('name the leader, all masters, and each by its place', () => {
    const { a, srv } = recordsOf(stateOf([]), {}, { masters: ['10.0.0.1:5050', '10.0.0.2:5050'] });
    expect(a('leader.mesos.')).toEqual(['10.0.0.1']);
    expect(srv('_leader._tcp.mesos.')).toEqual(['leader.mesos.:5050']);
    expect(srv('_leader._udp.mesos.')).toEqual(['leader.mesos.:5050']);
    expect(a('master.mesos.')).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(a('master0.mesos.')).toEqual(['10.0.0.1']);
    expect(a('master1.mesos.')).toEqual(['10.0.0.2']);
    expect(srv('_master._tcp.mesos.')).toEqual([]);
  });

  it('give a leader that is not in the list the next number', () => {
    const { a } = recordsOf(stateOf([]), {}, { masters: ['10.0.0.8:5050', '10.0.0.9:5050'] });
    expect(a('master2.mesos.')).toEqual(['10.0.0.1']);
    expect(a('master.mesos.')).toEqual(['10.0.0.8', '10.0.0.9', '10.0.0.1']);
  });

  it('name Mesos-DNS itself, at its listener or at every interface', () => {
    expect(recordsOf(stateOf([])).a('ns1.mesos.')).toEqual(['10.0.0.1']);
    const everywhere = recordsOf(
      stateOf([]),
      { Listener: '0.0.0.0' },
      { interfaces: () => ['192.168.0.7', 'fd00::7'] },
    );
    expect(everywhere.a('ns1.mesos.')).toEqual(['192.168.0.7']);
    expect(everywhere.aaaa('ns1.mesos.')).toEqual(['fd00::7']);
  });
});

describe('records of agents', () => {
  it('are the hosts of their pids, resolved where they are names', () => {
    const state = stateOf([]);
    state.agents.push({ id: 'x-S2', pid: 'slave(1)@node-3:5052' });
    const { a, srv } = recordsOf(state, {}, { resolve: (host) => (host === 'node-3' ? ['10.0.0.3', 'fd00::3'] : []) });
    expect(a('slave.mesos.')).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    expect(srv('_slave._tcp.mesos.')).toEqual(['slave.mesos.:5051', 'slave.mesos.:5052']);
  });
});

describe('records of frameworks', () => {
  it('are the scheduler’s address and, with a pid, its port', () => {
    const { a, srv } = recordsOf(stateOf([], { pid: 'scheduler-1@10.0.0.9:7000', hostname: 'ignored' }));
    expect(a('marathon.mesos.')).toEqual(['10.0.0.9']);
    expect(srv('_framework._tcp.marathon.mesos.')).toEqual(['marathon.mesos.:7000']);
  });

  it('of HTTP schedulers have no SRV record; their host name is resolved', () => {
    const { a, srv } = recordsOf(stateOf([], { hostname: 'node-1' }), {}, { resolve: () => ['10.0.0.9'] });
    expect(a('marathon.mesos.')).toEqual(['10.0.0.9']);
    expect(srv('_framework._tcp.marathon.mesos.')).toEqual([]);
  });

  it('have their name mangled label by label', () => {
    const { a } = recordsOf(stateOf([], { name: 'My_Team..Big Data.x', hostname: '10.0.0.9' }));
    expect(a('my-team.bigdata.x.mesos.')).toEqual(['10.0.0.9']);
  });
});

describe('records of tasks', () => {
  it('of tasks without discovery point to the agent', () => {
    const { a, srv } = recordsOf(stateOf([{ resources: { ports: '[31000-31001, 31005-31005]' } }]));
    expect(a('app.marathon.mesos.')).toEqual(['10.0.0.1']);
    expect(a(`app-${h(0)}-s0.marathon.mesos.`)).toEqual(['10.0.0.1']);
    expect(a('app.marathon.slave.mesos.')).toEqual(['10.0.0.1']);
    const target = `app-${h(0)}-s0.marathon.slave.mesos.`;
    const expected = [`${target}:31000`, `${target}:31001`, `${target}:31005`];
    for (const name of ['_app._tcp.marathon.mesos.', '_app._udp.marathon.mesos.', '_app._tcp.marathon.slave.mesos.'])
      expect(srv(name)).toEqual(expected);
  });

  it('of tasks with discovery exist under the raw and the mangled name', () => {
    const { a, srv } = recordsOf(
      stateOf([
        {
          discovery: {
            name: 'web.shop',
            ports: { ports: [{ number: 31000, name: 'http', protocol: 'tcp' }, { number: 31001 }] },
          },
          resources: { ports: '[31000-31001]' },
        },
      ]),
    );
    for (const name of ['web.shop', 'web-shop']) {
      const target = `${name}-${h(0)}-s0.marathon.mesos.`;
      expect(a(`${name}.marathon.mesos.`)).toEqual(['10.0.0.1']);
      expect(a(target)).toEqual(['10.0.0.1']);
      expect(srv(`_${name}._tcp.marathon.mesos.`)).toEqual([`${target}:31000`, `${target}:31001`]);
      expect(srv(`_http._${name}._tcp.marathon.mesos.`)).toEqual([`${target}:31000`]);
      // A port without protocol counts for both.
      expect(srv(`_${name}._udp.marathon.mesos.`)).toEqual([`${target}:31001`]);
      expect(srv(`_${name}._tcp.marathon.slave.mesos.`)).toHaveLength(2);
    }
  });

  it('of an app without ports have no SRV records', () => {
    const { records } = recordsOf(stateOf([{ discovery: { name: 'app', ports: { ports: [] } } }]));
    expect([...records.SRV.keys()].filter((name) => name.includes('app'))).toEqual([]);
  });

  it('with an empty discovery name count as without discovery', () => {
    const { srv } = recordsOf(stateOf([{ discovery: { name: '' }, resources: { ports: '[31000-31000]' } }]));
    expect(srv('_app._tcp.marathon.mesos.')).toHaveLength(1);
  });

  it('exist for running tasks on known agents only', () => {
    const { a } = recordsOf(
      stateOf([
        { name: 'staging', state: 'TASK_STAGING' },
        { name: 'killing', state: 'TASK_KILLING' },
        { name: 'elsewhere', slave_id: 'x-S9' },
      ]),
    );
    for (const name of ['staging', 'killing', 'elsewhere']) expect(a(`${name}.marathon.mesos.`)).toEqual([]);
  });

  it('of apps whose names become the same are merged', () => {
    const { a } = recordsOf(stateOf([{ name: 'a_b' }, { name: 'A.B', slave_id: 'x-S1' }]));
    expect(a('a-b.marathon.mesos.')).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  it.each([
    ['net info of the latest running status', 'netinfo', '10.1.0.2'],
    ['the label of the Mesos containerizer', 'mesos', '10.2.0.1'],
    ['the label of the Docker containerizer', 'docker', '10.3.0.1'],
    ['the agent', 'host', '10.0.0.1'],
  ] as const)('take the address from %s', (_from, source, expected) => {
    const net = (ip: string) => ({ network_infos: [{ ip_addresses: [{ ip_address: ip }] }] });
    const labels = [
      { key: 'MesosContainerizer.NetworkSettings.IPAddress', value: '10.2.0.1' },
      { key: 'Docker.NetworkSettings.IPAddress', value: '10.3.0.1' },
    ];
    const statuses = [
      { state: 'TASK_RUNNING', timestamp: 1, container_status: net('10.1.0.1') },
      { state: 'TASK_RUNNING', timestamp: 3, container_status: net('10.1.0.2'), labels },
      { state: 'TASK_STARTING', timestamp: 4, container_status: net('10.1.0.3') },
    ];
    expect(recordsOf(stateOf([{ statuses }]), { IPSources: [source] }).a('app.marathon.mesos.')).toEqual([expected]);
  });

  it('go on to the next source when one has nothing, and take one address of each kind', () => {
    expect(recordsOf(stateOf([{}]), { IPSources: ['netinfo', 'host'] }).a('app.marathon.mesos.')).toEqual(['10.0.0.1']);
    const container_status = {
      network_infos: [
        { ip_addresses: ['10.1.0.1', 'fd00::1', '10.1.0.2', 'fd00::2'].map((ip_address) => ({ ip_address })) },
      ],
    };
    const { a, aaaa } = recordsOf(stateOf([{ statuses: [{ state: 'TASK_RUNNING', timestamp: 1, container_status }] }]));
    expect([a('app.marathon.mesos.'), aaaa('app.marathon.mesos.')]).toEqual([['10.1.0.1'], ['fd00::1']]);
  });

  it('have shorter names that start with a letter under RFC 952', () => {
    const { a } = recordsOf(stateOf([{ name: '12-a-name-that-is-much-too-long-for-it' }]), { EnforceRFC952: true });
    expect(a('a-name-that-is-much-tool.marathon.mesos.')).toEqual(['10.0.0.1']);
  });

  it('are listed by task', () => {
    const { records } = recordsOf(stateOf([{}]));
    expect(records.frameworks[0]?.tasks[0]).toMatchObject({ name: 'app', id: 't.0' });
    expect(records.frameworks[0]?.tasks[0]?.records[0]).toEqual({
      name: 'app.marathon.mesos.',
      host: '10.0.0.1',
      rtype: 'A',
    });
  });
});

describe('odd states', () => {
  it('make no generator fail', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('TASK_RUNNING', 'x-S0', '[1-9999999999]', '[5-1]', 'a.b', '@', ''),
    );
    const odd = fc.oneof(fc.constant(null), fc.integer(), text, fc.object({ maxDepth: 2 }), fc.array(text));
    const task = fc.record(
      {
        id: text,
        name: text,
        slave_id: fc.constantFrom('x-S0', 'nope'),
        state: fc.constant('TASK_RUNNING'),
        resources: fc.oneof(odd, fc.record({ ports: odd })),
        discovery: fc.oneof(odd, fc.record({ name: odd, ports: fc.oneof(odd, fc.record({ ports: odd })) })),
        statuses: odd,
      },
      { requiredKeys: [] },
    );
    const state = fc.record({
      leader: fc.constantFrom('master@10.0.0.1:5050', 'master@[fd00::1]:5050', 'nonsense'),
      slaves: fc.constantFrom<unknown>([{ id: 'x-S0', pid: 'slave(1)@10.0.0.1:5051' }], null, [null, 3], {}),
      frameworks: fc.array(
        fc.record({ name: text, pid: odd, hostname: odd, tasks: fc.array(task) }, { requiredKeys: [] }),
      ),
    });
    fc.assert(
      fc.property(fc.oneof(state, odd), (json) => {
        const parsed = parseState(JSON.stringify(json));
        if (parsed) generateRecords(parsed, config, nowhere);
      }),
      { numRuns: 500 },
    );
  });
});
