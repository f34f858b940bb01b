import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startOrder } from '../../../src/cluster/start-units.ts';
import { breakDown, breakdownLines, type ServiceMoments } from '../../../src/cluster/start-up.ts';
import { applyDefaults } from '../../../src/config/defaults.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import type { Component } from '../../../src/protocols/versions.ts';
import { makeSite } from './fakes.ts';

const after: Record<Component, Component[]> = {
  zookeeper: [],
  'mesos-master': ['zookeeper'],
  'mesos-agent': ['zookeeper', 'mesos-master'],
  marathon: ['zookeeper', 'mesos-master'],
  'mesos-dns': ['mesos-master'],
};

/** By default it was asked just before it was ready. */
function service(
  node: number,
  component: Component,
  startedMs: number | undefined,
  readyMs: number,
  notReadyMs: number | undefined = readyMs,
): ServiceMoments {
  return { id: `node-${node}/${component}`, component, after: after[component], startedMs, notReadyMs, readyMs };
}

describe('dividing the time of an up', () => {
  it('follows what was ready last back to what it waited for, whatever else was slower by itself', () => {
    const { chain, chainMs, rest, totalMs } = breakDown({
      imagesMs: 1000,
      askedMs: 1100,
      readyMs: 5050,
      services: [
        service(1, 'zookeeper', 1600, 3000),
        service(1, 'mesos-master', 2000, 3400),
        service(1, 'mesos-agent', 2100, 5000),
        // Started early, and ready long before anybody needed it.
        service(1, 'mesos-dns', 1100, 3500),
      ],
    });
    expect(chain).toEqual([
      { id: 'node-1/zookeeper', ownMs: 1400, noticedMs: 0 },
      { id: 'node-1/mesos-master', ownMs: 400, noticedMs: 0 },
      { id: 'node-1/mesos-agent', ownMs: 1600, noticedMs: 0 },
    ]);
    expect({ totalMs, chainMs }).toEqual({ totalMs: 4050, chainMs: 3400 });
    expect(rest).toEqual({ totalMs: 650, planningMs: 100, startingMs: 500, noticingMs: 0, afterMs: 50 });
  });

  it('ends the chain at a service whose container came after all that it needed', () => {
    const { chain, rest } = breakDown({
      imagesMs: 0,
      askedMs: 10,
      readyMs: 5000,
      services: [
        service(1, 'zookeeper', 500, 2000),
        service(1, 'mesos-master', 500, 2100),
        service(1, 'marathon', 3000, 5000),
      ],
    });
    expect(chain.map(({ id }) => id)).toEqual(['node-1/marathon']);
    expect(rest).toMatchObject({ planningMs: 10, startingMs: 2990, totalMs: 3000 });
  });

  it('does not blame the first server of an ensemble for the time before there was a majority', () => {
    const { services, rest } = breakDown({
      imagesMs: 0,
      askedMs: 10,
      readyMs: 2000,
      services: [
        service(1, 'zookeeper', 100, 2000),
        service(2, 'zookeeper', 900, 1950),
        service(3, 'zookeeper', 1500, 1900),
      ],
    });
    expect(services.find(({ id }) => id === 'node-1/zookeeper')?.ownMs).toBe(1100);
    expect(services.find(({ id }) => id === 'node-3/zookeeper')?.ownMs).toBe(400);
    expect(rest.totalMs).toBe(900);
  });

  it("counts the time between two questions as devcluster's own, since nobody knows what was true in it", () => {
    const { chain, rest } = breakDown({
      imagesMs: 0,
      askedMs: 10,
      readyMs: 2000,
      services: [service(1, 'zookeeper', 500, 1500, 1300), service(1, 'mesos-master', 600, 2000, 1600)],
    });
    expect(chain).toEqual([
      { id: 'node-1/zookeeper', ownMs: 800, noticedMs: 200 },
      { id: 'node-1/mesos-master', ownMs: 100, noticedMs: 400 },
    ]);
    expect(rest).toEqual({ totalMs: 1100, planningMs: 10, startingMs: 490, noticingMs: 600, afterMs: 0 });
  });

  it('counts a service that was never asked before as noticed late', () => {
    const never = { ...service(1, 'zookeeper', 500, 1500), notReadyMs: undefined };
    expect(breakDown({ imagesMs: 0, askedMs: 10, readyMs: 1500, services: [never] }).chain).toEqual([
      { id: 'node-1/zookeeper', ownMs: 0, noticedMs: 1000 },
    ]);
  });

  it('takes a service that ran before as there from the beginning', () => {
    const { services, rest } = breakDown({
      imagesMs: 100,
      askedMs: 150,
      readyMs: 900,
      services: [service(1, 'zookeeper', undefined, 200), service(1, 'mesos-master', 500, 900)],
    });
    expect(services[0]).toEqual({ id: 'node-1/zookeeper', startedMs: undefined, readyMs: 100, ownMs: 100 });
    expect(rest).toMatchObject({ planningMs: 50, startingMs: 350 });
  });

  it('is not misled by a service that was seen to be ready later than what needed it', () => {
    const { chain, rest } = breakDown({
      imagesMs: 0,
      askedMs: 10,
      readyMs: 1000,
      services: [service(1, 'zookeeper', 100, 950), service(1, 'mesos-master', 200, 900)],
    });
    expect(chain).toEqual([{ id: 'node-1/zookeeper', ownMs: 850, noticedMs: 0 }]);
    expect(rest).toMatchObject({ totalMs: 150, planningMs: 10, startingMs: 90, afterMs: 50 });
  });

  it('always adds up, and no part is negative', () => {
    const moment = fc.integer({ min: 0, max: 5000 });
    const any = fc.record({
      node: fc.integer({ min: 1, max: 3 }),
      component: fc.constantFrom<Component[]>('zookeeper', 'mesos-master', 'mesos-agent', 'marathon', 'mesos-dns'),
      startedMs: fc.option(moment, { nil: undefined }),
      notReadyMs: fc.option(moment, { nil: undefined }),
      readyMs: moment,
    });
    const services = fc.uniqueArray(any, { selector: (each) => `${each.node}/${each.component}`, maxLength: 15 });
    fc.assert(
      fc.property(services, (drawn) => {
        const all = drawn.map(({ node, component, startedMs, notReadyMs, readyMs }) => ({
          ...service(node, component, startedMs === undefined ? undefined : Math.min(startedMs, readyMs), readyMs),
          notReadyMs,
        }));
        const end = Math.max(0, ...all.map(({ readyMs }) => readyMs)) + 10;
        const {
          chain,
          chainMs,
          rest,
          totalMs,
          services: shares,
        } = breakDown({ imagesMs: 0, askedMs: 10, readyMs: end, services: all });
        const parts = [rest.planningMs, rest.startingMs, rest.noticingMs, rest.afterMs];
        expect(parts.reduce((sum, each) => sum + each, 0)).toBe(rest.totalMs);
        expect(rest.totalMs + chainMs).toBe(totalMs);
        for (const each of [...parts, ...chain.flatMap(({ ownMs, noticedMs }) => [ownMs, noticedMs])])
          expect(each).toBeGreaterThanOrEqual(0);
        for (const { ownMs } of shares) expect(ownMs).toBeGreaterThanOrEqual(0);
        expect(new Set(chain.map(({ id }) => id.split('/')[1])).size).toBe(chain.length);
      }),
    );
  });
});

