import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TaskStatus } from '../../../src/protocols/mesos/types.ts';
import { listProcesses } from '../../../src/support/process-tree.ts';
import { skipped } from '../../support/skipped.ts';
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
let agent: TestAgent;
let work: Awaited<ReturnType<typeof makeWorkDir>>;

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

const launch = (...args: Parameters<typeof commandTask>) =>
  master.send({ type: 'LAUNCH', framework: framework(), task: commandTask(...args) });
const kill = (id: string) =>
  master.send({ type: 'KILL', framework_id: { value: 'framework-1' }, task_id: { value: id } });
const states = (id: string) => master.statusesOf(id).map((status) => status.state);
const sandboxOf = (id: string) => join(work.path, 'slaves/latest/frameworks/framework-1/executors', id, 'runs/latest');
const processesOf = async (id: string) =>
  (await listProcesses('MESOS_SANDBOX')).filter((process) => process.tag?.includes(`/executors/${id}/`));

describe('a command task', () => {
  test('that exits with 0 is started, running and finished', async () => {
    launch('ok', 'echo out; echo err >&2');
    const last = await master.update('ok', 'TASK_FINISHED');
    expect(states('ok')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    expect(last.message).toBe('Command exited with status 0');
    expect(last.source).toBe('SOURCE_EXECUTOR');
    expect(last.reason).toBeUndefined();
    expect(await readFile(join(sandboxOf('ok'), 'stdout'), 'utf8')).toBe('out\n');
    expect(await readFile(join(sandboxOf('ok'), 'stderr'), 'utf8')).toBe('err\n');
  });

  test('has statuses with the members of the recorded ones', async () => {
    launch('members', 'exit 3');
    const last = await master.update('members', 'TASK_FAILED');
    expect(Object.keys(last)).toEqual([
      'task_id',
      'state',
      'message',
      'source',
      'agent_id',
      'executor_id',
      'timestamp',
      'uuid',
      'container_status',
    ]);
    expect(last.message).toBe('Command exited with status 3');
    expect(last.executor_id).toEqual({ value: 'members' });
    expect(last.container_status).toEqual({
      container_id: { value: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '127.0.0.1' }] }],
      executor_pid: expect.any(Number),
    });
    expect(Buffer.from(last.uuid!, 'base64')).toHaveLength(16);
  });

  test.each([
    ['killed', 'kill -9 $$', 'Command terminated with signal Killed'],
    ['terminated', 'kill -15 $$', 'Command terminated with signal Terminated'],
    ['looks-like-a-signal', 'exit 143', 'Command exited with status 143'],
    ['interrupted', 'kill -2 $$', 'Command terminated with signal Interrupt'],
  ])('that ends by itself is told exactly: %s', async (id, command, message) => {
    launch(id, command);
    expect((await master.update(id, 'TASK_FAILED')).message).toBe(message);
  });

  test('with arguments runs without a shell', async () => {
    launch('arguments', '', {
      command: { shell: false, value: 'printf', arguments: ['printf', '%s|', 'a b', '$HOME', '*'] },
    });
    await master.update('arguments', 'TASK_FINISHED');
    expect(await readFile(join(sandboxOf('arguments'), 'stdout'), 'utf8')).toBe('a b|$HOME|*|');
  });

  test('whose program is missing fails with status 1, and its stderr says why', async () => {
    launch('nocmd', '', { command: { shell: false, value: '/no/such/binary', arguments: ['x'] } });
    expect((await master.update('nocmd', 'TASK_FAILED')).message).toBe('Command exited with status 1');
    expect(states('nocmd')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
    expect(await readFile(join(sandboxOf('nocmd'), 'stderr'), 'utf8')).toContain('/no/such/binary');
  });

  test('that needs an image is refused at once with the way out', async () => {
    launch('image', 'true', { container: { type: 'DOCKER', docker: { image: 'nginx' } } });
    const status = await master.update('image', 'TASK_FAILED');
    expect(status.reason).toBe('REASON_CONTAINER_LAUNCH_FAILED');
    expect(status.source).toBe('SOURCE_AGENT');
    expect(status.message).toContain("'nginx'");
    expect(status.message).toContain('--runtime docker');
  });

  test('leaves nothing running behind it, daemons included', async () => {
    launch('daemon', `(setsid sh -c 'trap "" TERM HUP; while :; do sleep 1; done' >/dev/null 2>&1 &) ; sleep 0.3`);
    await master.update('daemon', 'TASK_RUNNING');
    await master.update('daemon', 'TASK_FINISHED');
    expect(await processesOf('daemon')).toEqual([]);
  });
});

