import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TaskInfo, TaskStatus } from '../../../src/protocols/mesos/types.ts';
import { eventually } from '../../support/eventually.ts';
import { type FakeDocker, startFakeDocker } from '../../support/fake-docker.ts';
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

let docker: FakeDocker;
let master: FakeMaster;
let work: Awaited<ReturnType<typeof makeWorkDir>>;
const agents: TestAgent[] = [];

beforeEach(async () => {
  docker = await startFakeDocker();
  work = await makeWorkDir();
  master = await startFakeMaster();
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.service.stop();
  await master.close();
  await docker.close();
  await work.remove();
});

async function startOwn(flags: Record<string, string> = {}) {
  const containerizers = 'docker,mesos';
  const agent = await startAgent(master, work.path, { containerizers, docker_socket: docker.socketPath, ...flags });
  agents.push(agent);
  await agent.service.ready;
  return agent;
}

async function stop(agent: TestAgent) {
  agents.splice(agents.indexOf(agent), 1);
  await agent.service.stop();
}

const launch = (id: string, image = 'image:1', more: Partial<TaskInfo> = {}, force = false, of = framework()) =>
  master.send({
    type: 'LAUNCH',
    framework: of,
    task: commandTask(id, 'run', {
      container: { type: 'DOCKER', docker: { image, network: 'HOST', force_pull_image: force } },
      ...more,
    }),
  });
const kill = (id: string) =>
  master.send({ type: 'KILL', framework_id: { value: 'framework-1' }, task_id: { value: id } });
const states = (id: string) => master.statusesOf(id).map(({ state }) => state);
const output = (id: string, file = 'stdout') =>
  readFile(join(work.path, 'slaves/latest/frameworks/framework-1/executors', id, 'runs/latest', file), 'utf8');
const asked = (pattern: RegExp) => docker.requests.filter((line) => pattern.test(line));

describe('the recorded statuses', () => {
  /** What differs from run to run, and what `docker inspect` says, is left out. */
  const lasting = ({ timestamp: _, uuid: __, agent_id: ___, data, container_status, ...rest }: TaskStatus) => ({
    ...rest,
    data: data !== undefined,
    ...(container_status
      ? { container_status: { container_id: {}, network_infos: container_status.network_infos } }
      : {}),
  });
  const recorded = async (id: string) =>
    JSON.parse(
      JSON.stringify((await golden<Record<string, TaskStatus[]>>('docker-updates.json'))[id]?.map(lasting))
        // The recorded node's address.
        .replaceAll('172.31.77.11', '127.0.0.1'),
    );
  const told = (id: string) => JSON.parse(JSON.stringify(master.statusesOf(id).map(lasting)));

  test('of a task that is killed', async () => {
    await startOwn();
    launch('dk-host');
    await master.update('dk-host', 'TASK_RUNNING');
    kill('dk-host');
    await master.update('dk-host', 'TASK_KILLING');
    await master.update('dk-host', 'TASK_KILLED');
    const expected = await recorded('dk-host');
    // The recorded one did not listen to SIGTERM.
    expected.at(-1).message = 'Container exited with status 143';
    expect(told('dk-host')).toEqual(expected);
  });

  test('of a task that fails', async () => {
    await startOwn();
    launch('dk-exit');
    await master.update('dk-exit', 'TASK_RUNNING');
    docker.end(docker.of('dk-exit'), 4);
    await master.update('dk-exit', 'TASK_FAILED');
    expect(told('dk-exit')).toEqual(await recorded('dk-exit'));
  });

  test('of a task without an image', async () => {
    await startOwn();
    docker.pullError = 'the reason';
    launch('dk-noimage', 'no/such:image');
    await master.update('dk-noimage', 'TASK_FAILED');
    const [expected] = await recorded('dk-noimage');
    const pulled = `docker -H unix://${docker.socketPath} pull no/such:image`;
    expected.message = expected.message
      .replace(/'[^']* pull [^']*'/, `'${pulled}'`)
      .replace(/daemon: .*\n/, 'daemon: the reason\n');
    expect(told('dk-noimage')).toEqual([expected]);
  });
});

