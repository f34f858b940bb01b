import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import {
  createStateWriter,
  DocumentTooLarge,
  type WriteOp,
  type WriterClient,
} from '../../../src/embedded/marathon/store/writer.ts';
import { silentLogger } from '../../../src/support/logger.ts';

/** Nodes with versions, and a connection whose failures are scripted. */
function fakeZooKeeper() {
  const nodes = new Map<string, { data: Buffer; version: number }>([
    ['/s/writer', { data: Buffer.from('a 0'), version: 3 }],
  ]);
  const batches: WriteOp[][] = [];
  /** What becomes of the next multis. */
  const script: ('lost before' | 'lost after' | 'ok')[] = [];
  const lost = () => Object.assign(new Error('connection lost'), { uncertain: true });
  const apply = (ops: readonly WriteOp[]) => {
    const next = new Map(nodes);
    for (const op of ops) {
      const node = next.get(op.path);
      if (op.op === 'create') {
        if (node) throw new Error(`node exists: ${op.path}`);
        next.set(op.path, { data: op.data, version: 0 });
      } else if (!node) throw new Error(`no node: ${op.path}`);
      else if (op.op === 'delete') next.delete(op.path);
      else if (op.version !== -1 && op.version !== node.version) throw new Error(`bad version: ${op.path}`);
      else next.set(op.path, { data: op.data, version: node.version + 1 });
    }
    nodes.clear();
    for (const [path, node] of next) nodes.set(path, node);
  };
  const client: WriterClient = {
    async multi(ops) {
      await Promise.resolve();
      const fate = script.shift() ?? 'ok';
      if (fate === 'lost before') throw lost();
      apply(ops);
      batches.push([...ops]);
      if (fate === 'lost after') throw lost();
    },
    read: async (path) => nodes.get(path),
    isUncertain: (error) => (error as { uncertain?: boolean }).uncertain === true,
    connected: async () => {},
  };
  return { nodes, batches, script, client };
}

function open(zk = fakeZooKeeper(), limits: { maxNodeSize?: number; compressFrom?: number } = {}) {
  const lost: string[] = [];
  const writer = createStateWriter({
    client: zk.client,
    base: '/s',
    writerId: 'me',
    existing: new Set(['roots']),
    writerVersion: 3,
    maxNodeSize: limits.maxNodeSize ?? 1000,
    compressFrom: limits.compressFrom,
    log: silentLogger,
    onLost: (reason) => lost.push(reason),
  });
  return { zk, writer, lost };
}

const json = (data: Buffer | undefined) => JSON.parse(data?.toString('utf8') ?? 'null');

test('what is written in one turn goes out as one batch; of several writes the last counts', async () => {
  const { zk, writer } = open();
  writer.put('instances/a/1', { n: 1 });
  writer.put('instances/a/1', { n: 2 });
  writer.put('instances/a/2', { n: 3 });
  await writer.flushed();
  expect(zk.batches).toHaveLength(1);
  expect(json(zk.nodes.get('/s/instances/a/1')?.data)).toEqual({ n: 2 });
  expect(json(zk.nodes.get('/s/instances/a/2')?.data)).toEqual({ n: 3 });
  expect(zk.nodes.get('/s/writer')).toMatchObject({ version: 4, data: Buffer.from('me 1') });
});

test('writes during a batch wait for the next, and `flushed` for them', async () => {
  const { zk, writer } = open();
  writer.put('roots/1', 1);
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 2; i < 10; i++) writer.put(`roots/${i}`, i);
  await writer.flushed();
  expect(zk.batches).toHaveLength(2);
  expect(zk.nodes.has('/s/roots/9')).toBe(true);
});

test('removing needs no node; what was removed can be made again', async () => {
  const { zk, writer } = open();
  writer.put('roots/1', 1);
  await writer.flushed();
  writer.remove('roots/1');
  writer.remove('roots/never');
  await writer.flushed();
  expect(zk.nodes.has('/s/roots/1')).toBe(false);
  writer.put('roots/1', 2);
  await writer.flushed();
  expect(json(zk.nodes.get('/s/roots/1')?.data)).toBe(2);
});

for (const fate of ['lost before', 'lost after'] as const)
  test(`a batch whose connection was ${fate} it was done is done exactly once`, async () => {
    const { zk, writer, lost } = open();
    zk.script.push(fate);
    writer.put('roots/1', 1);
    await writer.flushed();
    writer.put('roots/1', 2);
    await writer.flushed();
    expect(zk.batches).toHaveLength(2);
    expect(json(zk.nodes.get('/s/roots/1')?.data)).toBe(2);
    expect(lost).toEqual([]);
  });

test('a writer that was replaced writes nothing and says so', async () => {
  const { zk, writer, lost } = open();
  zk.nodes.set('/s/writer', { data: Buffer.from('other 0'), version: 4 });
  writer.put('roots/1', 1);
  let flushed = false;
  void writer.flushed().then(() => {
    flushed = true;
  });
  await expect.poll(() => lost).toEqual(['another leader writes the state']);
  expect(zk.nodes.has('/s/roots/1')).toBe(false);
  expect(flushed).toBe(false);
});

test('large documents are compressed, and refused when that is not enough', async () => {
  const { zk, writer } = open(undefined, { maxNodeSize: 500, compressFrom: 100 });
  const long = 'x'.repeat(5000);
  writer.put('roots/1', long);
  await writer.flushed();
  const { data } = zk.nodes.get('/s/roots/1')!;
  expect(data.length).toBeLessThan(500);
  expect(JSON.parse(gunzipSync(data).toString('utf8'))).toBe(long);
  const random = Array.from({ length: 3000 }, () => Math.random().toString(36).slice(2, 4)).join('');
  expect(() => writer.put('roots/2', random)).toThrow(DocumentTooLarge);
});
