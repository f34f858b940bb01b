/** Servers that are killed, paused, blocked and cut off while clients write: three processes each. */
import { afterEach, describe, expect, test } from 'vitest';
import { sleep } from '../../../src/support/retry.ts';
import { openAcl, openRaw, type RawClient } from '../../support/raw-zookeeper-client.ts';
import {
  type ProcessEnsemble,
  type ServerProcess,
  startZooKeeperProcesses,
} from '../../support/zookeeper-processes.ts';
import { seeded } from '../../unit/zookeeper-server/simulation.ts';

/** More than a developer's run has: ZOOKEEPER_FAULT_SEEDS=1,2,3 ZOOKEEPER_FAULT_SECONDS=60. */
const seeds = (process.env.ZOOKEEPER_FAULT_SEEDS ?? '1,2').split(',').map(Number);
const faultSeconds = Number(process.env.ZOOKEEPER_FAULT_SECONDS ?? 8);

let ensemble: ProcessEnsemble | undefined;
afterEach(async () => {
  await ensemble?.close();
  ensemble = undefined;
});

/** Pings for a client, as a library would send them. */
function keepAlive(client: RawClient, everyMs: number): () => void {
  const timer = setInterval(() => void client.call('ping', {}, -2).catch(() => {}), everyMs);
  void client.closed.then(() => clearInterval(timer));
  return () => clearInterval(timer);
}

async function sessionOn(server: ServerProcess, path: string): Promise<RawClient> {
  const client = await openRaw(server.port, { timeoutMs: 2000 });
  keepAlive(client, 600);
  await client.ok('create', { path, data: null, acl: openAcl, flags: 1 });
  return client;
}

/** Takes a session up again, on the first server that lets it; its timeout has not passed for it. */
async function resume(client: RawClient, servers: readonly ServerProcess[]): Promise<RawClient> {
  const { sessionId, password } = client.session!;
  for (let attempt = 0; ; attempt++) {
    const next = await openRaw(servers[attempt % servers.length]!.port, { sessionId, password, timeoutMs: 2000 });
    if (next.session) {
      keepAlive(next, 600);
      return next;
    }
    await sleep(20);
  }
}

async function newClient(servers: readonly ServerProcess[]): Promise<RawClient> {
  for (let attempt = 0; ; attempt++) {
    const client = await openRaw(servers[attempt % servers.length]!.port);
    if (client.session) return client;
    await sleep(20);
  }
}

