import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterPlan } from '../../src/plan/types.ts';
import type { HostRecord } from '../../src/protocols/control.ts';
import type { Runtime, UnitEvent } from '../../src/runtime/types.ts';
import { httpCall } from '../../src/support/http-client.ts';
import { identify, isAlive, readStat } from '../../src/support/process.ts';
import { retry } from '../../src/support/retry.ts';
import { siteRequest } from '../unit/runtime/sites.ts';
import { type Bench, contextOf, createBench, startTask, urlOf } from './fake-host/index.ts';
import { fakePlan } from './fake-host/plan.ts';

let bench: Bench;
let runtime: Runtime;
const names: string[] = [];

beforeAll(async () => {
  bench = await createBench();
  runtime = bench.runtime();
});
afterEach(async () => {
  for (const name of names.splice(0)) await runtime.remove(name, { keepData: false });
});
afterAll(() => bench.close());

/** Starts three hosts and resolves when every service is ready. */
async function up(name: string, extra: Parameters<typeof fakePlan>[2] = {}) {
  names.push(name);
  const site = await runtime.reserve(siteRequest(name));
  const plan = fakePlan(name, site, extra);
  const seen = watch(runtime, plan);
  for (const node of plan.nodes) for (const unit of node.units) await runtime.start(plan, unit);
  await seen.until((events) => count(events, 'service-ready') >= 15);
  return { plan, seen };
}

