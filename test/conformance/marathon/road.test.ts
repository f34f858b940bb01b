import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAll } from './harness.ts';

let all: Awaited<ReturnType<typeof startAll>>;
beforeAll(async () => {
  all = await startAll();
});
afterAll(() => all.close());

test('an app is created, runs, is scaled, upgraded and removed', async () => {
  const { marathon, master } = all;
  const created = await marathon.call<{ deployments: { id: string }[] }>('POST', '/v2/apps', {
    id: '/shop/web',
    cmd: 'sleep 1000',
    cpus: 0.1,
    mem: 32,
    instances: 2,
  });
  expect(created.status).toBe(201);
  await marathon.deployed(created.json.deployments[0]?.id);
  expect(master.running('/shop/web')).toHaveLength(2);
  expect(await marathon.app('/shop/web')).toMatchObject({ tasksRunning: 2, instances: 2, deployments: [] });

  const scaled = await marathon.call<{ deploymentId: string }>('PUT', '/v2/apps/shop/web', { instances: 4 });
  expect(scaled.status).toBe(200);
  await marathon.deployed(scaled.json.deploymentId);
  expect(master.running('/shop/web')).toHaveLength(4);

  const upgraded = await marathon.call<{ deploymentId: string }>('PUT', '/v2/apps/shop/web', { cmd: 'sleep 2000' });
  await marathon.deployed(upgraded.json.deploymentId);
  expect(master.running('/shop/web').map((task) => task.info.command?.value)).toEqual(Array(4).fill('sleep 2000'));

  const removed = await marathon.call<{ deploymentId: string }>('DELETE', '/v2/apps/shop/web');
  await marathon.deployed(removed.json.deploymentId);
  expect(master.running()).toHaveLength(0);
  expect((await marathon.call('GET', '/v2/apps/shop/web')).status).toBe(404);
});
