/** Clients written by others, unchanged, on every server. */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import zookeeper from 'node-zookeeper-client';
import { afterAll, expect, test } from 'vitest';
import { describeServers } from './targets.ts';

type Client = ReturnType<typeof zookeeper.createClient>;
type Callback<T> = (error: unknown, result: T) => void;

/** The result of a function that takes a Node callback. */
function result<T>(run: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => run((error, value) => (error ? reject(error) : resolve(value))));
}

describeServers('node-zookeeper-client', (bench) => {
  const clients: Client[] = [];
  afterAll(() => {
    for (const client of clients) client.close();
  });

  const open = async (connect = bench.target.connect): Promise<Client> => {
    const client = zookeeper.createClient(connect, { sessionTimeout: 4000, spinDelay: 50 });
    clients.push(client);
    await new Promise<void>((resolve) => {
      client.once('connected', () => resolve());
      client.connect();
    });
    return client;
  };
  /** One server, so that what one client wrote is there for the next. */
  const openFirst = () => open(`127.0.0.1:${bench.target.ports[0]}`);
  const { PERSISTENT, EPHEMERAL, EPHEMERAL_SEQUENTIAL } = zookeeper.CreateMode;

  test('creates, reads, changes and removes', async () => {
    const client = await open();
    const root = await result<string>((done) => client.mkdirp('/nzc/basic', done));
    await result((done) => client.create(`${root}/a`, Buffer.from('one'), PERSISTENT, done));
    const stat = await result<{ version: number }>((done) => client.setData(`${root}/a`, Buffer.from('two'), 0, done));
    expect(stat.version).toBe(1);
    expect(String(await result((done) => client.getData(`${root}/a`, null, done)))).toBe('two');
    expect(await result((done) => client.getChildren(root, null, done))).toEqual(['a']);
    await expect(result((done) => client.remove(`${root}/a`, 0, done as Callback<void>))).rejects.toMatchObject({
      name: 'BAD_VERSION',
    });
    await result((done) => client.remove(`${root}/a`, -1, done as Callback<void>));
    expect(await result((done) => client.exists(`${root}/a`, null, done))).toBeNull();
  });

  test('tells of changes', async () => {
    const watcher = await openFirst();
    const writer = await openFirst();
    const root = await result<string>((done) => writer.mkdirp('/nzc/watches', done));
    const seen: string[] = [];
    const two = new Promise<void>((resolve) => {
      const note = (event: { name: string; path: string }) => {
        seen.push(`${event.name} ${event.path}`);
        if (seen.length === 2) resolve();
      };
      watcher.getChildren(root, note, () =>
        watcher.exists(`${root}/a`, note, () => writer.create(`${root}/a`, null, PERSISTENT, () => {})),
      );
    });
    await two;
    expect(seen.sort()).toEqual([`NODE_CHILDREN_CHANGED ${root}`, `NODE_CREATED ${root}/a`]);
  });

  test('keeps its ephemeral nodes until it closes', async () => {
    const owner = await openFirst();
    const other = await openFirst();
    const root = await result<string>((done) => owner.mkdirp('/nzc/ephemeral', done));
    await result((done) => owner.create(`${root}/e`, null, EPHEMERAL, done));
    const names = await Promise.all(
      Array.from({ length: 5 }, () =>
        result<string>((done) => owner.create(`${root}/s-`, null, EPHEMERAL_SEQUENTIAL, done)),
      ),
    );
    expect(new Set(names).size).toBe(5);
    expect(await result<string[]>((done) => other.getChildren(root, null, done))).toHaveLength(6);
    const gone = new Promise<string>((resolve) => {
      other.exists(
        `${root}/e`,
        (event) => resolve(event.name),
        () => owner.close(),
      );
    });
    expect(await gone).toBe('NODE_DELETED');
  });

  test('commits transactions as a whole', async () => {
    const client = await open();
    const root = await result<string>((done) => client.mkdirp('/nzc/transaction', done));
    const results = await result<{ type: number }[]>((done) =>
      client
        .transaction()
        .create(`${root}/a`, Buffer.from('x'))
        .setData(`${root}/a`, Buffer.from('y'), 0)
        .check(`${root}/a`, 1)
        .remove(`${root}/a`, 1)
        .commit(done),
    );
    expect(results.map(({ type }) => type)).toEqual([1, 5, 13, 2]);
    const failed = result((done) => client.transaction().create(`${root}/b`).remove(`${root}/zz`).commit(done));
    await expect(failed).rejects.toThrow();
    expect(await result((done) => client.exists(`${root}/b`, null, done))).toBeNull();
  });

  test('closes nodes to others by digest', async () => {
    const owner = await openFirst();
    const stranger = await openFirst();
    owner.addAuthInfo('digest', Buffer.from('user:password'));
    const root = await result<string>((done) => owner.mkdirp('/nzc/acl', done));
    const acl = zookeeper.ACL.CREATOR_ALL_ACL;
    await result((done) => owner.create(`${root}/a`, Buffer.from('x'), acl, PERSISTENT, done));
    await expect(result((done) => stranger.getData(`${root}/a`, null, done))).rejects.toMatchObject({
      name: 'NO_AUTH',
    });
    expect(String(await result((done) => owner.getData(`${root}/a`, null, done)))).toBe('x');
  });
});

const python = ['/usr/bin/python3', 'python3'].find(
  (program) => spawnSync(program, ['-c', 'import kazoo'], { stdio: 'ignore' }).status === 0,
);

describeServers(python ? 'kazoo' : 'kazoo (skipped: no Python with kazoo)', (bench) => {
  test.skipIf(python === undefined)('nodes, transactions, watches, locks, elections, queues', async () => {
    const script = fileURLToPath(new URL('./kazoo_smoke.py', import.meta.url));
    const child = spawn(python!, [script, bench.target.connect]);
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(output.trim().split('\n').at(-1), output).toBe('all well');
    expect(code).toBe(0);
  });
});
