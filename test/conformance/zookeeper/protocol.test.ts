import { expect, test } from 'vitest';
import { errorCodes, opCodes, perms } from '../../../src/protocols/zookeeper/constants.ts';
import { encodeFrame } from '../../../src/protocols/zookeeper/framing.ts';
import { ConnectRequest, type MultiOp, type MultiResult } from '../../../src/protocols/zookeeper/records.ts';
import { openAcl, type RawClient } from '../../support/raw-zookeeper-client.ts';
import { fourLetterWord } from '../../support/real-zookeeper.ts';
import { describeServers } from './targets.ts';

const {
  noNode,
  nodeExists,
  badVersion,
  notEmpty,
  badArguments,
  noAuth,
  invalidACL,
  authFailed,
  noChildrenForEphemerals,
  marshallingError,
  noWatcher,
  unimplemented,
  reconfigDisabled,
  runtimeInconsistency,
} = errorCodes;

/** Creates a node and gives its path back. */
async function create(client: RawClient, path: string, data: string | null = '', flags = 0): Promise<string> {
  const body = await client.ok('create', { path, data: data === null ? null : Buffer.from(data), acl: openAcl, flags });
  return body.path;
}

const tryCreate = (client: RawClient, path: string, flags = 0) =>
  client.code('create', { path, data: null, acl: openAcl, flags });

const statOf = async (client: RawClient, path: string) => (await client.ok('exists', { path, watch: false })).stat;

