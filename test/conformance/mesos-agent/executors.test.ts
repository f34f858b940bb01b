import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findTaskProcesses } from '../../../src/protocols/mesos/task-processes.ts';
import type { ExecutorInfo, TaskInfo, TaskStatus } from '../../../src/protocols/mesos/types.ts';
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

/** An executor that comes back has the time that a busy machine needs. */
const flags = { executor_reregistration_timeout: '30secs' };

beforeAll(async () => {
  work = await makeWorkDir();
  master = await startFakeMaster();
  agent = await startAgent(master, work.path, flags);
  await agent.service.ready;
});

afterAll(async () => {
  await agent?.service.stop();
  await master?.close();
  await work?.remove();
});

const framework_id = { value: 'framework-1' };
const kill = (id: string) => master.send({ type: 'KILL', framework_id, task_id: { value: id } });
const states = (id: string) => master.statusesOf(id).map((status) => status.state);
const processesOf = async (executor: string, folder = work.path) =>
  (await findTaskProcesses([folder])).filter((process) => process.tag?.includes(`/executors/${executor}/`));

describe('a task group', () => {
  type Group = { executor: ExecutorInfo; tasks: TaskInfo[]; updates: TaskStatus[] };
  const launch = (id: string, tasks: TaskInfo[], executor?: ExecutorInfo) =>
    master.send({
      type: 'LAUNCH_GROUP',
      framework: framework(),
      executor: executor ?? { type: 'DEFAULT', executor_id: { value: id }, framework_id },
      tasks,
    });

  test('gives the recorded statuses', async () => {
    const recorded = await golden<Group>('07-launch-group.json');
    const tasks = recorded.tasks.map((task) => ({
      ...task,
      ...(task.name === 'pod-1.a' ? { command: { value: 'echo a; sleep 0.2' } } : {}),
    }));
    launch('pod-1', tasks, recorded.executor);
    await master.update('pod-1.a', 'TASK_FINISHED');
    await master.update('pod-1.b', (status) => status.healthy === true);
    const state = (await agent.get('/state')).json as { frameworks: { executors: { id: string }[] }[] };
    const shown = state.frameworks[0]!.executors.find(({ id }) => id === 'pod-1')!;
    const theirs = await golden<typeof state>('state-pod.json');
    expect(Object.keys(shown).sort()).toEqual(Object.keys(theirs.frameworks[0]!.executors[0]!).sort());
    kill('pod-1.b');
    await master.update('pod-1.b', 'TASK_KILLED');
    for (const id of ['pod-1.a', 'pod-1.b'])
      expect(master.statusesOf(id).map(essence)).toEqual(
        recorded.updates.filter((status) => status.task_id.value === id).map(essence),
      );
    const [first, second] = ['pod-1.a', 'pod-1.b'].map(
      (id) => master.statusesOf(id)[0]!.container_status!.container_id!,
    );
    expect(first!.parent).toEqual(second!.parent);
    expect(first!.value).not.toBe(second!.value);
    const exited = await master.hears('EXECUTOR_EXITED');
    expect(exited).toMatchObject({ executor_id: { value: 'pod-1' }, status: 0 });
    expect(await processesOf('pod-1')).toEqual([]);
  });

  function essence({ state, message, source, reason, healthy, executor_id, container_status }: TaskStatus) {
    return {
      state,
      message,
      source,
      reason,
      healthy,
      executor_id,
      members: Object.keys(container_status ?? {}).length > 0,
    };
  }

  test('ends as a whole when one of its tasks fails', async () => {
    launch('pod-2', [commandTask('pod-2.a', 'sleep 0.2; exit 1'), commandTask('pod-2.b', 'sleep 1000')]);
    await master.update('pod-2.a', 'TASK_FAILED');
    await master.update('pod-2.b', 'TASK_KILLED');
    expect(await processesOf('pod-2')).toEqual([]);
  });

  test('has a sandbox for each task, found by the task’s id', async () => {
    launch('pod-3', [commandTask('pod-3.a', 'echo one; env; sleep 1000'), commandTask('pod-3.b', 'sleep 1000')]);
    const { container_status } = await master.update('pod-3.a', 'TASK_RUNNING');
    const run = join(work.path, 'slaves/latest/frameworks/framework-1/executors/pod-3/runs/latest');
    const read = () => readFile(join(run, 'tasks/pod-3.a/stdout'), 'utf8').catch(() => '');
    await expect.poll(read).toContain('MESOS_TASK_ID=pod-3.a\n');
    expect(await read()).toContain(`/containers/${container_status!.container_id!.value}\n`);
    const path = '/frameworks/framework-1/executors/pod-3/runs/latest/tasks/pod-3.a/stdout';
    const file = (await agent.get(`/files/read?path=${path}&offset=0&length=4`)).json;
    expect(file).toEqual({ data: 'one\n', offset: 0 });
    master.send({ type: 'SHUTDOWN_EXECUTOR', framework_id, executor_id: { value: 'pod-3' } });
    await master.update('pod-3.a', 'TASK_KILLED');
    await master.update('pod-3.b', 'TASK_KILLED');
  });

  test('is taken back by a restarted agent', async () => {
    launch('pod-4', [commandTask('pod-4.a', 'sleep 1000'), commandTask('pod-4.b', 'sleep 1000')]);
    await master.update('pod-4.a', 'TASK_RUNNING');
    await master.update('pod-4.b', 'TASK_RUNNING');
    await agent.service.stop();
    agent = await startAgent(master, work.path, flags);
    await agent.service.ready;
    expect(master.registrations.at(-1)!.executors).toMatchObject([{ info: { executor_id: { value: 'pod-4' } } }]);
    kill('pod-4.a');
    await master.update('pod-4.a', 'TASK_KILLED');
    kill('pod-4.b');
    await master.update('pod-4.b', 'TASK_KILLED');
    expect(states('pod-4.b')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
    expect(await processesOf('pod-4')).toEqual([]);
  });
});

describe('an executor of the framework’s own', () => {
  /** An executor in plain JavaScript, as anyone might write one for the HTTP API. */
  const program = `
    const http = require('http'), crypto = require('crypto');
    const [host, port] = process.env.MESOS_AGENT_ENDPOINT.split(':');
    const ids = { framework_id: { value: process.env.MESOS_FRAMEWORK_ID }, executor_id: { value: process.env.MESOS_EXECUTOR_ID } };
    const call = (body, onResponse, onError = () => {}) => {
      const request = http.request({ host, port, path: '/api/v1/executor', method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' } }, onResponse ?? ((r) => r.resume()));
      request.on('error', onError);
      request.end(JSON.stringify({ ...ids, ...body }));
    };
    const unacknowledged = new Map();
    const update = (task_id, state, rest) => {
      const status = { task_id, state, source: 'SOURCE_EXECUTOR', executor_id: ids.executor_id,
        uuid: crypto.randomBytes(16).toString('base64'), timestamp: Date.now() / 1000, ...rest };
      unacknowledged.set(status.uuid, status);
      call({ type: 'UPDATE', update: { status } });
    };
    const handle = (event) => {
      console.log(event.type);
      if (event.type === 'LAUNCH') update(event.launch.task.task_id, 'TASK_RUNNING', { message: 'hello' });
      if (event.type === 'KILL') update(event.kill.task_id, 'TASK_KILLED', {});
      if (event.type === 'ACKNOWLEDGED') unacknowledged.delete(event.acknowledged.uuid);
      if (event.type === 'MESSAGE') call({ type: 'MESSAGE', message: { data: event.message.data } });
      if (event.type === 'SHUTDOWN') process.exit(0);
    };
    const again = () => setTimeout(subscribe, 50);
    const subscribe = () => call({ type: 'SUBSCRIBE', subscribe: {
      unacknowledged_tasks: [], unacknowledged_updates: [...unacknowledged.values()].map((status) => ({ status })) } }, (response) => {
      let buffer = Buffer.alloc(0);
      response.on('data', (chunk) => {
        buffer = Buffer.concat([buffer, chunk]);
        for (;;) {
          const at = buffer.indexOf(10);
          if (at < 0) return;
          const length = Number(buffer.subarray(0, at));
          if (buffer.length < at + 1 + length) return;
          handle(JSON.parse(buffer.subarray(at + 1, at + 1 + length)));
          buffer = buffer.subarray(at + 1 + length);
        }
      });
      response.on('error', () => {});
      response.on('close', again);
    }, again);
    subscribe();
  `;
  let file: string;

  beforeAll(async () => {
    file = join(work.path, 'executor.js');
    await writeFile(file, program);
  });

  const info = (id: string, command = `exec '${process.execPath}' '${file}'`): ExecutorInfo => ({
    executor_id: { value: id },
    framework_id,
    name: 'custom',
    command: { value: command },
    resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, allocation_info: { role: '*' } }],
  });
  const launch = (task: string, executor: ExecutorInfo, by = master) => {
    const { command: _none, ...rest } = commandTask(task, '');
    by.send({ type: 'LAUNCH', framework: framework(), task: rest, executor });
  };

  test('gets its tasks, kills, messages and acknowledgements, and ends when told', async () => {
    launch('own-1', info('own'));
    const running = await master.update('own-1', 'TASK_RUNNING');
    expect(running).toMatchObject({
      message: 'hello',
      source: 'SOURCE_EXECUTOR',
      executor_id: { value: 'own' },
      container_status: { executor_pid: expect.any(Number) },
    });
    launch('own-2', info('own'));
    await master.update('own-2', 'TASK_RUNNING');
    master.send({ type: 'MESSAGE', framework_id, executor_id: { value: 'own' }, data: 'aGk=' });
    expect(await master.hears('MESSAGE')).toMatchObject({ executor_id: { value: 'own' }, data: 'aGk=' });
    kill('own-1');
    await master.update('own-1', 'TASK_KILLED');
    const log = join(work.path, 'slaves/latest/frameworks/framework-1/executors/own/runs/latest/stdout');
    await expect.poll(() => readFile(log, 'utf8')).toMatch(/ACKNOWLEDGED\n(.*\n)*ACKNOWLEDGED/);
    master.send({ type: 'SHUTDOWN_EXECUTOR', framework_id, executor_id: { value: 'own' } });
    const failed = await master.update('own-2', 'TASK_FAILED');
    expect(failed.reason).toBe('REASON_EXECUTOR_TERMINATED');
    await expect.poll(() => processesOf('own')).toEqual([]);
  });

  test('finds the restarted agent again', async () => {
    launch('back-1', info('back'));
    await master.update('back-1', 'TASK_RUNNING');
    await agent.service.stop();
    agent = await startAgent(master, work.path, { ...flags, port: String(agent.port) });
    await agent.service.ready;
    await expect
      .poll(async () => {
        launch(`back-probe-${master.updates.length}`, info('back'));
        return master.updates.some((status) => status.task_id.value.startsWith('back-probe'));
      })
      .toBe(true);
    kill('back-1');
    await master.update('back-1', 'TASK_KILLED');
    master.send({ type: 'SHUTDOWN_EXECUTOR', framework_id, executor_id: { value: 'back' } });
    await expect.poll(() => processesOf('back'), { timeout: 10_000 }).toEqual([]);
  });

  test('that never subscribes is ended, and its tasks fail', async () => {
    const place = await makeWorkDir();
    const other = await startFakeMaster();
    const impatient = await startAgent(other, place.path, { executor_registration_timeout: '200ms' });
    try {
      await impatient.service.ready;
      launch('mute-1', info('mute', 'sleep 1000'), other);
      const status = await other.update('mute-1', 'TASK_FAILED');
      expect(status.reason).toBe('REASON_EXECUTOR_REGISTRATION_TIMEOUT');
      expect(await processesOf('mute', place.path)).toEqual([]);
    } finally {
      await impatient.service.stop();
      await other.close();
      await place.remove();
    }
  });

  test('that ends takes its tasks with it, and the framework hears of it', async () => {
    launch('short-1', info('short', 'exit 3'));
    const status = await master.update('short-1', 'TASK_FAILED');
    expect(status.reason).toBe('REASON_EXECUTOR_TERMINATED');
    await expect
      .poll(() => master.said.find((m) => m.type === 'EXECUTOR_EXITED' && m.executor_id.value === 'short'))
      .toMatchObject({ status: 3 << 8 });
  });

  test('must be known and subscribed to speak', async () => {
    const call = (body: object) => agent.post('/api/v1/executor', body);
    const ids = { framework_id, executor_id: { value: 'mute-2' } };
    expect(
      await call({ type: 'SUBSCRIBE', subscribe: {}, framework_id: { value: 'x' }, executor_id: { value: 'y' } }),
    ).toMatchObject({
      status: 400,
      text: 'Framework cannot be found',
    });
    launch('mute-2-1', info('mute-2', 'sleep 1000'));
    expect(await call({ ...ids, executor_id: { value: 'nope' }, type: 'SUBSCRIBE', subscribe: {} })).toMatchObject({
      status: 400,
      text: 'Executor cannot be found',
    });
    const status = { task_id: { value: 'mute-2-1' }, state: 'TASK_RUNNING', uuid: 'AAAA' };
    expect(await call({ ...ids, type: 'UPDATE', update: { status } })).toMatchObject({
      status: 403,
      text: 'Executor is not subscribed',
    });
  });
});
