import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CheckInfo, HealthCheck, TaskStatus } from '../../../src/protocols/mesos/types.ts';
import {
  commandTask,
  type FakeMaster,
  framework,
  golden,
  makeWorkDir,
  startAgent,
  startFakeMaster,
  type TestAgent,
} from './harness.ts';

let master: FakeMaster;
let agent: TestAgent;
let work: Awaited<ReturnType<typeof makeWorkDir>>;
const servers: Server[] = [];

beforeAll(async () => {
  work = await makeWorkDir();
  master = await startFakeMaster();
  agent = await startAgent(master, work.path);
  await agent.service.ready;
});

afterAll(async () => {
  await agent?.service.stop();
  await master?.close();
  await work?.remove();
});

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** What a task would listen with; `status` can be changed, 0 hangs. */
async function serve(host = '127.0.0.1') {
  const answers = { status: 200, paths: [] as string[] };
  const server = createServer((request, response) => {
    answers.paths.push(request.url ?? '');
    if (answers.status === 0) return;
    response.writeHead(answers.status).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return { answers, port: (server.address() as AddressInfo).port, server };
}

const launch = (id: string, overrides: { health_check?: HealthCheck; check?: CheckInfo }) =>
  master.send({ type: 'LAUNCH', framework: framework(), task: commandTask(id, 'sleep 1000', overrides) });
const kill = (id: string) =>
  master.send({ type: 'KILL', framework_id: { value: 'framework-1' }, task_id: { value: id } });
const quick = { delay_seconds: 0, interval_seconds: 0.05, timeout_seconds: 2 };
const healthReason = 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED';
/** The nth health update of a task. */
const health = (id: string, n: number) =>
  master.update(id, () => healthUpdates(id).length >= n).then(() => healthUpdates(id)[n - 1]!);
const healthUpdates = (id: string) => master.statusesOf(id).filter((status) => status.reason === healthReason);

describe('a health check', () => {
  test('over HTTP tells health, its loss and its return, and not more', async () => {
    const { answers, port } = await serve();
    const health_check: HealthCheck = {
      ...quick,
      type: 'HTTP',
      http: { port, path: '/health?x=1' },
      grace_period_seconds: 60,
      consecutive_failures: 1000,
    };
    launch('http', { health_check });
    expect((await health('http', 1)).healthy).toBe(true);
    expect(answers.paths[0]).toBe('/health?x=1');
    answers.status = 500;
    expect((await health('http', 2)).healthy).toBe(false);
    answers.status = 399;
    const back = await master.update(
      'http',
      (status) => status.healthy === true && healthUpdates('http').indexOf(status) > 1,
    );
    expect(back.state).toBe('TASK_RUNNING');
    kill('http');
    const last = await master.update('http', 'TASK_KILLED');
    expect(last.healthy).toBeUndefined();
  });

  test('over TCP finds a server on the agent’s own address', async () => {
    const { port, server } = await serve();
    launch('tcp', { health_check: { ...quick, type: 'TCP', tcp: { port }, consecutive_failures: 1000 } });
    expect((await health('tcp', 1)).healthy).toBe(true);
    server.close();
    server.closeAllConnections();
    expect((await health('tcp', 2)).healthy).toBe(false);
    kill('tcp');
  });

  test('by command runs in the sandbox; failures within the grace period are silent', async () => {
    launch('command', {
      health_check: {
        ...quick,
        type: 'COMMAND',
        command: { shell: true, value: 'test -e ok' },
        grace_period_seconds: 60,
        consecutive_failures: 2,
      },
    });
    await master.update('command', 'TASK_RUNNING');
    const ok = join(work.path, 'slaves/latest/frameworks/framework-1/executors/command/runs/latest/ok');
    await writeFile(ok, '');
    expect((await health('command', 1)).healthy).toBe(true);
    await rm(ok);
    const killed = await master.update('command', 'TASK_KILLED');
    expect(healthUpdates('command').map((status) => status.healthy)).toEqual([true, false, false]);
    expect(killed.healthy).toBe(false);
    expect(killed.message).toBe('Command terminated with signal Terminated');
  });

  test('kills with the recorded sequence of statuses', async () => {
    const recorded = (await golden<{ updates: TaskStatus[] }>('04-health-and-generic-checks.json')).updates.filter(
      (status) => status.task_id.value === 'hc-cmd',
    );
    const expected = recorded.slice(3).map(essence);
    // The recorded one was unhealthy once before its first success.
    launch('replay', {
      health_check: {
        ...quick,
        type: 'COMMAND',
        command: { value: 'test ! -e bad' },
        grace_period_seconds: 0,
        consecutive_failures: 2,
      },
    });
    await health('replay', 1);
    await writeFile(join(work.path, 'slaves/latest/frameworks/framework-1/executors/replay/runs/latest/bad'), '');
    await master.update('replay', 'TASK_KILLED');
    expect(master.statusesOf('replay').slice(2).map(essence)).toEqual(expected);
  });

  test('that hangs has failed when its time is up', async () => {
    const { answers, port } = await serve();
    answers.status = 0;
    launch('hangs', {
      health_check: {
        ...quick,
        timeout_seconds: 0.1,
        type: 'HTTP',
        http: { port },
        grace_period_seconds: 0,
        consecutive_failures: 1,
      },
    });
    expect((await master.update('hangs', 'TASK_KILLED')).healthy).toBe(false);
  });
});

/** What a status says, without what differs from run to run. */
function essence({ state, message, source, reason, healthy, check_status }: TaskStatus) {
  return { state, message, source, reason, healthy, check_status };
}

test('generic checks tell what they see when it changes, in the recorded form', async () => {
  const recorded = (await golden<{ updates: TaskStatus[] }>('04-health-and-generic-checks.json')).updates;
  const { answers, port } = await serve();
  answers.status = 404;
  const closed = await serve();
  closed.server.close();
  const timing = { delay_seconds: 0, interval_seconds: 0.05, timeout_seconds: 3 };
  launch('chk-cmd', { check: { ...timing, type: 'COMMAND', command: { command: { value: 'exit 7' } } } });
  launch('chk-http', { check: { ...timing, type: 'HTTP', http: { port, path: '/nope' } } });
  launch('chk-tcp', { check: { ...timing, type: 'TCP', tcp: { port: closed.port } } });
  for (const id of ['chk-cmd', 'chk-http', 'chk-tcp']) {
    await master.update(id, (status) => status.reason === 'REASON_TASK_CHECK_STATUS_UPDATED');
    const theirs = recorded.filter((status) => status.task_id.value === id);
    expect(master.statusesOf(id).map(essence)).toEqual(theirs.map(essence));
    kill(id);
  }
});

test('health goes on being told after the agent was restarted, without a new grace period', async () => {
  const other = await makeWorkDir();
  const theirMaster = await startFakeMaster();
  const { answers, port } = await serve();
  const first = await startAgent(theirMaster, other.path);
  await first.service.ready;
  const health_check: HealthCheck = {
    ...quick,
    type: 'HTTP',
    http: { port },
    grace_period_seconds: 600,
    consecutive_failures: 1000,
  };
  theirMaster.send({
    type: 'LAUNCH',
    framework: framework(),
    task: commandTask('kept', 'sleep 1000', { health_check }),
  });
  await theirMaster.update('kept', (status) => status.healthy === true);
  await first.service.stop();
  answers.status = 500;
  const second = await startAgent(theirMaster, other.path);
  await second.service.ready;
  await theirMaster.update('kept', (status) => status.healthy === false);
  await second.service.stop();
  await theirMaster.close();
  await other.remove();
});
