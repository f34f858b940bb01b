const { joinCluster } = require('devcluster');

let cluster;
beforeAll(async () => {
  cluster = await joinCluster();
});
afterAll(async () => {
  await cluster.reset();
  await cluster.stop();
});

test('an app runs as often as it is told to', async () => {
  await cluster.deploy({ id: 'job', cmd: 'sleep 1000', cpus: 0.1, mem: 16, instances: 2 });
  expect((await cluster.waitFor('job')).tasksRunning).toBe(2);
});
