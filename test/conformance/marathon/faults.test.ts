import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/support/clock.ts';
import { marathonProcesses } from '../../support/marathon-processes.ts';
import { type FakeMaster, startFakeMaster } from './fake-master.ts';
import {
  apiOf,
  argumentsOf,
  freePort,
  type MarathonApi,
  type MarathonForTests,
  startMarathon,
  startZooKeeper,
  type ZooKeeperForTests,
  zooKeeperClient,
} from './harness.ts';

let zk: ZooKeeperForTests;
let master: FakeMaster;
const closers: (() => Promise<unknown> | unknown)[] = [];

beforeEach(async () => {
  zk = await startZooKeeper();
  master = await startFakeMaster();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await master.close();
  await zk.close();
});

async function another(flags: Record<string, string | number> = {}, clock = systemClock): Promise<MarathonForTests> {
  const marathon = await startMarathon(zk, master, flags, clock);
  closers.push(() => marathon.stop());
  return marathon;
}

const small = { cpus: 0.01, mem: 1 };
const strategy = { minimumHealthCapacity: 0.5, maximumOverCapacity: 0.25 };
const instances = 8;

async function deploy(marathon: MarathonApi): Promise<void> {
  const app = { id: '/web', cmd: 'sleep 1000', ...small, instances, upgradeStrategy: strategy };
  const created = await marathon.call<{ deployments: { id: string }[] }>('POST', '/v2/apps', app);
  expect({ status: created.status, text: created.text }).toMatchObject({ status: 201 });
  await marathon.deployed(created.json.deployments[0]?.id);
}

const upgrade = async (marathon: MarathonApi): Promise<string> => {
  const answer = await marathon.call<{ deploymentId: string }>('PUT', '/v2/apps/web', { cmd: 'sleep 2000' });
  expect(answer.status).toBe(200);
  return answer.json.deploymentId;
};

const isNew = (task: ReturnType<FakeMaster['running']>[0]) => task.info.command?.value === 'sleep 2000';
const fresh = () => master.running('/web').filter(isNew);

/** Looks at every change of every task: how few ran, how many there were. */
function sample() {
  const seen = { least: instances, most: instances };
  void master
    .until(() => {
      const tasks = master.running('/web');
      seen.least = Math.min(seen.least, tasks.filter(({ state }) => state === 'TASK_RUNNING').length);
      seen.most = Math.max(seen.most, tasks.length);
      return undefined;
    })
    .catch(() => {});
  return seen;
}

/** The upgrade is finished, with every instance once and within its bounds. */
async function finished(marathon: MarathonApi, id: string, seen: { least: number; most: number }) {
  await marathon.deployed(id);
  expect(master.running('/web')).toHaveLength(instances);
  expect(fresh()).toHaveLength(instances);
  const app = await marathon.app('/web');
  expect(app).toMatchObject({ instances, tasksRunning: instances, cmd: 'sleep 2000', deployments: [] });
  expect(app.tasks?.map((task) => task.id).sort()).toEqual(
    fresh()
      .map(({ info }) => info.task_id.value)
      .sort(),
  );
  expect(seen.least).toBeGreaterThanOrEqual(instances * strategy.minimumHealthCapacity);
  expect(seen.most).toBeLessThanOrEqual(instances * (1 + strategy.maximumOverCapacity));
}

/** Tasks of the new version get to run one after the other, until `count` do; others are held. */
function letRun(count: number) {
  let left = count;
  master.behave((task) =>
    task.command?.value !== 'sleep 2000' || left-- > 0 ? ['TASK_STARTING', 'TASK_RUNNING'] : ['TASK_STARTING'],
  );
}

function letAllRun() {
  master.behave(() => undefined);
  for (const { info, state } of fresh())
    if (state === 'TASK_STARTING') master.update(info.task_id.value, 'TASK_RUNNING');
}

const halfway = () => master.until(() => fresh().filter(({ state }) => state === 'TASK_RUNNING').length >= 3);