function watch(on: Runtime, plan: ClusterPlan) {
  const abort = new AbortController();
  const events: UnitEvent[] = [];
  const waiting = new Set<() => void>();
  on.watch(
    plan,
    (event) => {
      events.push(event);
      for (const check of waiting) check();
    },
    abort.signal,
  );
  return {
    events,
    stop: () => abort.abort(),
    until: (done: (events: UnitEvent[]) => boolean) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (!done(events)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
}

const count = (events: UnitEvent[], type: UnitEvent['type']) => events.filter((event) => event.type === type).length;
const folderOf = (plan: ClusterPlan, node: string) => join(bench.folder, 'state/devcluster', plan.name, 'nodes', node);
const recordOf = async (plan: ClusterPlan, node: string) =>
  JSON.parse(await readFile(join(folderOf(plan, node), 'pid'), 'utf8')) as HostRecord;
const nodeOf = (plan: ClusterPlan, name: string) => plan.nodes.find((node) => node.name === name)!;
const stateOf = async (plan: ClusterPlan) =>
  Object.fromEntries((await runtime.inspect(plan)).map((u) => [u.id, u.state]));
const livesStill = (pid: number) => identify(pid) !== undefined;

describe('three hosts', () => {
  it('give each service its own arguments and variables, and none of their own', async () => {
    const { plan, seen } = await up('own-values');
    for (const node of plan.nodes)
      for (const { component, url, args, env } of node.units[0]!.services) {
        const context = await contextOf(url!);
        expect(context.argv).toEqual(args);
        expect(context.env).toEqual(env);
        expect(context.pid).toBe((await recordOf(plan, node.name)).pid);
        expect(context.hostVariables.filter((name) => /^(MESOS|MARATHON|ZK|DEVCLUSTER_NAME)/.test(name))).toEqual([]);
        expect(await readFile(join(node.site.dataDir, component, 'settings'), 'utf8')).toBe(component);
      }
    seen.stop();
  });

  it('keep their files to their user', async () => {
    const { plan, seen } = await up('private');
    const folder = folderOf(plan, 'node-1');
    for (const name of ['', 'logs', 'data']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o700);
    const { controlSocket } = await recordOf(plan, 'node-1');
    for (const path of [join(folder, 'unit.json'), join(folder, 'pid'), controlSocket, join(folder, 'logs/host.log')])
      expect((await stat(path)).mode & 0o777, path).toBe(0o600);
    seen.stop();
  });

  it('start a service that exits again, alone', async () => {
    const { plan, seen } = await up('exits');
    const before = await Promise.all(plan.nodes.map(({ name }) => recordOf(plan, name)));
    await httpCall(`${urlOf(plan, 'node-2', 'marathon')}/exit`, { method: 'POST' });
    await seen.until((events) => count(events, 'service-exited') === 1 && count(events, 'service-ready') === 16);
    expect(seen.events.filter(({ type }) => type === 'service-exited')).toEqual([
      { type: 'service-exited', unit: 'node-2', component: 'marathon', code: 3, reason: 'lost leadership' },
    ]);
    expect(await Promise.all(plan.nodes.map(({ name }) => recordOf(plan, name)))).toEqual(before);
    await contextOf(urlOf(plan, 'node-2', 'marathon'));
    seen.stop();
  });

  it('survive each other, and their tasks survive them', async () => {
    const { plan, seen } = await up('killed');
    const task = await startTask(plan, 'node-3', 'sleep 1000');
    process.kill((await recordOf(plan, 'node-3')).pid, 'SIGKILL');
    await seen.until((events) => count(events, 'unit-exited') === 1);
    expect(seen.events.at(-1)).toMatchObject({ unit: 'node-3', reason: expect.stringContaining('SIGKILL') });
    expect(await stateOf(plan)).toEqual({ 'node-1': 'running', 'node-2': 'running', 'node-3': 'failed' });
    expect(livesStill(task)).toBe(true);

    await runtime.start(plan, nodeOf(plan, 'node-3').units[0]!);
    await seen.until((events) => count(events, 'service-ready') === 20);
    expect(await stateOf(plan)).toMatchObject({ 'node-3': 'running' });
    expect(livesStill(task)).toBe(true);
    seen.stop();
  });

  it('end with code 70 on an error nobody handled, and say which', async () => {
    const { plan, seen } = await up('crash');
    await httpCall(`${urlOf(plan, 'node-1', 'zookeeper')}/throw`, { method: 'POST' });
    await seen.until((events) => count(events, 'unit-exited') === 1);
    const event = seen.events.at(-1);
    expect(event).toMatchObject({ unit: 'node-1', reason: expect.stringContaining('ended with code 70') });
    expect(event).toMatchObject({ reason: expect.stringContaining('nobody handles this') });
    seen.stop();
  });

  it('show a readable title in the process list', async () => {
    const { plan, seen } = await up('titles');
    const { pid } = await recordOf(plan, 'node-1');
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/^devcluster: titles node-1/);
    seen.stop();
  });
});

describe('a service that does not start', () => {
  it('is reported and tried again, and leaves the others alone', async () => {
    names.push('bad-flags');
    const site = await runtime.reserve(siteRequest('bad-flags'));
    const plan = fakePlan('bad-flags', site, { marathon: ['--fail=unknown flag'] });
    const seen = watch(runtime, plan);
    await runtime.start(plan, plan.nodes[0]!.units[0]!);
    await seen.until((events) => count(events, 'service-ready') === 4 && count(events, 'service-exited') >= 2);
    expect(seen.events).toContainEqual({
      type: 'service-exited',
      unit: 'node-1',
      component: 'marathon',
      code: 1,
      reason: 'could not start: unknown flag',
    });
    const [unit] = await runtime.inspect(plan);
    expect(unit?.stoppedServices).toEqual([{ component: 'marathon', reason: 'could not start: unknown flag' }]);
    seen.stop();
  });
});

describe('operations on nodes', () => {
  it('stop in order, with their tasks, and start again', async () => {
    const { plan, seen } = await up('stopping');
    const polite = await startTask(plan, 'node-1', 'sleep 1000');
    await runtime.stop(plan, nodeOf(plan, 'node-1'));
    expect(livesStill(polite)).toBe(false);
    expect(await stateOf(plan)).toEqual({ 'node-1': 'stopped', 'node-2': 'running', 'node-3': 'running' });
    const log = await readFile(join(folderOf(plan, 'node-1'), 'logs/host.log'), 'utf8');
    expect(log.indexOf('mesos-agent was stopped')).toBeLessThan(log.indexOf('stopping signal=SIGTERM'));
    expect(log).toContain('all services were stopped');
    await runtime.stop(plan, nodeOf(plan, 'node-1'));

    await runtime.start(plan, nodeOf(plan, 'node-1').units[0]!);
    await seen.until((events) => count(events, 'service-ready') === 20);
    seen.stop();
  });

  it('kill tasks that ignore the request to end', async () => {
    const stubborn = bench.runtime({ taskGraceMs: 50 });
    const { plan, seen } = await up('stubborn');
    const task = await startTask(plan, 'node-1', "trap '' TERM; while :; do sleep 1; done");
    await stubborn.stop(plan, nodeOf(plan, 'node-1'));
    expect(livesStill(task)).toBe(false);
    seen.stop();
  });

  it('kill everything on a node at once', async () => {
    const { plan, seen } = await up('node-kill');
    const task = await startTask(plan, 'node-2', 'sleep 1000 & sleep 1000');
    const { pid } = await recordOf(plan, 'node-2');
    await runtime.kill(plan, nodeOf(plan, 'node-2'));
    expect([pid, task].filter(livesStill)).toEqual([]);
    await runtime.kill(plan, nodeOf(plan, 'node-2'));
    expect(await stateOf(plan)).toMatchObject({ 'node-2': 'failed' });
    seen.stop();
  });

  it('pause and resume a node with its tasks', async () => {
    const { plan, seen } = await up('pausing');
    const task = await startTask(plan, 'node-1', 'sleep 1000');
    const { pid } = await recordOf(plan, 'node-1');
    await runtime.pause(plan, nodeOf(plan, 'node-1'));
    await runtime.pause(plan, nodeOf(plan, 'node-1'));
    expect([pid, task].map((each) => readStat(each)?.state)).toEqual(['T', 'T']);
    expect(await stateOf(plan)).toMatchObject({ 'node-1': 'paused', 'node-2': 'running' });
    await runtime.resume(plan, nodeOf(plan, 'node-1'));
    expect(await stateOf(plan)).toMatchObject({ 'node-1': 'running' });
    expect(readStat(task)?.state).not.toBe('T');
    await contextOf(urlOf(plan, 'node-1', 'marathon'));
    seen.stop();
  });

  it('stop a paused node', async () => {
    const { plan, seen } = await up('stop-paused');
    await runtime.pause(plan, nodeOf(plan, 'node-1'));
    await runtime.stop(plan, nodeOf(plan, 'node-1'));
    expect(await stateOf(plan)).toMatchObject({ 'node-1': 'stopped' });
    seen.stop();
  });

  it('stop and start one service', async () => {
    const { plan, seen } = await up('one-service');
    const node = nodeOf(plan, 'node-1');
    await runtime.stopService(plan, node, 'marathon');
    await expect(contextOf(urlOf(plan, 'node-1', 'marathon'))).rejects.toThrow('ECONNREFUSED');
    await contextOf(urlOf(plan, 'node-1', 'mesos-master'));
    expect((await runtime.inspect(plan))[0]?.stoppedServices).toEqual([
      { component: 'marathon', reason: 'stopped on request' },
    ]);
    await runtime.startService(plan, node, 'marathon');
    await contextOf(urlOf(plan, 'node-1', 'marathon'));
    seen.stop();
  });

  it('say that a node does not run when one of its services is asked for', async () => {
    const { plan, seen } = await up('not-running');
    await runtime.kill(plan, nodeOf(plan, 'node-1'));
    await expect(runtime.startService(plan, nodeOf(plan, 'node-1'), 'marathon')).rejects.toMatchObject({
      code: 'NODE_NOT_RUNNING',
      kind: 'conflict',
    });
    seen.stop();
  });

  it('cut a node off from the others, also after its host was started anew, and heal it', async () => {
    const { plan, seen } = await up('cut-off');
    const dial = async (from: string, to: string) => {
      const { host, port } = nodeOf(plan, to).site.published.marathon;
      return (await httpCall(`${urlOf(plan, from, 'mesos-master')}/dial/${host}/${port}`)).status;
    };
    expect(await dial('node-1', 'node-2')).toBe(200);
    await runtime.partition(plan, nodeOf(plan, 'node-2'), true);
    expect(await dial('node-1', 'node-2')).toBe(502);
    expect(await dial('node-2', 'node-3')).toBe(502);
    expect(await dial('node-1', 'node-3')).toBe(200);
    expect((await runtime.inspect(plan)).map(({ partitioned }) => partitioned)).toEqual([false, true, false]);

    await runtime.kill(plan, nodeOf(plan, 'node-1'));
    await runtime.start(plan, nodeOf(plan, 'node-1').units[0]!);
    await seen.until((events) => count(events, 'service-ready') === 20);
    expect(await dial('node-1', 'node-2')).toBe(502);

    await runtime.partition(plan, nodeOf(plan, 'node-2'), false);
    expect(await dial('node-1', 'node-2')).toBe(200);
    expect(await dial('node-2', 'node-3')).toBe(200);
    seen.stop();
  });

  it('run a command with the node in its environment', async () => {
    const { plan, seen } = await up('exec');
    const node = nodeOf(plan, 'node-2');
    const check = `[ "$DEVCLUSTER_NODE" = node-2 ] && [ "$DEVCLUSTER_NODE_ADDRESS" = ${node.site.address} ] && exit 42`;
    expect(await runtime.exec(plan, node, ['sh', '-c', check])).toBe(42);
    expect(await runtime.exec(plan, node, ['sh', '-c', 'kill -TERM $$'])).toBe(143);
    await expect(runtime.exec(plan, node, ['/no/such/program'])).rejects.toMatchObject({ kind: 'missing' });
    seen.stop();
  });
});

describe('two that act at the same time', () => {
  it('get one host for one node', async () => {
    names.push('together');
    const site = await runtime.reserve(siteRequest('together'));
    const plan = fakePlan('together', site);
    const unit = plan.nodes[0]!.units[0]!;
    const others = [bench.runtime(), bench.runtime(), runtime];
    await Promise.all(others.map((each) => each.start(plan, unit)));
    const seen = watch(runtime, plan);
    await seen.until((events) => count(events, 'service-ready') === 5);
    const log = await readFile(join(folderOf(plan, 'node-1'), 'logs/host.log'), 'utf8');
    expect(log.match(/services were started/g)).toHaveLength(1);
    seen.stop();
  });

  it('see what another started', async () => {
    const { plan, seen } = await up('seen-by-others');
    const other = bench.runtime();
    const theirs = watch(other, plan);
    await theirs.until((events) => count(events, 'service-ready') === 15);
    process.kill((await recordOf(plan, 'node-1')).pid, 'SIGKILL');
    await theirs.until((events) => count(events, 'unit-exited') === 1);
    expect((await other.inspect(plan)).map(({ state }) => state)).toEqual(['failed', 'running', 'running']);
    theirs.stop();
    seen.stop();
  });
});

describe('removal', () => {
  const leftovers = async (name: string) => {
    const root = join(bench.folder, 'state/devcluster');
    return {
      folder: existsSync(join(root, name)),
      claims: existsSync(join(bench.folder, 'claims'))
        ? (
            await Promise.all(
              (
                await readdir(join(bench.folder, 'claims'))
              ).map((file) => readFile(join(bench.folder, 'claims', file), 'utf8')),
            )
          ).filter((text) => text.includes(`"${name}"`))
        : [],
    };
  };
  const nothing = { folder: false, claims: [] };

  it('leaves no process, task, folder or claim', async () => {
    const { plan, seen } = await up('removed');
    const tasks = await Promise.all(plan.nodes.map(({ name }) => startTask(plan, name, 'sleep 1000 & sleep 1000')));
    const hosts = await Promise.all(plan.nodes.map(({ name }) => recordOf(plan, name)));
    await runtime.remove('removed', { keepData: false, plan });
    expect(hosts.filter(isAlive)).toEqual([]);
    expect(tasks.filter(livesStill)).toEqual([]);
    expect(await leftovers('removed')).toEqual(nothing);
    await runtime.remove('removed', { keepData: false });
    seen.stop();
  });

  it('finds processes without their pid files, and does not touch one that reuses a pid', async () => {
    const { plan, seen } = await up('no-pid-files');
    const hosts = await Promise.all(plan.nodes.map(({ name }) => recordOf(plan, name)));
    await writeFile(join(folderOf(plan, 'node-1'), 'pid'), 'half a rec');
    const stranger = { pid: process.pid, startTime: '1', controlSocket: '/nowhere' };
    await writeFile(join(folderOf(plan, 'node-2'), 'pid'), JSON.stringify(stranger));
    await runtime.remove('no-pid-files', { keepData: false });
    expect(hosts.filter(isAlive)).toEqual([]);
    expect(await leftovers('no-pid-files')).toEqual(nothing);
    seen.stop();
  });

  it('ends tasks whose host was killed, and descendants that wiped their environment', async () => {
    const { plan, seen } = await up('orphans');
    const task = await startTask(plan, 'node-1', 'env -i sleep 1000 & env -i sleep 1000');
    process.kill((await recordOf(plan, 'node-1')).pid, 'SIGKILL');
    await seen.until((events) => count(events, 'unit-exited') === 1);
    await runtime.remove('orphans', { keepData: false });
    expect(livesStill(task)).toBe(false);
    seen.stop();
  });

  it('keeps the data when asked to, and the places it holds on to, and nothing else', async () => {
    const { plan, seen } = await up('kept');
    await runtime.remove('kept', { keepData: true });
    expect(await readdir(folderOf(plan, 'node-1'))).toEqual(['data']);
    expect(await readFile(join(nodeOf(plan, 'node-1').site.dataDir, 'marathon/settings'), 'utf8')).toBe('marathon');
    expect(await leftovers('kept')).toMatchObject({ claims: [expect.any(String)] });
    await runtime.remove('kept', { keepData: false });
    expect((await leftovers('kept')).claims).toEqual([]);
    seen.stop();
  });

  it('of what was never there is success', async () => {
    await runtime.remove('never-was', { keepData: false });
  });

  it('refuses a name that is no name', async () => {
    await expect((async () => runtime.remove('../..', { keepData: false }))()).rejects.toMatchObject({ kind: 'usage' });
  });
});

describe('a stale pid file', () => {
  it('with a reused pid is not taken for the host', async () => {
    const { plan, seen } = await up('reused');
    await runtime.kill(plan, nodeOf(plan, 'node-1'));
    const record = { ...(await recordOf(plan, 'node-1')), pid: process.pid };
    await writeFile(join(folderOf(plan, 'node-1'), 'pid'), JSON.stringify(record));
    expect(await stateOf(plan)).toMatchObject({ 'node-1': 'failed' });
    await runtime.kill(plan, nodeOf(plan, 'node-1'));
    await runtime.start(plan, nodeOf(plan, 'node-1').units[0]!);
    await seen.until((events) => count(events, 'service-ready') === 20);
    expect((await recordOf(plan, 'node-1')).pid).not.toBe(process.pid);
    seen.stop();
  });
});

describe('a lost pid file', () => {
  it('does not lose the host: it is found by its socket', async () => {
    const { plan, seen } = await up('lost-pid');
    const before = await recordOf(plan, 'node-1');
    await rm(join(folderOf(plan, 'node-1'), 'pid'));
    await runtime.start(plan, nodeOf(plan, 'node-1').units[0]!);
    expect(await recordOf(plan, 'node-1')).toEqual(before);
    await writeFile(join(folderOf(plan, 'node-1'), 'pid'), 'spoilt');
    expect((await runtime.inspect(plan)).map(({ state }) => state)).toEqual(['running', 'running', 'running']);
    await writeFile(join(folderOf(plan, 'node-1'), 'pid'), 'spoilt');
    await runtime.stop(plan, nodeOf(plan, 'node-1'));
    expect(isAlive(before)).toBe(false);
    seen.stop();
  });
});

describe('logs', () => {
  it('of a node are merged by time, and followed across a restart', async () => {
    const { plan, seen } = await up('logging');
    const abort = new AbortController();
    const node = nodeOf(plan, 'node-1');
    const past = [];
    for await (const line of runtime.logs(plan, { node }, { follow: false, signal: abort.signal })) past.push(line);
    expect(new Set(past.map(({ source }) => source))).toEqual(
      new Set(['node-1', ...node.units[0]!.services.map(({ component }) => `node-1/${component}`)]),
    );
    expect(past.map(({ time }) => time)).toEqual(past.map(({ time }) => time).sort());

    const followed: string[] = [];
    const following = (async () => {
      const target = { node, component: 'marathon' as const };
      for await (const line of runtime.logs(plan, target, { follow: true, tail: 0, signal: abort.signal }))
        followed.push(line.text);
    })();
    await httpCall(`${urlOf(plan, 'node-1', 'marathon')}/exit`, { method: 'POST' });
    await retry(async () => {
      expect(followed.some((text) => text.includes('lost leadership'))).toBe(true);
      expect(followed.some((text) => text.includes('listens'))).toBe(true);
    });
    abort.abort();
    await following;
    seen.stop();
  });
});
