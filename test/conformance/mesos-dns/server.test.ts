import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import dnsPacket from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { start } from '../../../src/embedded/mesos-dns/index.ts';
import { createStreamSplitter, frameMessage } from '../../../src/embedded/mesos-dns/stream.ts';
import type { RunningService } from '../../../src/embedded/service.ts';
import { encodeMasterInfo, toMasterInfo } from '../../../src/protocols/mesos/leader.ts';
import { createZooKeeperClient } from '../../../src/protocols/zookeeper/client.ts';
import { createContender } from '../../../src/protocols/zookeeper/group.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { httpCall } from '../../../src/support/http-client.ts';
import { createHttpServer } from '../../../src/support/http-server.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork } from '../../../src/support/network.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts, realZooKeeperMissing, startRealZooKeeper } from '../../support/real-zookeeper.ts';
import { skipped } from '../../support/skipped.ts';

/** Only Linux has all of 127/8 without asking. */
const oneLoopback = skipped(
  process.platform === 'linux',
  'masters at addresses of their own',
  'only Linux has all of 127/8',
);

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface FakeMaster {
  port: number;
  requests: number;
  /** What it answers; a redirect is an address. */
  answer: object | { redirect: string } | { status: number };
}

/** A master that shows the state it is given, at the node address `host`. */
async function fakeMaster(answer: FakeMaster['answer'], host = '127.0.0.1', port = 0): Promise<FakeMaster> {
  const master: FakeMaster = { port, requests: 0, answer };
  const server = createHttpServer({
    log: silentLogger,
    routes: [
      {
        method: 'GET',
        path: /^\/master\/state$/,
        handler: () => {
          master.requests++;
          const given = master.answer as { redirect?: string; status?: number };
          if (given.redirect) return { status: 307, headers: { Location: `//${given.redirect}/master/state` } };
          return given.status ? { status: given.status } : { status: 200, body: master.answer };
        },
      },
    ],
  });
  master.port = await server.listen(port, host);
  cleanUps.push(() => server.close());
  return master;
}

/** A state with the app `web` of two instances, and one of 60. */
function stateOf(leader: string, extra: object = {}) {
  const task = (id: string, name: string, port: number) => ({
    id,
    name,
    slave_id: 'x-S0',
    state: 'TASK_RUNNING',
    statuses: [],
    resources: { ports: `[${port}-${port}]` },
    discovery: { name, ports: { ports: [{ number: port, name: 'http', protocol: 'tcp' }] } },
  });
  return {
    leader: `master@${leader}`,
    slaves: [{ id: 'x-S0', pid: 'slave(1)@127.0.0.5:5051' }],
    frameworks: [
      {
        name: 'marathon',
        hostname: '127.0.0.6',
        tasks: [
          task('web.1', 'web.shop', 31000),
          task('web.2', 'web.shop', 31001),
          ...Array.from({ length: 60 }, (_, i) => task(`many.${i}`, 'many', 32000 + i)),
        ],
      },
    ],
    ...extra,
  };
}

interface Started {
  service: RunningService;
  dns: number;
  http: number;
  resolver: Resolver;
}

async function mesosDns(settings: object): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), 'mesos-dns-'));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  const [dns, http] = (await freePorts(2)) as [number, number];
  const file = join(folder, 'config.json');
  const defaults = {
    listener: '127.0.0.1',
    HTTPListener: '127.0.0.1',
    port: dns,
    httpPort: http,
    resolvers: [],
    ttl: 1,
  };
  writeFileSync(file, JSON.stringify({ refreshSeconds: 1, externalOn: false, ...defaults, ...settings }));
  const network = createNetwork();
  cleanUps.push(() => network.close());
  const service = await start({
    argv: [`-config=${file}`],
    env: {},
    log: silentLogger,
    clock: systemClock,
    random: Math.random,
    network,
  });
  cleanUps.push(() => service.stop());
  const resolver = new Resolver({ timeout: 5000, tries: 1 });
  resolver.setServers([`127.0.0.1:${dns}`]);
  return { service, dns, http, resolver };
}

