import { describe, expect, it } from 'vitest';
import {
  type AppState,
  appEmbeds,
  appInfo,
  groupEmbeds,
  groupInfo,
  type QueueState,
  queueItem,
  taskCounts,
  taskJson,
} from '../../../src/embedded/marathon/model/app-info.ts';
import type { Condition, Instance } from '../../../src/embedded/marathon/model/instance.ts';
import type { Health, UnusedOffer } from '../../../src/protocols/marathon/types.ts';
import type { TaskState, TaskStatus } from '../../../src/protocols/mesos/types.ts';
import { at, makeApp, makeInstance, makeRoot } from './make.ts';

const app = makeApp('/shop/web', { portDefinitions: [{ port: 10001, protocol: 'tcp' }] });
const statusOf = (state: TaskState, fields: Partial<TaskStatus> = {}): TaskStatus => ({
  task_id: { value: 't' },
  state,
  ...fields,
});
const health = (instanceId: string, alive: boolean): Health => ({
  alive,
  consecutiveFailures: alive ? 0 : 2,
  instanceId,
});

function launched(condition: Condition, state?: TaskState, fields: Partial<Instance> = {}): Instance {
  const base = makeInstance({
    appId: app.id,
    condition,
    placement: { agentId: 'S1', host: 'node-1', region: 'eu', zone: 'a', attributes: [] },
  });
  return {
    ...base,
    task: {
      id: `${base.id}._app.1`,
      hostPorts: [31000],
      stagedAt: at(1),
      ...(state !== undefined && state !== 'TASK_STAGING' && { startedAt: at(2) }),
      ...(state !== undefined && { status: statusOf(state) }),
      ipAddresses: [{ ipAddress: '10.0.0.1', protocol: 'IPv4' }],
    },
    ...fields,
  };
}

const stateOf = (instances: readonly Instance[], fields: Partial<AppState> = {}): AppState => ({
  instances,
  health: new Map(),
  deployments: [],
  readiness: [],
  now: Date.parse(at(100)),
  ...fields,
});

describe('a task', () => {
  it('is shown with where it is and since when', () => {
    const instance = launched('Running', 'TASK_RUNNING');
    expect(taskJson(app, instance, [health(instance.id, true)])).toEqual({
      appId: '/shop/web',
      id: `${instance.id}._app.1`,
      host: 'node-1',
      slaveId: 'S1',
      state: 'TASK_RUNNING',
      ports: [31000],
      servicePorts: [],
      ipAddresses: [{ ipAddress: '10.0.0.1', protocol: 'IPv4' }],
      stagedAt: at(1),
      startedAt: at(2),
      version: at(0),
      healthCheckResults: [health(instance.id, true)],
      localVolumes: [],
      region: 'eu',
      zone: 'a',
      role: '*',
    });
    expect(taskJson(app, instance, [], [10001])?.servicePorts).toEqual([10001]);
  });

  it('is not there before its instance was launched', () => {
    expect(taskJson(app, makeInstance({ condition: 'Scheduled' }), [])).toBeUndefined();
  });

  it('that has ended has no ports and no times', () => {
    const task = taskJson(app, launched('Failed', 'TASK_FAILED'), []);
    expect(task).toMatchObject({ state: 'TASK_FAILED', ports: [] });
    for (const absent of ['stagedAt', 'startedAt', 'version']) expect(task).not.toHaveProperty(absent);
  });

  it.each<[Condition, TaskState | undefined, string]>([
    ['Provisioned', undefined, 'TASK_STAGING'],
    ['Staging', 'TASK_STAGING', 'TASK_STAGING'],
    ['Starting', 'TASK_STARTING', 'TASK_STARTING'],
    ['Killing', 'TASK_KILLING', 'TASK_KILLING'],
    ['Unreachable', 'TASK_UNREACHABLE', 'TASK_UNREACHABLE'],
    ['Unreachable', 'TASK_LOST', 'TASK_UNREACHABLE'],
    ['UnreachableInactive', 'TASK_UNREACHABLE', 'TASK_UNREACHABLE'],
    ['Gone', 'TASK_GONE_BY_OPERATOR', 'TASK_GONE'],
    ['Scheduled', 'TASK_FAILED', 'TASK_FAILED'],
    ['Scheduled', 'TASK_LOST', 'TASK_GONE'],
    ['Scheduled', undefined, 'TASK_STAGING'],
  ])('of a %s instance last reported as %s is shown as %s', (condition, state, expected) => {
    expect(taskJson(app, launched(condition, state), [])?.state).toBe(expected);
  });

  it.each([
    [{ type: 'HTTP', http: { status_code: 200 } }, { http: { statusCode: 200 } }],
    [{ type: 'TCP', tcp: { succeeded: false } }, { tcp: { succeeded: false } }],
    [{ type: 'COMMAND', command: { exit_code: 3 } }, { command: { exitCode: 3 } }],
    [{ type: 'HTTP', http: {} }, undefined],
  ])('shows the result of its check: %j', (check_status, expected) => {
    const instance = launched('Running', 'TASK_RUNNING');
    const task = instance.task && { ...instance.task, status: statusOf('TASK_RUNNING', { check_status }) };
    expect(taskJson(app, { ...instance, ...(task && { task }) }, [])?.checkResult).toEqual(expected);
  });
});

