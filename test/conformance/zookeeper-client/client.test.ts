import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type ClientState,
  createZooKeeperClient,
  creatorAcl,
  MultiError,
  readableAcl,
  type Watched,
  type ZooKeeperClient,
  type ZooKeeperClientOptions,
} from '../../../src/protocols/zookeeper/client.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork } from '../../../src/support/network.ts';
import { eventually } from '../../support/eventually.ts';
import { realZooKeeperMissing, startRealZooKeeper } from '../../support/real-zookeeper.ts';
import { type Target, targets } from './targets.ts';

for (const target of targets) describe.skipIf(target.skip)(`our client on ${target.name}`, () => suite(target.start));

function suite(startTarget: () => Promise<Target>): void {
  let ensemble: Target;
  /** The server of the present test: the clients of one test share it, so that they see each other's writes at once. */
  let server = '';
  let root = '';
  let count = 0;
  const open: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    ensemble = await startTarget();
  });
  afterAll(() => ensemble?.close());
  afterEach(async () => {
    await Promise.all(open.splice(0).map((close) => close()));
  });

  function start(options: Partial<ZooKeeperClientOptions> = {}): ZooKeeperClient {
    const network = createNetwork();
    const zk = createZooKeeperClient({
      servers: server + root,
      sessionTimeoutMs: 2000,
      network,
      clock: systemClock,
      log: silentLogger,
      ...options,
    });
    open.push(async () => {
      await zk.close();
      network.close();
    });
    return zk;
  }

  /** A client whose `/` is a node of its own. */
  async function fresh(options: Partial<ZooKeeperClientOptions> = {}): Promise<ZooKeeperClient> {
    root = '';
    const all = ensemble.connect.split(',');
    server = all[count % all.length]!;
    const name = `/test-${++count}`;
    const maker = start();
    await maker.create(name);
    root = name;
    return start(options);
  }

  it('creates, reads, writes and deletes nodes', async () => {
    const zk = await fresh();
    expect(await zk.create('/a', 'one')).toBe('/a');
    expect(await zk.create('/a/b', null)).toBe('/a/b');
    const { data, stat } = await zk.getData('/a');
    expect(data?.toString()).toBe('one');
    expect(stat).toMatchObject({ version: 0, cversion: 1, numChildren: 1, dataLength: 3, ephemeralOwner: 0n });
    expect((await zk.getData('/a/b')).data).toBeNull();
    expect((await zk.setData('/a', 'two', { version: 0 })).version).toBe(1);
    await expect(zk.setData('/a', 'x', { version: 0 })).rejects.toMatchObject({ reason: 'badVersion', path: '/a' });
    await expect(zk.delete('/a')).rejects.toMatchObject({ reason: 'notEmpty' });
    await expect(zk.create('/a')).rejects.toMatchObject({ reason: 'nodeExists' });
    await expect(zk.create('/x/y')).rejects.toMatchObject({ reason: 'noNode' });
    await expect(zk.create('relative')).rejects.toMatchObject({ reason: expect.stringMatching(/badArguments|noNode/) });
    expect(await zk.getChildren('/')).toEqual(['a']);
    expect((await zk.getChildren2('/a')).stat.numChildren).toBe(1);
    expect(await zk.getAllChildrenNumber('/')).toBe(2);
    await zk.delete('/a/b');
    await zk.delete('/a', { version: 1 });
    expect(await zk.exists('/a')).toBeUndefined();
    await zk.sync('/');
  });

  it('creates every kind of node', async () => {
    const zk = await fresh();
    expect(await zk.create('/s-', null, { mode: 'persistentSequential' })).toBe('/s-0000000000');
    expect(await zk.create('/', null, { mode: 'ephemeralSequential' }).catch(({ reason }) => reason)).toBe(
      '/0000000001',
    );
    await zk.create('/e', null, { mode: 'ephemeral' });
    expect((await zk.exists('/e'))?.ephemeralOwner).toBe(zk.sessionId);
    await expect(zk.create('/e/x')).rejects.toMatchObject({ reason: 'noChildrenForEphemerals' });
    expect((await zk.create2('/c', 'x', { mode: 'container' })).stat.ephemeralOwner).toBe(0n);
    const ttl = await zk.create2('/t', 'x', { mode: 'persistentTTL', ttlMs: 60_000 });
    expect([ttl.path, ttl.stat.ephemeralOwner]).toEqual(['/t', 0n]);
    const { path, stat } = await zk.create2('/p', 'data');
    expect(path).toBe('/p');
    expect(stat.dataLength).toBe(4);
    expect((await zk.getEphemerals('/')).sort()).toEqual(['/0000000001', '/e']);
    await zk.ensurePath('/deep/er/still');
    await zk.ensurePath('/deep/er/still');
    expect(await zk.exists('/deep/er/still')).toMatchObject({ dataLength: 0 });
  });

  it('carries out transactions as a whole or not at all', async () => {
    const zk = await fresh();
    const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
    const results = await zk.multi([
      { op: 'create', path: '/m', data: Buffer.from('1'), acl, flags: 0 },
      { op: 'create2', path: '/m/n', data: null, acl, flags: 0 },
      { op: 'setData', path: '/m', data: Buffer.from('2'), version: 0 },
      { op: 'check', path: '/m', version: 1 },
      { op: 'delete', path: '/m/n', version: 0 },
    ]);
    expect(results.map(({ op }) => op)).toEqual([
      'create',
      expect.stringMatching(/^create2?$/),
      'setData',
      'check',
      'delete',
    ]);
    expect(results[0]).toMatchObject({ path: '/m' });
    const failing = zk.multi([
      { op: 'create', path: '/not', data: null, acl, flags: 0 },
      { op: 'check', path: '/m', version: 7 },
      { op: 'delete', path: '/m', version: -1 },
    ]);
    await expect(failing).rejects.toBeInstanceOf(MultiError);
    await expect(failing).rejects.toMatchObject({ reason: 'badVersion', failed: 1, path: '/m' });
    expect(await zk.exists('/not')).toBeUndefined();
    expect(
      await zk.multiRead([
        { op: 'getData', path: '/m' },
        { op: 'getChildren', path: '/' },
        { op: 'getData', path: '/no' },
      ]),
    ).toMatchObject([
      { op: 'getData', data: Buffer.from('2') },
      { op: 'getChildren', children: ['m'] },
      { op: 'error', err: -101 },
    ]);
  });

  it('notifies one-shot watches once', async () => {
    const zk = await fresh();
    const other = start();
    const seen: Watched[] = [];
    const watch = (event: Watched) => seen.push(event);
    await zk.exists('/w', { watch });
    await other.create('/w');
    await zk.getData('/w', { watch });
    await other.setData('/w', '1');
    await other.setData('/w', '2');
    await zk.getChildren('/w', { watch });
    await other.create('/w/c');
    await zk.getData('/w/c', { watch });
    await other.delete('/w/c');
    await other.delete('/w');
    await zk.sync('/');
    expect(seen).toEqual([
      { type: 'created', path: '/w' },
      { type: 'dataChanged', path: '/w' },
      { type: 'childrenChanged', path: '/w' },
      { type: 'deleted', path: '/w/c' },
    ]);
  });

  it('notifies persistent and recursive watches until they are cancelled', async () => {
    const zk = await fresh();
    const seen: string[] = [];
    const cancel = await zk.addWatch('/', ({ type, path }) => seen.push(`${type} ${path}`), { recursive: true });
    const cancelOther = await zk.addWatch('/p', ({ type }) => seen.push(`persistent ${type}`));
    await zk.create('/p');
    await zk.setData('/p', 'x');
    await zk.create('/p/q');
    cancel();
    cancelOther();
    await zk.setData('/p', 'y');
    await zk.sync('/');
    expect(seen).toEqual(
      [
        'created /p',
        'persistent created',
        'dataChanged /p',
        'persistent dataChanged',
        'created /p/q',
        'persistent childrenChanged',
      ].sort((a, b) => seen.indexOf(a) - seen.indexOf(b)),
    );
  });

  it('identifies itself and is held to access control lists', async () => {
    const zk = await fresh({ auth: [{ scheme: 'digest', credentials: 'u:p' }] });
    const stranger = start();
    await zk.create('/open-to-read', 'x', { acl: readableAcl });
    await zk.create('/mine', 'x', { acl: creatorAcl });
    expect((await stranger.getData('/open-to-read')).data?.toString()).toBe('x');
    await expect(stranger.setData('/open-to-read', 'y')).rejects.toMatchObject({ reason: 'noAuth' });
    await expect(stranger.getData('/mine')).rejects.toMatchObject({ reason: 'noAuth' });
    await stranger.addAuth({ scheme: 'digest', credentials: 'u:p' });
    expect((await stranger.getData('/mine')).data?.toString()).toBe('x');
    expect((await zk.getACL('/mine')).acl).toEqual([
      { perms: 31, scheme: 'digest', id: 'u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=' },
    ]);
    expect((await zk.setACL('/mine', [{ perms: 31, scheme: 'world', id: 'anyone' }])).aversion).toBe(1);
    expect(await zk.whoAmI()).toContainEqual({ authScheme: 'digest', user: 'u' });
    await expect(zk.setACL('/mine', [])).rejects.toMatchObject({ reason: 'invalidACL' });
  });

  it('is told that a scheme is unknown, and goes on', async () => {
    const zk = await fresh();
    await expect(zk.addAuth({ scheme: 'nonsense', credentials: 'x' })).rejects.toMatchObject({ reason: 'authFailed' });
    await eventually(async () => expect(await zk.getChildren('/')).toEqual([]));
  });

  it('keeps ephemeral nodes for the session, and removes them by closing it', async () => {
    const zk = await fresh();
    const other = start();
    await other.create('/e', null, { mode: 'ephemeral' });
    const gone = new Promise<Watched>((resolve) => void zk.exists('/e', { watch: resolve }));
    // Requests of one connection are answered in order: with this answer, the watch is set.
    await zk.sync('/');
    await other.close();
    expect(await gone).toEqual({ type: 'deleted', path: '/e' });
  });

  it('attaches to its session again after the connection broke, watches and ephemeral nodes included', async () => {
    const network = createNetwork();
    const zk = await fresh({ network });
    const states: ClientState[] = [];
    await zk.create('/e', null, { mode: 'ephemeral' });
    const id = zk.sessionId;
    const other = start();
    await other.create('/d');
    const missed = new Promise<Watched>((resolve) => void zk.getData('/d', { watch: resolve }));
    await zk.sync('/');
    zk.onState((state) => states.push(state));
    const address = server;
    network.cut([address]);
    await other.setData('/d', 'changed meanwhile');
    network.cut([]);
    expect(await missed).toEqual({ type: 'dataChanged', path: '/d' });
    expect(states).toEqual(['connecting', 'connected']);
    expect(zk.sessionId).toBe(id);
    expect(await zk.exists('/e')).toBeDefined();
  });

  it('expires by its own clock while it is cut off, and by the server’s', async () => {
    const network = createNetwork();
    const zk = await fresh({ network, sessionTimeoutMs: 1000 });
    const other = start();
    await zk.create('/e', null, { mode: 'ephemeral' });
    const deleted = new Promise<Watched>((resolve) => void other.exists('/e', { watch: resolve }));
    await other.sync('/');
    const expired = new Promise<void>((resolve) => zk.onState((state) => state === 'expired' && resolve()));
    network.cut([server]);
    await expired;
    expect(await deleted).toEqual({ type: 'deleted', path: '/e' });
    const old = zk.sessionId;
    network.cut([]);
    await zk.connected();
    expect(zk.sessionId).not.toBe(old);
  });
}

