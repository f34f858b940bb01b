import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createWorld } from './simulation.ts';

/** More schedules than a developer's run has: RAFT_SCHEDULES=5000. */
const schedules = Number(process.env.RAFT_SCHEDULES ?? 120);

const calm = {
  loss: 0,
  duplication: 0,
  delay: 3,
  diskDelay: 3,
  crashes: 0,
  partitions: 0,
  proposalEvery: 20,
  snapshotEvery: Number.POSITIVE_INFINITY,
};

const faults = fc.record({
  seed: fc.integer({ min: 0, max: 0x7fffffff }),
  servers: fc.constantFrom(1, 3, 3, 3, 5),
  loss: fc.constantFrom(0, 0.02, 0.2),
  duplication: fc.constantFrom(0, 0.1),
  delay: fc.constantFrom(2, 20, 120),
  diskDelay: fc.constantFrom(1, 10, 100),
  crashes: fc.constantFrom(0, 0.5, 3),
  partitions: fc.constantFrom(0, 0.5, 2),
  proposalEvery: fc.constantFrom(3, 30),
  snapshotEvery: fc.constantFrom(5, 50, Number.POSITIVE_INFINITY),
});

describe('consensus in a simulated world', () => {
  test('keeps its promises under loss, delay, duplication, reordering, crashes, partitions and slow disks', () => {
    fc.assert(
      fc.property(faults, (options) => {
        const world = createWorld(options);
        world.run(8000);
        const before = world.committed.size;
        world.heal();
        world.run(6000);
        // Whatever happened: afterwards there is one leader, it takes writes, and everybody has them.
        expect(world.nodes.filter((node) => node.raft.role === 'leader')).toHaveLength(1);
        expect(world.propose('after')).toBe(true);
        world.run(500);
        expect(world.committed.size).toBeGreaterThan(before);
        expect(new Set(world.nodes.map((node) => node.applied.hash)).size).toBe(1);
      }),
      { numRuns: schedules },
    );
    // Three seconds on a quiet machine.
  }, 120_000);

  test('the schedules are not harmless: there are elections, commits and installed snapshots', () => {
    let elections = 0;
    let commits = 0;
    let snapshots = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const world = createWorld({
        ...calm,
        seed,
        servers: 3,
        loss: 0.02,
        delay: 10,
        crashes: 2,
        partitions: 1,
        proposalEvery: 5,
        snapshotEvery: 10,
      });
      world.run(8000);
      elections += world.elections;
      commits += world.committed.size;
      snapshots += world.snapshotsInstalled;
    }
    expect(elections).toBeGreaterThan(30);
    expect(commits).toBeGreaterThan(1000);
    expect(snapshots).toBeGreaterThan(5);
  });

  test.each([1, 3, 5])('%i servers that start together have a leader within 100 ms', (servers) => {
    for (let seed = 1; seed <= 50; seed++) {
      const world = createWorld({ ...calm, seed, servers });
      world.run(150);
      expect(
        world.nodes.filter((node) => node.raft.role === 'leader'),
        `seed ${seed}`,
      ).toHaveLength(1);
    }
  });

  test('a leader without a majority steps down, and what it took alone is given up', () => {
    const world = createWorld({ ...calm, seed: 7, servers: 3, proposalEvery: 10_000 });
    world.run(300);
    const leader = world.nodes.find((node) => node.raft.role === 'leader')!;
    for (const node of world.nodes) if (node !== leader) node.up = false;
    world.propose('alone');
    world.run(2000);
    expect(leader.raft.role).not.toBe('leader');
    expect(leader.applied.index).toBeLessThan(leader.log.lastIndex);
  });

  test('terms stay low while nothing happens: nobody stands against a leader that is heard of', () => {
    const world = createWorld({ ...calm, seed: 3, servers: 5 });
    world.run(60_000);
    expect(world.elections).toBe(1);
  });
});
