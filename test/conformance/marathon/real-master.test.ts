import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Offer, Resource, SchedulerCall, SchedulerEvent } from '../../../src/protocols/mesos/types.ts';
import { encodeRecord } from '../../../src/protocols/recordio.ts';
import {
  type MarathonForTests,
  startMarathon,
  startZooKeeper,
  type ZooKeeperForTests,
  zooKeeperClient,
} from './harness.ts';

/** What a real Mesos 1.12 master exchanged with schedulers, recorded; played to Marathon in the master's place. */
type Entry =
  | { dir: 'request'; body: SchedulerCall }
  | { dir: 'call'; body: SchedulerCall }
  | { dir: 'event'; event: SchedulerEvent }
  | { dir: 'response' | 'stream-closed' };

function recording(name: string) {
  const file = new URL(`../../fixtures/golden/marathon/${name}.json`, import.meta.url);
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as Entry[];
  const events = recorded.flatMap((entry) => (entry.dir === 'event' ? [entry.event] : []));
  return {
    events,
    calls: recorded.flatMap((entry) => (entry.dir === 'call' || entry.dir === 'request' ? [entry.body] : [])),
    offers: events.find((event) => event.type === 'OFFERS'),
    /** Statuses of the task with this id, in the order in which they came. */
    statuses: (taskId: string) =>
      events.flatMap((event) =>
        event.type === 'UPDATE' && event.update.status.task_id.value === taskId ? [event.update.status] : [],
      ),
  };
}

