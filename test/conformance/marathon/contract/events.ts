import { createServer } from 'node:http';
import { expect } from 'vitest';
import { type Area, type Fact, small, timestamp, uuid, type World } from './fact.ts';

const eventsTest = 'conformance/marathon/events.test.ts';

const plan = { id: uuid, version: timestamp, steps: expect.any(Array) };
const version = timestamp;
const text = expect.any(String);
const healthCheck = expect.objectContaining({ protocol: 'HTTP' });

/** Everything that a healthy and then unhealthy app makes happen, once for all facts. */
let life: Promise<string> | undefined;
async function live({ ask, run, fresh, events, deployed }: World): Promise<string> {
  let status = 200;
  const server = createServer((_request, response) => response.writeHead(status).end());
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as { port: number };
  const healthChecks = [{ protocol: 'HTTP', path: '/', port, intervalSeconds: 1, maxConsecutiveFailures: 1 }];
  const app = await run({ id: `${fresh()}/a`, healthChecks });
  status = 500;
  await events.next('unhealthy_instance_kill_event', (data) => data.appId === app.id);
  await deployed(await ask('DELETE', `/v2/apps${app.id}`));
  server.closeAllConnections();
  server.close();
  return app.id;
}

/** An event that such a life brings, with all its fields. */
function lived(
  type: string,
  fields: Record<string, unknown>,
  which: (data: Record<string, unknown>, id: string) => boolean,
): Fact {
  return {
    fact: `\`${type}\``,
    async run(world) {
      life ??= live(world);
      const id = await life;
      const { data } = await world.events.next(type, (each) => which(each, id));
      expect(data).toEqual({ eventType: type, timestamp, ...fields });
    },
  };
}

