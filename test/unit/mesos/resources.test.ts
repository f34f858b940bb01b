import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countRanges,
  formatRanges,
  mergeRanges,
  parseRanges,
  subtractRanges,
} from '../../../src/protocols/mesos/ranges.ts';
import {
  addResources,
  allocateRest,
  allocateTo,
  containsResources,
  formatResources,
  offerableTo,
  parseResources,
  ResourceError,
  rangesOf,
  refine,
  refineAll,
  reservedToState,
  resourcesToState,
  scalarOf,
  subtractResources,
  toEndpointForm,
  toOldForm,
  unallocate,
} from '../../../src/protocols/mesos/resources.ts';
import type { Resource } from '../../../src/protocols/mesos/types.ts';

const agent = 'cpus:4;mem:2048;disk:10000;ports:[21000-24000,30000-34000];bugs(role):{a,b}';

describe('reading resources', () => {
  it('takes the text form of an agent flag', () => {
    expect(parseResources(agent)).toEqual([
      { name: 'cpus', type: 'SCALAR', scalar: { value: 4 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 2048 } },
      { name: 'disk', type: 'SCALAR', scalar: { value: 10000 } },
      {
        name: 'ports',
        type: 'RANGES',
        ranges: {
          range: [
            { begin: 21000, end: 24000 },
            { begin: 30000, end: 34000 },
          ],
        },
      },
      {
        name: 'bugs',
        type: 'SET',
        set: { item: ['a', 'b'] },
        reservations: [{ type: 'STATIC', role: 'role' }],
      },
    ]);
  });

  it('takes the JSON form', () => {
    const json = JSON.stringify([
      { name: 'cpus', type: 'SCALAR', scalar: { value: 2 }, role: 'web' },
      { name: 'mem', type: 'SCALAR', scalar: { value: '64' } },
    ]);
    expect(parseResources(json)).toEqual([
      { name: 'cpus', type: 'SCALAR', scalar: { value: 2 }, reservations: [{ type: 'STATIC', role: 'web' }] },
      { name: 'mem', type: 'SCALAR', scalar: { value: 64 } },
    ]);
  });

  it('reserves for the default role what names none', () => {
    expect(reservedToState(parseResources('cpus:1;mem(*):32', 'web'))).toEqual({
      web: { cpus: 1, gpus: 0, mem: 0, disk: 0 },
    });
  });

  it('merges what is named twice', () => {
    expect(parseResources('cpus:1;cpus:0.5;ports:[1-2];ports:[3-4]')).toEqual(parseResources('cpus:1.5;ports:[1-4]'));
  });

  it.each(['cpus', 'cpus:many', ':1', 'cpus:-1', '[{"name":"x"}]', '[1]', '[', 'ports:[5-1x]'])(
    'refuses %s with a reason',
    (text) => {
      expect(() => parseResources(text)).toThrow(ResourceError);
    },
  );
});

describe('the forms of a reservation', () => {
  const dynamic: Resource = {
    name: 'cpus',
    type: 'SCALAR',
    scalar: { value: 1 },
    reservations: [{ type: 'DYNAMIC', role: 'web', principal: 'me' }],
  };

  it('reads the form before refinement', () => {
    expect(
      refine({ name: 'cpus', type: 'SCALAR', scalar: { value: 1 }, role: 'web', reservation: { principal: 'me' } }),
    ).toEqual(dynamic);
    expect(refine({ name: 'cpus', type: 'SCALAR', scalar: { value: 1 }, role: '*' })).not.toHaveProperty('role');
  });

  it('writes the form before refinement, where there is one', () => {
    expect(toOldForm(dynamic)).toEqual({
      name: 'cpus',
      type: 'SCALAR',
      scalar: { value: 1 },
      role: 'web',
      reservation: { principal: 'me' },
    });
    expect(toOldForm({ name: 'cpus', type: 'SCALAR', scalar: { value: 1 } })).toHaveProperty('role', '*');
    expect(toOldForm({ ...dynamic, reservations: [{ role: 'a' }, { role: 'a/b' }] })).toBeUndefined();
  });

  it('shows both forms to operators', () => {
    expect(toEndpointForm([{ ...dynamic, reservations: [{ type: 'DYNAMIC', role: 'web' }] }])).toEqual([
      {
        name: 'cpus',
        type: 'SCALAR',
        scalar: { value: 1 },
        role: 'web',
        reservation: {},
        reservations: [{ type: 'DYNAMIC', role: 'web' }],
      },
    ]);
  });

  it('offers reserved resources to their role and the roles below it', () => {
    const mixed = refineAll([dynamic, { name: 'cpus', type: 'SCALAR', scalar: { value: 3 } }]);
    expect(scalarOf(offerableTo('web', mixed), 'cpus')).toBe(4);
    expect(scalarOf(offerableTo('web/eu', mixed), 'cpus')).toBe(4);
    expect(scalarOf(offerableTo('webs', mixed), 'cpus')).toBe(3);
    expect(scalarOf(offerableTo('*', mixed), 'cpus')).toBe(3);
  });
});