describeServers('znodes', (bench) => {
  test('have the stat that their history gives them', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const path = await create(client, `${root}/a`, 'one');
    const { stat } = await client.ok('setData', { path, data: Buffer.from('seven'), version: 0 });
    await create(client, `${path}/child`);
    await client.ok('delete', { path: `${path}/child`, version: 0 });
    await create(client, `${path}/other`);
    const now = await statOf(client, path);
    expect(stat).toMatchObject({ version: 1, dataLength: 5, cversion: 0, aversion: 0, ephemeralOwner: 0n });
    expect(stat.mzxid).toBe(stat.czxid + 1n);
    expect(stat.mtime).toBeGreaterThanOrEqual(stat.ctime);
    expect(now).toMatchObject({ cversion: 3, numChildren: 1, version: 1, mzxid: stat.mzxid });
    expect(now.pzxid).toBe(stat.mzxid + 3n);
  });

  test('keep null data apart from empty data', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const none = await create(client, `${root}/null`, null);
    const empty = await create(client, `${root}/empty`, '');
    const nothing = await client.ok('getData', { path: none, watch: false });
    expect(nothing.data).toBeNull();
    expect(nothing.stat.dataLength).toBe(0);
    expect((await client.ok('getData', { path: empty, watch: false })).data).toEqual(Buffer.alloc(0));
  });

  test('hold any bytes', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const data = Buffer.from(Array.from({ length: 512 }, (_, i) => i & 0xff));
    await client.ok('create', { path: `${root}/ö-日本`, data, acl: openAcl, flags: 0 });
    expect((await client.ok('getData', { path: `${root}/ö-日本`, watch: false })).data).toEqual(data);
    expect((await client.ok('getChildren', { path: root, watch: false })).children).toEqual(['ö-日本']);
  });

  test('sequential names count the creations under the parent, deletions not', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const sequential = (path: string) => create(client, path, null, 2);
    expect(await sequential(`${root}/x`)).toBe(`${root}/x0000000000`);
    expect(await sequential(`${root}/x`)).toBe(`${root}/x0000000001`);
    await client.ok('delete', { path: `${root}/x0000000001`, version: -1 });
    expect(await sequential(`${root}/y-`)).toBe(`${root}/y-0000000002`);
    await create(client, `${root}/plain`);
    expect(await tryCreate(client, `${root}/plain`)).toBe(nodeExists);
    expect(await sequential(`${root}/`)).toBe(`${root}/0000000004`);
  });

  test('of a session end with it, and can have no children', async () => {
    const owner = await bench.client();
    const other = await bench.client(1);
    const root = await bench.root();
    const path = await create(owner, `${root}/e`, null, 1);
    const sequential = await create(owner, `${root}/s`, null, 3);
    expect((await statOf(owner, path)).ephemeralOwner).toBe(owner.session!.sessionId);
    expect(await tryCreate(owner, `${path}/child`)).toBe(noChildrenForEphemerals);
    await owner.close();
    await other.ok('sync', { path: root });
    expect(await other.code('exists', { path, watch: false })).toBe(noNode);
    expect(await other.code('exists', { path: sequential, watch: false })).toBe(noNode);
  });

  test('and errors: which one comes first', async () => {
    const client = await bench.client();
    const root = await bench.root();
    await create(client, `${root}/a`);
    await create(client, `${root}/a/b`);
    const codes = {
      'create existing': await tryCreate(client, `${root}/a`),
      'create under nothing': await tryCreate(client, `${root}/no/x`),
      'create /': await tryCreate(client, '/'),
      'create empty path': await tryCreate(client, ''),
      'create relative': await tryCreate(client, 'a'),
      'create relative below': await tryCreate(client, 'a/b'),
      'create empty part': await tryCreate(client, `${root}/a//x`),
      'create dot part': await tryCreate(client, `${root}/a/./x`),
      'create dots': await tryCreate(client, `${root}/..`),
      'create trailing slash': await tryCreate(client, `${root}/`),
      'create control character': await tryCreate(client, `${root}/\u0001`),
      'create unknown flags': await tryCreate(client, `${root}/x`, 9),
      'create ttl without ttl': await tryCreate(client, `${root}/x`, 5),
      'delete not empty': await client.code('delete', { path: `${root}/a`, version: -1 }),
      'delete wrong version': await client.code('delete', { path: `${root}/a/b`, version: 3 }),
      'delete missing': await client.code('delete', { path: `${root}/zz`, version: -1 }),
      'delete /': await client.code('delete', { path: '/', version: -1 }),
      'delete /zookeeper': await client.code('delete', { path: '/zookeeper', version: -1 }),
      'delete relative': await client.code('delete', { path: 'a', version: -1 }),
      'setData wrong version': await client.code('setData', { path: root, data: null, version: 7 }),
      'setData missing': await client.code('setData', { path: `${root}/zz`, data: null, version: -1 }),
      'setData trailing slash': await client.code('setData', { path: `${root}/`, data: null, version: -1 }),
      'getData missing': await client.code('getData', { path: `${root}/zz`, watch: false }),
      'getData relative': await client.code('getData', { path: 'a', watch: false }),
      'exists with a null character': await client.code('exists', { path: '/\0', watch: false }),
      'getChildren missing': await client.code('getChildren', { path: `${root}/zz`, watch: false }),
      'setACL wrong version': await client.code('setACL', { path: root, acl: openAcl, version: 4 }),
      reconfig: await client.code('reconfig', {
        joiningServers: '',
        leavingServers: '',
        newMembers: '',
        curConfigId: 0n,
      }),
    };
    expect(codes).toEqual({
      'create existing': nodeExists,
      'create under nothing': noNode,
      'create /': nodeExists,
      'create empty path': badArguments,
      'create relative': badArguments,
      'create relative below': noNode,
      'create empty part': noNode,
      'create dot part': noNode,
      'create dots': badArguments,
      'create trailing slash': badArguments,
      'create control character': badArguments,
      'create unknown flags': badArguments,
      'create ttl without ttl': badArguments,
      'delete not empty': notEmpty,
      'delete wrong version': badVersion,
      'delete missing': noNode,
      'delete /': badArguments,
      'delete /zookeeper': badArguments,
      'delete relative': badArguments,
      'setData wrong version': badVersion,
      'setData missing': noNode,
      'setData trailing slash': badArguments,
      'getData missing': noNode,
      'getData relative': noNode,
      'exists with a null character': badArguments,
      'getChildren missing': noNode,
      'setACL wrong version': badVersion,
      reconfig: reconfigDisabled,
    });
  });

  test('a failed write takes a zxid, a read none', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const { zxid } = await client.call('sync', { path: root });
    const failed = await client.call('create', { path: root, data: null, acl: openAcl, flags: 0 });
    const read = await client.call('exists', { path: root, watch: false });
    const written = await client.call('setData', { path: root, data: null, version: -1 });
    expect([failed.err, failed.zxid, read.zxid, written.zxid]).toEqual([nodeExists, zxid + 1n, zxid + 1n, zxid + 2n]);
  });

  test('the system has its own', async () => {
    const client = await bench.client();
    expect((await client.ok('getChildren', { path: '/', watch: false })).children).toContain('zookeeper');
    const { children } = await client.ok('getChildren', { path: '/zookeeper', watch: false });
    expect(children.sort()).toEqual(['config', 'quota']);
    const config = await client.ok('getACL', { path: '/zookeeper/config' });
    expect(config.acl).toEqual([{ perms: perms.read, scheme: 'world', id: 'anyone' }]);
  });

  test('create2, containers and nodes with a time to live answer with a stat', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const made = await client.ok('create2', { path: `${root}/a`, data: Buffer.from('x'), acl: openAcl, flags: 0 });
    expect(made).toMatchObject({ path: `${root}/a`, stat: { dataLength: 1, version: 0 } });
    const container = await client.ok('createContainer', { path: `${root}/c`, data: null, acl: openAcl, flags: 4 });
    expect(container.stat.ephemeralOwner).toBe(0n);
    const ttl = await client.ok('createTTL', { path: `${root}/t`, data: null, acl: openAcl, flags: 6, ttl: 60_000 });
    expect(ttl.path).toBe(`${root}/t0000000002`);
    const wrong = { data: null, acl: openAcl, flags: 5, path: `${root}/w` };
    expect(await client.code('createTTL', { ...wrong, ttl: 0 })).toBe(badArguments);
    expect(await client.code('createTTL', { ...wrong, ttl: 2 ** 40 })).toBe(badArguments);
    expect(await client.code('createTTL', { ...wrong, flags: 0, ttl: 5 })).toBe(badArguments);
  });

  test('a container goes after its last child, a plain node made with flag 4 stays', async () => {
    const client = await bench.client(0, { timeoutMs: 10_000 });
    const root = await bench.root();
    await client.ok('createContainer', { path: `${root}/container`, data: null, acl: openAcl, flags: 4 });
    await create(client, `${root}/plain`, null, 4);
    for (const name of ['container', 'plain']) {
      await create(client, `${root}/${name}/child`);
      await client.ok('delete', { path: `${root}/${name}/child`, version: -1 });
    }
    const from = client.history.length;
    const { children } = await client.ok('getChildren', { path: root, watch: true });
    if (children.includes('container')) await client.until(from + 2);
    expect((await client.ok('getChildren', { path: root, watch: false })).children).toEqual(['plain']);
  });

  test('a node with a time to live goes when it is over', async () => {
    const client = await bench.client(0, { timeoutMs: 10_000 });
    const root = await bench.root();
    await client.ok('createTTL', { path: `${root}/t`, data: null, acl: openAcl, flags: 5, ttl: 50 });
    const from = client.history.length;
    const { children } = await client.ok('getChildren', { path: root, watch: true });
    if (children.length > 0) await client.until(from + 2);
    expect(await client.code('exists', { path: `${root}/t`, watch: false })).toBe(noNode);
  });

  test('counting and listing', async () => {
    const client = await bench.client();
    const root = await bench.root();
    for (const path of ['a', 'a/b', 'a/b/c', 'ab']) await create(client, `${root}/${path}`);
    await create(client, `${root}/e1`, null, 1);
    await create(client, `${root}/a/e2`, null, 1);
    expect(await client.ok('getAllChildrenNumber', { path: `${root}/a` })).toEqual({ totalNumber: 3 });
    expect(await client.code('getAllChildrenNumber', { path: `${root}/zz` })).toBe(noNode);
    const { ephemerals } = await client.ok('getEphemerals', { prefixPath: '/' });
    expect(ephemerals.sort()).toEqual([`${root}/a/e2`, `${root}/e1`]);
    expect(await client.ok('getEphemerals', { prefixPath: `${root}/a` })).toEqual({ ephemerals: [`${root}/a/e2`] });
    const { children, stat } = await client.ok('getChildren2', { path: root, watch: false });
    expect(children.sort()).toEqual(['a', 'ab', 'e1']);
    expect(stat.numChildren).toBe(3);
  });
});

