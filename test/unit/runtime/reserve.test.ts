import { existsSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PortName, PortRange, Site } from '../../../src/plan/types.ts';
import { statePaths } from '../../../src/runtime/paths.ts';
import { overlaps } from '../../../src/runtime/places/places.ts';
import { type ReserveOptions, releaseSite, reserveSite } from '../../../src/runtime/places/reserve.ts';
import type { SiteRequest } from '../../../src/runtime/types.ts';
import { skipped } from '../../support/skipped.ts';
import { freePorts, siteRequest } from './sites.ts';

/** Own addresses for each node exist on Linux only. */
const notLinux = skipped(process.platform === 'linux', 'places of clusters', 'only Linux has all of 127/8 and /proc');

let folder: string;
let standard: Record<PortName, number>;
const servers: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reserve-'));
  standard = await freePorts();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  await rm(folder, { recursive: true, force: true });
});

const pathsOf = (cluster: string, home = 'state') =>
  statePaths({ XDG_STATE_HOME: join(folder, home) }).cluster(cluster);

function reserve(request: SiteRequest, known?: Site, options: Partial<ReserveOptions> & { home?: string } = {}) {
  return reserveSite(request, known, {
    paths: pathsOf(request.cluster, options.home),
    nodeBinary: process.execPath,
    samplesDir: '/samples',
    isRunning: async () => false,
    claimsFolder: join(folder, 'claims'),
    standard,
    ...options,
  });
}

async function listen(port: number, host: string): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as { port: number }).port;
}

const taskPorts = (...sites: Site[]) => sites.flatMap(({ nodes }) => nodes.map((node) => node.taskPorts));
function expectDisjoint(ranges: readonly PortRange[]) {
  for (const [i, range] of ranges.entries())
    for (const other of ranges.slice(i + 1)) expect(overlaps(range, other), JSON.stringify([range, other])).toBe(false);
}

