import { describe, expect, it } from 'vitest';
import { advanceTime, refuseSeed } from '../../../src/cluster/app-time.ts';
import { isOwnerAlive, ownThisProcess, refuseForeign } from '../../../src/cluster/owner.ts';
import { applyDefaults } from '../../../src/config/defaults.ts';
import type { ClusterPlan } from '../../../src/plan/types.ts';
import { fakeRuntime } from './fakes.ts';

describe('an owner', () => {
  it('is this process while it lives', () => {
    const owner = ownThisProcess();
    expect(isOwnerAlive(owner)).toBe(true);
    expect(isOwnerAlive({ ...owner, startTime: `${owner.startTime}1` })).toBe(false);
  });

  it('has gone with the machine, whoever has its pid now', () => {
    expect(isOwnerAlive({ ...ownThisProcess(), since: new Date(0).toISOString() })).toBe(false);
  });

  it('takes over no cluster of others', () => {
    const owner = ownThisProcess();
    const taken = expect.objectContaining({ code: 'CLUSTER_EXISTS', kind: 'conflict' });
    expect(() => refuseForeign({ name: 'dev' }, owner)).toThrow(taken);
    expect(() => refuseForeign({ name: 'dev', owner: ownThisProcess() }, owner)).toThrow(taken);
    expect(() => refuseForeign({ name: 'dev', owner }, owner)).not.toThrow();
    expect(() => refuseForeign({ name: 'dev', owner }, undefined)).not.toThrow();
  });
});

describe('real programs', () => {
  it('have no seed', () => {
    const config = applyDefaults({ seed: 'x', components: { zookeeper: { engine: 'mesos' } } }, 'dev');
    expect(() => refuseSeed(config, 'embedded')).toThrow(
      expect.objectContaining({ code: 'SEED_NOT_POSSIBLE', kind: 'missing' }),
    );
    expect(() => refuseSeed(applyDefaults({ seed: 'x' }, 'dev'), 'embedded')).not.toThrow();
  });

  it('keep their own time', async () => {
    const service = { component: 'marathon', engine: 'mesos' };
    const plan = { nodes: [{ name: 'node-1', units: [{ services: [service] }] }] } as unknown as ClusterPlan;
    await expect(advanceTime(fakeRuntime(), plan, plan.nodes, 1)).rejects.toMatchObject({
      code: 'CLOCK_NOT_POSSIBLE',
      kind: 'missing',
    });
  });
});