describeServers('multi', (bench) => {
  const node = (path: string, op: 'create' | 'create2' = 'create', flags = 0): MultiOp => ({
    op,
    path,
    data: null,
    acl: openAcl,
    flags,
  });
  const failures = (results: readonly MultiResult[]) =>
    results.map((result) => (result.op === 'error' ? result.err : result.op));

  test('does all of it, with one zxid', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const { err, zxid, body } = await client.call('multi', {
      ops: [
        node(`${root}/a`),
        node(`${root}/a/b`, 'create2'),
        { op: 'setData', path: `${root}/a`, data: Buffer.from('x'), version: 0 },
        { op: 'createContainer', path: `${root}/c`, data: null, acl: openAcl, flags: 4 },
        { op: 'check', path: `${root}/a`, version: 1 },
        { op: 'delete', path: `${root}/a/b`, version: 0 },
        node(`${root}/q-`, 'create', 2),
      ],
    });
    expect(err).toBe(0);
    expect(body!.results).toMatchObject([
      { op: 'create', path: `${root}/a` },
      { op: 'create', path: `${root}/a/b` },
      { op: 'setData', stat: { version: 1, numChildren: 1, mzxid: zxid } },
      { op: 'create2', path: `${root}/c` },
      { op: 'check' },
      { op: 'delete' },
      { op: 'create', path: `${root}/q-0000000002` },
    ]);
    expect(await statOf(client, `${root}/a`)).toMatchObject({ czxid: zxid, mzxid: zxid, pzxid: zxid, cversion: 2 });
  });

  test('or nothing of it', async () => {
    const client = await bench.client();
    const root = await bench.root();
    await create(client, `${root}/kept`, 'before');
    const before = await statOf(client, root);
    const { err, body } = await client.call('multi', {
      ops: [
        node(`${root}/a`),
        node(`${root}/e`, 'create', 1),
        { op: 'setData', path: `${root}/kept`, data: Buffer.from('after'), version: -1 },
        { op: 'delete', path: `${root}/kept`, version: -1 },
        { op: 'check', path: root, version: 7 },
        node(`${root}/b`),
      ],
    });
    expect(err).toBe(0);
    expect(failures(body!.results)).toEqual([0, 0, 0, 0, badVersion, runtimeInconsistency]);
    expect(await statOf(client, root)).toEqual(before);
    const kept = await client.ok('getData', { path: `${root}/kept`, watch: false });
    expect([kept.data?.toString(), kept.stat.version]).toEqual(['before', 0]);
    expect(await client.ok('getEphemerals', { prefixPath: root })).toEqual({ ephemerals: [] });
    expect(await create(client, `${root}/s`, null, 2)).toBe(`${root}/s0000000001`);
  });

  test('checks rights and versions as it goes', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const results = async (ops: MultiOp[]) => failures((await client.call('multi', { ops })).body!.results);
    expect(await results([])).toEqual([]);
    expect(await results([{ op: 'delete', path: `${root}/zz`, version: -1 }])).toEqual([noNode]);
    expect(await results([node(`${root}/x`), node(`${root}/x`)])).toEqual([0, nodeExists]);
    expect(await results([node(`${root}/x`), { op: 'delete', path: `${root}/x`, version: 0 }])).toEqual([
      'create',
      'delete',
    ]);
  });

  test('fires watches for what it changed, in order, and none when it failed', async () => {
    const client = await bench.client();
    const root = await bench.root();
    await client.call('exists', { path: `${root}/a`, watch: true });
    await client.ok('getChildren', { path: root, watch: true });
    await client.call('multi', { ops: [node(`${root}/a`), { op: 'check', path: root, version: 9 }] });
    expect(client.events).toEqual([]);
    await client.call('multi', { ops: [node(`${root}/a`), node(`${root}/b`)] });
    expect(client.events).toEqual([`1 ${root}/a`, `4 ${root}`]);
  });

  test('multiRead answers each read on its own', async () => {
    const client = await bench.client();
    const root = await bench.root();
    await create(client, `${root}/a`, 'x');
    const { err, body } = await client.call('multiRead', {
      ops: [
        { op: 'getData', path: `${root}/a`, watch: false },
        { op: 'getChildren', path: `${root}/zz`, watch: false },
        { op: 'getChildren', path: root, watch: false },
      ],
    });
    expect(err).toBe(0);
    expect(body!.results).toMatchObject([
      { op: 'getData', data: Buffer.from('x'), stat: { version: 0 } },
      { op: 'error', err: noNode },
      { op: 'getChildren', children: ['a'] },
    ]);
  });
});

