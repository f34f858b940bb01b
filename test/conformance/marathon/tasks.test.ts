import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AppInfo, QueueItem, Task } from '../../../src/protocols/marathon/types.ts';
import type { TaskInfo } from '../../../src/protocols/mesos/types.ts';
import { startAll } from './harness.ts';

let all: Awaited<ReturnType<typeof startAll>>;
beforeEach(async () => {
  all = await startAll();
});
afterEach(() => all.close());

const small = { cmd: 'sleep 1000', cpus: 0.1, mem: 32 };

async function create(app: object): Promise<string> {
  const created = await all.marathon.call<{ deployments: { id: string }[] }>('POST', '/v2/apps', { ...small, ...app });
  expect({ status: created.status, text: created.text }).toMatchObject({ status: 201 });
  return created.json.deployments[0]!.id;
}

async function run(app: object): Promise<void> {
  await all.marathon.deployed(await create(app));
}

function idOf(task: { info: TaskInfo }): string {
  return task.info.task_id.value;
}

describe('launching', () => {
  test('a task is told its app, its place and its ports', async () => {
    await run({
      id: '/shop/web',
      env: { GREETING: 'hello', PORT0: 'own' },
      labels: { 'a-b': 'c' },
      portDefinitions: [{ port: 0, name: 'http' }, { port: 0 }],
      taskKillGracePeriodSeconds: 7,
    });
    const [task] = all.master.running('/shop/web');
    const info = task!.info;
    const env = Object.fromEntries(
      (info.command?.environment?.variables ?? []).map((variable) => [variable.name, variable.value]),
    );
    const app = await all.marathon.app('/shop/web');
    const [first, second] = app.tasks![0]!.ports;
    expect(info.name).toBe('web.shop');
    expect(info.discovery).toMatchObject({ name: 'web.shop', visibility: 'FRAMEWORK' });
    expect(info.kill_policy).toEqual({ grace_period: { nanoseconds: 7e9 } });
    expect(env).toMatchObject({
      MESOS_TASK_ID: idOf(task!),
      MARATHON_APP_ID: '/shop/web',
      MARATHON_APP_VERSION: app.version,
      MARATHON_APP_RESOURCE_CPUS: '0.1',
      MARATHON_APP_RESOURCE_MEM: '32.0',
      MARATHON_APP_LABELS: 'A_B',
      MARATHON_APP_LABEL_A_B: 'c',
      HOST: task!.agent.hostname,
      PORT: String(first),
      PORT1: String(second),
      PORTS: `${first},${second}`,
      PORT_HTTP: String(first),
      GREETING: 'hello',
      PORT0: 'own',
    });
  });

  test('constraints spread instances', async () => {
    await run({ id: '/web', instances: 3, constraints: [['node', 'UNIQUE']] });
    expect(new Set(all.master.running('/web').map(({ agent }) => agent.id)).size).toBe(3);
  });

  test('what finds no place waits in the queue and tells why', async () => {
    const id = await create({ id: '/web', instances: 4, constraints: [['hostname', 'UNIQUE']] });
    await all.master.until(() => all.master.running('/web').length === 3);
    const big = await create({ id: '/big', cpus: 100 });
    const queue = async () => (await all.marathon.call<{ queue: QueueItem[] }>('GET', '/v2/queue')).json.queue;
    await expect.poll(queue).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ count: 1, role: '*', app: expect.objectContaining({ id: '/web' }) }),
        expect.objectContaining({
          count: 1,
          app: expect.objectContaining({ id: '/big' }),
          delay: { timeLeftSeconds: 0, overdue: true },
        }),
      ]),
    );
    await expect
      .poll(async () => (await queue()).find(({ app }) => app.id === '/big')?.processedOffersSummary)
      .toMatchObject({
        rejectSummaryLastOffers: expect.arrayContaining([{ reason: 'InsufficientCpus', declined: 3, processed: 3 }]),
      });
    const withOffers = await all.marathon.call<{ queue: QueueItem[] }>('GET', '/v2/queue?embed=lastUnusedOffers');
    expect(withOffers.json.queue.find(({ app }) => app.id === '/big')?.lastUnusedOffers).toHaveLength(3);
    expect((await all.marathon.deployments()).map((deployment) => deployment.id).sort()).toEqual([id, big].sort());
  });

  test('offers are suppressed while nothing is to be launched, and revived for new apps', async () => {
    await run({ id: '/one' });
    await all.master.until(() => all.master.calls.some(({ type }) => type === 'SUPPRESS'));
    await run({ id: '/two' });
    const types = all.master.calls.map(({ type }) => type);
    expect(types.lastIndexOf('REVIVE')).toBeGreaterThan(types.indexOf('SUPPRESS'));
  });

  test('every update with a uuid is acknowledged', async () => {
    await run({ id: '/one' });
    await all.master.until(() => all.master.calls.filter(({ type }) => type === 'ACKNOWLEDGE').length === 2);
  });
});

