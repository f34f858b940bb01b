import { afterEach, expect, it } from 'vitest';
import { fromProtobuf, toProtobuf } from '../../../src/protocols/mesos/protobuf-form.ts';
import type { SchedulerCall, SchedulerEvent } from '../../../src/protocols/mesos/types.ts';
import { createRecordDecoder } from '../../../src/protocols/recordio.ts';
import { httpStream } from '../../../src/support/http-client.ts';
import { startMaster, type TestMaster } from './harness.ts';

let master: TestMaster;
afterEach(() => master.stop());

const protobuf = 'application/x-protobuf';

it('a scheduler that speaks protobuf, as mesos-go does, is served like one that speaks JSON', async () => {
  master = await startMaster();
  const agent = await master.agent({ hostname: 'node-1' });
  const response = await httpStream(master.url('/api/v1/scheduler'), {
    method: 'POST',
    headers: { 'Content-Type': protobuf, Accept: protobuf },
    body: toProtobuf('scheduler.Call', {
      type: 'SUBSCRIBE',
      subscribe: { framework_info: { user: 'me', name: 'f', capabilities: [{ type: 'MULTI_ROLE' }], roles: ['*'] } },
    } satisfies SchedulerCall),
  });
  expect([response.statusCode, response.headers['content-type']]).toEqual([200, protobuf]);
  const events: SchedulerEvent[] = [];
  response.on(
    'data',
    createRecordDecoder((record) => events.push(fromProtobuf('scheduler.Event', record))),
  );
  response.on('error', () => {});
  const offer = await master.until('an offer', () =>
    events.flatMap((event) => (event.type === 'OFFERS' ? event.offers.offers : [])).at(0),
  );
  expect(events[0]).toMatchObject({ type: 'SUBSCRIBED', subscribed: { heartbeat_interval_seconds: 15 } });
  expect(offer).toMatchObject({ hostname: 'node-1', attributes: [{ name: 'node', text: { value: 'node-1' } }] });

  const call = (body: SchedulerCall) =>
    master.request('/api/v1/scheduler', {
      method: 'POST',
      headers: { 'Content-Type': protobuf, 'Mesos-Stream-Id': String(response.headers['mesos-stream-id']) },
      body: toProtobuf('scheduler.Call', { ...body, framework_id: offer.framework_id }),
    });
  const reply = await call({
    type: 'ACCEPT',
    accept: {
      offer_ids: [offer.id],
      operations: [
        {
          type: 'LAUNCH',
          launch: {
            task_infos: [
              {
                name: 't',
                task_id: { value: 't' },
                agent_id: offer.agent_id,
                command: { value: 'true' },
                resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.5 } }],
              },
            ],
          },
        },
      ],
    },
  });
  expect([reply.status, reply.body.toString()]).toEqual([202, '']);
  await master.until('the launch', () => agent.received.some(({ type }) => type === 'LAUNCH'));
  const uuid = Buffer.alloc(16, 7).toString('base64');
  await agent.say({
    type: 'UPDATE',
    framework_id: offer.framework_id,
    status: { task_id: { value: 't' }, state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', uuid, timestamp: 1.5 },
  });
  const update = await master.until('the update', () => events.find(({ type }) => type === 'UPDATE'));
  expect(update).toEqual({
    type: 'UPDATE',
    update: {
      status: {
        task_id: { value: 't' },
        state: 'TASK_RUNNING',
        source: 'SOURCE_EXECUTOR',
        agent_id: offer.agent_id,
        uuid,
        timestamp: 1.5,
      },
    },
  });
  await call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id: offer.agent_id, task_id: { value: 't' }, uuid } });
  await master.until('the acknowledgement', () => agent.received.some(({ type }) => type === 'ACKNOWLEDGE'));
  response.destroy();
});

it('bytes that are no protobuf are refused', async () => {
  master = await startMaster();
  const reply = await master.request('/api/v1/scheduler', {
    method: 'POST',
    headers: { 'Content-Type': protobuf },
    body: 'nonsense',
  });
  expect([reply.status, reply.body.toString()]).toEqual([400, 'Failed to parse body into Call protobuf']);
});
