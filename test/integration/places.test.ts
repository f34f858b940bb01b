import { existsSync } from 'node:fs';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemCode } from '../../src/support/errors.ts';
import { createWorkplace, type Workplace } from './devcluster.ts';

/** Somebody without rights: the user `nobody` where the tests are root's. */
const plain = process.getuid?.() === 0 ? { uid: 65_534 } : {};

interface Status {
  state: string;
  endpoints: Record<string, string>;
  nodes: { address: string; services: { component: string; url?: string; ready: boolean; pid?: number }[] }[];
}
interface App {
  id: string;
  instances: number;
  tasksHealthy: number;
  tasks: { host: string; ports: number[] }[];
}

const workplaces: Workplace[] = [];
const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(workplaces.splice(0).map((place) => place.close()));
  for (const server of servers.splice(0)) server.close();
});

async function workplace(options: { uid?: number } = {}, addresses?: string): Promise<Workplace> {
  const place = await createWorkplace(options);
  workplaces.push(place);
  if (addresses)
    await writeFile(join(place.folder, 'devcluster.yml'), `version: 1\nnetwork: { addresses: ${addresses} }\n`);
  return place;
}

/** `up` with the samples, which are healthy then; @returns what status says, and what `up` said on the way. */
async function up(place: Workplace): Promise<{ status: Status; apps: App[]; said: string }> {
  const result = await place.run('up');
  expect(result.code, result.stderr).toBe(0);
  const status = await place.json<Status>('status');
  expect(status.state).toBe('running');
  const apps = await place.json<App[]>('apps');
  for (const id of ['/samples/hello', '/samples/shop/web'])
    expect(apps.find((app) => app.id === id)?.tasksHealthy, id).toBeGreaterThan(0);
  for (const { id, tasks } of apps)
    for (const { host, ports } of tasks)
      if (id === '/samples/hello') expect((await fetch(`http://${host}:${ports[0]}/`)).status).toBe(200);
  return { status, apps, said: result.stderr + result.stdout };
}

async function expectNothingLeft(place: Workplace): Promise<void> {
  expect((await place.run('down')).code).toBe(0);
  expect(place.leftovers()).toEqual([]);
  if (existsSync(place.stateHome)) expect(await readdir(place.stateHome)).toEqual([]);
}

describe('an unprivileged user', () => {
  it('has a whole cluster with the samples, and leaves nothing behind', async () => {
    const place = await workplace(plain);
    const { status, said } = await up(place);
    const [pid] = status.nodes.flatMap(({ services }) => services.flatMap((service) => service.pid ?? []));
    if (plain.uid !== undefined && pid !== undefined) expect((await stat(`/proc/${pid}`)).uid).toBe(plain.uid);
    const dns = status.endpoints.dns!.split(':')[1];
    if (dns !== '53') expect(said).toContain('Port 53 (dns)');
    await expectNothingLeft(place);
  });
});

describe('something on 0.0.0.0:8080', () => {
  it('moves Marathon on every node, and all of the samples work', async () => {
    const server = createServer();
    servers.push(server);
    const alone = await new Promise<boolean>((resolve, reject) => {
      server.once('error', (error) => (systemCode(error) === 'EADDRINUSE' ? resolve(false) : reject(error)));
      server.listen(8080, '0.0.0.0', () => resolve(true));
    });
    const place = await workplace();
    const { status, said } = await up(place);
    const urls = status.nodes.flatMap(({ services }) => services.filter(({ component }) => component === 'marathon'));
    const ports = new Set(urls.map(({ url }) => new URL(url!).port));
    expect(ports.size).toBe(1);
    if (alone) {
      expect([...ports][0]).not.toBe('8080');
      expect(said).toContain('Port 8080 (marathon) is in use by');
      expect(said).toContain(`(process ${process.pid})`);
    }
    await expectNothingLeft(place);
  });
});

describe('nodes that share 127.0.0.1', () => {
  it('carry a cluster with the samples, beside one whose nodes have their own addresses', async () => {
    const shared = await workplace(plain, 'port-blocks');
    const own = await workplace();
    const first = await up(shared);
    const second = await up(own);
    expect(new Set(first.status.nodes.map(({ address }) => address))).toEqual(new Set(['127.0.0.1']));
    expect(second.status.nodes.map(({ address }) => address)).not.toContain('127.0.0.1');
    const ports = ({ apps }: { apps: App[] }) => apps.flatMap(({ tasks }) => tasks.flatMap((task) => task.ports));
    expect(ports(first).filter((port) => ports(second).includes(port))).toEqual([]);
    await expectNothingLeft(shared);
    expect((await own.json<Status>('status')).state).toBe('running');
    await expectNothingLeft(own);
  });
});
