import { describe, expect, it } from 'vitest';
import type { OfferMatch } from '../../../src/embedded/marathon/model/offer-match.ts';
import { buildTask } from '../../../src/embedded/marathon/model/task-builder.ts';
import {
  javaDouble,
  type TaskContext,
  taskEnvironment,
} from '../../../src/embedded/marathon/model/task-environment.ts';
import type { AppDefinition, AppHealthCheck, PortMapping } from '../../../src/protocols/marathon/types.ts';
import type { Offer } from '../../../src/protocols/mesos/types.ts';
import { config, makeApp, seeded, t0 } from './make.ts';

const context: TaskContext = { config, taskId: 'app.instance-1._app.1', random: seeded(1), enforceRole: false };
const offer: Offer = {
  id: { value: 'O1' },
  framework_id: { value: 'F' },
  agent_id: { value: 'S1' },
  hostname: 'node-1',
  resources: [],
};
const matchOf = (...hostPorts: (number | undefined)[]): OfferMatch => ({
  kind: 'match',
  resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 1 }, role: '*' }],
  hostPorts,
  placement: { agentId: 'S1', host: 'node-1', attributes: [] },
});
const build = (app: AppDefinition, ...hostPorts: (number | undefined)[]) =>
  buildTask(app, offer, matchOf(...hostPorts), context);

function environmentOf(app: AppDefinition, hostPorts: (number | undefined)[] = [], changes: Partial<TaskContext> = {}) {
  const variables = taskEnvironment(app, 'node-1', hostPorts, { ...context, ...changes });
  expect(new Set(variables.map(({ name }) => name)).size).toBe(variables.length);
  return Object.fromEntries(variables.map(({ name, value, secret }) => [name, value ?? secret]));
}

const mapping = (fields: Partial<PortMapping> = {}): PortMapping => ({
  containerPort: 80,
  servicePort: 0,
  protocol: 'tcp',
  ...fields,
});
function mapped(
  type: 'DOCKER' | 'MESOS',
  mode: 'container' | 'container/bridge',
  ...mappings: PortMapping[]
): AppDefinition {
  const { portDefinitions: _, ...app } = makeApp('/shop/web', {
    networks: [{ mode, ...(mode === 'container' && { name: 'overlay', labels: { n: 'v' } }) }],
    container: {
      type,
      ...(type === 'DOCKER' && {
        docker: { image: 'nginx', forcePullImage: false, privileged: false, parameters: [] },
      }),
      volumes: [],
      portMappings: mappings,
    },
  });
  return app;
}