describe('the breakdown as text', () => {
  it('has a line for each service, the slowest chain and what is left', () => {
    const lines = breakdownLines(
      breakDown({
        imagesMs: 0,
        askedMs: 10,
        readyMs: 2020,
        services: [service(1, 'mesos-master', 600, 2000, 1900), service(1, 'zookeeper', 500, 1500)],
      }),
    );
    expect(lines).toEqual([
      'Ready 2.02 s after the images were there. Each service: started after, ready after, its own time',
      '  node-1/zookeeper       0.50    1.50    1.00',
      '  node-1/mesos-master    0.60    2.00    0.50',
      'The slowest chain: 1.40 s (node-1/zookeeper 1.00, node-1/mesos-master 0.40)',
      "devcluster's own: 0.62 s (planning 0.01, starting what the chain began with 0.49, noticing 0.10, after the last 0.02)",
    ]);
  });

  it('has nothing to say of no services', () => {
    expect(breakdownLines(breakDown({ imagesMs: 0, askedMs: 10, readyMs: 10, services: [] }))).toEqual([]);
  });
});

describe('the order in which containers are started', () => {
  const orderOf = (given: Parameters<typeof applyDefaults>[0], engine: 'mesos' | 'embedded') => {
    const config = applyDefaults(given, 'test');
    const plan = makePlan({ config, site: makeSite(config), runtime: 'docker', engine });
    return startOrder(plan.nodes.flatMap(({ units }) => units)).map(({ id }) => id);
  };

  it('begins with what others wait for', () => {
    const order = orderOf({}, 'mesos');
    expect(order.slice(0, 3)).toEqual(['node-1/zookeeper', 'node-2/zookeeper', 'node-3/zookeeper']);
    expect(order.slice(3, 6)).toEqual(['node-1/mesos-master', 'node-2/mesos-master', 'node-3/mesos-master']);
    expect(order.slice(-3)).toEqual(['node-1/mesos-dns', 'node-2/mesos-dns', 'node-3/mesos-dns']);
  });

  it('starts hosts of embedded servers at once, which wait by themselves', () => {
    expect(orderOf({}, 'embedded')).toEqual(['node-1', 'node-2', 'node-3']);
    const order = orderOf({ components: { marathon: { engine: 'embedded' } } }, 'mesos');
    const first = order.slice(0, 6).sort();
    expect(first).toEqual(['node-1', 'node-1/zookeeper', 'node-2', 'node-2/zookeeper', 'node-3', 'node-3/zookeeper']);
  });
});
