import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { golden, goldenFramework, startGoldenCluster, type TestMaster } from './harness.ts';

/**
 * The cluster of the goldens, rebuilt: agents that bring the tasks of `web`, which then subscribes. What its history
 * held (completed tasks and frameworks) can't be brought back that way and is compared by shape only.
 */
let master: TestMaster;

beforeAll(async () => {
  const cluster = await startGoldenCluster({ reserved: true, running: true });
  master = cluster.master;
  const framework = goldenFramework();
  const scheduler = await master.subscribe({
    type: 'SUBSCRIBE',
    framework_id: framework.id,
    subscribe: { framework_info: framework },
  });
  await master.until('offers', () => scheduler.events.some(({ type }) => type === 'OFFERS'));
});
afterAll(() => master.stop());

/** Only what one run shares with another: sorted lists, no times, no numbers of offers, no version or build. */
function comparable(value: unknown): unknown {
  const text = JSON.stringify(value)
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}(?=-(S|O|\d{4})|")/g, '(uuid)')
    .replaceAll(/-O\d+/g, '-O#');
  return JSON.parse(text, (key, entry: unknown) => {
    if (/_time$|^timestamp$|^version$|^build_|^git_|nanoseconds|^webui_dir$|^work_dir$/.test(key)) return `(${key})`;
    if (key === 'uuid' || key === 'status_update_uuid') return `(${key})`;
    if (key === 'range' && Array.isArray(entry)) return merged(entry as { begin: number; end: number }[]);
    if (Array.isArray(entry)) return sorted(entry);
    if (typeof entry === 'object' && entry !== null)
      return Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)));
    return entry;
  });
}

function sorted(list: unknown[]): unknown[] {
  return [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** The real master repeats ranges as they were sent; neighbours are merged here. */
function merged(ranges: { begin: number; end: number }[]): unknown {
  const numbers = ranges.flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, i) => begin + i));
  return numbers.sort((a, b) => a - b);
}

/** The names of all fields, however deep, of one or more values of a kind. */
function shape(value: unknown, path = '', into = new Set<string>()): string[] {
  if (Array.isArray(value)) for (const entry of value) shape(entry, `${path}[]`, into);
  else if (typeof value === 'object' && value !== null)
    for (const [key, entry] of Object.entries(value)) {
      into.add(`${path}.${key}`);
      shape(entry, `${path}.${key}`, into);
    }
  return [...into].sort();
}

type Json = Record<string, unknown>;
type FrameworkView = Json & { id: string; tasks: Json[]; completed_tasks: Json[] };

/** The framework of the recording, without its history. */
function withoutHistory({ frameworks }: { frameworks: FrameworkView[] }): Json {
  const { completed_tasks: _, reregistered_time: __, ...rest } = frameworks[0]!;
  return rest;
}

