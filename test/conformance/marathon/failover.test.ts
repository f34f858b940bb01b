import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskInfo } from '../../../src/protocols/mesos/types.ts';
import { type FakeMaster, startFakeMaster } from './fake-master.ts';
import { type MarathonForTests, startMarathon, startZooKeeper, type ZooKeeperForTests } from './harness.ts';

let zk: ZooKeeperForTests;
let master: FakeMaster;
let marathons: MarathonForTests[];

beforeEach(async () => {
  zk = await startZooKeeper();
  master = await startFakeMaster();
  marathons = [];
});
afterEach(async () => {
  for (const marathon of marathons) await marathon.stop();
  await master.close();
  await zk.close();
});

async function another(flags: Record<string, string | number> = {}): Promise<MarathonForTests> {
  const marathon = await startMarathon(zk, master, flags);
  marathons.push(marathon);
  await marathon.service.ready;
  return marathon;
}

const isNew = (task: TaskInfo) => task.command?.value === 'sleep 2000';

test('the next leader finishes a rolling upgrade that the last one was in the middle of', async () => {
  const [first, second] = [await another({ zk_session_timeout: 2000 }), await another()];
  const created = await first.call<{ deployments: { id: string }[] }>('POST', '/v2/apps', {
    id: '/web',
    cmd: 'sleep 1000',
    cpus: 0.1,
    mem: 32,
    instances: 4,
    upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 },
  });
  await first.deployed(created.json.deployments[0]?.id);
  const old = master.running('/web');

  // New tasks stay in STARTING until they are let go on.
  master.behave((task) => (isNew(task) ? ['TASK_STARTING'] : undefined));
  const upgrade = await first.call<{ deploymentId: string }>('PUT', '/v2/apps/web', { cmd: 'sleep 2000' });
  const starting = await master.until(() => {
    const tasks = master.running('/web').filter(({ info }) => isNew(info));
    return tasks.length === 2 && tasks;
  });
  master.update(starting[0]!.info.task_id.value, 'TASK_RUNNING');
  await master.until(() => master.running('/web').filter(({ info }) => isNew(info)).length === 3);

  first.cutOff();
  expect((await first.service.exited).code).toBe(103);
  await master.until(() => master.subscriptions === 2);
  expect((await second.deployments()).map(({ id }) => id)).toEqual([upgrade.json.deploymentId]);

  master.behave(() => undefined);
  for (const { info, state } of master.running('/web'))
    if (isNew(info) && state === 'TASK_STARTING') master.update(info.task_id.value, 'TASK_RUNNING');
  await second.deployed(upgrade.json.deploymentId);

  const running = master.running('/web');
  expect(running).toHaveLength(4);
  expect(running.every(({ info }) => isNew(info))).toBe(true);
  // Four before, four after: nothing was launched twice.
  expect(master.tasks.size).toBe(old.length + 4);
  expect(await second.app('/web')).toMatchObject({ tasksRunning: 4, cmd: 'sleep 2000' });
});

test('what was accepted survives a leader that is stopped, and its versions too', async () => {
  const first = await another();
  for (const cmd of ['one', 'two', 'three']) {
    const put = await first.call<{ deploymentId: string }>('PUT', '/v2/apps/shop/web', { cmd, instances: 0 });
    await first.deployed(put.json.deploymentId);
  }
  const versions = (await first.call<{ versions: string[] }>('GET', '/v2/apps/shop/web/versions')).json.versions;
  expect(versions).toHaveLength(3);
  await first.stop();

  const second = await another();
  expect(await second.app('/shop/web')).toMatchObject({ cmd: 'three' });
  expect((await second.call('GET', '/v2/apps/shop/web/versions')).json).toEqual({ versions });
  expect((await second.call('GET', `/v2/apps/shop/web/versions/${versions[2]}`)).json).toMatchObject({ cmd: 'one' });
  const restored = await second.call('PUT', '/v2/apps/shop/web', { version: versions[2] });
  expect(restored.status).toBe(200);
  expect(await second.app('/shop/web')).toMatchObject({ cmd: 'one' });
});

