import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
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
let directory: string;

interface Recorded {
  frameworks: { executors: { id: string; directory: string; tasks: object[] }[]; completed_executors: object[] }[];
  completed_frameworks: { completed_executors: { completed_tasks: object[] }[] }[];
}

beforeAll(async () => {
  work = await makeWorkDir();
  master = await startFakeMaster();
  const log = join(work.path, 'agent.log');
  await writeFile(log, 'first line\nsecond line\n');
  agent = await startAgent(master, work.path, { external_log_file: log });
  await agent.service.ready;
  const launch = (task: ReturnType<typeof commandTask>) =>
    master.send({ type: 'LAUNCH', framework: framework(), task });
  // The recorded tasks were commands with ports, labels, discovery and a health check.
  launch(commandTask('plain.1', 'env | sort > env.txt; echo started; sleep 1000'));
  launch(
    commandTask('api.1', 'sleep 1000', {
      labels: { labels: [{ key: 'tier', value: 'front' }] },
      discovery: { visibility: 'EXTERNAL', name: 'api', ports: { ports: [{ number: 31010, protocol: 'tcp' }] } },
      health_check: {
        type: 'COMMAND',
        command: { shell: true, value: 'true' },
        delay_seconds: 0,
        interval_seconds: 60,
        timeout_seconds: 20,
        consecutive_failures: 3,
        grace_period_seconds: 20,
      },
    }),
  );
  launch(commandTask('done.1', 'true'));
  await master.update('plain.1', 'TASK_RUNNING');
  await master.update('api.1', (status) => status.healthy === true);
  await master.update('done.1', 'TASK_FINISHED');
  const state = (await agent.get('/state')).json as Recorded;
  directory = state.frameworks[0]!.executors.find(({ id }) => id === 'plain.1')!.directory;
  await vi.waitFor(async () => expect((await read('stdout')).data).toBe('started\n'), { timeout: 10_000 });
});

afterAll(async () => {
  await agent?.service.stop();
  await master?.close();
  await work?.remove();
});

const read = async (name: string, query = '&offset=0') =>
  (await agent.get(`/files/read?path=${directory}/${name}${query}`)).json as { data: string; offset: number };

/** Members of objects, sorted; what only real builds or configurations have is left out. */
const members = (value: object, without: string[] = []) =>
  Object.keys(value)
    .filter((name) => !['git_sha', ...without].includes(name))
    .sort();

const executorOf = (state: Recorded, id: string) => state.frameworks[0]!.executors.find((one) => one.id === id)!;

describe('/state', () => {
  test('has the members of the recorded answer, at every level', async () => {
    const recorded = await golden<Recorded>('state.json');
    const state = (await agent.get('/state')).json as Recorded;
    expect(members(state, ['external_log_file'])).toEqual(members(recorded));
    expect(members(state.frameworks[0]!)).toEqual(members(recorded.frameworks[0]!));
    for (const id of ['plain.1', 'api.1']) {
      const ours = executorOf(state, id);
      const theirs = executorOf(recorded, id);
      expect(members(ours)).toEqual(members(theirs));
      expect(members(ours.tasks[0]!)).toEqual(members(theirs.tasks[0]!));
    }
    type Statuses = { statuses: object[] };
    const ours = executorOf(state, 'api.1').tasks[0] as Statuses;
    const theirs = executorOf(recorded, 'api.1').tasks[0] as Statuses;
    expect(ours.statuses.map((status) => members(status))).toEqual(theirs.statuses.map((status) => members(status)));
  });

  test('says the same as the recorded answer where it can', async () => {
    const recorded = await golden<Record<string, unknown> & Recorded>('state.json');
    const state = (await agent.get('/state')).json as Record<string, unknown> & Recorded;
    expect(state.capabilities).toEqual(recorded.capabilities);
    expect(state.attributes).toEqual({ node: 'node-1' });
    expect(state.resources).toEqual(recorded.resources);
    expect(state.unreserved_resources_full).toEqual(recorded.unreserved_resources_full);
    expect(state.reserved_resources_full).toEqual({});
    expect(state.unreserved_resources_allocated).toEqual({ disk: 0, mem: 192, gpus: 0, cpus: 0.4 });
    expect(state.pid).toBe(`slave(1)@127.0.0.1:${agent.port}`);
    expect(executorOf(state, 'plain.1')).toMatchObject({
      name: "Command Executor (Task: plain.1) (Command: sh -c 'env | sort >...')",
      source: 'plain.1',
      resources: { disk: 0, mem: 96, gpus: 0, cpus: 0.2 },
      role: '*',
      queued_tasks: [],
      completed_tasks: [],
      tasks: [{ executor_id: '', state: 'TASK_RUNNING', resources: { cpus: 0.1, mem: 64 } }],
    });
  });

  test('moves what has ended to the completed executors', async () => {
    const state = (await agent.get('/state')).json as Recorded;
    expect(state.frameworks[0]!.completed_executors).toMatchObject([
      { id: 'done.1', tasks: [], completed_tasks: [{ id: 'done.1', state: 'TASK_FINISHED' }] },
    ]);
  });

  test('is also at /slave(1)/state, by any method, and as JSONP', async () => {
    expect((await agent.get('/slave(1)/state')).status).toBe(200);
    expect((await agent.get('/slave%281%29/state')).status).toBe(200);
    expect((await agent.post('/state', 'x')).status).toBe(200);
    expect((await agent.get('/version?jsonp=cb')).text).toMatch(/^cb\(\{.*\}\);?$/);
  });
});