describe('an image', () => {
  test('that is here is not pulled, unless the task insists', async () => {
    await startOwn();
    launch('uses');
    await master.update('uses', 'TASK_RUNNING');
    expect(asked(/images\/create/)).toEqual([]);
    launch('insists', 'image:1', {}, true);
    await master.update('insists', 'TASK_RUNNING');
    expect(asked(/images\/create/)).toEqual(['POST /images/create?fromImage=image&tag=1']);
  });

  test('that is missing is pulled with the credentials of its registry', async () => {
    const auths = { 'registry.example': { username: 'me', password: 'secret' } };
    await startOwn({ docker_config: JSON.stringify({ auths }) });
    launch('new', 'registry.example/team/app');
    await master.update('new', 'TASK_RUNNING');
    expect(asked(/images\/create/)).toEqual(['POST /images/create?fromImage=registry.example%2Fteam%2Fapp&tag=latest']);
    expect(docker.auths).toEqual([{ username: 'me', password: 'secret', serveraddress: 'registry.example' }]);
  });

  test("that can't be pulled fails its task in the words of the real agent", async () => {
    await startOwn();
    docker.pullError = 'pull access denied for no/such';
    launch('lost', 'no/such:image');
    expect(await master.update('lost', 'TASK_FAILED')).toMatchObject({
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: `Failed to launch container: Failed to run 'docker -H unix://${docker.socketPath} pull no/such:image': exited with status 1; stderr='Error response from daemon: pull access denied for no/such\n'`,
    });
    expect(states('lost')).toEqual(['TASK_FAILED']);
  });
});

describe('an engine that goes away', () => {
  test('is waited for: what ran goes on, and what it did meanwhile is told when it is back', async () => {
    await startOwn();
    for (const id of ['stays', 'ends', 'vanishes']) launch(id);
    for (const id of ['stays', 'ends', 'vanishes']) await master.update(id, 'TASK_RUNNING');
    docker.write(docker.of('stays'), 'stdout', 'before\n');
    await eventually(async () => expect(await output('stays')).toBe('before\n'));
    await docker.goAway();
    docker.write(docker.of('stays'), 'stdout', 'meanwhile\n');
    docker.write(docker.of('stays'), 'stderr', 'error\n');
    docker.write(docker.of('ends'), 'stdout', 'last words\n');
    docker.end(docker.of('ends'), 7);
    docker.containers.delete(docker.of('vanishes').id);
    await docker.comeBack();
    expect((await master.update('ends', 'TASK_FAILED')).message).toBe('Container exited with status 7');
    expect(await output('ends')).toBe('last words\n');
    expect((await master.update('vanishes', 'TASK_FAILED')).message).toMatch(/^Failed to get exit status of container/);
    // Neither lost nor twice.
    await eventually(async () => expect(await output('stays')).toBe('before\nmeanwhile\n'));
    await eventually(async () => expect(await output('stays', 'stderr')).toBe('error\n'));
    expect(states('stays')).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    docker.end(docker.of('stays'), 0);
    await master.update('stays', 'TASK_FINISHED');
  });

  test('is waited for by a task that was launched, which may be killed meanwhile', async () => {
    await docker.goAway();
    await startOwn();
    launch('waits');
    launch('unwanted');
    kill('unwanted');
    expect((await master.update('unwanted', 'TASK_KILLED')).reason).toBe('REASON_TASK_KILLED_DURING_LAUNCH');
    await docker.comeBack();
    await master.update('waits', 'TASK_RUNNING');
    expect(docker.containers.size).toBe(1);
  });

  test('is not waited for without an end', async () => {
    await docker.goAway();
    await startOwn({ executor_registration_timeout: '100ms' });
    launch('tired');
    expect((await master.update('tired', 'TASK_FAILED')).message).toMatch(/^Failed to launch container: .*ENOENT/);
  });

  test('is waited for by a kill', async () => {
    await startOwn();
    launch('doomed');
    await master.update('doomed', 'TASK_RUNNING');
    await docker.goAway();
    kill('doomed');
    await master.update('doomed', 'TASK_KILLING');
    await docker.comeBack();
    expect((await master.update('doomed', 'TASK_KILLED')).message).toBe('Container exited with status 143');
  });

  test('leaves no container of a task that is killed before it was started', async () => {
    await startOwn();
    docker.refuse = { what: /^POST .*\/start/, status: 503, message: 'shutting down' };
    launch('early');
    await eventually(() => expect(docker.of('early').state).toBe('created'));
    kill('early');
    expect((await master.update('early', 'TASK_KILLED')).reason).toBe('REASON_TASK_KILLED_DURING_LAUNCH');
    await eventually(() => expect(docker.containers.size).toBe(0));
  });

  test('may lose its answers: no task gets two containers', async () => {
    await startOwn();
    docker.loseAnswers = { to: /^POST .*(create\?name|start)/, times: 2 };
    launch('once');
    await master.update('once', 'TASK_RUNNING');
    expect(docker.loseAnswers.times).toBe(0);
    expect(docker.containers.size).toBe(1);
  });
});

