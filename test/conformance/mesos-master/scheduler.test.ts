import { afterEach, describe, expect, it } from 'vitest';
import { golden, startGoldenCluster } from './harness.ts';
import { type Recorded, replay } from './replay.ts';

let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
  await stop?.();
  stop = undefined;
});

async function play(recordings: Record<string, string>, options: { reserved?: boolean; running?: boolean } = {}) {
  const { master, agents } = await startGoldenCluster(options);
  stop = master.stop;
  const lines = Object.fromEntries(
    Object.entries(recordings).map(([client, file]) => [client, golden<Recorded[]>(`scheduler/${file}.json`)]),
  );
  const frameworkIds = new Map<string, string>();
  return { results: await replay(master, agents, lines, frameworkIds), master, agents, frameworkIds };
}

/** What was on the cluster besides: nothing, a reservation, the tasks of another framework too. */
const others = {
  nothing: {},
  reservation: { reserved: true },
  runningTasks: { running: true },
  runningTasksAndReservation: { running: true, reserved: true },
};

describe('a scheduler of the real cluster is answered the same', () => {
  it.each([
    ['01-command-finished', 'nothing'],
    ['02-command-failed', 'nothing'],
    ['03-command-signal-and-missing-binary', 'nothing'],
    ['04-health-and-generic-checks', 'nothing'],
    ['05-kill', 'nothing'],
    ['06-docker', 'nothing'],
    ['07-launch-group', 'reservation'],
    ['08-invalid-tasks-and-reconcile-unknown', 'nothing'],
    ['09-reserved-role', 'nothing'],
    ['09b-unreserve', 'runningTasksAndReservation'],
    ['10-decline-suppress-revive-heartbeat', 'reservation'],
    ['12-failover-timeout-0', 'runningTasks'],
  ] as const)('%s', async (file, besides) => {
    const { results } = await play({ scheduler: file }, others[besides]);
    expect(results.length).toBeGreaterThan(4);
    expect(results.map(({ actual }) => actual)).toEqual(results.map(({ expected }) => expected));
  });

  it('11-failover-resubscribe', async () => {
    const { results, master, agents, frameworkIds } = await play(
      { A: '11-failover-resubscribe-A', B: '11-failover-resubscribe-B' },
      { running: true },
    );
    const recordings = ['11-failover-resubscribe-C', '11-failover-resubscribe-after-teardown'];
    for (const file of recordings) {
      const lines = golden<Recorded[]>(`scheduler/${file}.json`);
      results.push(...(await replay(master, agents, { [file]: lines }, frameworkIds)));
    }
    expect(results.map(({ actual }) => actual)).toEqual(results.map(({ expected }) => expected));
  });
});
