import { describe, expect, it } from 'vitest';
import { resourcesToState } from '../../../src/protocols/mesos/resources.ts';
import type { ExecutorInfo, TaskInfo } from '../../../src/protocols/mesos/types.ts';
import { createWorld, task } from './cluster.ts';

function begin(frameworkInfo: Parameters<ReturnType<typeof createWorld>['subscribe']>[0] = {}) {
  const world = createWorld();
  const agent = world.subscribeAgent();
  const framework = world.subscribe(frameworkInfo);
  const [offer] = world.offers(framework);
  return { world, agent, framework, offer: offer! };
}

const launch = (...tasks: TaskInfo[]) => [{ type: 'LAUNCH', launch: { task_infos: tasks } }];

describe('a launch', () => {
  it('sends the task to its agent and offers the rest at once', () => {
    const { world, agent, framework, offer } = begin();
    world.accept(framework, [offer], launch(task('a', agent, 'cpus:1.5;mem:100')), 0);
    expect(world.messages(agent).at(-1)).toMatchObject({
      type: 'LAUNCH',
      framework: { id: { value: framework.id }, name: 'framework' },
      task: { task_id: { value: 'a' }, resources: [{ name: 'cpus', allocation_info: { role: '*' } }, { name: 'mem' }] },
    });
    expect(framework.tasks.get('a')).toMatchObject({ state: 'TASK_STAGING', statuses: [] });
    const [rest] = world.offers(framework);
    expect(resourcesToState(rest!.resources)).toMatchObject({ cpus: 2.5, mem: 3996 });
  });

  it('applies its operations in their order to the sum of the offers', () => {
    const { world, agent, framework, offer } = begin();
    world.accept(
      framework,
      [offer],
      [...launch(task('a', agent, 'cpus:3')), ...launch(task('b', agent, 'cpus:3'), task('c', agent, 'cpus:1'))],
    );
    expect([...framework.tasks.keys()]).toEqual(['a', 'c']);
    expect(world.updates(framework).map(({ task_id, state }) => [task_id.value, state])).toEqual([['b', 'TASK_ERROR']]);
  });

  it('without tasks declines', () => {
    const { world, framework, offer } = begin();
    world.accept(framework, [offer], launch(), 60);
    world.pass(59_000);
    expect(world.offers(framework)).toEqual([]);
  });

  it('declines what is left, with the filters of the call', () => {
    const { world, agent, framework, offer } = begin();
    world.accept(framework, [offer], launch(task('a', agent)), 10);
    world.pass(9999);
    expect(world.offers(framework)).toEqual([]);
    world.pass(1);
    expect(world.offers(framework)).toHaveLength(1);
  });

  it('tells the operators', () => {
    const { world, agent, framework, offer } = begin();
    world.accept(framework, [offer], launch(task('a', agent)));
    expect(world.operatorEvents.at(-1)).toMatchObject({ type: 'TASK_ADDED', task: { id: 'a', state: 'TASK_STAGING' } });
  });
});

