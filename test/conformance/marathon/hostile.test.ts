import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAll } from './harness.ts';

/** What a server must bear: bodies too large or broken, many subscribers, connections that break off. */
let all: Awaited<ReturnType<typeof startAll>>;
beforeAll(async () => {
  all = await startAll();
});
afterAll(() => all.close());

const port = () => Number(new URL(all.marathon.url).port);

/** The server still works. */
async function stillServes() {
  expect((await all.marathon.call('GET', '/v2/apps')).status).toBe(200);
}

/** Sends bytes as they are; the status of the answer, or undefined when there is none. */
function sendRaw(bytes: string | Buffer): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port(), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
      if (status) {
        resolve(Number(status));
        socket.destroy();
      }
    });
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(undefined));
    socket.write(bytes);
  });
}

describe('bodies of 10 MB', () => {
  test('a definition that compresses is kept, and read again as it was', async () => {
    const env = { LONG: 'x'.repeat(10_000_000) };
    const app = { id: '/large', cmd: 'sleep 1', instances: 0, env };
    expect((await all.marathon.call('POST', '/v2/apps', app)).status).toBe(201);
    expect((await all.marathon.app('/large')).env).toEqual(env);
    await all.marathon.call('DELETE', '/v2/apps/large');
  });

  test('a list of many thousand apps is refused for what is wrong in it, not for its size', async () => {
    const apps = Array.from({ length: 10_000 }, (_, i) => ({ id: `/many/${i}`, cmd: 'x'.repeat(1000), cpus: 'none' }));
    const answer = await all.marathon.call<{ details: unknown[] }>('PUT', '/v2/apps', apps);
    expect(answer.status).toBe(422);
    expect(answer.json.details.length).toBeGreaterThan(0);
    await stillServes();
  });

  test('more than 16 MB is refused with 413', async () => {
    const answer = await fetch(`${all.marathon.url}/v2/apps`, {
      method: 'POST',
      body: JSON.stringify({ id: '/x', cmd: 'x'.repeat(17 << 20) }),
      headers: { 'Content-Type': 'application/json' },
    }).then(
      ({ status }) => status,
      // The server closes while the client still sends.
      () => 413,
    );
    expect(answer).toBe(413);
    await stillServes();
  });

  test('deep nesting', async () => {
    const depth = 100_000;
    const body = `{"id":"/x","cmd":"a b","env":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`;
    const answer = await fetch(`${all.marathon.url}/v2/apps`, {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/json' },
    });
    expect([400, 422]).toContain(answer.status);
    await stillServes();
  });
});

describe('what is no proper request', () => {
  const cases: [string, string | Buffer][] = [
    ['bytes', Buffer.from(Array.from({ length: 512 }, (_, i) => (i * 7) % 256))],
    ['a header without an end', `GET /v2/apps HTTP/1.1\r\nX: ${'x'.repeat(100_000)}`],
    [
      'a body that is shorter than said',
      'POST /v2/apps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{}\r\n\r\n',
    ],
    ['a broken escape', 'GET /v2/apps/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a path that climbs', 'GET /v2/apps/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a NUL in the path', 'GET /v2/apps/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ];
  for (const [what, bytes] of cases)
    test(`${what} is refused, and nothing breaks`, async () => {
      const status = await sendRaw(bytes);
      if (status !== undefined) expect(status).toBeGreaterThanOrEqual(400);
      if (status !== undefined) expect(status).toBeLessThan(500);
      await stillServes();
    });

  test('a client that leaves in the middle of its body', async () => {
    const socket = connect(port(), '127.0.0.1');
    socket.write(
      'POST /v2/apps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    );
    await new Promise<void>((resolve) => socket.write('"id"', () => resolve()));
    socket.destroy();
    await stillServes();
  });

  test('JSON with names that mean something to JavaScript', async () => {
    const body =
      '{"id":"/proto","cmd":"a b","instances":0,"env":{"__proto__":"x","constructor":"y"},"__proto__":{"cpus":9}}';
    const answer = await fetch(`${all.marathon.url}/v2/apps`, {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/json' },
    });
    expect(answer.status).toBe(201);
    const app = (await answer.json()) as { cpus: number; env: Record<string, string> };
    expect(app.cpus).toBe(1);
    expect(Object.entries(app.env).sort()).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });
});

test('a thousand subscribers hear of everything', async () => {
  const count = 1000;
  const sockets = Array.from({ length: count }, () => connect(port(), '127.0.0.1'));
  const heard = sockets.map(
    (socket) =>
      new Promise<void>((resolve, reject) => {
        let text = '';
        socket.on('error', reject);
        socket.on('data', (chunk: Buffer) => {
          text += chunk.toString('utf8');
          if (text.includes('"/heard"')) resolve();
        });
      }),
  );
  const attached = Promise.all(
    sockets.map((socket) => new Promise<void>((resolve) => socket.once('data', () => resolve()))),
  );
  for (const socket of sockets)
    socket.write(
      'GET /v2/events?event_type=api_post_event HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n',
    );
  await attached;
  const app = { id: '/heard', cmd: 'sleep 1', instances: 0 };
  expect((await all.marathon.call('POST', '/v2/apps', app)).status).toBe(201);
  await Promise.all(heard);
  for (const socket of sockets) socket.destroy();
  await stillServes();
});
