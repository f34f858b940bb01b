import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TaskInfo } from '../../../src/protocols/mesos/types.ts';
import { isTerminal } from '../../../src/protocols/mesos/types.ts';
import { startAll } from './harness.ts';

let all: Awaited<ReturnType<typeof startAll>>;
beforeEach(async () => {
  all = await startAll();
});
afterEach(() => all.close());

const small = { cmd: 'v1', cpus: 0.1, mem: 32 };

async function put(path: string, body: object, query = ''): Promise<string> {
  const answer = await all.marathon.call<{ deploymentId: string }>('PUT', `/v2${path}${query}`, body);
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: expect.toBeOneOf([200, 201]) });
  return answer.json.deploymentId;
}

const commandOf = (task: { info: TaskInfo }) => task.info.command?.value;

describe('a rolling upgrade stays within its bounds', () => {
  // [instances, minimumHealthCapacity, maximumOverCapacity, least healthy, most running]
  const strategies = [
    [4, 1, 1, 4, 8],
    [4, 1, 0, 4, 5],
    [4, 0.5, 0, 2, 4],
    [4, 0.5, 0.5, 2, 6],
    [5, 0, 0, 0, 5],
    [3, 0.34, 0.4, 2, 4],
  ] as const;

  for (const [instances, minimumHealthCapacity, maximumOverCapacity, least, most] of strategies)
    test(`${instances} instances, ${minimumHealthCapacity} healthy, ${maximumOverCapacity} over`, async () => {
      const upgradeStrategy = { minimumHealthCapacity, maximumOverCapacity };
      await all.marathon.deployed(await put('/apps/web', { ...small, instances, upgradeStrategy }));

      const seen = { least: instances as number, most: instances as number };
      let starting = 0;
      // Every change of every task is looked at; new tasks take a while to run, one after the other.
      const sample = () => {
        const tasks = all.master.running('/web');
        seen.least = Math.min(seen.least, tasks.filter(({ state }) => state === 'TASK_RUNNING').length);
        seen.most = Math.max(seen.most, tasks.length);
        return undefined;
      };
      void all.master.until(sample);
      all.master.behave((task) => {
        const id = task.task_id.value;
        setTimeout(() => all.master.update(id, 'TASK_RUNNING'), 5 * ++starting);
        return ['TASK_STARTING'];
      });
      await all.marathon.deployed(await put('/apps/web', { cmd: 'v2' }));

      expect(all.master.running('/web').map(commandOf)).toEqual(Array(instances).fill('v2'));
      expect(seen.least).toBeGreaterThanOrEqual(least);
      expect(seen.most).toBeLessThanOrEqual(most);
    });
});

test('an upgrade that fails to start is held, and rolled back on request', async () => {
  await all.marathon.deployed(await put('/apps/web', { ...small, instances: 2 }));
  all.master.behave((task) => (task.command?.value === 'bad' ? ['TASK_FAILED'] : undefined));
  const id = await put('/apps/web', { cmd: 'bad', backoffSeconds: 1 });
  await all.master.until(() =>
    [...all.master.tasks.values()].some((task) => commandOf(task) === 'bad' && isTerminal(task.state)),
  );
  expect(all.master.running('/web').filter((task) => commandOf(task) === 'v1')).toHaveLength(2);

  const events = await all.marathon.events();
  const rollback = await all.marathon.call<{ deploymentId: string }>('DELETE', `/v2/deployments/${id}`);
  expect(rollback.status).toBe(200);
  await events.next('deployment_failed', (data) => data.id === id);
  await all.marathon.deployed(rollback.json.deploymentId);
  expect(await all.marathon.app('/web')).toMatchObject({ cmd: 'v1' });
  expect(all.master.running('/web').map(commandOf)).toEqual(['v1', 'v1']);
});

test('a locked app refuses changes unless forced; a forced cancel leaves all as it is', async () => {
  all.master.behave(() => ['TASK_STARTING']);
  const id = await put('/apps/web', small);
  const refused = await all.marathon.call('PUT', '/v2/apps/web', { cmd: 'v2' });
  expect(refused).toMatchObject({
    status: 409,
    json: {
      message:
        "App is locked by one or more deployments. Override with the option '?force=true'. " +
        "View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
      deployments: [{ id }],
    },
  });
  const events = await all.marathon.events();
  const forced = await put('/apps/web', { cmd: 'v2' }, '?force=true');
  await events.next('deployment_failed', (data) => data.id === id);
  const cancelled = await all.marathon.call('DELETE', `/v2/deployments/${forced}?force=true`);
  expect(cancelled.status).toBe(202);
  expect(cancelled.text).toBe('');
  expect(await all.marathon.deployments()).toEqual([]);
  expect(await all.marathon.app('/web')).toMatchObject({ cmd: 'v2' });
});

