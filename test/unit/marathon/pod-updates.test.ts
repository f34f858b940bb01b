import { describe, expect, test } from 'vitest';
import { createEventBus } from '../../../src/embedded/marathon/events.ts';
import { createInstanceTracker } from '../../../src/embedded/marathon/instances.ts';
import { createCatalog } from '../../../src/embedded/marathon/leader/catalog.ts';
import { conditionOfTasks } from '../../../src/embedded/marathon/leader/status.ts';
import { createTaskUpdates } from '../../../src/embedded/marathon/leader/task-updates.ts';
import type { ContainerTask, Instance } from '../../../src/embedded/marathon/model/instance.ts';
import { readPod } from '../../../src/embedded/marathon/model/pod/read.ts';
import type { TaskState, TaskStatus } from '../../../src/protocols/mesos/types.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { accepted, config, makeInstance, makeRoot, t0 } from '../marathon-model/make.ts';

const instanceId = 'pod.instance-0c0f5d3e-1111-11ee-8000-010000000000';
const taskId = (name: string) => `${instanceId}.${name}.1`;
const task = (name: string, state?: TaskState): ContainerTask => ({
  name,
  id: taskId(name),
  hostPorts: [],
  stagedAt: t0,
  ipAddresses: [],
  ...(state && { status: { task_id: { value: taskId(name) }, state } }),
});

describe('the condition of a pod’s instance', () => {
  test.each<[(TaskState | undefined)[], string]>([
    [[undefined, undefined], 'Provisioned'],
    [['TASK_STAGING', undefined], 'Staging'],
    [['TASK_RUNNING', 'TASK_STARTING'], 'Starting'],
    [['TASK_RUNNING', 'TASK_RUNNING'], 'Running'],
    [['TASK_RUNNING', 'TASK_FINISHED'], 'Running'],
    [['TASK_RUNNING', 'TASK_FAILED'], 'Running'],
    [['TASK_KILLING', 'TASK_RUNNING'], 'Killing'],
    [['TASK_UNREACHABLE', 'TASK_RUNNING'], 'Unreachable'],
    [['TASK_FINISHED', 'TASK_FINISHED'], 'Finished'],
    [['TASK_KILLED', 'TASK_FAILED'], 'Failed'],
    [['TASK_KILLED', 'TASK_FINISHED'], 'Finished'],
  ])('of containers in %j is %s', (states, condition) => {
    expect(conditionOfTasks(states.map((state, index) => task(`c${index}`, state)))).toBe(condition);
  });
});

function world(goal: Instance['goal'] = 'Running', reservation?: Instance['reservation']) {
  const clock = createManualClock();
  const container = { resources: { cpus: 0.1, mem: 32 } };
  const check = { exec: { command: { shell: 'true' } } };
  const pod = accepted(
    readPod(
      {
        id: '/pod',
        containers: [
          { ...container, name: 'a', healthCheck: check },
          { ...container, name: 'b' },
        ],
      },
      { config, root: makeRoot(), now: t0 },
    ),
  );
  const instance = makeInstance({
    id: instanceId,
    appId: '/pod',
    goal,
    condition: 'Provisioned',
    containers: [task('a'), task('b')],
    ...(reservation && { reservation }),
  });
  const tracker = createInstanceTracker([instance], () => {});
  const told: string[] = [];
  const strays: string[] = [];
  const updates = createTaskUpdates({
    tracker,
    catalog: createCatalog(makeRoot(), [pod]),
    events: createEventBus(clock),
    clock,
    log: silentLogger,
    killStray: (id) => strays.push(id),
    noteDelay: (_spec, { condition }) => told.push(condition),
    onFailure: ({ taskId: id }) => told.push(`failed ${id}`),
    onMesosHealth: () => {},
  });
  const update = (name: string, state: TaskState, more: Partial<TaskStatus> = {}) =>
    updates.handle({ task_id: { value: taskId(name) }, state, ...more });
  return { tracker, told, strays, update, now: () => tracker.get(instanceId) };
}

describe('statuses of containers', () => {
  test('make the instance run when all run, and end it when all have ended', () => {
    const { update, now, told } = world();
    update('a', 'TASK_RUNNING');
    expect(now()?.condition).toBe('Provisioned');
    update('b', 'TASK_RUNNING');
    expect(now()?.condition).toBe('Running');
    update('a', 'TASK_FAILED', { message: 'Command exited with status 1' });
    expect(now()?.condition).toBe('Running');
    update('b', 'TASK_KILLED');
    // Failed, and at once waiting for its next launch.
    expect(now()).toMatchObject({ condition: 'Scheduled', containers: [{ id: taskId('a') }, { id: taskId('b') }] });
    expect(told).toEqual(['Running', `failed ${taskId('a')}`, 'Failed']);
  });

  test('that repeat an end change nothing', () => {
    const { update, now, strays } = world();
    update('a', 'TASK_RUNNING');
    update('b', 'TASK_RUNNING');
    update('a', 'TASK_FINISHED');
    const before = now();
    update('a', 'TASK_GONE', { reason: 'REASON_RECONCILIATION' });
    expect(now()).toBe(before);
    expect(strays).toEqual([]);
  });

  test('tell its health: that of the containers with a check', () => {
    const { update, now } = world();
    update('a', 'TASK_RUNNING');
    update('b', 'TASK_RUNNING');
    expect(now()?.healthy).toBeUndefined();
    update('a', 'TASK_RUNNING', { healthy: true });
    expect(now()?.healthy).toBe(true);
    update('a', 'TASK_RUNNING', { healthy: false });
    expect(now()?.healthy).toBe(false);
  });

  test('end an instance that nobody wants, but keep one that has something reserved', () => {
    for (const [goal, kept] of [
      ['Decommissioned', false],
      ['Stopped', true],
    ] as const) {
      const { update, now } = world(goal, kept ? { volumes: [] } : undefined);
      update('a', 'TASK_KILLED');
      update('b', 'TASK_KILLED');
      expect(now()?.condition).toBe(kept ? 'Killed' : undefined);
    }
  });

  test('from an agent that is gone for good free the instance of its place', () => {
    const { update, now } = world('Running', { volumes: [] });
    update('a', 'TASK_GONE_BY_OPERATOR');
    update('b', 'TASK_GONE_BY_OPERATOR');
    expect(now()).toMatchObject({ condition: 'Scheduled' });
    expect(now()).not.toHaveProperty('reservation');
  });
});
