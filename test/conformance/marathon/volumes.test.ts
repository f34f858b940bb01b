import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PodStatus } from '../../../src/protocols/marathon/pods.ts';
import type { AppInfo, ErrorBody } from '../../../src/protocols/marathon/types.ts';
import { httpJson } from '../../../src/support/http-client.ts';
import { type MesosForTests, startEmbeddedMesos } from './embedded-mesos.ts';

/** Apps and pods that keep data, on the embedded Mesos. */
let mesos: MesosForTests;
let disks: string;
const diskAt = (root: string, type: 'PATH' | 'MOUNT', size: number) => ({
  name: 'disk',
  type: 'SCALAR',
  scalar: { value: size },
  disk: { source: { type, [type.toLowerCase()]: { root } } },
});
beforeAll(async () => {
  disks = await mkdtemp(join(tmpdir(), 'marathon-disks-'));
  const scalar = (name: string, value: number) => ({ name, type: 'SCALAR', scalar: { value } });
  mesos = await startEmbeddedMesos({
    agent: {
      resources: JSON.stringify([
        scalar('cpus', 4),
        scalar('mem', 4096),
        scalar('disk', 10000),
        diskAt(join(disks, 'path'), 'PATH', 500),
        diskAt(join(disks, 'small'), 'MOUNT', 50),
        diskAt(join(disks, 'large'), 'MOUNT', 200),
        { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31000, end: 31009 }] } },
      ]),
    },
    marathon: { mesos_role: 'dev', mesos_authentication_principal: 'marathon' },
  });
}, 30_000);
afterAll(async () => {
  await mesos.close();
  await rm(disks, { recursive: true, force: true });
});

const call = <T = Record<string, unknown>>(method: string, path: string, json?: unknown) =>
  mesos.marathon.call<T>(method, path, json);

const volume = { containerPath: 'data', mode: 'RW', persistent: { size: 10 } };
/** Each task adds a line to what those before it have written. */
const keeper = (id: string, more: object = {}) => ({
  id,
  cmd: 'echo $MESOS_TASK_ID >> data/log; cat data/log; exec sleep 1000',
  cpus: 0.1,
  mem: 32,
  portDefinitions: [{ port: 0 }],
  container: { type: 'MESOS', volumes: [volume] },
  ...more,
});

async function create(app: object): Promise<void> {
  const created = await call<AppInfo>('POST', '/v2/apps', app);
  expect({ status: created.status, text: created.text }).toMatchObject({ status: 201 });
  await mesos.marathon.deployed(created.json.deployments?.[0]?.id);
}

async function change(method: string, path: string, json?: unknown): Promise<void> {
  const answer = await call<{ deploymentId: string }>(method, path, json);
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 200 });
  await mesos.marathon.deployed(answer.json.deploymentId);
}

const running = async (id: string) =>
  ((await mesos.marathon.app(id)).tasks ?? []).filter(({ state }) => state === 'TASK_RUNNING');
const idOf = (task: { id: string } | undefined) => task?.id.replace(/\._app\.\d+$/, '');

/** What the agent has reserved for the role, as the master sees it. */
async function reserved(): Promise<Record<string, unknown>> {
  const { json } = await httpJson<{ slaves: { reserved_resources: Record<string, Record<string, unknown>> }[] }>(
    `${mesos.masterUrl}/slaves`,
  );
  return json?.slaves[0]?.reserved_resources.dev ?? {};
}

const volumeFolder = (persistenceId: string) => join(mesos.agentFolder, 'volumes', 'roles', 'dev', persistenceId);

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