describe('the environment of a task', () => {
  it('tells it what it is', () => {
    expect(
      environmentOf(makeApp('/shop/web', { cpus: 0.5, mem: 32, disk: 1, gpus: 2, ...{ portDefinitions: [] } })),
    ).toEqual({
      MESOS_TASK_ID: 'app.instance-1._app.1',
      MARATHON_APP_ID: '/shop/web',
      MARATHON_APP_VERSION: t0,
      MARATHON_APP_RESOURCE_CPUS: '0.5',
      MARATHON_APP_RESOURCE_MEM: '32.0',
      MARATHON_APP_RESOURCE_DISK: '1.0',
      MARATHON_APP_RESOURCE_GPUS: '2',
      MARATHON_APP_ENFORCE_GROUP_ROLE: 'FALSE',
      MARATHON_APP_LABELS: '',
      HOST: 'node-1',
    });
  });

  it.each([
    [32, '32.0'],
    [0.1, '0.1'],
    [0, '0.0'],
    [0.0001, '1.0E-4'],
    [0.00015, '1.5E-4'],
    [12345678, '1.2345678E7'],
  ])('writes the number %d as %s', (value, expected) => {
    expect(javaDouble(value)).toBe(expected);
  });

  it('has the labels, with names made fit', () => {
    const labels = { owner: 'me', 'a.b-c': 'x', long: 'v'.repeat(512), [`k${'x'.repeat(492)}`]: 'v' };
    expect(environmentOf(makeApp('/a', { labels }))).toMatchObject({
      MARATHON_APP_LABELS: 'OWNER A_B_C',
      MARATHON_APP_LABEL_OWNER: 'me',
      MARATHON_APP_LABEL_A_B_C: 'x',
    });
    expect(environmentOf(makeApp('/a', { labels }))).not.toHaveProperty('MARATHON_APP_LABEL_LONG');
  });

  it('has the ports by number, by what was declared and by name', () => {
    const app = makeApp('/a', {
      portDefinitions: [
        { port: 10001, protocol: 'tcp', name: 'http' },
        { port: 0, protocol: 'tcp' },
      ],
    });
    expect(environmentOf(app, [31000, 31001])).toMatchObject({
      PORT: '31000',
      PORT0: '31000',
      PORT1: '31001',
      PORTS: '31000,31001',
      PORT_10001: '31000',
      PORT_31001: '31001',
      PORT_HTTP: '31000',
    });
  });

  it('has no ports when there are none', () => {
    const names = Object.keys(environmentOf(makeApp('/a', { portDefinitions: [] })));
    expect(names.filter((name) => name.startsWith('PORT'))).toEqual([]);
  });

  it('has container ports where a mapping has no host port', () => {
    const app = mapped(
      'DOCKER',
      'container',
      mapping({ name: 'web' }),
      mapping({ containerPort: 0, name: 'any' }),
      mapping({ containerPort: 9, hostPort: 0 }),
    );
    const environment = environmentOf(app, [undefined, undefined, 31005]);
    const any = Number(environment.PORT1);
    expect(any).toBeGreaterThan(1024);
    expect(environment).toMatchObject({
      PORT0: '80',
      PORT_80: '80',
      PORT_WEB: '80',
      [`PORT_${any}`]: String(any),
      PORT_ANY: String(any),
      PORT2: '31005',
      PORT_9: '31005',
      PORT: '31005',
      PORTS: `31005,${any}`,
      MARATHON_APP_DOCKER_IMAGE: 'nginx',
    });
  });

  it('lets the app have the last word, and a prefix keep the rest apart', () => {
    const app = makeApp('/a', { env: { HOST: 'mine', MARATHON_APP_ID: 'me' } });
    expect(environmentOf(app, [31000])).toMatchObject({ HOST: 'mine', MARATHON_APP_ID: 'me', PORT0: '31000' });
    const prefixed = environmentOf(app, [31000], { config: { ...config, envVarsPrefix: 'CTX_' }, enforceRole: true });
    expect(prefixed).toMatchObject({
      HOST: 'mine',
      CTX_HOST: 'node-1',
      CTX_PORT0: '31000',
      MARATHON_APP_ENFORCE_GROUP_ROLE: 'TRUE',
    });
    expect(prefixed).not.toHaveProperty('PORT0');
  });

  it('names secrets and never their values', () => {
    const app = makeApp('/a', {
      env: { PASSWORD: { secret: 'db' }, LOST: { secret: 'none' } },
      secrets: { db: { source: '/db/pw' } },
    });
    const environment = environmentOf(app);
    expect(environment.PASSWORD).toEqual({ type: 'REFERENCE', reference: { name: '/db/pw' } });
    expect(environment).not.toHaveProperty('LOST');
  });
});

