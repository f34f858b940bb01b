import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AppInfo } from '../../../src/protocols/marathon/types.ts';
import { type MesosForTests, startEmbeddedMesos } from './embedded-mesos.ts';

/** Secrets: Marathon hands out references, the agent looks them up. */
let mesos: MesosForTests;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marathon-secrets-'));
  await mkdir(join(folder, 'secrets', 'db'), { recursive: true });
  await writeFile(join(folder, 'secrets', 'db', 'password'), 'swordfish', { mode: 0o600 });
  mesos = await startEmbeddedMesos({
    agent: { secrets_dir: join(folder, 'secrets') },
    marathon: { enable_features: 'secrets' },
  });
}, 30_000);
afterAll(async () => {
  await mesos.close();
  await rm(folder, { recursive: true, force: true });
});

const written = (file: string) => readFile(join(folder, file), 'utf8').catch(() => '');
const small = { cpus: 0.1, mem: 32 };
const secrets = { pass: { source: 'db/password' } };

test('an app gets its secrets as a variable and as a file, and the API shows neither', async () => {
  const created = await mesos.marathon.call<AppInfo>('POST', '/v2/apps', {
    id: '/reader',
    ...small,
    cmd: `echo "$PASSWORD $(cat keys/pass)" > ${join(folder, 'app')}; exec sleep 1000`,
    env: { PASSWORD: { secret: 'pass' } },
    container: { type: 'MESOS', volumes: [{ containerPath: 'keys/pass', secret: 'pass' }] },
    secrets,
  });
  expect({ status: created.status, text: created.text }).toMatchObject({ status: 201 });
  await mesos.marathon.deployed(created.json.deployments?.[0]?.id);
  await expect.poll(() => written('app'), { timeout: 10_000 }).toBe('swordfish swordfish\n');
  const shown = await mesos.marathon.call('GET', '/v2/apps/reader');
  expect(shown.json).toMatchObject({ app: { env: { PASSWORD: { secret: 'pass' } }, secrets } });
  expect(shown.text).not.toContain('swordfish');
  const state = await (await fetch(`${mesos.masterUrl}/state`)).text();
  expect(state).not.toContain('swordfish');
  await mesos.marathon.call('DELETE', '/v2/apps/reader');
});

test('so do the containers of a pod', async () => {
  const created = await mesos.marathon.call('POST', '/v2/pods', {
    id: '/readers',
    environment: { PASSWORD: { secret: 'pass' } },
    secrets,
    volumes: [{ name: 'key', secret: 'pass' }],
    containers: [
      {
        name: 'variable',
        resources: small,
        exec: { command: { shell: `echo "$PASSWORD" > ${join(folder, 'variable')}; exec sleep 1000` } },
      },
      {
        name: 'file',
        resources: small,
        exec: { command: { shell: `cat here/key > ${join(folder, 'file')}; exec sleep 1000` } },
        volumeMounts: [{ name: 'key', mountPath: 'here/key' }],
      },
    ],
  });
  expect({ status: created.status, text: created.text }).toMatchObject({ status: 201 });
  await expect.poll(() => written('variable'), { timeout: 10_000 }).toBe('swordfish\n');
  await expect.poll(() => written('file'), { timeout: 10_000 }).toBe('swordfish');
  expect((await mesos.marathon.call('GET', '/v2/pods/readers::status')).text).not.toContain('swordfish');
  await mesos.marathon.call('DELETE', '/v2/pods/readers');
});

test('a secret that nobody has ends the task with its name', async () => {
  const created = await mesos.marathon.call<AppInfo>('POST', '/v2/apps', {
    id: '/nothing',
    ...small,
    cmd: 'exec sleep 1000',
    env: { PASSWORD: { secret: 'pass' } },
    secrets: { pass: { source: 'no/such' } },
  });
  expect(created.status).toBe(201);
  await expect
    .poll(async () => (await mesos.marathon.app('/nothing')).lastTaskFailure?.message, { timeout: 10_000 })
    .toContain("'no/such'");
  await mesos.marathon.call('DELETE', '/v2/apps/nothing');
});
