import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createZooKeeperClient } from '../../../src/protocols/zookeeper/client.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork } from '../../../src/support/network.ts';
import { startEmbeddedZooKeeper } from '../../support/embedded-zookeeper.ts';
import { type FakeAgent, type FakeScheduler, golden, realClock, startMaster, type TestMaster } from './harness.ts';

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (let last = undo.pop(); last; last = undo.pop()) await last();
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'mesos-master-'));
  undo.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A ZooKeeper and a way to start masters that contend there. */
async function begin() {
  const zookeeper = await startEmbeddedZooKeeper({ servers: 1 });
  undo.push(() => zookeeper.close());
  const contend = async (more: readonly string[] = []): Promise<TestMaster> => {
    const master = await startMaster(
      [
        `--zk=zk://${zookeeper.connect}/mesos`,
        '--quorum=1',
        '--zk_session_timeout=2secs',
        '--hostname=127.0.0.1',
        ...more,
      ],
      { clock: realClock },
    );
    undo.push(() => master.stop());
    return master;
  };
  return { zookeeper, contend };
}

async function leads(master: TestMaster): Promise<boolean> {
  const metrics = await master.json<Record<string, number>>('/metrics/snapshot');
  return metrics['master/elected'] === 1;
}

async function untilLeading(master: TestMaster): Promise<void> {
  while (!(await leads(master)));
}

const framework = { user: 'me', name: 'f', checkpoint: true, failover_timeout: 3600 };

async function subscribe(master: TestMaster, id?: string): Promise<{ scheduler: FakeScheduler; id: string }> {
  const scheduler = await master.subscribe({
    type: 'SUBSCRIBE',
    ...(id === undefined ? {} : { framework_id: { value: id } }),
    subscribe: { framework_info: { ...framework, ...(id === undefined ? {} : { id: { value: id } }) } },
  });
  const subscribed = await master.until('SUBSCRIBED', () => scheduler.events.find(({ type }) => type === 'SUBSCRIBED'));
  if (subscribed.type !== 'SUBSCRIBED') throw new Error('not subscribed');
  return { scheduler, id: subscribed.subscribed.framework_id.value };
}

const registrationOf = (agent: FakeAgent, frameworkId: string) => ({
  frameworks: [{ ...framework, id: { value: frameworkId } }],
  tasks: [
    {
      framework_id: { value: frameworkId },
      executor_id: { value: 't' },
      info: {
        name: 't',
        task_id: { value: 't' },
        agent_id: { value: agent.id },
        command: { value: 'true' },
        resources: [{ name: 'cpus', type: 'SCALAR' as const, scalar: { value: 1 } }],
      },
      statuses: [{ task_id: { value: 't' }, state: 'TASK_RUNNING' as const, timestamp: 1 }],
    },
  ],
});

