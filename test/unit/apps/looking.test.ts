import { describe, expect, it } from 'vitest';
import { createTaskFinder, findTask } from '../../../src/apps/app-tasks.ts';
import { describeEvent, isAbout } from '../../../src/apps/event-text.ts';
import { appHistory, findVersion } from '../../../src/apps/history.ts';
import { createInstanceProgress, shortId } from '../../../src/apps/instance-progress.ts';
import type { MarathonClient } from '../../../src/clients/marathon.ts';
import type { MarathonEvent } from '../../../src/protocols/marathon/types.ts';
import { DevclusterError } from '../../../src/support/errors.ts';

const uuid = (n: number) => `0000000${n}-1111-2222-3333-444444444444`;
const taskId = (n: number) => `shop_web.instance-${uuid(n)}._app.1`;

const status = (n: number, taskStatus: string, appId = '/shop/web') =>
  ({
    eventType: 'status_update_event',
    timestamp: '',
    appId,
    taskId: taskId(n),
    host: 'h',
    taskStatus,
    message: '',
  }) as unknown as MarathonEvent;
const health = (n: number, healthy: boolean | null) =>
  ({
    eventType: 'instance_health_changed_event',
    runSpecId: '/shop/web',
    instanceId: `shop_web.marathon-${uuid(n)}`,
    healthy,
  }) as unknown as MarathonEvent;

describe('the progress of instances', () => {
  it('is told once for each turn, and counted', () => {
    const progress = createInstanceProgress((app) => app === '/shop/web');
    expect(progress.observe(status(1, 'TASK_STAGING'))).toBe('/shop/web 00000001 on h: starting');
    expect(progress.observe(status(1, 'TASK_STARTING'))).toBeUndefined();
    expect(progress.observe(status(1, 'TASK_RUNNING'))).toBe('/shop/web 00000001 on h: running');
    expect(progress.observe(health(1, true))).toBe('/shop/web 00000001 on h: healthy');
    expect(progress.observe(health(1, true))).toBeUndefined();
    expect(progress.observe(status(2, 'TASK_STAGING'))).toContain('starting');
    expect(progress.observe(status(3, 'TASK_RUNNING', '/other'))).toBeUndefined();
    expect(progress.summary()).toBe('1 running, 1 healthy, 1 starting');
    expect(progress.failed).toBeUndefined();
    progress.observe(status(2, 'TASK_FAILED'));
    expect(progress.failed).toMatchObject({ taskId: taskId(2), appId: '/shop/web' });
    expect(progress.summary()).toBe('1 running, 1 healthy');
  });

  it('names instances by the part that differs', () => {
    expect(shortId(taskId(7))).toBe('00000007');
    expect(shortId('custom')).toBe('custom');
  });
});

describe('an event', () => {
  it('is a line that begins with its subject', () => {
    expect(describeEvent(status(1, 'TASK_RUNNING'))).toBe('/shop/web 00000001 on h: TASK_RUNNING');
    expect(describeEvent(health(1, null))).toBe('/shop/web 00000001: health unknown');
    expect(describeEvent({ eventType: 'scheduler_disconnected_event', timestamp: '' })).toBe('');
  });

  it('is about an app, or the group that the app is in', () => {
    const event = status(1, 'TASK_RUNNING');
    expect([isAbout(event, '/shop/web'), isAbout(event, '/shop'), isAbout(event, '/')]).toEqual([true, true, true]);
    expect([isAbout(event, '/sho'), isAbout(event, '/other')]).toEqual([false, false]);
  });
});

