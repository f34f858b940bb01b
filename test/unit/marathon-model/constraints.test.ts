import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fieldValue,
  formatScalar,
  meetsConstraint,
  placementOf,
  selectToKeepEven,
} from '../../../src/embedded/marathon/model/constraints.ts';
import type { Instance, Placement } from '../../../src/embedded/marathon/model/instance.ts';
import { compareVictims, selectVictims } from '../../../src/embedded/marathon/model/kill-selection.ts';
import type { Constraint } from '../../../src/protocols/marathon/types.ts';
import type { Attribute } from '../../../src/protocols/mesos/types.ts';
import { at, makeInstance } from './make.ts';

const text = (name: string, value: string): Attribute => ({ name, type: 'TEXT', text: { value } });
const on = (host: string, ...attributes: Attribute[]): Placement => ({ agentId: `S-${host}`, host, attributes });
const rack = (value: string, host = 'h') => on(host, text('rack', value));

describe('the field of a constraint', () => {
  const placement: Placement = {
    ...on(
      'node-1',
      text('rack', 'r1'),
      { name: 'level', type: 'SCALAR', scalar: { value: 2.5 } },
      {
        name: 'ports',
        type: 'RANGES',
        ranges: {
          range: [
            { begin: 7, end: 9 },
            { begin: 1, end: 3 },
          ],
        },
      },
      { name: 'disks', type: 'SET', set: { item: ['ssd', 'hdd'] } },
    ),
    region: 'eu',
    zone: 'a',
  };
  it.each([
    ['hostname', 'node-1'],
    ['@hostname', 'node-1'],
    ['@region', 'eu'],
    ['@zone', 'a'],
    ['rack', 'r1'],
    ['level', '2.5'],
    ['ports', '[1-3,7-9]'],
    ['disks', '{hdd,ssd}'],
    ['none', undefined],
  ])('%s is %s', (field, expected) => {
    expect(fieldValue(placement, field)).toBe(expected);
  });

  it.each([
    [1, '1'],
    [1.5, '1.5'],
    [1.0005, '1'],
    [1.1005, '1.1'],
    [1.0015, '1.002'],
    [1.00051, '1.001'],
    [0.1 + 0.2, '0.3'],
    [0, '0'],
    [1e6, '1000000'],
  ])('a number such as %d is written as %s', (value, expected) => {
    expect(formatScalar(value)).toBe(expected);
  });

  it('comes from the offer', () => {
    expect(
      placementOf({
        id: { value: 'O1' },
        framework_id: { value: 'F' },
        agent_id: { value: 'S1' },
        hostname: 'node-1',
        resources: [],
        domain: { fault_domain: { region: { name: 'eu' }, zone: { name: 'a' } } },
      }),
    ).toEqual({ agentId: 'S1', host: 'node-1', region: 'eu', zone: 'a', attributes: [] });
  });
});

