import { Resolver } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWorkplace, type Workplace } from './devcluster.ts';

interface Status {
  state: string;
  endpoints: Record<string, string>;
  nodes: {
    name: string;
    address: string;
    services: { component: string; ready: boolean; leader: boolean; pid?: number }[];
  }[];
  mesos: { agents: number; frameworks: number; tasksRunning: number };
}

interface AppDocument {
  id: string;
  tasksRunning: number;
  tasksHealthy: number;
  tasks: { host: string; ports: number[] }[];
}

describe('up, with the sample apps, and down', () => {
  let place: Workplace;
  let status: Status;
  let apps: Map<string, AppDocument>;

  beforeAll(async () => {
    place = await createWorkplace();
    const result = await place.run('up');
    expect(result.code, result.stderr).toBe(0);
    status = await place.json<Status>('status');
    apps = new Map((await place.json<AppDocument[]>('apps')).map((app) => [app.id, app]));
  });
  afterAll(() => place.close());

  it('runs five services on each of three nodes, one leader of each elected kind, all ready', () => {
    expect(status.state).toBe('running');
    expect(status.nodes.map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
    const services = status.nodes.flatMap((node) => node.services);
    expect(services).toHaveLength(15);
    expect(services.filter(({ ready }) => !ready)).toEqual([]);
    for (const component of ['zookeeper', 'mesos-master', 'marathon'])
      expect(
        services.filter((service) => service.component === component && service.leader),
        component,
      ).toHaveLength(1);
    expect(status.mesos).toMatchObject({ agents: 3, frameworks: 1, tasksRunning: 8 });
  });

  it('has hello once on every node, configured by its environment', async () => {
    const hello = apps.get('/samples/hello')!;
    expect(new Set(hello.tasks.map(({ host, ports }) => `${host}:${ports[0]}`)).size).toBe(3);
    expect(hello).toMatchObject({ tasksRunning: 3, tasksHealthy: 3 });
    for (const { host, ports } of hello.tasks)
      expect(await (await fetch(`http://${host}:${ports[0]}/`)).text()).toContain(`Hello from ${place.cluster}`);
  });

  it('answers on 127.0.0.1, too', async () => {
    const [task] = apps.get('/samples/hello')!.tasks;
    expect((await fetch(`http://127.0.0.1:${task!.ports[0]}/health`)).status).toBe(200);
  });

  it('has a shop whose page comes through api and db, found by Mesos-DNS', async () => {
    const [web] = apps.get('/samples/shop/web')!.tasks;
    // The records follow the tasks within Mesos-DNS's refresh interval.
    const page = await poll(async () => {
      const response = await fetch(`http://${web!.host}:${web!.ports[0]}/`);
      return response.status === 200 ? response.text() : undefined;
    });
    expect(page).toContain('Darjeeling');
    expect(page).toContain('found through Mesos-DNS');
  });

  it("answers the system's own resolver library for tasks, leader, masters and agents", async () => {
    const resolver = new Resolver();
    resolver.setServers([status.endpoints.dns!]);
    const addresses = status.nodes.map(({ address }) => address).sort();
    expect((await resolver.resolve4('master.mesos')).sort()).toEqual(addresses);
    expect((await resolver.resolve4('slave.mesos')).sort()).toEqual(addresses);
    expect(addresses).toContain((await resolver.resolve4('leader.mesos'))[0]);
    const [web] = apps.get('/samples/shop/web')!.tasks;
    const [record] = (await poll(() =>
      resolver.resolveSrv('_web.shop.samples._tcp.marathon.mesos').catch(() => undefined),
    ))!;
    expect(record!.port).toBe(web!.ports[0]);
    expect(await resolver.resolve4(record!.name)).toEqual([web!.host]);
  });

  it('has a worker that logs a line a second', async () => {
    const { stdout, code } = await place.run('logs', 'app:/samples/worker', '--tail', '5');
    expect(code).toBe(0);
    expect(stdout).toMatch(/worker did job \d+/);
  });

  it('prints the environment for scripts', async () => {
    const { stdout } = await place.run('env');
    for (const name of [
      'DEVCLUSTER_NAME',
      'MARATHON_URL',
      'MESOS_MASTER_URL',
      'MESOS_MASTER',
      'ZK_HOSTS',
      'MESOS_DNS_URL',
      'MESOS_DNS_SERVER',
    ])
      expect(stdout).toContain(`${name}=`);
  });

  it('a second up changes nothing', async () => {
    const before = (await place.json<Status>('status')).nodes.map((node) => node.services.map(({ pid }) => pid));
    expect((await place.run('up')).code).toBe(0);
    expect((await place.json<Status>('status')).nodes.map((node) => node.services.map(({ pid }) => pid))).toEqual(
      before,
    );
  });

  it('down leaves no process, port or file', async () => {
    const ports = status.nodes.flatMap((node) =>
      [2181, 5050, 5051, 8080].map((port) => ({ host: node.address, port })),
    );
    const tasks = [...apps.values()].flatMap((app) =>
      app.tasks.flatMap(({ host, ports: [port] }) => (port ? [{ host, port }] : [])),
    );
    expect((await place.run('down')).code).toBe(0);
    expect(place.leftovers()).toEqual([]);
    for (const address of [...ports, ...tasks]) expect(await answers(address), JSON.stringify(address)).toBe(false);
    const folder = `${place.stateHome}/devcluster`;
    expect(existsSync(folder) ? (await readdir(folder)).filter((name) => name === place.cluster) : []).toEqual([]);
    expect((await place.run('down')).code).toBe(0);
    const absent = await place.run('status', '--json');
    expect([absent.code, JSON.parse(absent.stdout).state]).toEqual([5, 'absent']);
  });
});

/** Asks until there is an answer; the test's own time limit ends a wait that is in vain. */
async function poll<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function answers(address: { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
