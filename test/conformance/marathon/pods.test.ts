import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { InstanceJson, PodJson, PodStatus } from '../../../src/protocols/marathon/pods.ts';
import type { DeploymentInfo, ErrorBody } from '../../../src/protocols/marathon/types.ts';
import { type MesosForTests, startEmbeddedMesos } from './embedded-mesos.ts';
import type { EventReader } from './harness.ts';

/** Pods on the embedded Mesos: task groups as real processes. */
let mesos: MesosForTests;
let events: EventReader;

beforeAll(async () => {
  mesos = await startEmbeddedMesos({ marathon: { enable_features: 'secrets' } });
  events = await mesos.marathon.events();
}, 30_000);
afterAll(() => mesos.close());

const call = <T = Record<string, unknown>>(method: string, path: string, json?: unknown) =>
  mesos.marathon.call<T>(method, path, json);
const status = async (id: string) => (await call<PodStatus>('GET', `/v2/pods${id}::status`)).json;
const deployed = async (answer: { headers: Record<string, string | string[] | undefined> }) =>
  mesos.marathon.deployed(String(answer.headers['marathon-deployment-id']));

const idle = { shell: 'exec sleep 1000' };
const small = { cpus: 0.1, mem: 32 };
const two = (id: string, more: object = {}) => ({
  id,
  containers: [
    { name: 'first', resources: small, exec: { command: idle } },
    { name: 'second', resources: small, exec: { command: { argv: ['sleep', '1000'] } } },
  ],
  ...more,
});

async function remove(id: string): Promise<void> {
  const removed = await call('DELETE', `/v2/pods${id}?force=true`);
  expect(removed.status).toBe(202);
  await deployed(removed);
}

