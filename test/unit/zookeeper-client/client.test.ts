import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type ClientState,
  createZooKeeperClient,
  type ZooKeeperClient,
  type ZooKeeperClientOptions,
} from '../../../src/protocols/zookeeper/client.ts';
import { eventTypes, keeperStates } from '../../../src/protocols/zookeeper/constants.ts';
import {
  encodeReply,
  encodeReplyHeader,
  encodeWatchEvent,
  type Request,
  type Stat,
} from '../../../src/protocols/zookeeper/records.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork } from '../../../src/support/network.ts';
import { eventually } from '../../support/eventually.ts';
import { type FakeBehaviour, type FakeZooKeeper, startFakeZooKeeper } from '../../support/fake-zookeeper.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { freePorts } from '../../support/real-zookeeper.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function fake(behaviour?: FakeBehaviour, port?: number): Promise<FakeZooKeeper> {
  const server = await startFakeZooKeeper(behaviour, port);
  cleanUps.push(server.close);
  return server;
}

function client(servers: string, options: Partial<ZooKeeperClientOptions> = {}) {
  const network = createNetwork();
  const zk = createZooKeeperClient({
    servers,
    sessionTimeoutMs: 1000,
    network,
    clock: systemClock,
    log: silentLogger,
    // Keeps the servers in the order given.
    random: () => 0.999,
    ...options,
  });
  const states: ClientState[] = [];
  zk.onState((state) => states.push(state));
  cleanUps.push(async () => {
    network.close();
    await zk.close();
  });
  return { zk, states };
}

const address = (...servers: FakeZooKeeper[]) => servers.map(({ port }) => `127.0.0.1:${port}`).join(',');

const stat: Stat = {
  czxid: 1n,
  mzxid: 1n,
  ctime: 0,
  mtime: 0,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 1n,
};

/** Answers reads and creates as if every node existed. */
function answer(request: Request, xid: number): Buffer {
  switch (request.op) {
    case 'getData':
      return encodeReply(xid, 50n, 'getData', { data: Buffer.from(request.path), stat });
    case 'exists':
      return request.path.endsWith('missing')
        ? encodeReplyHeader(xid, 50n, -101)
        : encodeReply(xid, 50n, 'exists', { stat });
    case 'getChildren':
      return encodeReply(xid, 50n, 'getChildren', { children: ['a'] });
    case 'create':
      return encodeReply(xid, 51n, 'create', { path: request.path });
    default:
      return encodeReplyHeader(xid, 51n, 0);
  }
}

describe('connecting', () => {
  it('carries out what was asked before the connection stood, in order', async () => {
    const server = await fake({ onRequest: answer });
    const { zk } = client(address(server));
    const answers = await Promise.all([zk.getData('/a'), zk.create('/b'), zk.getData('/c')]);
    expect(answers.map((a) => (typeof a === 'string' ? a : a.data?.toString()))).toEqual(['/a', '/b', '/c']);
    expect(server.connections[0]?.requests.map(({ op }) => op)).toEqual(['getData', 'create', 'getData']);
  });

  it('keeps asking servers that refuse until one is up', async () => {
    const [port] = await freePorts(1);
    const { zk, states } = client(`127.0.0.1:${port}`);
    setTimeout(() => void fake({}, port), 60);
    await zk.connected();
    expect(states).toEqual(['connected']);
  });

  it('goes on to the next server when one accepts and never answers', async () => {
    const silent = await fake({ onConnect: () => undefined });
    const good = await fake();
    const { zk } = client(address(silent, good));
    await zk.connected();
    expect(zk.server).toBe(address(good));
  });

  it('goes on to the next server when one hangs up, as servers without quorum do', async () => {
    const lost = await fake({ onConnect: () => 'hang up' });
    const good = await fake();
    const { zk } = client(address(lost, good));
    await zk.connected();
    expect(zk.server).toBe(address(good));
  });

  it('takes the timeout that the server grants', async () => {
    const { zk } = client(address(await fake({ onConnect: () => ({ timeoutMs: 4000 }) })));
    await zk.connected();
    expect(zk.negotiatedTimeoutMs).toBe(4000);
  });

  it('fails waiting requests when no server answers within the session timeout', async () => {
    const clock = createManualClock();
    const [port] = await freePorts(1);
    const { zk } = client(`127.0.0.1:${port}`, { clock });
    const request = zk.getData('/a').catch((error) => error);
    clock.advance(1000);
    expect(await request).toMatchObject({ reason: 'connectionLoss', path: '/a' });
  });

  it('identifies itself before anything else, at every connect', async () => {
    const server = await fake();
    const { zk } = client(address(server), { auth: [{ scheme: 'digest', credentials: 'u:p' }] });
    await zk.sync('/').catch(() => {});
    expect(server.connections[0]?.requests[0]).toMatchObject({ op: 'auth', scheme: 'digest' });
    server.connections[0]?.end();
    await eventually(() => expect(server.connections[1]?.requests[0]).toMatchObject({ op: 'auth' }));
  });
});

