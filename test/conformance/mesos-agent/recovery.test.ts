import { type ChildProcess, spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  findTaskProcesses,
  killTasks,
  readTaskRecord,
  signalTasks,
} from '../../../src/protocols/mesos/task-processes.ts';
import {
  commandTask,
  type FakeMaster,
  framework,
  makeWorkDir,
  startAgent,
  startFakeMaster,
  type TestAgent,
} from './harness.ts';

let master: FakeMaster;
let work: Awaited<ReturnType<typeof makeWorkDir>>;
const agents: TestAgent[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  work = await makeWorkDir();
  master = await startFakeMaster();
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const agent of agents.splice(0)) await agent.service.stop();
  await master.close();
  await work.remove();
});

async function startOwn(flags: Record<string, string> = {}) {
  const agent = await startAgent(master, work.path, flags);
  agents.push(agent);
  await agent.service.ready;
  return agent;
}

async function stop(agent: TestAgent) {
  agents.splice(agents.indexOf(agent), 1);
  await agent.service.stop();
}

const launch = (id: string, command: string, overrides = {}, of = framework()) =>
  master.send({ type: 'LAUNCH', framework: of, task: commandTask(id, command, overrides) });
const states = (id: string) => master.statusesOf(id).map((status) => status.state);

describe('an agent that comes back', () => {
  test('has its id and its running tasks, and goes on with them', async () => {
    const first = await startOwn();
    launch('sleeper', 'sleep 1000');
    const running = await master.update('sleeper', 'TASK_RUNNING');
    await stop(first);
    expect(await findTaskProcesses([work.path])).not.toEqual([]);

    await startOwn();
    const again = await master.registered(2);
    expect(again.agent.id).toEqual(running.agent_id);
    expect(again.tasks).toMatchObject([
      {
        framework_id: { value: 'framework-1' },
        info: { task_id: { value: 'sleeper' } },
        executor_id: { value: 'sleeper' },
        statuses: [{ state: 'TASK_STARTING' }, { state: 'TASK_RUNNING' }],
      },
    ]);
    expect(again.frameworks).toMatchObject([{ name: 'test' }]);
    master.send({ type: 'KILL', framework_id: { value: 'framework-1' }, task_id: { value: 'sleeper' } });
    const killed = await master.update('sleeper', 'TASK_KILLED');
    expect(killed.message).toBe('Command terminated with signal Terminated');
    expect(states('sleeper')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
    expect(await findTaskProcesses([work.path])).toEqual([]);
  });

  test('notices the end of a task that it took back', async () => {
    const first = await startOwn();
    const go = join(work.path, 'go');
    launch('waiter', `until [ -e ${go} ]; do sleep 0.05; done; exit 7`);
    await master.update('waiter', 'TASK_RUNNING');
    await stop(first);
    await startOwn();
    await writeFile(go, '');
    expect((await master.update('waiter', 'TASK_FAILED')).message).toBe('Command exited with status 7');
  });

  test('reports how tasks ended meanwhile', async () => {
    const first = await startOwn();
    const go = join(work.path, 'go');
    for (const [id, end] of [
      ['fine', 'exit 0'],
      ['bad', 'exit 9'],
      ['shot', 'kill -9 $$'],
    ])
      launch(id!, `until [ -e ${go} ]; do sleep 0.05; done; ${end}`);
    for (const id of ['fine', 'bad', 'shot']) await master.update(id, 'TASK_RUNNING');
    await stop(first);
    await writeFile(go, '');
    await expect.poll(() => findTaskProcesses([work.path]), { timeout: 10_000 }).toEqual([]);

    await startOwn();
    expect((await master.update('fine', 'TASK_FINISHED')).message).toBe('Command exited with status 0');
    expect((await master.update('bad', 'TASK_FAILED')).message).toBe('Command exited with status 9');
    expect((await master.update('shot', 'TASK_FAILED')).message).toBe('Command terminated with signal Killed');
  });

  test('reports tasks that vanished without a trace as gone, or lost where that is not known', async () => {
    const first = await startOwn();
    const plain = framework({ id: { value: 'framework-plain' }, capabilities: [{ type: 'MULTI_ROLE' }] });
    launch('gone', 'sleep 1000');
    launch('lost', 'sleep 1000', {}, plain);
    await master.update('gone', 'TASK_RUNNING');
    await master.update('lost', 'TASK_RUNNING');
    await stop(first);
    await killTasks([work.path]);

    await startOwn();
    const gone = await master.update('gone', 'TASK_GONE');
    expect(gone.reason).toBe('REASON_EXECUTOR_REREGISTRATION_TIMEOUT');
    expect(gone.message).toBe('Executor did not reregister within 2secs');
    await master.update('lost', 'TASK_LOST');
  });

  test('sends what was not acknowledged again, with the same uuid', async () => {
    const first = await startOwn();
    master.acknowledge = false;
    launch('unheard', 'exit 0');
    const starting = await master.update('unheard', 'TASK_STARTING');
    await expect.poll(() => findTaskProcesses([work.path]), { timeout: 10_000 }).toEqual([]);
    await stop(first);
    master.updates.length = 0;
    master.acknowledge = true;
    await startOwn();
    await master.update('unheard', 'TASK_FINISHED');
    expect(master.updates[0]).toEqual(starting);
    expect(states('unheard')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
  });

  test('forgets tasks whose end was acknowledged', async () => {
    const first = await startOwn();
    launch('over', 'true');
    await master.update('over', 'TASK_FINISHED');
    await expect
      .poll(async () => ((await first.get('/state')).json as { frameworks: unknown[] }).frameworks, { timeout: 10_000 })
      .toEqual([]);
    await stop(first);
    await startOwn();
    expect((await master.registered(2)).tasks).toEqual([]);
  });

  test('refuses other resources than it had, saying what to do', async () => {
    const first = await startOwn();
    await stop(first);
    await expect(startAgent(master, work.path, { resources: 'cpus:1;mem:2048;disk:4096' })).rejects.toThrow(
      /Incompatible agent info.*fewer resources.*meta/s,
    );
    await startOwn({ resources: 'cpus:8;mem:2048;disk:4096;ports:[31000-31019]', reconfiguration_policy: 'additive' });
  });
});

test('what runs of tasks that nobody remembers is ended', async () => {
  const first = await startOwn();
  launch('forgotten', 'sleep 1000');
  await master.update('forgotten', 'TASK_RUNNING');
  await stop(first);
  await rm(join(work.path, 'meta'), { recursive: true });
  await startOwn();
  expect(await findTaskProcesses([work.path])).toEqual([]);
  expect((await master.registered(2)).agent.id).toBeUndefined();
});

test('tasks of a framework without checkpoints end with their agent', async () => {
  const agent = await startOwn();
  launch('bound', 'sleep 1000', {}, framework({ checkpoint: false }));
  await master.update('bound', 'TASK_RUNNING');
  await stop(agent);
  expect(await findTaskProcesses([work.path])).toEqual([]);
});

describe('an agent whose process is killed', () => {
  let program: string;

  beforeAll(async () => {
    const built = await build({
      entryPoints: [new URL('./agent-process.ts', import.meta.url).pathname],
      bundle: true,
      platform: 'node',
      format: 'esm',
      write: false,
    });
    program = built.outputFiles[0]!.text;
  });

  /** An agent in a process of its own. */
  async function startProcess() {
    const before = master.registrations.length;
    const file = join(work.path, 'agent.mjs');
    await writeFile(file, program);
    const child = spawn(process.execPath, [file, master.address, work.path], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.push(child);
    await master.registered(before + 1);
    return child;
  }

  test('takes its tasks back: those that run, and those that ended while nobody looked', async () => {
    const child = await startProcess();
    const go = join(work.path, 'go');
    launch('stays', 'sleep 1000');
    launch('ends', `until [ -e ${go} ]; do sleep 0.05; done; exit 5`);
    await master.update('stays', 'TASK_RUNNING');
    await master.update('ends', 'TASK_RUNNING');
    const dead = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await dead;
    await writeFile(go, '');
    await expect.poll(async () => (await findTaskProcesses([work.path])).length, { timeout: 10_000 }).toBe(3);

    await startOwn();
    expect((await master.update('ends', 'TASK_FAILED')).message).toBe('Command exited with status 5');
    expect((await master.registered(2)).tasks.map((task) => task.info.task_id.value)).toContain('stays');
    expect(states('stays')).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
  });

  test('leaves records by which its tasks can be paused, resumed and ended', async () => {
    const child = await startProcess();
    launch('orphan', `setsid sleep 1000 & sleep 1000`);
    const { container_status } = await master.update('orphan', 'TASK_RUNNING');
    child.kill('SIGKILL');
    const sandbox = join(work.path, 'slaves/latest/frameworks/framework-1/executors/orphan/runs/latest');
    await expect
      .poll(async () => (await readTaskRecord(sandbox))?.leader.pid, { timeout: 10_000 })
      .toBe(container_status?.executor_pid);
    await expect.poll(async () => (await findTaskProcesses([work.path])).length, { timeout: 10_000 }).toBe(4);
    await signalTasks([work.path], 'SIGSTOP');
    await expect
      .poll(async () => (await findTaskProcesses([work.path])).map(({ state }) => state), { timeout: 10_000 })
      .toEqual(['T', 'T', 'T', 'T']);
    await signalTasks([work.path], 'SIGCONT');
    expect(await killTasks([work.path])).toEqual([]);
    expect(await findTaskProcesses([work.path])).toEqual([]);
  });
});
