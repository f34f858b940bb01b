import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { httpCall } from '../../../src/support/http-client.ts';
import {
  createHttpServer,
  HttpError,
  type HttpServer,
  type HttpServerOptions,
} from '../../../src/support/http-server.ts';
import { silentLogger } from '../../../src/support/logger.ts';

let server: HttpServer | undefined;
afterEach(() => server?.close());

async function start(options: Partial<HttpServerOptions>): Promise<string> {
  server = createHttpServer({ routes: [], log: silentLogger, ...options });
  return `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
}

describe('the HTTP server', () => {
  it('routes by method and pattern, with decoded parameters, query and body', async () => {
    const url = await start({
      routes: [
        {
          method: 'PUT',
          path: /^\/v2\/apps\/(?<id>.+)$/,
          handler: async (request) => ({
            status: 201,
            body: { id: request.params.id, force: request.query.get('force'), body: (await request.body()).toString() },
          }),
        },
      ],
    });
    const reply = await httpCall(`${url}/v2/apps/a%20b/c?force=true`, { method: 'PUT', body: 'text' });
    expect(reply.status).toBe(201);
    expect(JSON.parse(reply.body.toString())).toEqual({ id: 'a b/c', force: 'true', body: 'text' });
  });

  it('answers 404 for no path, 405 with Allow for a wrong method, HEAD like GET without a body', async () => {
    const url = await start({
      routes: [{ method: 'GET', path: /^\/x$/, handler: () => ({ status: 200, body: 'here' }) }],
    });
    expect((await httpCall(`${url}/y`)).status).toBe(404);
    const refused = await httpCall(`${url}/x`, { method: 'POST' });
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET']);
    const head = await httpCall(`${url}/x`, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '4', 0]);
  });

  it('turns what handlers throw into answers', async () => {
    const url = await start({
      routes: [
        { method: 'GET', path: /^\/known$/, handler: () => Promise.reject(new HttpError(409, { message: 'locked' })) },
        { method: 'GET', path: /^\/unknown$/, handler: () => Promise.reject(new Error('boom')) },
      ],
    });
    const known = await httpCall(`${url}/known`);
    expect([known.status, JSON.parse(known.body.toString())]).toEqual([409, { message: 'locked' }]);
    expect((await httpCall(`${url}/unknown`)).status).toBe(500);
  });

  it('gzips large answers for those who accept it', async () => {
    const text = 'x'.repeat(5000);
    const url = await start({
      routes: [{ method: 'GET', path: /^\/$/, handler: () => ({ status: 200, body: text }) }],
    });
    const zipped = await httpCall(url, { headers: { 'Accept-Encoding': 'gzip' } });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(zipped.body).toString()).toBe(text);
    expect((await httpCall(url)).body.toString()).toBe(text);
  });

  it('refuses bodies over the limit and goes on', async () => {
    const url = await start({
      maxBodyBytes: 10,
      routes: [
        { method: 'POST', path: /^\/$/, handler: async (request) => ({ status: 200, body: await request.body() }) },
      ],
    });
    expect((await httpCall(url, { method: 'POST', body: 'x'.repeat(11) })).status).toBe(413);
    expect((await httpCall(url, { method: 'POST', body: 'x'.repeat(10) })).status).toBe(200);
  });

  it.each(['\0\0\0\0\n\n', 'GET\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', '{"id":1}\n'])(
    'survives the bytes %j',
    async (bytes) => {
      const url = await start({
        routes: [{ method: 'GET', path: /^\/$/, handler: () => ({ status: 200, body: 'alive' }) }],
      });
      await new Promise<void>((resolve) => {
        const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.end(bytes));
        socket.on('error', () => {});
        socket.resume().on('close', () => resolve());
      });
      expect((await httpCall(url)).body.toString()).toBe('alive');
    },
  );
});

describe('requests that web pages could make', () => {
  const guarded = {
    allowedHosts: { names: ['node-1'], domain: 'mesos' },
    routes: [{ method: '*', path: /^\/$/, handler: () => ({ status: 200, body: 'done' }) }],
  };
  it.each([
    ['an IP address', {}, 200],
    ['localhost', { Host: 'localhost:8080' }, 200],
    ["a node's name", { Host: 'node-1:8080' }, 200],
    ["a name in the cluster's domain", { Host: 'leader.mesos' }, 200],
    ['a foreign name (DNS rebinding)', { Host: 'evil.example' }, 403],
    ['a page of its own', { Origin: 'self' }, 200],
    ['a page from elsewhere', { Origin: 'http://evil.example' }, 403],
    ['a cross-site request without an origin', { 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['a request typed by the user', { 'Sec-Fetch-Site': 'none' }, 200],
  ])('POST by %s', async (_who, headers: Record<string, string>, status) => {
    const url = await start(guarded);
    const sent = headers.Origin === 'self' ? { Origin: url } : headers;
    expect((await httpCall(url, { method: 'POST', headers: sent })).status).toBe(status);
  });

  it('may read across origins, since browsers keep the answer from the page', async () => {
    const url = await start(guarded);
    expect((await httpCall(url, { headers: { Origin: 'http://evil.example' } })).status).toBe(200);
  });

  it('asks for basic credentials where they are configured', async () => {
    const url = await start({ ...guarded, basicAuth: { user: 'u', password: 'p', realm: 'r' } });
    const refused = await httpCall(url);
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Basic realm="r"']);
    const authorization = `Basic ${Buffer.from('u:p').toString('base64')}`;
    expect((await httpCall(url, { headers: { Authorization: authorization } })).status).toBe(200);
  });
});
