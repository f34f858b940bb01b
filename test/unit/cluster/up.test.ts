import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterContext } from '../../../src/cluster/context.ts';
import { down, downAll } from '../../../src/cluster/down.ts';
import { nodeFault, restart, start, stop } from '../../../src/cluster/lifecycle.ts';
import { listClusters } from '../../../src/cluster/list.ts';
import { type ClusterRecord, createRecords } from '../../../src/cluster/record.ts';
import { clusterStatus } from '../../../src/cluster/status.ts';
import { up } from '../../../src/cluster/up.ts';
import { type ConfigSources, loadConfig } from '../../../src/config/load.ts';
import { DevclusterError } from '../../../src/support/errors.ts';
import { silentProgress } from '../../../src/support/progress.ts';
import { type FakeRuntime, fakeProbe, fakeRuntime } from './fakes.ts';

let folder: string;
let runtime: FakeRuntime;
let context: ClusterContext;
const noDocker = {
  available: false as const,
  reason: 'No Docker engine answers',
  error: new DevclusterError('missing', 'NO_DOCKER', 'No Docker engine answers'),
};
let abort: AbortController;
let notReady: Map<string, string>;
let notes: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'devcluster-up-'));
  runtime = fakeRuntime();
  abort = new AbortController();
  notReady = new Map();
  notes = [];
  const records = createRecords({ XDG_STATE_HOME: folder });
  let plan: ClusterRecord['plan'];
  context = {
    records: {
      ...records,
      write: (record) => {
        plan = record.plan ?? plan;
        return records.write(record);
      },
    },
    progress: { ...silentProgress, note: (text) => notes.push(text), warn: (text) => notes.push(text) },
    signal: abort.signal,
    runtime: async () => runtime,
    choiceFacts: async () => ({ docker: noDocker }),
    probe: fakeProbe(() => plan!, notReady),
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function bringUp(flags: ConfigSources['flags'] = {}, options: { keepFailed?: boolean } = {}) {
  const loaded = await loadConfig({ cwd: folder, env: {}, flags: { name: 'test', ...flags } });
  return up(context, { loaded, keepFailed: false, wait: false, ...options });
}

const record = () => context.records.read('test');

describe('up', () => {
  it('makes a cluster, and again changes nothing', async () => {
    const first = await bringUp();
    expect(first.outcome).toBe('created');
    expect(runtime.calls).toEqual(['reserve', 'start node-1', 'start node-2', 'start node-3']);
    expect(await record()).toMatchObject({ phase: 'up', runtime: 'process', engine: 'embedded' });
    runtime.calls.length = 0;
    const second = await bringUp();
    expect(second.outcome).toBe('unchanged');
    expect(runtime.calls).toEqual(['reserve known']);
    expect((await record())?.readyInSeconds).toBe(first.record.readyInSeconds);
  });

  it('tells, with --verbose, where the time went, as long as there was something to do', async () => {
    const details: string[] = [];
    context.progress.detail = (text) => details.push(text);
    await bringUp();
    const begin = details.findIndex((line) => line.startsWith('Ready '));
    const services = details.slice(begin + 1).filter((line) => /^ {2}node-\d\/[a-z-]+ +\d/.test(line));
    expect(services).toHaveLength(15);
    expect(details.slice(-2)).toEqual([
      expect.stringMatching(/^The slowest chain: \d+\.\d\d s \(/),
      expect.stringMatching(/^devcluster's own: \d+\.\d\d s \(/),
    ]);
    details.length = 0;
    await bringUp();
    expect(details.filter((line) => line.startsWith('Ready '))).toEqual([]);
  });

  it('says in one line what auto picked', async () => {
    await bringUp();
    expect(notes).toEqual([
      "auto: runtime 'process' (no Docker engine answers), engine 'embedded' (the other, 'mesos', runs in Docker)",
    ]);
  });

  it('writes its record before anything is started', async () => {
    runtime.onStart = async () => {
      expect(await record()).toMatchObject({ phase: 'creating', name: 'test', plan: { name: 'test' } });
    };
    await bringUp();
  });

  it.each([
    ['docker', { runtime: 'docker' }, 'NO_DOCKER'],
    ['the real programs', { engine: 'mesos' }, 'ENGINE_MISSING'],
  ])('refuses %s with what is missing, and leaves nothing behind', async (_, flags, code) => {
    await expect(bringUp(flags)).rejects.toMatchObject({ kind: 'missing', code });
    expect(await context.records.names()).toEqual([]);
  });

  it('repairs a node that has failed', async () => {
    await bringUp();
    runtime.units.set('node-2', 'failed');
    runtime.calls.length = 0;
    expect((await bringUp()).outcome).toBe('repaired');
    expect(runtime.calls).toEqual(['reserve known', 'start node-2']);
  });

  it('lets go on what is paused or cut off, and starts services that were stopped', async () => {
    await bringUp();
    await nodeFault(context, 'test', 'pause', 'node-1', { wait: false });
    await nodeFault(context, 'test', 'partition', 'node-3', { wait: false });
    await stop(context, 'test', { target: 'node-2/marathon', wait: false });
    runtime.calls.length = 0;
    expect((await bringUp()).outcome).toBe('repaired');
    expect(runtime.calls.sort()).toEqual(['heal node-3', 'reserve known', 'resume node-1', 'start node-2/marathon']);
  });

  it('starts added agents only', async () => {
    await bringUp({ nodes: 3 });
    runtime.calls.length = 0;
    expect((await bringUp({ nodes: 4 })).outcome).toBe('changed');
    expect(runtime.calls).toEqual(['reserve known', 'start node-4']);
  });

  it('restarts units that run differently, one after the other', async () => {
    await bringUp();
    runtime.calls.length = 0;
    expect((await bringUp({ timing: 'production' })).outcome).toBe('changed');
    expect(runtime.calls).toEqual([
      'reserve known',
      'stop node-1',
      'start node-1',
      'stop node-2',
      'start node-2',
      'stop node-3',
      'start node-3',
    ]);
  });

  it('goes on where an interrupted change left off', async () => {
    await bringUp();
    runtime.onStart = (unit) => {
      if (unit === 'node-2') throw new DevclusterError('missing', 'DISK_FULL', 'no room');
    };
    await expect(bringUp({ timing: 'production' })).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect((await record())?.outdatedUnits).toEqual(['node-2', 'node-3']);
    runtime.onStart = () => {};
    runtime.calls.length = 0;
    expect((await bringUp()).outcome).toBe('changed');
    expect(runtime.calls).toEqual(['reserve known', 'stop node-3', 'start node-3', 'start node-2']);
    expect((await record())?.outdatedUnits).toBeUndefined();
    expect((await bringUp()).outcome).toBe('unchanged');
  });

  it('stops nodes that are not configured any more', async () => {
    await bringUp({ nodes: 4 });
    runtime.calls.length = 0;
    expect((await bringUp({ nodes: 3 })).outcome).toBe('changed');
    expect(runtime.calls).toEqual(['reserve known', 'stop node-4']);
  });

  it('refuses another engine of a component, also over data that was kept', async () => {
    await bringUp();
    const refused = { kind: 'conflict', code: 'CLUSTER_DIFFERS' };
    await writeFile(join(folder, 'devcluster.yml'), 'components: { zookeeper: { engine: mesos } }\n');
    await expect(bringUp()).rejects.toMatchObject(refused);
    await down(context, 'test', { keepData: true, wait: false });
    await expect(bringUp()).rejects.toMatchObject(refused);
    expect((await record())?.phase).toBe('kept');
    await writeFile(join(folder, 'devcluster.yml'), 'components: { zookeeper: { engine: embedded } }\n');
    expect((await bringUp()).outcome).toBe('created');
  });

  it('refuses other control nodes', async () => {
    await bringUp({ nodes: 3 });
    await expect(bringUp({ nodes: 1 })).rejects.toMatchObject({ kind: 'conflict', code: 'CLUSTER_DIFFERS' });
    await expect(bringUp({ nodes: 5 })).rejects.toMatchObject({ kind: 'conflict' });
    expect((await record())?.phase).toBe('up');
  });

  it('keeps what flags decided when they are not repeated', async () => {
    await bringUp({ nodes: 1 });
    expect((await bringUp()).outcome).toBe('unchanged');
    expect((await record())?.config.nodes).toHaveLength(1);
  });

  it('refuses to run beside another command on the same cluster, naming it', async () => {
    runtime.onStart = async () => {
      runtime.onStart = () => {};
      await expect(down(context, 'test', { keepData: false, wait: false })).rejects.toMatchObject({
        kind: 'conflict',
        code: 'CLUSTER_LOCKED',
        message: expect.stringContaining(`devcluster up, pid ${process.pid}`),
      });
    };
    await bringUp({ nodes: 1 });
  });

  it('waits for the other command when it is told to', async () => {
    const loaded = await loadConfig({ cwd: folder, env: {}, flags: { name: 'test', nodes: 1 } });
    let second: Promise<unknown> | undefined;
    runtime.onStart = () => {
      second ??= up(context, { loaded, keepFailed: false, wait: true });
    };
    await bringUp({ nodes: 1 });
    expect(await second).toMatchObject({ outcome: 'unchanged' });
  });
});

describe('up that fails', () => {
  it('removes what it began, and shows the last log lines of the service at fault', async () => {
    runtime.onStart = (unit) => {
      if (unit !== 'node-2') return;
      const exit = { type: 'service-exited', unit, component: 'zookeeper', code: 2, reason: 'bad zoo.cfg' } as const;
      for (let i = 0; i < 3; i++) runtime.emit(exit);
    };
    const error = (await bringUp().catch((thrown: unknown) => thrown)) as DevclusterError;
    expect(error).toMatchObject({
      code: 'SERVICE_FAILED',
      kind: 'timeout',
      details: { service: 'node-2/zookeeper', reason: 'bad zoo.cfg', log: ['the last words'] },
    });
    expect(error.message).toContain('node-2/zookeeper ends again and again: bad zoo.cfg');
    expect(error.message).toContain('the last words');
    expect(runtime.calls.at(-1)).toBe('remove test');
    expect(await context.records.names()).toEqual([]);
  });

  it('calls a port that was taken meanwhile by its name', async () => {
    runtime.onStart = (unit) => {
      const reason = 'listen EADDRINUSE: address already in use 127.9.9.1:8080';
      for (let i = 0; i < 3; i++)
        runtime.emit({ type: 'service-exited', unit, component: 'marathon', code: 1, reason });
    };
    await expect(bringUp({ nodes: 1 })).rejects.toMatchObject({ kind: 'conflict', code: 'PORT_IN_USE' });
  });

  it('says who was not ready when its time is up', async () => {
    notReady.set('node-3/zookeeper', 'it has not joined a quorum');
    await expect(bringUp({ timeout: 0.3 })).rejects.toMatchObject({
      kind: 'timeout',
      code: 'NOT_READY',
      message: expect.stringContaining(
        'node-3/zookeeper is not ready in time, 0.3 s for everything: it has not joined a quorum',
      ),
      hint: expect.stringContaining('--timeout'),
    });
    expect(await context.records.names()).toEqual([]);
  });

  it('keeps the wreck when told to, and the next up takes it over', async () => {
    notReady.set('zookeeper', 'it has not joined a quorum');
    await expect(bringUp({ timeout: 0.3 }, { keepFailed: true })).rejects.toMatchObject({ code: 'NOT_READY' });
    expect(await record()).toMatchObject({ phase: 'creating' });
    expect(runtime.units.get('node-1')).toBe('running');
    notReady.clear();
    expect((await bringUp()).outcome).toBe('created');
    expect((await record())?.phase).toBe('up');
  });

  it('waits for what is being started before it removes everything', async () => {
    let release: () => void = () => {};
    runtime.onStart = (unit) => {
      if (unit === 'node-1') throw new DevclusterError('missing', 'DISK_FULL', 'no room');
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    };
    const failing = bringUp({ nodes: 2 }).catch((error: unknown) => error);
    await expect.poll(() => runtime.calls).toContain('start node-2');
    expect(runtime.calls).not.toContain('remove test');
    release();
    expect(await failing).toMatchObject({ code: 'DISK_FULL' });
    expect(runtime.calls.at(-1)).toBe('remove test');
  });

  it('cleans up when it is interrupted', async () => {
    notReady.set('zookeeper', 'it has not joined a quorum');
    runtime.onStart = () => abort.abort(new DevclusterError('interrupted', 'INTERRUPTED', 'Interrupted by SIGINT'));
    await expect(bringUp()).rejects.toMatchObject({ kind: 'interrupted' });
    expect(runtime.calls.at(-1)).toBe('remove test');
    expect(await context.records.names()).toEqual([]);
  });

  it('never removes a cluster that was ready before', async () => {
    await bringUp();
    runtime.units.set('node-2', 'failed');
    runtime.onStart = () => {
      throw new DevclusterError('missing', 'DISK_FULL', 'no room');
    };
    await expect(bringUp()).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(runtime.calls).not.toContain('remove test');
    expect((await record())?.phase).toBe('up');
  });

  it('says that the state folder can not be written', async () => {
    await writeFile(join(folder, 'devcluster'), 'a file where the folder should be');
    await expect(bringUp()).rejects.toMatchObject({ kind: 'missing', code: 'STATE_NOT_WRITABLE' });
    expect(runtime.calls).toEqual([]);
  });
});

describe('down', () => {
  it('of nothing is success', async () => {
    expect(await down(context, 'test', { keepData: false, wait: false })).toBe(false);
  });

  it('removes everything', async () => {
    await bringUp();
    expect(await down(context, 'test', { keepData: false, wait: false })).toBe(true);
    expect(runtime.calls.at(-1)).toBe('remove test');
    expect(await context.records.names()).toEqual([]);
  });

  it('works although the record is damaged', async () => {
    await bringUp();
    const file = join(folder, 'devcluster', 'test', 'cluster.json');
    await writeFile(file, '{"format":1,');
    await expect(clusterStatus(context, 'test')).rejects.toMatchObject({ code: 'RECORD_DAMAGED' });
    expect(await down(context, 'test', { keepData: false, wait: false })).toBe(true);
    expect(await context.records.names()).toEqual([]);
  });

  it('may keep the data, and the next up finds it at the same places', async () => {
    await bringUp();
    await down(context, 'test', { keepData: true, wait: false });
    expect(runtime.calls.at(-1)).toBe('remove test but its data');
    expect((await clusterStatus(context, 'test')).state).toBe('absent');
    runtime.calls.length = 0;
    expect((await bringUp()).outcome).toBe('created');
    expect(runtime.calls[0]).toBe('reserve known');
  });

  it('of all goes on when one fails', async () => {
    await bringUp({ name: 'a', nodes: 1 });
    await bringUp({ name: 'b', nodes: 1 });
    const { remove } = runtime;
    runtime.remove = async (name, options) => {
      if (name === 'a') throw new Error('stuck');
      return remove(name, options);
    };
    await expect(downAll(context, { keepData: false, wait: false })).rejects.toThrow('stuck');
    expect(await context.records.names()).toEqual(['a']);
  });
});

describe('stop, start and restart', () => {
  it('of the cluster keep it', async () => {
    await bringUp();
    await stop(context, 'test', { wait: false });
    expect((await clusterStatus(context, 'test')).state).toBe('stopped');
    await start(context, 'test', { wait: false });
    expect((await clusterStatus(context, 'test')).state).toBe('running');
  });

  it('of a node and of a service leave the others alone', async () => {
    await bringUp();
    runtime.calls.length = 0;
    await restart(context, 'test', { target: 'node-2', wait: false });
    await restart(context, 'test', { target: 'node-1/marathon', wait: false });
    expect(runtime.calls).toEqual(['stop node-2', 'start node-2', 'stop node-1/marathon', 'start node-1/marathon']);
  });

  it('name what is near to a mistyped target', async () => {
    await bringUp();
    await expect(stop(context, 'test', { target: 'node2', wait: false })).rejects.toMatchObject({
      kind: 'notFound',
      hint: 'Did you mean node-2?',
    });
    await expect(stop(context, 'test', { target: 'node-2/maraton', wait: false })).rejects.toMatchObject({
      kind: 'notFound',
      hint: 'Did you mean node-2/marathon?',
    });
  });

  it('of a cluster that is not there say which ones are', async () => {
    await bringUp({ name: 'other', nodes: 1 });
    await expect(stop(context, 'test', { wait: false })).rejects.toMatchObject({
      kind: 'notFound',
      code: 'NO_SUCH_CLUSTER',
      hint: expect.stringContaining('other'),
    });
  });
});

describe('status', () => {
  it('of an absent cluster is a document too', async () => {
    expect(await clusterStatus(context, 'test')).toEqual({ name: 'test', state: 'absent', nodes: [] });
  });

  it('says what runs, where, and who leads', async () => {
    await bringUp();
    const status = await clusterStatus(context, 'test');
    expect(status).toMatchObject({
      name: 'test',
      state: 'running',
      runtime: 'process',
      engine: 'embedded',
      endpoints: {
        zookeeper: '127.9.9.1:2181,127.9.9.2:2181,127.9.9.3:2181',
        mesos: 'http://127.9.9.1:5050',
        marathon: 'http://127.9.9.1:8080',
        mesosDns: 'http://127.9.9.1:8123',
        dns: '127.9.9.1:53',
      },
      mesos: { leader: 'node-1', agents: 3, frameworks: 1, tasksRunning: 2 },
      marathon: { leader: 'node-1' },
    });
    expect(status.readyInSeconds).toBeGreaterThanOrEqual(0);
    expect(status.nodes).toHaveLength(3);
    expect(status.nodes[0]?.services.map(({ component, ready, leader }) => [component, ready, leader])).toEqual([
      ['zookeeper', true, true],
      ['mesos-master', true, true],
      ['mesos-agent', true, false],
      ['marathon', true, true],
      ['mesos-dns', true, false],
    ]);
  });

  it('is degraded when a node has failed or a service is not ready, and says why', async () => {
    await bringUp();
    runtime.units.set('node-3', 'failed');
    notReady.set('node-2/mesos-dns', 'it does not answer');
    const status = await clusterStatus(context, 'test');
    expect(status.state).toBe('degraded');
    expect(status.nodes.map((node) => node.state)).toEqual(['running', 'running', 'failed']);
    expect(status.nodes[1]?.services.at(-1)).toMatchObject({ ready: false, reason: 'it does not answer' });
    expect(status.nodes[2]?.services.every((service) => !service.ready && service.state === 'failed')).toBe(true);
  });

  it('shows faults on purpose as what they are', async () => {
    await bringUp();
    await nodeFault(context, 'test', 'pause', 'node-1', { wait: false });
    await nodeFault(context, 'test', 'partition', 'node-2', { wait: false });
    await stop(context, 'test', { target: 'node-3/marathon', wait: false });
    const status = await clusterStatus(context, 'test');
    expect(status.nodes.map((node) => node.state)).toEqual(['paused', 'partitioned', 'running']);
    const marathon = status.nodes[2]?.services.find(({ component }) => component === 'marathon');
    expect(marathon).toMatchObject({ state: 'stopped', ready: false });
  });
});

describe('list', () => {
  it('shows every cluster of the user', async () => {
    await bringUp({ name: 'a', nodes: 1 });
    await bringUp({ name: 'b', nodes: 1 });
    const clusters = await listClusters(context);
    expect(clusters.map(({ name, state, nodes }) => [name, state, nodes])).toEqual([
      ['a', 'running', 1],
      ['b', 'running', 1],
    ]);
  });

  it('shows one whose record is damaged', async () => {
    await bringUp();
    await writeFile(join(folder, 'devcluster', 'test', 'cluster.json'), 'x');
    expect(await listClusters(context)).toMatchObject([{ name: 'test', state: 'unknown' }]);
  });
});

describe('the record', () => {
  it('is readable by its owner only, and holds no more than it must', async () => {
    await bringUp({ nodes: 1 });
    const text = await readFile(join(folder, 'devcluster', 'test', 'cluster.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ format: 1, id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  });
});
