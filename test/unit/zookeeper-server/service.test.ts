/** The server as a program: what it refuses to start with, and what it does not let clients do to it. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { opCodes } from '../../../src/protocols/zookeeper/constants.ts';
import { encodeRequest } from '../../../src/protocols/zookeeper/records.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { createLogger } from '../../../src/support/logger.ts';
import { sleep } from '../../../src/support/retry.ts';
import {
  type EmbeddedEnsemble,
  type EmbeddedServer,
  startEmbeddedZooKeeper,
} from '../../support/embedded-zookeeper.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { openAcl, openRaw } from '../../support/raw-zookeeper-client.ts';
import { fourLetterWord } from '../../support/real-zookeeper.ts';

const open: EmbeddedEnsemble[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((ensemble) => ensemble.close()));
});

async function begin(options: Parameters<typeof startEmbeddedZooKeeper>[0] = {}): Promise<EmbeddedEnsemble> {
  const ensemble = await startEmbeddedZooKeeper(options);
  open.push(ensemble);
  return ensemble;
}

const node = (path: string, data = Buffer.alloc(0)) => ({ path, data, acl: openAcl, flags: 0 });

describe('a server starts', () => {
  test('with everything it had before it stopped', async () => {
    const { servers } = await begin({ servers: 1 });
    const [server] = servers;
    const client = await openRaw(server!.port);
    await client.ok('create', node('/a', Buffer.from('kept')));
    const before = (await client.ok('getData', { path: '/a', watch: false })).stat;
    await server!.stop();
    await client.closed;
    await (await server!.start()).ready;
    const again = await openRaw(server!.port);
    expect(await again.ok('getData', { path: '/a', watch: false })).toEqual({
      data: Buffer.from('kept'),
      stat: before,
    });
  });

  test('and serves clients that come while the servers still look for each other', async () => {
    // Slow, so that on a busy machine too the election is over before the servers' patience with clients.
    const slow = { ...systemClock, monotonic: () => systemClock.monotonic() / 10 };
    const { servers } = await begin({ clock: () => slow });
    await Promise.all(servers.map((server) => server.stop()));
    const clients = await Promise.all(servers.map((server) => server.start().then(() => openRaw(server.port))));
    expect(clients.map((client) => client.session !== undefined)).toEqual([true, true, true]);
  });

  test('not with the data of another server', async () => {
    const { servers } = await begin();
    await servers[1]!.stop();
    writeFileSync(join(servers[1]!.folder, 'myid'), '3\n');
    await servers[2]!.stop();
    await expect(servers[1]!.start()).rejects.toThrow(/holds the data of server 2, but this is server 3/);
  });

  test('not when its port is taken, and leaves the data alone', async () => {
    const { servers } = await begin({ servers: 1 });
    const [server] = servers;
    await server!.stop();
    const files = () =>
      readdirSync(join(server!.folder, 'embedded-1')).map((name) => [
        name,
        readFileSync(join(server!.folder, 'embedded-1', name)).length,
      ]);
    const before = files();
    const other = createServer().listen(server!.port, '127.0.0.1');
    await expect(server!.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await new Promise((resolve) => other.close(resolve));
    expect(files()).toEqual(before);
    await (await server!.start()).ready;
  });

  test('and ends again when the others are of another ensemble: they go on', async () => {
    const [first, second] = await Promise.all([begin(), begin()]);
    const [, , ours] = first.servers;
    const [, , theirs] = second.servers;
    await ours!.stop();
    rmSync(join(ours!.folder, 'embedded-1'), { recursive: true });
    cpSync(join(theirs!.folder, 'embedded-1'), join(ours!.folder, 'embedded-1'), { recursive: true });
    const { exited } = await ours!.start();
    const { code, reason } = await exited;
    expect(code).toBe(1);
    expect(reason).toMatch(/belongs to another ensemble/);
    const client = await openRaw((await first.leader()).port);
    expect(await client.code('create', node('/a'))).toBe(0);
  });

  test('with a warning for keys that it does not know', async () => {
    const lines: string[] = [];
    const log = createLogger((line) => lines.push(line), 'zookeeper');
    await begin({ servers: 1, log, settings: { tickTme: '5' } });
    expect(lines.join('')).toContain("unknown key 'tickTme'");
  });
});

describe('an ensemble of five', () => {
  test('goes on without two of its servers, and not without three', async () => {
    const ensemble = await begin({ servers: 5 });
    const client = await openRaw(ensemble.servers[0]!.port);
    await client.ok('create', node('/a'));
    client.drop();
    await ensemble.servers[4]!.stop();
    await ensemble.servers[3]!.stop();
    const leader = await ensemble.leader();
    const again = await openRaw(leader.port);
    await again.ok('create', node('/b'));
    const clients = await Promise.all(ensemble.servers.slice(0, 2).map((server) => openRaw(server.port)));
    await ensemble.servers[2]!.stop();
    await Promise.all(clients.map((one) => one.closed));
    const [left] = ensemble.servers;
    expect(await fourLetterWord(left!.port, 'ruok')).toBe('imok');
    expect(await fourLetterWord(left!.port, 'srvr')).toBe(
      'This ZooKeeper instance is not currently serving requests\n',
    );
    expect((await openRaw(left!.port)).session).toBeUndefined();
    await ensemble.servers[3]!.start();
    const back = await openRaw((await ensemble.leader()).port);
    await back.ok('sync', { path: '/' });
    expect((await back.ok('getChildren', { path: '/', watch: false })).children.sort()).toEqual([
      'a',
      'b',
      'zookeeper',
    ]);
  });
});

describe('clients cannot', () => {
  test.each(['maxClientCnxns', 'maxCnxns'])('open more connections than %s allows', async (limit) => {
    const { servers } = await begin({ servers: 1, settings: { [limit]: '3' } });
    const clients = [];
    for (let i = 0; i < 3; i++) clients.push(await openRaw(servers[0]!.port));
    expect((await openRaw(servers[0]!.port)).session).toBeUndefined();
    clients[0]!.drop();
    let session: unknown;
    while (!session) session = (await openRaw(servers[0]!.port)).session;
  });

  test('use admin words that are not allowed', async () => {
    const { servers } = await begin({ servers: 1, settings: { '4lw.commands.whitelist': 'srvr' } });
    expect(await fourLetterWord(servers[0]!.port, 'ruok')).toBe(
      'ruok is not executed because it is not in the whitelist.\n',
    );
  });

  test('fill the memory by asking without reading the answers', async () => {
    const { servers } = await begin({ servers: 1 });
    const client = await openRaw(servers[0]!.port);
    const size = 500_000;
    await client.ok('create', node('/large', Buffer.alloc(size, 'x')));
    const greedy = await openRaw(servers[0]!.port);
    greedy.pause();
    const count = 600;
    const ask = encodeRequest(9, 'getData', { path: '/large', watch: false });
    // Half of them behind a write, where they wait for it.
    greedy.write(Buffer.concat(Array(count / 2).fill(ask)));
    greedy.write(encodeRequest(10, 'setData', { path: '/', data: null, version: -1 }));
    greedy.write(Buffer.concat(Array(count / 2).fill(ask)));
    for (let i = 0; i < 20; i++) {
      await client.ok('exists', { path: '/', watch: false });
      await sleep(5);
    }
    // Three hundred million bytes were asked for.
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(150 << 20);
    greedy.resume();
    expect((await greedy.until(count + 1)).length).toBe(count + 1);
  });

  test('end more than their own connection with malformed requests, whenever these are looked at', async () => {
    const { servers } = await begin({ servers: 1 });
    const [{ port }] = servers as [EmbeddedServer];
    const client = await openRaw(port);
    await client.ok('create', node('/large', Buffer.alloc(500_000, 'x')));
    const slow = await openRaw(port);
    slow.pause();
    // So much that the server looks at what comes after it only when the answers were taken.
    slow.write(Buffer.concat(Array(100).fill(encodeRequest(9, 'getData', { path: '/large', watch: false }))));
    const malformed = Buffer.from('0000000c00000001000000007fffffff', 'hex');
    malformed.writeInt32BE(opCodes.auth, 8);
    slow.write(malformed);
    await client.ok('exists', { path: '/', watch: false });
    slow.resume();
    await slow.closed;
    expect(await client.code('exists', { path: '/', watch: false })).toBe(0);
  });

  test('fill the memory with events that they do not read: such a client is cut off', async () => {
    const { servers } = await begin({ servers: 1, settings: { forceSync: 'no' } });
    const [{ port }] = servers as [EmbeddedServer];
    const client = await openRaw(port);
    // Long names make long events.
    const path = `/${'x'.repeat(500_000)}`;
    await client.ok('create', node(path));
    const greedy = await openRaw(port);
    await greedy.ok('addWatch', { path, mode: 0 });
    greedy.pause();
    let sets = 0;
    // Itself, the one that writes and the one that doesn't read.
    while ((await fourLetterWord(port, 'srvr')).includes('Connections: 3')) {
      for (let i = 0; i < 20; i++) await client.ok('setData', { path, data: null, version: -1 });
      sets += 20;
    }
    greedy.resume();
    await greedy.closed;
    expect(greedy.events.length).toBeLessThan(sets);
    expect(await client.code('exists', { path: '/', watch: false })).toBe(0);
  });

  test('keep a connection without asking for a session, whole or by half', async () => {
    const clock = createManualClock();
    const { servers } = await begin({ servers: 1, clock: () => clock });
    const [{ port }] = servers as [EmbeddedServer];
    const silent = await openRaw(port, { silent: true });
    const half = await openRaw(port, { silent: true });
    half.write(Buffer.from('0000002d0000', 'hex'));
    const session = await openRaw(port, { timeoutMs: 10_000 });
    // The length of a frame that never comes.
    session.write(Buffer.from('000fffff00000001', 'hex'));
    await expect.poll(() => fourLetterWord(port, 'srvr')).toContain('Connections: 4');
    for (let second = 0; second < 12; second++) clock.advance(1000);
    await Promise.all([silent.closed, half.closed, session.closed]);
  });

  test('make nodes with a time to live unless that is turned on', async () => {
    const { servers } = await begin({ servers: 1, settings: { extendedTypesEnabled: 'false' } });
    const client = await openRaw(servers[0]!.port);
    expect(await client.code('createTTL', { ...node('/t'), flags: 5, ttl: 1000 })).toBe(-6);
  });

  test('send a larger frame than allowed', async () => {
    const { servers } = await begin({ servers: 1, settings: { 'jute.maxbuffer': '2000' } });
    const client = await openRaw(servers[0]!.port);
    expect(await client.code('create', node('/a', Buffer.alloc(1900)))).toBe(0);
    await expect(client.call('create', node('/b', Buffer.alloc(2000)))).rejects.toThrow('closed');
  });

  test('keep a connection without saying anything, nor strangers the quorum port', async () => {
    const { servers } = await begin();
    const stranger = await openRaw(servers[0]!.quorumPort, { silent: true });
    stranger.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await stranger.closed;
    const nobody = await openRaw(servers[0]!.quorumPort, { silent: true });
    nobody.write(Buffer.from('00000004000000ff', 'hex'));
    await nobody.closed;
    expect(await fourLetterWord(servers[0]!.port, 'srvr')).toContain('Mode:');
  });
});
