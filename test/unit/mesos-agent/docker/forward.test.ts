import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { type Forward, type Forwarder, openForwards } from '../../../../src/embedded/mesos-agent/docker/forward.ts';
import { systemClock } from '../../../../src/support/clock.ts';
import { createNetwork } from '../../../../src/support/network.ts';

const network = createNetwork();
const forwarders: Forwarder[] = [];
const servers: Server[] = [];
afterEach(() => {
  for (const forwarder of forwarders.splice(0)) forwarder.close();
  for (const server of servers.splice(0)) server.close();
});

async function listen(onClient: (socket: Socket) => void, host = '127.0.0.1'): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, onClient).listen(0, host);
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const port = await listen(() => {});
  const server = servers.pop()!;
  server.close();
  await once(server, 'close');
  return port;
}

async function open(forwards: Forward[], onFailure = () => {}, hosts = ['127.0.0.1']) {
  const options = { hosts, address: '127.0.0.1', network, clock: systemClock, onFailure };
  const forwarder = await openForwards(forwards, options);
  forwarders.push(forwarder);
  return forwarder;
}
const tcp = (hostPort: number, containerPort: number): Forward => ({ protocol: 'tcp', hostPort, containerPort });

test('both sides say all they have, and one may end before the other', async () => {
  const containerPort = await listen((socket) => {
    let bytes = 0;
    socket.on('data', (data) => {
      bytes += data.length;
    });
    socket.once('end', () => socket.end(`answer to ${bytes} bytes`));
  });
  const hostPort = await freePort();
  await open([tcp(hostPort, containerPort)]);
  const client = connect({ port: hostPort, host: '127.0.0.1', allowHalfOpen: true });
  client.end('x'.repeat(3_000_000));
  expect(await text(client)).toBe('answer to 3000000 bytes');
});

test('a connection that breaks on one side breaks on the other', async () => {
  const hostPort = await freePort();
  let broken!: () => void;
  const seen = new Promise<void>((resolve) => {
    broken = resolve;
  });
  const containerPort = await listen((socket) => {
    socket.on('error', broken).on('close', broken).resume();
    socket.write('hello');
  });
  await open([tcp(hostPort, containerPort)]);
  const client = connect(hostPort, '127.0.0.1');
  client.on('error', () => {});
  await once(client, 'data');
  client.resetAndDestroy();
  await seen;
});

test('where nobody listens in the container, the one who asks is told so', async () => {
  const [hostPort, containerPort] = [await freePort(), await freePort()];
  let failures = 0;
  await open([tcp(hostPort, containerPort)], () => failures++);
  const client = connect(hostPort, '127.0.0.1');
  const [error] = await once(client, 'error').catch((thrown) => [thrown]);
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  expect(failures).toBe(1);
});

test('a container with a new address is found there', async () => {
  const containerPort = await listen((socket) => socket.end('there'), '127.0.0.2');
  const hostPort = await freePort();
  const forwarder = await open([tcp(hostPort, containerPort)]);
  forwarder.retarget('127.0.0.2');
  expect(await text(connect(hostPort, '127.0.0.1'))).toBe('there');
});

test('after the end nobody listens, and what was connected is not any more', async () => {
  const containerPort = await listen((socket) => socket.write('hello'));
  const hostPort = await freePort();
  const forwarder = await open([tcp(hostPort, containerPort)]);
  const client = connect(hostPort, '127.0.0.1');
  client.on('error', () => {});
  await once(client, 'data');
  const closed = once(client, 'close');
  forwarder.close();
  await closed;
  const again = connect(hostPort, '127.0.0.1');
  expect((await once(again, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' });
});

test('a port that something else has is told, and none is kept', async () => {
  const taken = await listen(() => {});
  const free = await freePort();
  await expect(open([tcp(free, 1), tcp(taken, 1)])).rejects.toThrow(
    `the node's port 127.0.0.1:${taken}/tcp is taken by something else`,
  );
  await open([tcp(free, 1)]);
});

test('datagrams go both ways, to each peer its own', async () => {
  const container = createSocket('udp4');
  container.on('message', (data, from) => container.send(`to ${data}`, from.port, from.address));
  container.bind(0, '127.0.0.1');
  await once(container, 'listening');
  const hostPort = await freePort();
  await open([{ protocol: 'udp', hostPort, containerPort: container.address().port }]);
  const peers = ['one', 'two'].map((name) => {
    const socket = createSocket('udp4');
    socket.send(name, hostPort, '127.0.0.1');
    return once(socket, 'message').then(([data]) => {
      socket.close();
      return String(data);
    });
  });
  expect(await Promise.all(peers)).toEqual(['to one', 'to two']);
  container.close();
});