describe('failing tasks', () => {
  test('a task that ends is replaced by the same instance, whose task counts up', async () => {
    await run({ id: '/web', backoffSeconds: 0 });
    const [first] = all.master.running('/web');
    all.master.update(idOf(first!), 'TASK_FINISHED');
    const [second] = await all.master.until(() => {
      const running = all.master.running('/web');
      return running.length === 1 && running;
    });
    expect(idOf(second!)).toBe(idOf(first!).replace(/1$/, '2'));
  });

  test('a failure delays the next launch, is remembered, and the delay can be dropped', async () => {
    await run({ id: '/web', backoffSeconds: 3000, maxLaunchDelaySeconds: 3600 });
    const [first] = all.master.running('/web');
    all.master.update(idOf(first!), 'TASK_FAILED', { message: 'it broke' });
    await expect
      .poll(async () => (await all.marathon.app('/web')).lastTaskFailure)
      .toMatchObject({
        appId: '/web',
        state: 'TASK_FAILED',
        message: 'it broke',
        taskId: idOf(first!),
        host: first!.agent.hostname,
      });
    const queue = await all.marathon.call<{ queue: QueueItem[] }>('GET', '/v2/queue');
    expect(queue.json.queue[0]?.delay.timeLeftSeconds).toBeGreaterThan(2900);
    expect((await all.marathon.call('DELETE', '/v2/queue/web/delay')).status).toBe(204);
    await all.master.until(() => all.master.running('/web').length === 1);
  });

  test('a delay that has passed launches by itself', async () => {
    await run({ id: '/web', backoffSeconds: 1 });
    const [first] = all.master.running('/web');
    all.master.update(idOf(first!), 'TASK_FAILED');
    await all.master.until(() => all.master.running('/web').length === 1);
  });

  test('unreachable tasks are replaced at once, and ended when they come back', async () => {
    await run({ id: '/web' });
    const [first] = all.master.running('/web');
    all.master.update(idOf(first!), 'TASK_UNREACHABLE', { reason: 'REASON_AGENT_REMOVED' });
    await all.master.until(() => all.master.running('/web').length === 2);
    all.master.update(idOf(first!), 'TASK_RUNNING', { reason: 'REASON_AGENT_REREGISTERED' });
    await all.master.until(() => all.master.running('/web').length === 1);
    expect(await all.marathon.app('/web')).toMatchObject({ instances: 1 });
  });

  test('unreachable tasks that turn out to have ended are not replaced twice', async () => {
    await run({ id: '/web', backoffSeconds: 0 });
    const [first] = all.master.running('/web');
    all.master.update(idOf(first!), 'TASK_UNREACHABLE', { reason: 'REASON_AGENT_REMOVED' });
    await all.master.until(() => all.master.running('/web').length === 2);
    all.master.update(idOf(first!), 'TASK_FAILED');
    await expect.poll(async () => (await all.marathon.app('/web')).tasks).toHaveLength(1);
    await run({ id: '/other' });
    expect(all.master.running('/web')).toHaveLength(1);
  });

  test('a kill that brings no end is repeated', async () => {
    await run({ id: '/web' });
    all.master.obeyKills(false);
    await all.marathon.call('DELETE', '/v2/apps/web');
    await all.master.until(() => all.master.calls.filter(({ type }) => type === 'KILL').length >= 2);
    expect(await all.marathon.deployments()).toHaveLength(1);
    all.master.update(idOf(all.master.running('/web')[0]!), 'TASK_KILLED');
    await expect.poll(() => all.marathon.deployments()).toHaveLength(0);
  });
});

