import { describe, expect, it } from 'vitest';
import { resourcesToState } from '../../../src/protocols/mesos/resources.ts';
import { createWorld, task } from './cluster.ts';

const cpus = (offer: { resources: Parameters<typeof resourcesToState>[0] }) => resourcesToState(offer.resources).cpus;

describe('offers', () => {
  it('hold all free resources of one agent each, at once for a new framework', () => {
    const world = createWorld();
    const first = world.subscribeAgent();
    const second = world.subscribeAgent();
    const framework = world.subscribe();
    const offers = world.offers(framework);
    expect(offers.map((offer) => offer.agent_id.value).sort()).toEqual([first.id, second.id]);
    expect(resourcesToState(offers[0]!.resources)).toEqual({
      cpus: 4,
      gpus: 0,
      mem: 4096,
      disk: 10000,
      ports: '[31000-31099]',
    });
    expect(offers[0]).toMatchObject({
      id: { value: 'M-O0' },
      url: { scheme: 'http', address: { port: 5051 }, path: '/slave(1)' },
      allocation_info: { role: '*' },
    });
  });

  it('come at once for a new agent', () => {
    const world = createWorld();
    const framework = world.subscribe();
    expect(world.offers(framework)).toEqual([]);
    world.subscribeAgent();
    expect(world.offers(framework)).toHaveLength(1);
  });

  it('are not made of too little to run anything', () => {
    const world = createWorld();
    const framework = world.subscribe();
    world.subscribeAgent({ resourcesText: 'cpus:0.009;mem:31;disk:100' });
    expect(world.offers(framework)).toEqual([]);
    world.subscribeAgent({ resourcesText: 'cpus:0.01' });
    expect(world.offers(framework)).toHaveLength(1);
  });

  it('have the form before reservation refinement for frameworks that need it', () => {
    const world = createWorld();
    world.subscribeAgent({ resourcesText: 'cpus:1;mem(web):64' });
    const old = world.subscribe({ capabilities: [], role: 'web', roles: [] });
    const [offer] = world.offers(old);
    expect(offer).not.toHaveProperty('allocation_info');
    expect(offer!.resources).toEqual([
      { name: 'mem', type: 'SCALAR', scalar: { value: 64 }, role: 'web' },
      { name: 'cpus', type: 'SCALAR', scalar: { value: 1 }, role: '*' },
    ]);
  });

  it('hold reserved resources only for their role', () => {
    const world = createWorld();
    world.subscribeAgent({ resourcesText: 'cpus:1;cpus(web):3' });
    const other = world.subscribe({ roles: ['db'] });
    expect(world.offers(other).map(cpus)).toEqual([1]);
    const web = world.subscribe({ roles: ['web'] });
    expect(world.offers(web).map(cpus)).toEqual([3]);
  });

  it('spare agents with GPUs for frameworks that want them', () => {
    const world = createWorld();
    world.subscribeAgent({ resourcesText: 'cpus:1;gpus:1' });
    const plain = world.subscribe();
    expect(world.offers(plain)).toEqual([]);
    const gpu = world.subscribe({ capabilities: [{ type: 'GPU_RESOURCES' }], roles: [] });
    expect(world.offers(gpu)).toHaveLength(1);
  });

  it('respect the constraints that a framework subscribed with', () => {
    const world = createWorld();
    const rack = (value: string) => ({
      hostname: `h${value}`,
      attributes: [{ name: 'rack', type: 'TEXT' as const, text: { value } }],
    });
    world.subscribeAgent({ agent: rack('a') });
    const wanted = world.subscribeAgent({ agent: rack('b') });
    const framework = world.subscribe(
      {},
      {
        offerConstraints: {
          role_constraints: {
            '*': {
              groups: [
                {
                  attribute_constraints: [
                    { selector: { attribute_name: 'rack' }, predicate: { text_equals: { value: 'b' } } },
                  ],
                },
              ],
            },
          },
        },
      },
    );
    expect(world.offers(framework).map((offer) => offer.agent_id.value)).toEqual([wanted.id]);
  });

  it('are rescinded after the offer timeout', () => {
    const world = createWorld({ offerTimeoutMs: 3000 });
    world.subscribeAgent();
    const framework = world.subscribe();
    const [offer] = world.offers(framework);
    world.pass(2999);
    expect(world.events(framework)).toEqual([]);
    world.pass(1);
    expect(world.events(framework)[0]).toEqual({ type: 'RESCIND', rescind: { offer_id: offer!.id } });
  });
});

