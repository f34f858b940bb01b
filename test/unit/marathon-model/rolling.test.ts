import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, Instance } from '../../../src/embedded/marathon/model/instance.ts';
import {
  beginRestart,
  type Decision,
  decideRestart,
  decideScale,
  decideStop,
  isReady,
  type RestartBaseline,
} from '../../../src/embedded/marathon/model/rolling.ts';
import type { AppDefinition, AppHealthCheck, UpgradeStrategy } from '../../../src/protocols/marathon/types.ts';
import { at, makeApp, makeInstance, seeded } from './make.ts';

const v1 = at(0);
const v2 = at(10);
const healthCheck: AppHealthCheck = {
  protocol: 'HTTP',
  gracePeriodSeconds: 1,
  intervalSeconds: 1,
  timeoutSeconds: 1,
  maxConsecutiveFailures: 3,
  delaySeconds: 15,
  ipProtocol: 'IPv4',
};
const readinessCheck = {
  name: 'r',
  protocol: 'HTTP',
  path: '/',
  portName: 'default',
  intervalSeconds: 2,
  timeoutSeconds: 1,
  httpStatusCodesForReady: [200],
  preserveLastResponse: false,
} as const;

const appOf = (instances: number, fields: Partial<AppDefinition> = {}) =>
  makeApp('/app', { instances, version: v2, ...fields });
const noneReady: ReadonlySet<string> = new Set();
const input = (app: AppDefinition, instances: readonly Instance[], ready = noneReady) => ({
  app,
  instances,
  ready,
  now: 0,
});
const running = (count: number, appVersion: string, fields: Partial<Instance> = {}) =>
  Array.from({ length: count }, () => makeInstance({ appVersion, ...fields }));

describe('an instance is ready', () => {
  it.each<[string, Partial<AppDefinition>, Partial<Instance>, boolean, boolean]>([
    ['when it runs, without checks', {}, {}, false, true],
    ['not while it is staging', {}, { condition: 'Staging' }, true, false],
    ['not when it is to go', {}, { goal: 'Decommissioned' }, true, false],
    ['when it is healthy', { healthChecks: [healthCheck] }, { healthy: true }, false, true],
    ['not before the first healthy result', { healthChecks: [healthCheck] }, {}, true, false],
    ['not when it is unhealthy', { healthChecks: [healthCheck] }, { healthy: false }, true, false],
    ['when it said so', { readinessChecks: [readinessCheck] }, {}, true, true],
    ['not before it said so', { readinessChecks: [readinessCheck] }, {}, false, false],
    [
      'not when it said so but is unhealthy',
      { healthChecks: [healthCheck], readinessChecks: [readinessCheck] },
      {},
      true,
      false,
    ],
  ])('%s', (_, fields, instance, saidReady, expected) => {
    const one = makeInstance({ appVersion: v2, ...instance });
    expect(isReady(appOf(1, fields), one, new Set(saidReady ? [one.id] : []))).toBe(expected);
  });
});

describe('scaling', () => {
  const decide = (app: AppDefinition, instances: readonly Instance[], sentenced: readonly string[] = []) =>
    decideScale(input(app, instances), app.instances, sentenced);

  it('starts what is missing and waits for it', () => {
    const app = appOf(3);
    const [old] = running(1, v1);
    expect(decide(app, [old as Instance])).toEqual({ kill: [], start: 2, done: false });
    const started = running(2, v2, { condition: 'Scheduled' });
    expect(decide(app, [old as Instance, ...started])).toEqual({ kill: [], start: 0, done: false });
    const there = started.map((instance): Instance => ({ ...instance, condition: 'Running' }));
    expect(decide(app, [old as Instance, ...there])).toEqual({ kill: [], start: 0, done: true });
  });

  it('does not wait for the health of what was there before', () => {
    const app = appOf(2, { healthChecks: [healthCheck] });
    const [sick] = running(1, v1, { healthy: false });
    const [well] = running(1, v2, { healthy: true });
    expect(decide(app, [sick as Instance, well as Instance]).done).toBe(true);
  });

  it('waits for its victims before it starts anything', () => {
    const app = appOf(2);
    const [a, b] = running(2, v1) as [Instance, Instance];
    expect(decide(app, [a, b], [a.id])).toEqual({ kill: [a.id], start: 0, done: false });
    const going: Instance = { ...a, goal: 'Decommissioned', condition: 'Killing' };
    expect(decide(app, [going, b], [a.id])).toEqual({ kill: [], start: 0, done: false });
    expect(decide(app, [b], [a.id])).toEqual({ kill: [], start: 1, done: false });
  });

  it('does not count instances that were given up', () => {
    const [a, b] = running(2, v1) as [Instance, Instance];
    expect(decide(appOf(2), [{ ...a, condition: 'UnreachableInactive' }, b]).start).toBe(1);
    expect(decide(appOf(2), [{ ...a, condition: 'Unreachable' }, b]).start).toBe(0);
  });

  it('down to nothing is done when all are gone', () => {
    const app = appOf(0);
    const [a] = running(1, v1) as [Instance];
    expect(decide(app, [a]).kill).toEqual([a.id]);
    expect(decide(app, [{ ...a, goal: 'Decommissioned' }]).done).toBe(false);
    expect(decide(app, [])).toEqual({ kill: [], start: 0, done: true });
  });
});

