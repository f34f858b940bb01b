import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, type DevclusterError, type StartOptions, startCluster } from '../../src/fixture/index.ts';
import { withZooKeeper } from '../../src/fixture/state.ts';
import { processesNaming } from './devcluster.ts';

let stateHome: string;
const start = (options: StartOptions = {}) => startCluster({ nodes: 1, stateHome, ...options });
const job = (id: string, more: object = {}) => ({ id, cmd: 'sleep 1000', cpus: 0.1, mem: 16, ...more });
const never = new AbortController().signal;
const clusters = async () => (await readdir(join(stateHome, 'devcluster')).catch(() => [])).sort();
const errorOf = (promise: Promise<unknown>): Promise<DevclusterError> =>
  promise.then(
    () => expect.fail('it should have failed'),
    (error) => error,
  );

beforeAll(async () => {
  stateHome = await mkdtemp(join(tmpdir(), 'fixture-library-'));
});
afterAll(() => rm(stateHome, { recursive: true, force: true }));

describe('a cluster of three nodes', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await start({ nodes: 3, apps: [job('first')] });
  });
  afterAll(() => cluster.stop());

  it('hands out where everything is, and has deployed its apps', async () => {
    expect(cluster.nodes.map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
    expect(cluster.environment).toMatchObject({ DEVCLUSTER_NAME: cluster.name, ZK_HOSTS: cluster.endpoints.zookeeper });
    expect((await cluster.status()).state).toBe('running');
    expect((await cluster.waitFor('first')).tasksRunning).toBe(1);
  });

  it('reads logs of services and of tasks', async () => {
    await cluster.deploy(job('greeter', { cmd: 'echo hello from $MESOS_TASK_ID; sleep 1000' }));
    const line = await cluster.waitFor(async () => {
      for await (const { text } of cluster.logs('app:greeter')) if (text.startsWith('hello from greeter.')) return text;
      return undefined;
    });
    expect(line).toMatch(/greeter/);
    const sources = new Set<string>();
    for await (const { source } of cluster.logs('marathon')) sources.add(source);
    expect([...sources].sort()).toEqual(['node-1/marathon', 'node-2/marathon', 'node-3/marathon']);
  });

  it('goes back to how it was: apps, what was taken from them, znodes and sandboxes', async () => {
    await cluster.deploy([job('web', { instances: 2 }), job('first', { instances: 3 })]);
    const { directory } = await cluster.mesos.sandbox((await cluster.marathon.tasks())[0]!.id);
    expect(existsSync(directory)).toBe(true);
    await withZooKeeper({ zookeeper: cluster.endpoints.zookeeper }, never, async (client) => {
      await client.ensurePath('/mine/deep/down');
      await client.create('/mine/data', 'x');
    });
    const before = await cluster.marathon.tasks();
    await cluster.reset();
    expect((await cluster.marathon.apps()).map(({ id, instances }) => [id, instances])).toEqual([['/first', 1]]);
    await withZooKeeper({ zookeeper: cluster.endpoints.zookeeper }, never, async (client) => {
      expect((await client.getChildren('/')).sort()).toEqual(['marathon', 'mesos', 'zookeeper']);
    });
    const running = new Set((await cluster.marathon.tasks()).map(({ id }) => id));
    const gone = before.filter(({ id }) => !running.has(id));
    expect(gone.length).toBeGreaterThan(0);
    for (const { id } of gone) {
      const sandbox = await cluster.mesos.sandbox(id).catch(() => undefined);
      if (sandbox) expect(existsSync(sandbox.directory)).toBe(false);
    }
  });

  it('goes back to a snapshot that was taken later', async () => {
    await cluster.deploy(job('kept'));
    const snapshot = await cluster.snapshot();
    await cluster.deploy(job('lost', { instances: 0 }));
    await cluster.reset(snapshot);
    expect((await cluster.marathon.apps()).map(({ id }) => id).sort()).toEqual(['/first', '/kept']);
    await cluster.reset();
    expect((await cluster.marathon.apps()).map(({ id }) => id)).toEqual(['/first']);
  });

  it('removes frameworks that a test has left', async () => {
    const frameworks = async () => (await cluster.mesos.state()).frameworks.map(({ name }) => name);
    const { leader_info: leader } = await cluster.mesos.state();
    const subscribe = {
      type: 'SUBSCRIBE',
      subscribe: {
        framework_info: {
          user: 'root',
          name: 'left',
          failover_timeout: 3600,
          roles: ['mine'],
          capabilities: [{ type: 'MULTI_ROLE' }],
        },
      },
    };
    const abort = new AbortController();
    const answer = await fetch(`http://${leader?.hostname}:${leader?.port}/api/v1/scheduler`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify(subscribe),
      signal: abort.signal,
    });
    expect(answer.status).toBe(200);
    await cluster.waitFor(async () => (await frameworks()).includes('left'));
    await cluster.reset();
    expect(await frameworks()).toEqual(['marathon']);
    abort.abort();
  });

  it('is repaired by a reset after its nodes were killed, cut off and paused', async () => {
    await cluster.node('node-2').kill();
    expect((await cluster.status()).nodes[1]).toMatchObject({ state: 'failed' });
    await cluster.reset();
    await cluster.node('node-3').partition();
    await cluster.node('node-1').pause();
    // A signal takes its moment.
    const states = async () => (await cluster.status()).nodes.map(({ state }) => state).join();
    await cluster.waitFor(async () => (await states()) === 'paused,running,partitioned');
    await cluster.reset();
    expect(await states()).toBe('running,running,running');
    await cluster.waitFor(async () => (await cluster.status()).state === 'running', { what: 'the whole cluster' });
    await cluster.node('node-2').stop();
    await cluster.node('node-2').start();
    await cluster.waitFor(async () => (await cluster.status()).state === 'running');
  });

  it('says what it waited for in vain', async () => {
    await cluster.deploy(job('none', { instances: 0 }));
    const error = await errorOf(cluster.waitFor(() => false, { timeoutMs: 50, what: 'the moon' }));
    expect([error.name, error.code, error.kind]).toEqual(['WaitTimeoutError', 'WAIT_TIMEOUT', 'timeout']);
    expect(error.message).toMatch(/^the moon: not within 0.05 s/);
    const nowhere = await errorOf(cluster.waitFor('nowhere', { timeoutMs: 100 }));
    expect(nowhere.message).toMatch(/^The app \/nowhere: not within 0.1 s/);
    const abort = new AbortController();
    const waiting = errorOf(cluster.waitFor(() => false, { signal: abort.signal }));
    abort.abort(new Error('enough'));
    expect((await waiting).message).toBe('enough');
    expect((await errorOf(cluster.deploy({ id: 'Bad Id', cmd: 'true' }))).code).toBe('MARATHON_INVALID');
  });

  it('writes down all that is known, with what was done', async () => {
    const folder = join(stateHome, 'report');
    const files = await cluster.report(folder);
    expect(files.map((file) => file.slice(folder.length + 1))).toEqual([
      'apps.json',
      'history.json',
      'node-1.log',
      'node-2.log',
      'node-3.log',
      'status.json',
      'tasks.log',
    ]);
    const history = JSON.parse(await readFile(join(folder, 'history.json'), 'utf8'));
    expect(history).toMatchObject({ cluster: cluster.name, engine: 'embedded' });
    expect(history.entries.map(({ what }: { what: string }) => what)).toContain('node kill');
  });
});

