import { expect } from 'vitest';
import { type Area, deploymentResult, errorsOf, small, timestamp, type World } from './fact.ts';

const server = 'conformance/marathon/server.test.ts';
const failover = 'conformance/marathon/failover.test.ts';
const proxy = 'unit/marathon/proxy.test.ts';
const systemTest = 'conformance/marathon/system.test.ts';

/** The bare request, for what no client would send. */
async function raw(world: World, method: string, path: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${world.marathon.url}${path}`, {
    method,
    body,
    headers: { 'Content-Type': 'application/json', ...headers },
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

export const http: Area = {
  title: 'HTTP layer',
  facts: [
    {
      fact: 'ports 8080 and 8443, and every other default',
      file: 'unit/marathon/options.test.ts',
      title: 'have the defaults of the original',
    },
    {
      fact: 'options come as arguments and as `MARATHON_*` variables',
      file: 'unit/marathon/options.test.ts',
      title: 'come as arguments in both forms, as switches and as variables',
    },
    { fact: 'HTTPS with a keystore', file: systemTest, title: 'with a keystore the API is there over HTTPS too' },
    {
      fact: '`--http_credentials`: Basic authentication of realm Mesosphere on every path',
      file: server,
      title: '--http_credentials: every request needs them',
    },
    {
      fact: 'answers are gzipped for those who take it',
      async run({ marathon }) {
        const response = await fetch(`${marathon.url}/v2/info`, { headers: { 'Accept-Encoding': 'gzip' } });
        expect(response.headers.get('content-encoding')).toBe('gzip');
        expect(await response.json()).toMatchObject({ name: 'marathon' });
      },
    },
    {
      fact: 'event streams are never gzipped',
      async run({ marathon }) {
        const response = await fetch(`${marathon.url}/v2/events`, {
          headers: { 'Accept-Encoding': 'gzip', Accept: 'text/event-stream' },
        });
        expect(response.headers.get('content-encoding')).toBeNull();
        await response.body?.cancel();
      },
    },
    {
      fact: '`X-Marathon-Leader` names the leader on every answer',
      path: '/v2/apps',
      status: 200,
      check: ({ headers }, { marathon }) => expect(headers['x-marathon-leader']).toBe(marathon.url),
    },
    {
      fact: '`X-Marathon-Leader` is on errors too',
      path: '/v2/apps/nope',
      status: 404,
      check: ({ headers }, { marathon }) => expect(headers['x-marathon-leader']).toBe(marathon.url),
    },
    {
      fact: '`X-Frame-Options` and `X-XSS-Protection`',
      path: '/ping',
      status: 200,
      check: ({ headers }) =>
        expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-xss-protection': '1; mode=block' }),
    },
    {
      fact: 'caching is forbidden three ways',
      path: '/v2/info',
      status: 200,
      check: ({ headers }) =>
        expect(headers).toMatchObject({
          'cache-control': 'no-cache, no-store, must-revalidate',
          pragma: 'no-cache',
          expires: '0',
        }),
    },
    {
      fact: '`Marathon-Deployment-Id` on every answer with a deployment, and on `POST /v2/apps`',
      async run({ ask, fresh, deployed }) {
        const group = fresh();
        const created = await ask<{ deployments: { id: string }[] }>('POST', '/v2/apps', {
          id: `${group}/a`,
          ...small,
        });
        expect(created.headers['marathon-deployment-id']).toBe(created.json.deployments[0]?.id);
        await deployed({ ...created, json: { deploymentId: created.json.deployments[0]!.id } });
        for (const [method, path, body] of [
          ['PUT', `/v2/apps${group}/a`, { instances: 2 }],
          ['PATCH', `/v2/apps${group}/a`, { instances: 1 }],
          ['PUT', '/v2/apps', [{ id: `${group}/a`, instances: 2 }]],
          ['PATCH', '/v2/apps', [{ id: `${group}/a`, instances: 1 }]],
          ['POST', `/v2/apps${group}/a/restart`, undefined],
          ['PUT', `/v2/groups${group}`, { scaleBy: 2 }],
          ['DELETE', `/v2/apps${group}/a/tasks?scale=true`, undefined],
          ['DELETE', `/v2/apps${group}/a`, undefined],
          ['POST', '/v2/groups', { id: `${group}/inner` }],
          ['DELETE', `/v2/groups${group}`, undefined],
        ] as const) {
          const answer = await ask<{ deploymentId: string }>(method, path, body);
          expect([method, path, answer.json]).toEqual([method, path, deploymentResult]);
          expect(answer.headers['marathon-deployment-id']).toBe(answer.json.deploymentId);
          await deployed(answer);
        }
      },
    },
    {
      fact: '`Location` of a created app is its id right below the server',
      async run({ ask, fresh, marathon }) {
        const id = `${fresh()}/a`;
        const answer = await ask('POST', '/v2/apps', { ...small, id, instances: 0 }, 201);
        expect(answer.headers.location).toBe(`${marathon.url}${id}`);
      },
    },
    {
      fact: '`Location` of a created group',
      async run({ ask, fresh, marathon }) {
        const id = fresh();
        expect((await ask('POST', '/v2/groups', { id }, 201)).headers.location).toBe(`${marathon.url}${id}`);
      },
    },
    {
      fact: '`Location` of a PUT that creates',
      async run({ ask, fresh, marathon }) {
        const id = `${fresh()}/a`;
        const answer = await ask('PUT', `/v2/apps${id}`, { cmd: 'x y', instances: 0 }, 201);
        expect(answer.headers.location).toBe(`${marathon.url}${id}`);
      },
    },
    {
      fact: 'CORS only with `--access_control_allow_origin`',
      path: '/v2/apps',
      headers: { Origin: 'http://ui.example' },
      status: 200,
      check: ({ headers }) => expect(headers).not.toHaveProperty('access-control-allow-origin'),
    },
    {
      fact: 'CORS: GET, HEAD, OPTIONS for a day; the asked for headers are allowed',
      file: server,
      title: '--access_control_allow_origin: answers and preflights name the origin',
    },
    {
      fact: '`--http_max_concurrent_requests`: 503 above it',
      file: server,
      title: '--http_max_concurrent_requests: more are refused',
    },
    {
      fact: 'the root leads to `/ui/`',
      path: '/',
      status: 302,
      check: ({ headers }) => expect(headers.location).toBe('/ui/'),
    },
    { fact: '`/ui/` itself', missing: 'the web interface is not part of devcluster' },
    {
      fact: 'an instance that does not lead answers with the leader’s status and headers, and `X-Marathon-Via`',
      file: failover,
      title: 'instances that do not lead answer with the leader’s answers',
    },
    {
      fact: 'what the proxy passes on: method, path, query, body, credentials; not `Connection` and `Host`',
      file: proxy,
      title: 'the request reaches the leader as it came, but for what concerns one connection',
    },
    {
      fact: 'the proxy adds `X-Marathon-Via` and appends to `X-Forwarded-For`',
      file: proxy,
      title: 'the hops are told in X-Marathon-Via and X-Forwarded-For',
    },
    {
      fact: 'paths that begin with `/v2/events` are redirected to the leader (302)',
      file: proxy,
      title: 'event streams are redirected',
    },
    {
      fact: 'a loop is found: 502 `Detected proxying loop.`',
      file: proxy,
      title: 'a request that has been here is not passed on again',
    },
    {
      fact: 'leader out of reach: 502 `Connection to leader refused.`',
      file: proxy,
      title: 'a leader out of reach is a bad gateway',
    },
    {
      fact: 'no leader for 2.75 s: 502 `Could not determine the current leader`',
      file: server,
      title: 'says so after a while, and answers as soon as there is one',
    },
    {
      fact: 'a leader that does not answer within `--leader_proxy_read_timeout`',
      file: proxy,
      title: 'a leader that does not answer in time is a bad gateway',
      partly: 'there is no limit of its own for connecting, nor of the number of connections',
    },
    {
      fact: 'foreign hosts are refused (ours alone: web pages must not reach the cluster)',
      path: '/v2/apps',
      headers: { Host: 'evil.example' },
      status: 403,
    },
    {
      fact: 'changes from foreign origins are refused (ours alone)',
      method: 'DELETE',
      path: '/v2/apps/idle',
      headers: { Origin: 'http://evil.example' },
      status: 403,
    },
  ],
};

export const errors: Area = {
  title: 'Errors',
  facts: [
    {
      fact: 'no JSON: 400 `Invalid JSON` with the parser’s words',
      async run(world) {
        expect(await raw(world, 'POST', '/v2/apps', '{"id":')).toEqual({
          status: 400,
          json: { message: 'Invalid JSON', details: expect.any(String) },
        });
      },
    },
    ...(['PUT /v2/apps/idle', 'PATCH /v2/apps/idle', 'PUT /v2/groups', 'POST /v2/tasks/delete'] as const).map(
      (call) => ({
        fact: `no JSON in \`${call}\`: the same`,
        async run(world: World) {
          const [method = '', path = ''] = call.split(' ');
          expect(await raw(world, method, path, 'nonsense')).toMatchObject({
            status: 400,
            json: { message: 'Invalid JSON' },
          });
        },
      }),
    ),
    {
      fact: 'no body: 400 `Please specify data in JSON format`',
      method: 'POST',
      path: '/v2/apps',
      status: 400,
      answer: { message: 'Please specify data in JSON format', details: expect.any(String) },
    },
    {
      fact: 'a field of the wrong type: 422 `Invalid JSON` with path and `error.expected.…`',
      method: 'POST',
      path: '/v2/apps',
      body: { id: 5, cmd: 'x y' },
      status: 422,
      answer: { message: 'Invalid JSON', details: [{ path: '/id', errors: ['error.expected.jsstring'] }] },
    },
    {
      fact: 'several wrong fields are told at once',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/x', cmd: 7, instances: 'many', cpus: '1' },
      status: 422,
      check: (answer) => expect(Object.keys(errorsOf(answer)).sort()).toEqual(['/cmd', '/cpus', '/instances']),
    },
    {
      fact: 'a missing required field: `error.path.missing`',
      method: 'POST',
      path: '/v2/apps',
      body: { cmd: 'x y' },
      status: 422,
      answer: { message: 'Invalid JSON', details: [{ path: '/id', errors: ['error.path.missing'] }] },
    },
    {
      fact: 'a broken rule: 422 `Object is not valid`, one entry a path',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/x', cmd: 'x y', upgradeStrategy: { minimumHealthCapacity: 2, maximumOverCapacity: 1 } },
      status: 422,
      check: (answer) =>
        expect(errorsOf(answer)).toMatchObject({ '/upgradeStrategy/minimumHealthCapacity': [expect.any(String)] }),
    },
    {
      fact: 'rules on the whole object have the path `/`',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/x' },
      status: 422,
      check: (answer) => expect(Object.keys(errorsOf(answer))).toEqual(['/']),
    },
    {
      fact: 'elements of lists are counted in brackets: `/healthChecks(0)`',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/x', cmd: 'x y', healthChecks: [{ protocol: 'HTTP', portIndex: 3 }] },
      status: 422,
      check: (answer) => expect(Object.keys(errorsOf(answer))).toEqual(['/healthChecks(0)']),
    },
    {
      fact: 'a failed `require`: 422, `requirement failed: …`',
      method: 'PUT',
      path: '/v2/apps',
      body: [{ cmd: 'x y' }],
      status: 422,
      answer: { message: expect.stringMatching(/^requirement failed: /) },
    },
    {
      fact: 'a request that makes no sense: 400',
      method: 'DELETE',
      path: '/v2/apps/shop/web/tasks?scale=true&wipe=true',
      status: 400,
      answer: { message: 'You cannot use scale and wipe at the same time.' },
    },
    {
      fact: 'unknown app: 404',
      path: '/v2/apps/nope',
      status: 404,
      answer: { message: "App '/nope' does not exist" },
    },
    {
      fact: 'unknown version of an app: 404',
      path: '/v2/apps/shop/web/versions/2000-01-01T00:00:00.000Z',
      status: 404,
      answer: { message: "App '/shop/web' does not exist in version 2000-01-01T00:00:00.000Z" },
    },
    {
      fact: 'unknown group: 404',
      path: '/v2/groups/nope',
      status: 404,
      answer: { message: "Group '/nope' does not exist" },
    },
    {
      fact: 'unknown pod: 404',
      path: '/v2/pods/x',
      status: 404,
      answer: { message: "Pod '/x' does not exist" },
    },
    {
      fact: 'unknown task: 404',
      method: 'DELETE',
      path: '/v2/apps/shop/web/tasks/nope',
      status: 404,
      answer: { message: "Task 'nope' does not exist" },
    },
    {
      fact: 'an app that exists is not created: 409',
      method: 'POST',
      path: '/v2/apps',
      body: { id: '/idle', cmd: 'sleep 1' },
      status: 409,
      answer: { message: 'An app with id [/idle] already exists.' },
    },
    {
      fact: 'a group that exists is not created: 409',
      method: 'POST',
      path: '/v2/groups',
      body: { id: '/shop' },
      status: 409,
      answer: { message: 'Group /shop is already created. Use PUT to change this group.' },
    },
    {
      fact: 'a group can’t take the path of an app: 409',
      method: 'POST',
      path: '/v2/groups',
      body: { id: '/idle' },
      status: 409,
      answer: { message: 'An app with the path /idle already exists.' },
    },
    {
      fact: 'locked by a deployment: 409 with its id; `force` overrides',
      async run({ ask, fresh, behave }) {
        const group = fresh();
        behave(group, ['TASK_STARTING']);
        const path = `/v2/apps${group}/a`;
        const first = await ask<{ deploymentId: string }>('PUT', path, small, 201);
        const locked = {
          message:
            "App is locked by one or more deployments. Override with the option '?force=true'. " +
            "View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
          deployments: [{ id: first.json.deploymentId }],
        };
        for (const [method, where, body] of [
          ['PUT', path, { mem: 2 }],
          ['PATCH', path, { mem: 2 }],
          ['PUT', '/v2/apps', [{ id: `${group}/a`, mem: 2 }]],
          ['POST', `${path}/restart`, undefined],
          ['DELETE', `${path}?force=false`, undefined],
          ['PUT', `/v2/groups${group}`, { scaleBy: 2 }],
          ['DELETE', `/v2/groups${group}`, undefined],
          ['DELETE', `${path}/tasks?scale=true`, undefined],
        ] as const)
          expect([where, (await ask(method, where, body, 409)).json]).toEqual([where, locked]);
        await ask('PUT', `${path}?force=true`, { mem: 2 }, 200);
      },
    },
    {
      fact: '`--max_running_deployments` reached: 403',
      async run(world) {
        const { ask, fresh, behave } = await world.with({ max_running_deployments: 1 });
        const group = fresh();
        behave(group, ['TASK_STARTING']);
        await ask('PUT', `/v2/apps${group}/a`, small);
        const answer = await ask('PUT', `/v2/apps${group}/b`, small, 403);
        expect(answer.json.message).toMatch(/^Max number \(1\) of running deployments is achieved\. /);
      },
    },
    {
      fact: 'unknown route: `URI not found`',
      path: '/v2/nothing',
      status: 404,
      answer: { message: 'URI not found' },
      partly: '404 as clients expect, not the 500 of the original since 2018',
    },
    {
      fact: 'wrong method: 405',
      method: 'DELETE',
      path: '/v2/tasks',
      status: 405,
      answer: { message: 'Method Not Allowed' },
    },
    {
      fact: 'wrong media type: 415',
      method: 'POST',
      path: '/v2/apps',
      body: {},
      headers: { 'Content-Type': 'application/xml' },
      status: 415,
      answer: { message: 'Unsupported Media Type' },
    },
    {
      fact: 'no acceptable form: 406',
      path: '/v2/apps',
      headers: { Accept: 'text/html' },
      status: 406,
      answer: { message: 'Not Acceptable' },
    },
    {
      fact: 'not authenticated: 401',
      file: server,
      title: '--http_credentials: every request needs them',
      partly: 'by `--http_credentials` only; there are no plugins',
    },
    {
      fact: 'times are ISO 8601 in UTC with milliseconds',
      path: '/v2/groups',
      status: 200,
      answer: { version: timestamp },
    },
  ],
};

