import { describe, expect, test } from 'vitest';
import { refuseChange } from '../../../src/embedded/mesos-agent/compatibility.ts';
import { parseAgentFlags } from '../../../src/embedded/mesos-agent/flags.ts';
import { maxAge } from '../../../src/embedded/mesos-agent/gc.ts';
import { commandExecutorName, refuseContainer } from '../../../src/embedded/mesos-agent/naming.ts';
import { refuseId } from '../../../src/embedded/mesos-agent/sandbox.ts';
import { parseResources } from '../../../src/protocols/mesos/resources.ts';
import { FlagError } from '../../../src/support/flags.ts';

const least = ['--master=h:5050', '--work_dir=/w'];

describe('flags', () => {
  test('have the real defaults', () => {
    expect(parseAgentFlags(least, {})).toMatchObject({
      port: 5051,
      workDir: '/w',
      switchUser: true,
      httpCommandExecutor: false,
      reconfigurationPolicy: 'equal',
      executorRegistrationTimeoutMs: 60_000,
      executorReregistrationTimeoutMs: 2000,
      executorShutdownGraceMs: 5000,
      gcDelayMs: 7 * 24 * 3600_000,
      zkSessionTimeoutMs: 10_000,
    });
  });

  test('come from arguments and MESOS_ variables; arguments win', () => {
    const env = { MESOS_MASTER: 'zk://a:1/mesos', MESOS_WORK_DIR: '/e', MESOS_PORT: '1', MESOS_NO_SUCH: 'x' };
    expect(parseAgentFlags(['--port=2', '--no-switch_user'], env)).toMatchObject({
      master: 'zk://a:1/mesos',
      workDir: '/e',
      port: 2,
      switchUser: false,
    });
  });

  test('are shown as text, but for secrets', () => {
    const { shown } = parseAgentFlags([...least, '--secrets_dir=/s', '--credential=/c', '--attributes=a:b'], {});
    expect(shown).toMatchObject({ attributes: 'a:b', port: '5051', strict: 'true', work_dir: '/w' });
    expect(JSON.stringify(shown)).not.toMatch(/"\/s"|"\/c"/);
  });

  test('add ports where resources name none', () => {
    const { resources } = parseAgentFlags([...least, '--resources=cpus:1;mem:10'], {});
    expect(resources!.map(({ name }) => name).sort()).toEqual(['cpus', 'mem', 'ports']);
  });

  test.each([
    [['--work_dir=/w'], 'master'],
    [['--master=h:1'], 'work_dir'],
    [[...least, '--no_such_flag=1'], 'no_such_flag'],
    [[...least, '--port=99999'], 'port'],
    [[...least, '--gc_delay=soon'], 'gc_delay'],
    [[...least, '--resources=cpus:many'], 'resources'],
    [[...least, '--attributes=nocolon'], 'attributes'],
    [[...least, '--reconfiguration_policy=any'], 'reconfiguration_policy'],
    [[...least, '--executor_environment_variables=[1]'], 'executor_environment_variables'],
    [[...least, '--domain={'], 'domain'],
  ])('that are wrong end the agent: %j', (argv, name) => {
    expect(() => parseAgentFlags(argv, {})).toThrow(FlagError);
    expect(() => parseAgentFlags(argv, {})).toThrow(new RegExp(name === 'gc_delay' ? 'gc_delay|soon' : name));
  });
});

describe('an agent that comes back', () => {
  const agent = (resources: string, attributes: Record<string, string> = {}, hostname = 'h') => ({
    hostname,
    resources: parseResources(resources),
    attributes: Object.entries(attributes).map(([name, value]) => ({ name, type: 'TEXT' as const, text: { value } })),
  });
  const was = agent('cpus:2;ports:[1-9]', { a: 'b' });

  test.each([
    ['the same', agent('ports:[1-9];cpus:2', { a: 'b' }), true, true],
    ['more resources', agent('cpus:3;ports:[1-9]', { a: 'b' }), false, true],
    ['fewer resources', agent('cpus:1;ports:[1-9]', { a: 'b' }), false, false],
    ['another attribute', agent('cpus:2;ports:[1-9]', { a: 'b', c: 'd' }), false, true],
    ['a changed attribute', agent('cpus:2;ports:[1-9]', { a: 'c' }), false, false],
    ['no attribute', agent('cpus:2;ports:[1-9]'), false, false],
    ['another name', agent('cpus:2;ports:[1-9]', { a: 'b' }, 'g'), false, false],
  ])('with %s', (_what, now, equal, additive) => {
    expect(refuseChange(was, now, 'equal') === undefined).toBe(equal);
    expect(refuseChange(was, now, 'additive') === undefined).toBe(additive);
  });
});