test('/health, /version, /flags and /metrics/snapshot', async () => {
  expect(await agent.get('/health')).toMatchObject({ status: 200, text: '' });
  const version = (await agent.get('/version')).json;
  expect(members(version)).toEqual(members(await golden('version.json')));
  const { flags } = (await agent.get('/flags')).json as { flags: Record<string, string> };
  const recorded = await golden<{ flags: Record<string, string> }>('flags.json');
  expect(Object.keys(recorded.flags).filter((name) => !(name in flags))).toEqual([]);
  const metrics = (await agent.get('/metrics/snapshot')).json as Record<string, number>;
  const names = Object.keys(await golden<object>('metrics-snapshot.json'));
  const ours = names.filter((name) => name.startsWith('slave/') || name.startsWith('system/'));
  expect(ours.filter((name) => typeof metrics[name] !== 'number')).toEqual([]);
  expect(metrics).toMatchObject({
    'slave/registered': 1,
    'slave/tasks_running': 2,
    'slave/tasks_finished': 1,
    'slave/cpus_total': 2,
    'slave/cpus_used': 0.4,
    'slave/mem_percent': 0.09375,
  });
});

test('/containers and /monitor/statistics', async () => {
  const recorded = await golden<object[]>('monitor-statistics.json');
  const [first] = (await agent.get('/monitor/statistics')).json as { statistics: object }[];
  expect(members(first!)).toEqual(members(recorded[0]!));
  expect(members(first!.statistics)).toEqual(members((recorded[0] as typeof first)!.statistics));
  const pod = (await golden<object[]>('containers-with-pod.json'))[0]!;
  const containers = (await agent.get('/containers?executor_id=plain.1')).json as Record<string, unknown>[];
  expect(containers).toHaveLength(1);
  expect(members(containers[0]!)).toEqual(members(pod));
  expect(members(containers[0]!.status as object)).toEqual(members((pod as { status: object }).status));
  expect(containers[0]!.statistics).toMatchObject({ cpus_soft_limit: 0.2, mem_limit_bytes: 100663296 });
  expect((containers[0]!.statistics as { mem_rss_bytes: number }).mem_rss_bytes).toBeGreaterThan(100_000);
});

test('a command task sees the recorded environment, and nothing of the agent’s own', async () => {
  const recorded = await golden<Record<string, string>>('command-task-environment.json');
  const { data } = await read('env.txt');
  const seen = Object.fromEntries(
    data
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/=(.*)/s) as [string, string]),
  );
  // dash, bash and others differ in what they add themselves.
  const shells = ['OLDPWD', 'SHLVL', '_'];
  expect(members(seen, shells)).toEqual(members(recorded));
  for (const name of [
    'LIBPROCESS_PORT',
    'MESOS_CHECKPOINT',
    'MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD',
    'MESOS_RECOVERY_TIMEOUT',
    'MESOS_ALLOCATION_ROLE',
    'MESOS_HTTP_COMMAND_EXECUTOR',
    'MESOS_SUBSCRIPTION_BACKOFF_MAX',
  ])
    expect(seen[name], name).toBe(recorded[name]);
  expect(seen.MESOS_SANDBOX).toBe(directory);
  expect(seen.PWD).toBe(directory);
  expect(seen.MESOS_SLAVE_PID).toBe(`slave(1)@127.0.0.1:${agent.port}`);
  expect(seen.PATH!.split(':')).toEqual(expect.arrayContaining(['/usr/bin', '/bin', '/usr/local/bin', '/sbin']));
});