/** What GET /v2/info tells. */
const marathonConfig =
  'access_control_allow_origin checkpoint decline_offer_duration default_network_name env_vars_prefix executor ' +
  'failover_timeout features framework_name ha hostname launch_token launch_token_refresh_interval ' +
  'leader_proxy_connection_timeout_ms leader_proxy_read_timeout_ms local_port_max local_port_min master ' +
  'max_instances_per_offer mesos_bridge_name mesos_heartbeat_failure_threshold mesos_heartbeat_interval ' +
  'mesos_leader_ui_url mesos_role mesos_user new_group_enforce_role min_revive_offers_interval ' +
  'offer_matching_timeout on_elected_prepare_timeout reconciliation_initial_delay reconciliation_interval ' +
  'scale_apps_initial_delay scale_apps_interval store_cache task_launch_confirm_timeout task_launch_timeout ' +
  'task_lost_expunge_initial_delay task_lost_expunge_interval task_reservation_timeout webui_url maintenance_mode';
const zookeeperConfig =
  'zk zk_compression zk_compression_threshold zk_connection_timeout zk_max_node_size zk_max_versions ' +
  'zk_session_timeout zk_timeout';
const gauges =
  'apps.active.gauge deployments.active.gauge instances.running.gauge instances.staged.gauge uptime.gauge.seconds ' +
  'leadership.duration.gauge.seconds';