describe.skipIf(realZooKeeperMissing())('our client on a real ensemble', () => {
  it('moves to another server of an ensemble when its own dies, is paused, or comes back', async () => {
    const three = await startRealZooKeeper({ servers: 3 });
    const network = createNetwork();
    let closeClient = async () => {};
    try {
      const zk = createZooKeeperClient({
        servers: three.connect,
        sessionTimeoutMs: 4000,
        random: () => 0.999,
        network,
        clock: systemClock,
        log: silentLogger,
      });
      closeClient = () => zk.close();
      await zk.create('/e', null, { mode: 'ephemeral' });
      const id = zk.sessionId;
      const find = () => three.servers.find(({ port }) => zk.server === `127.0.0.1:${port}`)!;
      const first = find();
      await first.kill();
      await eventually(async () => expect((await zk.exists('/e'))?.ephemeralOwner).toBe(id));
      expect(find()).not.toBe(first);
      await first.restart();
      const second = find();
      second.pause();
      await eventually(() => expect(zk.server !== undefined && find() !== second).toBe(true));
      await eventually(() => zk.getChildren('/'));
      second.resume();
      await eventually(async () => expect(await zk.getChildren('/')).toContain('zookeeper'));
    } finally {
      await closeClient();
      network.close();
      await three.close();
    }
  });
});
