import { expect } from 'vitest';
import { type Area, errorsOf, type Fact, refused, timestamp } from './fact.ts';

/** The absent field of a minimal app, with what stands there after the app was accepted. */
const minimal: Readonly<Record<string, unknown>> = {
  cpus: 1,
  mem: 128,
  disk: 0,
  gpus: 0,
  instances: 1,
  labels: {},
  networks: [{ mode: 'host' }],
  portDefinitions: [{ port: 0, protocol: 'tcp', name: 'default' }],
  requirePorts: false,
  upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
  backoffSeconds: 1,
  backoffFactor: 1.15,
  maxLaunchDelaySeconds: 300,
  killSelection: 'YOUNGEST_FIRST',
  unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
  role: '*',
  executor: '',
};

const omitted = [
  'args',
  'constraints',
  'dependencies',
  'env',
  'fetch',
  'healthChecks',
  'readinessChecks',
  'secrets',
  'taskKillGracePeriodSeconds',
  'container',
  'user',
  'residency',
  'acceptedResourceRoles',
  'ports',
  'uris',
  'ipAddress',
];

/** A definition and what the API makes of it. `null` stands for a field that must not be there. */
function becomes(fact: string, app: Record<string, unknown>, wanted: Record<string, unknown>): Fact {
  return {
    fact,
    async run({ define }) {
      const got = await define({ cmd: 'sleep 1', ...app });
      expect(Object.fromEntries(Object.keys(wanted).map((name) => [name, got[name] ?? null]))).toEqual(wanted);
    },
  };
}

const bridge = { networks: [{ mode: 'container/bridge' }] };
const image = { image: 'nginx', forcePullImage: false, privileged: false, parameters: [] };
const docker = { type: 'DOCKER', docker: { image: 'nginx' } };