describe('the tasks whose output is wanted', () => {
  const mesosTask = (n: number, time: number, id = taskId(n)) => ({
    id,
    statuses: [{ timestamp: time }, { timestamp: time + 1 }],
  });
  const finder = (running: number[], ended: ReturnType<typeof mesosTask>[], finished = false, id = '/shop/web') => {
    const world = { running, ended };
    const marathon = {
      tasks: async () => world.running.map((n) => ({ id: taskId(n), appId: '/shop/web' })),
      app: async () => Promise.reject(new DevclusterError('notFound', 'NONE', 'no app')),
      group: async () => Promise.reject(new DevclusterError('notFound', 'NONE', 'no group')),
    } as unknown as MarathonClient;
    const state = async () => ({ frameworks: [{ tasks: [], completed_tasks: world.ended }], completed_frameworks: [] });
    const find = createTaskFinder(marathon, { state } as never, id, { finished });
    return { world, ids: async () => (await find()).map((task) => task.id) };
  };

  it('are those that run, and when none does the one that ended last', async () => {
    expect(await finder([1, 2], [mesosTask(3, 10)]).ids()).toEqual([taskId(1), taskId(2)]);
    expect(await finder([], [mesosTask(4, 20), mesosTask(3, 10)]).ids()).toEqual([taskId(4)]);
    expect(await finder([1], [mesosTask(4, 20), mesosTask(3, 10)], true).ids()).toEqual([
      taskId(3),
      taskId(4),
      taskId(1),
    ]);
  });

  it('are not those of apps with a longer name', async () => {
    const other = mesosTask(5, 10, `shop_web2.instance-${uuid(5)}._app.1`);
    await expect(finder([], [other]).ids()).rejects.toThrow('no app');
  });

  it('while following, are also those that lived only between two looks', async () => {
    const { world, ids } = finder([], [mesosTask(1, 10)]);
    expect(await ids()).toEqual([taskId(1)]);
    world.ended.push(mesosTask(2, 12));
    expect(await ids()).toEqual([taskId(2)]);
  });

  it('may be named by a part of an id that only one has', async () => {
    const state = async () =>
      ({
        frameworks: [{ tasks: [mesosTask(1, 0), mesosTask(2, 0)], completed_tasks: [] }],
        completed_frameworks: [],
      }) as never;
    expect(await findTask({ state }, '00000002')).toBe(taskId(2));
    await expect(findTask({ state }, 'shop_web')).rejects.toMatchObject({
      message: "2 tasks have 'shop_web' in their id",
    });
    await expect(findTask({ state }, 'none')).rejects.toMatchObject({ code: 'NO_SUCH_TASK' });
  });
});

describe("an app's history", () => {
  const versions = ['1', '2', '3', '4'].map((n) => ({
    id: '/a',
    version: `2026-01-0${n}T00:00:00.000Z`,
    instances: n === '1' ? 1 : 2,
    env: { N: n === '4' ? '3' : n },
    labels: { 'devcluster.commit': `c0ffee${n}`, 'devcluster.branch': 'main' },
  }));
  const marathon = {
    app: async () => versions[3],
    versions: async () => versions.map(({ version }) => version),
    version: async (_: string, wanted: string) => versions.find(({ version }) => version === wanted),
  } as unknown as MarathonClient;

  it('is newest first, with commits and what each changed', async () => {
    const history = await appHistory(marathon, '/a', 3);
    expect(history.map(({ commit, current }) => [commit, current])).toEqual([
      ['c0ffee4', true],
      ['c0ffee3', false],
      ['c0ffee2', false],
    ]);
    expect(history[2]?.differences?.map(({ path }) => path)).toEqual([
      'instances',
      'env.N',
      'labels.devcluster.commit',
    ]);
  });

  it('is gone back in by version, by commit, or to the one before', async () => {
    expect(await findVersion(marathon, '/a', undefined)).toBe(versions[2]?.version);
    expect(await findVersion(marathon, '/a', versions[0]!.version)).toBe(versions[0]?.version);
    expect(await findVersion(marathon, '/a', 'c0ffee2')).toBe(versions[1]?.version);
    await expect(findVersion(marathon, '/a', 'dead')).rejects.toMatchObject({ kind: 'notFound' });
  });
});