describe('stopping', () => {
  it('decommissions all and waits for the last', () => {
    const [a, b] = running(2, v1) as [Instance, Instance];
    const stopped: Instance = { ...b, goal: 'Stopped', condition: 'Killed' };
    expect(decideStop([a, stopped])).toEqual({ kill: [a.id, b.id], start: 0, done: false });
    expect(decideStop([{ ...a, goal: 'Decommissioned', condition: 'Killing' }]).done).toBe(false);
    expect(decideStop([{ ...b, goal: 'Decommissioned', condition: 'Killed' }]).done).toBe(true);
    expect(decideStop([]).done).toBe(true);
  });
});

describe('a rolling replacement begins', () => {
  const strategy = (minimumHealthCapacity: number, maximumOverCapacity: number): UpgradeStrategy => ({
    minimumHealthCapacity,
    maximumOverCapacity,
  });
  it.each<[string, number, number, UpgradeStrategy, { kill: number; start: number }]>([
    ['with all kept and as many started', 4, 4, strategy(1, 1), { kill: 0, start: 4 }],
    ['with half ended and half started', 4, 4, strategy(0.5, 0), { kill: 2, start: 0 }],
    ['with half ended and more started when over capacity is allowed', 4, 4, strategy(0.5, 0.5), { kill: 2, start: 2 }],
    ['with one started above, when nothing else would go', 4, 4, strategy(1, 0), { kill: 0, start: 1 }],
    ['with all ended when none need stay', 4, 4, strategy(0, 0), { kill: 4, start: 0 }],
    ['with the minimum rounded up', 3, 3, strategy(0.5, 0), { kill: 1, start: 0 }],
    ['with the maximum rounded down', 3, 3, strategy(1, 0.5), { kill: 0, start: 1 }],
    ['with what is too much ended', 2, 5, strategy(1, 1), { kill: 3, start: 0 }],
    ['with what is missing started', 4, 2, strategy(1, 0), { kill: 0, start: 2 }],
    ['with shares that are no exact binary numbers', 10, 10, strategy(0.7, 0.1), { kill: 3, start: 1 }],
  ])('%s', (_, wanted, present, upgradeStrategy, expected) => {
    const app = appOf(wanted, { upgradeStrategy });
    const instances = running(present, v1);
    const decision = decideRestart(input(app, instances), beginRestart(input(app, instances)));
    expect({ kill: decision.kill.length, start: decision.start }).toEqual(expected);
  });

  it('with one fewer when the app keeps data, rather than one more', () => {
    const app = appOf(2, {
      container: { type: 'MESOS', volumes: [{ containerPath: 'd', mode: 'RW', persistent: { size: 1 } }] },
      upgradeStrategy: strategy(1, 0),
    });
    const instances = running(2, v1);
    const decision = decideRestart(input(app, instances), beginRestart(input(app, instances)));
    expect(decision).toMatchObject({ kill: [instances[0]?.id], start: 0 });
  });

  it('with the unhealthy ones ended first', () => {
    const app = appOf(3, { healthChecks: [healthCheck], upgradeStrategy: strategy(0.3, 0) });
    const instances = [...running(2, v1, { healthy: true }), ...running(1, v1, { healthy: false })];
    const { kill } = decideRestart(input(app, instances), beginRestart(input(app, instances)));
    expect(kill).toEqual([instances[2]?.id]);
  });

  it('and drops old ones that never ran at once', () => {
    const app = appOf(2);
    const instances = [...running(1, v1), ...running(1, v1, { condition: 'Scheduled' })];
    const decision = decideRestart(input(app, instances), beginRestart(input(app, instances)));
    expect(decision).toEqual({ kill: [instances[1]?.id], start: 2, done: false });
  });

  it('and is done at once when no instances are wanted and none are there', () => {
    expect(decideRestart(input(appOf(0), []), beginRestart(input(appOf(0), []))).done).toBe(true);
  });

  it('by a new leader without ending healthy ones before the new ones are ready', () => {
    const app = appOf(2, { healthChecks: [healthCheck] });
    const instances = [...running(2, v1, { healthy: true }), ...running(2, v2, { condition: 'Staging' })];
    const decision = decideRestart(input(app, instances), beginRestart(input(app, instances)));
    expect(decision).toEqual({ kill: [], start: 0, done: false });
  });
});

