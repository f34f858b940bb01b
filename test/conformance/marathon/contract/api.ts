import { expect } from 'vitest';
import type { AppInfo, DeploymentInfo, QueueItem, Task } from '../../../../src/protocols/marathon/types.ts';
import type { Answer } from '../harness.ts';
import { type Area, deploymentResult, errorsOf, type Fact, small, timestamp, uuid } from './fact.ts';

const tasksTest = 'conformance/marathon/tasks.test.ts';

const idsOf = (list: unknown) => (list as { id: string }[]).map(({ id }) => id).sort();

/** The shared apps that a query of the list finds. */
function found(fact: string, query: string, ids: string[]): Fact {
  return {
    fact,
    path: `/v2/apps?${query}`,
    status: 200,
    check: ({ json }) => expect(idsOf(json.apps)).toEqual(ids),
  };
}

function selected(selector: string, ids: string[]): Fact {
  return found(`label selector \`${selector}\``, `label=${encodeURIComponent(selector)}`, ids);
}

/** Fields that only some embeds add. */
const embedFields = ['tasks', 'tasksRunning', 'deployments', 'readinessCheckResults', 'lastTaskFailure', 'tasksStats'];
const shown = (app: object) => embedFields.filter((field) => field in app);

export const apps: Area = {
  title: 'Apps',
  facts: [
    {
      fact: '`GET /v2/apps`: always with counts and deployments, without tasks',
      path: '/v2/apps?id=/shop/web',
      status: 200,
      check: ({ json }) => {
        const [app] = json.apps as object[];
        expect(app).toMatchObject({
          id: '/shop/web',
          tasksStaged: 0,
          tasksRunning: 2,
          tasksHealthy: 0,
          tasksUnhealthy: 0,
          deployments: [],
          versionInfo: { lastScalingAt: timestamp, lastConfigChangeAt: timestamp },
        });
        expect(app).not.toHaveProperty('tasks');
      },
    },
    found('`id`: a part of the id, whatever the case', 'id=SHOP', ['/shop/db', '/shop/web']),
    found('`cmd`: a part of the command, whatever the case; apps without one never match', 'cmd=E', [
      '/idle',
      '/shop/web',
    ]),
    selected('env', ['/shop/web']),
    selected('tier==web', ['/shop/web']),
    selected('tier!=web', ['/shop/db']),
    selected('tier in (web,db)', ['/shop/db', '/shop/web']),
    selected('tier notin (web)', ['/shop/db']),
    selected('tier in (web,db),env==prod', ['/shop/web']),
    selected('tier==w\\eb', ['/shop/web']),
    {
      fact: 'a broken selector: 422',
      path: '/v2/apps?label=a%3D%3D%3D',
      status: 422,
      answer: { message: expect.stringMatching(/^Can not parse label selector/) },
    },
    ...(
      [
        ['apps.tasks', ['tasks']],
        ['apps.counts', []],
        ['apps.readiness', ['readinessCheckResults']],
        ['apps.taskStats', ['tasksStats']],
        ['apps.failures', ['tasks']],
        ['app.tasks', ['tasks']],
        ['group.apps.tasks', ['tasks']],
        ['tasks', ['tasks']],
        ['nonsense', []],
      ] as const
    ).map(([embed, more]) => ({
      fact: `\`embed=${embed}\` on the list${more.length > 0 ? `: \`${more.join('`, `')}\`` : ': nothing more'}`,
      path: `/v2/apps?id=/shop/web&embed=${embed}`,
      status: 200,
      check: ({ json }: Answer) =>
        expect(shown((json.apps as object[])[0]!).sort()).toEqual(['deployments', 'tasksRunning', ...more].sort()),
    })),
    {
      fact: '`embed=lastTaskFailure`',
      async run({ ask, run, fresh, master, events }) {
        const app = await run({ id: `${fresh()}/a`, backoffSeconds: 3000, maxLaunchDelaySeconds: 3600 });
        const taskId = app.tasks![0]!.id;
        master.update(taskId, 'TASK_FAILED', { message: 'it broke' });
        await events.next('status_update_event', (data) => data.taskId === taskId && data.taskStatus === 'TASK_FAILED');
        const answer = await ask<{ apps: AppInfo[] }>('GET', `/v2/apps?embed=apps.lastTaskFailure&id=${app.id}`);
        expect(answer.json.apps[0]?.lastTaskFailure).toEqual({
          appId: app.id,
          host: expect.any(String),
          message: 'it broke',
          state: 'TASK_FAILED',
          taskId,
          timestamp,
          version: app.version,
          slaveId: expect.any(String),
        });
      },
    },
    {
      fact: '`POST /v2/apps`: 201 with the app, four counters of 0 and its deployment',
      async run({ ask, fresh }) {
        const answer = await ask('POST', '/v2/apps', { id: `${fresh()}/a`, ...small }, 201);
        expect(answer.json).toMatchObject({
          tasksStaged: 0,
          tasksRunning: 0,
          tasksHealthy: 0,
          tasksUnhealthy: 0,
          deployments: [{ id: uuid }],
        });
      },
    },
    {
      fact: 'the echo of `POST /v2/apps` has dynamic service ports as 0; the stored app has numbers',
      async run({ define, marathon }) {
        const echo = await define(small);
        expect(echo.portDefinitions).toEqual([{ port: 0, protocol: 'tcp', name: 'default' }]);
        expect((await marathon.app(String(echo.id))).portDefinitions?.[0]?.port).toBeGreaterThanOrEqual(10000);
      },
    },
    {
      fact: '`PUT /v2/apps`: an array; missing apps are created, others updated, in one deployment',
      async run({ ask, fresh, marathon, deployed }) {
        const group = fresh();
        const body = [
          { id: `${group}/a`, ...small, instances: 0 },
          { id: `${group}/b`, ...small, instances: 0 },
        ];
        const first = await ask<{ deploymentId: string }>('PUT', '/v2/apps', body, 200);
        expect(first.json).toEqual(deploymentResult);
        await deployed(first);
        await ask('PUT', '/v2/apps', [{ id: `${group}/a`, mem: 7 }], 200);
        expect(await marathon.app(`${group}/a`)).toMatchObject({ mem: 7, cmd: small.cmd });
      },
    },
    {
      fact: '`PUT /v2/apps?partialUpdate=false`: complete definitions',
      async run({ ask, fresh, marathon }) {
        const group = fresh();
        await ask('PUT', '/v2/apps', [{ id: `${group}/a`, cmd: 'x y', mem: 7, instances: 0 }]);
        await ask('PUT', '/v2/apps?partialUpdate=false&force=true', [{ id: `${group}/a`, cmd: 'x z', instances: 0 }]);
        expect(await marathon.app(`${group}/a`)).toMatchObject({ mem: 128, cmd: 'x z' });
      },
    },
    {
      fact: '`PUT /v2/apps`: an element without id is refused (422)',
      method: 'PUT',
      path: '/v2/apps',
      body: [{ cmd: 'x y' }],
      status: 422,
    },
    {
      fact: '`PATCH /v2/apps`: updates several, 404 if one is missing',
      async run({ ask, define, marathon }) {
        const { id } = await define(small);
        await ask('PATCH', '/v2/apps', [{ id, mem: 9 }], 200);
        expect(await marathon.app(String(id))).toMatchObject({ mem: 9 });
        const answer = await ask(
          'PATCH',
          '/v2/apps',
          [
            { id, mem: 10 },
            { id: '/nope', mem: 1 },
          ],
          404,
        );
        expect(answer.json).toMatchObject({ message: "App '/nope' does not exist" });
        expect(await marathon.app(String(id))).toMatchObject({ mem: 9 });
      },
    },
    {
      fact: '`GET /v2/apps/{id}`: with counts, tasks and deployments',
      path: '/v2/apps/shop/web',
      status: 200,
      check: ({ json }) => expect(shown(json.app as object).sort()).toEqual(['deployments', 'tasks', 'tasksRunning']),
    },
    { fact: 'an id may begin with a slash of its own', path: '/v2/apps//shop/web', status: 200 },
    { fact: 'an id may end with a slash', path: '/v2/apps/shop/web/', status: 200 },
    {
      fact: 'HEAD is answered like GET, without a body',
      method: 'HEAD',
      path: '/v2/apps/shop/web',
      status: 200,
      check: ({ text }) => expect(text).toBe(''),
    },
    {
      fact: '`GET /v2/apps/{group}/*`: every app below',
      path: '/v2/apps/shop/*',
      status: 200,
      check: ({ json }) => expect(idsOf(json['*'])).toEqual(['/shop/db', '/shop/web']),
    },
    {
      fact: '`PUT /v2/apps/{id}` creates (201)',
      async run({ ask, fresh }) {
        const answer = await ask('PUT', `/v2/apps${fresh()}/a`, { cmd: 'x y', instances: 0 }, 201);
        expect(answer.json).toEqual(deploymentResult);
      },
    },
    {
      fact: '`PUT /v2/apps/{id}` updates (200) only the fields given',
      async run({ ask, define, marathon }) {
        const { id } = await define({ ...small, env: { A: '1' } });
        expect((await ask('PUT', `/v2/apps${id}`, { mem: 9 }, 200)).json).toEqual(deploymentResult);
        expect(await marathon.app(String(id))).toMatchObject({ mem: 9, cmd: small.cmd, env: { A: '1' } });
      },
    },
    {
      fact: 'a given map or list replaces the whole one: no deep merge',
      async run({ ask, define, marathon }) {
        const { id } = await define({
          ...small,
          env: { A: '1' },
          labels: { a: '1' },
          constraints: [['node', 'UNIQUE']],
        });
        await ask('PUT', `/v2/apps${id}`, { env: { B: '2' }, labels: {}, constraints: [] }, 200);
        const app = await marathon.app(String(id));
        expect(app).toMatchObject({ env: { B: '2' }, labels: {} });
        expect(app.env).not.toHaveProperty('A');
        expect(app).not.toHaveProperty('constraints');
      },
    },
    {
      fact: 'absent `resourceLimits` and `executorResources` are cleared by an update',
      async run({ ask, define, marathon }) {
        const limits = { resourceLimits: { mem: 64 }, executor: '/bin/executor', executorResources: { cpus: 0.2 } };
        const { id } = await define({ ...small, ...limits });
        expect(await marathon.app(String(id))).toMatchObject({ resourceLimits: { mem: 64 } });
        await ask('PUT', `/v2/apps${id}`, { mem: 2 }, 200);
        const app = await marathon.app(String(id));
        expect(app).not.toHaveProperty('resourceLimits');
        expect(app).not.toHaveProperty('executorResources');
      },
    },
    {
      fact: '`PUT /v2/apps/{id}?partialUpdate=false`: defaults come back',
      async run({ ask, define, marathon }) {
        const { id } = await define({ ...small, mem: 9 });
        await ask('PUT', `/v2/apps${id}?partialUpdate=false`, { cmd: 'x y', instances: 0 }, 200);
        expect(await marathon.app(String(id))).toMatchObject({ mem: 128, cmd: 'x y' });
      },
    },
    {
      fact: 'a body of only `version` restores it',
      async run({ ask, define, marathon }) {
        const { id } = await define({ ...small, mem: 9 });
        const { version } = await marathon.app(String(id));
        await ask('PUT', `/v2/apps${id}`, { mem: 10 }, 200);
        await ask('PUT', `/v2/apps${id}`, { version, id }, 200);
        expect(await marathon.app(String(id))).toMatchObject({ mem: 9 });
      },
    },
    {
      fact: '`version` beside another field: 422',
      method: 'PUT',
      path: '/v2/apps/idle',
      body: { version: '2000-01-01T00:00:00.000Z', cmd: 'x y' },
      status: 422,
      check: (answer) =>
        expect(errorsOf(answer)).toEqual({ '/': ["The 'version' field may only be combined with the 'id' field."] }),
    },
    {
      fact: 'a version that there is not can’t be restored: 404',
      method: 'PUT',
      path: '/v2/apps/idle',
      body: { version: '2000-01-01T00:00:00.000Z' },
      status: 404,
    },
    {
      fact: '`PATCH /v2/apps/{id}` updates',
      async run({ ask, define, marathon }) {
        const { id } = await define(small);
        expect((await ask('PATCH', `/v2/apps${id}`, { mem: 11 }, 200)).json).toEqual(deploymentResult);
        expect(await marathon.app(String(id))).toMatchObject({ mem: 11 });
      },
    },
    {
      fact: '`PATCH /v2/apps/{id}` does not create: 404',
      method: 'PATCH',
      path: '/v2/apps/nope',
      body: { instances: 1 },
      status: 404,
    },
    {
      fact: '`DELETE /v2/apps/{id}`: 200; `force` is true unless said otherwise',
      async run({ ask, fresh, behave }) {
        const group = fresh();
        behave(group, ['TASK_STARTING']);
        await ask('PUT', `/v2/apps${group}/a`, small, 201);
        await ask('DELETE', `/v2/apps${group}/a?force=false`, undefined, 409);
        expect((await ask('DELETE', `/v2/apps${group}/a`, undefined, 200)).json).toEqual(deploymentResult);
        await ask('GET', `/v2/apps${group}/a`, undefined, 404);
      },
    },
    { fact: '`DELETE` of an unknown app: 404', method: 'DELETE', path: '/v2/apps/nope', status: 404 },
    {
      fact: '`POST /v2/apps/{id}/restart`',
      async run({ ask, define }) {
        const { id } = await define(small);
        expect((await ask('POST', `/v2/apps${id}/restart`, undefined, 200)).json).toEqual(deploymentResult);
      },
    },
    { fact: '`restart` of an unknown app: 404', method: 'POST', path: '/v2/apps/nope/restart', status: 404 },
    {
      fact: '`GET /v2/apps/{id}/tasks`',
      path: '/v2/apps/shop/web/tasks',
      status: 200,
      check: ({ json }) => expect(json.tasks).toHaveLength(2),
    },
    {
      fact: '`GET /v2/apps/{group}/*/tasks`',
      path: '/v2/apps/shop/*/tasks',
      status: 200,
      check: ({ json }) => expect(json.tasks).toHaveLength(3),
    },
    { fact: 'tasks of an unknown app: 404', path: '/v2/apps/nope/tasks', status: 404 },
    {
      fact: '`DELETE …/tasks` ends them; the goal stays, the same instances come back with a higher number',
      async run({ ask, run, fresh, master, marathon }) {
        const app = await run({ id: `${fresh()}/a`, instances: 2 });
        const answer = await ask<{ tasks: Task[] }>('DELETE', `/v2/apps${app.id}/tasks`, undefined, 200);
        expect(idsOf(answer.json.tasks)).toEqual(idsOf(app.tasks));
        const now = await master.until(() => {
          const ids = master.running(app.id).map(({ info }) => info.task_id.value);
          return ids.length === 2 && ids.every((id) => id.endsWith('.2')) && ids.sort();
        });
        expect(now).toEqual(idsOf(app.tasks).map((id) => id.replace(/1$/, '2')));
        expect(await marathon.app(app.id)).toMatchObject({ instances: 2 });
      },
    },
    {
      fact: '`DELETE …/tasks?host=`: those of one host',
      file: tasksTest,
      title: 'those of one host',
    },
    {
      fact: '`host=*`: all of them',
      async run({ ask, run, fresh }) {
        const app = await run({ id: `${fresh()}/a`, instances: 2 });
        const answer = await ask<{ tasks: Task[] }>('DELETE', `/v2/apps${app.id}/tasks?host=*`, undefined, 200);
        expect(answer.json.tasks).toHaveLength(2);
      },
    },
    {
      fact: '`scale=true`: the app shrinks by exactly these tasks, as a deployment',
      file: tasksTest,
      title: 'with scaling the app shrinks by exactly these',
    },
    {
      fact: '`scale=true` never goes below 0, and counts no task twice',
      async run({ ask, run, fresh, marathon, deployed }) {
        const app = await run({ id: `${fresh()}/a`, instances: 2 });
        const answer = await ask<{ deploymentId: string }>('DELETE', `/v2/apps${app.id}/tasks?scale=true`);
        await deployed(answer);
        expect(await marathon.app(app.id)).toMatchObject({ instances: 0 });
        await deployed(await ask('DELETE', `/v2/apps${app.id}/tasks?scale=true`));
        expect(await marathon.app(app.id)).toMatchObject({ instances: 0 });
      },
    },
    {
      fact: '`wipe=true`: other instances take their place',
      file: tasksTest,
      title: 'several by their ids, wiped: other instances take their place',
    },
    {
      fact: '`DELETE …/tasks/{taskId}`: `{"task":…}`',
      async run({ ask, run, fresh }) {
        const app = await run({ id: `${fresh()}/a` });
        const { id } = app.tasks![0]!;
        expect((await ask('DELETE', `/v2/apps${app.id}/tasks/${id}`, undefined, 200)).json).toMatchObject({
          task: { id, appId: app.id },
        });
      },
    },
    {
      fact: '`DELETE …/tasks/{taskId}` of an unknown app: 404',
      method: 'DELETE',
      path: '/v2/apps/nope/tasks/x',
      status: 404,
      answer: { message: "App '/nope' does not exist" },
    },
    {
      fact: '`GET …/versions`: newest first',
      async run({ ask, define }) {
        const { id } = await define(small);
        await ask('PUT', `/v2/apps${id}`, { mem: 12 }, 200);
        const { versions } = (await ask<{ versions: string[] }>('GET', `/v2/apps${id}/versions`)).json;
        expect(versions).toEqual([timestamp, timestamp]);
        expect(versions[0]! > versions[1]!).toBe(true);
      },
    },
    {
      fact: '`GET …/versions/{ts}`: the bare definition',
      async run({ ask, define }) {
        const { id } = await define(small);
        await ask('PUT', `/v2/apps${id}`, { mem: 12 }, 200);
        const { versions } = (await ask<{ versions: string[] }>('GET', `/v2/apps${id}/versions`)).json;
        const old = await ask('GET', `/v2/apps${id}/versions/${versions[1]}`, undefined, 200);
        expect(old.json).toMatchObject({ id, mem: 1, version: versions[1] });
        expect(shown(old.json)).toEqual([]);
      },
    },
    {
      fact: 'versions of an unknown app: 404',
      path: '/v2/apps/nope/versions',
      status: 404,
    },
  ],
};

export const groups: Area = {
  title: 'Groups',
  facts: [
    {
      fact: '`GET /v2/groups`: the tree; apps without counts and deployments',
      path: '/v2/groups',
      status: 200,
      check: ({ json }) => {
        expect(json).toMatchObject({
          id: '/',
          dependencies: [],
          pods: [],
          version: timestamp,
          apps: [{ id: '/idle' }],
          groups: [{ id: '/shop', groups: [], pods: [], apps: [{ id: '/shop/db' }, { id: '/shop/web' }] }],
        });
        expect(shown((json.apps as object[])[0]!)).toEqual([]);
      },
    },
    { fact: '`GET /v2/groups/{id}`', path: '/v2/groups/shop', status: 200, answer: { id: '/shop' } },
    { fact: '`GET` of an unknown group: 404', path: '/v2/groups/nope', status: 404 },
    {
      fact: '`embed=group.groups`: groups alone',
      path: '/v2/groups?embed=group.groups',
      status: 200,
      answer: { apps: [], groups: [{ id: '/shop', apps: [] }] },
    },
    {
      fact: '`embed=group.apps`: apps alone',
      path: '/v2/groups?embed=group.apps',
      status: 200,
      check: ({ json }) => expect(json).toMatchObject({ apps: [{ id: '/idle' }], groups: [] }),
    },
    {
      fact: '`embed=group.apps.counts`: what the apps shall have',
      path: '/v2/groups/shop?embed=group.apps&embed=group.apps.counts',
      status: 200,
      answer: { apps: [{ tasksRunning: 1 }, { tasksRunning: 2 }] },
    },
    {
      fact: '`GET /v2/groups/{id}/apps`',
      path: '/v2/groups/shop/apps',
      status: 200,
      check: ({ json }) => expect(idsOf(json)).toEqual(['/shop/db', '/shop/web']),
    },
    {
      fact: '`POST /v2/groups`: 201 with a deployment',
      async run({ ask, fresh, marathon }) {
        const id = fresh();
        const app = { id: 'a', ...small, instances: 0 };
        const answer = await ask('POST', '/v2/groups', { id, apps: [app], groups: [{ id: 'inner' }] }, 201);
        expect(answer.json).toEqual(deploymentResult);
        expect(await marathon.app(`${id}/a`)).toMatchObject({ id: `${id}/a` });
        expect((await ask('GET', `/v2/groups${id}/inner`)).json).toMatchObject({ id: `${id}/inner` });
      },
    },
    {
      fact: '`POST /v2/groups/{id}`: ids are relative to it',
      async run({ ask, fresh }) {
        const id = fresh();
        await ask('POST', `/v2/groups${id}`, { id: 'inner', apps: [{ id: 'a', ...small, instances: 0 }] }, 201);
        expect((await ask('GET', `/v2/groups${id}/inner`)).json).toMatchObject({ apps: [{ id: `${id}/inner/a` }] });
      },
    },
    {
      fact: '`PUT /v2/groups/{id}` creates a missing group',
      async run({ ask, fresh }) {
        const id = fresh();
        expect((await ask('PUT', `/v2/groups${id}`, { apps: [] })).json).toEqual(deploymentResult);
        await ask('GET', `/v2/groups${id}`, undefined, 200);
      },
    },
    {
      fact: '`dryRun=true`: the steps, and nothing is changed',
      method: 'PUT',
      path: '/v2/groups/dry?dryRun=true',
      body: { apps: [{ id: 'a', cmd: 'sleep 1' }] },
      status: 200,
      answer: {
        steps: [
          { actions: [{ action: 'StartApplication', app: '/dry/a' }] },
          { actions: [{ action: 'ScaleApplication', app: '/dry/a' }] },
        ],
      },
    },
    { fact: 'after a dry run there is still no such group', path: '/v2/groups/dry', status: 404 },
    {
      fact: 'absent `apps`, `groups`, `dependencies` are kept',
      async run({ ask, fresh }) {
        const id = fresh();
        const inner = { id: 'inner', apps: [{ id: 'b', ...small, instances: 0 }] };
        await ask('PUT', `/v2/groups${id}`, { apps: [{ id: 'a', ...small, instances: 0 }], groups: [inner] });
        await ask('PUT', `/v2/groups${id}`, { dependencies: ['/shop'] }, 200);
        expect((await ask('GET', `/v2/groups${id}`)).json).toMatchObject({
          apps: [{ id: `${id}/a` }],
          groups: [{ id: `${id}/inner`, apps: [{ id: `${id}/inner/b` }] }],
          dependencies: ['/shop'],
        });
      },
    },
    {
      fact: 'present ones replace: what is not listed is removed',
      async run({ ask, fresh, marathon }) {
        const id = fresh();
        const app = (name: string) => ({ id: name, ...small, instances: 0 });
        await ask('PUT', `/v2/groups${id}`, { apps: [app('a'), app('b')], groups: [{ id: 'inner' }] });
        await ask('PUT', `/v2/groups${id}`, { apps: [app('b')], groups: [] }, 200);
        const group = (await ask('GET', `/v2/groups${id}`)).json;
        expect(idsOf(group.apps)).toEqual([`${id}/b`]);
        expect(group.groups).toEqual([]);
        expect((await marathon.call('GET', `/v2/apps${id}/a`)).status).toBe(404);
      },
    },
    {
      fact: '`scaleBy`: ceil(instances × factor), for all apps below',
      async run({ ask, fresh, marathon, deployed }) {
        const id = fresh();
        const apps = [{ id: 'a', ...small, instances: 3 }];
        await deployed(await ask('PUT', `/v2/groups${id}`, { apps, groups: [{ id: 'g', apps }] }));
        await ask('PUT', `/v2/groups${id}`, { scaleBy: 0.5 }, 200);
        expect((await marathon.app(`${id}/a`)).instances).toBe(2);
        expect((await marathon.app(`${id}/g/a`)).instances).toBe(2);
      },
    },
    {
      fact: '`scaleBy` beside another field: 422',
      method: 'PUT',
      path: '/v2/groups/shop',
      body: { scaleBy: 2, apps: [] },
      status: 422,
    },
    {
      fact: '`version` reverts the group',
      async run({ ask, fresh, marathon }) {
        const id = fresh();
        await ask('PUT', `/v2/groups${id}`, { apps: [{ id: 'a', ...small, instances: 0 }] });
        const { version } = (await ask<{ version: string }>('GET', `/v2/groups${id}`)).json;
        await ask('PUT', `/v2/groups${id}`, { apps: [{ id: 'a', ...small, instances: 0, mem: 20 }] }, 200);
        await ask('PUT', `/v2/groups${id}`, { version }, 200);
        expect(await marathon.app(`${id}/a`)).toMatchObject({ mem: 1 });
      },
    },
    {
      fact: 'an unknown `version`: 422',
      method: 'PUT',
      path: '/v2/groups/shop',
      body: { version: '2000-01-01T00:00:00.000Z' },
      status: 422,
    },
    {
      fact: "an absolute id outside the group: ``Identifier is not child of '…'``",
      method: 'PUT',
      path: '/v2/groups/shop',
      body: { apps: [{ id: '/elsewhere/a', cmd: 'x y' }] },
      status: 422,
      check: ({ text }) => expect(text).toContain("Identifier is not child of '/shop'"),
    },
    {
      fact: '`PATCH /v2/groups/{id}`: `enforceRole` of top-level groups',
      async run({ ask, fresh }) {
        const id = fresh();
        await ask('PUT', `/v2/groups${id}`, {});
        await ask('PATCH', `/v2/groups${id}`, { enforceRole: true }, 200);
        expect((await ask('GET', `/v2/groups${id}`)).json).toMatchObject({ enforceRole: true });
      },
    },
    {
      fact: '`PATCH` of a group that is not top-level: 422',
      async run({ ask, fresh }) {
        const id = fresh();
        await ask('PUT', `/v2/groups${id}`, { groups: [{ id: 'inner' }] });
        await ask('PATCH', `/v2/groups${id}/inner`, { enforceRole: true }, 422);
      },
    },
    {
      fact: '`DELETE /v2/groups/{id}`: 200 with a deployment',
      async run({ ask, fresh }) {
        const id = fresh();
        await ask('PUT', `/v2/groups${id}`, { apps: [{ id: 'a', ...small, instances: 0 }] });
        expect((await ask('DELETE', `/v2/groups${id}`, undefined, 200)).json).toEqual(deploymentResult);
        await ask('GET', `/v2/groups${id}`, undefined, 404);
      },
    },
    {
      fact: '`DELETE /v2/groups`: removes everything',
      async run(world) {
        const other = await world.with({ max_running_deployments: 1 });
        await other.run({ id: `${other.fresh()}/a` });
        await other.deployed(await other.ask('DELETE', '/v2/groups?force=true', undefined, 200));
        expect((await other.ask('GET', '/v2/groups')).json).toMatchObject({ id: '/', apps: [], groups: [] });
        expect(other.master.running()).toEqual([]);
      },
    },
    { fact: '`DELETE` of an unknown group: 404', method: 'DELETE', path: '/v2/groups/nope', status: 404 },
    {
      fact: '`GET /v2/groups/versions`: a bare array',
      path: '/v2/groups/versions',
      status: 200,
      check: ({ json }) => expect(json).toEqual(expect.arrayContaining([timestamp])),
    },
    {
      fact: '`GET /v2/groups/{id}/versions`',
      path: '/v2/groups/shop/versions',
      status: 200,
      check: ({ json }) => expect(json).toEqual(expect.arrayContaining([timestamp])),
    },
    {
      fact: '`GET /v2/groups/{id}/versions/{ts}`: the group as it was',
      async run({ ask, fresh }) {
        const id = fresh();
        await ask('PUT', `/v2/groups${id}`, { apps: [{ id: 'a', ...small, instances: 0 }] });
        const { version } = (await ask<{ version: string }>('GET', `/v2/groups${id}`)).json;
        await ask('PUT', `/v2/groups${id}`, { apps: [] }, 200);
        const old = await ask('GET', `/v2/groups${id}/versions/${version}`);
        expect(old.json).toMatchObject({ id, apps: [{ id: `${id}/a` }] });
      },
    },
  ],
};

export const others: Area = {
  title: 'Deployments, tasks, queue',
  facts: [
    {
      fact: '`GET /v2/deployments`: plan, affected apps, current step and actions',
      async run({ ask, fresh, behave, marathon, master }) {
        const group = fresh();
        behave(group, ['TASK_STARTING']);
        const id = (await ask<{ deploymentId: string }>('PUT', `/v2/apps${group}/a`, small)).json.deploymentId;
        await master.until(() => master.running(`${group}/a`).length === 1);
        const app = `${group}/a`;
        expect((await marathon.deployments()).filter((one) => one.id === id)).toEqual([
          {
            id,
            version: timestamp,
            affectedApps: [app],
            affectedPods: [],
            steps: [
              { actions: [{ action: 'StartApplication', app }] },
              { actions: [{ action: 'ScaleApplication', app }] },
            ],
            currentActions: [{ action: 'ScaleApplication', app, readinessCheckResults: [] }],
            currentStep: 2,
            totalSteps: 2,
          } satisfies DeploymentInfo,
        ]);
      },
    },
    {
      fact: '`DELETE /v2/deployments/{id}`: a new deployment that reverts it',
      file: 'conformance/marathon/deployments.test.ts',
      title: 'an upgrade that fails to start is held, and rolled back on request',
    },
    {
      fact: '`DELETE /v2/deployments/{id}?force=true`: 202 without a body; nothing is reverted',
      file: 'conformance/marathon/deployments.test.ts',
      title: 'a locked app refuses changes unless forced; a forced cancel leaves all as it is',
    },
    {
      fact: 'an unknown deployment: 404',
      method: 'DELETE',
      path: '/v2/deployments/nope',
      status: 404,
      answer: { message: 'DeploymentPlan nope does not exist' },
    },
    {
      fact: '`GET /v2/tasks`: all, with service ports',
      path: '/v2/tasks',
      status: 200,
      check: ({ json }) => {
        const tasks = json.tasks as Task[];
        expect(tasks.filter(({ appId }) => appId === '/shop/web')).toHaveLength(2);
        for (const task of tasks) expect(task.servicePorts?.[0]).toBeGreaterThanOrEqual(10000);
      },
    },
    {
      fact: '`status=staging`',
      async run({ ask, fresh, behave, master }) {
        const group = fresh();
        behave(group, []);
        await ask('PUT', `/v2/apps${group}/a`, small);
        await master.until(() => master.running(`${group}/a`).length === 1);
        for (const name of ['status', 'status[]']) {
          const staging = await ask<{ tasks: Task[] }>('GET', `/v2/tasks?${name}=staging`);
          expect(staging.json.tasks.filter(({ appId }) => appId === `${group}/a`)).toMatchObject([
            { state: 'TASK_STAGING' },
          ]);
          expect(staging.json.tasks.filter(({ state }) => state === 'TASK_RUNNING')).toEqual([]);
        }
      },
    },
    {
      fact: '`status=running`',
      path: '/v2/tasks?status=running',
      status: 200,
      check: ({ json }) => expect((json.tasks as Task[]).length).toBeGreaterThanOrEqual(3),
    },
    {
      fact: 'other values of `status` are ignored',
      path: '/v2/tasks?status=nonsense',
      status: 200,
      check: ({ json }) => expect((json.tasks as Task[]).length).toBeGreaterThanOrEqual(3),
    },
    {
      fact: '`/v2/tasks` as `text/plain`, as releases up to 1.9 had it',
      path: '/v2/tasks',
      headers: { Accept: 'text/plain' },
      status: 200,
      check: ({ text }) => expect(text).toMatch(/^shop_web\t\d{5}\t127\.0\.0\.\d:\d+\t127\.0\.0\.\d:\d+\t$/m),
    },
    {
      fact: '`/v2/apps/{id}/tasks` as `text/plain`; apps without ports name their hosts',
      async run({ ask, run, fresh, marathon }) {
        const app = await run({ id: `${fresh()}/a`, portDefinitions: [] });
        await ask('GET', `/v2/apps${app.id}/tasks`, undefined, 200);
        const answer = await marathon.call('GET', `/v2/apps${app.id}/tasks`, undefined, { Accept: 'text/plain' });
        expect(answer.text).toBe(`${app.id.slice(1).replaceAll('/', '_')}\t \t${app.tasks![0]!.host}\t\n`);
      },
    },
    {
      fact: '`POST /v2/tasks/delete`',
      async run({ ask, run, fresh }) {
        const app = await run({ id: `${fresh()}/a`, instances: 2 });
        const ids = idsOf(app.tasks);
        const answer = await ask<{ tasks: Task[] }>('POST', '/v2/tasks/delete', { ids }, 200);
        expect(idsOf(answer.json.tasks)).toEqual(ids);
      },
    },
    {
      fact: '`POST /v2/tasks/delete?scale=true`: a deployment',
      async run({ ask, run, fresh, marathon, deployed }) {
        const app = await run({ id: `${fresh()}/a`, instances: 2 });
        const ids = [app.tasks![0]!.id];
        const answer = await ask<{ deploymentId: string }>('POST', '/v2/tasks/delete?scale=true', { ids }, 200);
        expect(answer.json).toEqual(deploymentResult);
        await deployed(answer);
        expect(await marathon.app(app.id)).toMatchObject({ instances: 1, tasksRunning: 1 });
      },
    },
    {
      fact: 'malformed task ids: 400 `Invalid task id …`',
      method: 'POST',
      path: '/v2/tasks/delete',
      body: { ids: ['nonsense'] },
      status: 400,
      answer: { message: expect.stringMatching(/^Invalid task id 'nonsense'\. \[/) },
    },
    {
      fact: 'well-formed ids that nobody knows are skipped',
      method: 'POST',
      path: '/v2/tasks/delete',
      body: { ids: ['shop_web.instance-8ac7bc16-6a5a-11e9-a6b8-0a0027000000._app.1'] },
      status: 200,
      answer: { tasks: [] },
    },
    {
      fact: '`GET /v2/queue`: count, role, delay, since, summary of offers, app',
      async run({ ask, fresh }) {
        const id = `${fresh()}/a`;
        await ask('PUT', `/v2/apps${id}`, { ...small, cpus: 100, instances: 2 });
        const queued = async () =>
          (await ask<{ queue: QueueItem[] }>('GET', '/v2/queue')).json.queue.filter(({ app }) => app?.id === id);
        await expect.poll(queued).toEqual([
          {
            count: 2,
            role: '*',
            delay: { timeLeftSeconds: 0, overdue: true },
            since: timestamp,
            processedOffersSummary: {
              processedOffersCount: expect.any(Number),
              unusedOffersCount: expect.any(Number),
              lastUnusedOfferAt: timestamp,
              rejectSummaryLastOffers: expect.any(Array),
              rejectSummaryLaunchAttempt: expect.any(Array),
            },
            app: expect.objectContaining({ id }),
          },
        ]);
        const [item] = await queued();
        const funnel = item!.processedOffersSummary.rejectSummaryLastOffers;
        expect(funnel.map(({ reason }) => reason)).toEqual([
          'UnfulfilledRole',
          'UnfulfilledConstraint',
          'NoCorrespondingReservationFound',
          'AgentMaintenance',
          'InsufficientCpus',
          'InsufficientMemory',
          'InsufficientDisk',
          'InsufficientGpus',
          'InsufficientPorts',
          'DeclinedScarceResources',
        ]);
        expect(funnel[4]?.declined).toBeGreaterThan(0);
        expect(funnel[4]?.processed).toBe(funnel[4]?.declined);
        expect(funnel[5]).toEqual({ reason: 'InsufficientMemory', declined: 0, processed: 0 });
      },
    },
    {
      fact: '`embed=lastUnusedOffers`',
      file: tasksTest,
      title: 'what finds no place waits in the queue and tells why',
    },
    {
      fact: '`DELETE /v2/queue/{id}/delay`: 204',
      file: tasksTest,
      title: 'a failure delays the next launch, is remembered, and the delay can be dropped',
    },
    {
      fact: '`DELETE` of the delay of an app that is not queued: 404',
      method: 'DELETE',
      path: '/v2/queue/shop/web/delay',
      status: 404,
      answer: { message: 'Application /shop/web not found in tasks queue.' },
    },
    { fact: '`HEAD /v2/pods`: pods are there', method: 'HEAD', path: '/v2/pods', status: 200 },
    { fact: '`GET /v2/pods`: a list', path: '/v2/pods', status: 200, answer: [] },
    { fact: '`GET /v2/pods/::status`: a list', path: '/v2/pods/::status', status: 200, answer: [] },
    {
      fact: 'a task: every field',
      path: '/v2/apps/shop/web/tasks',
      status: 200,
      check: ({ json }) => {
        for (const task of json.tasks as Task[])
          expect(task).toEqual({
            appId: '/shop/web',
            id: expect.stringMatching(/^shop_web\.instance-[0-9a-f-]{36}\._app\.1$/),
            host: expect.stringMatching(/^127\.0\.0\.\d$/),
            slaveId: expect.stringMatching(/^agent-\d$/),
            state: 'TASK_RUNNING',
            ports: [expect.any(Number)],
            servicePorts: [expect.any(Number)],
            ipAddresses: [{ ipAddress: expect.any(String), protocol: 'IPv4' }],
            stagedAt: timestamp,
            startedAt: timestamp,
            version: timestamp,
            healthCheckResults: [],
            localVolumes: [],
            role: '*',
          });
      },
    },
    {
      fact: 'a task is `TASK_STAGING` until Mesos reports a state; staging counts, starting does not',
      async run({ ask, fresh, behave, master, marathon }) {
        const id = `${fresh()}/a`;
        behave(id, []);
        await ask('PUT', `/v2/apps${id}`, small);
        const [task] = await master.until(() => {
          const running = master.running(id);
          return running.length === 1 && running;
        });
        await expect
          .poll(async () => (await marathon.app(id)).tasks?.map(({ state }) => state))
          .toEqual(['TASK_STAGING']);
        expect(await marathon.app(id)).toMatchObject({ tasksStaged: 1, tasksRunning: 0 });
        master.update(task!.info.task_id.value, 'TASK_STARTING');
        await expect.poll(async () => (await marathon.app(id)).tasks?.[0]?.state).toBe('TASK_STARTING');
        expect(await marathon.app(id)).toMatchObject({ tasksStaged: 0, tasksRunning: 0 });
      },
    },
    {
      fact: '`healthCheckResults`: alive, consecutiveFailures, instanceId, first and last success',
      file: tasksTest,
      title: 'an HTTP check tells healthy from unhealthy, and ends what fails too often',
    },
    ...(
      [
        'TASK_FAILED',
        'TASK_ERROR',
        'TASK_LOST',
        'TASK_DROPPED',
        'TASK_GONE',
        'TASK_GONE_BY_OPERATOR',
        'TASK_UNKNOWN',
      ] as const
    ).map(
      (state): Fact => ({
        fact: `\`lastTaskFailure\` remembers ${state}`,
        async run({ run, fresh, master, marathon }) {
          const app = await run({ id: `${fresh()}/a`, backoffSeconds: 3000, maxLaunchDelaySeconds: 3600 });
          master.update(app.tasks![0]!.id, state, { message: 'so it was' });
          await expect
            .poll(async () => (await marathon.app(app.id)).lastTaskFailure)
            .toMatchObject({ message: 'so it was', taskId: app.tasks![0]!.id });
        },
      }),
    ),
    {
      fact: '`lastTaskFailure` does not remember TASK_KILLED or TASK_FINISHED, and later success does not clear it',
      async run({ run, fresh, master, marathon }) {
        const app = await run({ id: `${fresh()}/a`, backoffSeconds: 0 });
        const [first] = app.tasks!;
        master.update(first!.id, 'TASK_FAILED', { message: 'kept' });
        const again = await master.until(() => master.running(app.id)[0]?.info.task_id.value);
        for (const [n, state] of (['TASK_FINISHED', 'TASK_KILLED'] as const).entries()) {
          const id = again.replace(/2$/, String(n + 2));
          await expect
            .poll(async () => (await marathon.app(app.id)).tasks?.[0])
            .toMatchObject({ id, state: 'TASK_RUNNING' });
          master.update(id, state);
          await master.until(() => master.running(app.id).length === 1);
        }
        expect((await marathon.app(app.id)).lastTaskFailure).toMatchObject({ message: 'kept' });
      },
    },
  ],
};
