import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  emptyGroup,
  emptyRoot,
  type Group,
  getApp,
  getGroup,
  mapSpecs,
  putApp,
  putGroup,
  removeApp,
  transitiveApps,
  transitiveGroups,
} from '../../../src/embedded/marathon/model/group.ts';
import {
  affectedApps,
  conflictsOf,
  type DeploymentPlan,
  deploymentInfo,
  planDeployment,
  planErrors,
  planJson,
  revertedTree,
  stepsJson,
} from '../../../src/embedded/marathon/model/plan.ts';
import { assignServicePorts, servicePorts } from '../../../src/embedded/marathon/model/ports.ts';
import { isUpgrade, restarted, stampVersions } from '../../../src/embedded/marathon/model/versions.ts';
import type { AppDefinition } from '../../../src/protocols/marathon/types.ts';
import { accepted, at, config, makeApp, makeRoot, problemOf } from './make.ts';

function plan(original: Group, target: Group, now = at(10)): DeploymentPlan {
  return planDeployment(original, stampVersions(original, target, now), { id: 'd1', version: now });
}

const stepsOf = (original: Group, target: Group) =>
  stepsJson(plan(original, target).steps).map(({ actions }) => actions.map(({ action, app }) => `${action} ${app}`));

describe('versions', () => {
  const before = makeApp('/a', { instances: 2 });
  const stamp = (app: AppDefinition) => {
    const root = makeRoot(before);
    return getApp(stampVersions(root, putApp(root, app, at(10)), at(10)), '/a');
  };

  it.each<[string, Partial<AppDefinition>]>([
    ['the command', { cmd: 'other' }],
    ['a label', { labels: { a: 'b' } }],
    ['the environment', { env: { A: '1' } }],
    ['resources', { mem: 256 }],
    ['a dependency', { dependencies: ['/b'] }],
    ['the role', { role: 'x' }],
    ['backoff', { backoffFactor: 2 }],
  ])('change as a whole with %s', (_, fields) => {
    expect(stamp({ ...before, ...fields })).toMatchObject({
      version: at(10),
      versionInfo: { lastScalingAt: at(10), lastConfigChangeAt: at(10) },
    });
  });

  it('keep the config change when only the number of instances changes', () => {
    expect(stamp({ ...before, instances: 5 })).toMatchObject({
      version: at(10),
      versionInfo: { lastScalingAt: at(10), lastConfigChangeAt: at(0) },
    });
  });

  it('keep the scaling at a restart', () => {
    expect(stamp(restarted(before, at(10)))).toMatchObject({
      version: at(10),
      versionInfo: { lastScalingAt: at(0), lastConfigChangeAt: at(10) },
    });
  });

  it('stay when nothing changes, also when the same definition comes with another version', () => {
    expect(stamp({ ...before })).toMatchObject({ version: at(0), versionInfo: before.versionInfo });
    expect(stamp({ ...before, version: at(5) })).toMatchObject({ version: at(0), versionInfo: before.versionInfo });
  });

  it('stay with the very definition when only the order of a set differs', () => {
    const one = makeApp('/a', { dependencies: ['/x', '/y'] });
    const root = makeRoot(one);
    const target = putApp(root, { ...one, dependencies: ['/y', '/x'] }, at(10));
    expect(getApp(stampVersions(root, target, at(10)), '/a')).toBe(one);
  });

  it('do not see the order of what is a set', () => {
    const one = makeApp('/a', {
      constraints: [
        ['x', 'UNIQUE'],
        ['y', 'UNIQUE'],
      ],
      env: { A: '1', B: '2' },
    });
    const two = makeApp('/a', {
      constraints: [
        ['y', 'UNIQUE'],
        ['x', 'UNIQUE'],
      ],
      env: { B: '2', A: '1' },
    });
    expect(isUpgrade(one, two)).toBe(false);
    expect(isUpgrade(one, { ...two, args: ['a'] })).toBe(true);
  });
});

