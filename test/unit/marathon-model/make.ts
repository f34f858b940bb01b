import { defaultModelConfig, type ModelConfig } from '../../../src/embedded/marathon/model/config.ts';
import { emptyRoot, type Group, putApps } from '../../../src/embedded/marathon/model/group.ts';
import type { Condition, Instance } from '../../../src/embedded/marathon/model/instance.ts';
import { defaultPortDefinitions } from '../../../src/embedded/marathon/model/normalize.ts';
import type { Result } from '../../../src/embedded/marathon/model/problem.ts';
import type { AppDefinition } from '../../../src/protocols/marathon/types.ts';

/** Moments of the tests, in order. */
export const at = (second: number): string => new Date(Date.UTC(2024, 0, 1) + second * 1000).toISOString();
export const t0 = at(0);

export const config: ModelConfig = defaultModelConfig;

export function accepted<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.problem)}`);
  return result.value;
}

export function problemOf(result: Result<unknown>): { status: number; body: unknown } {
  if (result.ok) throw new Error(`not refused: ${JSON.stringify(result.value)}`);
  return result.problem;
}

export function makeApp(id: string, fields: Partial<AppDefinition> = {}): AppDefinition {
  return {
    id,
    args: [],
    backoffFactor: 1.15,
    backoffSeconds: 1,
    cmd: 'sleep 1000',
    constraints: [],
    cpus: 1,
    dependencies: [],
    disk: 0,
    env: {},
    executor: '',
    fetch: [],
    gpus: 0,
    healthChecks: [],
    instances: 1,
    killSelection: 'YOUNGEST_FIRST',
    labels: {},
    maxLaunchDelaySeconds: 300,
    mem: 128,
    networks: [{ mode: 'host' }],
    portDefinitions: defaultPortDefinitions,
    readinessChecks: [],
    requirePorts: false,
    role: '*',
    secrets: {},
    unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
    upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
    version: t0,
    versionInfo: { lastScalingAt: t0, lastConfigChangeAt: t0 },
    ...fields,
  };
}

export function makeRoot(...apps: AppDefinition[]): Group {
  return putApps(emptyRoot(t0), apps, t0);
}

let counter = 0;

export function makeInstance(fields: Partial<Instance> & { condition?: Condition } = {}): Instance {
  const id = fields.id ?? `app.instance-${String(++counter).padStart(8, '0')}`;
  return {
    id,
    appId: '/app',
    appVersion: t0,
    role: '*',
    goal: 'Running',
    condition: 'Running',
    since: t0,
    ...fields,
  };
}

/** Numbers in [0, 1) that are the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