describe('sessions', () => {
  test('live on when the leader is killed, with their nodes, and writes go on', async () => {
    ensemble = await startZooKeeperProcesses();
    const leader = await ensemble.leader();
    const others = ensemble.servers.filter((server) => server !== leader);
    const clients = await Promise.all(ensemble.servers.map((server) => sessionOn(server, `/e${server.id}`)));
    await leader.kill();
    // All connections end: the followers have lost their leader.
    await Promise.all(clients.map((client) => client.closed));
    for (const client of clients) {
      const again = await resume(client, others);
      expect(again.session!.sessionId).toBe(client.session!.sessionId);
      expect(
        await again.code('create', { path: `/after-${again.session!.sessionId}`, data: null, acl: openAcl, flags: 0 }),
      ).toBe(0);
      const { stat } = await again.ok('exists', { path: `/e${clients.indexOf(client) + 1}`, watch: false });
      expect(stat.ephemeralOwner).toBe(client.session!.sessionId);
    }
    leader.start();
    await ensemble.settled();
    expect(await leader.mode()).toBe('follower');
  });

  test('of two seconds live on while a server is blocked for a second, leader or not', async () => {
    // As in development timing.
    ensemble = await startZooKeeperProcesses({ tickTime: 1000, settings: { syncLimit: '3' } });
    const clients = await Promise.all(ensemble.servers.map((server) => sessionOn(server, `/e${server.id}`)));
    const before = await ensemble.leader();
    for (const server of ensemble.servers) await server.block(1000);
    await sleep(2500);
    expect(clients.map((client) => client.isClosed)).toEqual([false, false, false]);
    expect((await ensemble.leader()).id).toBe(before.id);
    for (const client of clients) {
      const { children } = await client.ok('getChildren', { path: '/', watch: false });
      expect(children.filter((name) => name.startsWith('e'))).toHaveLength(3);
    }
  });

  test('of two seconds live on when everything sleeps for five', async () => {
    ensemble = await startZooKeeperProcesses();
    const clients = await Promise.all(ensemble.servers.map((server) => sessionOn(server, `/e${server.id}`)));
    for (const server of ensemble.servers) server.pause();
    await sleep(5000);
    for (const server of ensemble.servers) server.resume();
    await sleep(2500);
    const alive = await Promise.all(
      clients.map((client) => (client.isClosed ? resume(client, ensemble!.servers) : client)),
    );
    expect(alive.map((client) => client.session!.sessionId)).toEqual(
      clients.map((client) => client.session!.sessionId),
    );
    const { children } = await alive[0]!.ok('getChildren', { path: '/', watch: false });
    expect(children.filter((name) => name.startsWith('e'))).toHaveLength(3);
  });

  test('live on when the leader hangs: after the sync limit another one leads, and it comes back as a follower', async () => {
    ensemble = await startZooKeeperProcesses({ settings: { syncLimit: '3' } });
    const leader = await ensemble.leader();
    const others = ensemble.servers.filter((server) => server !== leader);
    const clients = await Promise.all(ensemble.servers.map((server) => sessionOn(server, `/e${server.id}`)));
    leader.pause();
    const onOthers = clients.filter((_, i) => ensemble!.servers[i] !== leader);
    await Promise.all(onOthers.map((client) => client.closed));
    for (const client of clients) client.drop();
    const again = await Promise.all(clients.map((client) => resume(client, others)));
    await again[0]!.ok('create', { path: '/during', data: null, acl: openAcl, flags: 0 });
    const { children } = await again[0]!.ok('getChildren', { path: '/', watch: false });
    expect(children).toEqual(expect.arrayContaining(['e1', 'e2', 'e3', 'during']));
    leader.resume();
    await expect.poll(() => leader.mode()).toBe('follower');
    const back = await newClient([leader]);
    await back.ok('sync', { path: '/' });
    expect(await back.code('exists', { path: '/during', watch: false })).toBe(0);
  });

  test('of a killed server end when their clients do not come back', async () => {
    ensemble = await startZooKeeperProcesses();
    const leader = await ensemble.leader();
    const follower = ensemble.servers.find((server) => server !== leader)!;
    const watcher = await openRaw(leader.port, { timeoutMs: 4000 });
    keepAlive(watcher, 1000);
    await sessionOn(follower, '/gone');
    await watcher.ok('sync', { path: '/' });
    await watcher.ok('exists', { path: '/gone', watch: true });
    await follower.kill();
    while (watcher.events.length === 0) await sleep(50);
    expect(watcher.events).toEqual(['2 /gone']);
  });

  test('survive that all servers are killed and started again', async () => {
    ensemble = await startZooKeeperProcesses();
    const clients = await Promise.all(ensemble.servers.map((server) => sessionOn(server, `/e${server.id}`)));
    await Promise.all(ensemble.servers.map((server) => server.kill()));
    for (const server of ensemble.servers) server.start();
    await ensemble.settled();
    for (const client of clients)
      expect((await resume(client, ensemble.servers)).session!.sessionId).toBe(client.session!.sessionId);
  });
});

describe('a server that is cut off', () => {
  test('turns its clients away, the others go on, and it comes back', async () => {
    ensemble = await startZooKeeperProcesses();
    const leader = await ensemble.leader();
    const others = ensemble.servers.filter((server) => server !== leader);
    const client = await openRaw(leader.port);
    await client.ok('create', { path: '/before', data: null, acl: openAcl, flags: 0 });
    await Promise.all([leader.cut(others), ...others.map((server) => server.cut([leader]))]);
    await client.closed;
    expect((await openRaw(leader.port)).session).toBeUndefined();
    const elsewhere = await newClient(others);
    await elsewhere.ok('create', { path: '/during', data: null, acl: openAcl, flags: 0 });
    await Promise.all(ensemble.servers.map((server) => server.cut([])));
    await ensemble.settled();
    const back = await newClient([leader]);
    await back.ok('sync', { path: '/' });
    expect((await back.ok('getChildren', { path: '/', watch: false })).children).toEqual(
      expect.arrayContaining(['before', 'during']),
    );
  });

  test('or away for long catches up by a snapshot', async () => {
    ensemble = await startZooKeeperProcesses({ settings: { snapCount: '100' } });
    const leader = await ensemble.leader();
    const absent = ensemble.servers.find((server) => server !== leader)!;
    await absent.kill();
    // A busy machine may take longer for all of it than a session lives in silence.
    const client = await openRaw(leader.port, { timeoutMs: 10_000 });
    keepAlive(client, 1000);
    const data = Buffer.alloc(1000, 'x');
    await Promise.all(
      Array.from({ length: 5000 }, (_, i) => client.ok('create', { path: `/n${i}`, data, acl: openAcl, flags: 0 })),
    );
    absent.start();
    await ensemble.settled();
    await expect.poll(() => absent.log()).toContain('taking over a snapshot');
    const back = await newClient([absent]);
    await back.ok('sync', { path: '/' });
    expect((await back.ok('getChildren', { path: '/', watch: false })).children).toHaveLength(5001);
  });
});