describe('an agent that comes back', () => {
  test('has its containers, also when the engine is away at first', async () => {
    const first = await startOwn();
    launch('stays');
    launch('ends');
    for (const id of ['stays', 'ends']) await master.update(id, 'TASK_RUNNING');
    docker.write(docker.of('stays'), 'stdout', 'one\n');
    await eventually(async () => expect(await output('stays')).toBe('one\n'));
    await stop(first);
    docker.write(docker.of('stays'), 'stdout', 'two\n');
    docker.write(docker.of('ends'), 'stdout', 'over\n');
    docker.end(docker.of('ends'), 137, true);
    await docker.goAway();

    await startOwn();
    expect((await master.registered(2)).tasks.map(({ info }) => info.task_id.value).sort()).toEqual(['ends', 'stays']);
    await docker.comeBack();
    expect(await master.update('ends', 'TASK_FAILED')).toMatchObject({
      message: 'Container exited with status 137: it used more memory than its limit',
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
    });
    expect(await output('ends')).toBe('over\n');
    await eventually(async () => expect(await output('stays')).toBe('one\ntwo\n'));
    kill('stays');
    await master.update('stays', 'TASK_KILLED');
    expect(states('stays')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
  });

  test('reports a task gone that never got as far as a running container', async () => {
    const first = await startOwn();
    docker.refuse = { what: /^POST .*\/start/, status: 503, message: 'shutting down' };
    launch('half');
    await master.update('half', 'TASK_STARTING');
    await eventually(() => expect(docker.of('half').state).toBe('created'));
    await stop(first);
    docker.refuse = undefined;
    await startOwn();
    expect((await master.update('half', 'TASK_GONE')).reason).toBe('REASON_EXECUTOR_REREGISTRATION_TIMEOUT');
    await eventually(() => expect(docker.containers.size).toBe(0));
  });

  test('goes through with a kill that was begun', async () => {
    const first = await startOwn();
    launch('dying');
    await master.update('dying', 'TASK_RUNNING');
    docker.refuse = { what: /\/stop/, status: 500, message: 'not now' };
    kill('dying');
    await master.update('dying', 'TASK_KILLING');
    await stop(first);
    docker.refuse = undefined;
    await startOwn();
    await master.update('dying', 'TASK_KILLED');
    expect(states('dying')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
  });

  test('ends the containers of frameworks without checkpoints', async () => {
    const first = await startOwn();
    launch('fleeting', 'image:1', {}, false, framework({ checkpoint: false }));
    await master.update('fleeting', 'TASK_RUNNING');
    await docker.goAway();
    await Promise.all([stop(first), docker.comeBack()]);
    await eventually(() => expect(docker.of('fleeting').state).toBe('exited'));
  });
});

test('an ended container is removed after its delay, also by the next agent', async () => {
  const first = await startOwn({ docker_remove_delay: '1hrs' });
  launch('kept');
  await master.update('kept', 'TASK_RUNNING');
  docker.end(docker.of('kept'), 0);
  await master.update('kept', 'TASK_FINISHED');
  await stop(first);
  expect(docker.of('kept').state).toBe('exited');
  await startOwn({ docker_remove_delay: '0secs' });
  await eventually(() => expect(docker.containers.size).toBe(0));
});

test('without the Docker containerizer no image runs, and no engine is asked', async () => {
  await startOwn({ containerizers: 'mesos' });
  launch('refused');
  expect((await master.update('refused', 'TASK_FAILED')).message).toContain("'--runtime docker'");
  expect(docker.requests).toEqual([]);
});

test('with the Docker containerizer alone no command runs', async () => {
  await startOwn({ containerizers: 'docker' });
  master.send({ type: 'LAUNCH', framework: framework(), task: commandTask('plain', 'true') });
  expect((await master.update('plain', 'TASK_FAILED')).message).toContain(
    'None of the enabled containerizers (docker)',
  );
});

test('an executor of the framework that wants an image is refused, not run without it', async () => {
  await startOwn();
  const executor = {
    executor_id: { value: 'own' },
    command: { shell: true, value: 'true' },
    container: { type: 'DOCKER' as const, docker: { image: 'image:1' } },
  };
  const task = commandTask('custom', '');
  delete task.command;
  master.send({ type: 'LAUNCH', framework: framework(), task: { ...task, executor } });
  expect(await master.update('custom', 'TASK_FAILED')).toMatchObject({
    reason: 'REASON_CONTAINER_LAUNCH_FAILED',
    message: expect.stringContaining("the executor needs the image 'image:1'"),
  });
});
