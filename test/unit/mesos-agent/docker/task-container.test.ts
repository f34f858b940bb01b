import { describe, expect, test } from 'vitest';
import {
  type TaskContainerContext,
  taskContainer,
} from '../../../../src/embedded/mesos-agent/docker/task-container.ts';
import type { ContainerInfo, TaskInfo } from '../../../../src/protocols/mesos/types.ts';

const onEngine: TaskContainerContext = {
  name: 'devcluster-task-1',
  sandbox: '/work/sandbox',
  variables: {},
  labels: { 'devcluster.kind': 'task' },
  mounts: [],
  placement: {},
  ip: '127.0.0.1',
  limitCpus: false,
  dns: [],
  mappedSandbox: '/mnt/mesos/sandbox',
};
const onNode: TaskContainerContext = {
  ...onEngine,
  placement: { cluster: 'c', node: 'node-1', network: 'devcluster-c', nodeContainer: 'devcluster-c-node-1' },
};

function task(docker: ContainerInfo['docker'] | undefined, more: Partial<ContainerInfo & TaskInfo> = {}): TaskInfo {
  const { volumes, network_infos, hostname, ...rest } = more;
  const container: ContainerInfo = { type: 'DOCKER', ...(docker ? { docker } : {}) };
  if (volumes) container.volumes = volumes;
  if (network_infos) container.network_infos = network_infos;
  if (hostname !== undefined) container.hostname = hostname;
  return {
    name: 't',
    task_id: { value: 't' },
    agent_id: { value: 'a' },
    command: { shell: true, value: 'exit 3' },
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, allocation_info: { role: '*' } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 64 }, allocation_info: { role: '*' } },
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31000, end: 31009 }] } },
    ],
    container,
    ...rest,
  };
}
const hostConfig = (of: TaskInfo, context = onEngine) => taskContainer(of, context).request.HostConfig;

describe('the command', () => {
  test('is run by the shell, whatever the entrypoint of the image', () => {
    expect(taskContainer(task({ image: 'i' }), onEngine).request).toMatchObject({
      Image: 'i',
      Entrypoint: ['/bin/sh'],
      Cmd: ['-c', 'exit 3'],
    });
  });

  test('or goes to the entrypoint of the image as it is', () => {
    const { request } = taskContainer(
      task({ image: 'i' }, { command: { shell: false, value: 'a', arguments: ['b', 'c d'] } }),
      onEngine,
    );
    expect(request.Cmd).toEqual(['a', 'b', 'c d']);
    expect(request.Entrypoint).toBeUndefined();
    expect(taskContainer(task({ image: 'i' }, { command: { shell: false } }), onEngine).request.Cmd).toBeUndefined();
  });

  test('may not be missing where a shell is to run it', () => {
    expect(() => taskContainer(task({ image: 'i' }, { command: {} }), onEngine)).toThrow(
      'Shell specified but no command value provided',
    );
  });

  test("has its own variables, and the agent's over them", () => {
    const context = { ...onEngine, variables: { A: '1', MESOS_SANDBOX: 'x' } };
    expect(taskContainer(task({ image: 'i' }), context).request.Env).toEqual([
      'A=1',
      'MESOS_SANDBOX=/mnt/mesos/sandbox',
      'MESOS_CONTAINER_NAME=devcluster-task-1',
      'MESOS_ALLOCATION_ROLE=*',
    ]);
  });
});

