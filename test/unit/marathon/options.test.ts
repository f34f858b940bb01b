import { describe, expect, test } from 'vitest';
import { describeOptions, parseOptions } from '../../../src/embedded/marathon/options.ts';

const master = '--master=zk://a:1,b:2/mesos';

describe("Marathon's options", () => {
  test('have the defaults of the original', () => {
    expect(parseOptions([master], {})).toMatchObject({
      master: 'zk://a:1,b:2/mesos',
      zk: { servers: 'localhost:2181', path: '/marathon' },
      httpPort: 8080,
      ha: true,
      checkpoint: true,
      mesosRole: '*',
      frameworkName: 'marathon',
      failoverTimeoutSeconds: 604800,
      maxInstancesPerOffer: 5,
      launchTokens: 100,
      launchTokenRefreshMs: 30000,
      minReviveOffersMs: 5000,
      declineOfferMs: 120000,
      localPortMin: 10000,
      localPortMax: 20000,
      zkSessionMs: 10000,
      zkMaxVersions: 50,
      maxRunningDeployments: 100,
      newGroupEnforceRole: 'off',
    });
  });

  test('come as arguments in both forms, as switches and as variables', () => {
    const options = parseOptions(['--master', 'm:5050', '--http_port=81', '--disable_ha'], {
      MARATHON_MESOS_ROLE: 'dev',
      MARATHON_DISABLE_CHECKPOINT: '',
      MARATHON_ENABLE_FEATURES: 'secrets, gpu_resources',
    });
    expect(options).toMatchObject({ master: 'm:5050', httpPort: 81, ha: false, mesosRole: 'dev', checkpoint: false });
    expect([...options.features]).toEqual(['secrets', 'gpu_resources']);
  });

  const refused: [string, string[], Record<string, string>, RegExp][] = [
    ['no master', [], {}, /Required option 'master' not found/],
    ['an unknown option', [master, '--nope=1'], {}, /unknown flag 'nope'/],
    ['an option in both places', [master], { MARATHON_MASTER: 'x' }, /'master' is given as a flag and by the env/],
    ['a number that is none', [master, '--http_port=x'], {}, /'http_port'.*no whole number/],
    ['a port that is none', [master, '--http_port=70000'], {}, /http_port must be a port number/],
    ['an unknown feature', [master, '--enable_features=magic'], {}, /Unknown features specified: magic/],
    ['a malformed ZooKeeper URL', [master, '--zk=localhost:2181'], {}, /zk:\/\//],
    ['a ZooKeeper URL without a path', [master, '--zk=zk://localhost:2181'], {}, /names no path/],
    ['an empty port range', [master, '--local_port_min=5', '--local_port_max=5'], {}, /must be lower than/],
    ['credentials without a password', [master, '--http_credentials=me'], {}, /username:password/],
  ];
  for (const [what, argv, env, message] of refused)
    test(`refuse ${what}`, () => {
      expect(() => parseOptions(argv, env)).toThrow(message);
    });

  test('are described without credentials', () => {
    const options = parseOptions([master, '--zk=zk://user:secret@a:1/marathon', '--webui_url=http://ui'], {});
    const described = describeOptions(options, 'http://m:5050/');
    expect(JSON.stringify(described)).not.toContain('secret@');
    expect(described.zookeeper_config.zk).toBe('zk://xxxxxxxx:xxxxxxxx@a:1/marathon');
    expect(described.marathon_config).toMatchObject({ webui_url: 'http://ui', mesos_leader_ui_url: 'http://m:5050/' });
  });
});
