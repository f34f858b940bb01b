import { expect } from 'vitest';
import type { Task } from '../../../../src/protocols/marathon/types.ts';
import type { TaskInfo } from '../../../../src/protocols/mesos/types.ts';
import { type Area, type Fact, small, type World } from './fact.ts';

const tasksTest = 'conformance/marathon/tasks.test.ts';
const builder = 'unit/marathon-model/task-builder.test.ts';
const backoff = 'unit/marathon-model/backoff.test.ts';
const housekeeping = 'unit/marathon/housekeeping.test.ts';
const launching = 'unit/marathon/launching.test.ts';
const offers = 'unit/marathon-model/offer-match.test.ts';

/** What an app's one task is launched with. */
async function launched({ run, fresh, master }: World, app: Record<string, unknown>): Promise<TaskInfo> {
  const { id } = await run({ id: `${fresh()}/sub/a`, ...app });
  return master.running(id)[0]!.info;
}

async function environment(world: World, app: Record<string, unknown>): Promise<Record<string, string | undefined>> {
  const { command } = await launched(world, app);
  return Object.fromEntries((command?.environment?.variables ?? []).map(({ name, value }) => [name, value]));
}

/** A variable of a task's environment, and its value. */
function variable(name: string, value: unknown, app: Record<string, unknown> = {}): Fact {
  return {
    fact: `environment: \`${name}\``,
    run: async (world) => expect((await environment(world, app))[name]).toEqual(value),
  };
}

const number = expect.stringMatching(/^\d+$/);

/** Where the instances of an app with the constraint come to be: how many on each agent. */
function placed(fact: string, instances: number, constraint: string[], fits: (counts: number[]) => void): Fact {
  return {
    fact: `constraints: ${fact}`,
    async run({ run, fresh, master }) {
      const app = await run({ id: `${fresh()}/a`, instances, constraints: [constraint] });
      const hosts = master.running(app.id).map(({ agent }) => agent.hostname);
      fits(['127.0.0.1', '127.0.0.2', '127.0.0.3'].map((host) => hosts.filter((one) => one === host).length));
    },
  };
}

const sorted = (counts: number[]) => [...counts].sort();

