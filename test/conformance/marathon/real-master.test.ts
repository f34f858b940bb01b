import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Offer, Resource, SchedulerCall, SchedulerEvent } from '../../../src/protocols/mesos/types.ts';
import { encodeRecord } from '../../../src/protocols/recordio.ts';
import { type MarathonForTests, startMarathon, startZooKeeper, type ZooKeeperForTests } from './harness.ts';

/** What a real Mesos 1.12 master exchanged with a scheduler, recorded; played to Marathon in the master's place. */
type Entry =
  | { dir: 'request'; body: SchedulerCall }
  | { dir: 'call'; body: SchedulerCall }
  | { dir: 'event'; event: SchedulerEvent }
  | { dir: 'response' | 'stream-closed' };

const recorded = JSON.parse(
  readFileSync(new URL('../../fixtures/golden/marathon/01-command-finished.json', import.meta.url), 'utf8'),
) as Entry[];
const events = recorded.flatMap((entry) => (entry.dir === 'event' ? [entry.event] : []));
const calls = recorded.flatMap((entry) => (entry.dir === 'call' || entry.dir === 'request' ? [entry.body] : []));
const firstOffers = events.find((event) => event.type === 'OFFERS')!;
const updates = events.filter((event) => event.type === 'UPDATE');

let zk: ZooKeeperForTests;
let server: Server;
let marathon: MarathonForTests;
let stream: ServerResponse;
const received: SchedulerCall[] = [];
let onCall: (call: SchedulerCall) => void = () => {};

const send = (event: SchedulerEvent) => stream.write(encodeRecord(JSON.stringify(event)));

beforeEach(async () => {
  zk = await startZooKeeper();
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    request.on('end', () => {
      const call = JSON.parse(text) as SchedulerCall;
      received.push(call);
      if (call.type !== 'SUBSCRIBE') {
        response.writeHead(202).end();
        return onCall(call);
      }
      stream = response;
      response.writeHead(200, { 'Content-Type': 'application/json', 'Mesos-Stream-Id': 'recorded' });
      for (const event of events.slice(0, 2)) send(event);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  marathon = await startMarathon(zk, `127.0.0.1:${(server.address() as AddressInfo).port}`);
  await marathon.service.ready;
});
afterEach(async () => {
  await marathon.stop();
  server.closeAllConnections();
  server.close();
  await zk.close();
});

const keys = (value: object) => Object.keys(value).sort();

test('calls have the form that the real master took, and its updates are understood', async () => {
  onCall = (call) => {
    if (call.type === 'REVIVE') send(firstOffers);
    if (call.type !== 'ACCEPT') return;
    const taskId = call.accept!.operations![0]!.launch!.task_infos[0]!.task_id;
    for (const event of updates.slice(0, 3))
      send({ type: 'UPDATE', update: { status: { ...event.update.status, task_id: taskId } } });
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

  const theirs = calls.find(({ type }) => type === 'ACCEPT')!;
  const ours = received.find(({ type }) => type === 'ACCEPT')!;
  expect(keys(ours)).toEqual(keys(theirs));
  const offers = (firstOffers as { offers: { offers: Offer[] } }).offers.offers;
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
  expect(keys(refused)).toEqual(keys(calls.find(({ type }) => type === 'DECLINE')!));
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
});