export const events: Area = {
  title: 'Events',
  facts: [
    {
      fact: 'without `Accept: text/event-stream`: 405',
      path: '/v2/events',
      status: 405,
    },
    {
      fact: 'framing: `event:`, `data:`, empty line; the subscriber’s own arrival first',
      file: eventsTest,
      title: 'a subscriber sees its own arrival first, in the framing of server-sent events',
    },
    { fact: '`event_type` filters, and may be repeated', file: eventsTest, title: 'only the asked for types' },
    { fact: 'an empty line every 10 s', file: 'unit/marathon/events.test.ts', title: 'a silent stream is kept alive' },
    {
      fact: 'who is more than 1024 events behind is dropped; others go on',
      file: eventsTest,
      title: 'a subscriber that does not read is dropped; others go on',
    },
    {
      fact: 'a thousand subscribers',
      file: 'conformance/marathon/hostile.test.ts',
      title: 'a thousand subscribers hear of everything',
    },
    {
      fact: 'streams end with the leadership',
      file: 'conformance/marathon/faults.test.ts',
      title: 'event streams end when the leadership does',
    },
    {
      fact: '`api_post_event`',
      async run({ ask, fresh, events }) {
        const id = `${fresh()}/a`;
        await ask('POST', '/v2/apps', { ...small, id, instances: 0 });
        const { data } = await events.next(
          'api_post_event',
          (each) => (each.appDefinition as { id: string }).id === id,
        );
        expect(data).toEqual({
          eventType: 'api_post_event',
          timestamp,
          clientIp: '127.0.0.1',
          uri: '/v2/apps',
          appDefinition: expect.objectContaining({ id, instances: 0, cmd: small.cmd }),
        });
      },
    },
    {
      fact: '`api_post_event` of PUT and PATCH on one app',
      async run({ ask, define, events }) {
        const { id } = await define(small);
        for (const [method, mem] of [
          ['PUT', 21],
          ['PATCH', 22],
        ] as const) {
          await ask(method, `/v2/apps${id}`, { mem });
          await events.next('api_post_event', ({ uri, appDefinition }) => {
            const app = appDefinition as { id: string; mem: number };
            return uri === `/v2/apps${id}` && app.id === id && app.mem === mem;
          });
        }
      },
    },
    lived(
      'status_update_event',
      {
        slaveId: expect.stringMatching(/^agent-\d$/),
        taskId: text,
        taskStatus: 'TASK_RUNNING',
        message: '',
        appId: text,
        host: expect.stringMatching(/^127\.0\.0\.\d$/),
        ipAddresses: [{ ipAddress: text, protocol: 'IPv4' }],
        ports: [expect.any(Number)],
        version,
      },
      (data, id) => data.appId === id && data.taskStatus === 'TASK_RUNNING',
    ),
    lived(
      'instance_changed_event',
      {
        instanceId: text,
        condition: 'Running',
        runSpecId: text,
        agentId: text,
        host: text,
        runSpecVersion: version,
      },
      (data, id) => data.runSpecId === id && data.condition === 'Running',
    ),
    lived(
      'instance_health_changed_event',
      { instanceId: text, runSpecId: text, healthy: true, runSpecVersion: version },
      (data, id) => data.runSpecId === id && data.healthy === true,
    ),
    lived(
      'health_status_changed_event',
      { appId: text, instanceId: text, version, alive: false },
      (data, id) => data.appId === id && data.alive === false,
    ),
    lived(
      'failed_health_check_event',
      { appId: text, taskId: expect.stringMatching(/\.instance-[0-9a-f-]{36}$/), healthCheck },
      (data, id) => data.appId === id,
    ),
    lived(
      'unhealthy_instance_kill_event',
      { appId: text, taskId: text, instanceId: text, version, reason: text, host: text, slaveId: text },
      (data, id) => data.appId === id,
    ),
    lived('add_health_check_event', { appId: text, version, healthCheck }, (data, id) => data.appId === id),
    lived('remove_health_check_event', { appId: text }, (data, id) => data.appId === id),
    lived('app_terminated_event', { appId: text }, (data, id) => data.appId === id),
    ...['deployment_info', 'deployment_step_success'].map((type) =>
      lived(type, { plan, currentStep: { actions: expect.any(Array) } }, (data, id) =>
        JSON.stringify(data.plan).includes(id),
      ),
    ),
    lived('deployment_success', { id: uuid, plan }, (data, id) => JSON.stringify(data.plan).includes(id)),
    lived('group_change_success', { groupId: text, version }, (data, id) => data.groupId === id),
    {
      fact: '`deployment_failed`, `deployment_step_failure`',
      async run({ ask, fresh, behave, events }) {
        const group = fresh();
        behave(group, ['TASK_STARTING']);
        const { deploymentId } = (await ask<{ deploymentId: string }>('PUT', `/v2/apps${group}/a`, small)).json;
        await ask('DELETE', `/v2/apps${group}/a`);
        const { data } = await events.next('deployment_failed', ({ id }) => id === deploymentId);
        expect(data).toEqual({ eventType: 'deployment_failed', timestamp, id: deploymentId, plan, reason: text });
        const step = await events.next(
          'deployment_step_failure',
          (each) => (each.plan as { id: string }).id === deploymentId,
        );
        expect(step.data).toEqual({
          eventType: 'deployment_step_failure',
          timestamp,
          plan,
          currentStep: { actions: [{ action: 'ScaleApplication', app: `${group}/a` }] },
        });
      },
    },
    {
      fact: '`group_change_failed`',
      async run({ ask, fresh, events }) {
        const group = fresh();
        await ask('PUT', `/v2/groups${group}`, { apps: [{ id: 'a', ...small, dependencies: ['a'] }] }, 422);
        const { data } = await events.next('group_change_failed', ({ groupId }) => groupId === group);
        expect(data).toEqual({ eventType: 'group_change_failed', timestamp, groupId: group, version, reason: text });
      },
    },
    {
      fact: '`unknown_instance_terminated_event`',
      async run({ master, events }) {
        const id = 'nobody.instance-8ac7bc16-6a5a-11e9-a6b8-0a0027000000';
        master.send({
          type: 'UPDATE',
          update: {
            status: { task_id: { value: `${id}._app.1` }, state: 'TASK_FAILED', agent_id: { value: 'agent-1' } },
          },
        });
        const { data } = await events.next('unknown_instance_terminated_event', ({ instanceId }) => instanceId === id);
        expect(data).toEqual({
          eventType: 'unknown_instance_terminated_event',
          timestamp,
          instanceId: id,
          runSpecId: '/nobody',
          condition: 'Failed',
        });
      },
    },
    {
      fact: '`event_stream_attached`, `event_stream_detached`',
      async run({ marathon, events }) {
        const before = events.all.length;
        const mine = await marathon.events();
        mine.close();
        for (const type of ['event_stream_attached', 'event_stream_detached']) {
          const { data } = await events.next(
            type,
            (each) => events.all.findIndex((one) => one.data === each) >= before,
          );
          expect(data).toEqual({ eventType: type, timestamp, remoteAddress: '127.0.0.1' });
        }
      },
    },
    {
      fact: '`scheduler_disconnected_event`, `scheduler_reregistered_event`',
      async run(world) {
        const { master, events } = await world.with({ max_instances_per_offer: 2 });
        master.disconnect();
        expect((await events.next('scheduler_disconnected_event')).data).toEqual({
          eventType: 'scheduler_disconnected_event',
          timestamp,
        });
        expect((await events.next('scheduler_reregistered_event')).data).toEqual({
          eventType: 'scheduler_reregistered_event',
          timestamp,
          master: 'fake-master',
        });
      },
    },
    {
      fact: '`scheduler_registered_event`',
      file: 'conformance/marathon/faults.test.ts',
      title: 'the first registration is told',
    },
    {
      fact: '`framework_message_event`: bytes as numbers',
      async run({ master, events }) {
        master.send({
          type: 'MESSAGE',
          message: {
            agent_id: { value: 'agent-1' },
            executor_id: { value: 'e' },
            data: Buffer.from([104, 105]).toString('base64'),
          },
        });
        expect((await events.next('framework_message_event')).data).toEqual({
          eventType: 'framework_message_event',
          timestamp,
          slaveId: 'agent-1',
          executorId: 'e',
          message: [104, 105],
        });
      },
    },
    { fact: '`subscribe_event`, `unsubscribe_event`', missing: 'callbacks are gone in 1.11' },
  ],
};
