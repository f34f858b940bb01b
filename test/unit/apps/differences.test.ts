import { describe, expect, it } from 'vitest';
import { compareApp } from '../../../src/apps/differences.ts';
import type { AppInfo } from '../../../src/protocols/marathon/types.ts';

/** An app as Marathon answers it. */
const running = {
  id: '/shop/web',
  cmd: 'serve',
  acceptedResourceRoles: ['*'],
  backoffFactor: 1.15,
  backoffSeconds: 1,
  cpus: 0.1,
  mem: 128,
  disk: 0,
  gpus: 0,
  executor: '',
  instances: 3,
  env: { COLOR: 'red', KEEP: '1' },
  labels: { team: 'shop' },
  healthChecks: [{ protocol: 'HTTP', path: '/', gracePeriodSeconds: 300, intervalSeconds: 2, ipProtocol: 'IPv4' }],
  killSelection: 'YOUNGEST_FIRST',
  maxLaunchDelaySeconds: 300,
  networks: [{ mode: 'host' }],
  portDefinitions: [{ port: 10001, protocol: 'tcp', name: 'default' }],
  dependencies: ['/shop/db'],
  requirePorts: false,
  role: '*',
  unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
  upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
  version: '2026-01-01T00:00:00.000Z',
  tasksRunning: 3,
} as unknown as AppInfo;

const same = {
  id: '/shop/web',
  cmd: 'serve',
  cpus: 0.1,
  instances: 3,
  env: { COLOR: 'red', KEEP: '1' },
  labels: { team: 'shop' },
  healthChecks: [{ protocol: 'HTTP', path: '/', intervalSeconds: 2 }],
  dependencies: ['db'],
  portDefinitions: [{ port: 0, protocol: 'tcp' }],
};

describe('what a deployment changes', () => {
  it('is nothing when the definition says what runs, whatever Marathon has filled in', () => {
    expect(compareApp(running, same)).toEqual({ id: '/shop/web', change: 'none', differences: [] });
    expect(compareApp(running, { ...same, ports: [0], portDefinitions: undefined }).change).toBe('none');
  });

  it('is a new app when there is none', () => {
    expect(compareApp(undefined, same).change).toBe('create');
  });

  it('is told by field, also what is left out', () => {
    const { cpus: _, labels: __, ...rest } = same;
    const { change, differences } = compareApp(running, {
      ...rest,
      instances: 1,
      env: { COLOR: 'tomato', NEW: 'x' },
      healthChecks: [{ protocol: 'HTTP', path: '/ready', intervalSeconds: 2 }],
    });
    expect(change).toBe('update');
    expect(differences).toEqual([
      { path: 'instances', kind: 'changed', before: 3, after: 1 },
      { path: 'env.COLOR', kind: 'changed', before: 'red', after: 'tomato' },
      { path: 'env.NEW', kind: 'added', after: 'x' },
      { path: 'env.KEEP', kind: 'removed', before: '1' },
      { path: 'healthChecks.0.path', kind: 'changed', before: '/', after: '/ready' },
      { path: 'cpus', kind: 'removed', before: 0.1 },
      { path: 'labels.team', kind: 'removed', before: 'shop' },
    ]);
  });

  it('is not the time of deployment alone', () => {
    const labelled = { ...running, labels: { team: 'shop', 'devcluster.time': 'then' } } as AppInfo;
    expect(compareApp(labelled, { ...same, labels: { team: 'shop', 'devcluster.time': 'now' } }).change).toBe('none');
  });

  it('knows older ways to say the same', () => {
    const docker = {
      ...running,
      cmd: undefined,
      networks: [{ mode: 'container/bridge' }],
      container: { type: 'DOCKER', docker: { image: 'x:1' }, portMappings: [{ containerPort: 80, hostPort: 0 }] },
    } as unknown as AppInfo;
    const { cmd: _, portDefinitions: __, ...rest } = same;
    const container = {
      type: 'DOCKER',
      docker: { image: 'x:1', network: 'BRIDGE', portMappings: [{ containerPort: 80 }] },
    };
    expect(compareApp(docker, { ...rest, container }).differences).toEqual([]);
  });
});
