import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../../src/embedded/marathon/model/config.ts';
import {
  constraintPlacements,
  type MatchContext,
  matchOffer,
  type OfferMatch,
  remainingOffer,
} from '../../../src/embedded/marathon/model/offer-match.ts';
import type { AppDefinition, PortMapping } from '../../../src/protocols/marathon/types.ts';
import type { Offer, Resource } from '../../../src/protocols/mesos/types.ts';
import { at, config, makeApp, makeInstance, seeded } from './make.ts';

const scalar = (name: string, value: number, fields: Partial<Resource> = {}): Resource => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  role: '*',
  ...fields,
});
const ports = (...ranges: [number, number][]): Resource => ({
  name: 'ports',
  type: 'RANGES',
  ranges: { range: ranges.map(([begin, end]) => ({ begin, end })) },
  role: '*',
});
const offerOf = (resources: Resource[], fields: Partial<Offer> = {}): Offer => ({
  id: { value: 'O1' },
  framework_id: { value: 'F' },
  agent_id: { value: 'S1' },
  hostname: 'node-1',
  resources,
  ...fields,
});
const usual = () => offerOf([scalar('cpus', 4), scalar('mem', 4096), scalar('disk', 1000), ports([31000, 31009])]);
const context = (changes: Partial<MatchContext> = {}): MatchContext => ({
  config,
  placed: [],
  random: seeded(1),
  now: Date.parse(at(0)),
  ...changes,
});
const noPorts: Partial<AppDefinition> = { portDefinitions: [] };

function matched(offer: Offer, app: AppDefinition, changes: Partial<MatchContext> = {}): OfferMatch {
  const result = matchOffer(offer, app, context(changes));
  if (result.kind === 'refused') throw new Error(`refused: ${result.reasons.join()}`);
  return result;
}

function reasons(offer: Offer, app: AppDefinition, changes: Partial<MatchContext> = {}) {
  const result = matchOffer(offer, app, context(changes));
  return result.kind === 'refused' ? result.reasons : 'match';
}

describe('an offer is refused', () => {
  it.each<[string, string[], Offer, Partial<AppDefinition>]>([
    ['for want of cpus', ['InsufficientCpus'], usual(), { cpus: 5 }],
    ['for want of memory', ['InsufficientMemory'], usual(), { mem: 5000 }],
    ['for want of disk', ['InsufficientDisk'], usual(), { disk: 2000 }],
    ['for want of GPUs', ['InsufficientGpus'], usual(), { gpus: 1 }],
    ['for want of ports', ['InsufficientPorts'], offerOf([scalar('cpus', 4), scalar('mem', 4096)]), {}],
    [
      'for want of that very port',
      ['InsufficientPorts'],
      usual(),
      { requirePorts: true, portDefinitions: [{ port: 8080, protocol: 'tcp' }] },
    ],
    ['for all that it lacks, in order', ['InsufficientCpus', 'InsufficientMemory'], usual(), { cpus: 5, mem: 5000 }],
    [
      'when nothing in it is for the app',
      ['UnfulfilledRole', 'InsufficientCpus', 'InsufficientMemory'],
      offerOf([scalar('cpus', 4, { role: 'other' }), scalar('mem', 99, { role: 'other' })]),
      noPorts,
    ],
    ['when it was made to another role', ['UnfulfilledRole'], { ...usual(), allocation_info: { role: 'other' } }, {}],
    ['when a constraint says so', ['UnfulfilledConstraint'], usual(), { constraints: [['hostname', 'LIKE', 'other']] }],
    [
      'when it has GPUs that others may need',
      ['DeclinedScarceResources'],
      offerOf([...usual().resources, scalar('gpus', 1)]),
      {},
    ],
    ['during maintenance', ['AgentMaintenance'], { ...usual(), unavailability: { start: { nanoseconds: 0 } } }, {}],
    [
      'when the app keeps data, for nothing is reserved',
      ['NoCorrespondingReservationFound'],
      usual(),
      {
        role: '*',
        container: { type: 'MESOS', volumes: [{ containerPath: 'd', mode: 'RW', persistent: { size: 1 } }] },
      },
    ],
  ])('%s', (_, expected, offer, fields) => {
    expect(reasons(offer, makeApp('/app', fields))).toEqual(expected);
  });

  it('but not when maintenance is over, or the app says that GPUs may be wasted', () => {
    const past = { start: { nanoseconds: 0 }, duration: { nanoseconds: 1 } };
    expect(reasons({ ...usual(), unavailability: past }, makeApp('/app'))).toBe('match');
    const withGpus = offerOf([...usual().resources, scalar('gpus', 1)]);
    expect(reasons(withGpus, makeApp('/app', { labels: { GPU_SCHEDULING_BEHAVIOR: 'unrestricted' } }))).toBe('match');
    expect(reasons(withGpus, makeApp('/app', { gpus: 1 }))).toBe('match');
  });
});

