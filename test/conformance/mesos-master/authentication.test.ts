import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startMaster, type TestMaster } from './harness.ts';

let folder: string;
let master: TestMaster;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesos-master-'));
});
afterEach(async () => {
  await master?.stop();
  await rm(folder, { recursive: true, force: true });
});

const basic = (principal: string, secret: string) => ({
  Authorization: `Basic ${Buffer.from(`${principal}:${secret}`).toString('base64')}`,
});

async function startGuarded(...flags: string[]) {
  const file = join(folder, 'credentials.json');
  await writeFile(file, JSON.stringify({ credentials: [{ principal: 'me', secret: 'hush' }] }));
  master = await startMaster([`--credentials=file://${file}`, ...flags]);
}

it('guards what its flags say, each with its realm, and leaves the rest open', async () => {
  await startGuarded('--authenticate_http_readonly', '--authenticate_http_frameworks');
  for (const [path, realm] of [
    ['/state', 'mesos-master-readonly'],
    ['/master/tasks', 'mesos-master-readonly'],
    ['/metrics/snapshot', 'mesos-master-readonly'],
    ['/api/v1/scheduler', 'mesos-master-scheduler'],
  ]) {
    const reply = await master.request(path!);
    expect([path, reply.status, reply.headers['www-authenticate']]).toEqual([path, 401, `Basic realm="${realm}"`]);
  }
  for (const path of ['/health', '/version', '/']) expect((await master.request(path)).status).toBe(200);
  expect((await master.post('/api/v1', { type: 'GET_HEALTH' })).status).toBe(200);
});

it('takes the credentials of its file and no others', async () => {
  await startGuarded('--authenticate_http_readonly');
  const status = async (headers: Record<string, string>) => (await master.request('/state', { headers })).status;
  expect(await status(basic('me', 'hush'))).toBe(200);
  expect(await status(basic('me', 'hushed'))).toBe(401);
  expect(await status(basic('you', 'hush'))).toBe(401);
  expect(await status({ Authorization: 'Bearer hush' })).toBe(401);
  expect(await status({ Authorization: 'Basic !' })).toBe(401);
});

it('never shows where they are', async () => {
  await startGuarded();
  expect(JSON.stringify(await master.json('/flags'))).not.toContain(folder);
});
