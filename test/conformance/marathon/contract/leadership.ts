import { expect } from 'vitest';
import type { Area, Fact } from './fact.ts';

const failover = 'conformance/marathon/failover.test.ts';
const faults = 'conformance/marathon/faults.test.ts';
const real = 'conformance/marathon/real-master.test.ts';
const writer = 'unit/marathon/writer.test.ts';

/** What the framework says of itself. */
function framework(fact: string, wanted: object, flags?: Record<string, string | number>): Fact {
  return {
    fact: `framework: ${fact}`,
    async run(world) {
      const { master } = flags ? await world.with(flags) : world;
      const subscribe = master.calls.find(({ type }) => type === 'SUBSCRIBE');
      expect(subscribe?.subscribe?.framework_info).toMatchObject(wanted);
    },
  };
}

const features = { enable_features: 'secrets,gpu_resources,external_volumes,task_killing' };

export const leadership: Area = {
  title: 'Framework, leadership, storage',
  facts: [
    framework('name `marathon`, `failover_timeout` 604800, checkpointing', {
      name: 'marathon',
      failover_timeout: 604800,
      checkpoint: true,
    }),
    framework('the user of the process, the host’s name', { user: expect.any(String), hostname: '127.0.0.1' }),
    framework('`webui_url` is its own address', { webui_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) }),
    framework('the role of `--mesos_role`', { roles: ['*'] }),
    framework('PARTITION_AWARE, REGION_AWARE, MULTI_ROLE', {
      capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'REGION_AWARE' }, { type: 'MULTI_ROLE' }],
    }),
    framework(
      'TASK_KILLING_STATE and GPU_RESOURCES with their features',
      { capabilities: expect.arrayContaining([{ type: 'TASK_KILLING_STATE' }, { type: 'GPU_RESOURCES' }]) },
      features,
    ),
    {
      fact: 'framework: roles of apps are added',
      file: 'conformance/marathon/server.test.ts',
      title: 'an app of another role makes the framework take that role, and is launched with its resources',
    },
    {
      fact: 'framework: the stored id is used again',
      file: failover,
      title: 'a master that breaks off is subscribed again, with the same framework id',
    },
    {
      fact: 'every update with a uuid is acknowledged, after its effect is stored',
      async run({ run, fresh, master }) {
        const app = await run({ id: `${fresh()}/a` });
        const taskId = app.tasks![0]!.id;
        await master.until(
          () => master.calls.filter((call) => call.acknowledge?.task_id.value === taskId).length === 2,
        );
      },
    },
    {
      fact: 'a disconnected master',
      file: failover,
      title: 'a master that breaks off is subscribed again, with the same framework id',
      partly: 'it is subscribed again; the original ends itself',
    },
    {
      fact: '`Framework has been removed`: exit 110',
      file: failover,
      title: 'a framework that the master has removed registers anew',
    },
    { fact: 'other errors of the master: exit 106', file: faults, title: 'an error of the master ends the leader' },
    {
      fact: 'leadership lost: exit 103',
      file: failover,
      title: 'the next leader finishes a rolling upgrade that the last one was in the middle of',
    },
    {
      fact: 'leadership given up: exit 105',
      file: failover,
      title: 'DELETE /v2/leader hands over: the leader ends, a standby takes its place',
    },
    {
      fact: 'a port that is taken: exit 111',
      file: 'conformance/marathon/system.test.ts',
      title: 'ends with 111 for a port that is taken',
    },
    {
      fact: 'a flag that makes no sense: exit 112',
      file: 'conformance/marathon/system.test.ts',
      title: 'ends with 112 for a flag that makes no sense',
    },
    {
      fact: 'election: Curator’s latch at `<zk>/leader-curator`, ids are `host:port`',
      file: faults,
      title: 'the election is Curator’s latch',
    },
    {
      fact: 'a new leader takes over deployments where they are',
      file: failover,
      title: 'the next leader finishes a rolling upgrade that the last one was in the middle of',
    },
    {
      fact: 'a killed leader: no task is doubled or forgotten',
      file: faults,
      title: 'a leader that is killed in the middle of an upgrade',
    },
    {
      fact: 'ZooKeeper away for longer than the session: nothing acknowledged is lost',
      file: faults,
      title: 'ZooKeeper is away in the middle of a deployment',
    },
    {
      fact: 'a framework id that the master no longer knows',
      file: faults,
      title: 'a master that has forgotten the framework',
    },
    {
      fact: 'state: one atomic batch a turn, done exactly once',
      file: writer,
      title: 'what is written in one turn goes out as one batch',
    },
    {
      fact: 'state: gzip from `--zk_compression_threshold`, refused above `--zk_max_node_size`',
      file: writer,
      title: 'large documents are compressed, and refused when that is not enough',
    },
    {
      fact: 'state: `--zk_max_versions`',
      file: 'conformance/marathon/server.test.ts',
      title: 'only so many versions are kept',
    },
    {
      fact: 'state: a leader that was replaced can’t write',
      file: writer,
      title: 'a writer that was replaced writes nothing and says so',
    },
    {
      fact: 'state in the original’s layout',
      missing: 'a layout of its own; a real Marathon’s state is not taken over',
    },
    {
      fact: '`--disable_ha`: leads without an election',
      file: 'conformance/marathon/server.test.ts',
      title: '--disable_ha: leads without an election',
    },
    {
      fact: '`MARATHON_MASTER=zk://…`: the leader is found in the znodes, JSON of the real master',
      file: real,
      title: 'the leading master is found in the znodes',
    },
    {
      fact: 'only calls of the public v1 scheduler API',
      file: real,
      title: 'calls have the form that the real master took, and its updates are understood',
    },
    {
      fact: 'what was acknowledged is there at the next leader',
      file: failover,
      title: 'what was accepted survives a leader that is stopped, and its versions too',
    },
    {
      fact: 'requests are answered only after their effect is stored',
      file: faults,
      title:
        'for longer than the session: the leader ends itself, nothing acknowledged is lost, and the next one goes on',
    },
  ],
};