/** Answers a subscription as it was recorded, and says what it is told to. */
async function startPlayer({ events, offers }: ReturnType<typeof recording>) {
  const received: SchedulerCall[] = [];
  const streams = new Set<ServerResponse>();
  const player = {
    received,
    address: '',
    onCall: (_call: SchedulerCall) => {},
    send(event: SchedulerEvent) {
      for (const stream of streams) stream.write(encodeRecord(JSON.stringify(event)));
    },
    /** Sends statuses as they were recorded, for another task. */
    say(statuses: ReturnType<ReturnType<typeof recording>['statuses']>, taskId: string) {
      for (const status of statuses)
        player.send({ type: 'UPDATE', update: { status: { ...status, task_id: { value: taskId } } } });
    },
    /** The id of the task that was launched first. */
    taskId: () =>
      received.find(({ type }) => type === 'ACCEPT')?.accept?.operations?.[0]?.launch?.task_infos[0]?.task_id.value,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    request.on('end', () => {
      const call = JSON.parse(text) as SchedulerCall;
      received.push(call);
      if (call.type !== 'SUBSCRIBE') {
        response.writeHead(202).end();
        if (call.type === 'REVIVE' && offers) player.send(offers);
        return player.onCall(call);
      }
      streams.add(response);
      response.once('close', () => streams.delete(response));
      response.writeHead(200, { 'Content-Type': 'application/json', 'Mesos-Stream-Id': 'recorded' });
      for (const event of events.slice(0, 2)) response.write(encodeRecord(JSON.stringify(event)));
      if (events[0]?.type === 'ERROR') response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  player.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return player;
}

let zk: ZooKeeperForTests;
let player: Awaited<ReturnType<typeof startPlayer>>;
let marathon: MarathonForTests;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  zk = await startZooKeeper();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await zk.close();
});

async function play(recorded: ReturnType<typeof recording>, flags: Record<string, string | number> = {}) {
  player = await startPlayer(recorded);
  closers.push(() => player.close());
  marathon = await startMarathon(zk, player.address, flags);
  closers.push(() => marathon.stop());
}

/** Calls of the public API, and the members that each may have besides its own. */
const publicCalls = new Set(
  ['SUBSCRIBE', 'TEARDOWN', 'ACCEPT', 'DECLINE', 'REVIVE', 'SUPPRESS', 'KILL', 'SHUTDOWN', 'ACKNOWLEDGE'].concat([
    'ACKNOWLEDGE_OPERATION_STATUS',
    'RECONCILE',
    'RECONCILE_OPERATIONS',
    'MESSAGE',
    'REQUEST',
    'UPDATE_FRAMEWORK',
  ]),
);

function onlyPublicCalls() {
  for (const call of player.received) {
    expect(publicCalls).toContain(call.type);
    const members = Object.keys(call).filter((name) => name !== 'type' && name !== 'framework_id');
    expect([[], [call.type.toLowerCase()]]).toContainEqual(members);
    if (call.type !== 'SUBSCRIBE') expect(call.framework_id?.value).toMatch(/-\d{4}$/);
  }
}

const once = { cpus: 0.1, mem: 64, backoffSeconds: 3000, maxLaunchDelaySeconds: 3600 };

const keys = (value: object) => Object.keys(value).sort();

test('calls have the form that the real master took, and its updates are understood', async () => {
  const recorded = recording('01-command-finished');
  const { received } = await play(recorded).then(() => player);
  const updates = recorded.events.filter((event) => event.type === 'UPDATE');
  player.onCall = (call) => {
    if (call.type === 'ACCEPT')
      player.say(
        updates.slice(0, 3).map((event) => event.update.status),
        player.taskId()!,
      );
  };
  await marathon.call('POST', '/v2/apps', {
    id: '/ok',
    cmd: 'echo hello out; exit 0',
    cpus: 0.1,
    mem: 64,
    backoffSeconds: 3000,
    maxLaunchDelaySeconds: 3600,
  });
  const uuids = updates.slice(0, 3).map((event) => event.update.status.uuid);
  await expect
    .poll(() =>
      received
        .filter(({ type }) => type === 'ACKNOWLEDGE')
        .map((call) => call.acknowledge?.uuid)
        .sort(),
    )
    .toEqual([...uuids].sort());

  const theirs = recorded.calls.find(({ type }) => type === 'ACCEPT')!;
  const ours = received.find(({ type }) => type === 'ACCEPT')!;
  expect(keys(ours)).toEqual(keys(theirs));
  const offers = (recorded.offers as { offers: { offers: Offer[] } }).offers.offers;
  const offer = offers.find(({ id }) => id.value === ours.accept!.offer_ids[0]!.value)!;
  const [task] = ours.accept!.operations![0]!.launch!.task_infos;
  expect(task?.agent_id).toEqual(offer.agent_id);
  // Every resource is taken as it was offered: of the same role and allocation.
  for (const resource of task?.resources ?? []) {
    const offered = offer.resources.find(({ name }) => name === resource.name) as Resource;
    expect(resource).toMatchObject({ type: offered.type, allocation_info: offered.allocation_info });
    expect(resource.role ?? '*').toBe('*');
  }
  const refused = received.find(({ type }) => type === 'DECLINE')!;
  expect(keys(refused)).toEqual(keys(recorded.calls.find(({ type }) => type === 'DECLINE')!));
  expect(refused.decline!.offer_ids).toHaveLength(offers.length - 1);

  const subscribe = received.find(({ type }) => type === 'SUBSCRIBE')!;
  expect(subscribe.subscribe!.framework_info).toMatchObject({
    name: 'marathon',
    roles: ['*'],
    failover_timeout: 604800,
    checkpoint: true,
    capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'REGION_AWARE' }, { type: 'MULTI_ROLE' }],
  });
  const tasks = await marathon.call<{ queue: object[] }>('GET', '/v2/queue');
  expect(tasks.json.queue).toMatchObject([{ count: 1, app: { id: '/ok' } }]);
  onlyPublicCalls();
});

test('a failure is told and remembered in the words of the real master', async () => {
  const recorded = recording('02-command-failed');
  await play(recorded);
  player.onCall = (call) => {
    if (call.type === 'ACCEPT') player.say(recorded.statuses('fail-1'), player.taskId()!);
  };
  await marathon.call('POST', '/v2/apps', { id: '/fails', cmd: 'exit 3', ...once });
  const last = recorded.statuses('fail-1').at(-1);
  await expect
    .poll(async () => (await marathon.app('/fails')).lastTaskFailure)
    .toMatchObject({ state: 'TASK_FAILED', message: last?.message, slaveId: last?.agent_id?.value });
  onlyPublicCalls();
});

