import { describe, expect, it } from 'vitest';
import { parseMasterFlags } from '../../../src/embedded/mesos-master/flags.ts';
import { FlagError } from '../../../src/support/flags.ts';

const parse = (argv: string[] = [], env: Record<string, string> = {}) =>
  parseMasterFlags(['--registry=in_memory', ...argv], env);

describe('the master’s flags', () => {
  it('have the defaults of the real master', () => {
    const flags = parse(['--hostname=h']);
    expect(flags).toMatchObject({ zk: undefined, port: 5050, zkSessionTimeoutMs: 10_000, cluster: undefined });
    expect(flags.settings).toMatchObject({
      allocationIntervalMs: 1000,
      offerTimeoutMs: undefined,
      agentPingTimeoutMs: 15_000,
      maxAgentPingTimeouts: 5,
      agentReregisterTimeoutMs: 600_000,
      rootSubmissions: true,
      roles: undefined,
    });
    expect(flags.settings.minAllocatable).toEqual([new Map([['cpus', 0.01]]), new Map([['mem', 32]])]);
  });

  it('come from variables too, where arguments win and unknown ones are ignored', () => {
    const flags = parse(['--cluster=argument'], {
      MESOS_CLUSTER: 'variable',
      MESOS_PORT: '6000',
      MESOS_NATIVE_JAVA_LIBRARY: '/usr/lib/libmesos.so',
    });
    expect(flags).toMatchObject({ cluster: 'argument', port: 6000 });
  });

  it('name servers, path and credentials of ZooKeeper, and never show the password', () => {
    const flags = parseMasterFlags(['--zk=zk://me:secret@a:1,b:2/mesos', '--quorum=2', '--work_dir=/w'], {});
    expect(flags.zk).toMatchObject({ servers: 'a:1,b:2', path: '/mesos' });
    expect(flags.shown.zk).toBe('zk://a:1,b:2/mesos');
  });

  it('are shown as text, all that have a value', () => {
    const { shown } = parse(['--roles=web,db', '--no-root_submissions']);
    expect(shown).toMatchObject({ roles: 'web,db', root_submissions: 'false', allocation_interval: '1secs' });
    expect(shown).not.toHaveProperty('offer_timeout');
    expect(Object.values(shown).every((value) => typeof value === 'string')).toBe(true);
  });

  it('give roles and weights', () => {
    const { settings } = parse(['--roles=web, db', '--weights=web=2,db=0.5', '--offer_timeout=90secs']);
    expect(settings.roles).toEqual(new Set(['*', 'web', 'db']));
    expect(settings.weights).toEqual(
      new Map([
        ['web', 2],
        ['db', 0.5],
      ]),
    );
    expect(settings.offerTimeoutMs).toBe(90_000);
  });

  it.each([
    ['--nonsense=1', "Failed to load unknown flag 'nonsense'"],
    ['--port=many', "Failed to load flag 'port'"],
    ['--allocation_interval=soon', "Failed to load flag 'allocation_interval'"],
    ['--agent_ping_timeout=100ms', 'Expected `--agent_ping_timeout` to be between 1secs and 15mins'],
    ['--agent_reregister_timeout=1mins', 'Must be at least 10mins'],
    ['--max_agent_ping_timeouts=0', "Failed to load flag 'max_agent_ping_timeouts'"],
    ['--zk=host:2181', "Failed to load flag 'zk'"],
    ['--weights=web', "Invalid weight: 'web'"],
    ['--registry=etcd', "'etcd' is not a supported option"],
    ['--authenticate_http_readwrite', "Flag 'credentials' is required"],
  ])('%s ends the program: %s', (flag, message) => {
    expect(() => parse([flag])).toThrow(FlagError);
    expect(() => parse([flag])).toThrow(message);
  });

  it('need a work_dir and, with ZooKeeper, a quorum for the real registry', () => {
    expect(() => parseMasterFlags([], {})).toThrow('--work_dir');
    expect(() => parseMasterFlags(['--work_dir=/w', '--zk=zk://a:1/mesos'], {})).toThrow('--quorum');
  });
});