describeServers('watches', (bench) => {
  test('fire once, before the reply to the request that changed the node', async () => {
    const client = await bench.client();
    const root = await bench.root();
    await client.ok('getData', { path: root, watch: true });
    await client.ok('getChildren', { path: root, watch: true });
    await client.call('exists', { path: `${root}/a`, watch: true });
    const from = client.history.length;
    await client.call('create', { path: `${root}/a`, data: null, acl: openAcl, flags: 0 }, 100);
    await client.call('setData', { path: root, data: null, version: -1 }, 101);
    await client.call('setData', { path: root, data: null, version: -1 }, 102);
    await client.call('create', { path: `${root}/b`, data: null, acl: openAcl, flags: 0 }, 103);
    expect(client.history.slice(from)).toEqual([
      `event 1 ${root}/a`,
      `event 4 ${root}`,
      'reply 100',
      `event 3 ${root}`,
      'reply 101',
      'reply 102',
      'reply 103',
    ]);
  });

  test('one event a change and connection, whatever watches match', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const path = await create(client, `${root}/a`);
    await client.ok('getData', { path, watch: true });
    await client.ok('exists', { path, watch: true });
    await client.ok('getChildren', { path, watch: true });
    await client.ok('delete', { path, version: -1 });
    expect(client.events).toEqual([`2 ${path}`]);
  });

  test("tell of another client's changes, before any reply that shows them", async () => {
    const watcher = await bench.client(0);
    const writer = await bench.client(1);
    const root = await bench.root();
    await watcher.ok('sync', { path: root });
    await watcher.ok('getData', { path: root, watch: true });
    await writer.ok('setData', { path: root, data: Buffer.from('new'), version: -1 });
    await watcher.ok('sync', { path: root });
    expect(watcher.events).toEqual([`3 ${root}`]);
    expect((await watcher.ok('getData', { path: root, watch: false })).data?.toString()).toBe('new');
  });

  test('of a failed read: exists waits for the node, getData and getChildren do not', async () => {
    const client = await bench.client();
    const root = await bench.root();
    await client.call('exists', { path: `${root}/a`, watch: true });
    await client.call('getData', { path: `${root}/b`, watch: true });
    await client.call('getChildren', { path: `${root}/b`, watch: true });
    await create(client, `${root}/a`);
    await create(client, `${root}/b`);
    expect(client.events).toEqual([`1 ${root}/a`]);
  });

  test('end of a session fires for its nodes', async () => {
    const owner = await bench.client(0);
    const watcher = await bench.client(0);
    const root = await bench.root();
    const path = await create(owner, `${root}/e`, null, 1);
    await watcher.ok('exists', { path, watch: true });
    await watcher.ok('getChildren', { path: root, watch: true });
    const from = watcher.history.length;
    await owner.close();
    expect((await watcher.until(from + 2)).slice(from)).toEqual([`event 2 ${path}`, `event 4 ${root}`]);
  });

  test('setWatches fires what was missed and arms the rest', async () => {
    const client = await bench.client();
    const root = await bench.root();
    for (const name of ['same', 'changed', 'gone', 'parent']) await create(client, `${root}/${name}`);
    const { zxid } = await client.call('sync', { path: root });
    await client.ok('setData', { path: `${root}/changed`, data: null, version: -1 });
    await client.ok('delete', { path: `${root}/gone`, version: -1 });
    await create(client, `${root}/parent/child`);
    await create(client, `${root}/new`);
    const from = client.history.length;
    await client.call(
      'setWatches',
      {
        relativeZxid: zxid,
        dataWatches: [`${root}/same`, `${root}/changed`, `${root}/gone`],
        existWatches: [`${root}/new`, `${root}/never`],
        childWatches: [`${root}/same`, `${root}/parent`, `${root}/gone`],
      },
      -8,
    );
    expect(client.history.slice(from, -1).sort()).toEqual(
      [
        `event 1 ${root}/new`,
        `event 2 ${root}/gone`,
        `event 2 ${root}/gone`,
        `event 3 ${root}/changed`,
        `event 4 ${root}/parent`,
      ].sort(),
    );
    expect(client.history.at(-1)).toBe('reply -8');
    const armed = client.history.length;
    await client.ok('setData', { path: `${root}/same`, data: null, version: -1 });
    await create(client, `${root}/never`);
    await create(client, `${root}/same/child`);
    expect(client.history.slice(armed).filter((line) => line.startsWith('event'))).toEqual([
      `event 3 ${root}/same`,
      `event 1 ${root}/never`,
      `event 4 ${root}/same`,
    ]);
  });

  test('persistent ones stay, for a node and its children', async () => {
    const client = await bench.client();
    const root = await bench.root();
    expect(await client.ok('addWatch', { path: root, mode: 0 })).toEqual({ err: 0 });
    for (let i = 0; i < 2; i++) {
      await client.ok('setData', { path: root, data: null, version: -1 });
      await create(client, `${root}/a`);
      await client.ok('setData', { path: `${root}/a`, data: null, version: -1 });
      await client.ok('delete', { path: `${root}/a`, version: -1 });
    }
    const once = [`3 ${root}`, `4 ${root}`, `4 ${root}`];
    expect(client.events).toEqual([...once, ...once]);
  });

  test('recursive ones tell of everything below, never of children changed', async () => {
    const client = await bench.client();
    const root = await bench.root();
    await client.ok('addWatch', { path: root, mode: 1 });
    await create(client, `${root}/a`);
    await create(client, `${root}/a/b`);
    await client.ok('setData', { path: `${root}/a/b`, data: null, version: -1 });
    await client.ok('delete', { path: `${root}/a/b`, version: -1 });
    await client.ok('setData', { path: root, data: null, version: -1 });
    expect(client.events).toEqual([`1 ${root}/a`, `1 ${root}/a/b`, `3 ${root}/a/b`, `2 ${root}/a/b`, `3 ${root}`]);
  });

  test('setWatches2 brings persistent ones back', async () => {
    const client = await bench.client();
    const root = await bench.root();
    await client.ok('setWatches2', {
      relativeZxid: 0n,
      dataWatches: [],
      existWatches: [],
      childWatches: [],
      persistentWatches: [root],
      persistentRecursiveWatches: [`${root}/a`],
    });
    await create(client, `${root}/a`);
    await create(client, `${root}/a/b`);
    expect(client.events).toEqual([`1 ${root}/a`, `4 ${root}`, `1 ${root}/a/b`]);
  });

  test('can be looked for and taken away', async () => {
    const client = await bench.client();
    const root = await bench.root();
    await client.ok('getData', { path: root, watch: true });
    await client.ok('getChildren', { path: root, watch: true });
    const check = (type: number) => client.code('checkWatches', { path: root, type });
    expect([await check(1), await check(2), await check(3)]).toEqual([0, 0, 0]);
    expect(await client.code('removeWatches', { path: root, type: 2 })).toBe(0);
    expect([await check(1), await check(2), await check(3)]).toEqual([0, noWatcher, 0]);
    expect(await client.code('removeWatches', { path: root, type: 3 })).toBe(0);
    expect(await client.code('removeWatches', { path: root, type: 3 })).toBe(noWatcher);
    await client.ok('addWatch', { path: root, mode: 1 });
    expect(await client.code('removeWatches', { path: root, type: 3 })).toBe(0);
    await client.ok('setData', { path: root, data: null, version: -1 });
    await create(client, `${root}/a`);
    expect(client.events).toEqual([]);
    expect(await check(9)).toBe(marshallingError);
    expect(await client.code('addWatch', { path: root, mode: 9 })).toBe(marshallingError);
  });
});

