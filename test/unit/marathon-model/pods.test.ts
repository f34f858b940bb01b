import { describe, expect, test } from 'vitest';
import { putApps, removeApp, transitiveApps, transitiveSpecs } from '../../../src/embedded/marathon/model/group.ts';
import { matchOffer } from '../../../src/embedded/marathon/model/offer-match.ts';
import { planDeployment, stepsJson } from '../../../src/embedded/marathon/model/plan.ts';
import { readPod } from '../../../src/embedded/marathon/model/pod/read.ts';
import { serialisePod } from '../../../src/embedded/marathon/model/pod/serialise.ts';
import { buildTaskGroup } from '../../../src/embedded/marathon/model/pod/task-group.ts';
import { isPod, type PodDefinition, resourcesOf } from '../../../src/embedded/marathon/model/run-spec.ts';
import { stampVersions } from '../../../src/embedded/marathon/model/versions.ts';
import type { Offer, Resource } from '../../../src/protocols/mesos/types.ts';
import { accepted, at, config, makeApp, makeRoot, seeded, t0 } from './make.ts';

const body = (id: string, more: object = {}) => ({
  id,
  containers: [
    { name: 'a', resources: { cpus: 0.1, mem: 32 }, exec: { command: { shell: 'sleep 1' } } },
    { name: 'b', resources: { cpus: 0.2, mem: 64, disk: 1 }, exec: { command: { argv: ['sleep', '1'] } } },
  ],
  ...more,
});

const makePod = (id: string, more: object = {}): PodDefinition =>
  accepted(readPod(body(id, more), { config, root: makeRoot(), now: t0 }));

const scalar = (name: string, value: number, more: Partial<Resource> = {}): Resource => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  role: '*',
  allocation_info: { role: '*' },
  ...more,
});

const offer = (...resources: Resource[]): Offer => ({
  id: { value: 'O1' },
  framework_id: { value: 'F1' },
  agent_id: { value: 'S1' },
  hostname: 'agent',
  resources: [
    ...resources,
    { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31000, end: 31009 }] }, role: '*' },
  ],
  allocation_info: { role: '*' },
});

const match = (pod: PodDefinition, of: Offer) => matchOffer(of, pod, { config, placed: [], random: seeded(1), now: 0 });

