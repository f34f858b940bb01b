import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createLeaderDetector,
  encodeMasterInfo,
  type LeaderDetector,
  toMasterInfo,
} from '../../../src/protocols/mesos/leader.ts';
import type { MasterInfo } from '../../../src/protocols/mesos/types.ts';
import { createZooKeeperClient, type ZooKeeperClient } from '../../../src/protocols/zookeeper/client.ts';
import { createContender } from '../../../src/protocols/zookeeper/group.ts';
import { createLatchObserver, createLeaderLatch } from '../../../src/protocols/zookeeper/latch.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork, type Network } from '../../../src/support/network.ts';
import { eventually } from '../../support/eventually.ts';
import { type Target, targets } from './targets.ts';

for (const target of targets) describe.skipIf(target.skip)(`elections on ${target.name}`, () => suite(target.start));

function suite(startTarget: () => Promise<Target>): void {
  let ensemble: Target;
  /** The server of the present test: the clients of one test share it, so that they see each other's writes at once. */
  let server = '';
  let count = 0;
  let root = '';
  const open: (() => unknown)[] = [];
  const log = silentLogger;
  const clock = systemClock;

  beforeAll(async () => {
    ensemble = await startTarget();
  });
  afterAll(() => ensemble?.close());
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  function start(): { zk: ZooKeeperClient; network: Network } {
    const network = createNetwork();
    const zk = createZooKeeperClient({ servers: server, sessionTimeoutMs: 1000, network, clock, log });
    open.push(async () => {
      await zk.close();
      network.close();
    });
    return { zk, network };
  }

  beforeEach(() => {
    const all = ensemble.connect.split(',');
    server = all[count % all.length]!;
    root = `/group-${++count}`;
  });

  const path = () => `${root}/masters`;

  function master(n: number) {
    const { zk, network } = start();
    const info = toMasterInfo({
      id: `master-${n}`,
      ip: `127.0.0.${n}`,
      port: 5050,
      hostname: `node-${n}`,
      version: '1.11.0',
    });
    const contender = createContender({
      client: zk,
      path: path(),
      label: 'json.info',
      data: encodeMasterInfo(info),
      log,
    });
    open.push(() => contender.close());
    return { zk, network, contender };
  }

  function detector(): {
    detector: LeaderDetector;
    seen: (string | undefined)[];
    zk: ZooKeeperClient;
    network: Network;
  } {
    const { zk, network } = start();
    const found = createLeaderDetector({ client: zk, path: path(), clock, log });
    const seen: (string | undefined)[] = [];
    found.onChange((leader: MasterInfo | undefined) => seen.push(leader?.id));
    open.push(() => found.close());
    return { detector: found, seen, zk, network };
  }

  it('the first master that joins leads; when its session ends, the next one does', async () => {
    const { detector: found, seen } = detector();
    await eventually(() => expect(found.known).toBe(true));
    const first = master(1);
    expect(await first.contender.joined).toEqual({ name: 'json.info_0000000000', sequence: 0 });
    await eventually(() => expect(seen).toEqual([undefined, 'master-1']));
    const second = master(2);
    expect((await second.contender.joined).sequence).toBe(1);
    await first.zk.close();
    await eventually(() => expect(seen.at(-1)).toBe('master-2'));
    expect(found.leader?.address).toEqual({ hostname: 'node-2', ip: '127.0.0.2', port: 5050 });
    await second.contender.close();
    await eventually(() => expect(found.leader).toBeUndefined());
  });

  it('the lowest number leads whatever its label; names without number do not count', async () => {
    const { zk } = start();
    await zk.ensurePath(path());
    await zk.create(`${path()}/log_replicas`);
    const { detector: found } = detector();
    await zk.create(
      `${path()}/json.info_0000000007`,
      encodeMasterInfo(toMasterInfo({ id: 'seven', ip: '1.2.3.4', port: 1, hostname: 'h', version: '1' })),
    );
    await eventually(() => expect(found.leader?.id).toBe('seven'));
    await zk.create(
      `${path()}/another_0000000003`,
      encodeMasterInfo(toMasterInfo({ id: 'three', ip: '1.2.3.4', port: 1, hostname: 'h', version: '1' })),
    );
    await eventually(() => expect(found.leader?.id).toBe('three'));
    await zk.setData(`${path()}/another_0000000003`, 'no JSON');
    await zk.create(`${path()}/another_0000000009`);
    await eventually(() => expect(found.leader).toBeUndefined());
  });

  it('a master joins again when its session expired or its node was deleted', async () => {
    const { zk, network, contender } = master(1);
    const changes: (number | undefined)[] = [];
    contender.onChange((membership) => changes.push(membership?.sequence));
    await contender.joined;
    const { zk: other } = start();
    await other.delete(`${path()}/json.info_0000000000`);
    await eventually(() => expect(changes).toEqual([0, undefined, 1]));
    const expired = new Promise<void>((resolve) => zk.onState((state) => state === 'expired' && resolve()));
    network.cut([server]);
    await expired;
    expect(changes).toEqual([0, undefined, 1, undefined]);
    network.cut([]);
    await eventually(() => expect(changes).toEqual([0, undefined, 1, undefined, 2]));
  });

  it('a lost connection alone changes neither membership nor the leader known', async () => {
    const { zk, network, contender } = master(1);
    await contender.joined;
    const watching = detector();
    await eventually(() => expect(watching.detector.leader?.id).toBe('master-1'));
    const changes: unknown[] = [];
    contender.onChange((membership) => changes.push(membership));
    for (const side of [{ zk, network }, watching]) {
      const back = new Promise<void>((resolve) => side.zk.onState((state) => state === 'connected' && resolve()));
      side.network.cut([server]);
      side.network.cut([]);
      await back;
    }
    await zk.sync('/');
    await watching.zk.sync('/');
    expect(changes).toEqual([]);
    expect(watching.seen).toEqual(['master-1']);
  });

  it('a detector that loses its session knows no leader until it has a new one', async () => {
    await master(1).contender.joined;
    const { seen, zk, network } = detector();
    await eventually(() => expect(seen).toEqual(['master-1']));
    const expired = new Promise<void>((resolve) => zk.onState((state) => state === 'expired' && resolve()));
    network.cut([server]);
    await expired;
    expect(seen).toEqual(['master-1', undefined]);
    network.cut([]);
    await eventually(() => expect(seen).toEqual(['master-1', undefined, 'master-1']));
  });

  function marathon(id: string) {
    const { zk, network } = start();
    const latch = createLeaderLatch({ client: zk, path: `${path()}/leader-curator`, id, log });
    const changes: boolean[] = [];
    latch.onChange((leads) => changes.push(leads));
    open.push(() => latch.close());
    return { zk, network, latch, changes };
  }

  it('a latch has one leader, and the next in the queue follows it', async () => {
    const a = marathon('a:8080');
    await eventually(() => expect(a.latch.hasLeadership).toBe(true));
    const b = marathon('b:8080');
    await eventually(async () => expect(await a.latch.participants()).toHaveLength(2));
    const c = marathon('c:8080');
    await eventually(async () => expect(await a.latch.participants()).toHaveLength(3));
    expect(await c.latch.participants()).toEqual([
      { id: 'a:8080', isLeader: true },
      { id: 'b:8080', isLeader: false },
      { id: 'c:8080', isLeader: false },
    ]);
    const nodes = (await a.zk.getChildren(`${path()}/leader-curator`)).sort();
    for (const node of nodes) expect(node).toMatch(/^_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-latch-\d{10}$/);
    const { zk } = start();
    const observer = createLatchObserver({ client: zk, path: `${path()}/leader-curator`, clock, log });
    open.push(() => observer.close());
    await eventually(() => expect(observer.leader).toBe('a:8080'));
    await b.latch.close();
    expect(c.latch.hasLeadership).toBe(false);
    await a.latch.close();
    await eventually(() => expect(c.latch.hasLeadership).toBe(true));
    await eventually(() => expect(observer.leader).toBe('c:8080'));
    expect([a.changes, b.changes, c.changes]).toEqual([[true, false], [], [true]]);
  });

  it('a leader that is cut off stops leading at once, and another leads after its session', async () => {
    const a = marathon('a:8080');
    await eventually(() => expect(a.latch.hasLeadership).toBe(true));
    const b = marathon('b:8080');
    await eventually(async () => expect(await a.latch.participants()).toHaveLength(2));
    a.network.cut([server]);
    await eventually(() => expect(a.latch.hasLeadership).toBe(false));
    expect(b.latch.hasLeadership).toBe(false);
    await eventually(() => expect(b.latch.hasLeadership).toBe(true));
    a.network.cut([]);
    await eventually(async () => expect(await b.latch.participants()).toHaveLength(2));
    expect(a.changes).toEqual([true, false]);
  });

  it('a participant whose node somebody deleted queues anew', async () => {
    const a = marathon('a:8080');
    await eventually(() => expect(a.latch.hasLeadership).toBe(true));
    const b = marathon('b:8080');
    await eventually(async () => expect(await a.latch.participants()).toHaveLength(2));
    const latchPath = `${path()}/leader-curator`;
    const first = (await b.zk.getChildren(latchPath)).sort((x, y) => Number(x.slice(-10)) - Number(y.slice(-10)))[0];
    await b.zk.delete(`${latchPath}/${first}`);
    await eventually(() => expect(b.latch.hasLeadership).toBe(true));
    await eventually(async () =>
      expect(await b.latch.participants()).toEqual([
        { id: 'b:8080', isLeader: true },
        { id: 'a:8080', isLeader: false },
      ]),
    );
  });
}