describe('invalid offers', () => {
  it('drop every task, and the other offers of the call are given back', () => {
    const { world, agent, framework, offer } = begin();
    world.accept(framework, [offer, 'nothing'], launch(task('a', agent)));
    expect(world.updates(framework)).toEqual([
      {
        task_id: { value: 'a' },
        state: 'TASK_DROPPED',
        message: 'Task launched with invalid offers: Offer nothing is no longer valid',
        source: 'SOURCE_MASTER',
        reason: 'REASON_INVALID_OFFERS',
        agent_id: { value: agent.id },
        timestamp: expect.any(Number),
      },
    ]);
    expect(framework.offers.size).toBe(0);
    world.pass(1000);
    expect(world.offers(framework)).toHaveLength(1);
  });

  it('lose the tasks of frameworks that know no TASK_DROPPED', () => {
    const { world, agent, framework } = begin({ capabilities: [], roles: [] });
    world.accept(framework, ['nothing'], launch(task('a', agent)));
    expect(world.updates(framework)[0]).toMatchObject({ state: 'TASK_LOST', reason: 'REASON_INVALID_OFFERS' });
  });

  it.each([
    [[] as string[], 'No offers specified'],
    [['M-O0', 'M-O0'], 'Duplicate offer M-O0 in offer list'],
    [['M-O0', 'M-O1'], 'Aggregated offers must belong to one single agent. Offer M-O1 uses agent M-S1 and agent M-S0'],
  ])('%j: %s', (ids, message) => {
    const world = createWorld();
    const framework = world.subscribe();
    const agent = world.subscribeAgent();
    world.subscribeAgent();
    world.accept(framework, ids, launch(task('a', agent)));
    expect(world.updates(framework)[0]!.message).toBe(`Task launched with invalid offers: ${message}`);
  });

  it('of another framework are no offers of this one', () => {
    const { world, agent, offer, framework } = begin();
    const thief = world.subscribe();
    world.accept(thief, [offer], launch(task('a', agent)));
    expect(world.updates(thief)[0]!.message).toBe(
      `Task launched with invalid offers: Offer M-O0 has invalid framework ${framework.id} while framework ${thief.id} is expected`,
    );
  });
});

const valid = { value: 'true', shell: true };
const http = { delay_seconds: 0, type: 'HTTP' as const };

describe('invalid tasks', () => {
  it.each<[string, Partial<TaskInfo>, string]>([
    [
      'too much',
      { resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 5 } }] },
      'Total resources cpus(allocated: *):5 required by task and its executor is more than available ports(allocated: *):[31000-31099]; cpus(allocated: *):4; mem(allocated: *):4096; disk(allocated: *):10000',
    ],
    ['a bad id', { task_id: { value: 'a/b' } }, "'a/b' contains invalid characters"],
    ['an empty id', { task_id: { value: '' } }, 'ID must not be empty'],
    ['dots', { task_id: { value: '..' } }, "'..' is disallowed"],
    ['a long id', { task_id: { value: 'x'.repeat(256) } }, 'ID must not be greater than 255 characters'],
    ['another agent', { agent_id: { value: 'other' } }, 'Task uses invalid agent other while agent M-S0 is expected'],
    ['no resources', { resources: [] }, 'Task uses no resources'],
    [
      'empty resources',
      { resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0 } }] },
      'Task uses no resources',
    ],
    [
      'negative resources',
      { resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: -1 } }] },
      'Task uses invalid resources: Invalid scalar resource: value < 0',
    ],
    [
      'a negative grace',
      { kill_policy: { grace_period: { nanoseconds: -1 } } },
      "Task's 'kill_policy.grace_period' must be non-negative",
    ],
    [
      'a negative time',
      { max_completion_time: { nanoseconds: -1 } },
      "Task's `max_completion_time` must be non-negative",
    ],
    [
      'both',
      { executor: { executor_id: { value: 'e' }, command: valid } },
      'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present',
    ],
    [
      'a variable without value',
      { command: { ...valid, environment: { variables: [{ name: 'X' }] } } },
      "Task's `CommandInfo` is invalid: Environment variable 'X' of type 'VALUE' must have a value set",
    ],
    [
      'a secret without one',
      { command: { ...valid, environment: { variables: [{ name: 'X', type: 'SECRET' }] } } },
      "Task's `CommandInfo` is invalid: Environment variable 'X' of type 'SECRET' must have a secret set",
    ],
    [
      'a health check without type',
      { health_check: {} },
      "Task uses invalid health check: HealthCheck must specify 'type'",
    ],
    [
      'an HTTP check without http',
      { health_check: http },
      "Task uses invalid health check: Expecting 'http' to be set for HTTP health check",
    ],
    [
      'a relative path',
      { health_check: { ...http, http: { port: 1, path: 'x' } } },
      "Task uses invalid health check: The path 'x' of HTTP health check must start with '/'",
    ],
    [
      'a strange scheme',
      { health_check: { ...http, http: { port: 1, scheme: 'ftp' } } },
      "Task uses invalid health check: Unsupported HTTP health check scheme: 'ftp'",
    ],
    [
      'a negative delay',
      { health_check: { ...http, delay_seconds: -1, http: { port: 1 } } },
      "Task uses invalid health check: Expecting 'delay_seconds' to be non-negative",
    ],
    [
      'a check without command',
      { check: { type: 'COMMAND' } },
      "Task uses invalid check: Expecting 'command' to be set for COMMAND check",
    ],
  ])('%s', (_name, fields, message) => {
    const { world, agent, framework, offer } = begin();
    world.accept(framework, [offer], launch(task('a', agent, 'cpus:1', fields)));
    const [status] = world.updates(framework);
    expect(status).toMatchObject({
      state: 'TASK_ERROR',
      reason: 'REASON_TASK_INVALID',
      source: 'SOURCE_MASTER',
      message,
    });
    expect(status).not.toHaveProperty('uuid');
    expect(framework.tasks.size).toBe(0);
  });

  it('neither command nor executor', () => {
    const { world, agent, framework, offer } = begin();
    const { command: _, ...empty } = task('a', agent);
    world.accept(framework, [offer], launch(empty));
    expect(world.updates(framework)[0]!.message).toBe(
      'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present',
    );
  });

  it('an id that is in use', () => {
    const { world, agent, framework, offer } = begin();
    world.accept(framework, [offer], launch(task('a', agent), task('a', agent)));
    expect(world.updates(framework)[0]!.message).toBe('Task has duplicate ID: a');
    expect(framework.tasks.size).toBe(1);
  });

  it('an id on the operation', () => {
    const { world, agent, framework, offer } = begin();
    world.accept(framework, [offer], [{ ...launch(task('a', agent))[0]!, id: { value: 'x' } }]);
    expect(world.updates(framework)[0]!.message).toBe('The `id` field cannot be set on LAUNCH operations');
  });
});

