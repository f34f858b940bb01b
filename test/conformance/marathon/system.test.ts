import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { start } from '../../../src/embedded/marathon/index.ts';
import type { AppInfo } from '../../../src/protocols/marathon/types.ts';
import { httpJson } from '../../../src/support/http-client.ts';
import { skipped } from '../../support/skipped.ts';
import { contextOf, freePort, startAll, startMarathon } from './harness.ts';

/** What is not about apps: settings, logging, copies of the state, TLS, exit codes. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marathon-system-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let all: Awaited<ReturnType<typeof startAll>> | undefined;
afterEach(async () => {
  await all?.close();
  all = undefined;
});

const small = { cmd: 'sleep 1000', cpus: 0.1, mem: 32 };

describe('a running Marathon', () => {
  test('shows its loggers and lets their levels be changed for a while', async () => {
    all = await startAll();
    const { marathon } = all;
    const levels = async () => (await marathon.call<Record<string, string>>('GET', '/logging')).json;
    expect(await levels()).toMatchObject({ ROOT: 'INFO', 'mesosphere.marathon': 'INFO (inherited)' });
    const change = { level: 'debug', logger: 'mesosphere.marathon' };
    expect(await marathon.call('POST', '/logging', change)).toMatchObject({ status: 200, json: change });
    expect(await levels()).toMatchObject({
      'mesosphere.marathon': 'DEBUG',
      'mesosphere.marathon.zookeeper': 'DEBUG (inherited)',
    });
    await marathon.call('POST', '/logging', { level: 'error', logger: 'mesosphere.marathon', durationSeconds: 0 });
    await expect.poll(levels).toMatchObject({ 'mesosphere.marathon': 'DEBUG' });
    expect((await marathon.call('POST', '/logging', { level: 'loud', logger: 'x' })).status).toBe(422);
  });

  test('shows its configuration, without what is secret', async () => {
    all = await startAll();
    const config = await all.marathon.call('GET', '/config');
    expect(config).toMatchObject({
      status: 200,
      json: { marathon_config: { framework_name: 'marathon' }, zookeeper_config: { zk_max_versions: 50 } },
    });
  });

  test('tells of maintenance and drains agents before it begins', async () => {
    all = await startAll({ draining_seconds: 60 });
    const { marathon, master } = all;
    await marathon.call('POST', '/v2/apps', { id: '/big', ...small, cpus: 100 });
    await master.until(() => master.calls.some(({ type }) => type === 'DECLINE'));
    const inMs = (ms: number) => ({ start: { nanoseconds: (Date.now() + ms) * 1e6 } });
    const offer = (id: string, unavailability: object) =>
      master.send({
        type: 'OFFERS',
        offers: {
          offers: [
            {
              id: { value: id },
              framework_id: { value: 'F' },
              agent_id: { value: id },
              hostname: id,
              resources: [],
              allocation_info: { role: '*' },
              ...unavailability,
            },
          ],
        },
      } as never);
    offer('soon', { unavailability: inMs(30_000) });
    offer('later', { unavailability: inMs(3_600_000) });
    type Queue = { queue: { lastUnusedOffers: { offer: { hostname: string }; reason: string[] }[] }[] };
    const reasons = async () => {
      const { queue } = (await marathon.call<Queue>('GET', '/v2/queue?embed=lastUnusedOffers')).json;
      return Object.fromEntries(
        (queue[0]?.lastUnusedOffers ?? []).map(({ offer: { hostname }, reason }) => [
          hostname,
          reason.includes('AgentMaintenance'),
        ]),
      );
    };
    await expect.poll(reasons).toMatchObject({ soon: true, later: false });
  });
});

describe('copies of the state', () => {
  test('are written and read by the next leader', async () => {
    all = await startAll();
    const { zk, master, marathon } = all;
    const created = await marathon.call<AppInfo>('POST', '/v2/apps', { id: '/kept', ...small, instances: 2 });
    await marathon.deployed(created.json.deployments?.[0]?.id);
    const file = join(folder, 'state.gz');
    const uri = encodeURIComponent(pathToFileURL(file).href);
    const handOver = async (from: typeof marathon, query: string) => {
      const answer = await from.call('DELETE', `/v2/leader?${query}`);
      expect(answer).toMatchObject({ status: 200, json: { message: 'Leadership abdicated' } });
      expect(await from.service.exited).toMatchObject({ code: 105 });
      const next = await startMarathon(zk, master);
      await next.service.ready;
      return next;
    };
    const second = await handOver(marathon, `backup=${uri}`);
    let third: typeof marathon | undefined;
    try {
      expect((await readFile(file)).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
      const removed = await second.call<{ deploymentId: string }>('DELETE', '/v2/apps/kept');
      await second.deployed(removed.json.deploymentId);
      const other = await second.call<AppInfo>('POST', '/v2/apps', { id: '/other', ...small });
      await second.deployed(other.json.deployments?.[0]?.id);
      third = await handOver(second, `restore=${uri}`);
      const apps = async () => (await third!.call<{ apps: AppInfo[] }>('GET', '/v2/apps')).json.apps;
      expect((await apps()).map(({ id }) => id)).toEqual(['/kept']);
      // Its tasks are gone; others take their place.
      await expect.poll(async () => (await apps())[0]?.tasksRunning).toBe(2);
      expect((await third.call<{ versions: string[] }>('GET', '/v2/apps/kept/versions')).json.versions).toHaveLength(1);
    } finally {
      await second.stop();
      await third?.stop();
    }
  });

  test('go to files only', async () => {
    all = await startAll();
    const answer = await all.marathon.call('DELETE', '/v2/leader?backup=s3://bucket/state');
    expect(answer).toMatchObject({ status: 422, json: { message: expect.stringContaining('file:///absolute/path') } });
    expect((await all.marathon.call('GET', '/v2/info')).status).toBe(200);
  });
});

describe('health checks', () => {
  test('an answer below 200 is a failure, or says nothing with ignoreHttp1xx', async () => {
    all = await startAll();
    const { marathon } = all;
    const hesitant = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end('HTTP/1.1 103 Early Hints\r\n\r\n'));
    });
    await new Promise<void>((resolve) => hesitant.listen(0, '0.0.0.0', resolve));
    try {
      const { port } = hesitant.address() as { port: number };
      const check = { protocol: 'HTTP', port, gracePeriodSeconds: 0, intervalSeconds: 1, maxConsecutiveFailures: 0 };
      const create = (id: string, more: object) =>
        marathon.call('POST', '/v2/apps', { id, ...small, healthChecks: [{ ...check, ...more }] });
      await create('/patient', { ignoreHttp1xx: true });
      await create('/strict', {});
      const results = async (id: string) => (await marathon.app(id)).tasks?.[0]?.healthCheckResults;
      await expect
        .poll(() => results('/strict'), { timeout: 10_000 })
        .toMatchObject([{ alive: false, lastFailureCause: 'HTTP status 103' }]);
      await expect.poll(async () => (await results('/strict'))?.[0]?.consecutiveFailures, { timeout: 10_000 }).toBe(2);
      expect(await results('/patient')).toEqual([]);
    } finally {
      hesitant.close();
    }
  });
});

const openssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(skipped(openssl, 'TLS of Marathon', 'no openssl to make a certificate'))('TLS', () => {
  test('with a keystore the API is there over HTTPS too', async () => {
    const keystore = makeKeystore(folder, 'secret');
    const httpsPort = await freePort();
    all = await startAll({
      ssl_keystore_path: keystore,
      ssl_keystore_password: 'secret',
      https_address: '127.0.0.1',
      https_port: httpsPort,
    });
    const info = await httpJson<{ http_config: object }>(`https://127.0.0.1:${httpsPort}/v2/info`, {
      verifyTls: false,
    });
    expect(info.status).toBe(200);
    expect(info.json?.http_config).toMatchObject({ https_port: httpsPort });
  });
});

describe('what can not start', () => {
  const startWith = (flags: Record<string, string | number>) => {
    const given = { master: '127.0.0.1:1', zk: 'zk://127.0.0.1:1/marathon', http_address: '127.0.0.1', ...flags };
    const { context, close } = contextOf(
      Object.entries(given).map(([name, value]) => `--${name}=${value}`),
      'marathon',
    );
    return start(context).finally(close);
  };
  let taken: Server | undefined;
  afterEach(() => taken?.close());

  test('ends with 112 for a flag that makes no sense', async () => {
    await expect(startWith({ http_port: 'many' })).rejects.toMatchObject({ exitCode: 112 });
    await expect(startWith({ no_such_flag: 1 })).rejects.toMatchObject({ exitCode: 112 });
    const file = join(folder, 'no-keystore');
    await writeFile(file, 'nothing');
    const http_port = await freePort();
    await expect(startWith({ http_port, ssl_keystore_path: file })).rejects.toMatchObject({ exitCode: 112 });
  });

  test('ends with 111 for a port that is taken', async () => {
    const port = await freePort();
    taken = createServer();
    await new Promise<void>((resolve) => taken?.listen(port, '127.0.0.1', resolve));
    await expect(startWith({ http_port: port })).rejects.toMatchObject({ exitCode: 111 });
  });
});

/** A PKCS #12 file with a certificate of its own. @returns its path */
function makeKeystore(place: string, password: string): string {
  const at = (name: string) => join(place, name);
  const run = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  run(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    at('key'),
    '-out',
    at('cert'),
    '-subj',
    '/CN=localhost',
  );
  run('pkcs12', '-export', '-inkey', at('key'), '-in', at('cert'), '-out', at('p12'), '-passout', `pass:${password}`);
  return at('p12');
}