describe('counts', () => {
  it('go by what Mesos reported and what health checks found', () => {
    const running = launched('Running', 'TASK_RUNNING');
    const sick = launched('Running', 'TASK_RUNNING');
    const unknown = launched('Running', 'TASK_RUNNING');
    const state = stateOf(
      [
        launched('Provisioned'),
        launched('Staging', 'TASK_STAGING'),
        launched('Starting', 'TASK_STARTING'),
        running,
        sick,
        unknown,
        launched('Failed', 'TASK_FAILED'),
        launched('Scheduled', 'TASK_FINISHED'),
        makeInstance({ condition: 'Scheduled' }),
      ],
      {
        health: new Map([
          [running.id, [health(running.id, true)]],
          [sick.id, [health(sick.id, true), health(sick.id, false)]],
        ]),
      },
    );
    expect(taskCounts(state)).toEqual({ staged: 2, running: 3, healthy: 1, unhealthy: 1 });
  });
});

describe('an app', () => {
  const failure = {
    appId: app.id,
    host: 'h',
    message: 'm',
    state: 'TASK_FAILED',
    taskId: 't',
    timestamp: at(1),
    version: at(0),
  };
  const result = { name: 'r', taskId: 't', ready: true };
  const state = stateOf([launched('Running', 'TASK_RUNNING')], {
    deployments: ['d1'],
    readiness: [result],
    lastTaskFailure: failure,
  });

  it('is shown with what is asked for, and no more', () => {
    const bare = appInfo(app, new Set(), state);
    expect(bare).toMatchObject({ id: '/shop/web', cpus: 1 });
    for (const absent of [
      'tasks',
      'tasksRunning',
      'deployments',
      'lastTaskFailure',
      'readinessCheckResults',
      'tasksStats',
      'env',
    ])
      expect(bare).not.toHaveProperty(absent);
    expect(
      appInfo(app, new Set(['counts', 'tasks', 'deployments', 'readiness', 'lastTaskFailure']), state),
    ).toMatchObject({
      tasksStaged: 0,
      tasksRunning: 1,
      tasksHealthy: 0,
      tasksUnhealthy: 0,
      tasks: [{ state: 'TASK_RUNNING', host: 'node-1' }],
      deployments: [{ id: 'd1' }],
      readinessCheckResults: [result],
      lastTaskFailure: failure,
    });
  });

  it('has statistics by version', () => {
    const versioned = { ...app, versionInfo: { lastScalingAt: at(20), lastConfigChangeAt: at(10) } };
    const instances = [0, 10, 20].map((second) => launched('Running', 'TASK_RUNNING', { appVersion: at(second) }));
    const { tasksStats } = appInfo(versioned, new Set(['taskStats']), stateOf(instances));
    const counts = (running: number) => ({
      stats: {
        counts: { staged: 0, running, healthy: 0, unhealthy: 0 },
        lifeTime: { averageSeconds: 98, medianSeconds: 98 },
      },
    });
    expect(tasksStats).toEqual({
      startedAfterLastScaling: counts(1),
      withLatestConfig: counts(2),
      withOutdatedConfig: counts(1),
      totalSummary: counts(3),
    });
    expect(appInfo(app, new Set(['taskStats']), stateOf([])).tasksStats).toEqual({});
  });

  it.each([
    [['tasks'], ['tasks', 'deployments']],
    [
      ['apps.counts', 'app.readiness', 'group.apps.lastTaskFailure', 'taskStats'],
      ['counts', 'readiness', 'lastTaskFailure', 'taskStats'],
    ],
    [['failures'], ['tasks', 'lastTaskFailure', 'deployments']],
    [['unknown', 'constructor', ''], []],
  ])('embeds for %j are %j', (values, expected) => {
    expect([...appEmbeds(values)].sort()).toEqual([...expected].sort());
  });
});

