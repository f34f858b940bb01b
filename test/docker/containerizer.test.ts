import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerInfo, TaskInfo, TaskStatus } from '../../src/protocols/mesos/types.ts';
import { httpCall } from '../../src/support/http-client.ts';
import {
  commandTask,
  type FakeMaster,
  framework,
  makeWorkDir,
  startAgent,
  startFakeMaster,
  type TestAgent,
} from '../conformance/mesos-agent/harness.ts';
import { eventually } from '../support/eventually.ts';
import { skipped } from '../support/skipped.ts';
import { containerOf, engineAnswers, freePort, socketPath, testEngine } from './test-engine.ts';
import { httpServer, makeTinyImage, tinyImage } from './tiny-image.ts';

const network = `devcluster-test-${process.pid}`;
const answers = await engineAnswers();
const none = skipped(answers, 'the Docker containerizer', 'no Docker engine answers');
/** Some kernels, and rootless engines without cgroups, have no such limit. */
const { MemoryLimit } = answers ? (await testEngine.call<{ MemoryLimit: boolean }>('GET', '/info')).json : {};
const noLimits = !none && skipped(MemoryLimit === true, 'limits of Docker tasks', 'the engine has no limit of memory');

describe.skipIf(none).concurrent('an agent with the Docker containerizer', () => {
  let master: FakeMaster;
  let work: Awaited<ReturnType<typeof makeWorkDir>>;
  let agent: TestAgent;

  beforeAll(async () => {
    await makeTinyImage(testEngine);
    await testEngine.call('POST', '/networks/create', { Name: network, CheckDuplicate: true });
    work = await makeWorkDir();
    await mkdir(join(work.path, 'secrets'));
    await writeFile(join(work.path, 'secrets', 'password'), 'geheim');
    master = await startFakeMaster();
    agent = await startAgent(master, join(work.path, 'agent'), {
      containerizers: 'docker,mesos',
      docker_socket: socketPath,
      secrets_dir: join(work.path, 'secrets'),
      resources: 'cpus:8;mem:8192;disk:4096;ports:[1-65535]',
    });
    await agent.service.ready;
  });

  afterAll(async () => {
    await agent?.service.stop();
    await testEngine.removeAll(`devcluster.agent-dir=${join(work.path, 'agent')}`);
    await testEngine.call('DELETE', `/networks/${network}`);
    await master?.close();
    await work?.remove();
  });

  const launch = (
    id: string,
    command: string | TaskInfo['command'],
    container: Partial<ContainerInfo['docker']> & Omit<Partial<ContainerInfo>, 'docker'> = {},
    more: Partial<TaskInfo> = {},
  ) => {
    const { volumes, network_infos, hostname, ...docker } = container;
    master.send({
      type: 'LAUNCH',
      framework: framework(),
      task: commandTask(id, '', {
        command: typeof command === 'string' ? { shell: true, value: command } : (command ?? {}),
        container: {
          type: 'DOCKER',
          ...(volumes ? { volumes } : {}),
          ...(network_infos ? { network_infos } : {}),
          ...(hostname === undefined ? {} : { hostname }),
          docker: { image: tinyImage, network: 'NONE', ...docker },
        },
        ...more,
      }),
    });
  };
  const kill = (id: string, graceMs?: number) =>
    master.send({
      type: 'KILL',
      framework_id: { value: 'framework-1' },
      task_id: { value: id },
      ...(graceMs === undefined ? {} : { kill_policy: { grace_period: { nanoseconds: graceMs * 1e6 } } }),
    });
  const sandboxOf = (id: string) =>
    join(agent.workDir, 'slaves/latest/frameworks/framework-1/executors', id, 'runs/latest');
  const output = (id: string, file = 'stdout') => readFile(join(sandboxOf(id), file), 'utf8');
  /** What is there of a status apart from names and times. */
  const shape = ({ state, message, source, reason, healthy, data, container_status }: TaskStatus) => ({
    state,
    source,
    ...(message === undefined ? {} : { message }),
    ...(reason === undefined ? {} : { reason }),
    ...(healthy === undefined ? {} : { healthy }),
    ...(data === undefined ? {} : { data: true }),
    infos: container_status?.network_infos,
  });
  const atHost = [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '127.0.0.1' }] }];

  test('tells what the real one tells of a task that fails', async () => {
    launch('fails', 'echo out; echo err >&2; exit 4', { network: 'HOST' });
    await master.update('fails', 'TASK_FAILED');
    expect(master.statusesOf('fails').map(shape)).toEqual([
      { state: 'TASK_STARTING', source: 'SOURCE_EXECUTOR', infos: atHost },
      { state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', data: true, infos: atHost },
      {
        state: 'TASK_FAILED',
        source: 'SOURCE_EXECUTOR',
        message: 'Container exited with status 4',
        infos: atHost,
      },
    ]);
    expect(await output('fails')).toBe('out\n');
    expect(await output('fails', 'stderr')).toBe('err\n');
  });

  test('gives all of the output, in order and through the files of the agent', async () => {
    launch('talks', 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done');
    expect((await master.update('talks', 'TASK_FINISHED')).message).toBe('Container exited with status 0');
    const text = await output('talks');
    expect(text.split('\n').slice(0, -1)).toEqual(Array.from({ length: 20_000 }, (_, i) => `line ${i}`));
    const path = '/frameworks/framework-1/executors/talks/runs/latest/stdout';
    const shown = await agent.get(`/files/read?path=${path}&offset=0&length=14`);
    expect(shown.json).toEqual({ data: 'line 0\nline 1\n', offset: 0 });
  });

  test('gives it the environment of the real one, and runs a command by the shell or as it is', async () => {
    const environment = { variables: [{ name: 'OWN', value: 'a b$c' }] };
    launch('env', { shell: true, value: 'env', environment });
    await master.update('env', 'TASK_FINISHED');
    const lines = (await output('env')).trim().split('\n');
    expect(lines.filter((line) => /^(MESOS|OWN|FROM)/.test(line)).sort()).toEqual([
      'FROM_IMAGE=yes',
      'MESOS_ALLOCATION_ROLE=*',
      expect.stringMatching(/^MESOS_CONTAINER_NAME=devcluster-task-[0-9a-f-]{36}$/),
      'MESOS_SANDBOX=/mnt/mesos/sandbox',
      'OWN=a b$c',
    ]);
    launch('args', { shell: false, arguments: ['/bin/sh', '-c', 'echo "$0 and $1"', 'one word', '$two'] });
    launch('image', { shell: false });
    await master.update('args', 'TASK_FINISHED');
    await master.update('image', 'TASK_FINISHED');
    expect(await output('args')).toBe('one word and $two\n');
    expect(await output('image')).toBe('of the image\n');
  });

  test('mounts volumes and the sandbox', async () => {
    const folder = join(work.path, 'data');
    await mkdir(folder);
    await writeFile(join(folder, 'given'), 'given');
    const command = [
      'cat /data/given',
      '(echo no > /data/no) 2>/dev/null || echo " read-only"',
      'echo mine > /rw/made',
      'echo kept > /kept/file',
      'echo here > $MESOS_SANDBOX/here',
      'cat $MESOS_SANDBOX/inside/given',
      'cat /etc/password',
    ].join('; ');
    launch('volumes', command, {
      volumes: [
        { container_path: '/data', host_path: folder, mode: 'RO' },
        { container_path: '/rw', host_path: folder, mode: 'RW' },
        { container_path: 'inside', host_path: folder, mode: 'RO' },
        { container_path: '/kept', host_path: 'kept', mode: 'RW' },
        {
          container_path: '/etc/password',
          mode: 'RO',
          source: { type: 'SECRET', secret: { type: 'REFERENCE', reference: { name: 'password' } } },
        },
      ],
    });
    await master.update('volumes', 'TASK_FINISHED');
    expect(await output('volumes')).toBe('given read-only\ngivengeheim');
    expect(await readFile(join(folder, 'made'), 'utf8')).toBe('mine\n');
    expect(await readFile(join(sandboxOf('volumes'), 'kept/file'), 'utf8')).toBe('kept\n');
    expect(await readFile(join(sandboxOf('volumes'), 'here'), 'utf8')).toBe('here\n');
    launch('relative', 'true', { volumes: [{ container_path: 'a', host_path: 'b' }] });
    expect((await master.update('relative', 'TASK_FAILED')).message).toBe(
      "Failed to create docker run options: Both host_path 'b' and container_path 'a' of a volume are relative",
    );
  });

  test('keeps the value of a secret out of what it tells', async () => {
    const secret = { type: 'REFERENCE' as const, reference: { name: 'password' } };
    const environment = { variables: [{ name: 'PASSWORD', type: 'SECRET' as const, secret }] };
    launch('secret', { shell: true, value: 'echo "<$PASSWORD>"', environment });
    await master.update('secret', 'TASK_FINISHED');
    expect(await output('secret')).toBe('<geheim>\n');
    const told = await master.update('secret', 'TASK_RUNNING');
    const data = Buffer.from(told.data ?? '', 'base64').toString();
    expect(JSON.parse(data)).toMatchObject([{ Config: { Image: tinyImage } }]);
    expect(data).not.toContain('geheim');
  });

  test.skipIf(noLimits)('limits cpus and memory, and takes parameters', async () => {
    launch(
      'limits',
      'id -u; exec sleep 1000',
      {
        hostname: 'called',
        parameters: [
          { key: 'ulimit', value: 'nofile=100:200' },
          { key: 'label', value: 'a=b=c' },
          { key: 'user', value: '12:34' },
          { key: 'env', value: 'MORE=1' },
        ],
      },
      {
        resources: [
          { name: 'cpus', type: 'SCALAR', scalar: { value: 0.5 }, allocation_info: { role: '*' } },
          { name: 'mem', type: 'SCALAR', scalar: { value: 48 }, allocation_info: { role: '*' } },
        ],
      },
    );
    await master.update('limits', 'TASK_RUNNING');
    const { json } = await containerOf<{ HostConfig: object; Config: { Env: string[] } }>('limits');
    expect(json).toMatchObject({
      HostConfig: {
        CpuShares: 512,
        Memory: 48 * 1024 * 1024,
        Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }],
      },
      Config: {
        Hostname: 'called',
        User: '12:34',
        Labels: { a: 'b=c', 'devcluster.kind': 'task', 'devcluster.task': 'limits' },
      },
    });
    expect(json.Config.Env).toContain('MORE=1');
    const usage = await agent.get('/monitor/statistics');
    expect(usage.json).toContainEqual(
      expect.objectContaining({
        executor_id: 'limits',
        statistics: expect.objectContaining({
          mem_rss_bytes: expect.any(Number),
          cpus_user_time_secs: expect.any(Number),
        }),
      }),
    );
    kill('limits', 0);
    await master.update('limits', 'TASK_KILLED');
    launch('unknown', 'true', { parameters: [{ key: 'frobnicate', value: 'x' }] });
    expect((await master.update('unknown', 'TASK_FAILED')).message).toBe(
      "Failed to create docker run options: Invalid Docker parameter '--frobnicate=x': this agent does not know it",
    );
  });

  test.skipIf(noLimits)('says that a task was ended for the memory it used', async () => {
    launch('eats', `exec perl -e '$x = "a" x 200_000_000; sleep 1000'`, {
      parameters: [{ key: 'memory-swap', value: '64m' }],
    });
    expect(shape(await master.update('eats', 'TASK_FAILED'))).toMatchObject({
      message: 'Container exited with status 137: it used more memory than its limit',
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
    });
  });

  test('gives a killed task its time, and no more', async () => {
    launch('polite', 'trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.05; done');
    await eventually(async () => expect(await output('polite')).toBe('ready\n'));
    kill('polite', 60_000);
    expect(shape(await master.update('polite', 'TASK_KILLED'))).toEqual({
      state: 'TASK_KILLED',
      source: 'SOURCE_EXECUTOR',
      message: 'Container exited with status 3',
      infos: atHost,
    });
    expect(await output('polite')).toBe('ready\nbye\n');
    expect(master.statusesOf('polite').map(({ state }) => state)).toEqual([
      'TASK_STARTING',
      'TASK_RUNNING',
      'TASK_KILLING',
      'TASK_KILLED',
    ]);
    launch(
      'stubborn',
      'trap "" TERM; echo ready; while :; do sleep 0.05; done',
      {},
      {
        kill_policy: { grace_period: { nanoseconds: 1e9 } },
      },
    );
    await eventually(async () => expect(await output('stubborn')).toBe('ready\n'));
    kill('stubborn');
    expect((await master.update('stubborn', 'TASK_KILLED')).message).toBe('Container exited with status 137');
  });

  test('tells why a container could not be made', async () => {
    launch('noimage', 'true', { image: 'localhost:1/no/such:image' });
    launch('noprogram', { shell: false, value: '/no/such/program' });
    launch('nonetwork', 'true', { network: 'USER', network_infos: [{ name: 'no-such-network' }] });
    expect(shape(await master.update('noimage', 'TASK_FAILED'))).toMatchObject({
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: expect.stringMatching(
        /^Failed to launch container: Failed to run 'docker -H unix:\/\/\S+ pull localhost:1\/no\/such:image': exited with status 1; stderr='Error response from daemon: .+\n'$/,
      ),
    });
    expect((await master.update('noprogram', 'TASK_FAILED')).message).toMatch(/^Container exited with status 127: /);
    expect(await output('noprogram', 'stderr')).toMatch(/^docker: Error response from daemon: /);
    expect((await master.update('nonetwork', 'TASK_FAILED')).message).toMatch(
      /^Container exited with status 125: .*no-such-network/,
    );
    await eventually(async () => expect(await testEngine.withLabel('devcluster.task=noprogram')).toEqual([]));
  });

  test('publishes the ports of a task in a network of its own, and looks at its health there', async () => {
    const port = await freePort();
    const ports = { name: 'ports', type: 'RANGES' as const, ranges: { range: [{ begin: port, end: port }] } };
    const task = commandTask('web', '');
    launch(
      'web',
      httpServer(8080, 'hello'),
      {
        network: 'USER',
        network_infos: [{ name: network }],
        port_mappings: [{ host_port: port, container_port: 8080 }],
      },
      {
        resources: [...(task.resources ?? []), { ...ports, allocation_info: { role: '*' } }],
        health_check: { type: 'HTTP', http: { port: 8080 }, delay_seconds: 0, interval_seconds: 0.1 },
      },
    );
    const healthy = await master.update('web', ({ healthy }) => healthy === true);
    const address = healthy.container_status?.network_infos?.[0]?.ip_addresses?.[0]?.ip_address;
    expect(address).toMatch(/^\d+(\.\d+){3}$/);
    expect(address).not.toBe('127.0.0.1');
    expect((await httpCall(`http://127.0.0.1:${port}/`)).body.toString()).toBe('hello');
    kill('web', 1000);
    await master.update('web', 'TASK_KILLED');
    launch('foreign', 'true', { network: 'BRIDGE', port_mappings: [{ host_port: port, container_port: 1 }] });
    expect((await master.update('foreign', 'TASK_FAILED')).message).toBe(
      'Failed to create docker run options: Port mappings require port resources',
    );
  });

  test('runs the commands of checks in the container, and ends a task that is not healthy', async () => {
    launch(
      'sick',
      'echo $$ > /alive; exec sleep 1000',
      {},
      {
        health_check: {
          type: 'COMMAND',
          command: { shell: true, value: '[ -e /alive ] && [ "$MESOS_SANDBOX" = /mnt/mesos/sandbox ] && exit 9' },
          delay_seconds: 0,
          interval_seconds: 0.1,
          grace_period_seconds: 0,
          consecutive_failures: 2,
        },
        check: {
          type: 'COMMAND',
          command: { command: { shell: true, value: 'exit 7' } },
          delay_seconds: 0,
          interval_seconds: 0.1,
        },
        kill_policy: { grace_period: { nanoseconds: 0 } },
      },
    );
    expect(shape(await master.update('sick', 'TASK_KILLED'))).toMatchObject({ healthy: false });
    expect(master.statusesOf('sick')).toContainEqual(
      expect.objectContaining({ check_status: { type: 'COMMAND', command: { exit_code: 7 } } }),
    );
  });

  test('still runs commands as processes', async () => {
    master.send({ type: 'LAUNCH', framework: framework(), task: commandTask('plain', 'echo $MESOS_SANDBOX') });
    expect((await master.update('plain', 'TASK_FINISHED')).message).toBe('Command exited with status 0');
  });
});
