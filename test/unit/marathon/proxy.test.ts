import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLeaderProxy, type LeaderView } from '../../../src/embedded/marathon/http/proxy.ts';
import { createHttpServer, type HttpServer } from '../../../src/support/http-server.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork } from '../../../src/support/network.ts';

/** What the leader was asked. */
let asked: {
  method?: string | undefined;
  url?: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}[];
let leader: Server;
let standby: HttpServer;
let url: string;
let view: LeaderView;
let mute: boolean;
const network = createNetwork();

const portOf = (server: Server) => (server.address() as AddressInfo).port;

beforeEach(async () => {
  asked = [];
  mute = false;
  leader = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push({ method: request.method, url: request.url, headers: request.headers, body });
    if (mute) return;
    response.writeHead(418, { 'X-Marathon-Leader': 'http://leader', 'Content-Type': 'application/json' });
    response.end('{"from":"leader"}');
  });
  await new Promise<void>((resolve) => leader.listen(0, '127.0.0.1', resolve));
  view = { kind: 'other', hostPort: `127.0.0.1:${portOf(leader)}` };
  const proxy = createLeaderProxy({
    self: 'standby:8080',
    leadership: { view: () => view, changed: async () => {} },
    network,
    readTimeoutMs: 100,
    monotonic: () => performance.now(),
  });
  standby = createHttpServer({ routes: [], log: silentLogger, before: proxy });
  url = `http://127.0.0.1:${await standby.listen(0, '127.0.0.1')}`;
});
afterEach(async () => {
  await standby.close();
  leader.closeAllConnections();
  leader.close();
});

describe('an instance that does not lead', () => {
  test('the request reaches the leader as it came, but for what concerns one connection', async () => {
    const response = await fetch(`${url}/v2/apps/a%2Fb?force=true&embed=x`, {
      method: 'PUT',
      body: '{"instances":3}',
      headers: { 'Content-Type': 'application/json', Authorization: 'Basic abc', 'X-Custom': 'yes' },
    });
    expect(response.status).toBe(418);
    expect(response.headers.get('x-marathon-leader')).toBe('http://leader');
    expect(await response.json()).toEqual({ from: 'leader' });
    expect(asked).toMatchObject([
      {
        method: 'PUT',
        url: '/v2/apps/a%2Fb?force=true&embed=x',
        body: '{"instances":3}',
        headers: {
          host: (view as { hostPort: string }).hostPort,
          'content-type': 'application/json',
          authorization: 'Basic abc',
          'x-custom': 'yes',
        },
      },
    ]);
  });

  test('the hops are told in X-Marathon-Via and X-Forwarded-For', async () => {
    const headers = { 'X-Marathon-Via': '1.1 other:8080', 'X-Forwarded-For': '10.0.0.1' };
    const response = await fetch(`${url}/ping`, { headers });
    expect(response.headers.get('x-marathon-via')).toBe('1.1 standby:8080');
    expect(asked[0]?.headers).toMatchObject({
      'x-marathon-via': '1.1 other:8080, 1.1 standby:8080',
      'x-forwarded-for': '10.0.0.1, 127.0.0.1',
    });
  });

  test('event streams are redirected', async () => {
    const target = (view as { hostPort: string }).hostPort;
    const response = await fetch(`${url}/v2/events?event_type=x`, { redirect: 'manual' });
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe(`http://${target}/v2/events?event_type=x`);
    expect(asked).toEqual([]);
  });

  test('a request that has been here is not passed on again', async () => {
    const response = await fetch(`${url}/ping`, { headers: { 'X-Marathon-Via': '1.1 standby:8080' } });
    expect(response.status).toBe(502);
    expect(await response.json()).toEqual({ message: 'Detected proxying loop.' });
    expect(asked).toEqual([]);
  });

  test('a leader out of reach is a bad gateway', async () => {
    leader.closeAllConnections();
    await new Promise((resolve) => leader.close(resolve));
    const response = await fetch(`${url}/v2/apps`);
    expect(response.status).toBe(502);
    expect(await response.json()).toEqual({ message: 'Connection to leader refused.' });
  });

  test('a leader that does not answer in time is a bad gateway', async () => {
    mute = true;
    const response = await fetch(`${url}/v2/apps`);
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ message: expect.stringMatching(/^Connection to leader failed: /) });
  });
});