test('health and ends by Mesos’ own checks', async () => {
  const recorded = recording('04-health-and-generic-checks');
  await play(recorded);
  const statuses = recorded.statuses('hc-cmd');
  const healthy = statuses.findIndex((status) => status.healthy === true);
  player.onCall = (call) => {
    if (call.type === 'ACCEPT') player.say(statuses.slice(0, healthy + 1), player.taskId()!);
  };
  const healthChecks = [{ protocol: 'COMMAND', command: { value: 'true' } }];
  const created = await marathon.call<{ deployments: { id: string }[] }>('POST', '/v2/apps', {
    id: '/checked',
    cmd: 'sleep 100',
    healthChecks,
    ...once,
  });
  await marathon.deployed(created.json.deployments[0]?.id);
  expect(await marathon.app('/checked')).toMatchObject({ tasksRunning: 1, tasksHealthy: 1, tasksUnhealthy: 0 });
  const events = await marathon.events();
  player.say(statuses.slice(healthy + 1), player.taskId()!);
  await events.next('health_status_changed_event', ({ alive }) => alive === false);
  await events.next('instance_changed_event', ({ condition }) => condition === 'Killing');
  await events.next('instance_changed_event', ({ condition }) => condition === 'Killed');
  await expect.poll(async () => (await marathon.app('/checked')).tasksRunning).toBe(0);
  onlyPublicCalls();
});

test('a KILL has the recorded form, and its updates end the instance', async () => {
  const recorded = recording('05-kill');
  await play(recorded);
  const statuses = recorded.statuses('kill-3');
  const running = statuses.findIndex(({ state }) => state === 'TASK_RUNNING');
  player.onCall = (call) => {
    if (call.type === 'ACCEPT') player.say(statuses.slice(0, running + 1), player.taskId()!);
    if (call.type === 'KILL') player.say(statuses.slice(running + 1), player.taskId()!);
  };
  const created = await marathon.call<{ deployments: { id: string }[] }>('POST', '/v2/apps', {
    id: '/ended',
    cmd: 'sleep 100',
    ...once,
  });
  await marathon.deployed(created.json.deployments[0]?.id);
  const removed = await marathon.call<{ deploymentId: string }>('DELETE', '/v2/apps/ended');
  await marathon.deployed(removed.json.deploymentId);
  const ours = player.received.find(({ type }) => type === 'KILL');
  const theirs = recorded.calls.find((call) => call.type === 'KILL' && call.kill?.kill_policy === undefined);
  expect(keys(ours!.kill!)).toEqual(keys(theirs!.kill!));
  onlyPublicCalls();
});

test('what the real master answers to a framework that was torn down ends the leader with 110', async () => {
  await play(recording('11-failover-resubscribe-after-teardown'));
  expect((await marathon.service.exited).code).toBe(110);
});

describe('MARATHON_MASTER=zk://…', () => {
  test('the leading master is found in the znodes, and the next one when it is gone', async () => {
    const recorded = recording('01-command-finished');
    const players = [await startPlayer(recorded), await startPlayer(recorded)];
    for (const one of players) closers.push(() => one.close());
    const client = zooKeeperClient(zk.address, closers);
    // As the real masters wrote it, but for the addresses. Every candidate is there; the lowest number leads.
    const info = (address: string, id: string) => {
      const [host, port] = address.split(':');
      return Buffer.from(
        JSON.stringify({
          address: { hostname: host, ip: host, port: Number(port) },
          capabilities: [{ type: 'AGENT_UPDATE' }, { type: 'AGENT_DRAINING' }, { type: 'QUOTA_V2' }],
          hostname: host,
          id,
          ip: 16777343,
          pid: `master@${address}`,
          port: Number(port),
          version: '1.12.0',
        }),
      );
    };
    await client.create('/mesos', Buffer.alloc(0), { mode: 'persistent' });
    await client.create('/mesos/log_replicas', Buffer.alloc(0), { mode: 'persistent' });
    await client.create('/mesos/json.info_0000000002', info('127.0.0.1:1', 'third'), { mode: 'persistent' });
    await client.create('/mesos/json.info_0000000001', info(players[1]!.address, 'second'), { mode: 'persistent' });
    await client.create('/mesos/json.info_0000000000', info(players[0]!.address, 'first'), { mode: 'persistent' });
    marathon = await startMarathon(zk, `zk://${zk.address}/mesos`);
    closers.push(() => marathon.stop());
    await marathon.service.ready;
    expect(players.map(({ received }) => received.filter(({ type }) => type === 'SUBSCRIBE').length)).toEqual([1, 0]);

    const events = await marathon.events();
    await client.delete('/mesos/json.info_0000000000');
    await events.next('scheduler_reregistered_event');
    const again = players[1]!.received.find(({ type }) => type === 'SUBSCRIBE');
    expect(again?.framework_id?.value).toMatch(/-\d{4}$/);
  });
});