describe('a constraint', () => {
  const a = rack('a');
  const b = rack('b');
  const c = rack('c');
  const bare = on('h');
  it.each<[string, Constraint, Placement[], Placement, boolean, number?]>([
    ['UNIQUE takes a value that is not there', ['rack', 'UNIQUE'], [a], b, true],
    ['UNIQUE refuses one that is', ['rack', 'UNIQUE'], [a, b], b, false],
    ['UNIQUE does not mind instances without the attribute', ['rack', 'UNIQUE'], [bare], a, true],
    ['CLUSTER takes the given value', ['rack', 'CLUSTER', 'a'], [], a, true],
    ['CLUSTER refuses another', ['rack', 'CLUSTER', 'a'], [], b, false],
    ['CLUSTER without a value takes any first', ['rack', 'CLUSTER'], [], b, true],
    ['CLUSTER without a value then takes the same', ['rack', 'CLUSTER'], [b], b, true],
    ['CLUSTER without a value refuses another then', ['rack', 'CLUSTER'], [b], a, false],
    ['LIKE matches the whole value', ['rack', 'LIKE', '[ab]'], [], a, true],
    ['LIKE refuses a part', ['rack', 'LIKE', '[ab]'], [], rack('ab'), false],
    ['LIKE alternatives match as a whole', ['rack', 'LIKE', 'a|bc'], [], rack('c'), false],
    ['UNLIKE is the opposite', ['rack', 'UNLIKE', '[ab]'], [], c, true],
    ['UNLIKE refuses a match', ['rack', 'UNLIKE', '[ab]'], [], a, false],
    ['MAX_PER takes fewer', ['rack', 'MAX_PER', '2'], [a], a, true],
    ['MAX_PER refuses as many', ['rack', 'MAX_PER', '2'], [a, a, b], a, false],
    ['MAX_PER of none takes nothing', ['rack', 'MAX_PER', '0'], [], a, false],
    ['IS takes the same text', ['rack', 'IS', 'a'], [], a, true],
    ['IS refuses another', ['rack', 'IS', 'a'], [], b, false],
    [
      'IS compares numbers as numbers',
      ['n', 'IS', '2.50'],
      [],
      on('h', { name: 'n', type: 'SCALAR', scalar: { value: 2.5 } }),
      true,
    ],
    ['GROUP_BY takes a new group', ['rack', 'GROUP_BY', '2'], [a], b, true, 4],
    ['GROUP_BY takes no more groups than there are', ['rack', 'GROUP_BY', '2'], [a, b], c, false, 4],
    ['GROUP_BY fills a group evenly', ['rack', 'GROUP_BY', '2'], [a, a, b], b, true, 4],
    ['GROUP_BY refuses a full group', ['rack', 'GROUP_BY', '2'], [a, a, b], a, false, 4],
    ['GROUP_BY lets a remainder go to one group', ['rack', 'GROUP_BY', '2'], [a, a, b, b], a, true, 5],
    ['GROUP_BY lets it go there once', ['rack', 'GROUP_BY', '2'], [a, a, a, b, b], b, false, 5],
    ['GROUP_BY without a number spreads over what it sees', ['rack', 'GROUP_BY'], [a, b], a, true, 4],
    ['GROUP_BY without a number refuses the fuller', ['rack', 'GROUP_BY'], [a, a, b], a, false, 4],
    ['GROUP_BY without a number takes a new group', ['rack', 'GROUP_BY'], [a, b], c, true, 4],
  ])('%s', (_, constraint, placed, offer, expected, instances = 1) => {
    expect(meetsConstraint(constraint, placed, offer, instances)).toBe(expected);
  });

  it.each(['UNIQUE', 'CLUSTER', 'GROUP_BY', 'LIKE', 'MAX_PER', 'IS'])(
    '%s refuses an agent without the attribute',
    (operator) => {
      expect(meetsConstraint(['rack', operator, '.*'], [], on('h'), 1)).toBe(false);
    },
  );

  it('UNLIKE takes an agent without the attribute', () => {
    expect(meetsConstraint(['rack', 'UNLIKE', '.*'], [], on('h'), 1)).toBe(true);
  });

  const placing = fc.record({
    instances: fc.integer({ min: 1, max: 20 }),
    groups: fc.integer({ min: 1, max: 5 }),
    offers: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 200 }),
  });

  it('GROUP_BY spreads as evenly as the groups allow', () => {
    fc.assert(
      fc.property(placing, ({ instances, groups, offers }) => {
        const placed: Placement[] = [];
        for (const offer of offers) {
          if (placed.length === instances) break;
          const place = rack(`r${offer}`);
          if (meetsConstraint(['rack', 'GROUP_BY', String(groups)], placed, place, instances)) placed.push(place);
        }
        const counts = new Map<string, number>();
        for (const place of placed)
          counts.set(fieldValue(place, 'rack') ?? '', (counts.get(fieldValue(place, 'rack') ?? '') ?? 0) + 1);
        const sizes = [...counts.values()];
        expect(sizes.length).toBeLessThanOrEqual(groups);
        expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(Math.max(1, Math.ceil(instances / groups)));
      }),
    );
  });

  it('UNIQUE and MAX_PER never place too many', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 30 }), fc.integer({ min: 1, max: 4 }), (offers, most) => {
        for (const [constraint, limit] of [
          [['rack', 'UNIQUE'], 1],
          [['rack', 'MAX_PER', String(most)], most],
        ] as [Constraint, number][]) {
          const placed: Placement[] = [];
          for (const offer of offers) {
            const place = rack(`r${offer}`);
            if (meetsConstraint(constraint, placed, place, 30)) placed.push(place);
          }
          for (const value of new Set(offers))
            expect(placed.filter((place) => fieldValue(place, 'rack') === `r${value}`)).toHaveLength(
              Math.min(limit, offers.filter((offer) => offer === value).length),
            );
        }
      }),
    );
  });
});