describe('election through ZooKeeper', () => {
  it('makes the znodes of the real masters', async () => {
    const { zookeeper, contend } = await begin();
    const master = await contend();
    const network = createNetwork();
    const client = createZooKeeperClient({
      servers: zookeeper.connect,
      sessionTimeoutMs: 5000,
      network,
      clock: realClock,
      log: silentLogger,
    });
    undo.push(async () => {
      await client.close();
      network.close();
    });
    expect(await client.getChildren('/mesos')).toEqual(['json.info_0000000000']);
    const { data, stat } = await client.getData('/mesos/json.info_0000000000');
    const info = JSON.parse(data!.toString());
    expect(Object.keys(info)).toEqual(['address', 'capabilities', 'hostname', 'id', 'ip', 'pid', 'port', 'version']);
    expect(info).toMatchObject({
      address: { hostname: '127.0.0.1', ip: '127.0.0.1', port: master.port },
      ip: 16777343,
      pid: `master@127.0.0.1:${master.port}`,
    });
    expect(stat.ephemeralOwner).not.toBe(0n);
  });

  it('has masters that do not lead answer as the real ones do', async () => {
    const { contend } = await begin();
    const leader = await contend();
    const follower = await contend();
    type Entry = { title: string; request: string[]; response_head: string[]; response_body_raw: string };
    for (const { title, request, response_head } of golden<Entry[]>('errors/non-leading-master.json')) {
      const [method, path] = request[0]!.split(' ') as [string, string];
      const body = request.slice(request.indexOf('') + 1).join('');
      const reply = await follower.request(path, {
        method,
        ...(method === 'POST' ? { body, headers: { 'Content-Type': 'application/json' } } : {}),
      });
      const location = response_head.find((line) => line.startsWith('Location: '))?.slice('Location: '.length);
      expect([title, reply.status, reply.headers.location]).toEqual([
        title,
        Number(response_head[0]!.split(' ')[1]),
        location?.replace('//node-1:5050', `//127.0.0.1:${leader.port}`),
      ]);
    }
    const redirected = await leader.request('/redirect');
    expect(redirected.headers.location).toBe(`//127.0.0.1:${leader.port}`);
  });

  it('answers 503 while nobody leads', async () => {
    const master = await startMaster(['--zk=zk://127.0.0.1:1/mesos', '--quorum=1'], { clock: realClock, ready: false });
    undo.push(() => master.stop());
    for (const path of ['/state', '/redirect', '/master/tasks']) {
      const reply = await master.request(path);
      expect([reply.status, reply.body.toString()]).toEqual([503, 'No leader elected']);
    }
    expect((await master.request('/health')).status).toBe(200);
  });

  it('ends a leader that loses its session, and another one leads', async () => {
    const { zookeeper, contend } = await begin();
    const first = await contend();
    const second = await contend();
    expect([await leads(first), await leads(second)]).toEqual([true, false]);
    first.network.cut(zookeeper.connect.split(','));
    expect(await first.service.exited).toMatchObject({ code: 1 });
    await untilLeading(second);
  });
});

describe('a new leader', () => {
  it('gets frameworks, agents and tasks back, and calls no task unknown before its agent had its time', async () => {
    const { contend } = await begin();
    const first = await contend([`--work_dir=${await folder()}`]);
    const second = await contend([`--work_dir=${await folder()}`]);
    const agent = await first.agent({ hostname: 'node-1', ip: '127.0.0.9' });
    const { id } = await subscribe(first);
    // The registry reaches the other master in the background.
    const registry = async () => (await second.json<{ agents: unknown[] }>('/internal/registry')).agents.length;
    while ((await registry()) === 0);

    await first.vanish();
    await untilLeading(second);
    const slaves = await second.json<{ slaves: unknown[]; recovered_slaves: { id: string }[] }>('/slaves');
    expect([slaves.slaves, slaves.recovered_slaves.map((known) => known.id)]).toEqual([[], [agent.id]]);

    const { scheduler } = await subscribe(second, id);
    const reconcile = (agentId?: string) =>
      second.post(
        '/api/v1/scheduler',
        {
          type: 'RECONCILE',
          framework_id: { value: id },
          reconcile: { tasks: [{ task_id: { value: 't' }, ...(agentId ? { agent_id: { value: agentId } } : {}) }] },
        },
        { 'Mesos-Stream-Id': scheduler.streamId },
      );
    await reconcile(agent.id);
    await reconcile();
    await second.agent({
      hostname: 'node-1',
      ip: '127.0.0.9',
      id: agent.id,
      registration: registrationOf(agent, id),
    });
    await reconcile(agent.id);
    const update = await second.until('an answer', () => scheduler.events.find(({ type }) => type === 'UPDATE'));
    expect(update).toMatchObject({ update: { status: { task_id: { value: 't' }, state: 'TASK_RUNNING' } } });
    expect(scheduler.events.filter(({ type }) => type === 'UPDATE')).toHaveLength(1);
    expect(await second.json('/slaves')).toMatchObject({ slaves: [{ id: agent.id }], recovered_slaves: [] });
  });

  it('knows its agents after all masters were restarted', async () => {
    const { contend } = await begin();
    const workDir = await folder();
    const first = await contend([`--work_dir=${workDir}`]);
    const agent = await first.agent({ hostname: 'node-1', ip: '127.0.0.9' });
    await first.stop();
    const again = await contend([`--work_dir=${workDir}`]);
    expect(await again.json('/slaves')).toMatchObject({ slaves: [], recovered_slaves: [{ id: agent.id }] });
    // A new agent at the address of an old one: the old one is not waited for any more.
    await again.agent({ hostname: 'node-1', ip: '127.0.0.9' });
    expect(await again.json('/slaves')).toMatchObject({ slaves: [{}], recovered_slaves: [] });
  });
});
