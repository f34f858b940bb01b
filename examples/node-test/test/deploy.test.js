import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useCluster } from 'devcluster/node-test';

const cluster = await useCluster();

test('an app runs as often as it is told to', async () => {
  await cluster.deploy({ id: 'job', cmd: 'sleep 1000', cpus: 0.1, mem: 16, instances: 2 });
  const app = await cluster.waitFor('job');
  assert.equal(app.tasksRunning, 2);
});

test('its output can be read', async () => {
  await cluster.deploy({ id: 'greeter', cmd: 'echo hello; sleep 1000', cpus: 0.1, mem: 16 });
  const line = await cluster.waitFor(async () => {
    for await (const { text } of cluster.logs('app:greeter')) if (text === 'hello') return text;
    return undefined;
  });
  assert.equal(line, 'hello');
});