describe('Mesos-DNS, asked by Node’s resolver', () => {
  it('answers for tasks, agents, frameworks and the leader', async () => {
    const master = await fakeMaster({});
    master.answer = stateOf(`127.0.0.1:${master.port}`);
    const { service, resolver } = await mesosDns({ masters: [`127.0.0.1:${master.port}`] });
    await service.ready;
    expect(await resolver.resolve4('leader.mesos', { ttl: true })).toEqual([{ address: '127.0.0.1', ttl: 1 }]);
    expect(await resolver.resolve4('web.shop.marathon.mesos')).toEqual(['127.0.0.5']);
    expect(await resolver.resolve4('web-shop.marathon.mesos')).toEqual(['127.0.0.5']);
    expect(await resolver.resolve4('marathon.mesos')).toEqual(['127.0.0.6']);
    expect(await resolver.resolve4('slave.mesos')).toEqual(['127.0.0.5']);
    const services = await resolver.resolveSrv('_web-shop._tcp.marathon.mesos');
    expect(services.map(({ port }) => port).sort()).toEqual([31000, 31001]);
    for (const { name } of services) expect(await resolver.resolve4(name)).toEqual(['127.0.0.5']);
    await expect(resolver.resolve4('nope.mesos')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve6('leader.mesos')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(resolver.resolve4('example.org')).rejects.toMatchObject({ code: 'EREFUSED' });
  });

  it('answers in full over TCP when a datagram is too small', async () => {
    const master = await fakeMaster({});
    master.answer = stateOf(`127.0.0.1:${master.port}`);
    const { service, resolver } = await mesosDns({ masters: [`127.0.0.1:${master.port}`] });
    await service.ready;
    expect(await resolver.resolveSrv('_many._tcp.marathon.mesos')).toHaveLength(60);
  });

  it('follows what changes within a refresh, and keeps its records while no master answers', async () => {
    const master = await fakeMaster({});
    master.answer = stateOf(`127.0.0.1:${master.port}`);
    const { service, resolver } = await mesosDns({ masters: [`127.0.0.1:${master.port}`] });
    await service.ready;
    master.answer = stateOf(`127.0.0.1:${master.port}`, {
      frameworks: [{ name: 'other', hostname: '127.0.0.9', tasks: [] }],
    });
    await eventually(async () => expect(await resolver.resolve4('other.mesos')).toEqual(['127.0.0.9']));
    await expect(resolver.resolve4('web.shop.marathon.mesos')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    master.answer = { status: 503 };
    const { requests } = master;
    await eventually(() => expect(master.requests).toBeGreaterThan(requests));
    expect(await resolver.resolve4('other.mesos')).toEqual(['127.0.0.9']);
  });
});

describe('Mesos-DNS and its masters', () => {
  it('serves nothing before a master has shown its state', async () => {
    const master = await fakeMaster({ status: 503 });
    const { service, http } = await mesosDns({ masters: [`127.0.0.1:${master.port}`] });
    await eventually(() => expect(master.requests).toBeGreaterThan(2));
    await expect(httpCall(`http://127.0.0.1:${http}/v1/version`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    master.answer = stateOf(`127.0.0.1:${master.port}`);
    await service.ready;
    expect((await httpCall(`http://127.0.0.1:${http}/v1/version`)).status).toBe(200);
  });

  it.skipIf(oneLoopback)('follows redirects, and asks the leader at its own address at the same port', async () => {
    const leader = await fakeMaster({}, '127.0.0.2');
    leader.answer = stateOf(`127.0.0.2:${leader.port}`);
    const standby = await fakeMaster({ redirect: `127.0.0.2:${leader.port}` }, '127.0.0.1', leader.port);
    const { service, resolver } = await mesosDns({ masters: ['127.0.0.1:1', `127.0.0.1:${standby.port}`] });
    await service.ready;
    expect(await resolver.resolve4('leader.mesos')).toEqual(['127.0.0.2']);
    // The redirect's answer named another leader than the one asked, so it was asked itself.
    expect(leader.requests).toBeGreaterThanOrEqual(2);
  });

  it('is refused to start with a configuration that is wrong or not there', async () => {
    await expect(mesosDns({})).rejects.toThrow('Masters or Zk must be given');
    await expect(mesosDns({ zk: 'nonsense' })).rejects.toThrow("'nonsense' is no ZooKeeper URL");
    await expect(
      start({ argv: ['-config=/nowhere.json'], env: {} } as unknown as Parameters<typeof start>[0]),
    ).rejects.toThrow("can't read the configuration file /nowhere.json");
  });

  it('ends when its port is taken', async () => {
    const taken = createSocket('udp4');
    await new Promise<void>((resolve) => taken.bind(0, '127.0.0.1', resolve));
    cleanUps.push(() => taken.close());
    const master = await fakeMaster({});
    master.answer = stateOf(`127.0.0.1:${master.port}`);
    const { service } = await mesosDns({ masters: [`127.0.0.1:${master.port}`], port: taken.address().port });
    expect(await service.exited).toMatchObject({ code: 1, reason: expect.stringContaining('EADDRINUSE') });
  });

  it('ends when no leader is found in time', async () => {
    const { service } = await mesosDns({ zk: 'zk://127.0.0.1:1/mesos', zkDetectionTimeout: 1 });
    expect(await service.exited).toEqual({ code: 1, reason: 'no leading master was found in 1 s' });
  });
});

/** A resolver for other names that answers everything with one address, and counts. */
async function upstream(): Promise<{ address: string; asked: string[] }> {
  const asked: string[] = [];
  const answer = (message: Buffer, transport: string) => {
    const { id, questions } = dnsPacket.decode(message);
    asked.push(`${transport} ${questions?.[0]?.name}`);
    const name = questions?.[0]?.name ?? '';
    return dnsPacket.encode({
      type: 'response',
      id: id ?? 0,
      flags:
        dnsPacket.RECURSION_AVAILABLE |
        (name.startsWith('big') && transport === 'udp' ? dnsPacket.TRUNCATED_RESPONSE : 0),
      questions: questions ?? [],
      answers: name.startsWith('big') && transport === 'udp' ? [] : [{ type: 'A', name, ttl: 9, data: '192.0.2.1' }],
    });
  };
  const tcp: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on(
      'data',
      createStreamSplitter((message) => void socket.write(frameMessage(answer(message, 'tcp')))),
    );
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
  udp.on('message', (message, from) => udp.send(answer(message, 'udp'), from.port, from.address));
  cleanUps.push(() => {
    udp.close();
    tcp.close();
  });
  return { address: `127.0.0.1:${port}`, asked };
}

describe('names outside the domain', () => {
  it('are asked of the resolvers by the same transport, the next one when one is dead', async () => {
    const { address, asked } = await upstream();
    const master = await fakeMaster({});
    master.answer = stateOf(`127.0.0.1:${master.port}`);
    const [dead] = await freePorts(1);
    const { service, resolver } = await mesosDns({
      masters: [`127.0.0.1:${master.port}`],
      externalOn: true,
      resolvers: [`127.0.0.1:${dead}`, address],
    });
    await service.ready;
    expect(await resolver.resolve4('example.org', { ttl: true })).toEqual([{ address: '192.0.2.1', ttl: 9 }]);
    expect(await resolver.resolve4('big.example.org')).toEqual(['192.0.2.1']);
    expect(asked).toEqual(['udp example.org', 'udp big.example.org', 'tcp big.example.org']);
  });

  it('fail as a server’s failure when nobody answers', async () => {
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    cleanUps.push(() => silent.close());
    const master = await fakeMaster({});
    master.answer = stateOf(`127.0.0.1:${master.port}`);
    const { service, resolver } = await mesosDns({
      masters: [`127.0.0.1:${master.port}`],
      externalOn: true,
      resolvers: [`127.0.0.1:${silent.address().port}`],
      timeout: 1,
    });
    await service.ready;
    await expect(resolver.resolve4('example.org')).rejects.toMatchObject({ code: 'ESERVFAIL' });
  });
});

describe('clients that talk nonsense', () => {
  it('do no harm over UDP or TCP', async () => {
    const master = await fakeMaster({});
    master.answer = stateOf(`127.0.0.1:${master.port}`);
    const { service, dns, resolver } = await mesosDns({ masters: [`127.0.0.1:${master.port}`] });
    await service.ready;
    const udp = createSocket('udp4');
    cleanUps.push(() => udp.close());
    for (let i = 0; i < 50; i++)
      udp.send(Buffer.from(Array.from({ length: i * 3 }, (_, j) => (i * 37 + j * 11) & 255)), dns, '127.0.0.1');
    await new Promise<void>((resolve) => {
      const socket = connect(dns, '127.0.0.1', () => socket.end(Buffer.alloc(5000, 0xff)));
      socket.on('error', () => {});
      socket.on('close', () => resolve());
      socket.resume();
    });
    expect(await resolver.resolve4('leader.mesos')).toEqual(['127.0.0.1']);
  });
});

const hasDig = await promisify(execFile)('dig', ['-v']).then(
  () => true,
  () => false,
);
if (!hasDig) console.log('skipped: Mesos-DNS asked by dig (it is not installed)');

describe.skipIf(!hasDig)('Mesos-DNS, asked by dig', () => {
  it('answers with EDNS, over TCP, and for every type', async () => {
    const master = await fakeMaster({});
    master.answer = stateOf(`127.0.0.1:${master.port}`);
    const { service, dns } = await mesosDns({ masters: [`127.0.0.1:${master.port}`] });
    await service.ready;
    const dig = async (...question: string[]) => {
      const { stdout } = await promisify(execFile)('dig', [
        '@127.0.0.1',
        '-p',
        String(dns),
        '+time=5',
        '+tries=1',
        ...question,
      ]);
      return stdout;
    };
    expect(await dig('_many._tcp.marathon.mesos', 'SRV', '+bufsize=4096', '+ignore')).toContain('status: NOERROR');
    expect(await dig('_many._tcp.marathon.mesos', 'SRV', '+tcp')).toContain('ANSWER: 60,');
    expect(await dig('leader.mesos', 'ANY', '+notcp', '+noedns')).toContain('AUTHORITY: 2,');
    expect(await dig('nope.mesos')).toContain('status: NXDOMAIN');
  });
});

const missing = realZooKeeperMissing();
if (missing) console.log(`skipped: Mesos-DNS on a real ZooKeeper (${missing})`);

describe.skipIf(missing || oneLoopback)('Mesos-DNS on a real ZooKeeper', () => {
  it('follows the leader from master to master', async () => {
    const ensemble = await startRealZooKeeper();
    cleanUps.push(() => ensemble.close());
    const join = async (ip: string, port: number) => {
      const network = createNetwork();
      const client = createZooKeeperClient({
        servers: ensemble.connect,
        sessionTimeoutMs: 2000,
        network,
        clock: systemClock,
        log: silentLogger,
      });
      cleanUps.push(async () => {
        await client.close();
        network.close();
      });
      const info = toMasterInfo({ id: ip, ip, port, hostname: ip, version: '1.11.0' });
      await createContender({
        client,
        path: '/mesos',
        label: 'json.info',
        data: encodeMasterInfo(info),
        log: silentLogger,
      }).joined;
      return client;
    };
    const { service, resolver } = await mesosDns({ zk: `zk://${ensemble.connect}/mesos`, refreshSeconds: 60 });
    const one = await fakeMaster({}, '127.0.0.1');
    const two = await fakeMaster({}, '127.0.0.2', one.port);
    one.answer = stateOf(`127.0.0.1:${one.port}`);
    two.answer = stateOf(`127.0.0.2:${two.port}`);
    const first = await join('127.0.0.1', one.port);
    await join('127.0.0.2', two.port);
    await service.ready;
    expect(await resolver.resolve4('leader.mesos')).toEqual(['127.0.0.1']);
    await eventually(async () =>
      expect((await resolver.resolve4('master.mesos')).sort()).toEqual(['127.0.0.1', '127.0.0.2']),
    );
    expect(await resolver.resolve4('master1.mesos')).toEqual(['127.0.0.2']);
    await first.close();
    await eventually(async () => expect(await resolver.resolve4('leader.mesos')).toEqual(['127.0.0.2']));
    expect(await resolver.resolve4('master.mesos')).toEqual(['127.0.0.2']);
  });
});
