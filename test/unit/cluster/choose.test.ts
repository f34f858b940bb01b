import { describe, expect, it } from 'vitest';
import { type ChoiceFacts, choose, realComponents } from '../../../src/cluster/choose.ts';
import { applyDefaults } from '../../../src/config/defaults.ts';
import type { RawConfig } from '../../../src/config/types.ts';
import { DevclusterError } from '../../../src/support/errors.ts';

const noDocker: ChoiceFacts = {
  docker: {
    available: false,
    reason: 'No Docker engine answers at unix:///var/run/docker.sock',
    error: new DevclusterError('missing', 'NO_DOCKER', 'No Docker engine answers at unix:///var/run/docker.sock'),
  },
};
const docker = (...images: string[]): ChoiceFacts => ({
  docker: {
    available: true,
    version: '27.1.0',
    traits: { arch: 'amd64', cgroups: 'v2' },
    images: new Set(images),
  },
});
const everyImage = docker(
  'zookeeper:3.9',
  'avhost/mesos-mini:latest',
  'mesosphere/marathon:v1.11.24',
  'avhost/mesos-dns:latest',
);

const configOf = (raw: RawConfig) => applyDefaults(raw, 'test');
const chosen = (raw: RawConfig, facts = noDocker) => choose(configOf(raw), facts);
const refusal = (raw: RawConfig, facts = noDocker): DevclusterError => {
  try {
    chosen(raw, facts);
  } catch (error) {
    if (error instanceof DevclusterError) return error;
  }
  throw new Error('it was not refused');
};

describe('where a cluster runs and by whose programs', () => {
  it('is Docker where an engine answers, and local processes elsewhere', () => {
    expect(chosen({}, docker())).toMatchObject({ runtime: 'docker', engine: 'embedded' });
    expect(chosen({})).toMatchObject({ runtime: 'process', engine: 'embedded' });
  });

  it('says what it picked, why, and how to get the other', () => {
    expect(chosen({}, docker('zookeeper:3.9')).explanation).toBe(
      "auto: runtime 'docker' (engine 27.1.0 answers; --runtime process needs none), engine 'embedded' (not here: avhost/mesos-mini:latest, mesosphere/marathon:v1.11.24, avhost/mesos-dns:latest; --engine mesos pulls what it needs)",
    );
    expect(chosen({}).explanation).toBe(
      "auto: runtime 'process' (no Docker engine answers at unix:///var/run/docker.sock), engine 'embedded' (the other, 'mesos', runs in Docker)",
    );
  });

  it('is the real programs when every image they need is here', () => {
    expect(chosen({}, everyImage)).toMatchObject({ runtime: 'docker', engine: 'mesos' });
    expect(chosen({ engine: 'embedded' }, everyImage)).toMatchObject({ runtime: 'docker', engine: 'embedded' });
    const other: RawConfig = { components: { marathon: { image: 'own/marathon:1' } } };
    expect(chosen(other, everyImage).engine).toBe('embedded');
  });

  it('has no real agents where the engine may not use cgroups', () => {
    const facts = (images: ChoiceFacts) => ({
      docker: { ...images.docker, traits: { arch: 'amd64', cgroups: 'none' } } as ChoiceFacts['docker'],
    });
    const picked = chosen({}, facts(everyImage));
    expect(picked.engine).toBe('embedded');
    expect(picked.explanation).toContain('may not use cgroups');
    expect(refusal({ runtime: 'docker', engine: 'mesos' }, facts(docker()))).toMatchObject({
      kind: 'missing',
      code: 'ENGINE_WITHOUT_CGROUPS',
    });
    const zookeeper: RawConfig = { engine: 'embedded', components: { zookeeper: { engine: 'mesos' } } };
    expect(chosen({ runtime: 'docker', ...zookeeper }, facts(docker())).engine).toBe('embedded');
  });

  it('is what was asked for by name, and then says nothing', () => {
    expect(chosen({ runtime: 'process', engine: 'embedded' }, { docker: undefined })).toEqual({
      runtime: 'process',
      engine: 'embedded',
      explanation: undefined,
    });
    expect(chosen({ runtime: 'docker', engine: 'mesos' }, docker())).toMatchObject({
      runtime: 'docker',
      engine: 'mesos',
      explanation: undefined,
    });
  });

  it('refuses Docker with the reason why there is none', () => {
    expect(refusal({ runtime: 'docker' }).code).toBe('NO_DOCKER');
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

  it('refuses other real programs as local processes, with the reason', () => {
    for (const component of ['mesos-master', 'mesos-agent', 'marathon', 'mesos-dns'] as const) {
      const error = refusal({ components: { [component]: { engine: 'mesos' } } });
      expect([error.kind, error.code]).toEqual(['missing', 'ENGINE_MISSING']);
      expect(error.message).toContain(`the engine 'mesos' of ${component}`);
    }
    expect(refusal({ engine: 'mesos' }).message).toContain('engine: mesos');
  });

  it('refuses an image of ZooKeeper as a local process', () => {
    const error = refusal({ components: { zookeeper: { engine: 'mesos', image: 'zookeeper:3.9' } } });
    expect(error.message).toContain('the image of zookeeper');
  });

  it('is no mix that can not work, whatever auto would make of it', () => {
    const marathon = refusal({ components: { marathon: { engine: 'mesos' } } }, docker());
    expect(marathon).toMatchObject({ kind: 'usage', code: 'ENGINES_DO_NOT_MIX' });
    expect(marathon.message).toContain('a real Marathon needs a real Mesos master');
    expect(refusal({ components: { 'mesos-agent': { engine: 'mesos' } } }, docker()).message).toContain('a pair');
    expect(chosen({ components: { zookeeper: { engine: 'mesos' } } }, docker()).engine).toBe('embedded');
    expect(chosen({ engine: 'mesos', components: { marathon: { engine: 'embedded' } } }, docker()).engine).toBe(
      'mesos',
    );
  });
});
