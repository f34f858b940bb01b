import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AppInfo, QueueItem } from '../../../src/protocols/marathon/types.ts';
import { type MesosForTests, startEmbeddedMesos } from './embedded-mesos.ts';

/** Where apps find their place on a real agent: attributes of every kind, roles, GPUs. */
let mesos: MesosForTests;
beforeAll(async () => {
  mesos = await startEmbeddedMesos({
    agent: {
      attributes: 'rack:r1;level:2.50;steps:[7-9,1-3]',
      resources: 'cpus:2;cpus(dev):2;mem:4096;mem(dev):64;gpus:1;ports:[31000-31009]',
    },
    marathon: { mesos_role: 'dev', enable_features: 'gpu_resources', gpu_scheduling_behavior: 'unrestricted' },
  });
}, 30_000);
afterAll(() => mesos.close());

const small = { cmd: 'exec sleep 1000', cpus: 0.1, mem: 32, portDefinitions: [], backoffSeconds: 0 };
let count = 0;

/** Creates the app, and tells whether it runs, or why it waits; removes it again. */
async function placed(app: object): Promise<string> {
  const { marathon } = mesos;
  const id = `/placed-${++count}`;
  const created = await marathon.call<AppInfo>('POST', '/v2/apps', { id, ...small, ...app });
  expect({ status: created.status, text: created.text }).toMatchObject({ status: 201 });
  let found = '';
  await expect
    .poll(
      async () => {
        const { queue } = (await marathon.call<{ queue: QueueItem[] }>('GET', '/v2/queue')).json;
        const waiting = queue.find((item) => item.app.id === id);
        const refused = waiting?.processedOffersSummary.rejectSummaryLastOffers.find(({ declined }) => declined > 0);
        const running = (await marathon.app(id)).tasksRunning === (await marathon.app(id)).instances;
        found = running ? 'runs' : (refused?.reason ?? '');
        return found;
      },
      { timeout: 10_000 },
    )
    .not.toBe('');
  const removed = await marathon.call<{ deploymentId: string }>('DELETE', `/v2/apps${id}`);
  await marathon.deployed(removed.json.deploymentId);
  return found;
}

describe('constraints on attributes', () => {
  test.each<[string[], boolean]>([
    [['rack', 'CLUSTER', 'r1'], true],
    [['rack', 'CLUSTER', 'r2'], false],
    [['rack', 'UNLIKE', 'r.'], false],
    [['level', 'IS', '2.500'], true],
    [['level', 'IS', '3'], false],
    [['steps', 'LIKE', '\\[1-3,7-9\\]'], true],
    [['steps', 'LIKE', '1-3'], false],
    [['nowhere', 'UNLIKE', '.*'], true],
    [['nowhere', 'LIKE', '.*'], false],
    [['@hostname', 'IS', '127.0.0.1'], true],
  ])('%j: %s', async (constraint, fits) => {
    expect(await placed({ constraints: [constraint] })).toBe(fits ? 'runs' : 'UnfulfilledConstraint');
  });

  test.each<[string[], boolean]>([
    [['rack', 'UNIQUE'], false],
    [['rack', 'MAX_PER', '2'], true],
    [['rack', 'CLUSTER'], true],
    [['rack', 'GROUP_BY', '2'], false],
  ])('%j for two instances: %s', async (constraint, fits) => {
    expect(await placed({ constraints: [constraint], instances: 2 })).toBe(fits ? 'runs' : 'UnfulfilledConstraint');
  });
});

describe('roles', () => {
  test('what is reserved for the role is used, what is not as well', async () => {
    expect(await placed({ cpus: 4 })).toBe('runs');
    expect(await placed({ cpus: 2, acceptedResourceRoles: ['dev'] })).toBe('runs');
    expect(await placed({ cpus: 2, acceptedResourceRoles: ['*'] })).toBe('runs');
  });
  test('only accepted roles are looked at', async () => {
    expect(await placed({ cpus: 3, acceptedResourceRoles: ['dev'] })).toBe('InsufficientCpus');
    expect(await placed({ mem: 100, acceptedResourceRoles: ['dev'] })).toBe('InsufficientMemory');
  });
});

describe('GPUs', () => {
  test('are given to who asks for them, as many as there are', async () => {
    expect(await placed({ gpus: 1 })).toBe('runs');
    expect(await placed({ gpus: 2 })).toBe('InsufficientGpus');
  });
  test('are kept for those who need them where the app or the flag says so', async () => {
    expect(await placed({ labels: { GPU_SCHEDULING_BEHAVIOR: 'restricted' } })).toBe('DeclinedScarceResources');
    expect(await placed({})).toBe('runs');
  });
});
