import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { statePaths } from '../../src/runtime/paths.ts';
import type { Runtime } from '../../src/runtime/types.ts';
import { identify } from '../../src/support/process.ts';
import { siteRequest } from '../unit/runtime/sites.ts';
import { type Bench, contextOf, createBench, startTask, urlOf } from './fake-host/index.ts';
import { fakePlan } from './fake-host/plan.ts';

let bench: Bench;
let remove: (() => Promise<void>) | undefined;

beforeAll(async () => {
  bench = await createBench();
});
afterEach(async () => {
  await remove?.();
  remove = undefined;
});
afterAll(() => bench.close());

/** One node, ready. */
async function up(runtime: Runtime, name: string) {
  remove = () => runtime.remove(name, { keepData: false });
  const request = siteRequest(name);
  const plan = fakePlan(name, await runtime.reserve({ ...request, nodes: request.nodes.slice(0, 1) }));
  const abort = new AbortController();
  await new Promise<void>((resolve) => {
    let ready = 0;
    runtime.watch(
      plan,
      ({ type }) => {
        if (type === 'service-ready' && ++ready === 5) resolve();
      },
      abort.signal,
    );
    void runtime.start(plan, plan.nodes[0]!.units[0]!);
  });
  abort.abort();
  return plan;
}

describe('a state folder', () => {
  it('may have a path too long for a socket', async () => {
    const runtimeDir = join(bench.folder, 'run');
    await mkdir(runtimeDir, { mode: 0o700 });
    const long = join(bench.folder, 'x'.repeat(100));
    const runtime = bench.runtime({ paths: statePaths({ XDG_STATE_HOME: long, XDG_RUNTIME_DIR: runtimeDir }) });
    const plan = await up(runtime, 'long');
    expect((await runtime.inspect(plan))[0]?.state).toBe('running');
    const [socket] = readdirSync(join(runtimeDir, 'devcluster'));
    expect((await stat(join(runtimeDir, 'devcluster'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(runtimeDir, 'devcluster', socket!))).mode & 0o777).toBe(0o600);
    // Whoever runs with another XDG_RUNTIME_DIR reaches the host all the same.
    const elsewhere = bench.runtime({ paths: statePaths({ XDG_STATE_HOME: long, XDG_RUNTIME_DIR: '/nowhere' }) });
    await elsewhere.stopService(plan, plan.nodes[0]!, 'marathon');

    await elsewhere.remove('long', { keepData: false });
    expect(readdirSync(runtimeDir)).toEqual([]);
    expect(readdirSync(long)).toEqual([]);
  });

  it('may be reached by a link', async () => {
    await mkdir(join(bench.folder, 'real'));
    await symlink(join(bench.folder, 'real'), join(bench.folder, 'link'));
    const linked = bench.runtime({ paths: statePaths({ XDG_STATE_HOME: join(bench.folder, 'link') }) });
    const direct = bench.runtime({ paths: statePaths({ XDG_STATE_HOME: join(bench.folder, 'real') }) });
    const plan = await up(direct, 'linked');
    const task = await startTask(plan, 'node-1', 'sleep 1000');
    const { pid } = await contextOf(urlOf(plan, 'node-1', 'marathon'));
    await linked.remove('linked', { keepData: false });
    expect([pid, task].map(identify)).toEqual([undefined, undefined]);
    expect(existsSync(join(bench.folder, 'real/devcluster'))).toBe(false);
    await rm(join(bench.folder, 'link'));
  });

  it('that is half written can be removed, and made again', async () => {
    const runtime = bench.runtime();
    const folder = join(bench.folder, 'state/devcluster/half');
    await mkdir(join(folder, 'nodes/node-1/data/mesos-agent/slaves'), { recursive: true });
    await mkdir(join(folder, 'nodes/.strange'), { recursive: true });
    await mkdir(join(folder, 'nodes/node-1/pid'));
    await runtime.remove('half', { keepData: false });
    expect(existsSync(folder)).toBe(false);
    const plan = await up(runtime, 'half');
    expect((await runtime.inspect(plan))[0]?.state).toBe('running');
  });
});