export const instances: Area = {
  title: 'Instances and tasks',
  facts: [
    {
      fact: 'instance ids are `<path with / as _>.instance-<time-based UUID>`, task ids add `._app.1`',
      async run({ run, fresh }) {
        const app = await run({ id: `${fresh()}/b/c` });
        const path = app.id.slice(1).replaceAll('/', '_');
        expect(app.tasks![0]!.id).toMatch(
          new RegExp(`^${path}\\.instance-[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\\._app\\.1$`),
        );
      },
    },
    {
      fact: 'task ids count up with every launch of the instance',
      file: tasksTest,
      title: 'a task that ends is replaced by the same instance, whose task counts up',
    },
    {
      fact: 'older forms of task ids are understood',
      file: 'unit/marathon-model/ids.test.ts',
      title: 'lead back to their instance and app',
    },
    ...(
      [
        ['TASK_FINISHED', 'Finished'],
        ['TASK_FAILED', 'Failed'],
        ['TASK_KILLED', 'Killed'],
        ['TASK_ERROR', 'Error'],
        ['TASK_DROPPED', 'Dropped'],
        ['TASK_GONE', 'Gone'],
        ['TASK_GONE_BY_OPERATOR', 'Gone'],
        ['TASK_UNKNOWN', 'Unknown'],
        ['TASK_LOST', 'Gone'],
      ] as const
    ).map(
      ([state, condition]): Fact => ({
        fact: `${state}: condition ${condition}, and the instance is launched again`,
        async run({ run, fresh, master, events }) {
          const app = await run({ id: `${fresh()}/a`, backoffSeconds: 0 });
          master.update(app.tasks![0]!.id, state);
          await events.next(
            'instance_changed_event',
            (data) => data.runSpecId === app.id && data.condition === condition,
          );
          await master.until(() => master.running(app.id).some(({ info }) => info.task_id.value.endsWith('.2')));
        },
      }),
    ),
    ...(
      [
        ['TASK_STAGING', 'Staging'],
        ['TASK_STARTING', 'Starting'],
        ['TASK_RUNNING', 'Running'],
        ['TASK_KILLING', 'Killing'],
      ] as const
    ).map(
      ([state, condition]): Fact => ({
        fact: `${state}: condition ${condition}`,
        async run({ ask, fresh, behave, events }) {
          const group = fresh();
          behave(group, [state]);
          await ask('PUT', `/v2/apps${group}/a`, small);
          await events.next(
            'instance_changed_event',
            (data) => data.runSpecId === `${group}/a` && data.condition === condition,
          );
        },
      }),
    ),
    ...(['REASON_RECONCILIATION', 'REASON_AGENT_DISCONNECTED', 'REASON_AGENT_REMOVED'] as const).map(
      (reason): Fact => ({
        fact: `TASK_LOST by ${reason}: Unreachable`,
        async run({ run, fresh, master, events }) {
          const app = await run({
            id: `${fresh()}/a`,
            unreachableStrategy: { inactiveAfterSeconds: 60, expungeAfterSeconds: 90 },
          });
          master.update(app.tasks![0]!.id, 'TASK_LOST', { reason });
          await events.next(
            'instance_changed_event',
            (data) => data.runSpecId === app.id && data.condition === 'Unreachable',
          );
        },
      }),
    ),
    {
      fact: 'backoff: grows from the first failure by its factor, up to its limit',
      file: backoff,
      title: 'begins with the first failure and grows with each, up to its limit',
    },
    { fact: 'backoff: which conditions add delay; Killed does not', file: backoff, title: 'the launch delay' },
    { fact: 'backoff: is counted from the last launch', file: backoff, title: 'lets it begin anew' },
    { fact: 'backoff: is forgotten after maxLaunchDelay', file: backoff, title: 'is forgotten some time after' },
    {
      fact: 'backoff: by app and configuration',
      file: backoff,
      title: 'is kept by app and configuration, so that scaling does not lift it',
    },
    {
      fact: 'backoff: dropped by `DELETE …/delay`',
      file: tasksTest,
      title: 'a failure delays the next launch, is remembered, and the delay can be dropped',
    },
    {
      fact: 'overdue: `--task_launch_confirm_timeout`',
      file: housekeeping,
      title: 'a launch that nobody confirms is ended',
    },
    {
      fact: 'overdue: `--task_launch_timeout`',
      file: housekeeping,
      title: 'a task that does not come to run is ended',
    },
    {
      fact: 'kill: again every `--kill_retry_timeout`',
      file: tasksTest,
      title: 'a kill that brings no end is repeated',
    },
    {
      fact: 'kill: at most `--kill_chunk_size` under way',
      file: launching,
      title: 'are limited in number; the next follows when one is through',
    },
    {
      fact: 'kill: what is unreachable is forgotten instead',
      file: launching,
      title: 'need no call where there is no task to reach',
    },
    {
      fact: 'unreachable: replaced when inactive; ended when it comes back',
      file: tasksTest,
      title: 'unreachable tasks are replaced at once, and ended when they come back',
    },
    {
      fact: 'unreachable: inactive only after `inactiveAfterSeconds`',
      file: housekeeping,
      title: 'an unreachable instance is given up when its time is over',
    },
    {
      fact: 'unreachable: forgotten after `expungeAfterSeconds`',
      file: housekeeping,
      title: 'an inactive instance is forgotten when its time is over',
    },
    {
      fact: 'unreachable: `"disabled"` waits for ever',
      file: housekeeping,
      title: 'an instance whose strategy is disabled is waited for',
    },
    {
      fact: 'scale check: what is missing is started, what is too much is ended',
      file: housekeeping,
      title: 'the number of instances is looked after, but not where a deployment is at it',
    },
    {
      fact: 'reconciliation: all known tasks, then all there are',
      file: 'conformance/marathon/failover.test.ts',
      title: 'tasks that ended while nobody led are replaced; tasks that nobody knows are ended',
    },
    {
      fact: 'offers: at most `--max_instances_per_offer` of one',
      async run(world) {
        const { run, fresh, master } = await world.with({ max_instances_per_offer: 2 });
        await run({ id: `${fresh()}/a`, instances: 7 });
        const sizes = master.calls
          .filter(({ type }) => type === 'ACCEPT')
          .map((call) => (call.accept!.operations ?? []).flatMap((one) => one.launch?.task_infos ?? []).length);
        expect(Math.max(...sizes)).toBe(2);
      },
    },
    {
      fact: 'offers: ACCEPT with `refuse_seconds` 0',
      async run(world) {
        await launched(world, {});
        const accept = world.master.calls.findLast(({ type }) => type === 'ACCEPT');
        expect(accept?.accept?.filters).toEqual({ refuse_seconds: 0 });
      },
    },
    {
      fact: 'offers: DECLINE for `--decline_offer_duration`, 120 s',
      async run({ master }) {
        const decline = await master.until(() =>
          master.calls.find((call) => call.type === 'DECLINE' && call.decline?.filters !== undefined),
        );
        expect(decline.decline?.filters).toEqual({ refuse_seconds: 120 });
      },
    },
    {
      fact: 'offers: suppressed while nothing is wanted, revived for new apps',
      file: tasksTest,
      title: 'offers are suppressed while nothing is to be launched, and revived for new apps',
    },
    {
      fact: 'offers: REVIVE at most every `--min_revive_offers_interval`',
      file: launching,
      title: 'revives at once, then at most so often',
    },
    {
      fact: 'offers: launch tokens, given back by time and by tasks that run',
      file: launching,
      title: 'are given back by time and by tasks that run, never more than there were',
    },
    { fact: 'ports: consecutive from a random one', file: offers, title: 'follow one another from a random one on' },
    {
      fact: 'ports: `requirePorts` takes exactly those named',
      file: offers,
      title: 'are those named when they are required',
    },
    {
      fact: 'ports: mappings with hostPort 0, fixed, or none',
      file: offers,
      title: 'of mappings are any, a fixed one, or none',
    },
    {
      fact: 'the task’s name: path reversed, joined by dots; also its discovery name',
      async run(world) {
        const info = await launched(world, {});
        expect(info.name).toMatch(/^a\.sub\.fresh-\d+$/);
        expect(info.discovery).toMatchObject({ name: info.name, visibility: 'FRAMEWORK' });
      },
    },
    {
      fact: 'discovery ports: one a protocol, with name, number and labels',
      async run(world) {
        const info = await launched(world, {
          portDefinitions: [{ port: 0, name: 'dns', protocol: 'udp,tcp', labels: { a: 'b' } }],
        });
        const ports = info.discovery?.ports?.ports ?? [];
        expect(ports.map(({ protocol }) => protocol).sort()).toEqual(['tcp', 'udp']);
        for (const port of ports)
          expect(port).toMatchObject({
            name: 'dns',
            number: expect.any(Number),
            labels: { labels: [{ key: 'a', value: 'b' }] },
          });
      },
    },
    {
      fact: 'labels of the app are the task’s',
      async run(world) {
        const info = await launched(world, { labels: { a: 'b' } });
        expect(info.labels).toEqual({ labels: [{ key: 'a', value: 'b' }] });
      },
    },
    {
      fact: '`taskKillGracePeriodSeconds`: the kill policy',
      async run(world) {
        const info = await launched(world, { taskKillGracePeriodSeconds: 7 });
        expect(info.kill_policy).toEqual({ grace_period: { nanoseconds: 7e9 } });
      },
    },
    {
      fact: '`cmd`: a shell command',
      async run(world) {
        expect((await launched(world, { cmd: 'sleep 5' })).command).toMatchObject({ shell: true, value: 'sleep 5' });
      },
    },
    {
      fact: '`args`: no shell; the first is the program',
      async run(world) {
        const { command } = await launched(world, { cmd: undefined, args: ['run', 'it'] });
        expect(command).toMatchObject({ shell: false, arguments: ['run', 'it'], value: 'run' });
      },
    },
    {
      fact: '`args` in a container: all for its entry point',
      file: builder,
      title: 'of arguments runs the first of them, but in a container all are for its entry point',
    },
    {
      fact: '`fetch`: the URIs of the command',
      async run(world) {
        const { command } = await launched(world, { fetch: [{ uri: 'http://a/b.tgz', cache: true, destPath: 'c' }] });
        expect(command?.uris).toEqual([
          { value: 'http://a/b.tgz', extract: true, executable: false, cache: true, output_file: 'c' },
        ]);
      },
    },
    {
      fact: 'Docker: image, network, mappings; the task’s id as a label',
      file: builder,
      title: 'of a Docker image on a bridge',
    },
    {
      fact: 'Mesos containers: images, networks, volumes, secrets',
      file: builder,
      title: 'of an image in a Mesos container, with volumes and secrets',
    },
    variable('MESOS_TASK_ID', expect.stringMatching(/\._app\.1$/)),
    variable('MARATHON_APP_ID', expect.stringMatching(/^\/fresh-\d+\/sub\/a$/)),
    variable('MARATHON_APP_VERSION', expect.stringMatching(/Z$/)),
    variable('MARATHON_APP_RESOURCE_CPUS', '0.01'),
    variable('MARATHON_APP_RESOURCE_MEM', '1.0'),
    variable('MARATHON_APP_RESOURCE_DISK', '0.0'),
    variable('MARATHON_APP_RESOURCE_GPUS', '0'),
    variable('MARATHON_APP_ENFORCE_GROUP_ROLE', 'FALSE'),
    variable('MARATHON_APP_LABELS', 'A_B C', { labels: { 'a-b': '1', c: '2' } }),
    variable('MARATHON_APP_LABEL_A_B', '1', { labels: { 'a-b': '1' } }),
    variable('MARATHON_APP_DOCKER_IMAGE', 'nginx', { container: { docker: { image: 'nginx' } } }),
    variable('HOST', expect.stringMatching(/^127\.0\.0\.\d$/)),
    variable('PORT', number),
    variable('PORT0', number),
    variable('PORTS', expect.stringMatching(/^\d+,\d+$/), { portDefinitions: [{ port: 0 }, { port: 0 }] }),
    variable('PORT_WEB', number, { portDefinitions: [{ port: 0, name: 'web' }] }),
    variable('PORT_80', number, { portDefinitions: [{ port: 80 }] }),
    { fact: 'environment: no ports, no variables of ports', file: builder, title: 'has no ports when there are none' },
    {
      fact: 'environment: container ports where a mapping has no host port',
      file: builder,
      title: 'has container ports where a mapping has no host port',
    },
    { fact: 'environment: over-long labels are left out', file: builder, title: 'has the labels, with names made fit' },
    {
      fact: 'environment: the app’s own `env` wins',
      async run(world) {
        expect(await environment(world, { env: { PORT0: 'own', A: 'b' } })).toMatchObject({ PORT0: 'own', A: 'b' });
      },
    },
    {
      fact: 'environment: `--env_vars_prefix` before those of host and ports',
      file: builder,
      title: 'lets the app have the last word, and a prefix keep the rest apart',
    },
    {
      fact: 'environment: secrets are references, never values',
      file: builder,
      title: 'names secrets and never their values',
    },
    placed('UNIQUE', 3, ['hostname', 'UNIQUE'], (counts) => expect(counts).toEqual([1, 1, 1])),
    placed('UNIQUE of an attribute', 3, ['node', 'UNIQUE'], (counts) => expect(counts).toEqual([1, 1, 1])),
    placed('CLUSTER at a value', 3, ['hostname', 'CLUSTER', '127.0.0.2'], (counts) =>
      expect(counts).toEqual([0, 3, 0]),
    ),
    placed('CLUSTER without one: where the first is', 3, ['node', 'CLUSTER'], (counts) =>
      expect(sorted(counts)).toEqual([0, 0, 3]),
    ),
    placed('GROUP_BY a number of groups', 7, ['node', 'GROUP_BY', '3'], (counts) =>
      expect(sorted(counts)).toEqual([2, 2, 3]),
    ),
    // Which agents are offered at the time decides what is seen; on those it is even.
    placed('GROUP_BY without one: over what is seen', 6, ['node', 'GROUP_BY'], (counts) =>
      expect([
        [2, 2, 2],
        [0, 3, 3],
        [0, 0, 6],
      ]).toContainEqual(sorted(counts)),
    ),
    placed('LIKE', 2, ['node', 'LIKE', 'node-[12]'], (counts) => expect(counts[2]).toBe(0)),
    placed('LIKE matches the whole value', 2, ['@hostname', 'LIKE', '.*1'], (counts) =>
      expect(counts).toEqual([2, 0, 0]),
    ),
    placed('UNLIKE', 2, ['node', 'UNLIKE', 'node-[12]'], (counts) => expect(counts).toEqual([0, 0, 2])),
    placed('UNLIKE takes agents without the attribute', 1, ['rack', 'UNLIKE', 'a'], (counts) =>
      expect(sorted(counts)).toEqual([0, 0, 1]),
    ),
    placed('MAX_PER', 6, ['hostname', 'MAX_PER', '2'], (counts) => expect(counts).toEqual([2, 2, 2])),
    placed('IS', 2, ['node', 'IS', 'node-3'], (counts) => expect(counts).toEqual([0, 0, 2])),
    {
      fact: 'constraints: `@region` and `@zone`',
      file: 'unit/marathon-model/constraints.test.ts',
      title: 'the field of a constraint',
    },
    {
      fact: 'constraints: scalars, ranges and sets as text',
      file: 'unit/marathon-model/constraints.test.ts',
      title: 'the field of a constraint',
    },
    {
      fact: 'health: HTTP by Marathon; results, failures, the end of what fails too often',
      file: tasksTest,
      title: 'an HTTP check tells healthy from unhealthy, and ends what fails too often',
    },
    { fact: 'health: TCP by Marathon', file: tasksTest, title: 'a TCP check' },
    { fact: 'health: by Mesos', file: tasksTest, title: 'a check that Mesos carries out' },
    {
      fact: 'health: 200–399 is healthy, redirects are not followed, HTTPS without verification',
      file: 'unit/marathon/health.test.ts',
      title: 'what an answer says',
    },
    {
      fact: 'health: failures in the grace period don’t count until the first success',
      file: 'unit/marathon/health.test.ts',
      title: 'failures before the first success are forgiven while the grace period lasts',
    },
    {
      fact: 'health: ended at failure n + 1, never with 0',
      file: 'unit/marathon/health.test.ts',
      title: 'the end comes with one failure more than allowed, and never when 0 are',
    },
    {
      fact: 'health: an unreachable instance is never ended',
      file: 'unit/marathon/health.test.ts',
      title: 'nobody is ended whose agent is out of reach',
    },
    {
      fact: 'health: 1xx fails, or is ignored with `ignoreHttp1xx`',
      file: 'conformance/marathon/system.test.ts',
      title: 'an answer below 200 is a failure, or says nothing with ignoreHttp1xx',
    },
    {
      fact: 'health: Mesos checks with 0 failures end at once',
      file: 'unit/marathon-model/task-builder.test.ts',
      title: 'is probed in its container',
      partly: 'that is the agent’s business',
    },
    {
      fact: 'a task is told with the ports it has and the ids of its agent',
      async run({ run, fresh, master }) {
        const app = await run({ id: `${fresh()}/a`, portDefinitions: [{ port: 0 }, { port: 0 }] });
        const [task] = app.tasks as Task[];
        expect(task?.ports).toHaveLength(2);
        expect(task?.slaveId).toBe(master.running(app.id)[0]?.agent.id);
      },
    },
  ],
};