describe('custom executors', () => {
  const executor = (id: string, cpus = 0.5): ExecutorInfo => ({
    executor_id: { value: id },
    command: valid,
    resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: cpus } }],
  });
  const withExecutor = (id: string, agent: Parameters<typeof task>[1], info: ExecutorInfo): TaskInfo => {
    const { command: _, ...rest } = task(id, agent, 'cpus:1');
    return { ...rest, executor: info };
  };

  it('are paid for once', () => {
    const { world, agent, framework, offer } = begin();
    world.accept(
      framework,
      [offer],
      launch(withExecutor('a', agent, executor('e')), withExecutor('b', agent, executor('e'))),
    );
    expect(resourcesToState(agent.used)).toMatchObject({ cpus: 2.5 });
    world.says(agent, {
      type: 'EXECUTOR_EXITED',
      framework_id: { value: framework.id },
      executor_id: { value: 'e' },
      status: 9,
    });
    expect(resourcesToState(agent.used)).toMatchObject({ cpus: 2 });
    expect(world.events(framework)).toContainEqual({
      type: 'FAILURE',
      failure: { agent_id: { value: agent.id }, executor_id: { value: 'e' }, status: 9 },
    });
  });

  it('must not change', () => {
    const { world, agent, framework, offer } = begin();
    world.accept(
      framework,
      [offer],
      launch(withExecutor('a', agent, executor('e')), withExecutor('b', agent, executor('e', 1))),
    );
    expect(world.updates(framework)[0]!.message).toContain('ExecutorInfo is not compatible');
  });
});