describe('/files', () => {
  test('browse lists a sandbox under each of its names', async () => {
    const recorded = await golden<{ path: string; mode: string }[]>('files-browse-virtual-path.json');
    const latest = directory.replace(/[^/]+$/, 'latest');
    for (const path of [directory, `${directory}/`, latest, '/frameworks/framework-1/executors/plain.1/runs/latest']) {
      const entries = (await agent.get(`/files/browse?path=${path}`)).json as typeof recorded;
      const base = path.replace(/\/$/, '');
      expect(entries.map((entry) => entry.path)).toEqual(
        ['env.txt', 'stderr', 'stdout'].map((name) => `${base}/${name}`),
      );
      expect(members(entries[0]!)).toEqual(members(recorded[0]!));
      expect(entries[0]!.mode).toMatch(/^-rw-/);
    }
  });

  test('read gives pages, and the size without an offset', async () => {
    expect(await read('stdout')).toEqual(await golden('files-read-stdout.json'));
    expect(await read('stdout', '&offset=-1')).toEqual(await golden('files-read-size-only.json'));
    expect(await read('stdout', '')).toEqual({ data: '', offset: 8 });
    expect(await read('stdout', '&offset=3&length=2')).toEqual({ data: 'rt', offset: 3 });
    expect(await read('stdout', '&offset=100')).toEqual({ data: '', offset: 100 });
  });

  test('read gives at most 16 pages, and every character once', async () => {
    const text = 'ä€😀x'.repeat(20_000);
    await writeFile(join(directory, 'long'), text);
    let together = '';
    for (let offset = 0; ; offset = Buffer.byteLength(together)) {
      const { data } = await read('long', `&offset=${offset}`);
      if (data === '') break;
      expect(Buffer.byteLength(data)).toBeLessThanOrEqual(65536);
      together += data;
    }
    expect(together).toBe(text);
  });

  test('download sends a file whole', async () => {
    const answer = await fetch(`${agent.url}/files/download?path=${directory}/stdout`);
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename=stdout');
    expect(await answer.text()).toBe('started\n');
    expect((await agent.get(`/files/download?path=${directory}`)).status).toBe(400);
  });

  test('refuses what a request lacks or what is not there', async () => {
    for (const endpoint of ['browse', 'read', 'download'])
      expect(await agent.get(`/files/${endpoint}`)).toMatchObject({
        status: 400,
        text: "Expecting 'path=value' in query.\n",
      });
    expect(await agent.get(`/files/read?path=${directory}/nope&offset=0`)).toMatchObject({ status: 404, text: '' });
    expect((await agent.get(`/files/read?path=${directory}/stdout&offset=abc`)).status).toBe(400);
    expect((await agent.get(`/files/read?path=${directory}/stdout&offset=-7`)).status).toBe(400);
    expect((await agent.get(`/files/read?path=${directory}/stdout&offset=0&length=-2`)).status).toBe(400);
  });

  test('shows nothing outside of the sandboxes', async () => {
    await symlink('/etc', join(directory, 'escape'));
    await symlink('/etc/passwd', join(directory, 'escape-file'));
    for (const path of [
      '/etc/passwd',
      '/',
      work.path,
      `${work.path}/meta/journal`,
      `${directory}/../../../../../../../../meta/journal`,
      `${directory}/escape/passwd`,
      `${directory}/escape-file`,
      `${directory}/%2e%2e/%2e%2e`,
      `${directory}/..`,
      `${directory}%00/stdout`,
    ]) {
      for (const endpoint of ['browse', 'read', 'download']) {
        const answer = await agent.get(`/files/${endpoint}?path=${path}&offset=0`);
        expect([answer.status, path]).toEqual([404, path]);
      }
    }
  });

  test('debug tells where each virtual path leads, and the log is one of them', async () => {
    const map = (await agent.get('/files/debug')).json as Record<string, string>;
    expect(map['/frameworks/framework-1/executors/plain.1/runs/latest']).toBe(directory);
    expect((await agent.get('/files/read?path=/slave/log&offset=0&length=10')).json).toEqual({
      data: 'first line',
      offset: 0,
    });
  });
});

