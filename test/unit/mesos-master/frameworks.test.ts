import { describe, expect, it } from 'vitest';
import { disconnectFramework, updateFramework } from '../../../src/embedded/mesos-master/core/frameworks.ts';
import { createWorld, task } from './cluster.ts';

describe('a framework that subscribes', () => {
  it('gets an id of four digits, then the first heartbeat, then offers', () => {
    const world = createWorld();
    world.subscribeAgent();
    const framework = world.subscribe();
    expect(framework.id).toBe('M-0000');
    const events = world.events(framework);
    expect(events.map(({ type }) => type)).toEqual(['SUBSCRIBED', 'HEARTBEAT', 'OFFERS']);
    expect(events[0]).toMatchObject({
      subscribed: { framework_id: { value: 'M-0000' }, heartbeat_interval_seconds: 15, master_info: { id: 'M' } },
    });
    expect(world.subscribe().id).toBe('M-0001');
  });

  it('with an id that no agent knows is taken at its word', () => {
    const world = createWorld();
    expect(world.subscribe({ id: { value: 'OLD-0004' } }).id).toBe('OLD-0004');
  });

  it('with MULTI_ROLE and no roles gets no offers', () => {
    const world = createWorld();
    world.subscribeAgent();
    expect(world.offers(world.subscribe({ roles: [] }))).toEqual([]);
  });

  it.each([
    [{ role: 'a', roles: [] }, "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"],
    [
      { capabilities: [], roles: ['a'] },
      "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
    ],
    [{ roles: ['a', 'a'] }, "'FrameworkInfo.roles' contains duplicate items: { a }"],
    [{ roles: ['/a'] }, "'FrameworkInfo.roles' contains invalid role: Role '/a' cannot start with a slash"],
    [{ failover_timeout: 1e10 }, 'The framework failover_timeout (10000000000) is invalid'],
    [{ id: { value: 'a/b' } }, "'a/b' contains invalid characters"],
  ])('as %j is refused: %s', (info, error) => {
    expect(createWorld().trySubscribe(info)).toEqual({ error });
  });

  it('as root is refused without --root_submissions', () => {
    expect(createWorld({ rootSubmissions: false }).trySubscribe({ user: 'root' })).toEqual({
      error: "User 'root' is not allowed to run frameworks without --root_submissions set",
    });
  });

  it('with a role outside of --roles is refused', () => {
    expect(createWorld({ roles: new Set(['*', 'web']) }).trySubscribe({ roles: ['db'] })).toEqual({
      error: "Roles { db } are not present in the master's --roles",
    });
  });

  it('with suppressed roles gets no offers for them', () => {
    const world = createWorld();
    world.subscribeAgent();
    expect(world.offers(world.subscribe({}, { suppressedRoles: ['*'] }))).toEqual([]);
    expect(world.trySubscribe({}, { suppressedRoles: ['web'] })).toEqual({
      error: 'Suppressed roles { web } are not contained in the set of roles',
    });
  });
});

describe('a second scheduler with the same id', () => {
  it('takes over: the first is told and cut off, and its offers are gone', () => {
    const world = createWorld();
    world.subscribeAgent();
    const framework = world.subscribe();
    const before = [...framework.offers.keys()];
    world.events(framework);
    expect(world.subscribe({ id: { value: framework.id } })).toBe(framework);
    expect(world.closedFrameworks).toEqual([framework.id]);
    const events = world.events(framework);
    expect(events.map(({ type }) => type)).toEqual(['ERROR', 'SUBSCRIBED', 'HEARTBEAT', 'OFFERS']);
    expect(events[0]).toEqual({ type: 'ERROR', error: { message: 'Framework failed over' } });
    expect([...framework.offers.keys()]).not.toEqual(before);
  });

  it('cannot change the principal', () => {
    const world = createWorld();
    const framework = world.subscribe({ principal: 'me' });
    expect(world.trySubscribe({ id: { value: framework.id }, principal: 'you' })).toEqual({
      error: "Changing framework's principal is not allowed.",
    });
  });
});

