import { agentMessage } from '../../../src/embedded/mesos-master/core/agent-messages.ts';
import { type AgentSubscription, subscribeAgent } from '../../../src/embedded/mesos-master/core/agents.ts';
import { allocate } from '../../../src/embedded/mesos-master/core/allocator.ts';
import { frameworkCall } from '../../../src/embedded/mesos-master/core/calls.ts';
import { nextWake, wake } from '../../../src/embedded/mesos-master/core/deadlines.ts';
import { type Subscription, subscribe } from '../../../src/embedded/mesos-master/core/frameworks.ts';
import {
  type Agent,
  type Cluster,
  type ClusterEvent,
  type ClusterSettings,
  createCluster,
  type Framework,
} from '../../../src/embedded/mesos-master/core/model.ts';
import type { AgentMessage, MasterMessage } from '../../../src/protocols/mesos/agent-link.ts';
import { toMasterInfo } from '../../../src/protocols/mesos/leader.ts';
import { parseResources } from '../../../src/protocols/mesos/resources.ts';
import type {
  FrameworkInfo,
  Offer,
  OfferOperation,
  SchedulerCall,
  SchedulerEvent,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../../src/protocols/mesos/types.ts';

export const settings: ClusterSettings = {
  allocationIntervalMs: 1000,
  offerTimeoutMs: undefined,
  agentPingTimeoutMs: 15_000,
  maxAgentPingTimeouts: 5,
  agentReregisterTimeoutMs: 600_000,
  roles: undefined,
  weights: new Map(),
  rootSubmissions: true,
  filterGpuResources: true,
  maxCompletedFrameworks: 50,
  maxCompletedTasks: 1000,
  maxUnreachableTasks: 1000,
  minAllocatable: [new Map([['cpus', 0.01]]), new Map([['mem', 32]])],
};

/** The core of a master in a world whose time stands still until it is moved. */
export function createWorld(overrides: Partial<ClusterSettings> = {}) {
  let time = 1_000_000;
  let seed = 1;
  const frameworkEvents = new Map<string, SchedulerEvent[]>();
  const agentMessages = new Map<string, MasterMessage[]>();
  const silentAgents = new Set<string>();
  const closedFrameworks: string[] = [];
  const operatorEvents: ClusterEvent[] = [];
  const logs: string[] = [];
  const push = <T>(map: Map<string, T[]>, key: string, value: T) => {
    const list = map.get(key);
    if (list) list.push(value);
    else map.set(key, [value]);
  };
  const cluster: Cluster = createCluster(
    { ...settings, ...overrides },
    toMasterInfo({ id: 'M', ip: '10.0.0.1', port: 5050, hostname: 'node-1', version: '1.11.0' }),
    {
      toFramework: (id, event) => push(frameworkEvents, id, structuredClone(event)),
      closeFramework: (id) => void closedFrameworks.push(id),
      toAgent(id, message) {
        const agent = cluster.agents.get(id);
        if (message.type !== 'PING') push(agentMessages, id, structuredClone(message));
        else if (agent && !silentAgents.has(id)) agentMessage(cluster, agent, { type: 'PONG' });
      },
      closeAgent() {},
      toOperators: (event) => void operatorEvents.push(event),
      registryChanged() {},
      log: (text) => void logs.push(text),
    },
    {
      now: () => 1_700_000_000_000 + time,
      monotonic: () => time,
      random: () => {
        seed = (seed * 48271) % 2147483647;
        return seed / 2147483647;
      },
    },
  );

  /** What the master's loop does at the end of each turn. */
  const settle = () => {
    for (let turns = 0; cluster.allocation === 'now' && turns < 20; turns++) allocate(cluster);
    cluster.expectedWake = nextWake(cluster);
  };

  const world = {
    cluster,
    operatorEvents,
    closedFrameworks,
    /** Those that don't answer pings. */
    silentAgents,
    logs,
    settle,
    now: () => time,

    /** Moves time on, with the timers that fall due on the way. */
    pass(ms: number) {
      const end = time + ms;
      for (;;) {
        const at = nextWake(cluster);
        if (at === undefined || at > end) break;
        time = Math.max(time, at);
        wake(cluster);
        settle();
      }
      time = end;
      cluster.expectedWake = nextWake(cluster);
    },

    /** The process stands still (stopped, laptop asleep): time passes and no timer runs until the end. */
    stall(ms: number) {
      time += ms;
      wake(cluster);
      settle();
    },

    subscribeAgent(subscription: Partial<AgentSubscription> & { resourcesText?: string; id?: string } = {}): Agent {
      const number = cluster.agents.size + 1;
      const { resourcesText = 'cpus:4;mem:4096;disk:10000;ports:[31000-31099]', id, ...rest } = subscription;
      const agent = subscribeAgent(
        cluster,
        {
          type: 'SUBSCRIBE',
          agent: { hostname: `node-${number}`, port: 5051, ...(id ? { id: { value: id } } : {}) },
          version: '1.11.0',
          pid: `slave(1)@10.0.0.${number}:5051`,
          capabilities: [],
          resources: parseResources(resourcesText),
          tasks: [],
          executors: [],
          frameworks: [],
          ...rest,
        },
        () => {},
      );
      if ('refused' in agent) throw new Error(agent.refused);
      settle();
      return agent;
    },

    trySubscribe(info: Partial<FrameworkInfo> = {}, more: Partial<Subscription> = {}): Framework | { error: string } {
      const result = subscribe(
        cluster,
        {
          info: {
            user: 'me',
            name: 'framework',
            checkpoint: true,
            capabilities: [{ type: 'MULTI_ROLE' }, { type: 'PARTITION_AWARE' }],
            roles: ['*'],
            ...info,
          },
          suppressedRoles: [],
          offerConstraints: undefined,
          ...more,
        },
        () => {},
      );
      settle();
      return result;
    },

    subscribe(info: Partial<FrameworkInfo> = {}, more: Partial<Subscription> = {}): Framework {
      const result = world.trySubscribe(info, more);
      if ('error' in result) throw new Error(result.error);
      return result;
    },

    call(framework: Framework, call: SchedulerCall) {
      frameworkCall(cluster, framework, call);
      settle();
    },

    says(agent: Agent, message: Exclude<AgentMessage, { type: 'SUBSCRIBE' }>) {
      agentMessage(cluster, agent, message);
      settle();
    },

    /** Takes the events of a framework since the last time. */
    events(framework: Framework | string): SchedulerEvent[] {
      const id = typeof framework === 'string' ? framework : framework.id;
      return frameworkEvents.get(id)?.splice(0) ?? [];
    },

    /** Takes the messages to an agent since the last time. */
    messages(agent: Agent | string): MasterMessage[] {
      return agentMessages.get(typeof agent === 'string' ? agent : agent.id)?.splice(0) ?? [];
    },

    /** The offers among the events since the last time. */
    offers(framework: Framework): Offer[] {
      return world.events(framework).flatMap((event) => (event.type === 'OFFERS' ? event.offers.offers : []));
    },

    /** The statuses among the events since the last time. */
    updates(framework: Framework): TaskStatus[] {
      return world.events(framework).flatMap((event) => (event.type === 'UPDATE' ? [event.update.status] : []));
    },

    accept(framework: Framework, offers: readonly (Offer | string)[], operations: OfferOperation[], refuseSeconds = 5) {
      world.call(framework, {
        type: 'ACCEPT',
        accept: {
          offer_ids: offers.map((offer) => ({ value: typeof offer === 'string' ? offer : offer.id.value })),
          operations,
          filters: { refuse_seconds: refuseSeconds },
        },
      });
    },

    decline(framework: Framework, offers: readonly Offer[], refuseSeconds?: number) {
      world.call(framework, {
        type: 'DECLINE',
        decline: {
          offer_ids: offers.map(({ id }) => id),
          ...(refuseSeconds === undefined ? {} : { filters: { refuse_seconds: refuseSeconds } }),
        },
      });
    },

    /** Launches tasks on the framework's first open offer of any agent, or of this one. */
    launch(framework: Framework, tasks: readonly TaskInfo[], refuseSeconds = 0) {
      const offer = [...framework.offers.values()].find(({ agentId }) => agentId === tasks[0]!.agent_id.value);
      if (!offer) throw new Error('the framework has no offer of that agent');
      world.accept(framework, [offer.id], [{ type: 'LAUNCH', launch: { task_infos: [...tasks] } }], refuseSeconds);
    },

    /** What the agent reports of a task. */
    report(agent: Agent, framework: Framework, taskId: string, state: TaskState, more: Partial<TaskStatus> = {}) {
      const status: TaskStatus = {
        task_id: { value: taskId },
        state,
        source: 'SOURCE_EXECUTOR',
        timestamp: time / 1000,
        uuid: Buffer.from(`${taskId}${state}`.padEnd(16).slice(0, 16)).toString('base64'),
        ...more,
      };
      world.says(agent, { type: 'UPDATE', framework_id: { value: framework.id }, status });
      return status;
    },

    acknowledge(framework: Framework, agent: Agent, status: TaskStatus) {
      world.call(framework, {
        type: 'ACKNOWLEDGE',
        acknowledge: { agent_id: { value: agent.id }, task_id: status.task_id, uuid: status.uuid! },
      });
    },
  };
  return world;
}

export type World = ReturnType<typeof createWorld>;

/** A command task. */
export function task(id: string, agent: Agent, resources = 'cpus:1;mem:128', more: Partial<TaskInfo> = {}): TaskInfo {
  return {
    name: id,
    task_id: { value: id },
    agent_id: { value: agent.id },
    resources: parseResources(resources),
    command: { shell: true, value: 'true' },
    ...more,
  };
}