export const defaults: Area = {
  title: 'App definition: defaults and forms',
  facts: [
    ...Object.entries(minimal).map(
      ([field, value]): Fact => ({
        fact: `default of \`${field}\`: \`${JSON.stringify(value)}\``,
        async run({ ask, fresh, behave }) {
          const group = fresh();
          behave(group, ['TASK_STARTING']);
          const { json } = await ask('POST', '/v2/apps', { id: `${group}/a`, cmd: 'sleep 1' }, 201);
          expect(json[field]).toEqual(value);
        },
      }),
    ),
    {
      fact: `absent when empty: ${omitted.map((name) => `\`${name}\``).join(', ')}`,
      async run({ define }) {
        const app = await define({ cmd: 'sleep 1' });
        expect(omitted.filter((name) => name in app)).toEqual([]);
      },
    },
    {
      fact: '`version` and `versionInfo` are output',
      async run({ define, marathon }) {
        const app = await marathon.app(String((await define({ cmd: 'sleep 1' })).id));
        expect(app).toMatchObject({
          version: timestamp,
          versionInfo: { lastScalingAt: app.version, lastConfigChangeAt: app.version },
        });
      },
    },
    becomes('`null` is the same as absent', { user: null, container: null }, { user: null, container: null }),
    becomes('unknown fields are dropped', { nonsense: 1 }, { nonsense: null }),
    becomes(
      'relative dependencies become absolute',
      { dependencies: ['../db', '/shop/db'] },
      {
        dependencies: expect.arrayContaining(['/shop/db']),
      },
    ),
    becomes(
      'several ports, with names, protocols and labels',
      {
        portDefinitions: [
          { port: 0, name: 'http' },
          { port: 0, protocol: 'udp,tcp', labels: { VIP_0: '/a:80' } },
        ],
      },
      {
        portDefinitions: [
          { port: 0, protocol: 'tcp', name: 'http' },
          { port: 0, protocol: 'udp,tcp', labels: { VIP_0: '/a:80' } },
        ],
      },
    ),
    becomes(
      '`fetch`: extract true, executable and cache false',
      { fetch: [{ uri: 'http://a/b.tgz' }] },
      {
        fetch: [{ uri: 'http://a/b.tgz', extract: true, executable: false, cache: false }],
      },
    ),
    becomes(
      'the default `container.type` is DOCKER',
      { container: { docker: { image: 'nginx' } } },
      {
        container: expect.objectContaining({ type: 'DOCKER', docker: image }),
      },
    ),
    becomes(
      'bridge: a missing hostPort becomes 0',
      {
        ...bridge,
        container: { ...docker, portMappings: [{ containerPort: 80 }] },
      },
      {
        container: expect.objectContaining({
          portMappings: [expect.objectContaining({ containerPort: 80, hostPort: 0 })],
        }),
      },
    ),
    becomes(
      'container network: a missing hostPort means none',
      {
        networks: [{ name: 'net' }],
        container: { ...docker, portMappings: [{ containerPort: 80 }] },
      },
      {
        networks: [{ name: 'net', mode: 'container' }],
        container: expect.objectContaining({
          portMappings: [expect.not.objectContaining({ hostPort: expect.anything() })],
        }),
      },
    ),
    becomes(
      'off host mode without mappings there is one named `default`',
      { ...bridge, container: docker },
      {
        container: expect.objectContaining({
          portMappings: [expect.objectContaining({ name: 'default', containerPort: 0 })],
        }),
        portDefinitions: null,
      },
    ),
    becomes(
      '`requirePorts` is false off host mode',
      { ...bridge, container: docker, requirePorts: true },
      {
        requirePorts: false,
      },
    ),
    becomes(
      'host volumes',
      {
        container: { type: 'MESOS', volumes: [{ containerPath: 'data', hostPath: '/data', mode: 'RO' }] },
      },
      {
        container: expect.objectContaining({
          type: 'MESOS',
          volumes: [{ containerPath: 'data', hostPath: '/data', mode: 'RO' }],
        }),
      },
    ),
    becomes(
      'health checks: grace 300 s, interval 60 s, timeout 20 s, 3 failures, port index 0',
      { portDefinitions: [{ port: 0 }], healthChecks: [{}] },
      {
        healthChecks: [
          expect.objectContaining({
            protocol: 'HTTP',
            portIndex: 0,
            gracePeriodSeconds: 300,
            intervalSeconds: 60,
            timeoutSeconds: 20,
            maxConsecutiveFailures: 3,
            delaySeconds: 15,
            ignoreHttp1xx: false,
          }),
        ],
      },
    ),
    ...['HTTP', 'HTTPS', 'TCP', 'MESOS_HTTP', 'MESOS_HTTPS', 'MESOS_TCP'].map((protocol) =>
      becomes(
        `health checks by ${protocol}`,
        { healthChecks: [{ protocol }] },
        {
          healthChecks: [expect.objectContaining({ protocol })],
        },
      ),
    ),
    becomes(
      'health checks by COMMAND',
      { healthChecks: [{ protocol: 'COMMAND', command: { value: 'true' } }] },
      {
        healthChecks: [expect.objectContaining({ protocol: 'COMMAND', command: { value: 'true' } })],
      },
    ),
    becomes(
      'readiness checks: every default',
      { portDefinitions: [{ name: 'http-api' }], readinessChecks: [{}] },
      {
        readinessChecks: [
          {
            name: 'readinessCheck',
            protocol: 'HTTP',
            path: '/',
            portName: 'http-api',
            intervalSeconds: 30,
            timeoutSeconds: 10,
            httpStatusCodesForReady: [200],
            preserveLastResponse: false,
          },
        ],
      },
    ),
    becomes(
      '`unreachableStrategy`: "disabled"',
      { unreachableStrategy: 'disabled' },
      { unreachableStrategy: 'disabled' },
    ),
    becomes('`killSelection`: OLDEST_FIRST', { killSelection: 'OLDEST_FIRST' }, { killSelection: 'OLDEST_FIRST' }),
    becomes(
      '`taskKillGracePeriodSeconds`, `user`, `tty`',
      { taskKillGracePeriodSeconds: 7, user: 'nobody', tty: true },
      {
        taskKillGracePeriodSeconds: 7,
        user: 'nobody',
        tty: true,
      },
    ),
    becomes('`acceptedResourceRoles`', { acceptedResourceRoles: ['*'] }, { acceptedResourceRoles: ['*'] }),
    becomes(
      '`resourceLimits`: a number or "unlimited"',
      { resourceLimits: { cpus: 'unlimited', mem: 256 } },
      {
        resourceLimits: { cpus: 'unlimited', mem: 256 },
      },
    ),
    becomes(
      'constraints: the operator in upper case',
      { constraints: [['hostname', 'unique']] },
      {
        constraints: [['hostname', 'UNIQUE']],
      },
    ),
    {
      fact: '`env` with references to secrets, with the feature',
      async run(world) {
        const { define } = await world.with({ enable_features: 'secrets,gpu_resources,external_volumes,task_killing' });
        const secrets = { db: { source: 'path/to/it' } };
        expect(await define({ cmd: 'x y', env: { PASSWORD: { secret: 'db' } }, secrets })).toMatchObject({
          env: { PASSWORD: { secret: 'db' } },
          secrets,
        });
      },
    },
    {
      fact: 'secret volumes, with the feature',
      async run(world) {
        const { define } = await world.with({ enable_features: 'secrets,gpu_resources,external_volumes,task_killing' });
        const volumes = [{ containerPath: 'key', secret: 'db' }];
        const container = { type: 'MESOS', volumes };
        expect(await define({ cmd: 'x y', container, secrets: { db: { source: 's' } } })).toMatchObject({
          container: { volumes },
        });
      },
    },
    {
      fact: '`gpus`, with the feature',
      async run(world) {
        const { define } = await world.with({ enable_features: 'secrets,gpu_resources,external_volumes,task_killing' });
        expect(await define({ cmd: 'x y', gpus: 2 })).toMatchObject({ gpus: 2 });
      },
    },
    {
      fact: 'the role of an enforcing group is the app’s',
      file: 'conformance/marathon/server.test.ts',
      title: 'an app of another role makes the framework take that role, and is launched with its resources',
    },
    {
      fact: 'what the API writes is accepted again and means the same',
      file: 'unit/marathon-model/definitions.test.ts',
      title: 'is the same when it is read again from what the API writes',
    },
    {
      fact: 'the definitions of test/fixtures/marathon: accepted, kept and run as written there',
      file: 'conformance/marathon/definitions.test.ts',
      title: 'is accepted, launched and normalised',
    },
  ],
};

export const legacy: Area = {
  title: 'App definition: legacy fields',
  facts: [
    becomes(
      '`ports` → `portDefinitions`',
      { ports: [0, 12001] },
      {
        ports: null,
        portDefinitions: [
          { port: 0, protocol: 'tcp' },
          { port: 12001, protocol: 'tcp' },
        ],
      },
    ),
    becomes(
      '`uris` → `fetch`',
      { uris: ['http://a/b.tgz', 'http://a/c.txt'] },
      {
        uris: null,
        fetch: [
          { uri: 'http://a/b.tgz', extract: true, executable: false, cache: false },
          { uri: 'http://a/c.txt', extract: false, executable: false, cache: false },
        ],
      },
    ),
    becomes(
      '`docker.network` HOST → host',
      { container: { ...docker, docker: { ...docker.docker, network: 'HOST' } } },
      {
        networks: [{ mode: 'host' }],
      },
    ),
    becomes(
      '`docker.network` BRIDGE → container/bridge, `docker.portMappings` → `portMappings`',
      {
        container: { docker: { image: 'nginx', network: 'BRIDGE', portMappings: [{ containerPort: 80 }] } },
      },
      {
        networks: [{ mode: 'container/bridge' }],
        container: {
          type: 'DOCKER',
          docker: image,
          volumes: [],
          portMappings: [expect.objectContaining({ containerPort: 80, hostPort: 0 })],
        },
      },
    ),
    becomes(
      '`docker.network` USER and `ipAddress.networkName` → container',
      {
        ipAddress: { networkName: 'net' },
        container: { docker: { image: 'nginx', network: 'USER', portMappings: [{ containerPort: 80 }] } },
      },
      {
        ipAddress: null,
        networks: [{ mode: 'container', name: 'net' }],
      },
    ),
    refused(
      'old and new form of the network: 422',
      '/',
      'must not specify both container.docker.network and networks',
      {
        cmd: 'x y',
        ...bridge,
        container: { docker: { image: 'nginx', network: 'BRIDGE' } },
      },
    ),
    refused('`uris` and `fetch`: 422', '/uris', 'may not be set in conjunction with fetch', {
      cmd: 'x y',
      uris: ['http://a/b'],
      fetch: [{ uri: 'http://a/b' }],
    }),
    refused('`ports` and other `portDefinitions`: 422', '/', 'cannot specify both ports and port definitions', {
      cmd: 'x y',
      ports: [1],
      portDefinitions: [{ port: 2 }],
    }),
    refused('`ipAddress` and `networks`: 422', '/', 'must not specify both networks and ipAddress', {
      cmd: 'x y',
      ipAddress: {},
      networks: [{ mode: 'host' }],
    }),
  ],
};

const cmd = 'sleep 1';
const idPattern = /^must fully match regular expression '/;
const single = { labels: { MARATHON_SINGLE_INSTANCE_APP: 'true' } };
const nobody = /^operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS$/;

function badFeature(feature: string, app: Record<string, unknown>, path: string): Fact {
  const text = `Feature ${feature} is not enabled. Enable with --enable_features ${feature})`;
  return refused(`${feature}: needs its feature`, path, text, app);
}

/** A definition that has a field of a wrong form: 422 `Invalid JSON`. */
function malformed(fact: string, app: Record<string, unknown>, path: string): Fact {
  return {
    fact,
    method: 'POST',
    path: '/v2/apps',
    body: { id: '/x', cmd, ...app },
    status: 422,
    check: (answer) => expect(Object.keys(errorsOf(answer))).toEqual([path]),
  };
}

export const rules: Area = {
  title: 'Validation',
  facts: [
    ...['/Upper', '/under_score', '/-dash', '/dash-', '/sp ace', '/a..b', '/ü'].map(
      (id): Fact => ({
        fact: `the id \`${id}\` is refused`,
        method: 'POST',
        path: '/v2/apps',
        body: { id, cmd },
        status: 422,
        check: (answer) => expect(Object.keys(errorsOf(answer))).toContain('/id'),
      }),
    ),
    ...['/a.b', '/a-b', '/0', 'relative'].map(
      (id): Fact => ({
        fact: `the id \`${id}\` is good`,
        method: 'PUT',
        path: '/v2/groups/ids?dryRun=true',
        body: { apps: [{ id: `/ids/${id.replace(/^\//, '')}`, cmd }] },
        status: 200,
      }),
    ),
    ...['restart', 'tasks', 'versions'].map((word) =>
      refused(
        `an id must not end with \`${word}\``,
        '/id',
        'must not end with any of the following reserved keywords: restart, tasks, versions, ., ..',
        { id: `/a/${word}`, cmd },
      ),
    ),
    {
      fact: 'an id must not be the root',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/', cmd },
      status: 422,
      check: ({ text }) => expect(text).toMatch(/must not be root|Path must contain at least one path element/),
    },
    ...(
      [
        ['neither `cmd`, `args` nor container', {}],
        ['both `cmd` and `args`', { cmd, args: ['a'] }],
      ] as const
    ).map(([fact, app]) =>
      refused(fact, '/', "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.", app),
    ),
    {
      fact: 'a `cmd` of one character is refused, as the original does',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/x', cmd: 'x' },
      status: 422,
      check: ({ text }) => expect(text).toContain('must not be an empty string'),
    },
    refused('type DOCKER without `docker`', '/container/docker', 'not defined', { cmd, container: { type: 'DOCKER' } }),
    refused('port names are unique', '/portDefinitions', 'Port names must be unique.', {
      cmd,
      portDefinitions: [{ name: 'a' }, { name: 'a' }],
    }),
    refused('ports but 0 are unique', '/portDefinitions', 'Ports must be unique.', {
      cmd,
      portDefinitions: [{ port: 80 }, { port: 80 }],
    }),
    {
      fact: 'updates: `portMappings` only off host mode',
      method: 'PUT',
      path: '/v2/apps/idle',
      body: {
        networks: [{ mode: 'host' }],
        container: { ...docker, portMappings: [{ containerPort: 1 }] },
      },
      status: 422,
      check: ({ text }) => expect(text).toContain('portMappings are not allowed with host-networking'),
    },
    {
      fact: 'updates: `portDefinitions` only in host mode',
      method: 'PUT',
      path: '/v2/apps/idle',
      body: { ...bridge, container: docker, portDefinitions: [{ port: 0 }] },
      status: 422,
      check: ({ text }) => expect(text).toContain('portDefinitions are only allowed with host-networking'),
    },
    ...(
      [
        [
          'two host networks',
          [{ mode: 'host' }, { mode: 'host' }],
          'May specify a single host network, single bridge network, or else 1-to-n container networks',
        ],
        [
          'host beside bridge',
          [{ mode: 'host' }, { mode: 'container/bridge' }],
          'May specify a single host network, single bridge network, or else 1-to-n container networks',
        ],
        ['a host network with a name', [{ mode: 'host', name: 'a' }], 'Host networks may not have names or labels'],
        [
          'a host network with labels',
          [{ mode: 'host', labels: { a: 'b' } }],
          'Host networks may not have names or labels',
        ],
        [
          'a bridge network with a name',
          [{ mode: 'container/bridge', name: 'a' }],
          'Bridge networks may not have names',
        ],
        [
          'a container network without name',
          [{ mode: 'container' }],
          'Network name must be specified when container network is selected.',
        ],
      ] as const
    ).map(
      ([fact, networks, text]): Fact => ({
        fact: `networks: ${fact}`,
        method: 'POST',
        path: '/v2/apps',
        body: { id: '/x', cmd, networks, container: { type: 'MESOS' } },
        status: 422,
        check: (answer) => expect(Object.values(errorsOf(answer)).flat()).toContain(text),
      }),
    ),
    {
      fact: 'networks: the name may come from `--default_network_name`',
      async run(world) {
        const { define } = await world.with({ default_network_name: 'net' });
        expect(await define({ cmd, networks: [{ mode: 'container' }] })).toMatchObject({
          networks: [{ mode: 'container', name: 'net' }],
        });
      },
    },
    refused(
      'networks: one container network with the Docker engine',
      '/',
      'may only specify a single container network when using the Docker container engine',
      {
        cmd,
        networks: [{ name: 'a' }, { name: 'b' }],
        container: docker,
      },
    ),
    refused(
      'health checks: the port index is one of the ports',
      '/healthChecks(0)',
      'Health check port indices must address an element of the ports array or container port mappings.',
      {
        cmd,
        healthChecks: [{ portIndex: 1 }],
      },
    ),
    refused('health checks: at most one by Mesos', '/', 'AppDefinition can contain at most one Mesos health check', {
      cmd,
      healthChecks: [{ protocol: 'MESOS_TCP' }, { protocol: 'MESOS_HTTP' }],
    }),
    refused('health checks: COMMAND needs a command', '/healthChecks(0)/command', 'not defined', {
      cmd,
      healthChecks: [{ protocol: 'COMMAND' }],
    }),
    refused(
      'readiness: the port’s name exists',
      '/readinessChecks(0)/portName',
      'No port definition reference for portName http-api',
      {
        cmd,
        readinessChecks: [{}],
      },
    ),
    refused(
      'readiness: the timeout is below the interval',
      '/readinessChecks(0)/timeoutSeconds',
      /^got 30, expected less than 30$/,
      {
        cmd,
        portDefinitions: [{ name: 'http-api' }],
        readinessChecks: [{ timeoutSeconds: 30 }],
      },
    ),
    refused('readiness: at most one', '/readinessChecks/size', /1 or less/, {
      cmd,
      portDefinitions: [{ name: 'http-api' }],
      readinessChecks: [{}, {}],
    }),
    refused('single instance apps: one instance', '/', 'Single instance app may only have one instance', {
      cmd,
      ...single,
      instances: 2,
      upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0 },
    }),
    refused(
      'single instance apps: upgrades without overlap',
      '/upgradeStrategy/maximumOverCapacity',
      'got 1.0, expected 0.0',
      {
        cmd,
        ...single,
      },
    ),
    badFeature('secrets', { cmd, secrets: { a: { source: 'x' } } }, '/secrets'),
    badFeature('gpu_resources', { cmd, gpus: 1 }, '/'),
    badFeature(
      'external_volumes',
      {
        cmd,
        container: {
          type: 'MESOS',
          volumes: [
            {
              containerPath: 'a',
              mode: 'RW',
              external: { name: 'v', provider: 'dvdi', options: { 'dvdi/driver': 'x' } },
            },
          ],
        },
      },
      '/container/volumes(0)',
    ),
    {
      fact: 'references to secrets that are not defined',
      async run(world) {
        const { ask } = await world.with({ enable_features: 'secrets,gpu_resources,external_volumes,task_killing' });
        const app = { id: '/x', cmd, env: { A: { secret: 'nope' } } };
        expect(errorsOf(await ask('POST', '/v2/apps', app, 422))).toEqual({
          '/env/A/secret': ['references an undefined secret'],
        });
      },
    },
    refused(
      '`acceptedResourceRoles` are the role’s and `*`',
      '/acceptedResourceRoles',
      /^acceptedResourceRoles can only contain \*/,
      {
        cmd,
        acceptedResourceRoles: ['other'],
      },
    ),
    refused(
      'unreachable: inactive before expunged',
      '/unreachableStrategy/inactiveAfterSeconds',
      /must be less or equal to expungeAfterSeconds/,
      {
        cmd,
        unreachableStrategy: { inactiveAfterSeconds: 5, expungeAfterSeconds: 1 },
      },
    ),
    {
      fact: 'capacities are between 0 and 1',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/x', cmd, upgradeStrategy: { minimumHealthCapacity: 1.5, maximumOverCapacity: -1 } },
      status: 422,
      check: (answer) =>
        expect(Object.keys(errorsOf(answer)).sort()).toEqual([
          '/upgradeStrategy/maximumOverCapacity',
          '/upgradeStrategy/minimumHealthCapacity',
        ]),
    },
    malformed(
      'an upgrade strategy has both capacities',
      { upgradeStrategy: { minimumHealthCapacity: 1 } },
      '/upgradeStrategy/maximumOverCapacity',
    ),
    malformed('instances are not negative', { instances: -1 }, '/instances'),
    malformed('cpus are at least 0.001', { cpus: 0 }, '/cpus'),
    malformed('mem is not negative', { mem: -1 }, '/mem'),
    malformed('a backoff factor is at least 1', { backoffFactor: 0.5 }, '/backoffFactor'),
    malformed('ports are at most 65535', { portDefinitions: [{ port: 65536 }] }, '/portDefinitions(0)/port'),
    malformed(
      'protocols are tcp, udp or udp,tcp',
      { portDefinitions: [{ protocol: 'sctp' }] },
      '/portDefinitions(0)/protocol',
    ),
    malformed('URIs are at most 1024 characters', { fetch: [{ uri: `http://${'a'.repeat(1024)}` }] }, '/fetch(0)/uri'),
    refused('`executor` has its form', '/executor', idPattern, { cmd, executor: '//other' }),
    {
      fact: 'dependencies have no cycle',
      method: 'PUT',
      path: '/v2/groups/cycle',
      body: {
        apps: [
          { id: 'a', cmd, dependencies: ['b'] },
          { id: 'b', cmd, dependencies: ['a'] },
        ],
      },
      status: 422,
      check: ({ text }) => expect(text).toContain('Dependency graph has cyclic dependencies.'),
    },
    {
      fact: 'an app and a group don’t share an id',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/shop', cmd },
      status: 422,
      check: ({ text }) => expect(text).toContain('Groups and Applications may not have the same identifier.'),
    },
    ...(
      [
        ['an unknown operator', ['hostname', 'NEAR'], nobody],
        ['UNIQUE takes no value', ['hostname', 'UNIQUE', 'x'], /^UNIQUE does not accept a value$/],
        ['GROUP_BY takes a whole number', ['hostname', 'GROUP_BY', 'x'], /integer value/],
        ['MAX_PER needs a number', ['hostname', 'MAX_PER', 'x'], /^MAX_PER requires an integer value$/],
        ['LIKE needs an expression', ['hostname', 'LIKE'], /regular expression/],
        ['LIKE needs one that is right', ['hostname', 'LIKE', '('], /^is not a valid regular expression$/],
        ['UNLIKE needs an expression', ['hostname', 'UNLIKE'], /regular expression/],
        ['IS takes text or a number', ['hostname', 'IS', '{a}'], /^IS only supports Mesos text and float values/],
        ['two or three fields', ['hostname'], /^Each constraint must have either 2 or 3 fields$/],
      ] as const
    ).map(([fact, constraint, text]) =>
      refused(`constraints: ${fact}`, '/constraints(0)', text, { cmd, constraints: [constraint] }),
    ),
    {
      fact: 'each definition of test/fixtures/marathon/invalid is refused with its errors',
      file: 'unit/marathon-model/definitions.test.ts',
      title: 'invalid app definitions',
    },
  ],
};
