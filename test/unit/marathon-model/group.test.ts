import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../../src/embedded/marathon/model/config.ts';
import {
  emptyGroup,
  emptyRoot,
  type Group,
  getApp,
  getGroup,
  putApp,
  putGroup,
  removeApp,
  removeGroup,
  rolesFor,
  transitiveApps,
  transitiveGroups,
  validateRoot,
} from '../../../src/embedded/marathon/model/group.ts';
import { groupUpdatePath, readGroupUpdate, updateGroup } from '../../../src/embedded/marathon/model/group-update.ts';
import type { ReadContext } from '../../../src/embedded/marathon/model/update.ts';
import { accepted, at, config, makeApp, makeRoot, problemOf } from './make.ts';

const idsOf = (group: Group) => transitiveApps(group).map(({ id }) => id);
const groupsOf = (group: Group) => transitiveGroups(group).map(({ id }) => id);

describe('the tree', () => {
  it('makes the groups on the way to an app', () => {
    const root = putApp(emptyRoot(at(0)), makeApp('/a/b/c'), at(1));
    expect(groupsOf(root)).toEqual(['/', '/a', '/a/b']);
    expect(getApp(root, '/a/b/c')?.id).toBe('/a/b/c');
    expect(getApp(root, '/a/b')).toBeUndefined();
    expect(getGroup(root, '/a/b/c')).toBeUndefined();
  });

  it('gives every group the version of the change, and no app', () => {
    const root = putApp(makeRoot(makeApp('/x/y')), makeApp('/a'), at(1));
    expect(transitiveGroups(root).every(({ version }) => version === at(1))).toBe(true);
    expect(getApp(root, '/x/y')?.version).toBe(at(0));
  });

  it('keeps groups when their last app goes', () => {
    const root = removeApp(makeRoot(makeApp('/a/b')), '/a/b', at(1));
    expect(idsOf(root)).toEqual([]);
    expect(groupsOf(root)).toEqual(['/', '/a']);
  });

  it('lets an app take the place of a group without apps', () => {
    const root = putApp(putGroup(emptyRoot(at(0)), emptyGroup('/a/b', at(0)), at(0)), makeApp('/a'), at(1));
    expect(groupsOf(root)).toEqual(['/']);
    const taken = putApp(makeRoot(makeApp('/a/b')), makeApp('/a'), at(1));
    expect(validateRoot(taken)).toEqual([
      { path: '/', errors: ['Groups and Applications may not have the same identifier.'] },
    ]);
  });

  it('removes a group with all below it; the root is emptied', () => {
    const root = makeRoot(makeApp('/a/b/c'), makeApp('/a/d'), makeApp('/e'));
    expect(idsOf(removeGroup(root, '/a/b', at(1)))).toEqual(['/a/d', '/e']);
    expect(idsOf(removeGroup(root, '/a', at(1)))).toEqual(['/e']);
    expect(removeGroup(root, '/', at(1))).toEqual(emptyRoot(at(1)));
    expect(idsOf(removeGroup(root, '/none', at(1)))).toEqual(['/a/b/c', '/a/d', '/e']);
  });
});