describe.skipIf(skipped(process.getuid?.() === 0, 'tasks of other users', 'only root can start them'))(
  'an agent with all rights',
  () => {
    test('runs a command as its user', async () => {
      await chmod(work.path, 0o755);
      launch('nobody', 'id -un; touch mine; stat -c %U mine', {
        command: { value: 'id -un; touch mine; stat -c %U mine', user: 'nobody' },
      });
      await master.update('nobody', 'TASK_FINISHED');
      expect(await readFile(join(sandboxOf('nobody'), 'stdout'), 'utf8')).toBe('nobody\nnobody\n');
    });

    test('fails a command of a user that does not exist', async () => {
      launch('no-user', 'true', { command: { value: 'true', user: 'no-such-user' } });
      const status = await master.update('no-user', 'TASK_FAILED');
      expect(status.reason).toBe('REASON_CONTAINER_LAUNCH_FAILED');
      expect(status.message).toContain("'no-such-user'");
    });
  },
);

describe('a kill', () => {
  test('gives a handler of SIGTERM its time', async () => {
    launch('handler', `trap 'echo got TERM; sleep 0.5; exit 0' TERM; echo up; while :; do sleep 0.1; done`, {
      kill_policy: { grace_period: { nanoseconds: 5e9 } },
    });
    await master.update('handler', 'TASK_RUNNING');
    await untilOutput('handler', 'up');
    kill('handler');
    expect((await master.update('handler', 'TASK_KILLED')).message).toBe('Command exited with status 0');
    expect(states('handler')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
    expect(await readFile(join(sandboxOf('handler'), 'stdout'), 'utf8')).toContain('got TERM');
  });

  test('ends what ignores SIGTERM after the grace period', async () => {
    launch('stubborn', `trap '' TERM; echo up; while :; do sleep 0.1; done`, {
      kill_policy: { grace_period: { nanoseconds: 3e8 } },
    });
    await untilOutput('stubborn', 'up');
    kill('stubborn');
    expect((await master.update('stubborn', 'TASK_KILLED')).message).toBe('Command terminated with signal Killed');
    expect(await processesOf('stubborn')).toEqual([]);
  });

  test('reaches everything the task started, whatever session it is in', async () => {
    launch('family', `setsid sleep 1000 & sh -c 'sleep 1000 & sleep 1000' & echo up; sleep 1000`);
    await untilOutput('family', 'up');
    kill('family');
    expect((await master.update('family', 'TASK_KILLED')).message).toBe('Command terminated with signal Terminated');
    expect(await processesOf('family')).toEqual([]);
  });

  test('works on a task that was stopped', async () => {
    launch('stopped', 'echo up; sleep 1000');
    await untilOutput('stopped', 'up');
    for (const { pid } of await processesOf('stopped')) process.kill(pid, 'SIGSTOP');
    kill('stopped');
    expect((await master.update('stopped', 'TASK_KILLED')).message).toBe('Command terminated with signal Terminated');
  });

  test('of a task unknown here is answered so', async () => {
    kill('nobody');
    const answer = await master.hears('UNKNOWN_TASKS');
    expect(answer.task_ids).toEqual([{ value: 'nobody' }]);
  });

  test('before the start ends the task without running it', async () => {
    const { createServer } = await import('node:net');
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const asked = new Promise<void>((resolve) => silent.once('connection', () => resolve()));
    launch('early', 'echo ran', {
      command: { value: 'echo ran', uris: [{ value: `http://127.0.0.1:${port}/file` }] },
    });
    await asked;
    kill('early');
    const status = await master.update('early', 'TASK_KILLED');
    expect(status.reason).toBe('REASON_TASK_KILLED_DURING_LAUNCH');
    expect(states('early')).toEqual(['TASK_KILLED']);
    silent.close();
  });
});

test('a task that takes longer than max_completion_time fails', async () => {
  launch('slow', 'sleep 1000', { max_completion_time: { nanoseconds: 2e8 } });
  const status = await master.update('slow', 'TASK_FAILED');
  expect(status.reason).toBe('REASON_MAX_COMPLETION_TIME_REACHED');
});

test('the end of a framework ends its tasks silently', async () => {
  const other = framework({ id: { value: 'framework-2' } });
  master.send({ type: 'LAUNCH', framework: other, task: commandTask('torn-down', 'sleep 1000') });
  await master.update('torn-down', 'TASK_RUNNING');
  master.send({ type: 'SHUTDOWN_FRAMEWORK', framework_id: { value: 'framework-2' } });
  await expect.poll(() => processesOf('torn-down'), { timeout: 10_000 }).toEqual([]);
  type State = { frameworks: { id: string }[]; completed_frameworks: { id: string }[] };
  await expect
    .poll(async () => ((await agent.get('/state')).json as State).completed_frameworks.map(({ id }) => id), {
      timeout: 10_000,
    })
    .toContain('framework-2');
  expect(master.statusesOf('torn-down').map((status: TaskStatus) => status.state)).toEqual([
    'TASK_STARTING',
    'TASK_RUNNING',
  ]);
});

async function untilOutput(id: string, text: string) {
  await expect
    .poll(() => readFile(join(sandboxOf(id), 'stdout'), 'utf8').catch(() => ''), { timeout: 10_000, interval: 20 })
    .toContain(text);
}