describe('a group', () => {
  const root = makeRoot(app, makeApp('/shop/db/main'), makeApp('/top'));

  it('is shown as a tree without counts', () => {
    expect(groupInfo(root, groupEmbeds([]), () => stateOf([]))).toMatchObject({
      id: '/',
      apps: [{ id: '/top' }],
      pods: [],
      groups: [
        {
          id: '/shop',
          enforceRole: false,
          apps: [{ id: '/shop/web' }],
          groups: [{ id: '/shop/db', apps: [{ id: '/shop/db/main' }] }],
        },
      ],
      dependencies: [],
      version: at(0),
    });
    const [shown] = groupInfo(root, groupEmbeds([]), () => stateOf([])).apps ?? [];
    expect(shown).not.toHaveProperty('tasksRunning');
    expect(groupInfo(root, groupEmbeds([]), () => stateOf([]))).not.toHaveProperty('enforceRole');
  });

  it('has what is asked for', () => {
    const info = groupInfo(root, groupEmbeds(['group.apps', 'group.apps.counts']), () =>
      stateOf([launched('Running', 'TASK_RUNNING')]),
    );
    expect(info).toMatchObject({ groups: [], apps: [{ tasksRunning: 1 }] });
  });
});

describe('the queue', () => {
  const unused = (agentId: string, ...reason: string[]): UnusedOffer => ({
    offer: { id: 'O', agentId, hostname: 'h', resources: [], attributes: [] },
    reason,
    timestamp: at(1),
  });
  const queue: QueueState = {
    count: 2,
    since: at(0),
    processed: 10,
    unused: 9,
    lastUnusedAt: at(5),
    lastUsedAt: at(4),
    refusals: { UnfulfilledRole: 2, InsufficientCpus: 5, InsufficientPorts: 2 },
    lastOffers: [
      unused('S1', 'InsufficientCpus', 'InsufficientMemory'),
      unused('S2', 'InsufficientPorts'),
      unused('S3', 'InsufficientMemory', 'UnfulfilledRole'),
    ],
  };

  it('tells why offers were not used, as a funnel', () => {
    const item = queueItem(app, queue, Date.parse(at(0)), false);
    expect(item).toMatchObject({
      count: 2,
      role: '*',
      since: at(0),
      delay: { timeLeftSeconds: 0, overdue: true },
      app: { id: '/shop/web' },
      processedOffersSummary: {
        processedOffersCount: 10,
        unusedOffersCount: 9,
        lastUnusedOfferAt: at(5),
        lastUsedOfferAt: at(4),
      },
    });
    expect(item).not.toHaveProperty('lastUnusedOffers');
    const step = (reason: string, declined: number, processed: number) => ({ reason, declined, processed });
    expect(item.processedOffersSummary.rejectSummaryLaunchAttempt).toEqual([
      step('UnfulfilledRole', 2, 10),
      step('UnfulfilledConstraint', 0, 8),
      step('NoCorrespondingReservationFound', 0, 8),
      step('AgentMaintenance', 0, 8),
      step('InsufficientCpus', 5, 8),
      step('InsufficientMemory', 0, 3),
      step('InsufficientDisk', 0, 3),
      step('InsufficientGpus', 0, 3),
      step('InsufficientPorts', 2, 3),
      step('DeclinedScarceResources', 0, 1),
    ]);
    expect(item.processedOffersSummary.rejectSummaryLastOffers).toMatchObject([
      step('UnfulfilledRole', 1, 3),
      step('UnfulfilledConstraint', 0, 2),
      step('NoCorrespondingReservationFound', 0, 2),
      step('AgentMaintenance', 0, 2),
      step('InsufficientCpus', 1, 2),
      step('InsufficientMemory', 0, 1),
      step('InsufficientDisk', 0, 1),
      step('InsufficientGpus', 0, 1),
      step('InsufficientPorts', 1, 1),
      step('DeclinedScarceResources', 0, 0),
    ]);
  });

  it('tells how long launching is delayed', () => {
    const delayed = { ...queue, backoffUntil: Date.parse(at(90)) + 500 };
    expect(queueItem(app, delayed, Date.parse(at(60)), false).delay).toEqual({ timeLeftSeconds: 30, overdue: false });
    expect(queueItem(app, delayed, Date.parse(at(99)), false).delay).toEqual({ timeLeftSeconds: 0, overdue: true });
  });

  it('shows the last offers when asked to', () => {
    expect(queueItem(app, queue, 0, true).lastUnusedOffers).toHaveLength(3);
  });
});