describeServers('access control', (bench) => {
  const digest = (user: string) => ({ type: 0, scheme: 'digest', credentials: Buffer.from(user) });
  const authAll = [{ perms: 31, scheme: 'auth', id: '' }];

  test('auth becomes the identities of the session', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const acl = async (path: string) => (await client.ok('getACL', { path })).acl;
    const attempt = { path: `${root}/a`, data: null, acl: authAll, flags: 0 };
    expect(await client.code('create', attempt)).toBe(invalidACL);
    const reply = await client.call('auth', digest('u:p'), -4);
    expect(reply).toMatchObject({ xid: -4, zxid: 0n, err: 0 });
    await client.ok('create', attempt);
    expect(await acl(`${root}/a`)).toEqual([{ perms: 31, scheme: 'digest', id: 'u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=' }]);
    await client.ok('setACL', { path: root, acl: [...openAcl, ...openAcl], version: 0 });
    expect(await acl(root)).toEqual(openAcl);
  });

  test('each operation needs its permission', async () => {
    const owner = await bench.client();
    const stranger = await bench.client(1);
    const root = await bench.root();
    await owner.call('auth', digest('owner:secret'), -4);
    const closed = { path: `${root}/closed`, data: Buffer.from('x'), acl: authAll, flags: 0 };
    await owner.ok('create', closed);
    await owner.ok('create', { ...closed, path: `${root}/closed/open`, acl: openAcl });
    const readable = [
      { perms: perms.read, scheme: 'world', id: 'anyone' },
      { perms: perms.all, scheme: 'auth', id: '' },
    ];
    await owner.ok('create', { ...closed, path: `${root}/readable`, acl: readable });
    await stranger.ok('sync', { path: root });
    const codes = async (path: string) => [
      await stranger.code('exists', { path, watch: false }),
      await stranger.code('getData', { path, watch: false }),
      await stranger.code('getChildren', { path, watch: false }),
      await stranger.code('setData', { path, data: null, version: -1 }),
      await stranger.code('create', { path: `${path}/new`, data: null, acl: openAcl, flags: 0 }),
      await stranger.code('setACL', { path, acl: openAcl, version: -1 }),
      await stranger.code('getACL', { path }),
    ];
    expect(await codes(`${root}/closed`)).toEqual([0, noAuth, noAuth, noAuth, noAuth, noAuth, noAuth]);
    expect(await codes(`${root}/readable`)).toEqual([0, 0, 0, noAuth, noAuth, noAuth, 0]);
    // Deleting is a right on the parent.
    expect(await stranger.code('delete', { path: `${root}/closed/open`, version: -1 })).toBe(noAuth);
    expect(await stranger.code('delete', { path: `${root}/readable`, version: -1 })).toBe(0);
    expect(await owner.code('delete', { path: `${root}/closed/open`, version: -1 })).toBe(0);
  });

  test('digests are shown only to those who may change them', async () => {
    const owner = await bench.client();
    const stranger = await bench.client();
    const root = await bench.root();
    await owner.call('auth', digest('u:p'), -4);
    const acl = [
      { perms: perms.read, scheme: 'world', id: 'anyone' },
      { perms: perms.all, scheme: 'auth', id: '' },
    ];
    await owner.ok('create', { path: `${root}/a`, data: null, acl, flags: 0 });
    const seen = await stranger.ok('getACL', { path: `${root}/a` });
    expect(seen.acl).toEqual([
      { perms: perms.read, scheme: 'world', id: 'anyone' },
      { perms: perms.all, scheme: 'digest', id: 'u:x' },
    ]);
  });

  test('lists that make no sense are refused', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const code = (acl: { perms: number; scheme: string; id: string }[]) =>
      client.code('create', { path: `${root}/a`, data: null, acl, flags: 0 });
    expect(await code([])).toBe(invalidACL);
    expect(await code([{ perms: 31, scheme: 'digest', id: 'nobody' }])).toBe(invalidACL);
    expect(await code([{ perms: 31, scheme: 'nope', id: 'x' }])).toBe(invalidACL);
    expect(await code([{ perms: 31, scheme: 'world', id: 'someone' }])).toBe(invalidACL);
    expect(await code([{ perms: 31, scheme: 'ip', id: '127.0.0.1/33' }])).toBe(invalidACL);
    expect(await client.code('exists', { path: `${root}/a`, watch: false })).toBe(noNode);
  });

  test('addresses', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const make = (name: string, id: string) =>
      client.ok('create', { path: `${root}/${name}`, data: null, acl: [{ perms: 31, scheme: 'ip', id }], flags: 0 });
    await make('here', '127.0.0.1');
    await make('net', '127.0.0.0/8');
    await make('elsewhere', '10.0.0.0/8');
    const read = (name: string) => client.code('getData', { path: `${root}/${name}`, watch: false });
    expect([await read('here'), await read('net'), await read('elsewhere')]).toEqual([0, 0, noAuth]);
  });

  test('who am I', async () => {
    const client = await bench.client();
    await client.call('auth', digest('u:p'), -4);
    await client.call('auth', digest('v:p'), 7);
    const { clientInfo } = await client.ok('whoAmI', {});
    expect(clientInfo.map(({ authScheme, user }) => `${authScheme} ${user}`).sort()).toEqual([
      'digest u',
      'digest v',
      'ip 127.0.0.1',
    ]);
  });

  test('an unknown scheme is answered, then the connection ends', async () => {
    const client = await bench.client();
    const reply = await client.call('auth', { type: 0, scheme: 'nope', credentials: Buffer.from('x') }, -4);
    expect(reply).toMatchObject({ xid: -4, zxid: 0n, err: authFailed });
    await client.closed;
  });
});

