import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { start as startAgent } from '../../../src/embedded/mesos-agent/index.ts';
import { start as startMaster } from '../../../src/embedded/mesos-master/index.ts';
import type { RunningService } from '../../../src/embedded/service.ts';
import { contextOf, freePort, type MarathonForTests, startMarathon, startZooKeeper } from './harness.ts';

/** The embedded Marathon on the embedded Mesos: real processes on one agent. */
const closers: (() => Promise<unknown>)[] = [];
let marathon: MarathonForTests;
const masterServices: RunningService[] = [];

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'marathon-mesos-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const zk = await startZooKeeper();
  closers.push(() => zk.close());
  const masters = `zk://${zk.address}/mesos`;
  const run = async (start: typeof startMaster, name: string, flags: Record<string, string | number>) => {
    const argv = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    const { context, close } = contextOf(argv, name);
    const service = await start(context);
    closers.push(async () => {
      await service.stop();
      close();
    });
    return service;
  };
  const common = { ip: '127.0.0.1', hostname: '127.0.0.1' };
  for (const name of ['master-1', 'master-2']) {
    const service = await run(startMaster, name, {
      ...common,
      zk: masters,
      port: await freePort(),
      quorum: 1,
      work_dir: join(folder, name),
      allocation_interval: '100ms',
    });
    masterServices.push(service);
    await service.ready;
  }
  const ports = await Promise.all(Array.from({ length: 10 }, freePort));
  await run(startAgent, 'agent', {
    ...common,
    master: masters,
    port: await freePort(),
    work_dir: join(folder, 'agent'),
    launcher: 'posix',
    containerizers: 'mesos',
    switch_user: 'false',
    resources: `cpus:4;mem:4096;disk:10000;ports:[${ports.map((port) => `${port}-${port}`).join(',')}]`,
    attributes: 'node:node-1',
  });
  marathon = await startMarathon(zk, masters);
  closers.push(() => marathon.stop());
  await marathon.service.ready;
}, 30_000);

afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

const serve = `exec '${process.execPath}' -e 'require("http").createServer((q,s)=>s.end("hi")).listen(process.env.PORT0,"127.0.0.1")'`;

test('a group of three dependency levels becomes healthy, is upgraded and removed', async () => {
  const app = (id: string, more: object = {}) => ({
    id,
    cmd: serve,
    cpus: 0.1,
    mem: 32,
    portDefinitions: [{ port: 0, name: 'http' }],
    healthChecks: [{ protocol: 'HTTP', path: '/', intervalSeconds: 1 }],
    ...more,
  });
  const created = await marathon.call<{ deploymentId: string }>('POST', '/v2/groups', {
    id: '/shop',
    apps: [app('db'), app('api', { dependencies: ['db'] }), app('web', { dependencies: ['api'], instances: 2 })],
  });
  expect(created.status).toBe(201);
  await marathon.deployed(created.json.deploymentId);
  expect(await marathon.app('/shop/web')).toMatchObject({ tasksRunning: 2, tasksHealthy: 2 });

  const upgrade = await marathon.call<{ deploymentId: string }>('PUT', '/v2/apps/shop/web', { env: { VERSION: '2' } });
  await marathon.deployed(upgrade.json.deploymentId);
  expect(await marathon.app('/shop/web')).toMatchObject({ tasksRunning: 2, tasksHealthy: 2, env: { VERSION: '2' } });

  const removed = await marathon.call<{ deploymentId: string }>('DELETE', '/v2/groups/shop');
  await marathon.deployed(removed.json.deploymentId);
  expect((await marathon.call<{ tasks: unknown[] }>('GET', '/v2/tasks')).json.tasks).toEqual([]);
});

test('a task that exits is started again', async () => {
  const created = await marathon.call<{ deployments: { id: string }[] }>('POST', '/v2/apps', {
    id: '/once',
    cmd: 'sleep 0.2; exit 3',
    cpus: 0.1,
    mem: 32,
    backoffSeconds: 0,
  });
  expect(created.status).toBe(201);
  await expect
    .poll(async () => (await marathon.app('/once')).lastTaskFailure, { timeout: 10_000 })
    .toMatchObject({ state: 'TASK_FAILED', message: 'Command exited with status 3' });
  await expect
    .poll(async () => (await marathon.app('/once')).tasks?.[0]?.id, { timeout: 10_000 })
    .toMatch(/\._app\.[2-9]\d*$/);
  await marathon.call('DELETE', '/v2/apps/once');
});

test('when another master leads, tasks go on and new ones are launched', async () => {
  const app = { id: '/stays', cmd: 'sleep 1000', cpus: 0.1, mem: 32, portDefinitions: [] };
  const created = await marathon.call<{ deployments: { id: string }[] }>('POST', '/v2/apps', app);
  await marathon.deployed(created.json.deployments[0]?.id);
  const before = (await marathon.app('/stays')).tasks?.map(({ id }) => id);
  const events = await marathon.events();
  await masterServices[0]!.stop();
  await events.next('scheduler_reregistered_event');
  const scaled = await marathon.call<{ deploymentId: string }>('PUT', '/v2/apps/stays', { instances: 2 });
  await marathon.deployed(scaled.json.deploymentId);
  const after = (await marathon.app('/stays')).tasks?.map(({ id }) => id);
  expect(after).toHaveLength(2);
  expect(after).toEqual(expect.arrayContaining(before ?? []));
  const removed = await marathon.call<{ deploymentId: string }>('DELETE', '/v2/apps/stays');
  await marathon.deployed(removed.json.deploymentId);
});