/** A cluster in which what is decided happens after a while, and other things happen too. */
interface World {
  instances: Map<string, Instance>;
  ready: Set<string>;
}

interface Simulation {
  readonly app: AppDefinition;
  readonly world: World;
  readonly random: () => number;
  next: number;
}

const change = ({ world }: Simulation, id: string, fields: Partial<Instance>) => {
  const instance = world.instances.get(id);
  if (instance) world.instances.set(id, { ...instance, ...fields });
};

function apply(simulation: Simulation, decision: Decision): void {
  const { world, app } = simulation;
  for (const id of decision.kill) {
    const instance = world.instances.get(id);
    const waits = instance?.condition === 'Scheduled' || instance?.condition === 'Failed';
    if (waits) world.instances.delete(id);
    else change(simulation, id, { goal: 'Decommissioned' });
  }
  for (let i = 0; i < decision.start; i++) {
    const id = `app.instance-new-${simulation.next++}`;
    world.instances.set(id, makeInstance({ id, appVersion: app.version, condition: 'Scheduled' }));
  }
}

/** One thing happens to one instance. With `calm`, only what leads on. */
function happen(simulation: Simulation, calm: boolean): void {
  const { world, random, app } = simulation;
  const all = [...world.instances.values()];
  const instance = all[Math.floor(random() * all.length)];
  if (!instance) return;
  const { id } = instance;
  if (instance.goal !== 'Running') {
    world.instances.delete(id);
    world.ready.delete(id);
    return;
  }
  const trouble = !calm && random() < 0.3;
  if (trouble && instance.condition !== 'Scheduled') {
    const kinds: Partial<Instance>[] = [
      { condition: 'Failed' },
      { healthy: false },
      { condition: 'Unreachable' },
      { condition: 'Killing' },
    ];
    const { healthy: _, ...rest } = instance;
    const kind = kinds[Math.floor(random() * kinds.length)] as Partial<Instance>;
    world.instances.set(id, { ...('healthy' in kind ? instance : rest), ...kind });
    if (kind.condition === 'Failed') world.ready.delete(id);
    return;
  }
  const steps: Partial<Record<Condition, Condition>> = {
    Scheduled: 'Provisioned',
    Provisioned: 'Staging',
    Staging: 'Running',
    Failed: 'Scheduled',
    Killing: 'Failed',
    Unreachable: 'Running',
  };
  const condition = steps[instance.condition];
  if (condition)
    change(simulation, id, { condition, ...(condition === 'Scheduled' && { appVersion: instance.appVersion }) });
  else if (instance.healthy !== true) change(simulation, id, { healthy: true });
  else if (app.readinessChecks.length > 0) world.ready.add(id);
}

const serving = (app: AppDefinition, instances: readonly Instance[]) =>
  instances.filter(
    ({ goal, condition, healthy }) =>
      goal === 'Running' && condition === 'Running' && (app.healthChecks.length === 0 || healthy === true),
  );

const holding = (instances: readonly Instance[]) =>
  instances.filter(({ condition }) => condition !== 'Scheduled' && condition !== 'Failed').length;

const scenarios = fc.record({
  seed: fc.nat(),
  instances: fc.integer({ min: 1, max: 8 }),
  present: fc.integer({ min: 0, max: 10 }),
  minimumHealthCapacity: fc.constantFrom(0, 0.25, 0.5, 0.7, 1),
  maximumOverCapacity: fc.constantFrom(0, 0.2, 0.5, 1),
  checked: fc.boolean(),
  readiness: fc.boolean(),
  /** How often, on the way, a new leader takes over. */
  failovers: fc.integer({ min: 0, max: 3 }),
  sick: fc.integer({ min: 0, max: 3 }),
});

