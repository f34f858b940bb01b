import { expect } from 'vitest';
import type { AppInfo, DeploymentInfo } from '../../../../src/protocols/marathon/types.ts';
import { type Area, deploymentResult, type Fact, small, timestamp, type World } from './fact.ts';

const rolling = 'unit/marathon-model/rolling.test.ts';
const plans = 'unit/marathon-model/plan.test.ts';
const deploymentsTest = 'conformance/marathon/deployments.test.ts';

type Steps = { action: string; app: string }[][];

/** The steps that a change of a group would have, apps by their names in the group. */
async function dryRun({ ask }: World, group: string, body: unknown): Promise<Steps> {
  const answer = await ask<{ steps: { actions: Steps[0] }[] }>('PUT', `/v2/groups${group}?dryRun=true`, body, 200);
  return answer.json.steps.map(({ actions }) =>
    actions
      .map(({ action, app }) => ({ action, app: app.slice(group.length + 1) }))
      .sort((a, b) => (a.app < b.app ? -1 : 1)),
  );
}

const base = { id: 'a', ...small };

/** A field whose change restarts the app. */
const changes: Readonly<Record<string, object>> = {
  cmd: { cmd: 'sleep 2' },
  args: { cmd: undefined, args: ['a'] },
  user: { user: 'nobody' },
  env: { env: { A: '1' } },
  cpus: { cpus: 0.02 },
  mem: { mem: 2 },
  disk: { disk: 1 },
  executor: { executor: '/x' },
  constraints: { constraints: [['hostname', 'UNIQUE']] },
  fetch: { fetch: [{ uri: 'http://a/b' }] },
  portDefinitions: { portDefinitions: [{ port: 0, name: 'other' }] },
  requirePorts: { requirePorts: true },
  backoffSeconds: { backoffSeconds: 2 },
  backoffFactor: { backoffFactor: 2 },
  maxLaunchDelaySeconds: { maxLaunchDelaySeconds: 2 },
  container: { container: { type: 'MESOS' } },
  healthChecks: { healthChecks: [{ protocol: 'TCP', portIndex: 0 }] },
  taskKillGracePeriodSeconds: { taskKillGracePeriodSeconds: 2 },
  dependencies: { dependencies: ['/idle'] },
  upgradeStrategy: { upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 } },
  labels: { labels: { a: 'b' } },
  acceptedResourceRoles: { acceptedResourceRoles: ['*'] },
  networks: { networks: [{ mode: 'container/bridge' }], container: { type: 'MESOS' } },
  readinessChecks: { portDefinitions: [{ port: 0, name: 'http-api' }], readinessChecks: [{}] },
  unreachableStrategy: { unreachableStrategy: 'disabled' },
  killSelection: { killSelection: 'OLDEST_FIRST' },
  tty: { tty: true },
  resourceLimits: { resourceLimits: { mem: 9 } },
};