describe('limits', () => {
  test('are those of the resources', () => {
    const limits = hostConfig(task({ image: 'i' }));
    expect(limits).toMatchObject({ CpuShares: 102, Memory: 64 * 1024 * 1024 });
    expect(limits.CpuQuota).toBeUndefined();
  });

  test('have a least value', () => {
    const little = [
      { name: 'cpus', type: 'SCALAR' as const, scalar: { value: 0.001 } },
      { name: 'mem', type: 'SCALAR' as const, scalar: { value: 4 } },
    ];
    expect(hostConfig(task({ image: 'i' }, { resources: little }))).toMatchObject({
      CpuShares: 2,
      Memory: 32 * 1024 * 1024,
    });
  });

  test('cap the processor only where the agent is told to', () => {
    expect(hostConfig(task({ image: 'i' }), { ...onEngine, limitCpus: true })).toMatchObject({
      CpuPeriod: 100_000,
      CpuQuota: 10_000,
    });
  });

  test('above the request count, and may be infinite', () => {
    expect(hostConfig(task({ image: 'i' }, { limits: { cpus: 2, mem: { value: 128 } } }))).toMatchObject({
      CpuQuota: 200_000,
      Memory: 128 * 1024 * 1024,
      MemoryReservation: 64 * 1024 * 1024,
    });
    const endless = { limits: { mem: { value: Number.POSITIVE_INFINITY } } };
    expect(hostConfig(task({ image: 'i' }, endless)).Memory).toBeUndefined();
  });
});

describe('the network', () => {
  const user = (name?: string) => task({ image: 'i', network: 'USER' }, { network_infos: name ? [{ name }] : [{}] });

  test.each([
    ['HOST', onEngine, 'host'],
    ['BRIDGE', onEngine, 'bridge'],
    ['NONE', onEngine, 'none'],
    ['HOST', onNode, 'container:devcluster-c-node-1'],
    ['BRIDGE', onNode, 'devcluster-c'],
  ] as const)('of the mode %s', (network, context, mode) => {
    expect(hostConfig(task({ image: 'i', network }), context).NetworkMode).toBe(mode);
  });

  test('is that of the host when nothing is said', () => {
    expect(hostConfig(task({ image: 'i' })).NetworkMode).toBe('host');
  });

  test("of a user's name is joined with the cluster's, by which its node reaches it", () => {
    expect(taskContainer(user('other'), onNode).network).toEqual({
      mode: 'other',
      shared: false,
      kind: 'USER',
      second: 'devcluster-c',
    });
    expect(taskContainer(user('devcluster-c'), onNode).network.second).toBeUndefined();
    expect(taskContainer(user('other'), onEngine).network.second).toBeUndefined();
    expect(() => taskContainer(user(), onNode)).toThrow('No network name found in network info');
    expect(() => taskContainer(task({ image: 'i', network: 'USER' }), onNode)).toThrow('No network info found');
  });

  test('may be told by a parameter', () => {
    const parameters = [{ key: 'net', value: 'host' }];
    expect(hostConfig(task({ image: 'i', network: 'BRIDGE', parameters }), onNode).NetworkMode).toBe(
      'container:devcluster-c-node-1',
    );
  });

  test('has DNS servers by its kind and name, unless the task has its own', () => {
    const dns = [
      { mode: 'BRIDGE' as const, nameservers: ['10.0.0.1'], search: ['s'], options: ['ndots:2'] },
      { mode: 'USER' as const, nameservers: ['10.0.0.2'], search: [], options: [] },
      { mode: 'USER' as const, name: 'special', nameservers: ['10.0.0.3'], search: [], options: [] },
    ];
    const context = { ...onNode, dns };
    const bridge = (parameters: { key: string; value: string }[]) =>
      hostConfig(task({ image: 'i', network: 'BRIDGE', parameters }), context);
    expect(bridge([])).toMatchObject({ Dns: ['10.0.0.1'], DnsSearch: ['s'], DnsOptions: ['ndots:2'] });
    expect(bridge([{ key: 'dns', value: '1.1.1.1' }])).toMatchObject({ Dns: ['1.1.1.1'] });
    expect(hostConfig(user('any'), context).Dns).toEqual(['10.0.0.2']);
    expect(hostConfig(user('special'), context).Dns).toEqual(['10.0.0.3']);
    expect(hostConfig(task({ image: 'i' }), context).Dns).toBeUndefined();
  });

  test('of the host has the name of the host', () => {
    const named = task({ image: 'i', network: 'HOST' }, { hostname: 'h' });
    expect(() => taskContainer(named, onEngine)).toThrow('Unable to set hostname with host network mode');
  });
});