describe('pods', () => {
  test('take part in deployments under names of their own', () => {
    const before = makeRoot(makeApp('/app'));
    const withPod = stampVersions(before, putApps(before, [makePod('/g/pod')], at(1)), at(1));
    const options = { id: 'D1', version: at(1) };
    const steps = (from: typeof before, to: typeof before) => stepsJson(planDeployment(from, to, options).steps);
    expect(steps(before, withPod)).toEqual([
      { actions: [{ action: 'StartPod', pod: '/g/pod' }] },
      { actions: [{ action: 'ScalePod', pod: '/g/pod' }] },
    ]);
    const changed = putApps(withPod, [makePod('/g/pod', { environment: { A: 'b' } })], at(2));
    expect(steps(withPod, stampVersions(withPod, changed, at(2)))).toEqual([
      { actions: [{ action: 'RestartPod', pod: '/g/pod' }] },
    ]);
    const scaled = putApps(withPod, [makePod('/g/pod', { scaling: { kind: 'fixed', instances: 3 } })], at(2));
    expect(steps(withPod, stampVersions(withPod, scaled, at(2)))).toEqual([
      { actions: [{ action: 'ScalePod', pod: '/g/pod' }] },
    ]);
    expect(steps(withPod, removeApp(withPod, '/g/pod', at(2)))).toEqual([
      { actions: [{ action: 'StopPod', pod: '/g/pod' }] },
    ]);
    expect(transitiveSpecs(withPod).map(({ id }) => id)).toEqual(['/app', '/g/pod']);
    expect(transitiveApps(withPod).map(({ id }) => id)).toEqual(['/app']);
  });

  test('are the same when they are read again from what the API writes', () => {
    const pod = makePod('/pod', {
      labels: { a: 'b' },
      networks: [{ mode: 'host' }],
      volumes: [{ name: 'box' }],
      scheduling: {
        placement: { constraints: [{ fieldName: 'hostname', operator: 'UNIQUE' }] },
        unreachableStrategy: 'disabled',
      },
      containers: [
        {
          name: 'a',
          resources: { cpus: 0.1, mem: 32 },
          endpoints: [{ name: 'web' }],
          volumeMounts: [{ name: 'box', mountPath: 'box' }],
          healthCheck: { http: { endpoint: 'web' } },
          artifacts: [{ uri: 'http://x/y.tgz' }],
        },
      ],
    });
    expect(accepted(readPod(serialisePod(pod), { config, root: makeRoot(), now: t0 }))).toEqual(pod);
  });

  test('take what their executor and all their containers take', () => {
    const pod = makePod('/pod');
    expect(resourcesOf(pod)).toEqual({ cpus: 0.4, mem: 128, disk: 11, gpus: 0 });
    expect(match(pod, offer(scalar('cpus', 0.3), scalar('mem', 200), scalar('disk', 100)))).toMatchObject({
      kind: 'refused',
      reasons: ['InsufficientCpus'],
    });
  });

  test('are launched as one group, each part with its share of what was offered', () => {
    const pod = makePod('/shop/pod', { scheduling: { placement: { acceptedResourceRoles: ['*'] } } });
    const of = offer(scalar('cpus', 0.2), scalar('cpus', 0.5), scalar('mem', 500), scalar('disk', 50));
    const found = match(pod, of);
    if (found.kind !== 'match') throw new Error('no match');
    const operation = buildTaskGroup(pod, of, found, {
      config,
      enforceRole: false,
      instanceId: 'shop_pod.instance-0c0f5d3e-1111-11ee-8000-010000000000',
      taskIds: ['t.a.1', 't.b.1'],
    });
    const group = operation.launch_group;
    const total = (resources: readonly Resource[] = [], name: string) =>
      Math.round(resources.reduce((sum, one) => sum + (one.name === name ? (one.scalar?.value ?? 0) : 0), 0) * 1000) /
      1000;
    const amounts = (resources?: readonly Resource[]) => ['cpus', 'mem', 'disk'].map((name) => total(resources, name));
    expect(group?.executor).toMatchObject({
      type: 'DEFAULT',
      executor_id: { value: 'instance-shop_pod.0c0f5d3e-1111-11ee-8000-010000000000' },
      framework_id: { value: 'F1' },
    });
    expect(amounts(group?.executor.resources)).toEqual([0.1, 32, 10]);
    expect(group?.task_group.tasks.map(({ resources }) => amounts(resources))).toEqual([
      [0.1, 32, 0],
      [0.2, 64, 1],
    ]);
    expect(group?.task_group.tasks).toMatchObject([
      {
        name: 'a',
        task_id: { value: 't.a.1' },
        command: { shell: true, value: 'sleep 1' },
        discovery: { name: 'pod.shop' },
      },
      { name: 'b', command: { shell: false, value: 'sleep', arguments: ['sleep', '1'] } },
    ]);
  });

  test('off the host network their containers are reached by the ports of their own', () => {
    const pod = makePod('/pod', {
      networks: [{ mode: 'container', name: 'net' }],
      containers: [
        {
          name: 'a',
          resources: { cpus: 0.1, mem: 32 },
          endpoints: [
            { name: 'web', containerPort: 80, hostPort: 0 },
            { name: 'inner', containerPort: 81 },
          ],
        },
      ],
    });
    expect(isPod(pod)).toBe(true);
    const of = offer(scalar('cpus', 1), scalar('mem', 500), scalar('disk', 50));
    const found = match(pod, of);
    if (found.kind !== 'match') throw new Error('no match');
    const [port] = found.hostPorts;
    const { launch_group: group } = buildTaskGroup(pod, of, found, {
      config,
      enforceRole: true,
      instanceId: 'pod.instance-0c0f5d3e-1111-11ee-8000-010000000000',
      taskIds: ['t.a.1'],
    });
    expect(group?.executor.container?.network_infos).toEqual([
      { name: 'net', port_mappings: [{ host_port: port, container_port: 80 }] },
    ]);
    const [task] = group?.task_group.tasks ?? [];
    const env = Object.fromEntries(
      (task?.command?.environment?.variables ?? []).map(({ name, value }) => [name, value]),
    );
    expect(env).toMatchObject({
      ENDPOINT_WEB: '80',
      EP_HOST_WEB: String(port),
      EP_CONTAINER_WEB: '80',
      ENDPOINT_INNER: '81',
      EP_CONTAINER_INNER: '81',
      MARATHON_APP_ENFORCE_GROUP_ROLE: 'TRUE',
    });
    expect(env).not.toHaveProperty('EP_HOST_INNER');
    expect(task?.discovery?.ports?.ports).toMatchObject([
      { number: port, name: 'web', labels: { labels: [{ key: 'network-scope', value: 'host' }] } },
      { number: 81, name: 'inner' },
    ]);
  });
});