describe('a framework whose stream ended', () => {
  it('gets no offers, keeps its tasks and may come back within its failover timeout', () => {
    const world = createWorld();
    const agent = world.subscribeAgent();
    const framework = world.subscribe({ failover_timeout: 60 });
    world.launch(framework, [task('a', agent)]);
    disconnectFramework(world.cluster, framework);
    expect(framework).toMatchObject({ active: false, connected: false });
    expect(framework.offers.size).toBe(0);
    world.pass(59_999);
    expect(world.subscribe({ id: { value: framework.id } }).tasks.size).toBe(1);
    world.pass(3_600_000);
    expect(world.cluster.frameworks.has(framework.id)).toBe(true);
  });

  it('is removed after it, with its tasks', () => {
    const world = createWorld();
    const agent = world.subscribeAgent();
    const framework = world.subscribe({ failover_timeout: 60 });
    world.launch(framework, [task('a', agent)]);
    disconnectFramework(world.cluster, framework);
    world.pass(60_000);
    expect(world.cluster.completedFrameworks.get(framework.id)).toBe(framework);
    expect(world.messages(agent)).toContainEqual({
      type: 'SHUTDOWN_FRAMEWORK',
      framework_id: { value: framework.id },
    });
    expect(framework.completedTasks).toMatchObject([{ id: 'a', state: 'TASK_KILLED' }]);
    expect(world.trySubscribe({ id: { value: framework.id } })).toEqual({ error: 'Framework has been removed' });
  });

  it('is removed at once without a failover timeout', () => {
    const world = createWorld();
    const framework = world.subscribe();
    disconnectFramework(world.cluster, framework);
    world.pass(0);
    expect(world.cluster.frameworks.size).toBe(0);
  });

  it('has the time forgiven in which the master stood still', () => {
    const world = createWorld();
    const framework = world.subscribe({ failover_timeout: 60 });
    disconnectFramework(world.cluster, framework);
    world.settle();
    world.stall(3_600_000);
    expect(world.cluster.frameworks.has(framework.id)).toBe(true);
    world.pass(60_000);
    expect(world.cluster.frameworks.has(framework.id)).toBe(false);
  });
});

describe('TEARDOWN', () => {
  it('kills the tasks, ends the stream and keeps the framework among the completed', () => {
    const world = createWorld();
    const agent = world.subscribeAgent();
    const framework = world.subscribe();
    world.launch(framework, [task('a', agent)]);
    world.call(framework, { type: 'TEARDOWN' });
    expect(world.closedFrameworks).toEqual([framework.id]);
    expect(world.operatorEvents.slice(-2)).toMatchObject([
      { type: 'TASK_UPDATED', status: { state: 'TASK_KILLED', reason: 'REASON_FRAMEWORK_REMOVED' } },
      { type: 'FRAMEWORK_REMOVED' },
    ]);
    expect(agent.tasks.size).toBe(0);
    expect(agent.used).toEqual([]);
  });

  it('forgets the oldest of too many completed frameworks', () => {
    const world = createWorld({ maxCompletedFrameworks: 2 });
    for (let i = 0; i < 3; i++) world.call(world.subscribe(), { type: 'TEARDOWN' });
    expect([...world.cluster.completedFrameworks.keys()]).toEqual(['M-0001', 'M-0002']);
  });
});

describe('UPDATE_FRAMEWORK', () => {
  it('changes name and roles', () => {
    const world = createWorld();
    world.subscribeAgent();
    const framework = world.subscribe({ roles: ['a'] });
    world.events(framework);
    const info = { ...framework.info, name: 'renamed', roles: ['b'] };
    const problem = updateFramework(world.cluster, framework, {
      info,
      suppressedRoles: [],
      offerConstraints: undefined,
    });
    expect(problem).toBeUndefined();
    world.settle();
    expect(framework.info.name).toBe('renamed');
    expect(world.events(framework).map(({ type }) => type)).toEqual(['RESCIND', 'OFFERS']);
    expect([...framework.offers.values()].map(({ role }) => role)).toEqual(['b']);
  });

  it('refuses what is fixed', () => {
    const world = createWorld();
    const framework = world.subscribe();
    const update = (fields: object) =>
      updateFramework(world.cluster, framework, {
        info: { ...framework.info, ...fields },
        suppressedRoles: [],
        offerConstraints: undefined,
      });
    expect(update({ checkpoint: false })).toBe(
      "FrameworkInfo update is not valid: Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'true' to 'false'",
    );
    expect(update({ user: 'you' })).toBe(
      "FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'me' to 'you'",
    );
  });
});
