import { afterEach, describe, expect, test } from 'vitest';
import { type MarathonForTests, startAll, startMarathon, startZooKeeper } from './harness.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(flags: Record<string, string | number> = {}) {
  const all = await startAll(flags);
  closers.push(all.close);
  return all;
}

const small = { cmd: 'sleep 1000', cpus: 0.1, mem: 32 };

describe('options of the server', () => {
  test('--http_credentials: every request needs them', async () => {
    const { marathon } = await start({ http_credentials: 'me:secret' });
    const without = await marathon.call('GET', '/v2/apps');
    expect(without.status).toBe(401);
    expect(without.headers['www-authenticate']).toBe('Basic realm="Mesosphere"');
    const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    expect((await marathon.call('GET', '/v2/apps', undefined, { Authorization: authorization })).status).toBe(200);
  });

  test('--access_control_allow_origin: answers and preflights name the origin', async () => {
    const { marathon } = await start({ access_control_allow_origin: 'http://ui.example' });
    const origin = { Origin: 'http://ui.example' };
    const answer = await marathon.call('GET', '/v2/apps', undefined, origin);
    expect(answer.headers['access-control-allow-origin']).toBe('http://ui.example');
    const preflight = await marathon.call('OPTIONS', '/v2/apps', undefined, {
      ...origin,
      'Access-Control-Request-Headers': 'X-Custom',
    });
    expect(preflight).toMatchObject({
      status: 200,
      headers: {
        'access-control-allow-methods': 'GET, HEAD, OPTIONS',
        'access-control-max-age': '86400',
        'access-control-allow-headers': 'X-Custom',
      },
    });
  });

  test('--http_max_concurrent_requests: more are refused', async () => {
    const { marathon } = await start({ http_max_concurrent_requests: 1 });
    const events = await marathon.events();
    expect((await marathon.call('GET', '/v2/apps')).status).toBe(503);
    events.close();
    await expect.poll(async () => (await marathon.call('GET', '/v2/apps')).status).toBe(200);
  });

  test('--disable_ha: leads without an election', async () => {
    const { marathon, zk } = await start();
    await marathon.stop();
    const alone = await startMarathon(zk, '127.0.0.1:1', { disable_ha: '' });
    closers.push(alone.stop);
    await expect.poll(async () => (await alone.call('GET', '/v2/leader')).status).toBe(200);
  });

  test('a port that is taken is an error at the start', async () => {
    const { marathon, zk, master } = await start();
    await expect(startMarathon(zk, master, { http_port: new URL(marathon.url).port })).rejects.toThrow(/EADDRINUSE/);
  });
});

describe('an instance without a leader', () => {
  test('says so after a while, and answers as soon as there is one', async () => {
    const zk = await startZooKeeper();
    closers.push(zk.close);
    const nowhere: MarathonForTests = await startMarathon({ address: '127.0.0.1:1' }, '127.0.0.1:1');
    closers.push(nowhere.stop);
    const answer = await nowhere.call('GET', '/v2/apps');
    expect(answer).toMatchObject({ status: 502, json: { message: 'Could not determine the current leader' } });

    const early = await startMarathon(zk, '127.0.0.1:1');
    closers.push(early.stop);
    expect((await early.call('GET', '/v2/apps')).json).toEqual({ apps: [] });
  });
});

describe('large and many', () => {
  test('a definition that no node can hold is refused, and nothing has changed', async () => {
    const { marathon } = await start();
    const random = () => Math.random().toString(36).slice(2);
    const env = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`K${i}`, Array.from({ length: 2000 }, random).join('')]),
    );
    const refused = await marathon.call('POST', '/v2/apps', { id: '/big', ...small, env });
    expect(refused.status).toBe(422);
    expect(refused.json.message).toMatch(/--zk_max_node_size allows 1024000/);
    expect((await marathon.call('GET', '/v2/apps')).json).toEqual({ apps: [] });
    expect(await marathon.deployments()).toEqual([]);
  });

  test('a large definition that compresses is kept', async () => {
    const { marathon, zk, master } = await start();
    const env = { LONG: 'x'.repeat(2_000_000) };
    expect((await marathon.call('POST', '/v2/apps', { id: '/long', ...small, instances: 0, env })).status).toBe(201);
    await marathon.stop();
    const next = await startMarathon(zk, master);
    closers.push(next.stop);
    await next.service.ready;
    expect((await next.app('/long')).env).toEqual(env);
  });

  test('many apps created at once', async () => {
    const { marathon, master } = await start();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => marathon.call('POST', '/v2/apps', { id: `/many/app-${i}`, ...small })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(60).fill(201));
    await master.until(() => master.running().length === 60);
    await expect.poll(() => marathon.deployments()).toEqual([]);
  });

  test('only so many versions are kept', async () => {
    const { marathon } = await start({ zk_max_versions: 3 });
    for (let mem = 1; mem <= 6; mem++) await marathon.call('PUT', '/v2/apps/web', { ...small, mem, instances: 0 });
    const { json } = await marathon.call<{ versions: string[] }>('GET', '/v2/apps/web/versions');
    expect(json.versions).toHaveLength(3);
    expect((await marathon.call('GET', `/v2/apps/web/versions/${json.versions[2]}`)).json).toMatchObject({ mem: 4 });
    expect((await marathon.call<string[]>('GET', '/v2/groups/versions')).json).toHaveLength(3);
  });
});

describe('roles', () => {
  test('an app of another role makes the framework take that role, and is launched with its resources', async () => {
    const { marathon, master } = await start();
    const created = await marathon.call<{ deploymentId: string }>('PUT', '/v2/groups/dev', {
      enforceRole: true,
      apps: [{ id: 'web', ...small }],
    });
    expect({ status: created.status, text: created.text }).toMatchObject({ status: 200 });
    await marathon.deployed(created.json.deploymentId);
    expect(await marathon.app('/dev/web')).toMatchObject({ role: 'dev' });
    const told = master.calls.find(({ type }) => type === 'UPDATE_FRAMEWORK');
    expect(told?.update_framework?.framework_info.roles).toEqual(['*', 'dev']);
    const [task] = master.running('/dev/web');
    expect(task?.info.resources?.map((resource) => resource.allocation_info?.role)).toContain('dev');
    expect(task?.info.command?.environment?.variables).toContainEqual(
      expect.objectContaining({ name: 'MARATHON_APP_ENFORCE_GROUP_ROLE', value: 'TRUE' }),
    );
  });
});
