import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  firstTaskId,
  newInstanceId,
  nextTaskId,
  parseInstanceId,
  parseTaskId,
  timeUuid,
} from '../../../src/embedded/marathon/model/ids.ts';
import { uuidFrom } from '../../../src/support/random.ts';
import { seeded } from './make.ts';

const uuid = 'b6ff5fa5-7714-11e7-a55c-5ecf1c4671f6';

describe('UUIDs', () => {
  it('by time hold the time', () => {
    const now = Date.UTC(2024, 4, 1, 10);
    const made = timeUuid(now, () => 0);
    const [low = '', mid = '', high = ''] = made.split('-');
    const ticks = BigInt(`0x${high.slice(1)}${mid}${low}`);
    expect(Number(ticks / 10_000n) - 12_219_292_800_000).toBe(now);
  });

  it('have their version, variant and a node of nobody', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (now, seed) => {
        expect(timeUuid(now, seeded(seed))).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f][13579bdf][0-9a-f]{10}$/,
        );
        expect(uuidFrom(seeded(seed))).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }),
    );
  });
});

describe('task ids', () => {
  it.each([
    [`g_app.instance-${uuid}._app.1`, { appId: '/g/app', instanceId: `g_app.instance-${uuid}`, incarnation: 1 }],
    [`g_app.instance-${uuid}._app.42`, { appId: '/g/app', instanceId: `g_app.instance-${uuid}`, incarnation: 42 }],
    [`g_app.marathon-${uuid}._app.3`, { appId: '/g/app', instanceId: `g_app.marathon-${uuid}`, incarnation: 3 }],
    [`g_app.instance-${uuid}._app`, { appId: '/g/app', instanceId: `g_app.instance-${uuid}` }],
    [
      `g_app.instance-${uuid}.rails.2`,
      { appId: '/g/app', instanceId: `g_app.instance-${uuid}`, container: 'rails', incarnation: 2 },
    ],
    [`g_app.instance-${uuid}.rails`, { appId: '/g/app', instanceId: `g_app.instance-${uuid}`, container: 'rails' }],
    [`g_app.${uuid}`, { appId: '/g/app', instanceId: `g_app.marathon-${uuid}` }],
    [`g_app_${uuid}`, { appId: '/g/app', instanceId: `g_app.marathon-${uuid}` }],
    [`g_app.${uuid}.7`, { appId: '/g/app', instanceId: `g_app.marathon-${uuid}`, incarnation: 7 }],
    [`a.b_c.instance-${uuid}._app.1`, { appId: '/a.b/c', instanceId: `a.b_c.instance-${uuid}`, incarnation: 1 }],
    ['', undefined],
    ['app', undefined],
    ['app.instance-nonsense._app.1', undefined],
    ['app.not-a-uuid', undefined],
    ['x'.repeat(100_000), undefined],
  ])('%.60j is read', (text, expected) => {
    expect(parseTaskId(text)).toEqual(expected);
  });

  it('count the launches of an instance', () => {
    const instance = newInstanceId('/g/app', 0, seeded(1));
    expect(parseInstanceId(instance)?.appId).toBe('/g/app');
    expect(parseInstanceId('g_app')).toBeUndefined();
    const first = firstTaskId(instance);
    expect(first).toBe(`${instance}._app.1`);
    expect(nextTaskId(first)).toBe(`${instance}._app.2`);
    expect(nextTaskId(`${instance}._app.99`)).toBe(`${instance}._app.100`);
    expect(nextTaskId(`g_app.${uuid}`)).toBe(`g_app.${uuid}.1`);
  });

  it('lead back to their instance and app', () => {
    const names = fc.stringMatching(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]+)?$/);
    fc.assert(
      fc.property(
        fc.array(names, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.integer({ min: 1, max: 50 }),
        (path, seed, launches) => {
          const appId = `/${path.join('/')}`;
          const instanceId = newInstanceId(appId, seed, seeded(seed));
          let taskId = firstTaskId(instanceId);
          for (let i = 1; i < launches; i++) taskId = nextTaskId(taskId);
          expect(parseTaskId(taskId)).toEqual({ appId, instanceId, incarnation: launches });
        },
      ),
    );
  });
});