describe('the rules of the whole tree', () => {
  const cyclic = 'Dependency graph has cyclic dependencies.';
  it.each<[string, Group, boolean]>([
    [
      'apps on each other',
      makeRoot(makeApp('/a', { dependencies: ['/b'] }), makeApp('/b', { dependencies: ['/a'] })),
      true,
    ],
    ['an app on itself', makeRoot(makeApp('/a', { dependencies: ['/a'] })), true],
    ['an app on its own group', makeRoot(makeApp('/g/a', { dependencies: ['/g'] })), true],
    ['an app on what does not exist', makeRoot(makeApp('/a', { dependencies: ['/none'] })), false],
    ['an app on another group', makeRoot(makeApp('/g/a'), makeApp('/h/b', { dependencies: ['/g'] })), false],
  ])('%s', (_, root, isCycle) => {
    expect(validateRoot(root)).toEqual(isCycle ? [{ path: '/', errors: [cyclic] }] : []);
  });

  it('sees cycles through groups', () => {
    const one = putGroup(
      makeRoot(makeApp('/a/x'), makeApp('/b/y')),
      {
        ...emptyGroup('/a', at(0)),
        apps: { '/a/x': makeApp('/a/x') },
        dependencies: ['/b'],
      },
      at(0),
    );
    expect(validateRoot(one)).toEqual([]);
    const both = putApp(one, makeApp('/b/y', { dependencies: ['/a/x'] }), at(1));
    expect(validateRoot(both)).toEqual([{ path: '/', errors: [cyclic] }]);
  });

  it('wants roles that the groups allow', () => {
    const root = putGroup(
      emptyRoot(at(0)),
      { ...emptyGroup('/dev', at(0), true), apps: { '/dev/a': makeApp('/dev/a', { role: 'dev' }) } },
      at(0),
    );
    expect(validateRoot(root)).toEqual([]);
    expect(rolesFor(root, '/dev/new', config)).toEqual({ default: 'dev', valid: ['dev'] });
    expect(rolesFor(root, '/new', config)).toEqual({ default: '*', valid: ['*'] });
    expect(rolesFor(root, '/prod/new', config)).toEqual({ default: '*', valid: ['*', 'prod'] });
    const top: ModelConfig = { ...config, newGroupEnforceRole: 'top' };
    expect(rolesFor(root, '/prod/new', top)).toEqual({ default: 'prod', valid: ['prod'] });
  });
});

const contextOf = (root: Group, changes: Partial<ModelConfig> = {}): ReadContext => ({
  config: { ...config, ...changes },
  root,
  now: at(10),
});

function change(
  root: Group,
  id: string,
  body: unknown,
  versions: (version: string) => Group | undefined = () => undefined,
) {
  const context = contextOf(root);
  const update = readGroupUpdate(body, id, context);
  return update.ok ? updateGroup(groupUpdatePath(update.value, id), update.value, context, versions) : update;
}