test('sandboxes get less old on a fuller disk', () => {
  expect(maxAge(1000, 0.1, 0)).toBe(900);
  expect(maxAge(1000, 0.1, 0.5)).toBeCloseTo(400);
  expect(maxAge(1000, 0.1, 0.95)).toBe(0);
});

test.each(['', '.', '..', 'a/b', 'a\\b', 'a\0b', 'a\nb', 'x'.repeat(256), 7, undefined])('%j can be no id', (id) => {
  expect(refuseId(id)).toBeDefined();
});

test.each([
  ['sleep 1000', "Command Executor (Task: t) (Command: sh -c 'sleep 1000')"],
  ['123456789012345', "Command Executor (Task: t) (Command: sh -c '123456789012345')"],
  ['1234567890123456', "Command Executor (Task: t) (Command: sh -c '123456789012...')"],
])('the executor of %j is called %s', (value, name) => {
  expect(commandExecutorName({ name: 't', task_id: { value: 't' }, agent_id: { value: '' }, command: { value } })).toBe(
    name,
  );
});

describe('which tasks can run', () => {
  const none = undefined;
  const docker = { container: { type: 'DOCKER', docker: { image: 'a' } } } as const;
  const image = { image: { type: 'DOCKER', docker: { name: 'b' } } };

  test('as processes: those without an image', () => {
    const can = { processes: true, docker: false };
    expect(refuseContainer({}, can)).toBe(none);
    expect(refuseContainer({ container: { type: 'MESOS' } }, can)).toBe(none);
    expect(refuseContainer(docker, can)).toContain("'a'");
    expect(refuseContainer({ container: { type: 'MESOS', docker: { image: 'a' } } }, can)).toContain("'a'");
    expect(refuseContainer({ container: { type: 'MESOS', mesos: image } }, can)).toContain("'b'");
  });

  test('as Docker containers: those of that type', () => {
    const can = { processes: true, docker: true };
    expect(refuseContainer(docker, can)).toBe(none);
    expect(refuseContainer({}, can)).toBe(none);
    expect(refuseContainer({ container: { type: 'MESOS', mesos: image } }, can)).toContain("type 'DOCKER'");
  });

  test('in pods: those without an image, which are told no way that pods do not have', () => {
    const container = { type: 'MESOS', mesos: image } as const;
    for (const docker of [false, true]) {
      const can = { processes: true, docker };
      expect(refuseContainer({}, can, true)).toBe(none);
      const refused = refuseContainer({ container }, can, true);
      expect(refused).toContain("'b', and the containers of pods run without images here");
      expect(refused?.includes('--runtime docker')).toBe(!docker);
    }
  });

  test('with the Docker containerizer alone no commands', () => {
    const can = { processes: false, docker: true };
    expect(refuseContainer(docker, can)).toBe(none);
    expect(refuseContainer({}, can)).toMatch(/^None of the enabled containerizers \(docker\) could create a container/);
  });
});

test('what the flags say about Docker', () => {
  const flags = (...more: string[]) => parseAgentFlags(['--master=m:5050', '--work_dir=/w', ...more], {});
  expect(flags().docker).toBeUndefined();
  expect(flags('--containerizers=docker,mesos').docker).toEqual({
    socket: '/var/run/docker.sock',
    config: undefined,
    removeDelayMs: 6 * 3600_000,
    stopTimeoutMs: 0,
    killOrphans: true,
    limitCpus: false,
    dns: [],
    mappedSandbox: '/mnt/mesos/sandbox',
    graceMs: 5000,
    launchTimeoutMs: 60_000,
  });
  const dns = { docker: [{ network_mode: 'USER', network_name: 'n', dns: { nameservers: ['10.0.0.1'] } }] };
  expect(
    flags(
      '--containerizers=docker',
      '--docker_socket=unix:///run/d.sock',
      '--docker_stop_timeout=9secs',
      `--default_container_dns=${JSON.stringify(dns)}`,
    ).docker,
  ).toMatchObject({
    socket: '/run/d.sock',
    graceMs: 9000,
    dns: [{ mode: 'USER', name: 'n', nameservers: ['10.0.0.1'], search: [], options: [] }],
  });
  expect(flags('--docker_mesos_image=mesos').remarks).toHaveLength(1);
  expect(() => flags('--containerizers=docker,rkt')).toThrow("Unknown or unsupported containerizer: 'rkt'");
  expect(() => flags('--containerizers=docker', '--docker_socket=tcp://h')).toThrow('docker_socket');
  expect(() =>
    flags('--containerizers=docker', '--default_container_dns={"docker":[{"network_mode":"HOST"}]}'),
  ).toThrow('default_container_dns');
});
