import { useCluster } from 'devcluster/vitest';
import { describe, expect, it } from 'vitest';

const cluster = await useCluster();

const server = `exec node -e "require('http').createServer((q, s) => s.end('hello\\n')).listen(process.env.PORT0, process.env.HOST)"`;

describe('an app', () => {
  it('answers once it is deployed', async () => {
    await cluster.deploy({
      id: 'web',
      cmd: server,
      cpus: 0.1,
      mem: 64,
      healthChecks: [{ protocol: 'HTTP', path: '/', intervalSeconds: 1 }],
    });
    const app = await cluster.waitFor('web');
    const { tasks } = await cluster.marathon.app(app.id);
    const [task] = tasks;
    const answer = await fetch(`http://${task.host}:${task.ports[0]}/`);
    expect(await answer.text()).toBe('hello\n');
  });

  it('can be scaled', async () => {
    await cluster.deploy({ id: 'job', cmd: 'sleep 1000', cpus: 0.1, mem: 16, instances: 1 });
    await cluster.deploy({ id: 'job', cmd: 'sleep 1000', cpus: 0.1, mem: 16, instances: 3 });
    expect((await cluster.waitFor('job')).tasksRunning).toBe(3);
  });

  it('is in the namespace of this worker', () => {
    expect(cluster.id('job')).toBe(`${cluster.namespace.group}/job`);
    expect(cluster.endpoints.zookeeper).toMatch(/\/w\d+$/);
  });
});
