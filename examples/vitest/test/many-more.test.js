import { useCluster } from 'devcluster/vitest';
import { afterEach, expect, it } from 'vitest';

const cluster = await useCluster();

// As it was when the file began, after every test.
afterEach(() => cluster.reset());

it.each(Array.from({ length: 23 }, (_, i) => i))('starts from nothing: test %i', async (i) => {
  const apps = await cluster.marathon.apps();
  expect(apps.filter(({ id }) => id.startsWith(cluster.id('')))).toEqual([]);
  await cluster.deploy({ id: 'job', cmd: 'sleep 1000', cpus: 0.01, mem: 16, env: { TEST: String(i) } });
  expect((await cluster.marathon.app(cluster.id('job'))).tasksRunning).toBe(1);
});