describe('arithmetic', () => {
  it('counts scalars in thousandths', () => {
    const sum = addResources(parseResources('cpus:0.1'), parseResources('cpus:0.2'));
    expect(scalarOf(sum, 'cpus')).toBe(0.3);
    expect(containsResources(sum, parseResources('cpus:0.3'))).toBe(true);
    expect(containsResources(sum, parseResources('cpus:0.301'))).toBe(false);
    expect(subtractResources(sum, parseResources('cpus:0.2996'))).toEqual([]);
  });

  it('keeps apart what is reserved or allocated differently', () => {
    const free = parseResources('cpus:1');
    const reserved = parseResources('cpus(web):1');
    expect(addResources(free, reserved)).toHaveLength(2);
    expect(containsResources(free, reserved)).toBe(false);
    expect(containsResources(allocateTo('web', free), free)).toBe(false);
    expect(unallocate(allocateTo('web', free))).toEqual(free);
  });

  it('leaves an allocation that is there when it fills in the rest', () => {
    const both = [...allocateTo('a', parseResources('cpus:1')), ...parseResources('mem:1')];
    expect(allocateRest('b', both).map((r) => r.allocation_info?.role)).toEqual(['a', 'b']);
  });

  it('does not let one part be taken twice', () => {
    expect(
      containsResources(parseResources('cpus:1'), [...parseResources('cpus:0.6'), ...parseResources('cpus:0.6')]),
    ).toBe(false);
  });
});

describe('how resources are shown', () => {
  it('has the four numbers always, and ranges and sets as text', () => {
    expect(resourcesToState(parseResources('mem:64;ports:[31000-31001,31005-31005];bugs:{a,b}'))).toEqual({
      cpus: 0,
      gpus: 0,
      mem: 64,
      disk: 0,
      ports: '[31000-31001, 31005-31005]',
      bugs: '{a, b}',
    });
    expect(resourcesToState([{ name: 'cpus', type: 'SCALAR', scalar: { value: 1 }, revocable: {} }])).toMatchObject({
      cpus: 0,
      cpus_revocable: 1,
    });
  });

  it('has the text that messages of the master carry', () => {
    expect(formatResources(allocateTo('*', parseResources('cpus:0.1;ports:[31000-31019]')))).toBe(
      'cpus(allocated: *):0.1; ports(allocated: *):[31000-31019]',
    );
    expect(formatResources(parseResources('cpus(web):2'))).toBe('cpus(reservations: [(STATIC,web)]):2');
    expect(formatResources([])).toBe('{}');
  });
});

const ranges = fc.array(
  fc.tuple(fc.nat(60), fc.nat(12)).map(([begin, length]) => ({ begin, end: begin + length })),
  { maxLength: 6 },
);
const members = (list: { begin: number; end: number }[]) => {
  const all = new Set<number>();
  for (const { begin, end } of list) for (let n = begin; n <= end; n++) all.add(n);
  return all;
};

describe('ranges, for any input', () => {
  it('merging keeps the members and leaves gaps between ranges', () => {
    fc.assert(
      fc.property(ranges, (list) => {
        const merged = mergeRanges(list);
        expect(members(merged)).toEqual(members(list));
        expect(countRanges(list)).toBe(members(list).size);
        for (let i = 1; i < merged.length; i++) expect(merged[i]!.begin).toBeGreaterThan(merged[i - 1]!.end + 1);
      }),
    );
  });

  it('subtracting removes exactly the members of the other', () => {
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        const removed = members(b);
        expect([...members(subtractRanges(a, b))]).toEqual([...members(mergeRanges(a))].filter((n) => !removed.has(n)));
      }),
    );
  });

  it('text round-trips', () => {
    fc.assert(
      fc.property(ranges, (list) => {
        expect(parseRanges(formatRanges(mergeRanges(list)))).toEqual(mergeRanges(list));
      }),
    );
  });
});

const resource: fc.Arbitrary<Resource> = fc.oneof(
  fc.record({
    name: fc.constantFrom('cpus', 'mem', 'disk'),
    type: fc.constant('SCALAR' as const),
    scalar: fc.nat(5000).map((n) => ({ value: n / 1000 })),
    role: fc.constantFrom('*', 'web', 'db'),
  }),
  ranges.map((range) => ({ name: 'ports', type: 'RANGES' as const, ranges: { range } })),
);
const bundle = fc.array(resource, { maxLength: 6 }).map(refineAll);
const scalars = fc.array(resource, { maxLength: 6 }).map((list) => refineAll(list.filter((r) => r.type === 'SCALAR')));
const sorted = (list: Resource[]) => list.map((r) => JSON.stringify(r, Object.keys(r).sort())).sort();

describe('resources, for any input', () => {
  it('a sum contains its parts', () => {
    fc.assert(
      fc.property(bundle, bundle, (a, b) => {
        const sum = addResources(a, b);
        expect(containsResources(sum, a)).toBe(true);
        expect(containsResources(sum, b)).toBe(true);
      }),
    );
  });

  it('what is added and taken away again leaves what was there', () => {
    fc.assert(
      fc.property(scalars, scalars, (a, b) => {
        expect(sorted(subtractResources(addResources(a, b), b))).toEqual(sorted(a));
      }),
    );
  });

  it('a contained part and the rest make up the whole', () => {
    fc.assert(
      fc.property(bundle, bundle, (a, b) => {
        if (!containsResources(a, b)) return;
        expect(containsResources(addResources(subtractResources(a, b), b), a)).toBe(true);
        expect(rangesOf(addResources(subtractResources(a, b), b), 'ports')).toEqual(rangesOf(a, 'ports'));
      }),
    );
  });

  it('every form leads back to the refined one', () => {
    fc.assert(
      fc.property(bundle, (a) => {
        expect(refineAll(toEndpointForm(a))).toEqual(a);
        expect(refineAll(a.map((r) => toOldForm(r)!))).toEqual(a);
      }),
    );
  });
});
