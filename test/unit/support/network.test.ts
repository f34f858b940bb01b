import { createServer, request, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNetwork, type Network } from '../../../src/support/network.ts';

describe('a network with a partition', () => {
  let network: Network;
  let server: Server;
  let port: number;
  let connections: number;

  beforeEach(async () => {
    network = createNetwork();
    connections = 0;
    server = createServer((_, response) => response.end('here'));
    server.on('connection', () => connections++);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });

  afterEach(() => {
    network.close();
    server.close();
    server.closeAllConnections();
  });

  const get = () =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, agent: network.httpAgent }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      });
      sent.on('error', reject);
      sent.end('body');
    });
  const failure = (socket: Socket) => new Promise<unknown>((resolve) => socket.once('error', resolve));

  it('fails HTTP requests to a peer that is cut off, and nothing but them', async () => {
    expect(await get()).toBe(200);
    network.cut(['127.0.0.1']);
    const answers = await Promise.allSettled([get(), get(), get()]);
    expect(answers.map((answer) => answer.status === 'rejected' && answer.reason.code)).toEqual([
      'EHOSTUNREACH',
      'EHOSTUNREACH',
      'EHOSTUNREACH',
    ]);
    network.cut([]);
    expect(await get()).toBe(200);
  });

  it('never dials a peer that is cut off', async () => {
    network.cut([`127.0.0.1:${port}`]);
    expect(await failure(network.connect(port, '127.0.0.1'))).toMatchObject({ code: 'EHOSTUNREACH' });
    await expect(get()).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
    expect(connections).toBe(0);
  });

  it('ends connections to a peer when it is cut off', async () => {
    const socket = network.connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const failed = failure(socket);
    network.cut(['127.0.0.1']);
    expect(await failed).toMatchObject({ code: 'EHOSTUNREACH' });
  });
});