describe('service ports', () => {
  const ports = (...numbers: number[]) => ({
    portDefinitions: numbers.map((port) => ({ port, protocol: 'tcp' as const })),
  });
  const assign = (from: Group, to: Group, range = config) => accepted(assignServicePorts(from, to, range));
  const portsOf = (root: Group, id: string) => servicePorts(getApp(root, id) as AppDefinition);

  it('are the lowest that no app has', () => {
    const to = makeRoot(makeApp('/a', ports(0, 0)), makeApp('/b', ports(10001, 0)));
    const root = assign(makeRoot(), to);
    expect(portsOf(root, '/a')).toEqual([10000, 10002]);
    expect(portsOf(root, '/b')).toEqual([10001, 10003]);
  });

  it('are those that the app had before, as far as it does not name them', () => {
    const from = makeRoot(makeApp('/a', ports(10005, 10006)), makeApp('/b', ports(10000)));
    expect(portsOf(assign(from, putApp(from, makeApp('/a', ports(0, 0)), at(1))), '/a')).toEqual([10005, 10006]);
    expect(portsOf(assign(from, putApp(from, makeApp('/a', ports(0, 10005)), at(1))), '/a')).toEqual([10006, 10005]);
    expect(portsOf(assign(from, putApp(from, makeApp('/a', ports(0, 0, 0)), at(1))), '/a')).toEqual([
      10005, 10006, 10001,
    ]);
  });

  it('go into port mappings where there are some', () => {
    const mapped = makeApp('/a', {
      networks: [{ mode: 'container/bridge' }],
      container: {
        type: 'MESOS',
        volumes: [],
        portMappings: [{ containerPort: 80, hostPort: 0, servicePort: 0, protocol: 'tcp' }],
      },
    });
    const root = assign(makeRoot(), makeRoot(mapped));
    expect(getApp(root, '/a')?.container?.portMappings).toMatchObject([{ hostPort: 0, servicePort: 10000 }]);
  });

  it('may run out', () => {
    const few = { ...config, localPortMin: 10000, localPortMax: 10001 };
    expect(problemOf(assignServicePorts(makeRoot(), makeRoot(makeApp('/a', ports(0, 0))), few))).toEqual({
      status: 500,
      body: { message: 'All ports in the range [10000-10001) are already in use' },
    });
  });
});

describe('a plan', () => {
  const db = makeApp('/shop/db');
  const api = makeApp('/shop/api', { dependencies: ['/shop/db'] });
  const web = makeApp('/shop/web', { dependencies: ['/shop/api'] });
  const shop = makeRoot(db, api, web);

  it('starts new apps and scales them by their dependencies', () => {
    expect(stepsOf(makeRoot(), shop)).toEqual([
      ['StartApplication /shop/api', 'StartApplication /shop/db', 'StartApplication /shop/web'],
      ['ScaleApplication /shop/db'],
      ['ScaleApplication /shop/api'],
      ['ScaleApplication /shop/web'],
    ]);
  });

  it('stops what goes first, all of it at once', () => {
    expect(stepsOf(shop, makeRoot(makeApp('/new')))).toEqual([
      ['StopApplication /shop/api', 'StopApplication /shop/db', 'StopApplication /shop/web'],
      ['StartApplication /new'],
      ['ScaleApplication /new'],
    ]);
  });

  it('restarts what changed and leaves out what did not', () => {
    const target = putApp(putApp(shop, { ...db, cmd: 'v2' }, at(1)), { ...web, cmd: 'v2' }, at(1));
    expect(stepsOf(shop, target)).toEqual([['RestartApplication /shop/db'], ['RestartApplication /shop/web']]);
  });

  it('only scales when the number of instances alone changes, or is none', () => {
    expect(stepsOf(shop, putApp(shop, { ...db, instances: 4 }, at(1)))).toEqual([['ScaleApplication /shop/db']]);
    expect(stepsOf(shop, putApp(shop, { ...db, instances: 4, cmd: 'v2' }, at(1)))).toEqual([
      ['RestartApplication /shop/db'],
    ]);
    expect(stepsOf(shop, putApp(shop, { ...db, instances: 0, cmd: 'v2' }, at(1)))).toEqual([
      ['ScaleApplication /shop/db'],
    ]);
  });

  it('restarts an app that is to be restarted though it is the same', () => {
    expect(stepsOf(shop, putApp(shop, restarted(db, at(10)), at(10)))).toEqual([['RestartApplication /shop/db']]);
  });

  it('has no steps when nothing changes', () => {
    expect(stepsOf(shop, putApp(shop, { ...db }, at(1)))).toEqual([]);
  });

  it('goes by the dependencies of groups too', () => {
    const target = putGroup(
      makeRoot(makeApp('/back/db'), makeApp('/front/web')),
      { ...emptyGroup('/front', at(0)), apps: { '/front/web': makeApp('/front/web') }, dependencies: ['/back'] },
      at(0),
    );
    expect(stepsOf(makeRoot(), target).slice(1)).toEqual([
      ['ScaleApplication /back/db'],
      ['ScaleApplication /front/web'],
    ]);
  });

  it('passes on which instances to kill', () => {
    const target = stampVersions(shop, putApp(shop, { ...db, instances: 0 }, at(1)), at(10));
    const { steps } = planDeployment(shop, target, { id: 'd', version: at(10), sentenced: { '/shop/db': ['i1'] } });
    expect(steps).toEqual([
      { actions: [{ action: 'ScaleApplication', app: getApp(target, '/shop/db'), scaleTo: 0, sentenced: ['i1'] }] },
    ]);
  });

  it('locks the apps that it touches', () => {
    const one = plan(shop, putApp(shop, { ...db, cmd: 'v2' }, at(1)));
    const other = plan(shop, putApp(shop, { ...web, cmd: 'v2' }, at(1)));
    const both = plan(shop, putApp(putApp(shop, { ...db, cmd: 'v3' }, at(1)), { ...web, cmd: 'v3' }, at(1)));
    expect(affectedApps(both)).toEqual(['/shop/db', '/shop/web']);
    expect(conflictsOf(one, [other])).toEqual([]);
    expect(conflictsOf(both, [one, other])).toEqual([one, other]);
  });

  it('is shown with its progress', () => {
    const made = plan(makeRoot(), makeRoot(db));
    const steps = [
      { actions: [{ action: 'StartApplication', app: '/shop/db' }] },
      { actions: [{ action: 'ScaleApplication', app: '/shop/db' }] },
    ];
    expect(planJson(made)).toEqual({ id: 'd1', version: at(10), steps });
    const result = { name: 'r', taskId: 't', ready: false };
    expect(deploymentInfo(made, 2, { '/shop/db': [result] })).toEqual({
      id: 'd1',
      version: at(10),
      affectedApps: ['/shop/db'],
      affectedPods: [],
      steps,
      currentActions: [{ action: 'ScaleApplication', app: '/shop/db', readinessCheckResults: [result] }],
      currentStep: 2,
      totalSteps: 2,
    });
    expect(deploymentInfo(made, 0, {})).toMatchObject({ currentStep: 0, currentActions: [] });
  });

  it('may not take away what an app keeps its data on', () => {
    const resident = makeApp('/db', {
      container: {
        type: 'MESOS',
        volumes: [{ containerPath: 'd', mode: 'RW', persistent: { type: 'root', size: 1 } }],
      },
      upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 },
    });
    const root = makeRoot(resident);
    expect(planErrors(plan(root, putApp(root, { ...resident, cmd: 'v2' }, at(1))))).toEqual([]);
    const errors = planErrors(plan(root, putApp(root, { ...resident, cpus: 2 }, at(1))));
    expect(errors).toMatchObject([{ path: '/app(0)/cpus' }]);
    const { container: _, ...bare } = resident;
    expect(planErrors(plan(root, putApp(root, bare, at(1))))).toMatchObject([
      { path: '/app(0)', errors: ['Persistent volumes can not be changed!'] },
    ]);
  });
});