describeServers('sessions', (bench) => {
  test('get a timeout within 2 and 20 ticks', async () => {
    const timeout = async (timeoutMs: number) => (await bench.client(0, { timeoutMs })).session!.timeoutMs;
    expect([await timeout(-5), await timeout(1), await timeout(3000), await timeout(1_000_000)]).toEqual([
      1000, 1000, 3000, 10_000,
    ]);
  });

  test('the read-only byte comes back only to those who sent it', async () => {
    expect((await bench.client(0)).session!.readOnly).toBeUndefined();
    expect((await bench.client(0, { readOnly: true })).session!.readOnly).toBe(false);
  });

  test('do not ask for the version of the protocol', async () => {
    const client = await bench.client(0, { protocolVersion: 7 });
    expect(client.session!.protocolVersion).toBe(0);
    expect(await client.code('exists', { path: '/', watch: false })).toBe(0);
  });

  test('can be taken up again with id and password, on any server, and the nodes stay', async () => {
    const first = await bench.client(0);
    const root = await bench.root();
    const path = await create(first, `${root}/e`, null, 1);
    first.drop();
    const { sessionId, password } = first.session!;
    const second = await bench.client(1, { sessionId, password, timeoutMs: 6000 });
    expect(second.session).toMatchObject({ sessionId, timeoutMs: 6000 });
    expect((await statOf(second, path)).ephemeralOwner).toBe(sessionId);
  });

  test('taken up on the same server, the older connection ends', async () => {
    const first = await bench.client(0);
    const { sessionId, password } = first.session!;
    const second = await bench.client(0, { sessionId, password });
    await first.closed;
    expect(await second.code('exists', { path: '/', watch: false })).toBe(0);
  });

  // A server alone has no other.
  if (bench.ensemble)
    test('taken up on another server, a write on the older connection ends it', async () => {
      const root = await bench.root();
      const node = { path: `${root}/a`, data: null, acl: openAcl, flags: 0 };
      const attempts: ((client: RawClient) => Promise<unknown>)[] = [
        (client) => client.call('create', node),
        (client) => client.call('multi', { ops: [{ op: 'create', ...node }] }),
      ];
      for (const attempt of attempts) {
        const first = await bench.client(0);
        const { sessionId, password } = first.session!;
        const second = await bench.client(1, { sessionId, password });
        await expect(attempt(first)).rejects.toThrow('closed');
        expect(await second.code('exists', { path: node.path, watch: false })).toBe(noNode);
      }
    });

  test('an unknown session or a wrong password is answered with nothing, then closed', async () => {
    const owner = await bench.client();
    const { sessionId, password } = owner.session!;
    for (const options of [
      { sessionId: 77n, password: Buffer.alloc(16) },
      { sessionId, password: Buffer.from('0123456789abcdef') },
    ]) {
      const client = await bench.client(0, options);
      expect(client.session).toMatchObject({ timeoutMs: 0, sessionId: 0n, password: Buffer.alloc(16) });
      await client.closed;
    }
    // The attempt ended the owner's connection, but not its session.
    await owner.closed;
    expect((await bench.client(0, { sessionId, password })).session).toMatchObject({ sessionId });
  });

  test('a client that has seen the future is turned away', async () => {
    const client = await bench.client(0, { lastZxidSeen: 2n ** 60n });
    expect(client.session).toBeUndefined();
    await client.closed;
  });

  test('end when nothing is heard of the client, and its nodes go', async () => {
    const watcher = await bench.client(0, { timeoutMs: 10_000 });
    const root = await bench.root();
    const silent = await bench.client(0, { timeoutMs: 2000 });
    const path = await create(silent, `${root}/e`, null, 1);
    const from = watcher.history.length;
    await watcher.ok('exists', { path, watch: true });
    await watcher.until(from + 2);
    expect(watcher.events).toEqual([`2 ${path}`]);
    await silent.closed;
    const { sessionId, password } = silent.session!;
    expect((await bench.client(0, { sessionId, password })).session!.sessionId).toBe(0n);
  });

  test('live as long as pings come', async () => {
    // Long enough for a busy machine to send the pings in time.
    const client = await bench.client(0, { timeoutMs: 2500 });
    const other = await bench.client(0, { timeoutMs: 10_000 });
    const root = await bench.root();
    const path = await create(client, `${root}/e`, null, 1);
    // Another session of the same timeout that ends in between shows that time passed.
    const silent = await bench.client(0, { timeoutMs: 2500 });
    const pings = setInterval(() => void client.call('ping', {}, -2).catch(() => {}), 300);
    await silent.closed;
    clearInterval(pings);
    expect(await other.code('exists', { path, watch: false })).toBe(0);
  });

  test('a ping answers with the current zxid', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const { zxid } = await client.call('setData', { path: root, data: null, version: -1 });
    expect(await client.call('ping', {}, -2)).toMatchObject({ xid: -2, zxid, err: 0 });
  });

  test('closing answers, then ends the connection', async () => {
    const client = await bench.client();
    expect(await client.call('closeSession', {})).toMatchObject({ err: 0 });
    await client.closed;
  });
});

