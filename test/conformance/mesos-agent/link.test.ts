import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunningService } from '../../../src/embedded/service.ts';
import { start as startZooKeeperService } from '../../../src/embedded/zookeeper/index.ts';
import type { MasterMessage } from '../../../src/protocols/mesos/agent-link.ts';
import { encodeMasterInfo, toMasterInfo } from '../../../src/protocols/mesos/leader.ts';
import { findTaskProcesses } from '../../../src/protocols/mesos/task-processes.ts';
import { createZooKeeperClient } from '../../../src/protocols/zookeeper/client.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork } from '../../../src/support/network.ts';
import {
  commandTask,
  type FakeMaster,
  framework,
  makeWorkDir,
  startAgent,
  startFakeMaster,
  type TestAgent,
} from './harness.ts';

let work: Awaited<ReturnType<typeof makeWorkDir>>;
const undo: (() => unknown)[] = [];

beforeEach(async () => {
  work = await makeWorkDir();
});

afterEach(async () => {
  for (let next = undo.pop(); next; next = undo.pop()) await next();
  await work.remove();
});

async function fakeMaster(options: Parameters<typeof startFakeMaster>[0] = {}): Promise<FakeMaster> {
  const master = await startFakeMaster(options);
  undo.push(() => master.close());
  return master;
}

async function agentOf(master: { address: string }, flags: Record<string, string> = {}): Promise<TestAgent> {
  const agent = await startAgent(master, work.path, flags);
  undo.push(() => agent.service.stop());
  return agent;
}

test('registration tells who the agent is and what it has', async () => {
  const master = await fakeMaster();
  const agent = await agentOf(master);
  expect(await master.registered()).toMatchObject({
    agent: {
      hostname: 'node-1',
      port: agent.port,
      attributes: [{ name: 'node', type: 'TEXT', text: { value: 'node-1' } }],
    },
    version: expect.stringMatching(/^1\./),
    pid: `slave(1)@127.0.0.1:${agent.port}`,
    resources: expect.arrayContaining([{ name: 'cpus', type: 'SCALAR', scalar: { value: 2 } }]),
    tasks: [],
    executors: [],
    frameworks: [],
  });
  await agent.service.ready;
});

test('a master that is not ready is asked again', async () => {
  const master = await fakeMaster();
  master.refuseWith = 503;
  const agent = await agentOf(master);
  master.refuseWith = undefined;
  await agent.service.ready;
});

test('a master that does not lead redirects to the one that does', async () => {
  const leader = await fakeMaster();
  const follower = createServer((_request, response) => {
    response.writeHead(307, { Location: `//${leader.address}/internal/agent` }).end();
  });
  await new Promise<void>((resolve) => follower.listen(0, '127.0.0.1', resolve));
  undo.push(() => closeHttp(follower));
  await agentOf({ address: `127.0.0.1:${(follower.address() as AddressInfo).port}` });
  await leader.registered();
  leader.send({ type: 'LAUNCH', framework: framework(), task: commandTask('t', 'true') });
  await leader.update('t', 'TASK_FINISHED');
});

function closeHttp(server: Server) {
  server.close();
  server.closeAllConnections();
}

describe('a broken link is made again', () => {
  test('after the stream ended, with what happened meanwhile told', async () => {
    const master = await fakeMaster();
    await agentOf(master);
    await master.registered();
    const go = join(work.path, 'go');
    master.send({
      type: 'LAUNCH',
      framework: framework(),
      task: commandTask('t', `until [ -e ${go} ]; do sleep 0.05; done`),
    });
    await master.update('t', 'TASK_RUNNING');
    master.refuseWith = 503;
    master.disconnect();
    await writeFile(go, '');
    await expect.poll(() => findTaskProcesses([work.path]), { timeout: 10_000 }).toEqual([]);
    master.refuseWith = undefined;
    const again = await master.registered(2);
    expect(again.agent.id).toBeDefined();
    expect(again.tasks[0]?.info.task_id).toEqual({ value: 't' });
    await master.update('t', 'TASK_FINISHED');
  });

  test('when the master no longer knows the stream', async () => {
    const master = await fakeMaster();
    await agentOf(master);
    await master.registered();
    // The agent's next word is answered with 403.
    const other = await fakeMaster();
    master.send({ type: 'LAUNCH', framework: framework(), task: commandTask('t', 'sleep 1000') });
    await master.update('t', 'TASK_RUNNING');
    expect(other.registrations).toEqual([]);
    master.acknowledge = false;
    master.forgetStream();
    master.send({ type: 'KILL', framework_id: { value: 'framework-1' }, task_id: { value: 't' } });
    await master.registered(2);
    master.acknowledge = true;
    await master.update('t', 'TASK_KILLED');
  });

  test('when the master is silent for too long, but not while it pings', async () => {
    const master = await fakeMaster({ pingMs: 40, missed: 5 });
    const pinging = setInterval(() => master.send({ type: 'PING' }), 40);
    undo.push(() => clearInterval(pinging));
    await agentOf(master);
    await master.registered();
    await expect.poll(() => master.said.filter(({ type }) => type === 'PONG').length).toBeGreaterThan(10);
    expect(master.registrations).toHaveLength(1);
    clearInterval(pinging);
    await master.registered(2);
  });

  test('after nonsense', async () => {
    const master = await fakeMaster();
    const agent = await agentOf(master);
    await master.registered();
    master.sendRaw('this is no record\n');
    await master.registered(2);
    master.sendRaw('10\n{"type":1}');
    for (const message of [
      { type: 'NO_SUCH_MESSAGE' },
      { type: 'LAUNCH' },
      { type: 'KILL', framework_id: null },
      { type: 'LAUNCH', framework: framework(), task: { task_id: { value: '../evil' } } },
      { type: 'LAUNCH', framework: framework({ id: { value: '../../evil' } }), task: commandTask('t', 'true') },
    ])
      master.send(message as MasterMessage);
    expect((await agent.get('/health')).status).toBe(200);
    master.send({ type: 'LAUNCH', framework: framework(), task: commandTask('fine', 'true') });
    await master.update('fine', 'TASK_FINISHED');
  });
});