describe('an update of a group', () => {
  const root = makeRoot(makeApp('/shop/web'), makeApp('/shop/db/main'), makeApp('/other'));

  it('keeps what it does not name', () => {
    expect(idsOf(accepted(change(root, '/shop', { dependencies: ['/x'] })))).toEqual([
      '/other',
      '/shop/db/main',
      '/shop/web',
    ]);
    expect(getGroup(accepted(change(root, '/shop', { dependencies: ['../x', 'db'] })), '/shop')?.dependencies).toEqual([
      '/x',
      '/shop/db',
    ]);
  });

  it('replaces what it names: children that are not listed go', () => {
    expect(idsOf(accepted(change(root, '/shop', { apps: [{ id: 'api', cmd: 'sleep 1' }] })))).toEqual([
      '/other',
      '/shop/api',
      '/shop/db/main',
    ]);
    expect(idsOf(accepted(change(root, '/shop', { groups: [] })))).toEqual(['/other', '/shop/web']);
    expect(idsOf(accepted(change(root, '/', { apps: [], groups: [{ id: '/shop' }] })))).toEqual([
      '/shop/db/main',
      '/shop/web',
    ]);
  });

  it('creates groups, with ids relative to where they stand', () => {
    const made = accepted(
      change(root, '/', {
        id: '/lab',
        groups: [
          { id: 'a', apps: [{ id: 'x', cmd: 'sleep 1', dependencies: ['../b/y'] }] },
          { id: '/lab/b', apps: [{ id: '/lab/b/y', cmd: 'sleep 1' }] },
        ],
      }),
    );
    expect(idsOf(made)).toEqual(['/lab/a/x', '/lab/b/y', '/other', '/shop/db/main', '/shop/web']);
    expect(getApp(made, '/lab/a/x')).toMatchObject({ dependencies: ['/lab/b/y'], version: at(10), cpus: 1 });
  });

  it('refuses ids outside the group', () => {
    expect(problemOf(change(root, '/shop', { apps: [{ id: '/other/app', cmd: 'sleep 1' }] }))).toEqual({
      status: 422,
      body: {
        message: 'Object is not valid',
        details: [{ path: '/apps(0)/id', errors: ["Identifier is not child of '/shop'"] }],
      },
    });
    expect(problemOf(change(root, '/shop', { groups: [{ id: '/x' }] })).body).toMatchObject({
      details: [{ path: '/groups(0)/id', errors: ["Identifier is not child of '/shop'"] }],
    });
  });

  it('tells the errors of its apps', () => {
    expect(problemOf(change(root, '/shop', { apps: [{ id: 'x' }] })).body).toMatchObject({
      details: [
        { path: '/', errors: ["AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."] },
      ],
    });
    expect(
      problemOf(change(root, '/shop', { groups: [{ id: 'g', apps: [{ id: 'x', cpus: '1' }] }] })).body,
    ).toMatchObject({
      message: 'Invalid JSON',
      details: [{ path: '/groups(0)/apps(0)/cpus', errors: ['error.expected.jsnumber'] }],
    });
  });

  it.each([
    [2, 3, 6],
    [0.5, 3, 2],
    [1.1, 10, 11],
    [0, 3, 0],
  ])('scales every app below by %d: %d becomes %d', (scaleBy, instances, expected) => {
    const before = makeRoot(
      makeApp('/shop/web', { instances }),
      makeApp('/shop/db/main', { instances }),
      makeApp('/other'),
    );
    const after = accepted(change(before, '/shop', { scaleBy }));
    expect(transitiveApps(after).map((app) => app.instances)).toEqual([1, expected, expected]);
  });

  it('reverts to a version', () => {
    const old = makeRoot(makeApp('/shop/old'));
    const versions = (version: string) => (version === at(3) ? old : undefined);
    expect(idsOf(accepted(change(root, '/shop', { version: at(3) }, versions)))).toEqual(['/other', '/shop/old']);
    expect(problemOf(change(root, '/shop', { version: at(4) }, versions))).toEqual({
      status: 422,
      body: { message: `Group /shop not available in version ${at(4)}` },
    });
  });

  it('lets version and scale stand alone', () => {
    const message = 'not allowed in conjunction with other properties.';
    expect(problemOf(change(root, '/shop', { scaleBy: 2, apps: [] })).body).toMatchObject({
      details: [{ path: '/scaleBy', errors: [message] }],
    });
    expect(problemOf(change(root, '/shop', { version: at(1), scaleBy: 2 })).body).toMatchObject({
      details: [
        { path: '/version', errors: [message] },
        { path: '/scaleBy', errors: [message] },
      ],
    });
    expect(problemOf(change(root, '/', { groups: [{ id: '/shop', scaleBy: 2 }] })).status).toBe(422);
  });

  it('enforces roles from the top-level group down', () => {
    const made = accepted(
      change(root, '/', {
        id: '/dev',
        enforceRole: true,
        groups: [{ id: 'sub', apps: [{ id: 'x', cmd: 'sleep 1' }] }],
      }),
    );
    expect(getApp(made, '/dev/sub/x')?.role).toBe('dev');
    expect(getGroup(made, '/dev')?.enforceRole).toBe(true);
    expect(getGroup(made, '/dev/sub')).not.toHaveProperty('enforceRole');
    const kept = accepted(change(made, '/dev', { apps: [{ id: 'y', cmd: 'sleep 1' }] }));
    expect(getApp(kept, '/dev/y')?.role).toBe('dev');
    expect(problemOf(change(made, '/dev', { enforceRole: false, apps: [] })).body).toMatchObject({
      details: [{ path: '/enforceRole' }],
    });
    expect(problemOf(change(root, '/shop', { groups: [{ id: 'db', enforceRole: true }] })).body).toMatchObject({
      details: [
        {
          path: '/groups(0)/enforceRole',
          errors: ['enforceRole can only be set for top-level groups, and /shop/db is not top-level'],
        },
      ],
    });
  });
});