describe('the endpoints show what the real master showed of the same cluster', () => {
  it('/state: its own fields', async () => {
    const own = ({ slaves, frameworks, completed_frameworks, flags, git_sha, ...rest }: Json) => rest;
    expect(comparable(own(await master.json('/state')))).toEqual(comparable(own(golden('endpoints/state.json'))));
  });

  it('/state: the agents', async () => {
    const agents = ({ slaves }: { slaves: Json[] }) =>
      // These agents have registered before; the recorded ones had not.
      comparable(slaves.map(({ reregistered_time, ...agent }) => agent));
    expect(agents(await master.json('/state'))).toEqual(agents(golden('endpoints/state.json')));
  });

  it('/state: the framework, its tasks, offers and executors', async () => {
    const state = await master.json<{ frameworks: FrameworkView[] }>('/state');
    expect(comparable(withoutHistory(state))).toEqual(comparable(withoutHistory(golden('endpoints/state.json'))));
  });

  it('/master/state is the same', async () => {
    expect(await master.json('/master/state')).toEqual(await master.json('/state'));
  });

  it('/frameworks', async () => {
    const view = await master.json<{ frameworks: FrameworkView[] }>('/frameworks');
    expect(comparable(withoutHistory(view))).toEqual(comparable(withoutHistory(golden('endpoints/frameworks.json'))));
    expect(Object.keys(view)).toEqual(Object.keys(golden('endpoints/frameworks.json')));
    const { id } = view.frameworks[0]!;
    expect((await master.json<{ frameworks: unknown[] }>(`/frameworks?framework_id=${id}`)).frameworks).toHaveLength(1);
    expect((await master.json<{ frameworks: unknown[] }>('/frameworks?framework_id=x')).frameworks).toEqual([]);
  });

  it('/slaves', async () => {
    const agents = ({ slaves }: { slaves: Json[] }) => comparable(slaves.map(({ reregistered_time, ...rest }) => rest));
    expect(agents(await master.json('/slaves'))).toEqual(agents(golden('endpoints/slaves.json')));
    const one = await master.json<{ slaves: Json[] }>('/slaves?slave_id=631e30a7-37e6-4974-b6d2-f1c03f9f57e8-S1');
    expect(one.slaves.map(({ hostname }) => hostname)).toEqual(['node-1']);
  });

  it('/tasks', async () => {
    const running = ({ tasks }: { tasks: Json[] }) =>
      comparable(
        tasks.filter(({ state, framework_id }) => state === 'TASK_RUNNING' && framework_id === tasks[0]!.framework_id),
      );
    expect(running(await master.json('/tasks'))).toEqual(running(golden('endpoints/tasks.json')));
    const ids = async (query: string) =>
      (await master.json<{ tasks: { id: string }[] }>(`/tasks${query}`)).tasks.map(({ id }) => id);
    const all = await ids('');
    expect(all[0]).toBe('api.2');
    expect(await ids('?order=asc')).toEqual([...all].reverse());
    expect(await ids('?limit=2&offset=1')).toEqual(all.slice(1, 3));
    expect(await ids('?task_id=api.1')).toEqual(['api.1']);
    expect(await ids('?framework_id=x')).toEqual([]);
  });

  it('/state-summary', async () => {
    const view = ({ slaves, frameworks, ...rest }: { slaves: Json[]; frameworks: Json[] }) =>
      comparable({
        ...rest,
        slaves: slaves.map(({ reregistered_time, framework_ids, TASK_FINISHED, TASK_FAILED, ...agent }) => agent),
        frameworks: frameworks.map(({ slave_ids, TASK_FINISHED, TASK_FAILED, ...framework }) => framework),
      });
    const summary = await master.json<{ slaves: Json[]; frameworks: Json[] }>('/state-summary');
    expect(view(summary)).toEqual(view(golden('endpoints/state-summary.json')));
    expect(shape(summary.frameworks)).toEqual(
      shape(golden<{ frameworks: Json[] }>('endpoints/state-summary.json').frameworks),
    );
  });

  it('/roles', async () => {
    expect(comparable(await master.json('/roles'))).toEqual(comparable(golden('endpoints/roles.json')));
  });

  it('/flags: every flag of the recording, as text', async () => {
    const { flags } = await master.json<{ flags: Record<string, string> }>('/flags');
    const recorded = golden<{ flags: Record<string, string> }>('endpoints/flags.json').flags;
    const told = ['zk', 'quorum', 'work_dir', 'webui_dir', 'ip', 'port', 'registry', 'cluster'];
    for (const [name, value] of Object.entries(recorded))
      if (!told.includes(name)) expect([name, flags[name]]).toEqual([name, value]);
    expect(flags).toMatchObject({ cluster: 'devcluster', advertise_port: '5050', ip: '127.0.0.1' });
  });

  it('/version', async () => {
    const { git_sha: _, ...recorded } = golden<Json>('endpoints/version.json');
    expect(shape(await master.json('/version'))).toEqual(shape(recorded));
  });

  it('/metrics/snapshot: the metrics that tools read', async () => {
    const metrics = await master.json<Record<string, number>>('/metrics/snapshot?timeout=5secs');
    expect(metrics).toMatchObject({
      'master/elected': 1,
      'master/slaves_active': 3,
      'master/slaves_connected': 3,
      'master/slaves_disconnected': 0,
      'master/frameworks_active': 1,
      'master/tasks_running': 6,
      'master/tasks_staging': 0,
      'master/outstanding_offers': 3,
      'master/cpus_total': 6,
      'master/cpus_used': 0.6,
      'master/cpus_percent': expect.closeTo(0.1),
      'master/mem_used': 384,
      'registrar/log/recovered': 1,
    });
    const left = (name: string) =>
      !/^master\/(operations?\b|messages_(operation|reconcile_op)|invalid_operation|valid_operation|task_|task_|frameworks\/)/.test(
        name,
      ) && !/^(allocator|registrar)\//.test(name);
    const recorded = golden<string[]>('endpoints/metrics-names.json').filter(left);
    expect(recorded.filter((name) => !(name in metrics))).toEqual([]);
    expect(Object.values(metrics).every((value) => typeof value === 'number')).toBe(true);
  });
});