describe('the end', () => {
  it('may come twice, leaves nothing, and everything after it is refused by name', async () => {
    const cluster = await start();
    await cluster.deploy(job('job'));
    await Promise.all([cluster.stop(), cluster.stop()]);
    await cluster.stop();
    const errors = await Promise.all(
      [
        cluster.deploy(job('more')),
        cluster.reset(),
        cluster.status(),
        cluster.waitFor('job'),
        (async () => cluster.marathon.apps())(),
        (async () => cluster.node('node-1'))(),
      ].map(errorOf),
    );
    for (const error of errors) expect([error.name, error.code]).toEqual(['ClusterStoppedError', 'CLUSTER_STOPPED']);
    expect(await clusters()).not.toContain(cluster.name);
    expect(processesNaming(`${stateHome}/devcluster/${cluster.name}/`)).toEqual([]);
  });

  it('comes by `await using`', async () => {
    const cluster = await start();
    await cluster[Symbol.asyncDispose]();
    expect(await clusters()).not.toContain(cluster.name);
  });
});

describe('a start that fails', () => {
  it('is aborted: nothing is left', async () => {
    const abort = new AbortController();
    const starting = errorOf(start({ name: 'aborted', signal: abort.signal }));
    abort.abort(new Error('never mind'));
    expect((await starting).message).toBe('never mind');
    expect(await clusters()).not.toContain('aborted');
  });

  it('a port that was asked for is taken: the error names it, nothing is left', async () => {
    const server = createServer().listen(0, '0.0.0.0');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const error = await errorOf(start({ name: 'no-port', ports: { marathon: port } }));
    expect([error.kind, error.message]).toEqual(['conflict', expect.stringContaining(String(port))]);
    expect(await clusters()).not.toContain('no-port');
    server.close();
  });

  it('a mistake in the options, in an app or in a duration is named', async () => {
    const wrong = {
      components: { 'mesos-agent': { engine: 'mesos' }, 'mesos-master': { engine: 'embedded' } },
    } as const;
    expect((await errorOf(start(wrong))).code).toBe('CONFIG_INVALID');
    expect((await errorOf(start({ name: 'Bad Name' }))).code).toBe('BAD_CLUSTER_NAME');
    expect((await errorOf(start({ apps: [{ id: 'x' }] }))).code).toBe('MARATHON_INVALID');
    expect((await errorOf(start({ apps: ['/no/such/file.json'] }))).kind).toBe('usage');
    expect(await clusters()).toEqual([]);
  });
});

describe('several clusters', () => {
  it('eight start at once without a clash, and know their own snapshots and names', async () => {
    const eight = await Promise.all(Array.from({ length: 8 }, () => start()));
    expect(new Set(eight.flatMap(({ endpoints }) => endpoints.marathon)).size).toBe(8);
    const [one, other] = eight as [Cluster, Cluster];
    expect((await errorOf(one.reset(await other.snapshot()))).code).toBe('FOREIGN_SNAPSHOT');
    await Promise.all(eight.slice(1).map((cluster) => cluster.stop()));
    expect((await one.status()).state).toBe('running');
    await one.stop();
    expect(await clusters()).toEqual([]);
  });
});