describe('victims', () => {
  const age = (seconds: number, fields: Partial<Instance> = {}) =>
    makeInstance({ activeSince: at(seconds), ...fields });
  const idsOf = (instances: readonly Instance[]) => instances.map(({ id }) => id);

  it('are chosen by age, as the app says', () => {
    const [old, mid, young] = [age(1), age(2), age(3)] as [Instance, Instance, Instance];
    expect(idsOf(selectVictims([mid, old, young], 1, [], 'YOUNGEST_FIRST', []))).toEqual(idsOf([young, mid]));
    expect(idsOf(selectVictims([mid, old, young], 1, [], 'OLDEST_FIRST', []))).toEqual(idsOf([old, mid]));
  });

  it('are chosen by condition before age', () => {
    const run = age(9);
    const start = makeInstance({ condition: 'Starting', since: at(1) });
    const stage = makeInstance({ condition: 'Staging' });
    const lost = makeInstance({ condition: 'Unreachable', activeSince: at(1) });
    const waiting = makeInstance({ condition: 'Scheduled' });
    const sorted = [run, waiting, start, lost, stage].sort(compareVictims('YOUNGEST_FIRST'));
    expect(idsOf(sorted)).toEqual(idsOf([lost, stage, start, run, waiting]));
  });

  it('begin with those that were named, even if more than asked for', () => {
    const [a, b, c] = [age(1), age(2), age(3)] as [Instance, Instance, Instance];
    expect(idsOf(selectVictims([a, b, c], 2, [a.id], 'YOUNGEST_FIRST', []))).toEqual([a.id]);
    expect(idsOf(selectVictims([a, b, c], 1, [a.id], 'YOUNGEST_FIRST', []))).toEqual([a.id, c.id]);
    expect(idsOf(selectVictims([a, b, c], 3, [a.id, b.id], 'YOUNGEST_FIRST', []))).toEqual([a.id, b.id]);
    expect(selectVictims([a, b, c], 3, ['unknown'], 'YOUNGEST_FIRST', [])).toEqual([]);
  });

  it('keep groups even', () => {
    const inRack = (value: string, seconds: number) => age(seconds, { placement: rack(value) });
    const instances = [inRack('a', 1), inRack('a', 2), inRack('a', 3), inRack('b', 9)];
    const victims = selectVictims(instances, 2, [], 'YOUNGEST_FIRST', [['rack', 'GROUP_BY', '2']]);
    expect(victims.map(({ placement }) => placement && fieldValue(placement, 'rack'))).toEqual(['a', 'a']);
  });

  it('keep groups even whatever the groups, and are as many as asked for', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 15 }), fc.nat(15), (racks, keep) => {
        const instances = racks.map((value, index) => age(index, { placement: rack(`r${value}`) }));
        const constraints: Constraint[] = [['rack', 'GROUP_BY', '4']];
        const victims = selectVictims(instances, keep, [], 'YOUNGEST_FIRST', constraints);
        expect(victims).toHaveLength(Math.max(0, instances.length - keep));
        expect(new Set(idsOf(victims)).size).toBe(victims.length);
        const spread = (left: readonly Instance[]) => {
          const groups = new Set(racks);
          const sizes = [...groups].map(
            (each) => left.filter(({ placement }) => placement && fieldValue(placement, 'rack') === `r${each}`).length,
          );
          return Math.max(...sizes) - Math.min(...sizes);
        };
        const doomed = new Set(idsOf(selectToKeepEven(constraints, instances, victims.length)));
        const left = instances.filter(({ id }) => !doomed.has(id));
        expect(spread(left)).toBeLessThanOrEqual(Math.max(1, spread(instances)));
      }),
    );
  });
});