describe('resources', () => {
  const role = (value: string): Partial<Resource> => ({ role: value });
  it('are taken as they were offered', () => {
    const app = makeApp('/app', { cpus: 0.1, mem: 32, disk: 5, portDefinitions: [{ port: 0, protocol: 'tcp' }] });
    const allocation = { allocation_info: { role: '*' } };
    const offer = offerOf([
      scalar('cpus', 4, allocation),
      scalar('mem', 64, allocation),
      scalar('disk', 10, allocation),
      { ...ports([31000, 31000]), ...allocation },
    ]);
    expect(matched(offer, app).resources).toEqual([
      { ...scalar('cpus', 0.1), ...allocation },
      { ...scalar('mem', 32), ...allocation },
      { ...scalar('disk', 5), ...allocation },
      { ...ports([31000, 31000]), ...allocation },
    ]);
  });

  it("may come from the app's role and from nobody's at once", () => {
    const offer = offerOf([scalar('cpus', 0.5, role('web')), scalar('cpus', 1), scalar('mem', 256)]);
    const app = makeApp('/app', { ...noPorts, role: 'web' });
    expect(matched(offer, app).resources).toEqual([
      scalar('cpus', 0.5, role('web')),
      scalar('cpus', 0.5),
      scalar('mem', 128),
    ]);
  });

  it.each<[string, string[] | undefined, ModelConfig['defaultAcceptedResourceRoles'], string | readonly string[]]>([
    ['of both kinds by default', undefined, 'any', 'match'],
    ['of nobody, when the app says so', ['*'], 'any', ['InsufficientCpus']],
    ['of its role, when the app says so', ['web'], 'any', ['InsufficientMemory']],
    ['of its role, when that is the default', undefined, 'reserved', ['InsufficientMemory']],
    ['of nobody, when that is the default', undefined, 'unreserved', ['InsufficientCpus']],
  ])('may be %s', (_, acceptedResourceRoles, defaultAcceptedResourceRoles, expected) => {
    const offer = offerOf([scalar('cpus', 2, role('web')), scalar('mem', 256)]);
    const app = makeApp('/app', { ...noPorts, role: 'web', ...(acceptedResourceRoles && { acceptedResourceRoles }) });
    expect(reasons(offer, app, { config: { ...config, defaultAcceptedResourceRoles } })).toEqual(expected);
  });

  it('are understood in the refined form too', () => {
    const { role: _, ...bare } = scalar('cpus', 2);
    const reserved: Resource = { ...bare, reservations: [{ type: 'STATIC', role: 'web' }] };
    const memory: Resource = { name: 'mem', type: 'SCALAR', scalar: { value: 256 } };
    const app = makeApp('/app', { ...noPorts, role: 'web' });
    expect(matched(offerOf([reserved, memory]), app).resources).toEqual([
      { ...reserved, scalar: { value: 1 } },
      { ...memory, scalar: { value: 128 } },
    ]);
    expect(reasons(offerOf([reserved, memory]), makeApp('/app', noPorts))).toEqual(['InsufficientCpus']);
  });

  it('that are reserved for an instance, volumes, or may be taken back are left', () => {
    const forInstance = { labels: { labels: [{ key: 'marathon_task_id', value: 't' }] } };
    const offer = offerOf([
      scalar('cpus', 9, { role: 'web', reservation: forInstance }),
      scalar('cpus', 9, { revocable: {} }),
      scalar('mem', 256),
      scalar('disk', 99, { disk: { persistence: { id: 'p' } } }),
      scalar('disk', 99, { disk: { source: { type: 'MOUNT' } } }),
    ]);
    expect(reasons(offer, makeApp('/app', { ...noPorts, role: 'web', disk: 1 }))).toEqual([
      'InsufficientCpus',
      'InsufficientDisk',
    ]);
  });
});

