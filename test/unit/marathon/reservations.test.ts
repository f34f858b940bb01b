import { describe, expect, test } from 'vitest';
import { createInstanceTracker } from '../../../src/embedded/marathon/instances.ts';
import { createKiller } from '../../../src/embedded/marathon/launch/killer.ts';
import { createCatalog } from '../../../src/embedded/marathon/leader/catalog.ts';
import { createHousekeeping } from '../../../src/embedded/marathon/leader/housekeeping.ts';
import type { Instance } from '../../../src/embedded/marathon/model/instance.ts';
import { matchOffer } from '../../../src/embedded/marathon/model/offer-match.ts';
import { hasVolumesOf, releasableIn, release, reserve } from '../../../src/embedded/marathon/model/reservation.ts';
import type { AppDefinition } from '../../../src/protocols/marathon/types.ts';
import type { Offer, Resource } from '../../../src/protocols/mesos/types.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { config, makeApp, makeInstance, makeRoot, seeded } from '../marathon-model/make.ts';

const keeper = (persistent: object = { size: 10 }, more: Partial<AppDefinition> = {}): AppDefinition =>
  makeApp('/keeper', {
    cpus: 0.5,
    mem: 32,
    role: 'dev',
    portDefinitions: [],
    container: { type: 'MESOS', volumes: [{ containerPath: 'data', mode: 'RW', persistent }] as never },
    ...more,
  });

const scalar = (name: string, value: number, more: Partial<Resource> = {}): Resource => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  role: '*',
  allocation_info: { role: 'dev' },
  ...more,
});
const disk = (type: string, root: string, value: number): Resource =>
  scalar('disk', value, { disk: { source: { type, [type.toLowerCase()]: { root } } } });

const offer = (resources: Resource[]): Offer => ({
  id: { value: 'O1' },
  framework_id: { value: 'F1' },
  agent_id: { value: 'S1' },
  hostname: 'agent',
  resources,
  allocation_info: { role: 'dev' },
});
const usual = [scalar('cpus', 4), scalar('mem', 1024), scalar('disk', 100)];

function reservable(app: AppDefinition, resources: Resource[]) {
  return matchOffer(offer(resources), app, {
    config,
    placed: [],
    random: seeded(1),
    now: 0,
    pool: { kind: 'reservable' },
  });
}

const waiting = (more: Partial<Instance> = {}): Instance =>
  makeInstance({ id: 'keeper.instance-1', appId: '/keeper', role: 'dev', condition: 'Scheduled', ...more });