describe('port mappings', () => {
  const mapped = (network: 'HOST' | 'BRIDGE', host_port: number, protocol?: string) =>
    task({
      image: 'i',
      network,
      port_mappings: [{ host_port, container_port: 80, ...(protocol ? { protocol } : {}) }],
    });

  test("are published by the engine at the agent's address", () => {
    const { request, forwards } = taskContainer(mapped('BRIDGE', 31001, 'udp'), onEngine);
    expect(request.ExposedPorts).toEqual({ '80/udp': {} });
    expect(request.HostConfig.PortBindings).toEqual({ '80/udp': [{ HostIp: '127.0.0.1', HostPort: '31001' }] });
    expect(forwards).toEqual([]);
  });

  test('are forwarded by the agent where it is on a node', () => {
    const { request, forwards } = taskContainer(mapped('BRIDGE', 31001), onNode);
    expect(request.HostConfig.PortBindings).toBeUndefined();
    expect(forwards).toEqual([{ protocol: 'tcp', hostPort: 31001, containerPort: 80 }]);
  });

  test('must be ports that the task was given, on a network of its own', () => {
    expect(() => taskContainer(mapped('BRIDGE', 31010), onNode)).toThrow('Port [31010] not included in resources');
    expect(() => taskContainer(mapped('HOST', 31001), onNode)).toThrow(
      'Port mappings are only supported for bridge and user-defined networks',
    );
    expect(() => taskContainer({ ...mapped('BRIDGE', 31001), resources: [] }, onNode)).toThrow(
      'Port mappings require port resources',
    );
    expect(() => taskContainer(mapped('BRIDGE', 31001, 'sctp'), onNode)).toThrow("'sctp'");
  });
});

describe('volumes', () => {
  const binds = (...volumes: NonNullable<ContainerInfo['volumes']>) =>
    hostConfig(task({ image: 'i' }, { volumes })).Binds;
  const docker = (name: string, driver?: string) => ({
    type: 'DOCKER_VOLUME',
    docker_volume: { name, ...(driver ? { driver } : {}) },
  });

  test('lead from the host or the sandbox into the container or its sandbox', () => {
    expect(
      binds(
        { container_path: '/c', host_path: '/h', mode: 'RO' },
        { container_path: '/c', host_path: 'h', mode: 'RW' },
        { container_path: 'c', host_path: '/h' },
      ),
    ).toEqual(['/h:/c:ro', '/work/sandbox/h:/c:rw', '/h:/mnt/mesos/sandbox/c:rw']);
    expect(() => binds({ container_path: 'c', host_path: 'h' })).toThrow('are relative');
    expect(() => binds({ container_path: '/c' })).toThrow('Host path or volume source is required');
  });

  test('may be those of a driver', () => {
    const volumes = [{ container_path: '/c', mode: 'RO' as const, source: docker('v', 'd') }];
    expect(hostConfig(task({ image: 'i' }, { volumes }))).toMatchObject({ Binds: ['v:/c:ro'], VolumeDriver: 'd' });
    const two = ['d', 'e'].map((driver) => ({ container_path: '/c', source: docker('v', driver) }));
    expect(() => binds(...two)).toThrow('Only one volume driver is supported');
  });

  test('the sandbox is always there', () => {
    expect(hostConfig(task({ image: 'i' })).Mounts).toEqual([
      { Type: 'bind', Source: '/work/sandbox', Target: '/mnt/mesos/sandbox', ReadOnly: false },
    ]);
  });
});