describeServers('a connection', (bench) => {
  test('answers in the order of the requests, however they come', async () => {
    const client = await bench.client(1);
    const root = await bench.root();
    await client.ok('sync', { path: root });
    const from = client.history.length;
    const replies = await Promise.all([
      client.call('create', { path: `${root}/a`, data: Buffer.from('1'), acl: openAcl, flags: 0 }, 501),
      client.call('getData', { path: `${root}/a`, watch: true }, 502),
      client.call('ping', {}, -2),
      client.call('setData', { path: `${root}/a`, data: Buffer.from('2'), version: 0 }, 503),
      client.call('getData', { path: `${root}/a`, watch: false }, 504),
      client.call('delete', { path: `${root}/a`, version: 1 }, 505),
      client.call('exists', { path: `${root}/a`, watch: false }, 506),
    ]);
    expect(replies.map(({ err }) => err)).toEqual([0, 0, 0, 0, 0, 0, noNode]);
    expect((replies[1]!.body as { data: Buffer }).data.toString()).toBe('1');
    expect((replies[4]!.body as { data: Buffer }).data.toString()).toBe('2');
    expect(client.history.slice(from)).toEqual([
      'reply 501',
      'reply 502',
      'reply -2',
      `event 3 ${root}/a`,
      'reply 503',
      'reply 504',
      'reply 505',
      'reply 506',
    ]);
  });

  test('takes thousands of pipelined requests', async () => {
    const client = await bench.client(2);
    const root = await bench.root();
    await client.ok('sync', { path: root });
    const created = await Promise.all(
      Array.from({ length: 3000 }, () =>
        client.ok('create', { path: `${root}/n`, data: null, acl: openAcl, flags: 2 }),
      ),
    );
    expect(created.map(({ path }) => path)).toEqual(
      Array.from({ length: 3000 }, (_, i) => `${root}/n${String(i).padStart(10, '0')}`),
    );
  });

  test('with a malformed body gets an error, and goes on', async () => {
    const client = await bench.client();
    expect((await client.callRaw(opCodes.getData, Buffer.from([0, 0]))).err).toBe(marshallingError);
    expect((await client.callRaw(opCodes.create, Buffer.from([0, 0, 0, 90]))).err).toBe(marshallingError);
    expect((await client.callRaw(opCodes.multi, Buffer.from([0, 0, 0, 99, 0, 0, 0, 0, 0]))).err).toBe(marshallingError);
    expect(await client.code('exists', { path: '/', watch: false })).toBe(0);
  });

  test('with an unknown operation gets an error and ends', async () => {
    const client = await bench.client();
    expect(await client.callRaw(999, Buffer.alloc(0))).toMatchObject({ err: unimplemented, zxid: -1n });
    await client.closed;
  });

  test('without SASL answers with an empty token', async () => {
    const client = await bench.client();
    const reply = await client.call('sasl', { token: Buffer.alloc(0) });
    expect(reply).toMatchObject({ err: 0, zxid: 0n, body: { token: null } });
  });

  test('ends at a frame over the limit, a negative length or bytes that are no request', async () => {
    for (const bytes of [
      Buffer.from('7fffffff', 'hex'),
      Buffer.from('ffffffff', 'hex'),
      Buffer.from('00000002ffff', 'hex'),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    ]) {
      const client = await bench.client(0, { silent: true });
      client.write(bytes);
      await client.closed;
    }
    const established = await bench.client();
    established.write(Buffer.from('00100001', 'hex'));
    await established.closed;
    expect(await (await bench.client()).code('exists', { path: '/', watch: false })).toBe(0);
  });

  test('that come before the session is there disturb nobody else when they are malformed', async () => {
    const other = await bench.client();
    const connect = encodeFrame((w) =>
      ConnectRequest.write(w, {
        protocolVersion: 0,
        lastZxidSeen: 0n,
        timeoutMs: 4000,
        sessionId: 0n,
        password: Buffer.alloc(16),
      }),
    );
    for (const type of [opCodes.auth, opCodes.sync]) {
      const request = Buffer.from('0000000c00000001000000007fffffff', 'hex');
      request.writeInt32BE(type, 8);
      const client = await bench.client(0, { silent: true });
      client.write(Buffer.concat([connect, request]));
      // The real server keeps the connection until the session is over; ours ends it at once.
      if (!bench.real) await client.closed;
    }
    expect(await other.code('exists', { path: '/', watch: false })).toBe(0);
  });

  test('takes a request in any pieces', async () => {
    const client = await bench.client();
    const root = await bench.root();
    const body = Buffer.concat([Buffer.from([0, 0, 0, root.length]), Buffer.from(root), Buffer.from([0])]);
    const frame = Buffer.alloc(12);
    frame.writeInt32BE(8 + body.length, 0);
    frame.writeInt32BE(77, 4);
    frame.writeInt32BE(opCodes.exists, 8);
    for (const byte of Buffer.concat([frame, body])) {
      client.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await client.until(1))[0]).toBe('reply 77');
  });
});