describe('an app that keeps data', () => {
  test('gets back to its volume, whatever becomes of its tasks', async () => {
    await create(keeper('/keeper'));
    const app = await mesos.marathon.app('/keeper');
    expect(app).toMatchObject({
      residency: { relaunchEscalationTimeoutSeconds: 3600, taskLostBehavior: 'WAIT_FOREVER' },
      unreachableStrategy: 'disabled',
      upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 },
      role: 'dev',
      tasksRunning: 1,
    });
    const [first] = await running('/keeper');
    const [local] = first?.localVolumes ?? [];
    expect(local).toMatchObject({ runSpecId: '/keeper', containerPath: 'data' });
    expect(local?.persistenceId).toBe(`keeper#data#${local?.uuid}`);
    expect(await reserved()).toMatchObject({ cpus: 0.1, mem: 32, disk: 10 });

    // Killed: the same instance, the same volume.
    await call('DELETE', `/v2/apps/keeper/tasks/${first?.id}`);
    await expect.poll(async () => (await running('/keeper'))[0]?.id, { timeout: 10_000 }).toBe(`${idOf(first)}._app.2`);
    expect((await running('/keeper'))[0]?.localVolumes).toEqual([local]);

    // Upgraded: the old one goes first, the new one takes over what it had.
    await change('PUT', '/v2/apps/keeper', { env: { VERSION: '2' } });
    const [upgraded] = await running('/keeper');
    expect(upgraded).toMatchObject({ id: `${idOf(first)}._app.3`, localVolumes: [local] });

    // Scaled to nothing it rests, and comes back to its data; also under another leader.
    await change('PUT', '/v2/apps/keeper', { instances: 0 });
    expect(await running('/keeper')).toEqual([]);
    expect(await reserved()).toMatchObject({ disk: 10 });
    await mesos.restartMarathon();
    await change('PUT', '/v2/apps/keeper', { instances: 1 });
    expect(await running('/keeper')).toMatchObject([{ id: `${idOf(first)}._app.4`, localVolumes: [local] }]);

    // Removed: everything is given back.
    expect(await exists(volumeFolder(local?.persistenceId ?? ''))).toBe(true);
    await change('DELETE', '/v2/apps/keeper');
    await expect.poll(reserved, { timeout: 10_000 }).toEqual({});
    await expect.poll(() => exists(volumeFolder(local?.persistenceId ?? '')), { timeout: 10_000 }).toBe(false);
  });

  test('starts anew when it is wiped', async () => {
    await create(keeper('/wiped'));
    const [before] = await running('/wiped');
    const wiped = await call<{ tasks: { id: string }[] }>('DELETE', '/v2/apps/wiped/tasks?wipe=true');
    expect(wiped.json.tasks.map(({ id }) => id)).toEqual([before?.id]);
    await expect
      .poll(async () => (await running('/wiped')).map((task) => idOf(task) === idOf(before)), { timeout: 10_000 })
      .toEqual([false]);
    const [after] = await running('/wiped');
    expect(after?.localVolumes[0]?.persistenceId).not.toBe(before?.localVolumes[0]?.persistenceId);
    // Only what the new one has stays reserved.
    await expect.poll(reserved, { timeout: 10_000 }).toMatchObject({ cpus: 0.1, disk: 10 });
    await change('DELETE', '/v2/apps/wiped');
    await expect.poll(reserved, { timeout: 10_000 }).toEqual({});
  });

  test('waits in the queue, and says why, where there is no disk for it', async () => {
    const huge = { ...volume, persistent: { size: 1_000_000 } };
    const created = await call<AppInfo>(
      'POST',
      '/v2/apps',
      keeper('/huge', { container: { type: 'MESOS', volumes: [huge] } }),
    );
    expect(created.status).toBe(201);
    await expect
      .poll(async () => (await call<{ queue: unknown[] }>('GET', '/v2/queue')).json.queue, { timeout: 10_000 })
      .toMatchObject([
        {
          app: { id: '/huge' },
          processedOffersSummary: {
            rejectSummaryLastOffers: expect.arrayContaining([
              { reason: 'InsufficientDisk', declined: 1, processed: 1 },
            ]),
          },
        },
      ]);
    await change('DELETE', '/v2/apps/huge');
  });

  test.each<[string, object, string, string]>([
    [
      'may not run more instances during an upgrade',
      { upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0.5 } },
      '/upgradeStrategy/maximumOverCapacity',
      'got 0.5, expected 0.0',
    ],
    [
      'is never given up for an agent that is away',
      { unreachableStrategy: { inactiveAfterSeconds: 1, expungeAfterSeconds: 2 } },
      '/',
      'unreachableStrategy must be disabled for resident tasks',
    ],
    [
      'takes unreserved resources only',
      { acceptedResourceRoles: ['dev'] },
      '/acceptedResourceRoles',
      'A resident app must have `acceptedResourceRoles = ["*"]`.',
    ],
  ])('%s', async (_, more, path, error) => {
    const answer = await call<ErrorBody>('POST', '/v2/apps', keeper('/bad', more));
    expect(answer.status).toBe(422);
    expect(answer.json.details).toEqual(expect.arrayContaining([{ path, errors: expect.arrayContaining([error]) }]));
  });

  test('has its data on the disk it asks for: a part of a path, the whole of the smallest mount that does', async () => {
    const on = (type: string) => ({ type: 'MESOS', volumes: [{ ...volume, persistent: { type, size: 20 } }] });
    await create(keeper('/path', { container: on('path') }));
    const [onPath] = await running('/path');
    const place = join(disks, 'path', 'volumes', 'roles', 'dev', onPath?.localVolumes[0]?.persistenceId ?? '', 'log');
    await expect.poll(() => readFile(place, 'utf8').catch(() => ''), { timeout: 10_000 }).toBe(`${onPath?.id}\n`);
    await create(keeper('/mount', { container: on('mount') }));
    const [onMount] = await running('/mount');
    await expect
      .poll(() => readFile(join(disks, 'small', 'log'), 'utf8').catch(() => ''), { timeout: 10_000 })
      .toBe(`${onMount?.id}\n`);
    expect(await reserved()).toMatchObject({ disk: 70 });
    await change('DELETE', '/v2/apps/mount');
    await change('DELETE', '/v2/apps/path');
    await expect.poll(reserved, { timeout: 10_000 }).toEqual({});
    await expect.poll(() => exists(join(disks, 'small', 'log')), { timeout: 10_000 }).toBe(false);
    expect(await exists(join(disks, 'small'))).toBe(true);
  });

  test('can not be given other volumes or resources', async () => {
    await create(keeper('/fixed'));
    const other = { type: 'MESOS', volumes: [{ ...volume, persistent: { size: 20 } }] };
    const volumes = await call<ErrorBody>('PUT', '/v2/apps/fixed', { container: other });
    expect(volumes.status).toBe(422);
    expect(JSON.stringify(volumes.json)).toContain('Persistent volumes can not be changed!');
    const cpus = await call<ErrorBody>('PUT', '/v2/apps/fixed', { cpus: 0.2 });
    expect(cpus.status).toBe(422);
    await change('DELETE', '/v2/apps/fixed');
  });
});