describe('a task group', () => {
  const group = (agent: Parameters<typeof task>[1], resources: string) => ({
    type: 'LAUNCH_GROUP',
    launch_group: {
      executor: {
        type: 'DEFAULT' as const,
        executor_id: { value: 'pod' },
        resources: task('', agent, resources).resources!,
      },
      task_group: { tasks: [task('a', agent), task('b', agent)] },
    },
  });

  it('is launched as one', () => {
    const { world, agent, framework, offer } = begin();
    world.accept(framework, [offer], [group(agent, 'cpus:0.1;mem:32;disk:16')]);
    expect(world.messages(agent).at(-1)).toMatchObject({
      type: 'LAUNCH_GROUP',
      executor: { executor_id: { value: 'pod' }, framework_id: { value: framework.id } },
      tasks: [{ task_id: { value: 'a' } }, { task_id: { value: 'b' } }],
    });
    expect(framework.tasks.get('a')).toMatchObject({ executorId: 'pod' });
    expect(resourcesToState(agent.used)).toMatchObject({ cpus: 2.1, mem: 288, disk: 16 });
  });

  it.each([
    ['cpus:0.1;mem:32', "Executor 'pod' uses no disk"],
    ['mem:32;disk:1', "Executor 'pod' uses less CPUs (None) than the minimum required (0.01)"],
    ['cpus:1;mem:1;disk:1', "Executor 'pod' uses less memory (1) than the minimum required (32MB)"],
  ])('with an executor of %s is refused whole', (resources, message) => {
    const { world, agent, framework, offer } = begin();
    world.accept(framework, [offer], [group(agent, resources)]);
    expect(world.updates(framework)).toMatchObject([
      { task_id: { value: 'a' }, state: 'TASK_ERROR', reason: 'REASON_TASK_GROUP_INVALID', message },
      { task_id: { value: 'b' }, state: 'TASK_ERROR', reason: 'REASON_TASK_GROUP_INVALID', message },
    ]);
  });
});

describe('reservations', () => {
  const reserved = { type: 'DYNAMIC' as const, role: 'web' };
  const half = { name: 'cpus', type: 'SCALAR' as const, scalar: { value: 0.5 }, reservations: [reserved] };

  it('turn free resources into reserved ones, which come back at once', () => {
    const { world, agent, framework, offer } = begin({
      roles: ['web'],
      capabilities: [{ type: 'MULTI_ROLE' }, { type: 'RESERVATION_REFINEMENT' }],
    });
    world.accept(framework, [offer], [{ type: 'RESERVE', reserve: { resources: [half] } }], 0);
    expect(world.messages(agent).at(-1)).toMatchObject({ type: 'CHECKPOINT_RESOURCES' });
    const [again] = world.offers(framework);
    expect(again!.resources.filter(({ name }) => name === 'cpus')).toEqual([
      { ...half, allocation_info: { role: 'web' } },
      { name: 'cpus', type: 'SCALAR', scalar: { value: 3.5 }, allocation_info: { role: 'web' } },
    ]);
    world.accept(framework, [again!], [{ type: 'UNRESERVE', unreserve: { resources: [half] } }], 0);
    const [last] = world.offers(framework);
    expect(resourcesToState(last!.resources).cpus).toBe(4);
    expect(last!.resources.some(({ reservations }) => reservations)).toBe(false);
  });

  it('with an id are answered', () => {
    const { world, framework, offer } = begin({ roles: ['web'] });
    const reserve = (id: string, cpus: number) => ({
      type: 'RESERVE',
      id: { value: id },
      reserve: { resources: [{ ...half, scalar: { value: cpus } }] },
    });
    world.accept(framework, [offer], [reserve('good', 1), reserve('bad', 9)]);
    const answers = world.events(framework).filter(({ type }) => type === 'UPDATE_OPERATION_STATUS');
    expect(answers).toMatchObject([
      { update_operation_status: { status: { operation_id: { value: 'good' }, state: 'OPERATION_FINISHED' } } },
      { update_operation_status: { status: { operation_id: { value: 'bad' }, state: 'OPERATION_ERROR' } } },
    ]);
  });

  it('of more than is offered do nothing', () => {
    const { world, agent, framework, offer } = begin({ roles: ['web'] });
    world.accept(
      framework,
      [offer],
      [{ type: 'RESERVE', reserve: { resources: [{ ...half, scalar: { value: 9 } }] } }],
    );
    expect(agent.total.some(({ reservations }) => reservations)).toBe(false);
    expect(world.logs.at(-1)).toContain('Dropping RESERVE operation');
  });
});
