import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, startAll } from './harness.ts';

/** One row a fact: what is asked, and what must be in the answer. */
interface Row {
  fact: string;
  method?: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  status: number;
  /** The answer contains it; a function looks at the whole answer. */
  answer?: unknown;
  check?: (answer: Answer) => void;
}

let all: Awaited<ReturnType<typeof startAll>>;

const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const deployment = { version: timestamp, deploymentId: uuid };

beforeAll(async () => {
  all = await startAll();
  const { marathon } = all;
  const web = {
    id: '/shop/web',
    cmd: 'serve --port $PORT0',
    cpus: 0.1,
    mem: 32,
    instances: 2,
    labels: { tier: 'web', env: 'prod' },
    portDefinitions: [{ port: 0, name: 'http' }],
  };
  for (const app of [
    web,
    { id: '/shop/db', args: ['run', 'db'], cpus: 0.1, mem: 32, labels: { tier: 'db' } },
    { id: '/idle', cmd: 'sleep 1', instances: 0 },
  ]) {
    const created = await marathon.call<{ deployments: { id: string }[] }>('POST', '/v2/apps', app);
    await marathon.deployed(created.json.deployments[0]?.id);
  }
});
afterAll(() => all.close());

const rows: Record<string, Row[]> = {
  'the server': [
    {
      fact: '/ping answers pong',
      path: '/ping',
      headers: { Accept: '*/*' },
      status: 200,
      check: ({ text }) => expect(text).toBe('pong'),
    },
    {
      fact: '/ping answers in JSON',
      path: '/ping',
      headers: { Accept: 'application/json' },
      status: 200,
      check: ({ text }) => expect(text).toBe('"pong"'),
    },
    { fact: '/ping has nothing else', path: '/ping', headers: { Accept: 'image/png' }, status: 204 },
    {
      fact: 'the root leads to the user interface',
      path: '/',
      status: 302,
      check: ({ headers }) => expect(headers.location).toBe('/ui/'),
    },
    {
      fact: 'every answer names the leader and forbids caching',
      path: '/v2/apps',
      status: 200,
      check: ({ headers }) =>
        expect(headers).toMatchObject({
          'x-marathon-leader': all.marathon.url,
          'x-frame-options': 'DENY',
          'x-xss-protection': '1; mode=block',
          'cache-control': 'no-cache, no-store, must-revalidate',
          pragma: 'no-cache',
          expires: '0',
          'content-type': 'application/json',
        }),
    },
    {
      fact: 'unknown routes are not found',
      path: '/v2/nothing',
      status: 404,
      answer: { message: 'URI not found' },
    },
    {
      fact: 'wrong methods are refused',
      method: 'DELETE',
      path: '/v2/tasks',
      status: 405,
      answer: { message: 'Method Not Allowed' },
    },
    {
      fact: 'wrong media types are refused',
      method: 'POST',
      path: '/v2/apps',
      body: {},
      headers: { 'Content-Type': 'application/xml' },
      status: 415,
      answer: { message: 'Unsupported Media Type' },
    },
    {
      fact: 'unacceptable media types are refused',
      path: '/v2/apps',
      headers: { Accept: 'text/html' },
      status: 406,
      answer: { message: 'Not Acceptable' },
    },
    {
      fact: 'foreign hosts are refused',
      path: '/v2/apps',
      headers: { Host: 'evil.example' },
      status: 403,
    },
    {
      fact: 'foreign origins change nothing',
      method: 'DELETE',
      path: '/v2/apps/idle',
      headers: { Origin: 'http://evil.example' },
      status: 403,
    },
    {
      fact: '/v2/info tells version, leader, framework and options',
      path: '/v2/info',
      status: 200,
      check: ({ json }) => {
        expect(json).toMatchObject({
          name: 'marathon',
          version: '1.11.24',
          elected: true,
          leader: all.marathon.url.slice('http://'.length),
          frameworkId: expect.stringMatching(/-0000$/),
          marathon_config: {
            master: all.master.address,
            failover_timeout: 604800,
            framework_name: 'marathon',
            ha: true,
            checkpoint: true,
            local_port_min: 10000,
            local_port_max: 20000,
            executor: '//cmd',
            hostname: '127.0.0.1',
            webui_url: null,
            mesos_role: '*',
            task_launch_timeout: 300000,
            features: [],
          },
          zookeeper_config: {
            zk: `zk://${all.zk.address}/marathon`,
            zk_timeout: 10000,
            zk_session_timeout: 2000,
            zk_max_versions: 50,
          },
          http_config: { https_port: 8443 },
        });
      },
    },
    {
      fact: '/metrics has counters and gauges',
      path: '/metrics',
      status: 200,
      check: ({ json }) =>
        expect(json).toMatchObject({
          gauges: { 'marathon.apps.active.gauge': { value: 3 }, 'marathon.instances.running.gauge': { value: 3 } },
          counters: { 'marathon.tasks.launched.counter': { count: 3 } },
          histograms: {},
          meters: {},
          timers: {},
        }),
    },
    {
      fact: '/metrics/prometheus has the same as text',
      path: '/metrics/prometheus',
      status: 200,
      check: ({ text, headers }) => {
        expect(headers['content-type']).toMatch(/^text\/plain/);
        expect(text).toContain('marathon_apps_active_gauge 3\n');
      },
    },
    { fact: 'there are no plugins', path: '/v2/plugins', status: 200, answer: { plugins: [] } },
    { fact: 'pods are probed for', method: 'HEAD', path: '/v2/pods', status: 200 },
    { fact: 'there are no pods', path: '/v2/pods', status: 200, answer: [] },
    { fact: 'no pod has a status', path: '/v2/pods/::status', status: 200, answer: [] },
    {
      fact: 'an unknown pod is not found',
      path: '/v2/pods/x',
      status: 404,
      answer: { message: "Pod '/x' does not exist" },
    },
    {
      fact: 'event streams need their media type',
      path: '/v2/events',
      status: 405,
    },
  ],
  'reading apps': [
    {
      fact: 'the list has counts and deployments',
      path: '/v2/apps',
      status: 200,
      check: ({ json }) => {
        const { apps } = json as { apps: { id: string }[] };
        expect(apps.map(({ id }) => id).sort()).toEqual(['/idle', '/shop/db', '/shop/web']);
        expect(apps.find(({ id }) => id === '/shop/web')).toMatchObject({
          tasksRunning: 2,
          tasksStaged: 0,
          tasksHealthy: 0,
          tasksUnhealthy: 0,
          deployments: [],
          cpus: 0.1,
          executor: '',
          networks: [{ mode: 'host' }],
          versionInfo: { lastScalingAt: timestamp, lastConfigChangeAt: timestamp },
        });
        expect(apps[0]).not.toHaveProperty('tasks');
      },
    },
    {
      fact: 'the list is filtered by a part of the id',
      path: '/v2/apps?id=SHOP',
      status: 200,
      check: ({ json }) => expect((json.apps as unknown[]).length).toBe(2),
    },
    {
      fact: 'the list is filtered by a part of the command',
      path: '/v2/apps?cmd=SERVE',
      status: 200,
      check: ({ json }) => expect(json.apps).toMatchObject([{ id: '/shop/web' }]),
    },
    {
      fact: 'the list is filtered by labels',
      path: `/v2/apps?label=${encodeURIComponent('tier in (web,db),env!=test')}`,
      status: 200,
      check: ({ json }) => expect(json.apps).toMatchObject([{ id: '/shop/web' }]),
    },
    {
      fact: 'a broken selector is refused',
      path: '/v2/apps?label=a%3D%3D%3D',
      status: 422,
      check: ({ json }) => expect(json.message).toMatch(/^Can not parse label selector/),
    },
    {
      fact: 'tasks are embedded where asked for',
      path: '/v2/apps?embed=apps.tasks&id=web',
      status: 200,
      check: ({ json }) => expect((json.apps as { tasks: unknown[] }[])[0]?.tasks).toHaveLength(2),
    },
    {
      fact: 'one app has its tasks',
      path: '/v2/apps/shop/web',
      status: 200,
      check: ({ json }) => {
        const { app } = json as { app: { tasks: unknown[] } };
        expect(app.tasks).toHaveLength(2);
        expect(app.tasks[0]).toMatchObject({
          appId: '/shop/web',
          id: expect.stringMatching(/^shop_web\.instance-[0-9a-f-]{36}\._app\.1$/),
          state: 'TASK_RUNNING',
          host: expect.stringMatching(/^127\.0\.0\.\d$/),
          slaveId: expect.stringMatching(/^agent-\d$/),
          ports: [expect.any(Number)],
          stagedAt: timestamp,
          startedAt: timestamp,
          version: timestamp,
          healthCheckResults: [],
          localVolumes: [],
          role: '*',
        });
      },
    },
    { fact: 'slashes may be doubled', path: '/v2/apps//shop/web', status: 200 },
    {
      fact: 'all apps below a group',
      path: '/v2/apps/shop/*',
      status: 200,
      check: ({ json }) =>
        expect((json['*'] as { id: string }[]).map(({ id }) => id).sort()).toEqual(['/shop/db', '/shop/web']),
    },
    {
      fact: 'an unknown app is not found',
      path: '/v2/apps/nope',
      status: 404,
      answer: { message: "App '/nope' does not exist" },
    },
    {
      fact: 'versions',
      path: '/v2/apps/shop/web/versions',
      status: 200,
      answer: { versions: [timestamp] },
    },
    {
      fact: 'an unknown version is not found',
      path: '/v2/apps/shop/web/versions/2000-01-01T00:00:00.000Z',
      status: 404,
      answer: { message: "App '/shop/web' does not exist in version 2000-01-01T00:00:00.000Z" },
    },
    {
      fact: 'tasks of an app',
      path: '/v2/apps/shop/web/tasks',
      status: 200,
      check: ({ json }) => expect(json.tasks).toHaveLength(2),
    },
    {
      fact: 'tasks of a group',
      path: '/v2/apps/shop/*/tasks',
      status: 200,
      check: ({ json }) => expect(json.tasks).toHaveLength(3),
    },
    {
      fact: 'tasks of an unknown app',
      path: '/v2/apps/nope/tasks',
      status: 404,
      answer: { message: "App '/nope' does not exist" },
    },
    {
      fact: 'all tasks have their service ports',
      path: '/v2/tasks',
      status: 200,
      check: ({ json }) => {
        const tasks = json.tasks as { appId: string; servicePorts: number[] }[];
        expect(tasks).toHaveLength(3);
        expect(tasks.find(({ appId }) => appId === '/shop/web')?.servicePorts[0]).toBeGreaterThanOrEqual(10000);
      },
    },
    {
      fact: 'no task is staging',
      path: '/v2/tasks?status=staging',
      status: 200,
      answer: { tasks: [] },
    },
    {
      fact: 'tasks as text',
      path: '/v2/tasks',
      headers: { Accept: 'text/plain' },
      status: 200,
      check: ({ text }) => expect(text).toMatch(/^shop_web\t\d{5}\t127\.0\.0\.\d:\d+\t127\.0\.0\.\d:\d+\t$/m),
    },
    { fact: 'nothing waits to be launched', path: '/v2/queue', status: 200, answer: { queue: [] } },
    {
      fact: 'an app that does not wait has no delay',
      method: 'DELETE',
      path: '/v2/queue/shop/web/delay',
      status: 404,
      answer: { message: 'Application /shop/web not found in tasks queue.' },
    },
    { fact: 'nothing is deployed', path: '/v2/deployments', status: 200, answer: [] },
    {
      fact: 'an unknown deployment is not found',
      method: 'DELETE',
      path: '/v2/deployments/nope',
      status: 404,
      answer: { message: 'DeploymentPlan nope does not exist' },
    },
  ],
  'reading groups': [
    {
      fact: 'the root group holds all',
      path: '/v2/groups',
      status: 200,
      check: ({ json }) => {
        expect(json).toMatchObject({
          id: '/',
          dependencies: [],
          pods: [],
          version: timestamp,
          apps: [{ id: '/idle' }],
          groups: [{ id: '/shop', groups: [], pods: [] }],
        });
        expect((json.apps as object[])[0]).not.toHaveProperty('tasksRunning');
      },
    },
    { fact: 'one group', path: '/v2/groups/shop', status: 200, check: ({ json }) => expect(json.id).toBe('/shop') },
    {
      fact: 'an unknown group is not found',
      path: '/v2/groups/nope',
      status: 404,
      answer: { message: "Group '/nope' does not exist" },
    },
    {
      fact: 'versions of the root are a bare list',
      path: '/v2/groups/versions',
      status: 200,
      check: ({ json }) => expect((json as unknown as string[]).length).toBeGreaterThanOrEqual(3),
    },
    {
      fact: 'versions of a group',
      path: '/v2/groups/shop/versions',
      status: 200,
      check: ({ json }) => expect(json).toContainEqual(timestamp),
    },
    {
      fact: 'a dry run tells the steps',
      method: 'PUT',
      path: '/v2/groups/fresh?dryRun=true',
      body: { apps: [{ id: 'a', cmd: 'sleep 1' }] },
      status: 200,
      answer: {
        steps: [
          { actions: [{ action: 'StartApplication', app: '/fresh/a' }] },
          { actions: [{ action: 'ScaleApplication', app: '/fresh/a' }] },
        ],
      },
    },
    { fact: 'a dry run changes nothing', path: '/v2/groups/fresh', status: 404 },
    {
      fact: 'a group that exists is not created',
      method: 'POST',
      path: '/v2/groups',
      body: { id: '/shop' },
      status: 409,
      answer: { message: 'Group /shop is already created. Use PUT to change this group.' },
    },
    {
      fact: 'a group can not take the path of an app',
      method: 'POST',
      path: '/v2/groups',
      body: { id: '/idle' },
      status: 409,
      answer: { message: 'An app with the path /idle already exists.' },
    },
    {
      fact: 'an unknown version of a group is refused',
      method: 'PUT',
      path: '/v2/groups/shop',
      body: { version: '2000-01-01T00:00:00.000Z' },
      status: 422,
    },
  ],
  'refused changes': [
    {
      fact: 'no body',
      method: 'POST',
      path: '/v2/apps',
      status: 400,
      check: ({ json }) => expect(json).toMatchObject({ message: 'Please specify data in JSON format' }),
    },
    {
      fact: 'a missing id',
      method: 'POST',
      path: '/v2/apps',
      body: { cmd: 'x' },
      status: 422,
      answer: { message: 'Invalid JSON', details: [{ path: '/id', errors: ['error.path.missing'] }] },
    },
    {
      fact: 'an id of the wrong type',
      method: 'POST',
      path: '/v2/apps',
      body: { id: 5, cmd: 'x' },
      status: 422,
      answer: { message: 'Invalid JSON', details: [{ path: '/id', errors: ['error.expected.jsstring'] }] },
    },
    {
      fact: 'neither command nor container',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/x' },
      status: 422,
      check: ({ json }) => {
        expect(json.message).toBe('Object is not valid');
        expect(JSON.stringify(json.details)).toContain("must either contain one of 'cmd' or 'args'");
      },
    },
    {
      fact: 'a malformed id',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/Under_score', cmd: 'sleep 1' },
      status: 422,
      check: ({ json }) => expect(json.details).toMatchObject([{ path: '/id' }]),
    },
    {
      fact: 'an app that exists is not created',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/idle', cmd: 'sleep 1' },
      status: 409,
      answer: { message: 'An app with id [/idle] already exists.' },
    },
    {
      fact: 'an app can not take the path of a group',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/shop', cmd: 'sleep 1' },
      status: 422,
      check: ({ json }) =>
        expect(JSON.stringify(json)).toContain('Groups and Applications may not have the same identifier.'),
    },
    {
      fact: 'PATCH does not create',
      method: 'PATCH',
      path: '/v2/apps/nope',
      body: { instances: 1 },
      status: 404,
      answer: { message: "App '/nope' does not exist" },
    },
    {
      fact: 'a version may not come with other fields',
      method: 'PUT',
      path: '/v2/apps/idle',
      body: { version: '2000-01-01T00:00:00.000Z', cmd: 'x' },
      status: 422,
      check: ({ text }) => expect(text).toContain("The 'version' field may only be combined with the 'id' field."),
    },
    {
      fact: 'an unknown version is not restored',
      method: 'PUT',
      path: '/v2/apps/idle',
      body: { version: '2000-01-01T00:00:00.000Z' },
      status: 404,
    },
    {
      fact: 'an unknown app is not removed',
      method: 'DELETE',
      path: '/v2/apps/nope',
      status: 404,
      answer: { message: "App '/nope' does not exist" },
    },
    {
      fact: 'an unknown app is not restarted',
      method: 'POST',
      path: '/v2/apps/nope/restart',
      status: 404,
      answer: { message: "App '/nope' does not exist" },
    },
    {
      fact: 'an unknown group is not removed',
      method: 'DELETE',
      path: '/v2/groups/nope',
      status: 404,
      answer: { message: "Group '/nope' does not exist" },
    },
    {
      fact: 'tasks are either scaled away or wiped',
      method: 'DELETE',
      path: '/v2/apps/shop/web/tasks?scale=true&wipe=true',
      status: 400,
      answer: { message: 'You cannot use scale and wipe at the same time.' },
    },
    {
      fact: 'an unknown task is not ended',
      method: 'DELETE',
      path: '/v2/apps/shop/web/tasks/nope',
      status: 404,
      answer: { message: "Task 'nope' does not exist" },
    },
    {
      fact: 'malformed task ids are refused',
      method: 'POST',
      path: '/v2/tasks/delete',
      body: { ids: ['nonsense'] },
      status: 400,
      check: ({ json }) => expect(json.message).toMatch(/^Invalid task id 'nonsense'\. \[/),
    },
    {
      fact: 'unknown tasks are skipped',
      method: 'POST',
      path: '/v2/tasks/delete',
      body: { ids: ['shop_web.instance-8ac7bc16-6a5a-11e9-a6b8-0a0027000000._app.1'] },
      status: 200,
      answer: { tasks: [] },
    },
    {
      fact: 'enforceRole is for top-level groups',
      method: 'PATCH',
      path: '/v2/groups/shop/inner',
      body: { enforceRole: true },
      status: 404,
    },
    {
      fact: 'secrets need their feature',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/s', cmd: 'sleep 1', env: { A: { secret: 'a' } }, secrets: { a: { source: 'x' } } },
      status: 422,
      check: ({ text }) =>
        expect(text).toContain('Feature secrets is not enabled. Enable with --enable_features secrets)'),
    },
  ],
  changes: [
    {
      fact: 'a created app is echoed',
      method: 'POST',
      path: '/v2/apps',
      body: { id: 'new', cmd: 'sleep 1', instances: 0 },
      status: 201,
      check: ({ json, headers }) => {
        expect(json).toMatchObject({
          id: '/new',
          instances: 0,
          mem: 128,
          tasksStaged: 0,
          tasksRunning: 0,
          tasksHealthy: 0,
          tasksUnhealthy: 0,
          portDefinitions: [{ port: 0, protocol: 'tcp', name: 'default' }],
        });
        expect(headers.location).toBe(`${all.marathon.url}/new`);
        expect(headers['marathon-deployment-id']).toBe((json.deployments as { id: string }[])[0]?.id);
      },
    },
    {
      fact: 'the echo has dynamic service ports, the stored app has numbers',
      path: '/v2/apps/new',
      status: 200,
      check: ({ json }) =>
        expect((json.app as { portDefinitions: { port: number }[] }).portDefinitions[0]?.port).toBeGreaterThanOrEqual(
          10000,
        ),
    },
    {
      fact: 'PUT creates',
      method: 'PUT',
      path: '/v2/apps/made/by/put',
      body: { cmd: 'sleep 1', instances: 0 },
      status: 201,
      answer: deployment,
      check: ({ headers }) => expect(headers.location).toBe(`${all.marathon.url}/made/by/put`),
    },
    {
      fact: 'PUT updates',
      method: 'PUT',
      path: '/v2/apps/made/by/put',
      body: { mem: 64 },
      status: 200,
      answer: deployment,
    },
    {
      fact: 'fields that were not given are kept',
      path: '/v2/apps/made/by/put',
      status: 200,
      check: ({ json }) => expect(json.app).toMatchObject({ cmd: 'sleep 1', mem: 64, instances: 0 }),
    },
    {
      fact: 'a complete update keeps nothing',
      method: 'PUT',
      path: '/v2/apps/made/by/put?partialUpdate=false',
      body: { cmd: 'sleep 2', instances: 0 },
      status: 200,
    },
    {
      fact: 'defaults have come back',
      path: '/v2/apps/made/by/put',
      status: 200,
      check: ({ json }) => expect(json.app).toMatchObject({ cmd: 'sleep 2', mem: 128 }),
    },
    {
      fact: 'several apps at once',
      method: 'PUT',
      path: '/v2/apps',
      body: [
        { id: '/many/a', cmd: 'sleep 1', instances: 0 },
        { id: '/many/b', cmd: 'sleep 1', instances: 0 },
      ],
      status: 200,
      answer: deployment,
    },
    {
      fact: 'PATCH of several needs them all',
      method: 'PATCH',
      path: '/v2/apps',
      body: [
        { id: '/many/a', mem: 64 },
        { id: '/many/nope', mem: 64 },
      ],
      status: 404,
      answer: { message: "App '/many/nope' does not exist" },
    },
    {
      fact: 'a group is created',
      method: 'POST',
      path: '/v2/groups',
      body: { id: '/g', apps: [{ id: 'a', cmd: 'sleep 1', instances: 2 }], groups: [{ id: 'h' }] },
      status: 201,
      answer: deployment,
      check: ({ headers }) => expect(headers.location).toBe(`${all.marathon.url}/g`),
    },
    {
      fact: 'a group is scaled',
      method: 'PUT',
      path: '/v2/groups/g?force=true',
      body: { scaleBy: 2 },
      status: 200,
      answer: deployment,
    },
    {
      fact: 'its apps are scaled',
      path: '/v2/apps/g/a',
      status: 200,
      check: ({ json }) => expect(json.app).toMatchObject({ instances: 4 }),
    },
    {
      fact: 'a group is removed',
      method: 'DELETE',
      path: '/v2/groups/g?force=true',
      status: 200,
      answer: deployment,
    },
    { fact: 'it is gone', path: '/v2/groups/g', status: 404 },
    {
      fact: 'restart',
      method: 'POST',
      path: '/v2/apps/new/restart',
      status: 200,
      answer: deployment,
    },
    {
      fact: 'an update without a difference still has a deployment',
      method: 'PUT',
      path: '/v2/apps/idle',
      body: { cmd: 'sleep 1' },
      status: 200,
      answer: deployment,
    },
  ],
};

for (const [area, facts] of Object.entries(rows))
  describe(area, () => {
    for (const { fact, method = 'GET', path, body, headers, status, answer, check } of facts)
      test(`${fact}: ${method} ${path}`, async () => {
        const got = await all.marathon.call(method, path, body, headers);
        expect({ status: got.status, text: got.text }).toMatchObject({ status });
        if (answer !== undefined) expect(got.json).toMatchObject(answer as object);
        check?.(got);
      });
  });

test('text that is no JSON is refused with the parser’s words', async () => {
  const response = await fetch(`${all.marathon.url}/v2/apps`, {
    method: 'POST',
    body: '{"id":',
    headers: { 'Content-Type': 'application/json' },
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ message: 'Invalid JSON', details: expect.any(String) });
});