test('a pod keeps data as well, and all of its containers may see it', async () => {
  const created = await call('POST', '/v2/pods', {
    id: '/box',
    volumes: [{ name: 'kept', persistent: { size: 5 } }],
    containers: [
      {
        name: 'writer',
        resources: { cpus: 0.1, mem: 32 },
        exec: { command: { shell: 'echo $MESOS_TASK_ID >> data/log; exec sleep 1000' } },
        volumeMounts: [{ name: 'kept', mountPath: 'data' }],
      },
      {
        // It ends well only where the writer of the launch before has left something.
        name: 'reader',
        resources: { cpus: 0.1, mem: 32 },
        exec: {
          command: {
            shell: 'case $MESOS_TASK_ID in *.1) ;; *) grep -q writer.1 seen/log || exit 4;; esac; exec sleep 1000',
          },
        },
        volumeMounts: [{ name: 'kept', mountPath: 'seen', readOnly: true }],
      },
    ],
  });
  expect({ status: created.status, text: created.text }).toMatchObject({ status: 201 });
  await mesos.marathon.deployed(String(created.headers['marathon-deployment-id']));
  const instances = async () => (await call<PodStatus>('GET', '/v2/pods/box::status')).json.instances;
  const [before] = await instances();
  expect(before).toMatchObject({ status: 'STABLE', localVolumes: [{ runSpecId: '/box', containerPath: 'kept' }] });
  await call('DELETE', `/v2/pods/box::instances/${before?.id}`);
  await expect
    .poll(async () => (await instances()).filter(({ status }) => status === 'STABLE'), { timeout: 10_000 })
    .toMatchObject([
      {
        id: before?.id,
        localVolumes: before?.localVolumes,
        containers: [
          { containerId: `${before?.id}.writer.2`, status: 'TASK_RUNNING' },
          { containerId: `${before?.id}.reader.2`, status: 'TASK_RUNNING' },
        ],
      },
    ]);
  const removed = await call('DELETE', '/v2/pods/box');
  await mesos.marathon.deployed(String(removed.headers['marathon-deployment-id']));
  await expect.poll(reserved, { timeout: 10_000 }).toEqual({});
});