describe('a pod', () => {
  test('is created, shown, scaled, replaced and removed', async () => {
    const created = await call<PodJson>('POST', '/v2/pods', two('/shop/pair', { labels: { tier: 'front' } }));
    expect(created.status).toBe(201);
    expect(created.headers.location).toMatch(/\/shop\/pair$/);
    expect(created.json).toMatchObject({
      id: '/shop/pair',
      labels: { tier: 'front' },
      scaling: { kind: 'fixed', instances: 1 },
      executorResources: { cpus: 0.1, mem: 32, disk: 10 },
      role: '*',
      scheduling: {
        backoff: { backoff: 1, backoffFactor: 1.15, maxLaunchDelay: 300 },
        upgrade: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
        placement: {},
        killSelection: 'YOUNGEST_FIRST',
        unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
      },
      containers: [
        { name: 'first', exec: { command: idle }, resources: { cpus: 0.1, mem: 32, disk: 0, gpus: 0 } },
        { name: 'second', exec: { command: { argv: ['sleep', '1000'] } } },
      ],
    });
    await deployed(created);
    await events.next('pod_created_event', (data) => data.uri === '/v2/pods');

    const running = await status('/shop/pair');
    expect(running).toMatchObject({ id: '/shop/pair', status: 'STABLE', spec: { id: '/shop/pair' } });
    expect(running.instances).toHaveLength(1);
    const [instance] = running.instances;
    expect(instance).toMatchObject({
      status: 'STABLE',
      agentHostname: '127.0.0.1',
      resources: { cpus: 0.3, mem: 96, disk: 10, gpus: 0 },
      specReference: `/v2/pods/shop/pair::versions/${created.json.version}`,
      containers: [
        { name: 'first', status: 'TASK_RUNNING', conditions: [], endpoints: [] },
        { name: 'second', status: 'TASK_RUNNING' },
      ],
      role: '*',
    });
    expect(instance?.id).toMatch(/^shop_pair\.instance-/);
    expect(instance?.containers.map(({ containerId }) => containerId)).toEqual([
      `${instance?.id}.first.1`,
      `${instance?.id}.second.1`,
    ]);

    const scaled = await call('PUT', '/v2/pods/shop/pair', {
      ...created.json,
      scaling: { kind: 'fixed', instances: 2 },
    });
    expect(scaled.status).toBe(200);
    await deployed(scaled);
    const both = await status('/shop/pair');
    expect(both).toMatchObject({ status: 'STABLE', instances: [{ status: 'STABLE' }, { status: 'STABLE' }] });
    expect(both.instances.map(({ id }) => id)).toContain(instance?.id);

    const upgraded = await call<PodJson>('PUT', '/v2/pods/shop/pair', two('/shop/pair', { environment: { A: 'b' } }));
    await deployed(upgraded);
    const after = await status('/shop/pair');
    expect(after.instances.map(({ id }) => id)).not.toContain(instance?.id);
    expect(after).toMatchObject({ status: 'STABLE', instances: [{ status: 'STABLE' }] });

    const versions = await call<string[]>('GET', '/v2/pods/shop/pair::versions');
    expect(versions.json[0]).toBe(upgraded.json.version);
    expect(versions.json.at(-1)).toBe(created.json.version);
    const first = await call<PodJson>('GET', `/v2/pods/shop/pair::versions/${created.json.version}`);
    expect(first.json).toEqual(created.json);

    const removed = await call('DELETE', '/v2/pods/shop/pair');
    expect(removed.status).toBe(202);
    await deployed(removed);
    expect(await call('GET', '/v2/pods/shop/pair')).toMatchObject({
      status: 404,
      json: { message: "Pod '/shop/pair' does not exist" },
    });
    for (const type of ['pod_updated_event', 'pod_deleted_event'] as const)
      await events.next(type, (data) => data.uri === '/v2/pods/shop/pair');
  });

  test('is one of its group, and of deployments under the names that pods have there', async () => {
    const group = { id: '/both', apps: [{ id: 'app', cmd: 'exec sleep 1000', ...small }], pods: [two('pod')] };
    const plan = await call<{ steps: unknown }>('PUT', '/v2/groups/both?dryRun=true', group);
    expect(plan.json.steps).toEqual([
      {
        actions: [
          { action: 'StartApplication', app: '/both/app' },
          { action: 'StartPod', pod: '/both/pod' },
        ],
      },
      {
        actions: [
          { action: 'ScaleApplication', app: '/both/app' },
          { action: 'ScalePod', pod: '/both/pod' },
        ],
      },
    ]);
    const created = await call<{ deploymentId: string }>('POST', '/v2/groups', group);
    expect(created.status).toBe(201);
    await mesos.marathon.deployed(created.json.deploymentId);
    expect((await call('GET', '/v2/groups/both')).json).toMatchObject({
      apps: [{ id: '/both/app' }],
      pods: [{ id: '/both/pod' }],
    });
    expect((await call<PodJson[]>('GET', '/v2/pods')).json.map(({ id }) => id)).toEqual(['/both/pod']);
    expect((await call<PodStatus[]>('GET', '/v2/pods::status')).json).toMatchObject([
      { id: '/both/pod', status: 'STABLE' },
    ]);
    // Lists of apps and of their tasks know nothing of pods.
    expect((await call<{ apps: unknown[] }>('GET', '/v2/apps')).json.apps).toHaveLength(1);
    expect((await call<{ tasks: unknown[] }>('GET', '/v2/tasks')).json.tasks).toHaveLength(1);
    // The same group again changes nothing.
    const again = await call<{ steps: unknown }>('PUT', '/v2/groups/both?dryRun=true', group);
    expect(again.json.steps).toEqual([]);
    const removed = await call<{ deploymentId: string }>('DELETE', '/v2/groups/both');
    await mesos.marathon.deployed(removed.json.deploymentId);
    const plans = events.all.filter(
      ({ type, data }) => type === 'deployment_success' && data.id === removed.json.deploymentId,
    );
    expect(plans[0]?.data.plan).toMatchObject({
      steps: [{ actions: expect.arrayContaining([{ action: 'StopPod', pod: '/both/pod' }]) }],
    });
  });

  test('tells its containers who they are, where their ports are, and shares a folder among them', async () => {
    const print = 'env > shared/$MARATHON_CONTAINER_ID && exec sleep 1000';
    const created = await call<PodJson>('POST', '/v2/pods', {
      id: '/envs',
      labels: { color: 'green' },
      environment: { WHO: 'pod', BOTH: 'pod' },
      volumes: [{ name: 'box' }],
      networks: [{ mode: 'host' }],
      containers: [
        {
          name: 'one',
          resources: small,
          exec: { command: { shell: print } },
          environment: { BOTH: 'container' },
          endpoints: [{ name: 'web-ui', hostPort: 0, protocol: ['tcp'] }],
          volumeMounts: [{ name: 'box', mountPath: 'shared' }],
        },
        {
          name: 'other',
          resources: small,
          exec: { command: { shell: 'until [ -s box/one ]; do sleep 0.05; done; cat box/one >&1; exec sleep 1000' } },
          volumeMounts: [{ name: 'box', mountPath: 'box' }],
        },
      ],
    });
    expect({ status: created.status, text: created.text }).toMatchObject({ status: 201 });
    await deployed(created);
    const [instance] = (await status('/envs')).instances;
    const port = instance?.containers[0]?.endpoints[0]?.allocatedHostPort;
    expect(port).toBeGreaterThan(0);
    const text = await readPrinted(mesos);
    const env = Object.fromEntries(text.split('\n').map((line) => line.split('=')));
    expect(env).toMatchObject({
      WHO: 'pod',
      BOTH: 'container',
      HOST: '127.0.0.1',
      MESOS_TASK_ID: `${instance?.id}.one.1`,
      MESOS_EXECUTOR_ID: expect.stringMatching(/^instance-envs\./),
      MARATHON_APP_ID: '/envs',
      MARATHON_APP_VERSION: created.json.version,
      MARATHON_CONTAINER_ID: 'one',
      MARATHON_CONTAINER_RESOURCE_CPUS: '0.1',
      MARATHON_CONTAINER_RESOURCE_MEM: '32.0',
      MARATHON_APP_LABELS: 'COLOR',
      MARATHON_APP_LABEL_COLOR: 'green',
      ENDPOINT_WEB_UI: String(port),
      EP_HOST_WEB_UI: String(port),
    });
    await remove('/envs');
  });

  test('whose container fails is launched again as a whole, and remembers how it ended', async () => {
    const created = await call('POST', '/v2/pods', {
      id: '/once',
      scheduling: { backoff: { backoff: 0 } },
      containers: [
        // It fails the first time only.
        {
          name: 'fails',
          resources: small,
          exec: { command: { shell: 'case $MESOS_TASK_ID in *.1) sleep 0.3; exit 3;; esac; exec sleep 1000' } },
        },
        { name: 'stays', resources: small, exec: { command: idle } },
      ],
    });
    await deployed(created);
    await expect
      .poll(async () => (await status('/once')).instances[0], { timeout: 10_000 })
      .toMatchObject({
        status: 'STABLE',
        containers: [
          { status: 'TASK_RUNNING', containerId: expect.stringMatching(/\.fails\.2$/) },
          { status: 'TASK_RUNNING', containerId: expect.stringMatching(/\.stays\.2$/) },
        ],
      });
    expect((await status('/once')).terminationHistory).toMatchObject([
      {
        message: 'Command exited with status 3',
        containers: [{ containerId: expect.stringMatching(/\.fails\.1$/), lastKnownState: 'TASK_FAILED' }],
      },
    ]);
    await remove('/once');
  });

  test('with health checks is ready when all of its containers are healthy', async () => {
    const created = await call<PodJson>('POST', '/v2/pods', {
      id: '/checked',
      networks: [{ mode: 'host' }],
      containers: [
        {
          name: 'web',
          resources: small,
          endpoints: [{ name: 'http', hostPort: 0 }],
          exec: {
            command: {
              shell: `exec '${process.execPath}' -e 'require("http").createServer((q,s)=>s.end("hi")).listen(process.env.EP_HOST_HTTP,"127.0.0.1")'`,
            },
          },
          healthCheck: {
            http: { endpoint: 'http', path: '/' },
            intervalSeconds: 2,
            timeoutSeconds: 1,
            delaySeconds: 0,
          },
        },
        {
          name: 'command',
          resources: small,
          exec: { command: idle },
          healthCheck: { exec: { command: { shell: 'true' } }, intervalSeconds: 2, timeoutSeconds: 1, delaySeconds: 0 },
        },
      ],
    });
    expect({ status: created.status, text: created.text }).toMatchObject({ status: 201 });
    await deployed(created);
    expect((await status('/checked')).instances[0]).toMatchObject({
      status: 'STABLE',
      containers: [
        {
          conditions: [{ name: 'healthy', value: 'true', reason: 'health-reported-by-mesos' }],
          endpoints: [{ name: 'http', healthy: true }],
        },
        { conditions: [{ name: 'healthy', value: 'true' }] },
      ],
    });
    await remove('/checked');
  });

  test('loses an instance by request: the same again, or wiped for another', async () => {
    const created = await call('POST', '/v2/pods', two('/pair'));
    await deployed(created);
    const [before] = (await status('/pair')).instances;
    const killed = await call<InstanceJson>('DELETE', `/v2/pods/pair::instances/${before?.id}`);
    expect(killed).toMatchObject({
      status: 200,
      json: {
        instanceId: before?.id,
        state: { condition: 'Running', goal: 'Running' },
        agentInfo: { host: '127.0.0.1' },
      },
    });
    const stable = async () => (await status('/pair')).instances.filter((each) => each.status === 'STABLE');
    await expect
      .poll(async () => (await stable())[0]?.containers[0]?.containerId, { timeout: 10_000 })
      .toBe(`${before?.id}.first.2`);
    const wiped = await call<InstanceJson[]>('DELETE', '/v2/pods/pair::instances?wipe=true', [before?.id]);
    expect(wiped.json).toMatchObject([{ instanceId: before?.id }]);
    await expect
      .poll(async () => (await stable()).map(({ id }) => id === before?.id), { timeout: 10_000 })
      .toEqual([false]);
    expect(await call('DELETE', `/v2/pods/pair::instances/${before?.id}`)).toMatchObject({ status: 404 });
    expect(await call('DELETE', '/v2/pods/pair::instances/nonsense')).toMatchObject({ status: 422 });
    await remove('/pair');
  });

  test('that is going is shown as terminal, and its containers have the time to end that they ask for', async () => {
    const created = await call('POST', '/v2/pods', {
      id: '/stubborn',
      containers: [
        {
          name: 'one',
          resources: small,
          exec: { command: { shell: 'trap "" TERM; while :; do sleep 0.1; done' } },
          lifecycle: { killGracePeriodSeconds: 1 },
        },
      ],
    });
    await deployed(created);
    const [instance] = (await status('/stubborn')).instances;
    // Tasks of pods can be ended as those of apps can.
    const ended = await call<{ tasks: unknown[] }>('POST', '/v2/tasks/delete', {
      ids: [instance?.containers[0]?.containerId],
    });
    expect(ended).toMatchObject({ status: 200, json: { tasks: [] } });
    await expect
      .poll(async () => (await status('/stubborn')).instances[0]?.containers[0]?.containerId, { timeout: 10_000 })
      .toBe(`${instance?.id}.one.2`);
    await expect.poll(async () => (await status('/stubborn')).status, { timeout: 10_000 }).toBe('STABLE');
    const removed = await call('DELETE', '/v2/pods/stubborn');
    expect(await status('/stubborn')).toMatchObject({ id: '/stubborn', status: 'TERMINAL' });
    await deployed(removed);
    expect((await call('GET', '/v2/pods/stubborn::status')).status).toBe(404);
  });

  test('is handed from leader to leader', async () => {
    const created = await call('POST', '/v2/pods', two('/stays'));
    await deployed(created);
    const before = await status('/stays');
    await mesos.restartMarathon();
    events = await mesos.marathon.events();
    const after = await status('/stays');
    expect(after.instances).toEqual(before.instances);
    expect(after.spec).toEqual(before.spec);
    await remove('/stays');
  });

  test('put again unchanged is restarted, for pods have no other way to be', async () => {
    const created = await call('POST', '/v2/pods', two('/again'));
    await deployed(created);
    const [before] = (await status('/again')).instances;
    const again = await call('PUT', '/v2/pods/again', two('/again'));
    const plan = (await call<DeploymentInfo[]>('GET', '/v2/deployments')).json;
    if (plan.length > 0) expect(plan.at(-1)).toMatchObject({ affectedApps: [], affectedPods: ['/again'] });
    await deployed(again);
    const [after] = (await status('/again')).instances;
    expect(after?.id).not.toBe(before?.id);
    await remove('/again');
  });
});