describe('ports', () => {
  const mapping = (hostPort?: number): PortMapping => ({
    containerPort: 80,
    servicePort: 0,
    protocol: 'tcp',
    ...(hostPort !== undefined && { hostPort }),
  });
  const mapped = (...mappings: PortMapping[]) => {
    const { portDefinitions: _, ...app } = makeApp('/app', {
      networks: [{ mode: 'container/bridge' }],
      container: { type: 'MESOS', volumes: [], portMappings: mappings },
    });
    return app;
  };
  const three = makeApp('/app', { portDefinitions: [0, 0, 0].map((port) => ({ port, protocol: 'tcp' })) });

  it('follow one another from a random one on', () => {
    const starts = new Set<number>();
    for (let seed = 0; seed < 50; seed++) {
      const { hostPorts } = matched(usual(), three, { random: seeded(seed) });
      const [first = 0, second = 0, third = 0] = hostPorts;
      starts.add(first);
      expect(second).toBe(first === 31009 ? 31000 : first + 1);
      expect(third).toBe(second === 31009 ? 31000 : second + 1);
    }
    expect(starts.size).toBeGreaterThan(5);
  });

  it('are those named when they are required', () => {
    const app = makeApp('/app', {
      requirePorts: true,
      portDefinitions: [31005, 31001].map((port) => ({ port, protocol: 'tcp' })),
    });
    const { hostPorts, resources } = matched(usual(), app);
    expect(hostPorts).toEqual([31005, 31001]);
    expect(resources.at(-1)).toEqual(ports([31001, 31001], [31005, 31005]));
  });

  it('of mappings are any, a fixed one, or none', () => {
    for (let seed = 0; seed < 20; seed++) {
      const offer = offerOf([scalar('cpus', 4), scalar('mem', 4096), ports([31000, 31001])]);
      const { hostPorts } = matched(offer, mapped(mapping(), mapping(0), mapping(31000)), { random: seeded(seed) });
      expect(hostPorts).toEqual([undefined, 31001, 31000]);
    }
    expect(reasons(usual(), mapped(mapping(80)))).toEqual(['InsufficientPorts']);
    expect(matched(offerOf([scalar('cpus', 4), scalar('mem', 4096)]), mapped(mapping())).hostPorts).toEqual([
      undefined,
    ]);
  });
});

describe('constraints of an app that is upgraded', () => {
  it('do not count instances of the old configuration', () => {
    const app = makeApp('/app', {
      version: at(20),
      versionInfo: { lastScalingAt: at(20), lastConfigChangeAt: at(10) },
    });
    const placement = { agentId: 'S1', host: 'node-1', attributes: [] };
    const instances = [
      makeInstance({ appVersion: at(0), placement }),
      makeInstance({ appVersion: at(10), placement: { ...placement, host: 'node-2' } }),
      makeInstance({ appVersion: at(20), condition: 'Failed', placement: { ...placement, host: 'node-3' } }),
      makeInstance({ appVersion: at(20), condition: 'Scheduled' }),
      makeInstance({ appVersion: at(20), condition: 'Provisioned', placement: { ...placement, host: 'node-4' } }),
    ];
    expect(constraintPlacements(app, instances).map(({ host }) => host)).toEqual(['node-2', 'node-4']);
  });
});

describe('what is left of an offer', () => {
  it('has no more and no less than what was not taken', () => {
    const total = (offer: Offer, name: string) =>
      offer.resources.filter((each) => each.name === name).reduce((sum, each) => sum + (each.scalar?.value ?? 0), 0);
    const portsIn = (resources: readonly Resource[]) =>
      resources
        .flatMap((each) => each.ranges?.range ?? [])
        .flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, index) => begin + index));
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.nat(),
          cpus: fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 3 }),
          wanted: fc.integer({ min: 1, max: 500 }),
          ports: fc.integer({ min: 0, max: 4 }),
        }),
        ({ seed, cpus, wanted, ports: count }) => {
          let offer = offerOf([
            ...cpus.map((value) => scalar('cpus', value / 1000)),
            scalar('mem', 10000),
            ports([1, 5], [10, 15]),
          ]);
          const before = offer;
          const random = seeded(seed);
          const app = makeApp('/app', {
            cpus: wanted / 1000,
            portDefinitions: Array.from({ length: count }, () => ({ port: 0, protocol: 'tcp' as const })),
          });
          const taken: number[] = [];
          let launched = 0;
          for (;;) {
            const match = matchOffer(offer, app, context({ random }));
            if (match.kind === 'refused') break;
            expect(portsIn(match.resources).sort()).toEqual([...match.hostPorts].sort());
            taken.push(...portsIn(match.resources));
            offer = remainingOffer(offer, match);
            launched++;
          }
          expect(new Set(taken).size).toBe(taken.length);
          expect([...taken, ...portsIn(offer.resources)].sort()).toEqual(portsIn(before.resources).sort());
          expect(total(offer, 'cpus')).toBeCloseTo(total(before, 'cpus') - (launched * wanted) / 1000, 6);
          expect(total(offer, 'mem')).toBe(10000 - launched * 128);
          const byCpus = Math.floor((total(before, 'cpus') * 1000 + 0.5) / wanted);
          const byPorts = count === 0 ? Number.POSITIVE_INFINITY : Math.floor(11 / count);
          expect(launched).toBe(Math.min(byCpus, byPorts, Math.floor(10000 / 128)));
        },
      ),
    );
  });
});