describe('three processes', () => {
  test('a leader that is killed in the middle of an upgrade: the next one finishes it', async () => {
    const processes = marathonProcesses();
    closers.push(() => processes.close());
    const members = [];
    for (let i = 0; i < 3; i++) {
      const port = await freePort();
      const child = processes.start(argumentsOf(zk, master, port, { zk_session_timeout: 3000 }));
      const api = apiOf(`http://127.0.0.1:${port}`);
      closers.push(() => api.closeReaders());
      members.push({ child, api });
      await child.ready;
    }
    const [leader, next, third] = members as [(typeof members)[0], (typeof members)[0], (typeof members)[0]];
    await deploy(next.api);

    const seen = sample();
    letRun(3);
    const id = await upgrade(third.api);
    await halfway();
    await leader.child.kill();
    await master.until(() => master.subscriptions === 2);
    letAllRun();
    await finished(next.api, id, seen);
    // What was there before and what is there now: no task was launched twice.
    expect(master.tasks.size).toBe(2 * instances);
    expect((await third.api.call('GET', '/v2/leader')).json).toEqual({ leader: next.api.url.slice('http://'.length) });
  });
});

describe('leadership', () => {
  test('is handed over in the middle of an upgrade, and the next leader finishes it', async () => {
    const [first, second] = [await another(), await another()];
    await first.service.ready;
    await deploy(first);
    const seen = sample();
    letRun(3);
    const id = await upgrade(first);
    await halfway();
    expect((await second.call('DELETE', '/v2/leader')).status).toBe(200);
    expect((await first.service.exited).code).toBe(105);
    await master.until(() => master.subscriptions === 2);
    letAllRun();
    await finished(second, id, seen);
    expect(master.tasks.size).toBe(2 * instances);
  });

  test('event streams end when the leadership does', async () => {
    const leader = await another();
    await leader.service.ready;
    const events = await leader.events();
    await leader.call('DELETE', '/v2/leader');
    await events.ended;
    await leader.service.exited;
  });

  test('the election is Curator’s latch: sequential nodes that hold host:port', async () => {
    const [leader, standby] = [await another(), await another()];
    await Promise.all([leader.service.ready, standby.service.ready]);
    const client = zooKeeperClient(zk.address, closers);
    const path = '/marathon/leader-curator';
    const names = (await client.getChildren(path)).sort((a, b) => (a.slice(-10) < b.slice(-10) ? -1 : 1));
    expect(names).toEqual(Array(2).fill(expect.stringMatching(/^_c_[0-9a-f-]{36}-latch-\d{10}$/)));
    const ids = await Promise.all(
      names.map(async (name) => (await client.getData(`${path}/${name}`)).data?.toString()),
    );
    expect(ids).toEqual([leader, standby].map(({ url }) => url.slice('http://'.length)));
  });
});

describe('ZooKeeper is away in the middle of a deployment', () => {
  test('for a moment: the leader gives up, as the original does, and the next one goes on', async () => {
    const first = await another({ zk_session_timeout: 2000 });
    await first.service.ready;
    await deploy(first);
    const seen = sample();
    letRun(3);
    const id = await upgrade(first);
    await halfway();
    await zk.down();
    await zk.up();
    expect((await first.service.exited).code).toBe(103);
    const second = await another();
    await master.until(() => master.subscriptions === 2);
    letAllRun();
    await finished(second, id, seen);
  });

  test('for longer than the session: the leader ends itself, nothing acknowledged is lost, and the next one goes on', async () => {
    const first = await another({ zk_session_timeout: 2000 });
    await first.service.ready;
    await deploy(first);
    const seen = sample();
    letRun(3);
    const id = await upgrade(first);
    await halfway();
    const other = await first.call('POST', '/v2/apps', { id: '/kept', cmd: 'sleep 1', ...small, instances: 0 });
    expect(other.status).toBe(201);
    await zk.down();
    // Nothing is acknowledged that could get lost.
    const lost = await Promise.race([
      first.call('POST', '/v2/apps', { id: '/lost', cmd: 'sleep 1', ...small, instances: 0 }).then(
        ({ status }) => status,
        () => 'cut off',
      ),
      first.service.exited.then(() => 'ended'),
    ]);
    expect(lost).not.toBe(201);
    expect([101, 103]).toContain((await first.service.exited).code);
    // What happens to tasks meanwhile is found out afterwards.
    const [dead] = fresh();
    master.update(dead!.info.task_id.value, 'TASK_FAILED');
    await zk.up();
    const second = await another();
    await master.until(() => master.subscriptions === 2);
    letAllRun();
    await second.deployed(id);
    await expect.poll(() => fresh().length).toBe(instances);
    expect(await second.app('/web')).toMatchObject({ instances, cmd: 'sleep 2000' });
    expect(master.running('/web')).toHaveLength(instances);
    expect((await second.call('GET', '/v2/apps/kept')).status).toBe(200);
    // The task that failed by itself is the only one that could be missed.
    expect(seen.least).toBeGreaterThanOrEqual(instances * strategy.minimumHealthCapacity - 1);
    expect(seen.most).toBeLessThanOrEqual(instances * (1 + strategy.maximumOverCapacity));
  });
});