describe('what is refused', () => {
  const refused = async (pod: object) => {
    const answer = await call<ErrorBody>('POST', '/v2/pods', pod);
    return { status: answer.status, details: answer.json.details };
  };
  const container = (more: object = {}) => ({ name: 'one', resources: small, exec: { command: idle }, ...more });

  test.each<[string, object, string, string]>([
    ['no containers', { containers: [] }, '/containers', 'error.minLength'],
    ['a relative id', { id: 'bad', containers: [container()] }, '/id', 'Path needs to be absolute'],
    [
      'two containers of one name',
      { containers: [container(), container()] },
      '/containers',
      'container names must be unique',
    ],
    [
      'two endpoints of one name',
      { containers: [container({ endpoints: [{ name: 'a' }, { name: 'a' }] })] },
      '/',
      'endpoint names nust be unique across all containers',
    ],
    [
      'one host port twice',
      {
        containers: [
          container({
            endpoints: [
              { name: 'a', hostPort: 80 },
              { name: 'b', hostPort: 80 },
            ],
          }),
        ],
      },
      '/',
      'host ports must be unique across all containers',
    ],
    [
      'a container port on the host network',
      { networks: [{ mode: 'host' }], containers: [container({ endpoints: [{ name: 'a', containerPort: 80 }] })] },
      '/containers(0)/endpoints(0)/containerPort',
      'is not allowed when using host-mode networking',
    ],
    [
      'a mount of no volume',
      { containers: [container({ volumeMounts: [{ name: 'x', mountPath: 'x' }] })] },
      '/containers(0)/volumeMounts(0)/name',
      'Referenced Volume in VolumeMount should exist',
    ],
    [
      'a volume that nobody mounts',
      { volumes: [{ name: 'x' }], containers: [container()] },
      '/volumes(0)',
      'volume must be referenced by at least one container',
    ],
    [
      'a check of two kinds',
      {
        containers: [
          container({
            endpoints: [{ name: 'a' }],
            healthCheck: { tcp: { endpoint: 'a' }, exec: { command: idle } },
          }),
        ],
      },
      '/containers(0)/healthCheck',
      'Only one of http, tcp, or command may be specified',
    ],
    [
      'a timeout as long as its interval',
      {
        containers: [container({ healthCheck: { exec: { command: idle }, timeoutSeconds: 5, intervalSeconds: 5 } })],
      },
      '/containers(0)/healthCheck/timeoutSeconds',
      'got 5, expected less than 5',
    ],
    [
      'a secret that is not there',
      { environment: { A: { secret: 'none' } }, containers: [container()] },
      '/environment/A/secret',
      'references an undefined secret',
    ],
    [
      'a constraint without sense',
      {
        scheduling: { placement: { constraints: [{ fieldName: 'hostname', operator: 'UNIQUE', value: 'x' }] } },
        containers: [container()],
      },
      '/scheduling/placement/constraints(0)',
      'UNIQUE does not accept a value',
    ],
    ['a role of others', { role: 'theirs', containers: [container()] }, '/role', 'got theirs, expected one of: [*]'],
  ])('%s', async (_, pod, path, error) => {
    const { status: code, details } = await refused({ id: '/bad', ...pod });
    expect(code).toBe(422);
    expect(details).toEqual(expect.arrayContaining([{ path, errors: expect.arrayContaining([error]) }]));
  });

  test('another id than the path has, a pod that exists, one at the path of an app', async () => {
    const created = await call('POST', '/v2/pods', two('/here'));
    await deployed(created);
    expect(await call('POST', '/v2/pods', two('/here'))).toMatchObject({
      status: 409,
      json: { message: 'A pod with id [/here] already exists.' },
    });
    expect(await call('PUT', '/v2/pods/here', two('/there'))).toMatchObject({
      status: 400,
      json: { message: "'/here' does not match definition's id ('/there')" },
    });
    const app = await call<ErrorBody>('POST', '/v2/apps', { id: '/here', cmd: 'sleep 1' });
    expect(app).toMatchObject({
      status: 422,
      json: { details: [{ path: '/', errors: ['Applications and Pods may not share the same id'] }] },
    });
    await remove('/here');
  });
});

/** The environment that the container `one` was given, as the other one has printed it. */
async function readPrinted(from: MesosForTests): Promise<string> {
  const { readdir, readFile } = await import('node:fs/promises');
  const { join } = await import('node:path');
  let text = '';
  await expect
    .poll(
      async () => {
        const files = await readdir(from.agentFolder, { recursive: true });
        const runs = files.filter((file) => /\/containers\/[^/]+\/stdout$/.test(file));
        const texts = await Promise.all(
          runs.map((file) => readFile(join(from.agentFolder, file), 'utf8').catch(() => '')),
        );
        text = texts.find((one) => one.includes('MARATHON_CONTAINER_ID=one')) ?? '';
        return text;
      },
      { timeout: 10_000 },
    )
    .not.toBe('');
  return text;
}