describe('a lost connection', () => {
  it('fails what was sent, keeps the session and is told as connecting', async () => {
    const server = await fake({
      onRequest: (request, xid) => (request.op === 'setData' ? 'hang up' : answer(request, xid)),
    });
    const { zk, states } = client(address(server));
    await zk.connected();
    const id = zk.sessionId;
    await expect(zk.setData('/a', 'x')).rejects.toMatchObject({ reason: 'connectionLoss', path: '/a' });
    await zk.getData('/b');
    expect(zk.sessionId).toBe(id);
    expect(states).toEqual(['connected', 'connecting', 'connected']);
    expect(server.connections[1]?.connect).toMatchObject({ sessionId: id, password: Buffer.alloc(16, 7) });
  });

  it('sets the watches again, with the last zxid seen', async () => {
    const server = await fake({ onRequest: answer });
    const { zk } = client(address(server));
    const watch = () => {};
    await zk.getData('/d', { watch });
    await zk.exists('/e-missing', { watch });
    await zk.exists('/f', { watch });
    await zk.getChildren('/c', { watch });
    server.connections[0]?.end();
    await eventually(() =>
      expect(server.connections[1]?.requests[0]).toEqual({
        op: 'setWatches',
        relativeZxid: 50n,
        dataWatches: ['/d', '/f'],
        existWatches: ['/e-missing'],
        childWatches: ['/c'],
      }),
    );
    expect(server.connections[1]?.connect.lastZxidSeen).toBe(50n);
  });

  it('is noticed by silence of two thirds of the timeout; another server gets the session', async () => {
    const clock = createManualClock();
    const first = await fake({ answersPings: () => false });
    const second = await fake();
    const { zk, states } = client(address(first, second), { clock });
    await zk.connected();
    const id = zk.sessionId;
    clock.advance(340);
    await eventually(() => expect(first.connections[0]?.pings).toBe(1));
    clock.advance(320);
    expect(states).toEqual(['connected']);
    clock.advance(10);
    expect(states).toEqual(['connected', 'connecting']);
    clock.advance(50);
    await zk.connected();
    expect(zk.server).toBe(address(second));
    expect(second.connections[0]?.connect.sessionId).toBe(id);
  });

  it('becomes an expired session by the own clock when no server can be reached in time', async () => {
    const clock = createManualClock();
    const server = await fake({ answersPings: () => false });
    const { zk, states } = client(address(server), { clock, renew: false });
    await zk.connected();
    await server.close();
    await eventually(() => expect(states.at(-1)).toBe('connecting'));
    const waiting = zk.getData('/x').catch((error) => error);
    clock.advance(999);
    expect(states.at(-1)).toBe('connecting');
    clock.advance(2);
    expect(states).toEqual(['connected', 'connecting', 'expired', 'closed']);
    expect(await waiting).toMatchObject({ reason: 'sessionExpired' });
    await expect(zk.getData('/x')).rejects.toMatchObject({ reason: 'sessionExpired' });
  });
});