describe('a rolling replacement under any failures', () => {
  it('never gives up too many, never starts too many, and ends when instances become healthy', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const { instances, minimumHealthCapacity, maximumOverCapacity, checked, readiness } = scenario;
        const app = appOf(instances, {
          upgradeStrategy: { minimumHealthCapacity, maximumOverCapacity },
          healthChecks: checked ? [healthCheck] : [],
          readinessChecks: readiness ? [readinessCheck] : [],
        });
        const simulation: Simulation = {
          app,
          world: { instances: new Map(), ready: new Set() },
          random: seeded(scenario.seed),
          next: 0,
        };
        for (let i = 0; i < scenario.present; i++) {
          const sick = i < scenario.sick;
          const id = `app.instance-old-${i}`;
          simulation.world.instances.set(
            id,
            makeInstance({
              id,
              appVersion: v1,
              condition: sick ? 'Staging' : 'Running',
              ...(!sick && { healthy: true }),
            }),
          );
        }
        const view = () => input(app, [...simulation.world.instances.values()], simulation.world.ready);
        const minHealthy = Math.ceil(Number((instances * minimumHealthCapacity).toPrecision(12)));
        const maxCapacity = Math.floor(Number((instances * (1 + maximumOverCapacity)).toPrecision(12)));

        let baseline: RestartBaseline = beginRestart(view());
        const trouble = 60;
        const steps = 3000;
        let done = false;
        for (let step = 0; step < steps && !done; step++) {
          const before = view().instances;
          const decision = decideRestart(view(), baseline);
          // The decision itself never takes the number of healthy ones below the minimum, or further below it.
          const left = serving(app, before).filter(({ id }) => !decision.kill.includes(id)).length;
          expect(left).toBeGreaterThanOrEqual(Math.min(baseline.floor, serving(app, before).length));
          expect(baseline.floor).toBeLessThanOrEqual(minHealthy);
          // What it starts always fits beside all that is still there.
          if (decision.start > 0)
            expect(holding(before) + decision.start).toBeLessThanOrEqual(Math.max(maxCapacity, minHealthy + 1));
          apply(simulation, decision);
          // Applied, it asks for nothing more until something happens.
          const again = decideRestart(view(), baseline);
          expect(again.start).toBe(0);
          done = decision.done;
          if (done) {
            expect(decision).toEqual({ kill: [], start: 0, done: true });
            continue;
          }
          if (step > 0 && step < trouble && scenario.failovers > 0 && step % 17 === 0) baseline = beginRestart(view());
          happen(simulation, step >= trouble);
        }
        expect(done).toBe(true);
        const end = view().instances;
        expect(end.filter(({ appVersion }) => appVersion !== v2)).toEqual([]);
        expect(end.every((instance) => isReady(app, instance, simulation.world.ready))).toBe(true);
        expect(end.length).toBeGreaterThanOrEqual(instances);
      }),
      { numRuns: 150 },
    );
  });

  it('keeps the minimum all the way when nothing fails', () => {
    fc.assert(
      fc.property(scenarios, ({ seed, instances, minimumHealthCapacity, maximumOverCapacity, checked }) => {
        const app = appOf(instances, {
          upgradeStrategy: { minimumHealthCapacity, maximumOverCapacity },
          healthChecks: checked ? [healthCheck] : [],
        });
        const simulation: Simulation = {
          app,
          world: {
            instances: new Map(running(instances, v1, { healthy: true }).map((one) => [one.id, one])),
            ready: new Set(),
          },
          random: seeded(seed),
          next: 0,
        };
        const view = () => input(app, [...simulation.world.instances.values()]);
        const baseline = beginRestart(view());
        const minHealthy = Math.ceil(Number((instances * minimumHealthCapacity).toPrecision(12)));
        const maxCapacity = Math.floor(Number((instances * (1 + maximumOverCapacity)).toPrecision(12)));
        const limit = minHealthy === maxCapacity ? maxCapacity + 1 : maxCapacity;
        let done = false;
        for (let step = 0; step < 2000 && !done; step++) {
          const decision = decideRestart(view(), baseline);
          apply(simulation, decision);
          expect(serving(app, view().instances).length).toBeGreaterThanOrEqual(minHealthy);
          expect(view().instances.length).toBeLessThanOrEqual(limit);
          done = decision.done;
          happen(simulation, true);
        }
        expect(done).toBe(true);
        expect(view().instances).toHaveLength(instances);
      }),
      { numRuns: 100 },
    );
  });
});

describe('scaling under any failures', () => {
  it('ends with the wanted number', () => {
    fc.assert(
      fc.property(scenarios, ({ seed, instances, present, checked, readiness }) => {
        const app = appOf(instances, {
          healthChecks: checked ? [healthCheck] : [],
          readinessChecks: readiness ? [readinessCheck] : [],
        });
        const simulation: Simulation = {
          app,
          world: {
            instances: new Map(running(present, v1, { healthy: true }).map((one) => [one.id, one])),
            ready: new Set(),
          },
          random: seeded(seed),
          next: 0,
        };
        const view = () => input(app, [...simulation.world.instances.values()], simulation.world.ready);
        let done = false;
        for (let step = 0; step < 2000 && !done; step++) {
          const decision = decideScale(view(), instances, []);
          apply(simulation, decision);
          done = decision.done;
          if (!done) happen(simulation, step >= 60);
        }
        expect(done).toBe(true);
        expect(view().instances.filter(({ goal }) => goal === 'Running')).toHaveLength(instances);
      }),
    );
  });
});
