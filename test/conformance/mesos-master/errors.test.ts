import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpReply } from '../../../src/support/http-client.ts';
import { golden, startMaster, type TestMaster } from './harness.ts';

interface RecordedError {
  title: string;
  request: string[];
  response_head: string[];
  response_body_raw: string;
}

let master: TestMaster;
let frameworkId: string;

beforeAll(async () => {
  master = await startMaster(['--advertise_ip=172.31.77.11', '--advertise_port=5050']);
  const scheduler = await master.subscribe({
    type: 'SUBSCRIBE',
    subscribe: { framework_info: { user: 'root', name: 'web' } },
  });
  const [subscribed] = await master.until('SUBSCRIBED', () => scheduler.events.length > 0 && scheduler.events);
  if (subscribed?.type !== 'SUBSCRIBED') throw new Error('not subscribed');
  frameworkId = subscribed.subscribed.framework_id.value;
});
afterAll(() => master.stop());

const recorded = golden<RecordedError[]>('errors/leader-and-agent.json').filter(
  ({ title, request }) => !title.startsWith('agent') && request.some((line) => line === 'Host: node-1:5050'),
);

/** Sends the request as it was recorded, with today's framework id. */
async function send({ request }: RecordedError): Promise<HttpReply> {
  const [method, path] = request[0]!.split(' ') as [string, string];
  const headers: Record<string, string> = {};
  for (const line of request.slice(1)) {
    const [, name, value] = /^([\w-]+): (.*)$/.exec(line) ?? [];
    if (name && value !== undefined && name !== 'Content-Length') headers[name] = value;
  }
  const blank = request.indexOf('');
  const body = request
    .slice(blank + 1)
    .join('\r\n')
    .replaceAll(/[0-9a-f-]{36}-0014/g, frameworkId);
  return master.request(path, { method, headers, ...(method === 'POST' ? { body } : {}) });
}

const withoutTheDay = (text: string) => text.replaceAll(/[0-9a-f-]{36}-\d{4}/g, '(framework)');

describe('what the leading master refuses, it refuses in the words of the real one', () => {
  const refusals = recorded.filter(({ response_head }) => !response_head[0]!.includes(' 200 '));

  it('has recordings', () => {
    expect(refusals.length).toBeGreaterThan(20);
  });

  it.each(refusals.map((entry) => [entry.title, entry] as const))('%s', async (_title, entry) => {
    const reply = await send(entry);
    const header = (name: string) =>
      entry.response_head.find((line) => line.toLowerCase().startsWith(`${name}: `))?.slice(name.length + 2);
    expect([reply.status, withoutTheDay(reply.body.toString())]).toEqual([
      Number(entry.response_head[0]!.split(' ')[1]),
      withoutTheDay(entry.response_body_raw),
    ]);
    for (const name of ['content-type', 'allow', 'location']) expect(reply.headers[name]).toBe(header(name));
  });
});

describe('what the leading master accepts', () => {
  const answers = recorded.filter(
    ({ response_head, title }) => response_head[0]!.includes(' 200 ') && !title.includes('role and MULTI_ROLE'),
  );

  it.each(answers.map((entry) => [entry.title, entry] as const))('%s', async (_title, entry) => {
    const reply = await send(entry);
    expect(reply.status).toBe(200);
    const type = entry.response_head.find((line) => line.startsWith('Content-Type: '))?.slice('Content-Type: '.length);
    if (type === undefined) expect(reply.body.length).toBe(0);
    else expect(String(reply.headers['content-type'])).toContain(type);
  });

  it('wraps JSON for ?jsonp', async () => {
    const reply = await master.request('/version?jsonp=cb');
    expect(reply.body.toString()).toMatch(/^cb\(\{.*\}\)$/);
  });

  it('answers a subscription that it refuses with an ERROR event, and ends the stream', async () => {
    const scheduler = await master.subscribe({
      type: 'SUBSCRIBE',
      subscribe: {
        framework_info: { user: 'root', name: 'x', role: 'a', capabilities: [{ type: 'MULTI_ROLE' }] },
      },
    });
    await master.until('the end of the stream', () => scheduler.ended);
    expect(scheduler.events).toEqual([
      {
        type: 'ERROR',
        error: { message: "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable" },
      },
    ]);
  });
});

describe('malformed input', () => {
  it.each([
    ['an array', '[]', 'Failed to convert JSON into Call protobuf: Expecting a JSON object'],
    ['a number', '5', 'Failed to convert JSON into Call protobuf: Expecting a JSON object'],
    [
      'missing fields',
      '{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"x"}}}',
      'Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info.name',
    ],
    [
      'a wrong type',
      '{"type":"ACCEPT","framework_id":{"value":"x"},"accept":{"offer_ids":"all"}}',
      "Failed to convert JSON into Call protobuf: Not expecting a JSON string for field 'offer_ids'",
    ],
    [
      'a task that is none',
      '{"type":"ACCEPT","framework_id":{"value":"x"},"accept":{"offer_ids":[],"operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":"a"}]}}]}}',
      'Failed to convert JSON into Call protobuf: Missing required fields: accept.operations[0].launch.task_infos[0].task_id, accept.operations[0].launch.task_infos[0].agent_id',
    ],
  ])('to the scheduler API: %s', async (_name, body, message) => {
    const reply = await master.request('/api/v1/scheduler', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
    expect([reply.status, reply.body.toString()]).toEqual([400, message]);
  });

  it('to the link of the agents changes nothing', async () => {
    const bodies = ['', '{', '[]', 'null', '{"type":"SUBSCRIBE"}', '{"type":"UPDATE"}', '{"type":"PONG"}'];
    for (const body of bodies) {
      const reply = await master.request('/internal/agent', { method: 'POST', body });
      expect([202, 400, 403]).toContain(reply.status);
    }
    expect((await master.json<{ slaves: unknown[] }>('/slaves')).slaves).toEqual([]);
  });

  it('from another web page is refused', async () => {
    const foreign = { method: 'POST', headers: { Origin: 'http://evil.example', 'Content-Type': 'application/json' } };
    expect((await master.request('/api/v1', { ...foreign, body: '{"type":"GET_HEALTH"}' })).status).toBe(403);
    expect((await master.request('/state', { headers: { Host: 'evil.example' } })).status).toBe(403);
    expect((await master.request('/state', { headers: { Host: 'leader.mesos:5050' } })).status).toBe(200);
  });
});