describe.skipIf(notLinux)('places of a cluster', () => {
  it('are an address for each node with the standard ports, and nothing to remark', async () => {
    const site = await reserve(siteRequest('plain'));
    const [first] = site.nodes;
    expect(site.remarks).toEqual([]);
    expect(site.nodes.map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
    expect(new Set(site.nodes.map(({ address }) => address)).size).toBe(3);
    for (const node of site.nodes) {
      expect(node.address).toMatch(/^127\.(?!0\.[01]\.)/);
      expect(node.ports).toEqual(standard);
      expect(node.published.marathon).toEqual({ host: node.address, port: standard.marathon });
      expect(node.taskPorts.end - node.taskPorts.begin + 1).toBe(20);
    }
    expect(first!.dataDir).toBe(join(pathsOf('plain').nodesDir, 'node-1/data'));
    expectDisjoint(taskPorts(site));
  });

  it('are the same again for the same name, and for a known cluster', async () => {
    const site = await reserve(siteRequest('again'));
    expect(await reserve(siteRequest('again'), site)).toEqual(site);
    await releaseSite(pathsOf('again'), join(folder, 'claims'));
    expect((await reserve(siteRequest('again'))).nodes.map(({ address }) => address)).toEqual(
      site.nodes.map(({ address }) => address),
    );
  });

  it('are those of no other cluster', async () => {
    const sites = await Promise.all(['one', 'two', 'three'].map((name) => reserve(siteRequest(name))));
    const addresses = sites.flatMap(({ nodes }) => nodes.map(({ address }) => address));
    expect(new Set(addresses).size).toBe(9);
    expectDisjoint(taskPorts(...sites));
  });

  it('differ for two clusters of one name that live in different state folders', async () => {
    const one = await reserve(siteRequest('twin'));
    const two = await reserve(siteRequest('twin'), undefined, { home: 'elsewhere' });
    expect(one.nodes[0]!.address).not.toBe(two.nodes[0]!.address);
    expectDisjoint(taskPorts(one, two));
  });

  it('are free again once they were given back, or the cluster was removed by hand', async () => {
    const one = await reserve(siteRequest('one'));
    await releaseSite(pathsOf('one'), join(folder, 'claims'));
    const two = await reserve(siteRequest('two'));
    expect(two.nodes[0]!.taskPorts).toEqual(one.nodes[0]!.taskPorts);
    await rm(pathsOf('two').folder, { recursive: true });
    const three = await reserve(siteRequest('three'));
    expect(three.nodes[0]!.taskPorts).toEqual(one.nodes[0]!.taskPorts);
    expect(await readdir(join(folder, 'claims'))).toHaveLength(1);
  });

  it('leave no trace when they are given back', async () => {
    await reserve(siteRequest('one'));
    await releaseSite(pathsOf('one'), join(folder, 'claims'));
    expect(existsSync(join(folder, 'claims'))).toBe(false);
  });

  it('can be claimed by every user', async () => {
    await reserve(siteRequest('one'));
    expect(statSync(join(folder, 'claims')).mode & 0o7777).toBe(0o1777);
    expect(statSync(pathsOf('one').folder).mode & 0o777).toBe(0o700);
  });

  it('are found whatever lies in the folder of claims', async () => {
    await mkdir(join(folder, 'claims'));
    await writeFile(join(folder, 'claims/0-a.json'), 'nonsense');
    await writeFile(join(folder, 'claims/0-b.json'), '{"folder":"/","taskPorts":[{"begin":"x"}]}');
    await writeFile(join(folder, 'claims/0-c.json'), 'null');
    await mkdir(join(folder, 'claims/0-d.json'));
    expect((await reserve(siteRequest('one'))).remarks).toEqual([]);
  });
});

describe.skipIf(notLinux)('a port that is taken', () => {
  it('moves on every node, and the remark says which, whose and what to do', async () => {
    await listen(standard.marathon, '0.0.0.0');
    const site = await reserve(siteRequest('shifted'));
    for (const node of site.nodes) expect(node.ports).toEqual({ ...standard, marathon: standard.marathon + 10_000 });
    expect(site.remarks).toHaveLength(1);
    expect(site.remarks[0]).toContain(`Port ${standard.marathon} (marathon) is in use by`);
    expect(site.remarks[0]).toContain(`(process ${process.pid})`);
    expect(site.remarks[0]).toContain(`${standard.marathon + 10_000} on every node`);
  });

  it('moves further when the first alternative is taken too', async () => {
    await listen(standard.marathon, '0.0.0.0');
    await listen(standard.marathon + 10_000, '0.0.0.0');
    const site = await reserve(siteRequest('shifted'));
    expect(site.nodes[0]!.ports.marathon).toBe(standard.marathon + 10_100);
  });

  it('moves past what another port has moved to', async () => {
    // As the standard 2888 and 3888, which would both end up at 13888.
    const moved = { ...standard, marathon: standard.zookeeper + 100 };
    for (const port of [moved.zookeeper, moved.marathon, moved.zookeeper + 10_000]) await listen(port, '0.0.0.0');
    const site = await reserve(siteRequest('shifted'), undefined, { standard: moved });
    const ports = Object.values(site.nodes[0]!.ports);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('is an error when the user asked for it', async () => {
    const port = await listen(0, '0.0.0.0');
    await expect(reserve(siteRequest('fixed', { ports: { marathon: port } }))).rejects.toMatchObject({
      kind: 'conflict',
      code: 'PORT_IN_USE',
      message: expect.stringMatching(new RegExp(`^Port ${port} of marathon at 127\\S+ is in use by .*${process.pid}`)),
      hint: expect.stringContaining('ports.marathon'),
      details: { port, name: 'marathon' },
    });
    expect(existsSync(pathsOf('fixed').folder)).toBe(false);
  });

  it('is what the user asked for when it is free', async () => {
    const other = await freePorts();
    const site = await reserve(siteRequest('fixed', { ports: { marathon: other.marathon } }));
    expect(site.nodes.map(({ ports }) => ports.marathon)).toEqual([other.marathon, other.marathon, other.marathon]);
  });

  it('on the address of a known cluster is an error unless its own node has it', async () => {
    const site = await reserve(siteRequest('known'));
    await listen(standard.marathon, site.nodes[1]!.address);
    await expect(reserve(siteRequest('known'), site)).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('which node-2 had before'),
    });
    expect(await reserve(siteRequest('known'), site, { isRunning: async (node) => node === 'node-2' })).toEqual(site);
  });

  it('is not given to tasks', async () => {
    const { nodes } = await reserve(siteRequest('before'));
    await releaseSite(pathsOf('before'), join(folder, 'claims'));
    const busy = nodes[1]!.taskPorts.begin + 3;
    await listen(busy, '127.0.0.1');
    const site = await reserve(siteRequest('after'));
    for (const range of taskPorts(site)) expect(overlaps(range, { begin: busy, end: busy })).toBe(false);
  });
});

describe('a block of ports', () => {
  const request = (cluster: string, options: Partial<SiteRequest> = {}) =>
    siteRequest(cluster, { addresses: 'port-blocks', ...options });

  it('is what each node has where all share an address', async () => {
    const site = await reserve(request('blocks'));
    expect(site.nodes.map(({ address }) => address)).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1']);
    const ports = site.nodes.flatMap((node) => Object.values(node.ports));
    expect(new Set(ports).size).toBe(24);
    expectDisjoint(taskPorts(site));
    expect(await reserve(request('blocks'), site)).toEqual(site);
  });

  it('is nobody elses', async () => {
    const sites = await Promise.all(['one', 'two', 'three'].map((name) => reserve(request(name))));
    const ports = sites.flatMap(({ nodes }) => nodes.flatMap((node) => Object.values(node.ports)));
    expect(new Set(ports).size).toBe(72);
  });

  it('is passed over when one of its ports is taken', async () => {
    const before = await reserve(request('busy'));
    await releaseSite(pathsOf('busy'), join(folder, 'claims'));
    const { ports } = before.nodes[0]!;
    await listen(ports.marathon, '127.0.0.1');
    const after = await reserve(request('busy'));
    expect(after.nodes.flatMap((node) => Object.values(node.ports))).not.toContain(ports.marathon);
  });

  it('holds the fixed ports of the first node only', async () => {
    const other = await freePorts();
    const site = await reserve(request('fixed', { ports: { marathon: other.marathon } }));
    expect(site.nodes[0]!.ports.marathon).toBe(other.marathon);
    expect(site.nodes[1]!.ports.marathon).not.toBe(other.marathon);
    expect(site.remarks[0]).toContain('only node-1 has the fixed ports (marathon)');
    expect(await reserve(request('fixed', { ports: { marathon: other.marathon } }), site)).toEqual(site);
  });

  it('is at the address that the user publishes', async () => {
    const site = await reserve(siteRequest('published', { publish: '127.0.0.1' }));
    expect(site.nodes[0]!.published.marathon.host).toBe('127.0.0.1');
    await expect(reserve(siteRequest('nowhere', { publish: '192.0.2.1' }))).rejects.toMatchObject({ kind: 'missing' });
  });
});

describe.skipIf(notLinux)('a known cluster', () => {
  it('that grows gets places for its new nodes, and keeps the others', async () => {
    for (const addresses of ['per-node', 'port-blocks'] as const) {
      const grown = siteRequest(`grow-${addresses}`, { addresses });
      const small = { ...grown, nodes: grown.nodes.slice(0, 2) };
      const site = await reserve(small);
      const larger = await reserve(grown, site);
      expect(larger.nodes.slice(0, 2)).toEqual(site.nodes);
      const own = ({ address, ports }: (typeof larger.nodes)[number]) => `${address}:${ports.marathon}`;
      expect(new Set(larger.nodes.map(own)).size).toBe(3);
      expectDisjoint(taskPorts(larger));
    }
  });

  it('is not given other ports than it was made with', async () => {
    const site = await reserve(siteRequest('fixed'));
    const { marathon } = await freePorts();
    await expect(reserve(siteRequest('fixed', { ports: { marathon } }), site)).rejects.toMatchObject({
      code: 'SITE_CHANGED',
      kind: 'conflict',
    });
  });

  it('whose claim was lost gets it back, unless another has its places now', async () => {
    const site = await reserve(siteRequest('lost'));
    await rm(join(folder, 'claims'), { recursive: true });
    expect(await reserve(siteRequest('lost'), site)).toEqual(site);
    await rm(join(folder, 'claims'), { recursive: true });
    await reserve(siteRequest('other'));
    await expect(reserve(siteRequest('lost'), site)).rejects.toMatchObject({
      code: 'TASK_PORTS_IN_USE',
      message: expect.stringContaining("'other'"),
    });
  });
});

describe('no places left', () => {
  it('is a conflict that names the way out', async () => {
    const ephemeralPorts = { begin: 20_010, end: 65_535 };
    const request = siteRequest('tight');
    await expect(
      reserve({ ...request, nodes: [{ name: 'node-1', control: true, taskPorts: 50_000 }] }, undefined, {
        ephemeralPorts,
      }),
    ).rejects.toMatchObject({ code: 'NO_PORTS_LEFT', kind: 'conflict' });
  });
});