describe('parameters', () => {
  const withParameters = (...parameters: [string, string][]) =>
    taskContainer(
      task({ image: 'i', network: 'BRIDGE', parameters: parameters.map(([key, value]) => ({ key, value })) }),
      onEngine,
    ).request;

  test.each([
    ['add-host', 'a:1.2.3.4', { HostConfig: { ExtraHosts: ['a:1.2.3.4'] } }],
    ['cap-add', 'NET_ADMIN', { HostConfig: { CapAdd: ['NET_ADMIN'] } }],
    ['cpus', '1.5', { HostConfig: { NanoCpus: 1_500_000_000 } }],
    [
      'device',
      '/dev/a:/dev/b:r',
      { HostConfig: { Devices: [{ PathOnHost: '/dev/a', PathInContainer: '/dev/b', CgroupPermissions: 'r' }] } },
    ],
    [
      'device',
      '/dev/a',
      { HostConfig: { Devices: [{ PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'rwm' }] } },
    ],
    ['entrypoint', '/e', { Entrypoint: ['/e'], Cmd: ['-c', 'exit 3'] }],
    ['env', 'A=b=c', { Env: expect.arrayContaining(['A=b=c']) }],
    ['expose', '80', { ExposedPorts: { '80/tcp': {} } }],
    ['hostname', 'h', { Hostname: 'h' }],
    ['init', 'true', { HostConfig: { Init: true } }],
    [
      'ip',
      '172.20.0.9',
      { NetworkingConfig: { EndpointsConfig: { bridge: { IPAMConfig: { IPv4Address: '172.20.0.9' } } } } },
    ],
    ['label', 'a=b', { Labels: { a: 'b', 'devcluster.kind': 'task' } }],
    ['log-driver', 'none', { HostConfig: { LogConfig: { Type: 'none' } } }],
    ['log-opt', 'max-size=1m', { HostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } } } }],
    ['memory-swap', '-1', { HostConfig: { MemorySwap: -1 } }],
    ['memory', '1.5g', { HostConfig: { Memory: 1.5 * 1024 ** 3 } }],
    [
      'mount',
      'type=bind,source=/a,target=/b,readonly',
      {
        HostConfig: { Mounts: expect.arrayContaining([{ Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true }]) },
      },
    ],
    ['network-alias', 'n', { NetworkingConfig: { EndpointsConfig: { bridge: { Aliases: ['n'] } } } }],
    ['privileged', 'true', { HostConfig: { Privileged: true } }],
    ['read-only', '', { HostConfig: { ReadonlyRootfs: true } }],
    ['shm-size', '64m', { HostConfig: { ShmSize: 64 * 1024 ** 2 } }],
    ['stop-signal', 'SIGINT', { StopSignal: 'SIGINT' }],
    ['sysctl', 'net.core.somaxconn=9', { HostConfig: { Sysctls: { 'net.core.somaxconn': '9' } } }],
    ['tmpfs', '/run:size=1m', { HostConfig: { Tmpfs: { '/run': 'size=1m' } } }],
    ['ulimit', 'nofile=10', { HostConfig: { Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 10 }] } }],
    ['user', '1:2', { User: '1:2' }],
    ['volume', '/h:/c:ro', { HostConfig: { Binds: ['/h:/c:ro'] } }],
    ['volume', '/anonymous', { Volumes: { '/anonymous': {} } }],
    ['workdir', '/w', { WorkingDir: '/w' }],
  ])('--%s=%s', (key, value, expected) => {
    expect(withParameters([key, value])).toMatchObject(expected);
  });

  test('come together', () => {
    expect(withParameters(['cap-add', 'A'], ['cap-add', 'B']).HostConfig.CapAdd).toEqual(['A', 'B']);
  });

  test.each([
    ['frobnicate', 'x', 'this agent does not know it'],
    ['constructor', 'x', 'this agent does not know it'],
    ['name', 'x', 'finds its containers by their names'],
    ['restart', 'always', 'started again by their framework'],
    ['rm', 'true', 'needs the container after its end'],
    ['publish', '80:80', 'use the port mappings'],
    ['memory', 'lots', "'lots' is no size"],
    ['cpu-shares', 'x', "'x' is no number"],
    ['init', 'perhaps', 'neither'],
    ['label', 'devcluster.node=node-2', "agent's own"],
    ['mount', 'target=', 'a mount has'],
  ])('--%s=%s is refused', (key, value, why) => {
    expect(() => withParameters([key, value])).toThrow(`Invalid Docker parameter '--${key}=${value}': `);
    expect(() => withParameters([key, value])).toThrow(why);
  });
});