describe('a pause of the whole process', () => {
  it('is not taken for silence of the server', async () => {
    const clock = createManualClock();
    const server = await fake({ onRequest: answer });
    const { zk, states } = client(address(server), { clock });
    await zk.connected();
    clock.sleep(60_000);
    // Answers come in order: with this one the ping's has been heard too.
    await zk.getData('/a');
    expect(server.connections[0]?.pings).toBe(1);
    clock.advance(300);
    expect(states).toEqual(['connected']);
    expect(zk.state).toBe('connected');
  });

  it('ends the session when the server says so afterwards', async () => {
    const clock = createManualClock();
    let expired = false;
    const server = await fake({
      onConnect: ({ sessionId }) => (expired && sessionId !== 0n ? { timeoutMs: 0, sessionId: 0n } : {}),
    });
    const { zk, states } = client(address(server), { clock });
    await zk.connected();
    const old = zk.sessionId;
    clock.sleep(60_000);
    expired = true;
    server.connections[0]?.end();
    await eventually(() => expect(states).toContain('connecting'));
    clock.advance(60);
    await eventually(() => expect(states).toContain('expired'));
    clock.advance(60);
    await zk.connected();
    expect(zk.sessionId).not.toBe(old);
  });

  it('leaves time to reach a server before the session counts as expired', async () => {
    const clock = createManualClock();
    const server = await fake();
    const { zk, states } = client(address(server), { clock });
    await zk.connected();
    const port = server.port;
    await server.close();
    await eventually(() => expect(states.at(-1)).toBe('connecting'));
    clock.sleep(60_000);
    expect(states).not.toContain('expired');
    await fake({}, port);
    await eventually(() => {
      clock.advance(50);
      expect(zk.state).toBe('connected');
    });
    expect(states).not.toContain('expired');
  });
});

describe('an expired session', () => {
  it('fails what waited, drops the watches, and begins a new session', async () => {
    let expired = false;
    const server = await fake({
      onConnect: ({ sessionId }) => (expired && sessionId !== 0n ? { timeoutMs: 0, sessionId: 0n } : {}),
      onRequest: answer,
    });
    const { zk, states } = client(address(server));
    await zk.getData('/a', { watch: () => {} });
    const old = zk.sessionId;
    expired = true;
    server.connections[0]?.end();
    await eventually(() => expect(states).toEqual(['connected', 'connecting', 'expired', 'connecting', 'connected']));
    expect(zk.sessionId).not.toBe(old);
    await zk.getData('/b');
    expect(server.connections.at(-1)?.requests.map(({ op }) => op)).toEqual(['getData']);
  });
});