describe('reservations', () => {
  test('are made of unreserved resources, volumes included, in the name of framework and instance', () => {
    const app = keeper();
    const match = reservable(app, usual);
    if (match.kind !== 'match') throw new Error('no match');
    const { operations, volumes } = reserve(app, match, {
      instance: waiting(),
      offer: offer(usual),
      principal: 'marathon',
      now: 0,
      random: seeded(1),
    });
    const labels = {
      labels: [
        { key: 'marathon_framework_id', value: 'F1' },
        { key: 'marathon_task_id', value: 'keeper.instance-1' },
      ],
    };
    const reservation = { labels, principal: 'marathon' };
    expect(operations).toMatchObject([
      {
        type: 'RESERVE',
        reserve: {
          resources: [
            { name: 'cpus', scalar: { value: 0.5 }, role: 'dev', reservation },
            { name: 'mem', scalar: { value: 32 }, role: 'dev', reservation },
            { name: 'disk', scalar: { value: 10 }, role: 'dev', reservation },
          ],
        },
      },
      {
        type: 'CREATE',
        create: {
          volumes: [
            {
              name: 'disk',
              scalar: { value: 10 },
              role: 'dev',
              reservation,
              disk: {
                persistence: { id: volumes[0]?.persistenceId, principal: 'marathon' },
                volume: { container_path: 'data', mode: 'RW' },
              },
            },
          ],
        },
      },
    ]);
    expect(volumes[0]?.persistenceId).toBe(`keeper#data#${volumes[0]?.uuid}`);
  });

  test('take the smallest mount that does, whole, and no more than what is wanted of a path', () => {
    const resources = [
      ...usual,
      disk('MOUNT', '/mnt/large', 500),
      disk('MOUNT', '/mnt/small', 50),
      disk('PATH', '/mnt/path', 300),
    ];
    const volumeOf = (persistent: object) => {
      const match = reservable(keeper(persistent), resources);
      return match.kind === 'match' ? match.volumes?.map(({ size, source }) => ({ size, source })) : match.reasons;
    };
    expect(volumeOf({ type: 'mount', size: 20 })).toEqual([
      { size: 50, source: { type: 'MOUNT', mount: { root: '/mnt/small' } } },
    ]);
    expect(volumeOf({ type: 'mount', size: 60, maxSize: 100 })).toEqual(['InsufficientDisk']);
    expect(volumeOf({ type: 'mount', size: 20, constraints: [['path', 'LIKE', '/mnt/l.*']] })).toMatchObject([
      { size: 500 },
    ]);
    expect(volumeOf({ type: 'path', size: 20 })).toMatchObject([{ size: 20, source: { type: 'PATH' } }]);
    expect(volumeOf({ type: 'root', size: 101 })).toEqual(['InsufficientDisk']);
  });

  test('are used by the instance they were made for alone', () => {
    const app = keeper();
    const match = reservable(app, usual);
    if (match.kind !== 'match') throw new Error('no match');
    const made = reserve(app, match, { instance: waiting(), offer: offer(usual), now: 0, random: seeded(1) });
    const [, create] = made.operations;
    const reserved = (made.operations[0]?.reserve?.resources ?? []).filter(({ name }) => name !== 'disk');
    const shown = offer([...reserved, ...(create?.create?.volumes ?? [])]);
    const owner = waiting({ reservation: { volumes: made.volumes } });
    const other = waiting({ id: 'keeper.instance-2', reservation: { volumes: made.volumes } });
    const launched = (instance: Instance) =>
      matchOffer(shown, app, { config, placed: [], random: seeded(1), now: 0, pool: { kind: 'reserved', instance } });
    expect(hasVolumesOf(shown, owner)).toBe(true);
    expect(launched(owner)).toMatchObject({ kind: 'match' });
    expect(launched(other)).toMatchObject({ kind: 'refused' });
    expect(
      matchOffer(shown, makeApp('/other', { role: 'dev' }), { config, placed: [], random: seeded(1), now: 0 }),
    ).toMatchObject({ kind: 'refused', reasons: expect.arrayContaining(['UnfulfilledRole']) });
  });

  test('of instances that are over are given back: volumes destroyed first', () => {
    const labels = {
      labels: [
        { key: 'marathon_framework_id', value: 'F1' },
        { key: 'marathon_task_id', value: 'gone' },
      ],
    };
    const mine = scalar('cpus', 1, { role: 'dev', reservation: { labels } });
    const volume = scalar('disk', 5, {
      role: 'dev',
      reservation: { labels },
      disk: { persistence: { id: 'v' }, volume: { container_path: 'data', mode: 'RW' } },
    });
    const foreign = scalar('mem', 1, {
      role: 'dev',
      reservation: { labels: { labels: [{ key: 'marathon_framework_id', value: 'F2' }] } },
    });
    const found = releasableIn(offer([mine, volume, foreign, ...usual]), (id) => id === 'gone');
    expect([...found]).toEqual([['gone', [mine, volume]]]);
    const { disk: _, ...raw } = volume;
    expect(release([mine, volume])).toEqual([
      { type: 'DESTROY', destroy: { volumes: [volume] } },
      { type: 'UNRESERVE', unreserve: { resources: [mine, raw] } },
    ]);
  });

  test('are given up when no offer shows them in time', () => {
    const clock = createManualClock();
    const askedAt = new Date(clock.now()).toISOString();
    const tracker = createInstanceTracker([waiting({ reservation: { volumes: [], askedAt } })], () => {});
    const housekeeping = createHousekeeping({
      tracker,
      catalog: createCatalog(makeRoot(keeper()), []),
      clock,
      log: silentLogger,
      isLocked: () => true,
      start: () => {},
      decommission: () => {},
      retire: () => {},
      kill: () => {},
      scaleInitialMs: 60_000,
      scaleMs: 60_000,
      taskLaunchMs: 300_000,
      taskLaunchConfirmMs: 300_000,
      taskReservationMs: 40_000,
      expungeInitialMs: 300_000,
      expungeMs: 30_000,
    });
    clock.advance(35_000);
    expect(tracker.size).toBe(1);
    clock.advance(10_000);
    expect(tracker.size).toBe(0);
    housekeeping.close();
  });

  test('keep their instance known when it has no task to end', () => {
    const clock = createManualClock();
    const reservation = { volumes: [] };
    const tracker = createInstanceTracker(
      [
        waiting({ id: 'stopped', goal: 'Stopped', reservation }),
        waiting({ id: 'given-up', goal: 'Decommissioned', reservation }),
        waiting({ id: 'free', goal: 'Decommissioned' }),
      ],
      () => {},
    );
    const killer = createKiller({
      tracker,
      clock,
      maxInFlight: 10,
      retryMs: 1000,
      send: () => {},
      cancelLaunch: () => false,
    });
    for (const id of ['stopped', 'given-up', 'free']) killer.kill(id);
    expect([...tracker.all()].map(({ id, condition }) => [id, condition])).toEqual([
      ['stopped', 'Killed'],
      ['given-up', 'Killed'],
    ]);
    killer.close();
  });
});
