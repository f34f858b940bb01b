import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  commandEnvironment,
  executorEnvironment,
  mergeVariables,
  readVariables,
  taskPath,
} from '../../../src/embedded/mesos-agent/environment.ts';

const agent = {
  ip: '127.1.2.3',
  port: 5051,
  agentId: 'S0',
  shutdownGrace: '5secs',
  recoveryTimeout: '15mins',
  httpCommandExecutor: false,
  path: '/bin',
  extra: undefined,
};
const executor = { frameworkId: 'F', executorId: 'E', directory: '/sandbox', checkpoint: true };

describe('the environment of an executor', () => {
  test('is what the real agent sets', () => {
    expect(executorEnvironment(agent, executor)).toEqual({
      PATH: '/bin',
      LIBPROCESS_IP: '127.1.2.3',
      LIBPROCESS_PORT: '0',
      MESOS_AGENT_ENDPOINT: '127.1.2.3:5051',
      MESOS_CHECKPOINT: '1',
      MESOS_DIRECTORY: '/sandbox',
      MESOS_EXECUTOR_ID: 'E',
      MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '5secs',
      MESOS_FRAMEWORK_ID: 'F',
      MESOS_HTTP_COMMAND_EXECUTOR: '0',
      MESOS_RECOVERY_TIMEOUT: '15mins',
      MESOS_SUBSCRIPTION_BACKOFF_MAX: '2secs',
      MESOS_SANDBOX: '/sandbox',
      MESOS_SLAVE_ID: 'S0',
      MESOS_SLAVE_PID: 'slave(1)@127.1.2.3:5051',
    });
  });

  test('tells nothing of recovery without checkpoints', () => {
    const environment = executorEnvironment(agent, { ...executor, checkpoint: false });
    expect(environment).toMatchObject({ MESOS_CHECKPOINT: '0' });
    expect(environment).not.toHaveProperty('MESOS_RECOVERY_TIMEOUT');
  });

  test('takes variables of the flag, which may replace PATH', () => {
    const extra = { PATH: '/opt/bin', MESOS_DNS_SERVER: '127.1.2.3:53' };
    expect(executorEnvironment({ ...agent, extra }, executor)).toMatchObject(extra);
  });
});

test('a task’s own variables win over all but the sandbox, by which its processes are found', () => {
  const base = executorEnvironment(agent, executor);
  const variables = { PATH: '/mine', MESOS_SANDBOX: '/elsewhere', A: 'b' };
  expect(mergeVariables(base, variables)).toMatchObject({ PATH: '/mine', MESOS_SANDBOX: '/sandbox', A: 'b' });
  const resources = [{ name: 'cpus', type: 'SCALAR' as const, allocation_info: { role: 'web' } }];
  expect(commandEnvironment(base, { resources, variables: {} }).MESOS_ALLOCATION_ROLE).toBe('web');
});

test('tasks find common tools and this Node.js whatever PATH the cluster was started with', () => {
  expect(taskPath('/mine:/usr/bin').split(':').slice(0, 2)).toEqual(['/mine', '/usr/bin']);
  for (const given of [undefined, '', '/mine', 'relative:.:/mine']) {
    const folders = taskPath(given).split(':');
    expect(folders).toEqual(expect.arrayContaining(['/usr/local/bin', '/usr/bin', '/bin', dirname(process.execPath)]));
    expect(folders.every((folder) => folder.startsWith('/'))).toBe(true);
    expect(new Set(folders).size).toBe(folders.length);
  }
});

describe('the variables of a command', () => {
  const resolve = async ({ name }: { name: string }) => Buffer.from(`secret of ${name}`);
  const read = (variables: object[]) => readVariables({ environment: { variables: variables as never } }, resolve);

  test('are values and secrets', async () => {
    expect(
      await read([
        { name: 'A', value: '1' },
        { name: 'B', type: 'SECRET', secret: { reference: { name: 'db' } } },
        { name: 'C', type: 'SECRET', secret: { value: { data: 'eA==' } } },
        { name: 'D' },
      ]),
    ).toEqual({ A: '1', B: 'secret of db', C: 'x', D: '' });
  });

  test.each([
    [{ name: '', value: 'x' }],
    [{ name: 'A=B', value: 'x' }],
    [{ name: 'A\0', value: 'x' }],
    [{ name: 'A', value: 'x\0y' }],
    [{ name: 'A', type: 'SECRET' }],
  ])('that no environment can hold are refused: %j', async (variable) => {
    await expect(read([variable])).rejects.toThrow();
  });
});