describe('fairness', () => {
  it('lets frameworks share agents, the one with less first', () => {
    const world = createWorld();
    const a = world.subscribe();
    const b = world.subscribe();
    for (let i = 0; i < 6; i++) world.subscribeAgent();
    expect(world.offers(a)).toHaveLength(3);
    expect(world.offers(b)).toHaveLength(3);
  });

  it('shares by role before framework, by weight', () => {
    const world = createWorld({ weights: new Map([['big', 2]]) });
    const big = world.subscribe({ roles: ['big'] });
    const small = world.subscribe({ roles: ['small'] });
    for (let i = 0; i < 9; i++) world.subscribeAgent();
    expect(world.offers(big)).toHaveLength(6);
    expect(world.offers(small)).toHaveLength(3);
  });
});

describe('declined offers', () => {
  it('come back after refuse_seconds, five by default', () => {
    const world = createWorld();
    world.subscribeAgent();
    const framework = world.subscribe();
    world.decline(framework, world.offers(framework));
    world.pass(4999);
    expect(world.offers(framework)).toEqual([]);
    world.pass(1);
    expect(world.offers(framework)).toHaveLength(1);
  });

  it('come back with the next interval without a filter', () => {
    const world = createWorld();
    world.subscribeAgent();
    const framework = world.subscribe();
    world.decline(framework, world.offers(framework), 0);
    expect(world.offers(framework)).toEqual([]);
    world.pass(1000);
    expect(world.offers(framework)).toHaveLength(1);
  });

  it('take the default for a negative time, and a year at most', () => {
    const world = createWorld();
    world.subscribeAgent();
    const framework = world.subscribe();
    world.decline(framework, world.offers(framework), -1);
    world.pass(5000);
    const again = world.offers(framework);
    expect(again).toHaveLength(1);
    world.decline(framework, again, 1e12);
    world.pass(365 * 24 * 3600 * 1000 + 1000);
    expect(world.offers(framework)).toHaveLength(1);
  });

  it('go to other frameworks meanwhile', () => {
    const world = createWorld();
    world.subscribeAgent();
    const first = world.subscribe();
    const second = world.subscribe();
    world.decline(first, world.offers(first), 60);
    world.pass(1000);
    expect(world.offers(second)).toHaveLength(1);
  });

  it('come back at once when there is more on the agent than was refused', () => {
    const world = createWorld();
    const agent = world.subscribeAgent();
    const framework = world.subscribe();
    world.launch(framework, [task('t', agent, 'cpus:1;mem:128')], 3600);
    world.events(framework);
    const finished = world.report(agent, framework, 't', 'TASK_FINISHED');
    world.acknowledge(framework, agent, finished);
    expect(world.offers(framework).map(cpus)).toEqual([4]);
  });

  it('come back at once on REVIVE', () => {
    const world = createWorld();
    world.subscribeAgent();
    const framework = world.subscribe();
    world.decline(framework, world.offers(framework), 3600);
    world.call(framework, { type: 'REVIVE', revive: { roles: ['other'] } });
    expect(world.offers(framework)).toEqual([]);
    world.call(framework, { type: 'REVIVE' });
    expect(world.offers(framework)).toHaveLength(1);
  });

  it('do not come back while suppressed', () => {
    const world = createWorld();
    world.subscribeAgent();
    const framework = world.subscribe();
    world.call(framework, { type: 'SUPPRESS' });
    world.decline(framework, world.offers(framework), 0);
    world.pass(60_000);
    expect(world.offers(framework)).toEqual([]);
    world.call(framework, { type: 'REVIVE' });
    expect(world.offers(framework)).toHaveLength(1);
  });

  it('are ignored when they are another framework’s', () => {
    const world = createWorld();
    world.subscribeAgent();
    const owner = world.subscribe();
    const thief = world.subscribe();
    world.decline(thief, world.offers(owner), 0);
    expect(owner.offers.size).toBe(1);
  });
});

describe('an idle cluster', () => {
  it('waits for nothing but the pings', () => {
    const world = createWorld();
    world.subscribeAgent();
    const framework = world.subscribe();
    world.decline(framework, world.offers(framework), 120);
    world.pass(1000);
    const runs = world.cluster.counters.get('allocator/mesos/allocation_runs');
    world.pass(100_000);
    expect(world.cluster.counters.get('allocator/mesos/allocation_runs')).toBe(runs);
  });
});