describe('watches', () => {
  const event = (type: number, path: string) => encodeWatchEvent({ type, state: keeperStates.syncConnected, path });

  it('are called once, with the path below the chroot', async () => {
    const server = await fake({ onRequest: answer });
    const { zk } = client(`${address(server)}/ch/root`);
    const seen: unknown[] = [];
    await zk.getData('/a', { watch: (e) => seen.push(e) });
    expect(server.connections[0]?.requests[0]).toMatchObject({ path: '/ch/root/a' });
    server.connections[0]?.send(event(eventTypes.dataChanged, '/ch/root/a'));
    server.connections[0]?.send(event(eventTypes.dataChanged, '/ch/root/a'));
    await zk.getData('/b');
    expect(seen).toEqual([{ type: 'dataChanged', path: '/a' }]);
  });

  it('of a failed getData are not set', async () => {
    const server = await fake({ onRequest: (_request, xid) => encodeReplyHeader(xid, 1n, -101) });
    const { zk } = client(address(server));
    const watch = vi.fn();
    await expect(zk.getData('/a', { watch })).rejects.toMatchObject({ reason: 'noNode' });
    server.connections[0]?.send(event(eventTypes.created, '/a'));
    await expect(zk.getData('/a')).rejects.toThrow();
    expect(watch).not.toHaveBeenCalled();
  });

  it('that throw do no harm', async () => {
    const server = await fake({ onRequest: answer });
    const { zk } = client(address(server));
    await zk.getData('/a', {
      watch: () => {
        throw new Error('oops');
      },
    });
    server.connections[0]?.send(event(eventTypes.deleted, '/a'));
    await zk.getData('/b');
    expect(zk.state).toBe('connected');
  });

  it('called before the reply that follows the notification', async () => {
    const order: string[] = [];
    const server = await fake({
      onRequest: (request, xid, connection) => {
        if (request.op === 'setData') connection.send(event(eventTypes.dataChanged, '/a'));
        return request.op === 'setData' ? encodeReply(xid, 60n, 'setData', { stat }) : answer(request, xid);
      },
    });
    const { zk } = client(address(server));
    await zk.getData('/a', { watch: () => order.push('watch') });
    await zk.setData('/a', 'x').then(() => order.push('reply'));
    expect(order).toEqual(['watch', 'reply']);
  });
});

describe('closing', () => {
  it('ends the session on the server', async () => {
    const server = await fake();
    const { zk, states } = client(address(server));
    await zk.connected();
    await zk.close();
    expect(server.connections[0]?.requests.at(-1)?.op).toBe('closeSession');
    expect(states).toEqual(['connected', 'closed']);
  });

  it('before any connection ends at once and fails what waited', async () => {
    const [port] = await freePorts(1);
    const { zk } = client(`127.0.0.1:${port}`);
    const waiting = zk.getData('/a').catch((error) => error);
    await zk.close();
    expect(await waiting).toMatchObject({ reason: 'sessionExpired' });
    await expect(zk.connected()).rejects.toThrow('closed');
  });

  it('leaves no timer behind', async () => {
    const clock = createManualClock();
    const server = await fake();
    const { zk } = client(address(server), { clock });
    await zk.connected();
    await zk.close();
    expect(clock.timers).toBe(0);
  });
});

describe('a server that talks nonsense', () => {
  const talks = async (bytes: Buffer): Promise<ZooKeeperClient> => {
    let told = false;
    const server = await fake({
      onRequest(request, xid, connection) {
        if (told) return answer(request, xid);
        told = true;
        connection.send(bytes);
        return undefined;
      },
    });
    const { zk } = client(address(server));
    // Nonsense may look like an answer, or end the connection, or be the start of a frame that never ends.
    const first = zk.getData('/a').catch(() => {});
    await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 20))]);
    server.connections[0]?.end();
    return zk;
  };

  it('is left, and the client works on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 60 }), async (bytes) => {
        const zk = await talks(Buffer.from(bytes));
        await eventually(() => expect(zk.state).toBe('connected'));
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    ['a frame over the limit', '7fffffff'],
    ['a frame without header', '00000000'],
    ['a reply that nobody asked for', '00000010000000630000000000000001ffffffff'],
    ['a cut notification', '00000014ffffffffffffffffffffffff0000000000000001'],
  ])('%s ends the connection, not the session', async (_name, hex) => {
    const zk = await talks(Buffer.from(hex, 'hex'));
    await zk.connected();
    await eventually(async () => expect((await zk.getData('/b')).data?.toString()).toBe('/b'));
  });
});

describe('connect strings', () => {
  const make = (servers: string) => () => client(servers);
  it.each(['', '/chroot', 'host:0', 'host:99999', 'a:b', 'host:1:2', 'h:1/a//b', 'h:1/../x'])(
    '%j is refused',
    (text) => {
      expect(make(text)).toThrow(RangeError);
    },
  );
});