describeServers('admin words', (bench) => {
  const ask = (word: string) => fourLetterWord(bench.target.ports[0]!, word);

  test('ruok, isro, srvr', async () => {
    expect(await ask('ruok')).toBe('imok');
    expect(await ask('isro')).toBe('rw');
    const text = await ask('srvr');
    expect(text).toMatch(/^Zookeeper version: 3\.8\.0\S*, built on .*\nLatency min\/avg\/max: \d+\/[\d.]+\/\d+\n/);
    expect(text).toMatch(
      /\nReceived: \d+\nSent: \d+\nConnections: \d+\nOutstanding: \d+\nZxid: 0x[0-9a-f]+\nMode: \w+\n/,
    );
    expect(text).toMatch(/\nNode count: \d+\n$/);
  });

  test('exactly one server leads', async () => {
    const texts = await Promise.all(bench.target.ports.map((port) => fourLetterWord(port, 'srvr')));
    const modes = texts.map((text) => /Mode: (\w+)/.exec(text)?.[1]).sort();
    expect(modes).toEqual(bench.ensemble ? ['follower', 'follower', 'leader'] : ['standalone']);
  });

  test('stat and cons list the clients', async () => {
    const client = await bench.client();
    await client.ok('exists', { path: '/', watch: false });
    expect(await ask('stat')).toMatch(
      /Clients:\n( \/127\.0\.0\.1:\d+\[\d\]\(queued=\d+,recved=\d+,sent=\d+\)\n)+\nLatency/,
    );
    const sid = client.session!.sessionId.toString(16);
    expect(await ask('cons')).toContain(`sid=0x${sid},lop=`);
  });

  test('mntr has what monitors read', async () => {
    const values = new Map((await ask('mntr')).split('\n').map((line) => line.split('\t') as [string, string]));
    for (const key of [
      'zk_version',
      'zk_server_state',
      'zk_znode_count',
      'zk_ephemerals_count',
      'zk_watch_count',
      'zk_num_alive_connections',
      'zk_outstanding_requests',
      'zk_packets_received',
      'zk_packets_sent',
      'zk_avg_latency',
      'zk_min_latency',
      'zk_max_latency',
      'zk_approximate_data_size',
      'zk_open_file_descriptor_count',
      'zk_global_sessions',
    ])
      expect(values.get(key), key).toMatch(/\S/);
  });

  test('conf, envi, dump, wchs, wchc, wchp, srst, crst', async () => {
    const client = await bench.client();
    const root = await bench.root();
    await client.ok('getData', { path: root, watch: true });
    await create(client, `${root}/e`, null, 1);
    const sid = `0x${client.session!.sessionId.toString(16)}`;
    expect(await ask('conf')).toMatch(/clientPort=\d+\n[\s\S]*tickTime=500\n[\s\S]*minSessionTimeout=1000\n/);
    expect(await ask('envi')).toMatch(/^Environment:\nzookeeper\.version=3\.8\.0/);
    expect(await ask('wchs')).toMatch(/^\d+ connections watching \d+ paths\nTotal watches:\d+\n$/);
    expect(await ask('wchc')).toContain(`${sid}\n\t${root}\n`);
    expect(await ask('wchp')).toContain(`${root}\n\t${sid}\n`);
    expect(await ask('dump')).toContain(`${sid}:\n\t${root}/e\n`);
    expect(await ask('srst')).toBe('Server stats reset.\n');
    expect(await ask('crst')).toBe('Connection stats reset.\n');
  });

  test('anything else is no word', async () => {
    expect(await ask('nope')).toBe('');
  });
});