function keysOf(text: string) {
  return text.split(' ').sort();
}

export const system: Area = {
  title: 'System endpoints',
  facts: [
    ...(
      [
        ['*/*', 'text/plain', 'pong'],
        ['text/*', 'text/plain', 'pong'],
        ['text/plain', 'text/plain', 'pong'],
        ['text/html', 'text/html', 'pong'],
        ['application/json', 'application/json', '"pong"'],
      ] as const
    ).map(([accept, type, body]) => ({
      fact: `\`/ping\` for \`${accept}\`: \`${body}\` as ${type}`,
      path: '/ping',
      headers: { Accept: accept },
      status: 200,
      check: ({ text, headers }: { text: string; headers: Record<string, unknown> }) => {
        expect(text).toBe(body);
        expect(String(headers['content-type'])).toContain(type);
      },
    })),
    { fact: '`/ping` with nothing acceptable: 204', path: '/ping', headers: { Accept: 'image/png' }, status: 204 },
    { fact: '`/version` does not exist', path: '/version', status: 404 },
    {
      fact: '`/v2/info`: name, version, build, leader, framework',
      path: '/v2/info',
      status: 200,
      check: ({ json }, { marathon }) =>
        expect(json).toMatchObject({
          name: 'marathon',
          version: expect.stringMatching(/^1\.11\./),
          buildref: expect.any(String),
          elected: true,
          leader: marathon.url.slice('http://'.length),
          frameworkId: expect.stringMatching(/-0000$/),
        }),
    },
    {
      fact: '`/v2/info`: every option of `marathon_config`',
      path: '/v2/info',
      status: 200,
      check: ({ json }, { master }) => {
        expect(Object.keys(json.marathon_config as object)).toEqual(expect.arrayContaining(keysOf(marathonConfig)));
        expect(json.marathon_config).toMatchObject({
          master: master.address,
          failover_timeout: 604800,
          framework_name: 'marathon',
          ha: true,
          checkpoint: true,
          local_port_min: 10000,
          local_port_max: 20000,
          executor: '//cmd',
          hostname: '127.0.0.1',
          mesos_role: '*',
          task_launch_timeout: 300000,
          features: [],
        });
      },
    },
    {
      fact: '`/v2/info`: options that are not set are `null`',
      path: '/v2/info',
      status: 200,
      answer: {
        marathon_config: {
          access_control_allow_origin: null,
          default_network_name: null,
          env_vars_prefix: null,
          webui_url: null,
        },
      },
    },
    {
      fact: '`/v2/info`: `zookeeper_config`',
      path: '/v2/info',
      status: 200,
      check: ({ json }, { zk }) => {
        expect(Object.keys(json.zookeeper_config as object).sort()).toEqual(keysOf(zookeeperConfig));
        expect(json.zookeeper_config).toMatchObject({
          zk: `zk://${zk.address}/marathon`,
          zk_timeout: 10000,
          zk_session_timeout: 10_000,
          zk_max_versions: 50,
        });
      },
    },
    {
      fact: '`/v2/info`: credentials of ZooKeeper are not shown',
      file: 'unit/marathon/options.test.ts',
      title: 'are described without credentials',
    },
    {
      fact: '`/v2/info`: `http_config`',
      path: '/v2/info',
      status: 200,
      check: ({ json }, { marathon }) =>
        expect(json.http_config).toEqual({ http_port: Number(new URL(marathon.url).port), https_port: 8443 }),
    },
    {
      fact: '`GET /v2/leader`',
      path: '/v2/leader',
      status: 200,
      check: ({ json }, { marathon }) => expect(json).toEqual({ leader: marathon.url.slice('http://'.length) }),
    },
    {
      fact: '`DELETE /v2/leader`: `Leadership abdicated`, and the leader ends itself 500 ms later',
      file: failover,
      title: 'DELETE /v2/leader hands over: the leader ends, a standby takes its place',
    },
    {
      fact: '`DELETE /v2/leader?backup=` and `restore=`: the state as a file',
      file: systemTest,
      title: 'are written and read by the next leader',
      partly: '`file:` only, no S3',
    },
    {
      fact: '`/metrics`: version, counters, gauges, histograms, meters, timers',
      path: '/metrics',
      status: 200,
      check: ({ json }) =>
        expect(Object.keys(json).sort()).toEqual(['counters', 'gauges', 'histograms', 'meters', 'timers', 'version']),
    },
    ...keysOf(gauges).map((name) => ({
      fact: `\`/metrics\`: \`marathon.${name}\``,
      path: '/metrics',
      status: 200,
      check: ({ json }: { json: Record<string, unknown> }) =>
        expect(json.gauges).toMatchObject({ [`marathon.${name}`]: { value: expect.any(Number) } }),
    })),
    ...['marathon.deployments.counter', 'marathon.tasks.launched.counter'].map((name) => ({
      fact: `\`/metrics\`: \`${name}\``,
      path: '/metrics',
      status: 200,
      check: ({ json }: { json: Record<string, unknown> }) =>
        expect(json.counters).toMatchObject({ [name]: { count: expect.any(Number) } }),
    })),
    {
      fact: '`/metrics/prometheus`: the same as text, dots and dashes as underscores',
      path: '/metrics/prometheus',
      status: 200,
      check: ({ text, headers }) => {
        expect(headers['content-type']).toMatch(/^text\/plain/);
        expect(text).toMatch(/^marathon_apps_active_gauge \d+$/m);
        expect(text).toMatch(/^marathon_tasks_launched_counter \d+$/m);
      },
    },
    {
      fact: '`/metrics/prometheus` is 404 when disabled',
      async run(world) {
        const other = await world.with({ disable_metrics_prometheus: '', max_running_deployments: 1 });
        await other.ask('GET', '/metrics/prometheus', undefined, 404);
      },
    },
    { fact: '`/v2/plugins`: none', path: '/v2/plugins', status: 200, answer: { plugins: [] } },
    {
      fact: '`/logging`: loggers and their levels, changed for a while',
      file: systemTest,
      title: 'shows its loggers and lets their levels be changed for a while',
    },
    {
      fact: '`/config`: what is in effect, without what is secret',
      file: systemTest,
      title: 'shows its configuration, without what is secret',
    },
  ],
};