describe('the operator API shows what the real master showed of the same cluster', () => {
  const call = async <T>(type: string, more: Json = {}): Promise<T> => {
    const reply = await master.post('/api/v1', { type, ...more });
    expect(reply.status).toBe(200);
    return JSON.parse(reply.body.toString()) as T;
  };

  it.each([
    'GET_HEALTH',
    'GET_EXECUTORS',
    'GET_LOGGING_LEVEL',
    'GET_MAINTENANCE_SCHEDULE',
    'GET_MAINTENANCE_STATUS',
    'GET_MASTER',
    'GET_OPERATIONS',
    'GET_QUOTA',
    'GET_ROLES',
    'GET_WEIGHTS',
  ])('%s', async (type) => {
    expect(comparable(await call(type))).toEqual(comparable(golden(`v1/${type}.json`)));
  });

  it('GET_VERSION', async () => {
    const { get_version } = golden<{ get_version: { version_info: Json } }>('v1/GET_VERSION.json');
    const { git_sha: _, ...recorded } = get_version.version_info;
    const answer = await call<{ get_version: { version_info: Json } }>('GET_VERSION');
    expect(shape(answer.get_version.version_info)).toEqual(shape(recorded));
  });

  it('GET_AGENTS', async () => {
    type Answer = { get_agents: { agents: Json[]; recovered_agents: Json[] } };
    const agents = ({ get_agents }: Answer) =>
      comparable(get_agents.agents.map(({ reregistered_time, ...agent }) => agent));
    const answer = await call<Answer>('GET_AGENTS');
    expect(agents(answer)).toEqual(agents(golden('v1/GET_AGENTS.json')));
    expect(answer.get_agents.recovered_agents).toEqual([]);
  });

  it('GET_FRAMEWORKS', async () => {
    type Answer = { get_frameworks: { frameworks: Json[] } };
    const frameworks = ({ get_frameworks }: Answer) => comparable(get_frameworks.frameworks);
    expect(frameworks(await call('GET_FRAMEWORKS'))).toEqual(frameworks(golden('v1/GET_FRAMEWORKS.json')));
  });

  it('GET_TASKS', async () => {
    type Answer = { get_tasks: { tasks: Json[] } };
    // A master that has just taken the tasks in has not forwarded anything yet.
    const tasks = ({ get_tasks }: Answer) =>
      comparable(get_tasks.tasks.map(({ status_update_state, status_update_uuid, ...task }) => task));
    expect(tasks(await call('GET_TASKS'))).toEqual(tasks(golden('v1/GET_TASKS.json')));
  });

  it('GET_STATE has the same parts', async () => {
    const { get_state } = await call<{ get_state: Record<string, Json> }>('GET_STATE');
    const recorded = golden<{ get_state: Record<string, Json> }>('v1/GET_STATE.json').get_state;
    expect(Object.keys(get_state)).toEqual(Object.keys(recorded));
    for (const [name, part] of Object.entries(recorded))
      expect(Object.keys(get_state[name]!)).toEqual(Object.keys(part));
  });

  it('GET_FLAGS and GET_METRICS list names and values', async () => {
    const { get_flags } = await call<{ get_flags: { flags: Json[] } }>('GET_FLAGS');
    expect(get_flags.flags).toContainEqual({ name: 'cluster', value: 'devcluster' });
    const { get_metrics } = await call<{ get_metrics: { metrics: Json[] } }>('GET_METRICS', {
      get_metrics: { timeout: { nanoseconds: 5e9 } },
    });
    expect(get_metrics.metrics).toContainEqual({ name: 'master/elected', value: 1 });
    const refused = await master.post('/api/v1', { type: 'GET_METRICS' });
    expect(refused.body.toString()).toBe("Failed to validate master::Call: Expecting 'get_metrics' to be present");
  });
});

describe('the page at /', () => {
  it('is readable and names what runs', async () => {
    const page = await master.request('/');
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.body.toString()).toContain('node-1');
    expect(page.body.toString()).toContain('api.1');
  });
});
