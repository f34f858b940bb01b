import { mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LoadComponent } from '../../../src/embedded/host/components.ts';
import { type Host, runHost } from '../../../src/embedded/host/host.ts';
import type { ServiceContext, ServiceExit } from '../../../src/embedded/service.ts';
import {
  type ControlClient,
  type ControlEvent,
  createControlClient,
  type HostSpec,
} from '../../../src/protocols/control.ts';
import { type Component, components } from '../../../src/protocols/versions.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { httpCall } from '../../../src/support/http-client.ts';

let folder: string;
let host: Host;
let client: ControlClient;
let socket: string;
let contexts: Map<Component, ServiceContext>;
let exit: Map<Component, (exit: ServiceExit) => void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'control-'));
  socket = join(folder, 'control.sock');
  contexts = new Map();
  exit = new Map();
  const load = Object.fromEntries(
    components.map((component) => [
      component,
      async () => async (context: ServiceContext) => {
        contexts.set(component, context);
        const exited = new Promise<ServiceExit>((resolve) => exit.set(component, resolve));
        context.log.info('hello');
        return { exited, ready: Promise.resolve(), stop: async () => {} };
      },
    ]),
  ) as unknown as LoadComponent;
  host = await runHost(spec(), load, systemClock);
  await host.started;
  client = createControlClient(socket);
});
afterEach(async () => {
  await host.stop();
  await rm(folder, { recursive: true, force: true });
});

function spec(): HostSpec {
  return {
    cluster: 'test',
    node: 'node-1',
    address: '127.0.0.1',
    services: [
      { component: 'mesos-master', argv: ['--a=1'], env: { MESOS_PORT: '1' } },
      { component: 'mesos-agent', argv: ['--a=2'], env: { MESOS_PORT: '2' } },
    ],
    controlSocket: socket,
    pidFile: join(folder, 'pid'),
    logsDir: join(folder, 'logs'),
    cut: [],
    seed: 'x',
    keepFresh: [],
  };
}

/** Reads events until `done` says it is enough. */
async function eventsUntil(done: (events: ControlEvent[]) => boolean) {
  const events: ControlEvent[] = [];
  const abort = new AbortController();
  const reading = client.events((event) => {
    events.push(event);
    if (done(events)) abort.abort();
  }, abort.signal);
  await reading;
  return events;
}

describe('the control socket of a host', () => {
  it('tells its status', async () => {
    const status = await client.status();
    expect(status).toMatchObject({ cluster: 'test', node: 'node-1', pid: process.pid, cut: [] });
    expect(status.services).toEqual([
      { component: 'mesos-master', state: 'ready', exits: 0 },
      { component: 'mesos-agent', state: 'ready', exits: 0 },
    ]);
  });

  it('can be opened by its owner only', async () => {
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
  });

  it('streams events, the present state first', async () => {
    const events = await eventsUntil((seen) => {
      if (seen.length === 2) exit.get('mesos-agent')!({ code: 7, reason: 'gone' });
      return seen.filter(({ type }) => type === 'service-ready').length === 3;
    });
    expect(events).toEqual([
      { type: 'service-ready', component: 'mesos-master' },
      { type: 'service-ready', component: 'mesos-agent' },
      { type: 'service-exited', component: 'mesos-agent', code: 7, reason: 'gone' },
      { type: 'service-ready', component: 'mesos-agent' },
    ]);
  });

  it('stops, starts and restarts a service', async () => {
    expect(await client.act('mesos-agent', 'stop')).toMatchObject({ state: 'stopped' });
    expect(await eventsUntil((seen) => seen.length === 2)).toContainEqual({
      type: 'service-stopped',
      component: 'mesos-agent',
    });
    expect((await client.act('mesos-agent', 'start')).state).not.toBe('stopped');
    expect((await client.act('mesos-agent', 'restart')).state).not.toBe('stopped');
  });

  it('knows no service that the node does not carry', async () => {
    await expect(client.act('marathon', 'stop')).rejects.toMatchObject({ status: 404 });
  });

  it('cuts every service off', async () => {
    await client.cut(['127.1.2.3']);
    for (const context of contexts.values()) expect(context.network.isCut(80, '127.1.2.3')).toBe(true);
    expect((await client.status()).cut).toEqual(['127.1.2.3']);
  });

  it('refuses what it does not understand', async () => {
    const post = async (path: string, body: string) =>
      (await httpCall(`http://localhost${path}`, { method: 'POST', body, socketPath: socket })).status;
    expect(await post('/peers/cut', 'no json')).toBe(400);
    expect(await post('/peers/cut', '{"destinations":[1]}')).toBe(400);
    expect(await post('/peers/cut', 'null')).toBe(400);
    expect(await post('/services/nonsense/stop', '')).toBe(404);
    expect(await post('/services/marathon/explode', '')).toBe(404);
  });

  it('ends its streams when the host ends, and is gone then', async () => {
    const reading = eventsUntil(() => false);
    await client.status();
    await host.stop();
    await reading;
    await expect(client.status()).rejects.toMatchObject({ status: 0 });
    await expect(stat(join(folder, 'pid'))).rejects.toThrow('ENOENT');
  });

  it('gives each service a log file of its own', async () => {
    host.flush();
    expect(await readFile(join(folder, 'logs/mesos-agent.log'), 'utf8')).toMatch(/^\S+Z INFO {2}mesos-agent: hello\n/);
    expect(await readFile(join(folder, 'logs/host.log'), 'utf8')).not.toContain('hello');
  });

  it('renews the time of files that must not be tidied away', async () => {
    const kept = join(folder, 'claim.json');
    await writeFile(kept, '');
    await utimes(kept, 1, 1);
    const daily: (() => void)[] = [];
    const every = (_ms: number, fn: () => void) => {
      daily.push(fn);
      return () => {};
    };
    const clock = { ...systemClock, every };
    const other = {
      ...spec(),
      controlSocket: join(folder, 'other.sock'),
      pidFile: join(folder, 'other'),
      services: [],
    };
    const second = await runHost({ ...other, keepFresh: [kept, join(folder, 'gone')] }, {} as LoadComponent, clock);
    for (const fn of daily) fn();
    expect((await stat(kept)).mtimeMs).toBeGreaterThan(1_000_000);
    await second.stop();
  });

  it('draws random numbers from the seed, other ones for each service', () => {
    const [a, b] = [...contexts.values()].map(({ random }) => random());
    expect(a).not.toBe(b);
    for (const number of [a!, b!]) expect(number >= 0 && number < 1).toBe(true);
  });
});