describe('the master', () => {
  test('the first registration is told, later ones as such', async () => {
    const port = await freePort();
    const marathon = await startMarathon(zk, `127.0.0.1:${port}`);
    closers.push(() => marathon.stop());
    await expect.poll(async () => (await marathon.call('GET', '/v2/apps')).status).toBe(200);
    const events = await marathon.events();
    const late = await startFakeMaster(undefined, port);
    closers.push(() => late.close());
    expect((await events.next('scheduler_registered_event')).data).toEqual({
      eventType: 'scheduler_registered_event',
      timestamp: expect.any(String),
      frameworkId: expect.stringMatching(/-0000$/),
      master: 'fake-master',
    });
    late.disconnect();
    await events.next('scheduler_reregistered_event');
  });

  test('an error of the master ends the leader with 106', async () => {
    const marathon = await another();
    await marathon.service.ready;
    master.send({ type: 'ERROR', error: { message: 'Framework failed over' } });
    expect((await marathon.service.exited).code).toBe(106);
  });

  test('a master that has forgotten the framework: tasks that are gone are replaced, each once', async () => {
    const first = await another({ reconciliation_initial_delay: 50 });
    await first.service.ready;
    await deploy(first);
    await first.stop();
    await master.close();
    // A master without the registry of the last one, on agents that were wiped.
    master = await startFakeMaster();
    const second = await another({ reconciliation_initial_delay: 50 });
    await second.service.ready;
    await master.until(() => master.running('/web').length === instances);
    await expect.poll(async () => (await second.app('/web')).tasksRunning).toBe(instances);
    expect(master.tasks.size).toBe(instances);
    expect((await second.app('/web')).tasks).toHaveLength(instances);
  });

  test('reconciliation in the middle of launching repeats no launch', async () => {
    const marathon = await another({ reconciliation_initial_delay: 5, reconciliation_interval: 5 });
    await marathon.service.ready;
    const app = (i: number) => ({ id: `/many/app-${i}`, cmd: 'sleep 1', ...small, instances: 5 });
    await Promise.all(Array.from({ length: 20 }, (_, i) => marathon.call('POST', '/v2/apps', app(i))));
    await expect.poll(() => marathon.deployments()).toEqual([]);
    expect(master.running()).toHaveLength(100);
    expect(master.tasks.size).toBe(100);
  });

  test('a framework that was removed for good registers as a new one, and its apps run again', async () => {
    const first = await another();
    await first.service.ready;
    await deploy(first);
    await first.stop();
    await master.close();
    master = await startFakeMaster();
    master.refuseFrameworks('Framework has been removed');
    const second = await another();
    expect((await second.service.exited).code).toBe(110);
    master.refuseFrameworks(undefined);
    const third = await another({ reconciliation_initial_delay: 50 });
    await third.service.ready;
    const subscribe = master.calls.findLast(({ type }) => type === 'SUBSCRIBE');
    expect(subscribe?.framework_id).toBeUndefined();
    await master.until(() => master.running('/web').length === instances);
    await expect.poll(async () => (await third.app('/web')).tasksRunning).toBe(instances);
    expect(master.tasks.size).toBe(instances);
  });
});

describe('a clock that jumps in the middle of an upgrade', () => {
  for (const [way, jump] of [
    ['an hour forwards', 3_600_000],
    ['an hour backwards', -3_600_000],
  ] as const)
    test(way, async () => {
      let offset = 0;
      const marathon = await another({}, { ...systemClock, now: () => systemClock.now() + offset });
      await marathon.service.ready;
      await deploy(marathon);
      const seen = sample();
      letRun(3);
      const id = await upgrade(marathon);
      await halfway();
      offset = jump;
      letAllRun();
      await finished(marathon, id, seen);
      // A later change is a later version, whatever the clock says.
      const before = (await marathon.app('/web')).version;
      await marathon.call('PUT', '/v2/apps/web', { instances: 1 });
      expect((await marathon.app('/web')).version > before).toBe(true);
      await master.until(() => master.running('/web').length === 1);
      // Failures still delay the next launch by a second, not by an hour.
      const [task] = fresh();
      master.update(task!.info.task_id.value, 'TASK_FAILED');
      await master.until(() => master.running('/web').length === 1);
    });
});