test('tasks that ended while nobody led are replaced; tasks that nobody knows are ended', async () => {
  const first = await another();
  const created = await first.call<{ deployments: { id: string }[] }>('POST', '/v2/apps', {
    id: '/web',
    cmd: 'sleep 1000',
    cpus: 0.1,
    mem: 32,
    instances: 2,
  });
  await first.deployed(created.json.deployments[0]?.id);
  await first.stop();
  const [gone] = master.running('/web');
  master.update(gone!.info.task_id.value, 'TASK_FAILED');
  master.launchStray('other.instance-8ac7bc16-6a5a-11e9-a6b8-0a0027000000._app.1');

  await another();
  await master.until(() => master.running('/web').length === 2 && master.running('/other').length === 0);
  expect(master.tasks.size).toBe(4);
});

test('instances that do not lead answer with the leader’s answers', async () => {
  const [leader, standby] = [await another(), await another()];
  const answer = await standby.call('GET', '/v2/leader');
  expect(answer.json).toEqual({ leader: leader.url.slice('http://'.length) });
  expect(answer.headers['x-marathon-leader']).toBe(leader.url);
  expect(answer.headers['x-marathon-via']).toBe(`1.1 ${standby.url.slice('http://'.length)}`);
  const created = await standby.call('POST', '/v2/apps', { id: '/x', cmd: 'sleep 1', instances: 0 });
  expect(created.status).toBe(201);
  expect(await leader.app('/x')).toMatchObject({ id: '/x' });
  expect((await standby.call('GET', '/v2/apps/nope')).status).toBe(404);
  const looping = await standby.call('GET', '/v2/apps', undefined, {
    'X-Marathon-Via': `1.1 ${standby.url.slice('http://'.length)}`,
  });
  expect(looping).toMatchObject({ status: 502, json: { message: 'Detected proxying loop.' } });
  const events = await fetch(`${standby.url}/v2/events?event_type=x`, {
    headers: { Accept: 'text/event-stream' },
    redirect: 'manual',
  });
  expect(events.status).toBe(302);
  expect(events.headers.get('location')).toBe(`${leader.url}/v2/events?event_type=x`);
});

test('DELETE /v2/leader hands over: the leader ends, a standby takes its place', async () => {
  const [leader, standby] = [await another(), await another()];
  const answer = await standby.call('DELETE', '/v2/leader');
  expect(answer).toMatchObject({ status: 200, json: { message: 'Leadership abdicated' } });
  expect((await leader.service.exited).code).toBe(105);
  await master.until(() => master.subscriptions === 2);
  expect((await standby.call('GET', '/v2/leader')).json).toEqual({ leader: standby.url.slice('http://'.length) });
});

test('a master that breaks off is subscribed again, with the same framework id', async () => {
  const marathon = await another();
  const created = await marathon.call<{ deployments: { id: string }[] }>('POST', '/v2/apps', {
    id: '/web',
    cmd: 'sleep 1000',
    cpus: 0.1,
    mem: 32,
  });
  await marathon.deployed(created.json.deployments[0]?.id);
  const events = await marathon.events();
  master.disconnect();
  await events.next('scheduler_disconnected_event');
  await events.next('scheduler_reregistered_event');
  const subscribes = master.calls.filter(({ type }) => type === 'SUBSCRIBE');
  const [, again] = subscribes;
  expect(again?.framework_id?.value).toMatch(/-0000$/);
  expect(again?.subscribe?.framework_info.id).toEqual(again?.framework_id);
  await marathon.call('PUT', '/v2/apps/web', { instances: 2 });
  await master.until(() => master.running('/web').length === 2);
});

test('a launch that got lost is repeated at once after the next subscription, and held against nobody', async () => {
  const marathon = await another();
  master.loseLaunches(true);
  await marathon.call('POST', '/v2/apps', {
    id: '/web',
    cmd: 'sleep 1000',
    cpus: 0.1,
    mem: 32,
    backoffSeconds: 3000,
    maxLaunchDelaySeconds: 3600,
  });
  await master.until(() => master.calls.some(({ type }) => type === 'ACCEPT'));
  master.loseLaunches(false);
  master.disconnect();
  await master.until(() => master.running('/web').length === 1);
  expect(await marathon.app('/web')).not.toHaveProperty('lastTaskFailure');
});

test('a framework that the master has removed registers anew', async () => {
  const first = await another();
  master.send({ type: 'ERROR', error: { message: 'Framework has been removed' } });
  expect((await first.service.exited).code).toBe(110);
  await another();
  const subscribes = master.calls.filter(({ type }) => type === 'SUBSCRIBE');
  expect(subscribes.at(-1)?.framework_id).toBeUndefined();
});