test('an agent asked to shut down ends its tasks and itself, and comes back as another', async () => {
  const master = await fakeMaster();
  const agent = await startAgent(master, work.path);
  await agent.service.ready;
  master.send({ type: 'LAUNCH', framework: framework(), task: commandTask('t', 'sleep 1000') });
  await master.update('t', 'TASK_RUNNING');
  master.send({ type: 'SHUTDOWN', message: 'Agent has been marked gone' });
  const exit = await agent.service.exited;
  expect(exit.code).not.toBe(0);
  expect(exit.reason).toContain('marked gone');
  expect(await findTaskProcesses([work.path])).toEqual([]);
  await agentOf(master);
  expect((await master.registered(2)).agent.id).toBeUndefined();
});

test('reservations are kept over a restart', async () => {
  const master = await fakeMaster();
  const first = await startAgent(master, work.path);
  await first.service.ready;
  const resources = [
    { name: 'cpus', type: 'SCALAR' as const, scalar: { value: 1.5 } },
    {
      name: 'cpus',
      type: 'SCALAR' as const,
      scalar: { value: 0.5 },
      reservations: [{ type: 'DYNAMIC' as const, role: 'web' }],
    },
  ];
  master.send({ type: 'CHECKPOINT_RESOURCES', resources });
  await expect
    .poll(async () => ((await first.get('/state')).json as { reserved_resources: object }).reserved_resources)
    .toMatchObject({ web: { cpus: 0.5 } });
  await first.service.stop();
  await agentOf(master);
  expect((await master.registered(2)).resources).toEqual(resources);
});

test('the leading master is followed through ZooKeeper', async () => {
  const servers = await startZooKeeper();
  const network = createNetwork();
  const client = createZooKeeperClient({
    servers,
    sessionTimeoutMs: 10_000,
    network,
    clock: systemClock,
    log: silentLogger,
  });
  undo.push(async () => {
    await client.close();
    network.close();
  });
  const announce = async (master: FakeMaster) => {
    const [ip, port] = master.address.split(':');
    const info = toMasterInfo({ id: 'id', ip: ip!, port: Number(port), hostname: 'node-1', version: '1.11.0' });
    return client.create('/mesos/json.info_', encodeMasterInfo(info), { mode: 'ephemeralSequential' });
  };
  await client.ensurePath('/mesos');
  const [one, two] = [await fakeMaster(), await fakeMaster()];
  const agent = await agentOf({ address: `zk://${servers}/mesos` });
  const first = await announce(one);
  await one.registered();
  one.send({ type: 'LAUNCH', framework: framework(), task: commandTask('t', 'sleep 1000') });
  await one.update('t', 'TASK_RUNNING');
  await announce(two);
  await client.delete(first);
  const again = await two.registered();
  expect(again.agent.id).toEqual((await one.update('t', 'TASK_RUNNING')).agent_id);
  expect(again.tasks).toHaveLength(1);
  expect(((await agent.get('/state')).json as { master_hostname: string }).master_hostname).toBe('node-1');
});

async function startZooKeeper(): Promise<string> {
  const probe = createNetServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const dataDir = join(work.path, 'zookeeper');
  await mkdir(dataDir);
  const config = join(work.path, 'zoo.cfg');
  await writeFile(
    config,
    `tickTime=200\ndataDir=${dataDir}\nclientPort=${port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n`,
  );
  const network = createNetwork();
  const service: RunningService = await startZooKeeperService({
    argv: [config],
    env: {},
    log: silentLogger,
    clock: systemClock,
    random: Math.random,
    network,
  });
  undo.push(async () => {
    await service.stop();
    network.close();
  });
  await service.ready;
  return `127.0.0.1:${port}`;
}