/** The tree without what a revert may change: versions. */
const withoutVersions = (root: Group) => ({
  apps: transitiveApps(root).map(({ version: _v, versionInfo: _i, ...app }) => app),
  groups: transitiveGroups(root).map(({ id, dependencies, enforceRole }) => ({
    id,
    dependencies: [...dependencies].sort(),
    enforceRole,
  })),
});

describe('a reverted deployment', () => {
  const a = makeApp('/g/a');
  const b = makeApp('/g/b');

  it('leaves alone what others changed since', () => {
    const original = makeRoot(a, b);
    const made = plan(original, putApp(original, { ...a, cmd: 'v2' }, at(1)));
    const current = putApp(made.target, { ...b, cmd: 'v2' }, at(11));
    const reverted = revertedTree(made, current, at(12));
    expect(getApp(reverted, '/g/a')?.cmd).toBe(a.cmd);
    expect(getApp(reverted, '/g/b')?.cmd).toBe('v2');
  });

  it('keeps a group that it added and others have filled', () => {
    const made = plan(makeRoot(), makeRoot(a));
    const filled = putApp(made.target, b, at(11));
    expect(transitiveApps(revertedTree(made, filled, at(12))).map(({ id }) => id)).toEqual(['/g/b']);
    expect(getGroup(revertedTree(made, made.target, at(12)), '/g')).toBeUndefined();
  });

  it('undoes what it did to dependencies of groups, and only that', () => {
    const original = putGroup(emptyRoot(at(0)), { ...emptyGroup('/g', at(0)), dependencies: ['/x', '/y'] }, at(0));
    const target = putGroup(original, { ...emptyGroup('/g', at(1)), dependencies: ['/y', '/z'] }, at(1));
    const made = plan(original, target);
    const current = putGroup(target, { ...emptyGroup('/g', at(2)), dependencies: ['/y', '/z', '/new'] }, at(2));
    expect(getGroup(revertedTree(made, current, at(3)), '/g')?.dependencies).toEqual(['/y', '/new', '/x']);
  });
});

const names = ['/a', '/b', '/g/a', '/g/b', '/g/h/a', '/h/a', '/h/b'];
const groupNames = ['/g', '/g/h', '/h'];