describe('/api/v1', () => {
  const call = async (body: object) =>
    (await agent.post('/api/v1', body)).json as Record<string, Record<string, never>>;

  test('answers files like the recorded ones', async () => {
    const list = await call({ type: 'LIST_FILES', list_files: { path: directory } });
    const recorded = await golden<{ list_files: { file_infos: object[] } }>('v1-LIST_FILES.json');
    const [first] = (list as unknown as typeof recorded).list_files.file_infos;
    expect(members(first!)).toEqual(members(recorded.list_files.file_infos[0]!));
    const text = await call({ type: 'READ_FILE', read_file: { path: `${directory}/stdout`, offset: 0, length: 50 } });
    expect(text).toEqual(await golden('v1-READ_FILE.json'));
  });

  test('answers about tasks, executors, containers and itself with the recorded members', async () => {
    type Tasks = { get_tasks: { launched_tasks: { task_id: { value: string } }[] } };
    const tasks = (await call({ type: 'GET_TASKS' })) as unknown as Tasks;
    const recorded = await golden<Tasks>('v1-GET_TASKS.json');
    for (const id of ['plain.1', 'api.1']) {
      const find = ({ get_tasks }: Tasks) => get_tasks.launched_tasks.find((task) => task.task_id.value === id)!;
      expect(members(find(tasks), ['status_update_uuid'])).toEqual(members(find(recorded), ['status_update_uuid']));
    }
    type Executors = { get_executors: { executors: { executor_info: { executor_id: { value: string } } }[] } };
    const theirs = await golden<Executors>('v1-GET_EXECUTORS.json');
    const ours = (await call({ type: 'GET_EXECUTORS' })) as unknown as Executors;
    const plain = ({ get_executors }: Executors) =>
      get_executors.executors.find(({ executor_info }) => executor_info.executor_id.value === 'plain.1')!.executor_info;
    expect(members(plain(ours))).toEqual(members(plain(theirs)));
    type Containers = { get_containers: { containers: Record<string, object>[] } };
    const containers = (await call({ type: 'GET_CONTAINERS' })) as unknown as Containers;
    const [container] = (await golden<Containers>('v1-GET_CONTAINERS.json')).get_containers.containers;
    expect(members(containers.get_containers.containers[0]!)).toEqual(members(container!));
    type Agent = { get_agent: { agent_info: object } };
    const info = (await call({ type: 'GET_AGENT' })) as unknown as Agent;
    expect(members(info.get_agent.agent_info)).toEqual(
      members((await golden<Agent>('v1-GET_AGENT.json')).get_agent.agent_info),
    );
    expect(members((await call({ type: 'GET_STATE' })).get_state!)).toEqual([
      'get_executors',
      'get_frameworks',
      'get_tasks',
    ]);
    expect(await call({ type: 'GET_HEALTH' })).toEqual({ type: 'GET_HEALTH', get_health: { healthy: true } });
  });

  test('refuses in the recorded words', async () => {
    type Exchange = { title: string; request: string[]; response_head: string[]; response_body_raw: string };
    for (const { title, request, response_head, response_body_raw } of await golden<Exchange[]>('errors.json')) {
      const [method, path] = request[0]!.split(' ');
      const end = request.indexOf('');
      const headers = Object.fromEntries(
        request
          .slice(1, end)
          .map((line) => line.split(': ') as [string, string])
          .filter(([name]) => !['Host', 'Content-Length'].includes(name)),
      );
      const body = method === 'POST' ? request.slice(end + 1).join('\n') : undefined;
      const answer = await fetch(agent.url + path, {
        method: method!,
        headers,
        ...(body === undefined ? {} : { body }),
      });
      expect([title, answer.status]).toEqual([title, Number(response_head[0]!.split(' ')[1])]);
      // Which endpoint's query is wrong differs; the recorded 404 of a foreign path has the text of an unknown one.
      if (!title.includes('files/download')) expect(await answer.text(), title).toBe(response_body_raw);
    }
  });
});

test('requests by a foreign host name are refused', async () => {
  const { request } = await import('node:http');
  const status = await new Promise((resolve) => {
    request({ port: agent.port, host: '127.0.0.1', path: '/state', headers: { Host: 'evil.example' } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).end();
  });
  expect(status).toBe(403);
});