export const deployments: Area = {
  title: 'Deployments',
  facts: [
    {
      fact: 'a change is told: `group_change_success`',
      async run({ define, events }) {
        const { id } = await define(small);
        await events.next('group_change_success', (data) => data.groupId === id && typeof data.version === 'string');
      },
    },
    {
      fact: 'a refused change is told: `group_change_failed`',
      file: 'conformance/marathon/events.test.ts',
      title: 'a refused change is told',
    },
    {
      fact: 'service ports: the lowest free ones, written into `portDefinitions`; 500 when there are no more',
      async run(world) {
        const { ask, fresh, marathon } = await world.with({ local_port_min: 10000, local_port_max: 10002 });
        const group = fresh();
        const apps: AppInfo[] = [];
        for (const name of ['a', 'b']) {
          await ask('PUT', `/v2/apps${group}/${name}`, { ...small, instances: 0 }, 201);
          apps.push(await marathon.app(`${group}/${name}`));
        }
        expect(apps.map((app) => app.portDefinitions?.[0]?.port)).toEqual([10000, 10001]);
        const answer = await ask('PUT', `/v2/apps${group}/c`, { ...small, instances: 0 }, 500);
        expect(answer.json.message).toBe('All ports in the range [10000-10002) are already in use');
      },
    },
    {
      fact: 'service ports: an update with 0 keeps what the app had',
      async run({ ask, define, marathon }) {
        const { id } = await define(small);
        const before = await marathon.app(String(id));
        await ask('PUT', `/v2/apps${id}`, { portDefinitions: [{ port: 0 }, { port: 0 }] }, 200);
        const after = await marathon.app(String(id));
        expect(after.portDefinitions?.[0]?.port).toBe(before.portDefinitions?.[0]?.port);
        expect(after.portDefinitions?.[1]?.port).not.toBe(before.portDefinitions?.[0]?.port);
      },
    },
    {
      fact: 'service ports of mappings',
      file: plans,
      title: 'go into port mappings where there are some',
    },
    {
      fact: 'versions: a changed configuration has a new version, lastScalingAt and lastConfigChangeAt',
      async run({ ask, define, marathon }) {
        const { id } = await define(small);
        await ask('PUT', `/v2/apps${id}`, { mem: 3 }, 200);
        const { version, versionInfo } = await marathon.app(String(id));
        expect(versionInfo).toEqual({ lastScalingAt: version, lastConfigChangeAt: version });
      },
    },
    {
      fact: 'versions: scaling keeps lastConfigChangeAt',
      async run({ ask, run, fresh, marathon, deployed }) {
        const before = await run({ id: `${fresh()}/a` });
        await deployed(await ask('PUT', `/v2/apps${before.id}`, { instances: 2 }, 200));
        const { version, versionInfo } = await marathon.app(before.id);
        expect(version > before.version).toBe(true);
        expect(versionInfo).toEqual({ lastScalingAt: version, lastConfigChangeAt: before.version });
      },
    },
    {
      fact: 'versions: a restart keeps lastScalingAt',
      async run({ ask, define, marathon }) {
        const { id } = await define(small);
        const before = await marathon.app(String(id));
        await ask('POST', `/v2/apps${id}/restart`, undefined, 200);
        const { version, versionInfo } = await marathon.app(String(id));
        expect(version > before.version).toBe(true);
        expect(versionInfo).toEqual({ lastScalingAt: before.version, lastConfigChangeAt: version });
      },
    },
    {
      fact: 'no difference: the version stays, and there is still a deployment id',
      async run({ ask, define, marathon }) {
        const { id } = await define(small);
        const { version } = await marathon.app(String(id));
        expect((await ask('PUT', `/v2/apps${id}`, { mem: 1 }, 200)).json).toEqual(deploymentResult);
        expect((await marathon.app(String(id))).version).toBe(version);
      },
    },
    ...Object.entries(changes).map(
      ([field, change]): Fact => ({
        fact: `a changed \`${field}\` restarts the app`,
        async run(world) {
          const group = world.fresh();
          await world.deployed(await world.ask('PUT', `/v2/groups${group}`, { apps: [base] }));
          const steps = await dryRun(world, group, { apps: [{ ...base, ...change }] });
          expect(steps).toEqual([[{ action: 'RestartApplication', app: 'a' }]]);
        },
      }),
    ),
    {
      fact: 'a changed `secrets` restarts the app',
      file: plans,
      title: 'restarts what changed and leaves out what did not',
    },
    {
      fact: 'a new app: StartApplication, then ScaleApplication',
      async run(world) {
        expect(await dryRun(world, world.fresh(), { apps: [base] })).toEqual([
          [{ action: 'StartApplication', app: 'a' }],
          [{ action: 'ScaleApplication', app: 'a' }],
        ]);
      },
    },
    {
      fact: 'a removed app: StopApplication, all at once and first',
      async run(world) {
        const group = world.fresh();
        const apps = ['a', 'b', 'c'].map((id) => ({ ...base, id, instances: 0 }));
        await world.ask('PUT', `/v2/groups${group}`, { apps });
        expect(await dryRun(world, group, { apps: [{ ...base, id: 'd' }] })).toEqual([
          ['a', 'b', 'c'].map((app) => ({ action: 'StopApplication', app })),
          [{ action: 'StartApplication', app: 'd' }],
          [{ action: 'ScaleApplication', app: 'd' }],
        ]);
      },
    },
    {
      fact: 'another number of instances: ScaleApplication',
      async run(world) {
        const group = world.fresh();
        await world.deployed(await world.ask('PUT', `/v2/groups${group}`, { apps: [base] }));
        expect(await dryRun(world, group, { apps: [{ ...base, instances: 3 }] })).toEqual([
          [{ action: 'ScaleApplication', app: 'a' }],
        ]);
      },
    },
    {
      fact: 'changed and down to 0: ScaleApplication',
      async run(world) {
        const group = world.fresh();
        await world.deployed(await world.ask('PUT', `/v2/groups${group}`, { apps: [base] }));
        expect(await dryRun(world, group, { apps: [{ ...base, mem: 2, instances: 0 }] })).toEqual([
          [{ action: 'ScaleApplication', app: 'a' }],
        ]);
      },
    },
    {
      fact: 'no difference: no steps',
      async run(world) {
        const group = world.fresh();
        await world.deployed(await world.ask('PUT', `/v2/groups${group}`, { apps: [base] }));
        expect(await dryRun(world, group, { apps: [base] })).toEqual([]);
      },
    },
    {
      fact: 'a step a level of dependency, what is depended on first; one level in parallel',
      async run(world) {
        const app = (id: string, ...dependencies: string[]) => ({ ...base, id, dependencies });
        const steps = await dryRun(world, world.fresh(), {
          apps: [app('web', 'api'), app('api', 'db', 'cache'), app('db'), app('cache')],
        });
        expect(steps.slice(1).map((actions) => actions.map(({ app }) => app))).toEqual([
          ['cache', 'db'],
          ['api'],
          ['web'],
        ]);
      },
    },
    {
      fact: 'dependencies on a group are on all its apps, of a group on all pairs',
      async run(world) {
        const group = world.fresh();
        const steps = await dryRun(world, group, {
          groups: [
            { id: 'back', apps: [base, { ...base, id: 'b' }] },
            { id: 'front', apps: [{ ...base, id: 'web' }], dependencies: [`${group}/back`] },
          ],
          apps: [{ ...base, id: 'last', dependencies: [`${group}/front`] }],
        });
        expect(steps.slice(1).map((actions) => actions.map(({ app }) => app))).toEqual([
          ['back/a', 'back/b'],
          ['front/web'],
          ['last'],
        ]);
      },
    },
    {
      fact: 'the next step waits for all of this one',
      file: deploymentsTest,
      title: 'a group starts in the order of its dependencies',
    },
    {
      fact: 'scaling: done when what it started is healthy and ready',
      file: rolling,
      title: 'does not wait for the health of what was there before',
    },
    {
      fact: 'scaling ends with the wanted number, whatever fails',
      file: rolling,
      title: 'ends with the wanted number',
    },
    {
      fact: 'victims: the sentenced first',
      file: 'unit/marathon-model/constraints.test.ts',
      title: 'begin with those that were named, even if more than asked for',
    },
    {
      fact: 'victims: GROUP_BY stays even',
      file: 'unit/marathon-model/constraints.test.ts',
      title: 'keep groups even whatever the groups, and are as many as asked for',
    },
    {
      fact: 'victims: by condition, Unreachable, Staging, Starting, Running',
      file: 'unit/marathon-model/constraints.test.ts',
      title: 'are chosen by condition before age',
    },
    ...(['YOUNGEST_FIRST', 'OLDEST_FIRST'] as const).map(
      (killSelection): Fact => ({
        fact: `victims: ${killSelection}`,
        async run({ ask, run, fresh, marathon, deployed }) {
          const first = await run({ id: `${fresh()}/a`, killSelection });
          await deployed(await ask('PUT', `/v2/apps${first.id}`, { instances: 2 }));
          await deployed(await ask('PUT', `/v2/apps${first.id}`, { instances: 1 }));
          const [left] = (await marathon.app(first.id)).tasks!;
          expect(left?.id === first.tasks![0]!.id).toBe(killSelection === 'YOUNGEST_FIRST');
        },
      }),
    ),
    {
      fact: 'ready: running, healthy where there are health checks, and ready where there is a readiness check',
      file: rolling,
      title: 'an instance is ready',
    },
    {
      fact: 'a deployment waits for readiness, and shows the last response',
      file: 'conformance/marathon/tasks.test.ts',
      title: 'a deployment waits for readiness',
    },
    { fact: 'restart: how many are ended and started at first', file: rolling, title: 'a rolling replacement begins' },
    { fact: 'restart: the unhealthy ones first', file: rolling, title: 'with the unhealthy ones ended first' },
    {
      fact: 'restart: what keeps data gives one up, others get one more',
      file: rolling,
      title: 'with one fewer when the app keeps data, rather than one more',
    },
    {
      fact: 'restart: never fewer healthy than the minimum, never more than the maximum, under any failures',
      file: rolling,
      title: 'never gives up too many, never starts too many, and ends when instances become healthy',
    },
    {
      fact: 'restart: sampled on the running server',
      file: deploymentsTest,
      title: 'a rolling upgrade stays within its bounds',
    },
    {
      fact: 'restart: no instances wanted, done at once',
      file: rolling,
      title: 'and is done at once when no instances are wanted and none are there',
    },
    {
      fact: 'restart: what fails is launched again with backoff, and the deployment waits',
      file: deploymentsTest,
      title: 'an upgrade that fails to start is held, and rolled back on request',
    },
    {
      fact: 'restart: the launch delay is dropped',
      async run({ ask, run, fresh, master, deployed }) {
        const app = await run({ id: `${fresh()}/a`, backoffSeconds: 3000, maxLaunchDelaySeconds: 3600 });
        master.update(app.tasks![0]!.id, 'TASK_FAILED');
        await deployed(await ask('POST', `/v2/apps${app.id}/restart`));
        expect(master.running(app.id)).toHaveLength(1);
      },
    },
    {
      fact: 'stop: ends all, waits for the last, `app_terminated_event`',
      file: deploymentsTest,
      title: 'removing a group ends all its apps',
    },
    {
      fact: 'a forced change cancels what it overlaps: `deployment_failed`',
      file: deploymentsTest,
      title: 'a locked app refuses changes unless forced; a forced cancel leaves all as it is',
    },
    {
      fact: 'rollback: changed and removed apps are as before, added ones are gone',
      file: plans,
      title: 'can be reverted to what was there before',
    },
    {
      fact: 'rollback: what others changed since is left alone',
      file: plans,
      title: 'leaves alone what others changed since',
    },
    {
      fact: 'rollback: an added group is removed only if empty',
      file: plans,
      title: 'keeps a group that it added and others have filled',
    },
    {
      fact: 'rollback: dependencies of groups',
      file: plans,
      title: 'undoes what it did to dependencies of groups, and only that',
    },
    {
      fact: 'deployments of other apps run beside it',
      file: deploymentsTest,
      title: 'deployments of other apps run beside it',
    },
    {
      fact: '`currentStep` is counted from 1; versions are times',
      async run({ ask, fresh, behave, marathon }) {
        const group = fresh();
        behave(group, ['TASK_STARTING']);
        await ask('PUT', `/v2/apps${group}/a`, small);
        const [one] = (await marathon.deployments()).filter(({ affectedApps }) => affectedApps.includes(`${group}/a`));
        expect(one).toMatchObject({
          currentStep: 2,
          totalSteps: 2,
          version: timestamp,
        } satisfies Partial<DeploymentInfo>);
      },
    },
  ],
};