/** Trees in which apps and groups depend on those named before them, so that there is no cycle. */
const trees = fc
  .record({
    apps: fc.uniqueArray(
      fc.record({
        index: fc.nat(names.length - 1),
        cmd: fc.constantFrom('v1', 'v2'),
        instances: fc.nat(3),
        dependencies: fc.array(fc.nat(names.length - 1), { maxLength: 3 }),
      }),
      { selector: ({ index }) => index },
    ),
    groups: fc.uniqueArray(fc.record({ index: fc.nat(groupNames.length - 1), dependsOnTop: fc.boolean() }), {
      selector: ({ index }) => index,
    }),
  })
  .map(({ apps, groups }) => {
    let root = emptyRoot(at(0));
    for (const { index, cmd, instances, dependencies } of apps) {
      const id = names[index] as string;
      const on = dependencies.filter((each) => each < index).map((each) => names[each] as string);
      root = putApp(root, makeApp(id, { cmd, instances, dependencies: [...new Set(on)] }), at(0));
    }
    for (const { index, dependsOnTop } of groups) {
      const id = groupNames[index] as string;
      const group = getGroup(root, id) ?? emptyGroup(id, at(0));
      // A group on a group is only free of cycles here when the apps of the latter are named before.
      const dependencies = dependsOnTop && id === '/h' ? ['/g'] : [];
      root = putGroup(root, { ...group, dependencies }, at(0));
    }
    return root;
  });

/** The same number of instances and command always have the same version in these trees. */
const withStampedVersions = (original: Group, target: Group) => stampVersions(original, target, at(10));

describe('any plan', () => {
  it('does everything once, and what is depended on before what depends on it', () => {
    fc.assert(
      fc.property(trees, trees, (original, wanted) => {
        const target = withStampedVersions(original, wanted);
        const { steps } = planDeployment(original, target, { id: 'd', version: at(10) });
        const stepOf = new Map<string, number>();
        steps.forEach(({ actions }, index) => {
          for (const { action, app } of actions) {
            if (action !== 'ScaleApplication' && action !== 'RestartApplication') continue;
            expect(stepOf.has(app.id)).toBe(false);
            stepOf.set(app.id, index);
          }
        });
        for (const app of transitiveApps(target)) {
          const before = getApp(original, app.id);
          const changed = !before || isUpgrade(before, app) || before.instances !== app.instances;
          expect(stepOf.has(app.id)).toBe(changed);
          for (const dependency of app.dependencies) {
            const [own, other] = [stepOf.get(app.id), stepOf.get(dependency)];
            if (own !== undefined && other !== undefined) expect(other).toBeLessThan(own);
          }
        }
        const front = getGroup(target, '/h');
        if (front?.dependencies.includes('/g'))
          for (const app of transitiveApps(front))
            for (const needed of transitiveApps(getGroup(target, '/g') ?? emptyGroup('/g', at(0)))) {
              const [own, other] = [stepOf.get(app.id), stepOf.get(needed.id)];
              if (own !== undefined && other !== undefined) expect(other).toBeLessThan(own);
            }
        for (const removed of transitiveApps(original).filter(({ id }) => !getApp(target, id)))
          expect(steps[0]?.actions).toContainEqual({ action: 'StopApplication', app: removed });
      }),
    );
  });

  it('can be reverted to what was there before', () => {
    fc.assert(
      fc.property(trees, trees, (original, wanted) => {
        const target = withStampedVersions(original, wanted);
        const made = planDeployment(original, target, { id: 'd', version: at(10) });
        expect(withoutVersions(revertedTree(made, target, at(20)))).toEqual(withoutVersions(original));
      }),
    );
  });

  it('loses nothing that another plan did to other apps', () => {
    fc.assert(
      fc.property(trees, trees, fc.constantFrom('v3', 'v4'), (original, wanted, cmd) => {
        const target = withStampedVersions(original, wanted);
        const made = planDeployment(original, target, { id: 'd', version: at(10) });
        const touched = new Set(affectedApps(made));
        const current = mapSpecs(target, (app) => (touched.has(app.id) ? app : { ...app, cmd }));
        const reverted = revertedTree(made, current, at(20));
        for (const app of transitiveApps(reverted))
          expect(app.cmd).toBe(touched.has(app.id) ? getApp(original, app.id)?.cmd : cmd);
      }),
    );
  });

  it('needs no more than memory for a chain as long as a laptop may have', () => {
    const apps = Array.from({ length: 3000 }, (_, index) =>
      makeApp(`/chain/n${index}`, { dependencies: index === 0 ? [] : [`/chain/n${index - 1}`] }),
    );
    const made = plan(makeRoot(), makeRoot(...apps));
    expect(made.steps).toHaveLength(3001);
    expect(removeApp(made.target, '/chain/n0', at(11)).version).toBe(at(11));
  });
});