test('deployments of other apps run beside it', async () => {
  all.master.behave((task) => (task.name === 'slow' ? ['TASK_STARTING'] : undefined));
  const slow = await put('/apps/slow', small);
  await all.marathon.deployed(await put('/apps/fast', small));
  expect((await all.marathon.deployments()).map(({ id }) => id)).toEqual([slow]);
});

test('more deployments than allowed are refused', async () => {
  await all.close();
  all = await startAll({ max_running_deployments: 1 });
  all.master.behave(() => ['TASK_STARTING']);
  await put('/apps/one', small);
  const refused = await all.marathon.call('PUT', '/v2/apps/two', small);
  expect(refused.status).toBe(403);
  expect(refused.json.message).toMatch(/^Max number \(1\) of running deployments is achieved\./);
});

test('a group starts in the order of its dependencies', async () => {
  all.master.behave(() => ['TASK_STARTING']);
  const id = await put('/groups/shop', {
    apps: [
      { ...small, id: 'web', dependencies: ['api'] },
      { ...small, id: 'api', dependencies: ['/shop/db'] },
      { ...small, id: 'db' },
    ],
  });
  const started: string[] = [];
  for (let level = 1; level <= 3; level++) {
    const task = await all.master.until(() => all.master.running().find(({ state }) => state === 'TASK_STARTING'));
    expect(all.master.running()).toHaveLength(level);
    started.push(task.info.name);
    expect(await all.marathon.deployments()).toMatchObject([
      {
        id,
        affectedApps: ['/shop/api', '/shop/db', '/shop/web'],
        currentStep: level + 1,
        totalSteps: 4,
        currentActions: [{ action: 'ScaleApplication', readinessCheckResults: [] }],
      },
    ]);
    all.master.update(task.info.task_id.value, 'TASK_RUNNING');
  }
  expect(started).toEqual(['db.shop', 'api.shop', 'web.shop']);
  await all.marathon.deployed(id);
});

test('removing a group ends all its apps', async () => {
  await all.marathon.deployed(
    await put('/groups/shop', {
      apps: [
        { ...small, id: 'a', instances: 2 },
        { ...small, id: 'b' },
      ],
    }),
  );
  const events = await all.marathon.events();
  const removed = await all.marathon.call<{ deploymentId: string }>('DELETE', '/v2/groups/shop');
  await all.marathon.deployed(removed.json.deploymentId);
  expect(all.master.running()).toHaveLength(0);
  await events.next('app_terminated_event', (data) => data.appId === '/shop/a');
});

test('a restart replaces every task', async () => {
  await all.marathon.deployed(await put('/apps/web', { ...small, instances: 2 }));
  const before = [...all.master.tasks.keys()];
  const restart = await all.marathon.call<{ deploymentId: string }>('POST', '/v2/apps/web/restart');
  await all.marathon.deployed(restart.json.deploymentId);
  const after = all.master.running('/web').map((task) => task.info.task_id.value);
  expect(after).toHaveLength(2);
  expect(after.filter((id) => before.includes(id))).toEqual([]);
});

test('scaling down and up', async () => {
  await all.marathon.deployed(await put('/apps/web', { ...small, instances: 5 }));
  await all.marathon.deployed(await put('/apps/web', { instances: 2 }));
  expect(all.master.running('/web')).toHaveLength(2);
  await all.marathon.deployed(await put('/apps/web', { instances: 0 }));
  expect(all.master.running('/web')).toHaveLength(0);
  await all.marathon.deployed(await put('/apps/web', { instances: 3 }));
  expect(all.master.running('/web')).toHaveLength(3);
});

test('a deployment tells its steps as events', async () => {
  const events = await all.marathon.events();
  const id = await put('/apps/web', small);
  await events.next('deployment_success', (data) => data.id === id);
  const wanted = new Set([
    'group_change_success',
    'deployment_info',
    'deployment_step_success',
    'deployment_success',
    'instance_changed_event',
    'status_update_event',
  ]);
  const told = events.all
    .filter(({ type }) => wanted.has(type))
    .map(({ type, data }) => `${type} ${data.condition ?? data.taskStatus ?? data.groupId ?? ''}`.trim());
  expect(told).toEqual([
    'group_change_success /web',
    'deployment_info',
    'deployment_step_success',
    'deployment_info',
    'instance_changed_event Scheduled',
    'instance_changed_event Provisioned',
    'status_update_event TASK_STARTING',
    'instance_changed_event Starting',
    'status_update_event TASK_RUNNING',
    'instance_changed_event Running',
    'deployment_step_success',
    'deployment_success',
  ]);
  expect(events.all.find(({ type }) => type === 'deployment_success')?.data).toMatchObject({
    eventType: 'deployment_success',
    id,
    timestamp: expect.any(String),
    plan: {
      id,
      version: expect.any(String),
      steps: [
        { actions: [{ action: 'StartApplication', app: '/web' }] },
        { actions: [{ action: 'ScaleApplication', app: '/web' }] },
      ],
    },
  });
});