describe('a task', () => {
  it('of a command', () => {
    const app = makeApp('/shop/web', {
      labels: { a: 'b' },
      taskKillGracePeriodSeconds: 3,
      user: 'me',
      fetch: [{ uri: 'http://x/a.zip', extract: true, executable: false, cache: false, destPath: 'a' }],
    });
    const task = build(app, 31000);
    expect(task).toMatchObject({
      name: 'web.shop',
      task_id: { value: 'app.instance-1._app.1' },
      agent_id: { value: 'S1' },
      resources: [{ name: 'cpus' }],
      command: {
        shell: true,
        value: 'sleep 1000',
        user: 'me',
        uris: [{ value: 'http://x/a.zip', extract: true, executable: false, cache: false, output_file: 'a' }],
      },
      kill_policy: { grace_period: { nanoseconds: 3e9 } },
      labels: { labels: [{ key: 'a', value: 'b' }] },
      discovery: {
        visibility: 'FRAMEWORK',
        name: 'web.shop',
        ports: { ports: [{ number: 31000, name: 'default', protocol: 'tcp' }] },
      },
    });
    for (const absent of ['container', 'executor', 'health_check', 'check', 'limits'])
      expect(task).not.toHaveProperty(absent);
  });

  it('of arguments runs the first of them, but in a container all are for its entry point', () => {
    const { cmd: _, ...app } = makeApp('/a', { args: ['ls', '-l'] });
    expect(build(app, 1).command).toMatchObject({ shell: false, value: 'ls', arguments: ['ls', '-l'] });
    const contained: AppDefinition = {
      ...app,
      container: {
        type: 'DOCKER',
        docker: { image: 'x', forcePullImage: false, privileged: false, parameters: [] },
        volumes: [],
      },
    };
    expect(build(contained, 1).command).toMatchObject({ shell: false, arguments: ['ls', '-l'] });
    expect(build(contained, 1).command).not.toHaveProperty('value');
    expect(build({ ...contained, args: [] }, 1).command).toMatchObject({ shell: false });
  });

  it('of a Docker image on a bridge', () => {
    const app = mapped(
      'DOCKER',
      'container/bridge',
      mapping({ hostPort: 0, name: 'http', protocol: 'udp,tcp', labels: { l: '1' } }),
      mapping({ containerPort: 0, hostPort: 0 }),
    );
    expect(build(app, 31000, 31001)).toMatchObject({
      container: {
        type: 'DOCKER',
        docker: {
          image: 'nginx',
          network: 'BRIDGE',
          privileged: false,
          force_pull_image: false,
          port_mappings: [
            { host_port: 31000, container_port: 80, protocol: 'udp' },
            { host_port: 31000, container_port: 80, protocol: 'tcp' },
            { host_port: 31001, container_port: 31001, protocol: 'tcp' },
          ],
          parameters: [{ key: 'label', value: 'MESOS_TASK_ID=app.instance-1._app.1' }],
        },
      },
      discovery: {
        ports: {
          ports: [
            {
              number: 31000,
              name: 'http',
              protocol: 'udp',
              labels: {
                labels: [
                  { key: 'l', value: '1' },
                  { key: 'network-scope', value: 'host' },
                ],
              },
            },
            { number: 31000, name: 'http', protocol: 'tcp' },
            { number: 31001, protocol: 'tcp', labels: { labels: [{ key: 'network-scope', value: 'host' }] } },
          ],
        },
      },
    });
  });

  it('of a Docker image on a network of its own', () => {
    const task = build(mapped('DOCKER', 'container', mapping()), undefined);
    expect(task.container).toMatchObject({ docker: { network: 'USER' }, network_infos: [{ name: 'overlay' }] });
    expect(task.container?.docker).not.toHaveProperty('port_mappings');
    expect(task.discovery?.ports?.ports).toEqual([
      {
        number: 80,
        protocol: 'tcp',
        labels: {
          labels: [
            { key: 'network-scope', value: 'container' },
            { key: 'network-name', value: 'overlay' },
          ],
        },
      },
    ]);
  });

  it('of a Mesos container on a bridge and on a network', () => {
    const bridged = build(mapped('MESOS', 'container/bridge', mapping({ hostPort: 0 })), 31000);
    expect(bridged.container).toEqual({
      type: 'MESOS',
      mesos: {},
      network_infos: [
        {
          ip_addresses: [{}],
          name: 'mesos-bridge',
          port_mappings: [{ host_port: 31000, container_port: 80, protocol: 'tcp' }],
        },
      ],
    });
    expect(build(mapped('MESOS', 'container', mapping()), undefined).container?.network_infos).toEqual([
      { ip_addresses: [{}], name: 'overlay', labels: { labels: [{ key: 'n', value: 'v' }] } },
    ]);
  });

  it('of an image in a Mesos container, with volumes and secrets', () => {
    const app = makeApp('/a', {
      secrets: { pull: { source: '/pull' }, cert: { source: '/cert' } },
      tty: true,
      container: {
        type: 'MESOS',
        docker: {
          image: 'nginx',
          forcePullImage: true,
          privileged: false,
          parameters: [],
          pullConfig: { secret: 'pull' },
        },
        volumes: [
          { containerPath: '/in', hostPath: '/out', mode: 'RO' },
          { containerPath: 'cert', secret: 'cert' },
          { containerPath: 'data', mode: 'RW', persistent: { size: 1 } },
          {
            containerPath: '/ext',
            mode: 'RW',
            external: { name: 'v', provider: 'dvdi', options: { 'dvdi/driver': 'rexray', 'dvdi/size': '5' } },
          },
        ],
        linuxInfo: { seccomp: { unconfined: true }, ipcInfo: { mode: 'PRIVATE', shmSize: 64 } },
      },
    });
    expect(build(app, 31000).container).toEqual({
      type: 'MESOS',
      mesos: {
        image: {
          type: 'DOCKER',
          docker: { name: 'nginx', config: { type: 'REFERENCE', reference: { name: '/pull' } } },
          cached: false,
        },
      },
      volumes: [
        { container_path: '/in', host_path: '/out', mode: 'RO' },
        {
          container_path: 'cert',
          mode: 'RO',
          source: { type: 'SECRET', secret: { type: 'REFERENCE', reference: { name: '/cert' } } },
        },
        {
          container_path: '/ext',
          mode: 'RW',
          source: {
            type: 'DOCKER_VOLUME',
            docker_volume: {
              driver: 'rexray',
              name: 'v',
              driver_options: { parameter: [{ key: 'size', value: '5' }] },
            },
          },
        },
      ],
      linux_info: { seccomp: { unconfined: true }, ipc_mode: 'PRIVATE', shm_size: 64 },
      tty_info: {},
    });
  });

  const timing = {
    gracePeriodSeconds: 5,
    intervalSeconds: 2,
    timeoutSeconds: 1,
    maxConsecutiveFailures: 3,
    delaySeconds: 4,
    ipProtocol: 'IPv4',
  } as const;
  const mesosTiming = {
    delay_seconds: 4,
    interval_seconds: 2,
    timeout_seconds: 1,
    grace_period_seconds: 5,
    consecutive_failures: 3,
  };
  it.each<[string, AppHealthCheck, unknown]>([
    [
      'a command',
      { protocol: 'COMMAND', command: { value: 'true' }, ...timing },
      { type: 'COMMAND', ...mesosTiming, command: { shell: true, value: 'true' } },
    ],
    [
      'HTTP',
      { protocol: 'MESOS_HTTP', path: '/x', portIndex: 0, ...timing },
      { type: 'HTTP', ...mesosTiming, http: { protocol: 'IPv4', scheme: 'http', port: 31000, path: '/x' } },
    ],
    [
      'HTTPS at a port',
      { protocol: 'MESOS_HTTPS', port: 8443, ...timing },
      { type: 'HTTP', ...mesosTiming, http: { protocol: 'IPv4', scheme: 'https', port: 8443 } },
    ],
    [
      'TCP',
      { protocol: 'MESOS_TCP', ...timing },
      { type: 'TCP', ...mesosTiming, tcp: { protocol: 'IPv4', port: 31000 } },
    ],
  ])('has the health check that the agent runs: %s', (_, check, expected) => {
    expect(build(makeApp('/a', { healthChecks: [{ ...check, protocol: 'HTTP' }, check] }), 31000).health_check).toEqual(
      expected,
    );
  });

  it('is probed in its container', () => {
    const app = {
      ...mapped('MESOS', 'container/bridge', mapping({ hostPort: 0 })),
      healthChecks: [{ protocol: 'MESOS_TCP' as const, portIndex: 0, ...timing }],
    };
    expect(build(app, 31000).health_check).toMatchObject({ tcp: { port: 80 } });
  });

  it('has its check, limits and own executor', () => {
    const app = makeApp('/a', {
      check: {
        exec: { command: { argv: ['test', '-f', 'x'] } },
        intervalSeconds: 1,
        timeoutSeconds: 1,
        delaySeconds: 0,
      },
      resourceLimits: { cpus: 'unlimited', mem: 512 },
      executor: "/opt/it's",
      executorResources: { cpus: 0.1, mem: 32, disk: 10 },
    });
    const task = build(app, 31000);
    expect(task).toMatchObject({
      check: { type: 'COMMAND', command: { command: { shell: false, value: 'test', arguments: ['test', '-f', 'x'] } } },
      limits: { mem: { value: 512 } },
      executor: {
        executor_id: { value: 'marathon-app.instance-1._app.1' },
        command: { shell: true, value: "chmod ug+rx '/opt/it'\\''s' && exec '/opt/it'\\''s' sleep 1000" },
        resources: [{ name: 'cpus' }, { name: 'mem' }, { name: 'disk' }],
      },
    });
    expect(task).not.toHaveProperty('command');
    expect(task.limits).not.toHaveProperty('cpus');
  });
});
