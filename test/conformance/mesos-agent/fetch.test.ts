import { execFileSync } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { killTasks } from '../../../src/protocols/mesos/task-processes.ts';
import type { CommandUri, TaskInfo } from '../../../src/protocols/mesos/types.ts';
import {
  commandTask,
  type FakeMaster,
  framework,
  makeWorkDir,
  startAgent,
  startFakeMaster,
  type TestAgent,
} from './harness.ts';

let master: FakeMaster;
let agent: TestAgent;
let work: Awaited<ReturnType<typeof makeWorkDir>>;
let web: Server;
let base: string;
let source: string;
const requests: string[] = [];

beforeAll(async () => {
  work = await makeWorkDir();
  source = join(work.path, 'source');
  await mkdir(join(source, 'inner'), { recursive: true });
  await writeFile(join(source, 'inner', 'file'), 'from the archive');
  execFileSync('tar', ['-C', source, '-czf', join(source, 'pack.tar.gz'), 'inner']);
  await writeFile(join(source, 'plain.txt'), 'plain');
  execFileSync('gzip', ['-k', join(source, 'plain.txt')]);
  await writeFile(join(source, 'tool'), '#!/bin/sh\necho tool ran\n');
  await mkdir(join(work.path, 'secrets', 'db'), { recursive: true });
  await writeFile(join(work.path, 'secrets', 'db', 'password'), 'hunter2');
  web = createServer(async (request, response) => {
    requests.push(request.url ?? '');
    if (request.url === '/moved') return response.writeHead(302, { Location: '/plain.txt' }).end();
    const body = await readFile(join(source, (request.url ?? '').split('?')[0]!)).catch(() => undefined);
    response.writeHead(body ? 200 : 404).end(body);
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  master = await startFakeMaster();
  agent = await startAgent(master, join(work.path, 'agent'), {}, { MESOS_SECRETS_DIR: join(work.path, 'secrets') });
  await agent.service.ready;
});

afterAll(async () => {
  web?.close();
  web?.closeAllConnections();
  await agent?.service.stop();
  await master?.close();
  await killTasks([join(work.path, 'agent')]);
  await work?.remove();
});

const sandboxOf = (id: string) =>
  join(work.path, 'agent/slaves/latest/frameworks/framework-1/executors', id, 'runs/latest');
const launch = (id: string, value: string, uris: CommandUri[], overrides: Partial<TaskInfo> = {}) =>
  master.send({
    type: 'LAUNCH',
    framework: framework(),
    task: commandTask(id, value, { command: { value, uris }, ...overrides }),
  });
const outputOf = (id: string) => readFile(join(sandboxOf(id), 'stdout'), 'utf8');

describe('files are in the sandbox before the command runs', () => {
  test('from the web, and extracted', async () => {
    launch('web', 'cat plain.txt inner/file; ls', [{ value: `${base}/plain.txt` }, { value: `${base}/pack.tar.gz` }]);
    await master.update('web', 'TASK_FINISHED');
    expect(await outputOf('web')).toContain('plainfrom the archive');
    expect(await outputOf('web')).toContain('pack.tar.gz');
  });

  test('from paths and file URIs', async () => {
    launch('local', 'cat plain.txt; cat inner/file', [
      { value: join(source, 'plain.txt') },
      { value: `file://${source}/pack.tar.gz` },
    ]);
    await master.update('local', 'TASK_FINISHED');
    expect(await outputOf('local')).toBe('plainfrom the archive');
  });

  test('under another name, unpacked, executable, or left as they are', async () => {
    launch('kinds', './bin/mine && cat zipped', [
      { value: `${base}/tool`, executable: true, output_file: 'bin/mine' },
      { value: `${base}/plain.txt.gz`, output_file: 'zipped.gz' },
      { value: `${base}/pack.tar.gz`, extract: false },
    ]);
    await master.update('kinds', 'TASK_FINISHED');
    expect(await outputOf('kinds')).toBe('tool ran\nplain');
    await expect(stat(join(sandboxOf('kinds'), 'inner'))).rejects.toThrow('ENOENT');
  });

  test('after redirects', async () => {
    launch('moved', 'cat moved', [{ value: `${base}/moved` }]);
    await master.update('moved', 'TASK_FINISHED');
    expect(await outputOf('moved')).toBe('plain');
  });

  test('downloaded once when cached', async () => {
    const uri = { value: `${base}/pack.tar.gz?cached`, output_file: 'pack.tar.gz', cache: true };
    for (const id of ['cached-1', 'cached-2']) launch(id, 'cat inner/file', [uri]);
    for (const id of ['cached-1', 'cached-2']) {
      await master.update(id, 'TASK_FINISHED');
      expect(await outputOf(id)).toBe('from the archive');
    }
    expect(requests.filter((url) => url.endsWith('?cached'))).toHaveLength(1);
  });
});

test.each([
  ['missing', () => `${base}/nothing-here`, /404/],
  ['no-file', () => '/no/such/file', /no such file/],
  ['no-server', () => 'http://127.0.0.1:1/x', /ECONNREFUSED/],
  ['scheme', () => 'hdfs://somewhere/file', /hdfs/],
  ['relative', () => 'some/file', /frameworks_home/],
  ['broken', () => `${base}/plain.txt`, /tar exited/],
])('a fetch that fails ends the task before it starts: %s', async (id, uri, why) => {
  launch(`fetch-${id}`, 'echo ran', [{ value: uri(), ...(id === 'broken' ? { output_file: 'x.tar' } : {}) }]);
  const status = await master.update(`fetch-${id}`, 'TASK_FAILED');
  expect(status.reason).toBe('REASON_CONTAINER_LAUNCH_FAILED');
  expect(status.source).toBe('SOURCE_AGENT');
  expect(status.message).toContain('Failed to fetch all URIs for container');
  expect(status.message).toMatch(why);
  expect(master.statusesOf(`fetch-${id}`)).toHaveLength(1);
});

describe('secrets', () => {
  const variables = [
    {
      name: 'PASSWORD',
      type: 'SECRET' as const,
      secret: { type: 'REFERENCE' as const, reference: { name: 'db/password' } },
    },
    { name: 'INLINE', type: 'SECRET' as const, secret: { type: 'VALUE' as const, value: { data: 'aW5zaWRl' } } },
    { name: 'PLAIN', value: 'yes' },
  ];

  test('reach the task’s environment and files, and no answer of the agent', async () => {
    launch('secret', '', [], {
      command: {
        value: `printf '%s %s %s %s' "$PASSWORD" "$INLINE" "$PLAIN" "$(cat keys/db)"; sleep 1000`,
        environment: { variables },
      },
      container: {
        type: 'MESOS',
        volumes: [
          {
            container_path: 'keys/db',
            source: { type: 'SECRET', secret: { type: 'REFERENCE', reference: { name: 'db/password' } } },
          },
        ],
      },
    });
    await master.update('secret', 'TASK_RUNNING');
    await expect.poll(() => outputOf('secret').catch(() => '')).toBe('hunter2 inside yes hunter2');
    expect((await stat(join(sandboxOf('secret'), 'keys/db'))).mode & 0o777).toBe(0o600);
    const file = encodeURIComponent(join(sandboxOf('secret'), 'keys/db'));
    for (const path of [`/files/read?path=${file}&offset=0`, `/files/download?path=${file}`])
      expect((await agent.get(path)).text).not.toContain('hunter2');
    for (const path of ['/state', '/flags', '/containers'])
      expect((await agent.get(path)).text).not.toMatch(/hunter2|aW5zaWRl|secrets/);
    for (const type of ['GET_STATE', 'GET_TASKS', 'GET_EXECUTORS', 'GET_FLAGS'])
      expect((await agent.post('/api/v1', { type })).text).not.toMatch(/hunter2|aW5zaWRl/);
    expect(await readFile(join(work.path, 'agent/meta/journal'), 'utf8')).not.toContain('hunter2');
  });

  test('in files are gone with the task', async () => {
    const source = { type: 'SECRET', secret: { type: 'REFERENCE', reference: { name: 'db/password' } } };
    launch('brief', 'cat keys/db', [], {
      container: { type: 'MESOS', volumes: [{ container_path: 'keys/db', source }] },
    });
    await master.update('brief', 'TASK_FINISHED');
    expect(await outputOf('brief')).toBe('hunter2');
    await expect.poll(() => readFile(join(sandboxOf('brief'), 'keys/db')).catch(() => 'gone')).toBe('gone');
  });

  test.each(['no/such', '../plain.txt', 'db/../../source/plain.txt'])(
    'that do not exist fail the task: %s',
    async (name) => {
      const id = `secret-${name.replaceAll(/\W/g, '-')}`;
      launch(id, '', [], {
        command: {
          value: 'true',
          environment: {
            variables: [{ name: 'A', type: 'SECRET', secret: { type: 'REFERENCE', reference: { name } } }],
          },
        },
      });
      const status = await master.update(id, 'TASK_FAILED');
      expect(status.message).toContain(`'${name}'`);
      expect(status.reason).toBe('REASON_CONTAINER_LAUNCH_FAILED');
    },
  );
});

describe('volumes', () => {
  test('are links at relative paths: host folders and persistent volumes', async () => {
    const disk = {
      name: 'disk',
      type: 'SCALAR' as const,
      scalar: { value: 10 },
      disk: { persistence: { id: 'vol-1' }, volume: { container_path: 'data', mode: 'RW' as const } },
      reservations: [{ role: 'web' }],
    };
    const overrides = (value: string): Partial<TaskInfo> => ({
      command: { value },
      resources: [disk],
      container: { type: 'MESOS', volumes: [{ container_path: 'host', host_path: source, mode: 'RO' }] },
    });
    launch('volume-1', '', [], overrides('cat host/plain.txt; echo kept > data/file'));
    await master.update('volume-1', 'TASK_FINISHED');
    expect(await outputOf('volume-1')).toBe('plain');
    launch('volume-2', '', [], overrides('cat data/file'));
    await master.update('volume-2', 'TASK_FINISHED');
    expect(await outputOf('volume-2')).toBe('kept\n');
  });

  test.each(['/absolute', '../outside'])('at other paths are refused: %s', async (container_path) => {
    const id = `volume-${container_path.replaceAll(/\W/g, '-')}`;
    launch(id, 'true', [], { container: { type: 'MESOS', volumes: [{ container_path, host_path: source }] } });
    const status = await master.update(id, 'TASK_FAILED');
    expect(status.message).toContain('must be relative');
  });
});
