import { describe, expect, it } from 'vitest';
import { choose, realComponents } from '../../../src/cluster/choose.ts';
import { applyDefaults } from '../../../src/config/defaults.ts';
import type { RawConfig } from '../../../src/config/types.ts';
import { DevclusterError } from '../../../src/support/errors.ts';

const configOf = (raw: RawConfig) => applyDefaults(raw, 'test');
const chosen = (raw: RawConfig) => choose(configOf(raw));
const refusal = (raw: RawConfig): DevclusterError => {
  try {
    chosen(raw);
  } catch (error) {
    if (error instanceof DevclusterError) return error;
  }
  throw new Error('it was not refused');
};

describe('where a cluster runs and by whose programs', () => {
  it('is local processes and embedded servers when it is left open', () => {
    expect(chosen({})).toMatchObject({ runtime: 'process', engine: 'embedded' });
    expect(chosen({ runtime: 'process', engine: 'embedded' }).explanation).toBeUndefined();
  });

  it('may be the real ZooKeeper under embedded servers', () => {
    const raw: RawConfig = { components: { zookeeper: { engine: 'mesos' } } };
    expect(chosen(raw)).toMatchObject({ runtime: 'process', engine: 'embedded' });
    expect(chosen(raw).explanation).toContain('for all but zookeeper');
    expect(realComponents(configOf(raw), 'embedded')).toEqual(['zookeeper']);
  });

  it('may be said the other way round: real programs, and which are not', () => {
    const embedded = { engine: 'embedded' } as const;
    const raw: RawConfig = {
      engine: 'mesos',
      components: { 'mesos-master': embedded, 'mesos-agent': embedded, marathon: embedded, 'mesos-dns': embedded },
    };
    expect(chosen(raw)).toMatchObject({ runtime: 'process', engine: 'mesos' });
    expect(realComponents(configOf(raw), 'mesos')).toEqual(['zookeeper']);
  });

  it('refuses other real programs, with the reason', () => {
    for (const component of ['mesos-master', 'mesos-agent', 'marathon', 'mesos-dns'] as const) {
      const error = refusal({ components: { [component]: { engine: 'mesos' } } });
      expect([error.kind, error.code]).toEqual(['missing', 'ENGINE_MISSING']);
      expect(error.message).toContain(`the engine 'mesos' of ${component}`);
    }
    expect(refusal({ engine: 'mesos' }).message).toContain('engine: mesos');
    expect(refusal({ runtime: 'docker' }).code).toBe('RUNTIME_MISSING');
  });

  it('refuses an image of ZooKeeper, which only a container could run', () => {
    const error = refusal({ components: { zookeeper: { engine: 'mesos', image: 'zookeeper:3.9' } } });
    expect(error.message).toContain('the image of zookeeper');
  });
});