describe('whatever happens', () => {
  test.each(seeds)(
    'no acknowledged write is lost and none is done twice (seed %i)',
    async (seed) => {
      ensemble = await startZooKeeperProcesses({ settings: { snapCount: '500' } });
      const { servers } = ensemble;
      const setUp = await newClient(servers);
      for (const path of ['/w', '/register']) await setUp.ok('create', { path, data: null, acl: openAcl, flags: 0 });
      setUp.drop();

      const acknowledged = new Map<string, bigint>();
      const registered = new Map<number, string>();
      const problems: string[] = [];
      let running = true;

      const writer = async (name: string) => {
        let seen = 0n;
        let version = 0;
        for (let n = 0; running; ) {
          const server = servers[(n + name.charCodeAt(0)) % servers.length]!;
          const client = await openRaw(server.port, { lastZxidSeen: seen, timeoutMs: 4000 });
          if (!client.session) {
            n++;
            await sleep(10);
            continue;
          }
          try {
            for (let i = 0; running && i < 200; i++) {
              const path = `/w/${name}-${n++}`;
              const created = await client.call('create', { path, data: Buffer.from(path), acl: openAcl, flags: 0 });
              if (created.err !== 0) problems.push(`create of ${path} answered ${created.err}`);
              else acknowledged.set(path, created.zxid);
              if (created.zxid <= seen) problems.push(`zxid went back from ${seen} to ${created.zxid}`);
              seen = created.zxid;
              const now = await client.ok('getData', { path: '/register', watch: false });
              if (now.stat.version < version)
                problems.push(`${name} read version ${now.stat.version} after ${version}`);
              version = now.stat.version;
              const set = await client.call('setData', { path: '/register', data: Buffer.from(path), version });
              seen = set.zxid;
              if (set.err !== 0) continue;
              const other = registered.get(version + 1);
              if (other) problems.push(`version ${version + 1} was acknowledged to ${other} and to ${path}`);
              registered.set(version + 1, path);
              version++;
            }
          } catch {
            // The connection ended: what became of the last request is not known.
          }
          client.drop();
        }
      };

      const writers = ['a', 'b', 'c', 'd'].map(writer);
      const random = seeded(seed);
      const any = () => servers[Math.floor(random() * servers.length)]!;
      const until = performance.now() + faultSeconds * 1000;
      while (performance.now() < until) {
        const dice = random();
        const server = any();
        if (dice < 0.35) await (random() < 0.5 ? server : await ensemble.leader().catch(() => server)).kill();
        else if (dice < 0.5) server.pause();
        else if (dice < 0.65 && server.up && !server.paused) void server.block(300 + random() * 1500);
        else if (dice < 0.8) {
          const island = any();
          for (const one of servers)
            if (one.up && !one.paused)
              void one.cut(one === island ? servers.filter((other) => other !== one) : [island]);
        }
        await sleep(100 + random() * 900);
        for (const one of servers) {
          if (one.paused && random() < 0.7) one.resume();
          else if (!one.up && random() < 0.7) one.start();
          else if (one.up && !one.paused && random() < 0.5) void one.cut([]);
        }
      }
      for (const server of servers) {
        if (server.paused) server.resume();
        if (!server.up) server.start();
        else void server.cut([]);
      }
      await ensemble.settled();
      running = false;
      await Promise.all(writers);

      const histories: unknown[] = [];
      for (const server of servers) {
        const client = await newClient([server]);
        await client.ok('sync', { path: '/' });
        const { children } = await client.ok('getChildren', { path: '/w', watch: false });
        const zxids = new Map<string, bigint>();
        await Promise.all(
          children.map(async (child) => {
            const { stat } = await client.ok('exists', { path: `/w/${child}`, watch: false });
            zxids.set(`/w/${child}`, stat.czxid);
          }),
        );
        for (const [path, zxid] of acknowledged)
          if (zxids.get(path) !== zxid) problems.push(`server ${server.id}: ${path} of ${zxid} is ${zxids.get(path)}`);
        if (new Set(zxids.values()).size !== zxids.size) problems.push('two nodes have one zxid');
        const register = await client.ok('getData', { path: '/register', watch: false });
        for (const version of registered.keys())
          if (version > register.stat.version) problems.push(`version ${version} of the register is lost`);
        const last = registered.get(register.stat.version);
        if (last !== undefined && register.data?.toString() !== last) problems.push('the register holds another value');
        histories.push([...zxids].sort().join('\n') + register.stat.version);
      }
      expect(problems.slice(0, 10)).toEqual([]);
      expect(new Set(histories).size).toBe(1);
      expect(acknowledged.size).toBeGreaterThan(10);
      for (const server of servers) expect(server.log()).not.toMatch(/ended by itself|ERROR/);
    },
    faultSeconds * 1000 + 90_000,
  );
});
