import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAll } from './harness.ts';

let all: Awaited<ReturnType<typeof startAll>>;
beforeAll(async () => {
  all = await startAll({ http_event_stream_max_outstanding_messages: 100 });
});
afterAll(() => all.close());

const app = (id: string) => ({ id, cmd: 'sleep 1', instances: 0 });

test('a subscriber sees its own arrival first, in the framing of server-sent events', async () => {
  const { host, port } = { host: '127.0.0.1', port: Number(new URL(all.marathon.url).port) };
  const socket = connect(port, host);
  socket.write('GET /v2/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n');
  let text = '';
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (text.includes('event_stream_attached') && text.endsWith('\r\n\r\n\r\n')) resolve();
    });
  });
  socket.destroy();
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(text).toMatch(/Content-Type: text\/event-stream;charset=utf-8\r\n/);
  expect(text).toMatch(
    /event: event_stream_attached\r\ndata: \{"eventType":"event_stream_attached","remoteAddress":"127\.0\.0\.1","timestamp":"[^"]+"\}\r\n\r\n/,
  );
});

test('only the asked for types', async () => {
  const response = await fetch(
    `${all.marathon.url}/v2/events?event_type=api_post_event&event_type=app_terminated_event`,
    {
      headers: { Accept: 'text/event-stream' },
    },
  );
  const reader = response.body!.getReader();
  await all.marathon.call('POST', '/v2/apps', app('/filtered'));
  const first = new TextDecoder().decode((await reader.read()).value);
  await reader.cancel();
  expect(first).toMatch(/^event: api_post_event\r\ndata: /);
  expect(JSON.parse(/data: (.*)\r/.exec(first)![1]!)).toMatchObject({
    eventType: 'api_post_event',
    clientIp: '127.0.0.1',
    uri: '/v2/apps',
    appDefinition: { id: '/filtered', cmd: 'sleep 1' },
  });
});

test('a subscriber that does not read is dropped; others go on', async () => {
  const good = await all.marathon.events();
  const slow = connect(Number(new URL(all.marathon.url).port), '127.0.0.1');
  slow.write('GET /v2/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n');
  slow.pause();
  const dropped = good.next('event_stream_detached');
  const bulky = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`K${i}`, 'x'.repeat(400)]));
  let done = false;
  void dropped.then(() => {
    done = true;
  });
  for (let i = 0; !done && i < 2000; i++)
    await all.marathon.call('PUT', '/v2/apps/bulky', { ...app('/bulky'), env: { ...bulky, N: String(i) } }, {});
  await dropped;
  slow.destroy();
  await all.marathon.call('POST', '/v2/apps', app('/after'));
  await good.next('api_post_event', (data) => (data.appDefinition as { id: string }).id === '/after');
});

test('a refused change is told', async () => {
  const events = await all.marathon.events();
  await all.marathon.call('POST', '/v2/groups', {
    id: '/loop',
    apps: [
      { ...app('a'), dependencies: ['b'] },
      { ...app('b'), dependencies: ['a'] },
    ],
  });
  await events.next('group_change_failed', (data) => data.groupId === '/loop' && typeof data.reason === 'string');
});