describe('ending tasks by request', () => {
  test('without scaling they are replaced', async () => {
    await run({ id: '/web', instances: 2 });
    const before = all.master.running('/web').map(idOf);
    const answer = await all.marathon.call<{ tasks: Task[] }>('DELETE', '/v2/apps/web/tasks');
    expect(answer.json.tasks.map(({ id }) => id).sort()).toEqual(before.sort());
    await all.master.until(() => {
      const now = all.master.running('/web').map(idOf);
      return now.length === 2 && now.every((id) => !before.includes(id));
    });
    expect(await all.marathon.app('/web')).toMatchObject({ instances: 2 });
  });

  test('with scaling the app shrinks by exactly these', async () => {
    await run({ id: '/web', instances: 3 });
    const victim = idOf(all.master.running('/web')[1]!);
    const answer = await all.marathon.call<{ deploymentId: string }>(
      'DELETE',
      `/v2/apps/web/tasks/${victim}?scale=true`,
    );
    await all.marathon.deployed(answer.json.deploymentId);
    expect(await all.marathon.app('/web')).toMatchObject({ instances: 2 });
    expect(all.master.running('/web').map(idOf)).not.toContain(victim);
    expect(all.master.running('/web')).toHaveLength(2);
  });

  test('those of one host', async () => {
    await run({ id: '/web', instances: 3, constraints: [['hostname', 'UNIQUE']] });
    const answer = await all.marathon.call<{ tasks: Task[] }>('DELETE', '/v2/apps/web/tasks?host=127.0.0.2');
    expect(answer.json.tasks.map(({ host }) => host)).toEqual(['127.0.0.2']);
  });

  test('several by their ids, wiped: other instances take their place', async () => {
    await run({ id: '/web', instances: 2 });
    const ids = all.master.running('/web').map(idOf);
    const answer = await all.marathon.call<{ tasks: Task[] }>('POST', '/v2/tasks/delete?wipe=true', { ids });
    expect(answer.json.tasks).toHaveLength(2);
    await all.master.until(() => {
      const now = all.master.running('/web').map(idOf);
      return now.length === 2 && now.every((id) => id.endsWith('._app.1') && !ids.includes(id));
    });
  });
});

describe('health', () => {
  let server: Server;
  let status = 200;
  beforeEach(async () => {
    status = 200;
    server = createServer((_request, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const port = () => (server.address() as { port: number }).port;

  test('an HTTP check tells healthy from unhealthy, and ends what fails too often', async () => {
    const events = await all.marathon.events();
    await run({
      id: '/web',
      healthChecks: [
        { protocol: 'HTTP', path: '/health', port: port(), intervalSeconds: 1, maxConsecutiveFailures: 1 },
      ],
    });
    expect(await all.marathon.app('/web')).toMatchObject({ tasksHealthy: 1, tasksUnhealthy: 0 });
    const [task] = (await all.marathon.app('/web')).tasks ?? [];
    expect(task?.healthCheckResults).toMatchObject([
      { alive: true, consecutiveFailures: 0, firstSuccess: expect.any(String), instanceId: expect.any(String) },
    ]);
    await events.next('health_status_changed_event', (data) => data.alive === true);
    status = 500;
    await events.next('failed_health_check_event');
    await events.next('health_status_changed_event', (data) => data.alive === false);
    await events.next('unhealthy_instance_kill_event');
    status = 200;
    await all.master.until(() => all.master.running('/web').some((one) => idOf(one) !== task?.id));
    expect((await all.marathon.app('/web')).lastTaskFailure).toMatchObject({
      state: 'TASK_KILLED',
      message: expect.stringMatching(/^Task was killed since health check failed\. Reason: /),
    });
  });

  test('a TCP check', async () => {
    await run({ id: '/web', healthChecks: [{ protocol: 'TCP', port: port(), intervalSeconds: 1 }] });
    expect(await all.marathon.app('/web')).toMatchObject({ tasksHealthy: 1 });
  });

  test('a check that Mesos carries out', async () => {
    const events = await all.marathon.events();
    const id = await create({
      id: '/web',
      healthChecks: [{ protocol: 'COMMAND', command: { value: 'true' }, intervalSeconds: 1 }],
    });
    const task = await all.master.until(() => all.master.running('/web').find((one) => one.state === 'TASK_RUNNING'));
    expect(task.info.health_check).toMatchObject({ type: 'COMMAND', interval_seconds: 1 });
    expect((await all.marathon.deployments()).map((deployment) => deployment.id)).toEqual([id]);
    all.master.update(idOf(task), 'TASK_RUNNING', {
      healthy: true,
      reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED',
    });
    await events.next('instance_health_changed_event', (data) => data.healthy === true);
    await all.marathon.deployed(id);
    expect(await all.marathon.app('/web')).toMatchObject({ tasksHealthy: 1 });
  });

  test('a deployment waits for readiness', async () => {
    status = 503;
    const listening = port();
    // The tasks get their ports from offers; the check goes to the port's number.
    all.master.offerPorts(listening);
    const id = await create({
      id: '/web',
      portDefinitions: [{ port: 0, name: 'http-api' }],
      readinessChecks: [
        { portName: 'http-api', path: '/ready', intervalSeconds: 2, timeoutSeconds: 1, preserveLastResponse: true },
      ],
    }).catch(() => undefined);
    expect(id).toBeDefined();
    const results = async () =>
      (await all.marathon.deployments())[0]?.currentActions.flatMap((action) => action.readinessCheckResults);
    await expect.poll(results).toMatchObject([{ name: 'readinessCheck', ready: false, lastResponse: { status: 503 } }]);
    status = 200;
    await all.marathon.deployed(id);
    expect((await all.marathon.app('/web')) as AppInfo).toMatchObject({ tasksRunning: 1 });
  });
});
