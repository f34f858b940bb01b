import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterPlan, PortName } from '../../src/plan/types.ts';
import type { HostRecord } from '../../src/protocols/control.ts';
import { overlaps } from '../../src/runtime/places/places.ts';
import { systemCode } from '../../src/support/errors.ts';
import { identify, isAlive } from '../../src/support/process.ts';
import { freePorts } from '../unit/runtime/sites.ts';
import { bundle, contextOf, startTask, urlOf } from './fake-host/index.ts';

/** Somebody without rights: when the tests are root's, the user `nobody`; else whoever runs them. */
const plain = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const another = process.getuid?.() === 0 ? { uid: 65_533, gid: 65_533 } : {};

type Up = ClusterPlan & { remarks: string[]; folder: string };
type Failed = { error: { kind: string; code: string; message: string; hint: string } };

let folder: string;
let driver: string;
let script: string;
let standardPorts: Record<PortName, number>;
const clusters: { name: string; as: typeof plain }[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dc-'));
  await chmod(folder, 0o755);
  [driver, script] = await Promise.all([bundle('driver', folder), bundle('main', folder)]);
  standardPorts = await freePorts();
});
afterEach(async () => {
  for (const { name, as } of clusters.splice(0)) await run('down', name, as);
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const homeOf = (as: typeof plain) => join(folder, `home-${as.uid ?? 'own'}`);

/** Runs the driver as a user who has a state folder of their own, and the claims in common with all others. */
async function run<T>(action: 'up' | 'down', name: string, as: typeof plain, settings: object = {}): Promise<T> {
  const stateHome = homeOf(as);
  await mkdir(stateHome, { recursive: true, mode: 0o700 });
  if (as.uid !== undefined) await chown(stateHome, as.uid, as.gid);
  const options = { stateHome, script, claimsFolder: join(tmpdir(), `dc-claims-${process.pid}`), standardPorts };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [driver, action, name, JSON.stringify({ ...options, ...settings })],
    { cwd: '/', ...as },
  );
  return JSON.parse(stdout) as T;
}

async function up(name: string, as: typeof plain, settings: object = {}): Promise<Up> {
  clusters.push({ name, as });
  const result = await run<Up & Partial<Failed>>('up', name, as, settings);
  expect(result.error).toBeUndefined();
  return result;
}

/** All services of all nodes answer, each at its own place. */
async function expectWorking(plan: ClusterPlan): Promise<void> {
  for (const node of plan.nodes)
    for (const { url, args } of node.units[0]!.services) expect((await contextOf(url!)).argv).toEqual(args);
}

/** @returns false when somebody has it at some address already, which is as good. */
async function occupy(port: number): Promise<boolean> {
  const server = createServer();
  servers.push(server);
  return new Promise((resolve, reject) => {
    server.once('error', (error) => (systemCode(error) === 'EADDRINUSE' ? resolve(false) : reject(error)));
    server.listen(port, '0.0.0.0', () => resolve(true));
  });
}

const recordsOf = (plan: Up) =>
  Promise.all(
    plan.nodes.map(
      async ({ name }) => JSON.parse(await readFile(join(plan.folder, 'nodes', name, 'pid'), 'utf8')) as HostRecord,
    ),
  );

describe('a user without rights', () => {
  it('gets a cluster with a high DNS port, is told why, and leaves nothing behind', async () => {
    const plan = await up('unprivileged', plain, { standardPorts: { ...standardPorts, dns: 53 } });
    await expectWorking(plan);
    const ports = new Set(plan.nodes.map(({ site }) => site.ports.dns));
    expect(ports.size).toBe(1);
    const [dns] = ports;
    if (dns !== 53) expect(plan.remarks.join()).toContain(`Port 53 (dns)`);
    else expect(plan.remarks).toEqual([]);
    const hosts = await recordsOf(plan);
    if (plain.uid !== undefined) expect((await stat(`/proc/${hosts[0]!.pid}`)).uid).toBe(plain.uid);
    const task = await startTask(plan, 'node-1', 'sleep 1000');

    expect(await run('down', 'unprivileged', plain)).toEqual({});
    expect(hosts.filter(isAlive)).toEqual([]);
    expect(identify(task)).toBeUndefined();
    expect(existsSync(plan.folder)).toBe(false);
    expect(readdirSync(homeOf(plain))).toEqual([]);
  });

  it('is told when a fixed port needs rights or is taken', async () => {
    clusters.push({ name: 'fixed', as: plain });
    const [port] = Object.values(await freePorts());
    await occupy(port!);
    const { error } = await run<Failed>('up', 'fixed', plain, { ports: { marathon: port } });
    expect(error).toMatchObject({ kind: 'conflict', code: 'PORT_IN_USE' });
    expect(error.message).toContain(`Port ${port} of marathon`);
    expect(readdirSync(homeOf(plain))).toEqual([]);
  });

  it('is told when the state folder can not be written', async () => {
    if (plain.uid === undefined) return;
    const stateHome = join(folder, 'closed');
    await mkdir(stateHome, { mode: 0o755 });
    const { error } = await run<Failed>('up', 'closed', plain, { stateHome });
    expect(error).toMatchObject({ kind: 'missing', code: 'NOT_WRITABLE' });
    expect(error.hint).toContain('XDG_STATE_HOME');
  });

  it('is told when there is no room on the disk', async () => {
    if (!existsSync('/dev/full')) return;
    const { fileError } = await import('../../src/runtime/places/file-error.ts');
    const full = await import('node:fs/promises').then(({ writeFile }) => writeFile('/dev/full', 'x').catch((e) => e));
    expect(fileError(full, '/state')).toMatchObject({ kind: 'missing', code: 'NO_SPACE' });
  });
});

describe('something on 0.0.0.0 at a standard port', () => {
  it('moves that port on every node, and the cluster works', async () => {
    await occupy(standardPorts.marathon);
    const plan = await up('shifted', plain);
    await expectWorking(plan);
    for (const { site } of plan.nodes) {
      expect(site.ports.marathon).toBe(standardPorts.marathon + 10_000);
      expect(site.ports.zookeeper).toBe(standardPorts.zookeeper);
    }
    expect(plan.remarks[0]).toContain(`Port ${standardPorts.marathon} (marathon) is in use by`);
  });

  it('does so for the real 8080', async () => {
    const { standardPorts: real } = await import('../../src/plan/types.ts');
    const occupied = await occupy(8080);
    const plan = await up('real-ports', plain, { standardPorts: real });
    await expectWorking(plan);
    if (occupied) for (const { site } of plan.nodes) expect(site.ports.marathon).toBeGreaterThan(18_000);
  });
});

describe('clusters of two users', () => {
  it('run beside each other without a clash', async () => {
    const one = await up('both', plain);
    const two = await up('both', another);
    await expectWorking(one);
    await expectWorking(two);
    const nodes = [...one.nodes, ...two.nodes];
    if (another.uid !== undefined) expect(new Set(nodes.map(({ site }) => site.address)).size).toBe(6);
    const ranges = nodes.map(({ site }) => site.taskPorts);
    for (const [i, range] of ranges.entries())
      for (const other of ranges.slice(i + 1))
        if (another.uid !== undefined) expect(overlaps(range, other)).toBe(false);
    if (another.uid === undefined) return;
    expect(await run('down', 'both', plain)).toEqual({});
    await expectWorking(two);
  });
});

describe('nodes that share 127.0.0.1', () => {
  it('work with blocks of ports, two clusters at a time', async () => {
    const one = await up('blocks-1', plain, { addresses: 'port-blocks' });
    const two = await up('blocks-2', plain, { addresses: 'port-blocks' });
    await expectWorking(one);
    await expectWorking(two);
    for (const { site } of [...one.nodes, ...two.nodes]) expect(site.address).toBe('127.0.0.1');
    expect(urlOf(one, 'node-1', 'marathon')).not.toBe(urlOf(two, 'node-1', 'marathon'));
  });
});
