import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type AgentMessage, agentStreamHeader } from '../../protocols/mesos/agent-link.ts';
import type { MasterInfo, SchedulerCall } from '../../protocols/mesos/types.ts';
import type { Cancel, Clock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import type { Logger } from '../../support/logger.ts';
import { disconnectAgent, markGone, setDeactivated } from './core/agent-departures.ts';
import { agentMessage } from './core/agent-messages.ts';
import { type AgentSubscription, subscribeAgent } from './core/agents.ts';
import { allocate } from './core/allocator.ts';
import { frameworkCall } from './core/calls.ts';
import { nextWake, wake } from './core/deadlines.ts';
import {
  disconnectFramework,
  removeFramework,
  type Subscription,
  subscribe,
  updateFramework,
} from './core/frameworks.ts';
import { type Agent, type Cluster, type ClusterSettings, createCluster, type Framework } from './core/model.ts';
import { type Encoding, jsonEncoding } from './http/content.ts';
import { openRecordStream, type RecordStream } from './record-stream.ts';
import { type Registry, type RegistryState, restore } from './registry.ts';
import { getState, operatorEvent } from './views/v1.ts';

export const streamIdHeader = 'Mesos-Stream-Id';
const heartbeatMs = 15_000;

export interface EngineOptions {
  settings: ClusterSettings;
  master: MasterInfo;
  registry: Registry;
  /** What the registry held when this master was elected. */
  recovered: RegistryState;
  maxOperatorStreams: number;
  clock: Clock;
  random: () => number;
  log: Logger;
  /** Called with the host names that agents have, to be allowed in requests. */
  onHostname: (hostname: string) => void;
}

/**
 * A leading master at work: the core with the streams of its peers, its timer and its registry. Every input goes
 * through here, so that what follows from it (an allocation, the next deadline) is settled once at the end of it.
 */
export interface Engine {
  readonly cluster: Cluster;
  readonly operatorStreams: number;
  /** Changes with every change of the cluster: what was computed from it before is stale. */
  readonly revision: number;
  subscribeFramework(subscription: Subscription, response: ServerResponse, encoding: Encoding): void;
  /** The stream that a framework's calls must name; undefined while it isn't connected. */
  frameworkStreamId(frameworkId: string): string | undefined;
  call(framework: Framework, call: SchedulerCall): void;
  /** @returns what is wrong */
  updateFramework(framework: Framework, subscription: Subscription): string | undefined;
  removeFramework(framework: Framework): void;
  subscribeAgent(subscription: AgentSubscription, response: ServerResponse): void;
  /** @returns false when the stream is unknown, so that the agent must subscribe anew */
  agentSays(streamId: string, message: Exclude<AgentMessage, { type: 'SUBSCRIBE' }>): boolean;
  markGone(agentId: string): void;
  setDeactivated(agent: Agent, deactivated: boolean): void;
  subscribeOperator(response: ServerResponse): void;
  close(): void;
}

interface PeerStream {
  readonly id: string;
  readonly stream: RecordStream;
  readonly stopHeartbeat: Cancel;
}

export function createEngine(options: EngineOptions): Engine {
  const { clock, log } = options;
  const frameworkStreams = new Map<string, PeerStream>();
  const agentStreams = new Map<string, PeerStream>();
  const agentsByStream = new Map<string, string>();
  const operatorStreams = new Set<PeerStream>();
  let revision = 0;
  let closed = false;
  let cancelTimer: Cancel = () => {};
  let armedFor: number | undefined;
  let allocation: NodeJS.Immediate | undefined;
  let registryDirty = false;
  /** Something was told to somebody, so something changed that can be seen. */
  let touched = false;

  const cluster = createCluster(
    options.settings,
    options.master,
    {
      toFramework(id, event) {
        touched = true;
        frameworkStreams.get(id)?.stream.send(event);
      },
      closeFramework: (id) => endPeer(frameworkStreams, id),
      toAgent: (id, message) => agentStreams.get(id)?.stream.send(message),
      closeAgent(id) {
        const peer = agentStreams.get(id);
        if (peer) agentsByStream.delete(peer.id);
        endPeer(agentStreams, id);
      },
      toOperators(event) {
        touched = true;
        if (operatorStreams.size === 0) return;
        const message = operatorEvent(cluster, event);
        for (const { stream } of operatorStreams) stream.send(message);
      },
      registryChanged() {
        touched = true;
        registryDirty = true;
      },
      log: (text) => log.info(text),
    },
    { now: clock.now, monotonic: clock.monotonic, random: options.random },
  );
  restore(cluster, options.recovered);

  /** What every input ends with. @param changed whether anything that can be seen may have changed */
  const settle = (changed = true) => {
    if (closed) return;
    if (changed) revision++;
    if (registryDirty) {
      registryDirty = false;
      options.registry.save(cluster);
    }
    if (cluster.allocation === 'now')
      allocation ??= setImmediate(() => {
        allocation = undefined;
        if (closed) return;
        settle(allocate(cluster).length > 0);
      });
    arm();
  };

  const arm = () => {
    const at = nextWake(cluster);
    if (at === armedFor) return;
    cancelTimer();
    armedFor = at;
    cluster.expectedWake = at;
    if (at === undefined) return;
    cancelTimer = clock.after(Math.max(0, at - clock.monotonic()), () => {
      armedFor = undefined;
      touched = false;
      wake(cluster);
      settle(touched);
    });
  };

  const openPeer = (
    response: ServerResponse,
    encoding: Encoding,
    headers: Record<string, string>,
    id: string,
    onClose: () => void,
  ) => {
    const stream = openRecordStream(response, encoding, headers, () => {
      peer.stopHeartbeat();
      if (!closed) onClose();
    });
    const peer: PeerStream = { id, stream, stopHeartbeat: () => stopHeartbeat() };
    let stopHeartbeat: Cancel = () => {};
    const heartbeat = () => {
      stopHeartbeat = clock.every(heartbeatMs, () => stream.send({ type: 'HEARTBEAT' }));
    };
    return { peer, heartbeat };
  };

  const engine: Engine = {
    cluster,
    get operatorStreams() {
      return operatorStreams.size;
    },
    get revision() {
      return revision;
    },
    subscribeFramework(subscription, response, encoding) {
      const id = randomUUID();
      let frameworkId: string | undefined;
      const { peer, heartbeat } = openPeer(response, encoding, { [streamIdHeader]: id }, id, () => {
        if (frameworkId === undefined || frameworkStreams.get(frameworkId) !== peer) return;
        frameworkStreams.delete(frameworkId);
        const framework = cluster.frameworks.get(frameworkId);
        if (framework) disconnectFramework(cluster, framework);
        settle();
      });
      const result = subscribe(cluster, subscription, (given) => {
        frameworkId = given;
        frameworkStreams.set(given, peer);
      });
      if ('error' in result) {
        log.info(`Refusing subscription of framework '${subscription.info.name}': ${result.error}`);
        peer.stream.send({ type: 'ERROR', error: { message: result.error } });
        peer.stream.end();
      } else {
        log.info(`Subscribed framework '${subscription.info.name}'`, { id: result.id });
        heartbeat();
      }
      settle();
    },
    frameworkStreamId: (frameworkId) => frameworkStreams.get(frameworkId)?.id,
    call(framework, call) {
      frameworkCall(cluster, framework, call);
      settle();
    },
    updateFramework(framework, subscription) {
      const problem = updateFramework(cluster, framework, subscription);
      settle();
      return problem;
    },
    removeFramework(framework) {
      removeFramework(cluster, framework);
      settle();
    },
    subscribeAgent(subscription, response) {
      const id = randomUUID();
      let agentId: string | undefined;
      const { peer } = openPeer(response, jsonEncoding, { [agentStreamHeader]: id }, id, () => {
        agentsByStream.delete(id);
        if (agentId === undefined || agentStreams.get(agentId) !== peer) return;
        agentStreams.delete(agentId);
        const agent = cluster.agents.get(agentId);
        if (agent) disconnectAgent(cluster, agent);
        settle();
      });
      const bind = (given: string) => {
        agentId = given;
        agentStreams.set(given, peer);
        agentsByStream.set(id, given);
      };
      let result: ReturnType<typeof subscribeAgent>;
      try {
        result = subscribeAgent(cluster, subscription, bind);
      } catch (error) {
        log.error('an agent could not be taken in', { pid: subscription.pid, error: messageOf(error) });
        response.destroy();
        return;
      }
      if ('refused' in result) {
        peer.stream.send({ type: 'SHUTDOWN', message: result.refused });
        peer.stream.end();
      } else options.onHostname(result.info.hostname);
      settle();
    },
    agentSays(streamId, message) {
      const agentId = agentsByStream.get(streamId);
      const agent = agentId === undefined ? undefined : cluster.agents.get(agentId);
      if (!agent) return false;
      agentMessage(cluster, agent, message);
      // A sign of life changes nothing that anybody could read.
      if (message.type !== 'PONG') settle();
      return true;
    },
    markGone(agentId) {
      markGone(cluster, agentId);
      settle();
    },
    setDeactivated(agent, deactivated) {
      setDeactivated(cluster, agent, deactivated);
      settle();
    },
    subscribeOperator(response) {
      const { peer, heartbeat } = openPeer(response, jsonEncoding, {}, randomUUID(), () =>
        operatorStreams.delete(peer),
      );
      const oldest = operatorStreams.values().next().value;
      if (oldest && operatorStreams.size >= options.maxOperatorStreams) oldest.stream.end();
      operatorStreams.add(peer);
      peer.stream.send({
        type: 'SUBSCRIBED',
        subscribed: { get_state: getState(cluster), heartbeat_interval_seconds: heartbeatMs / 1000 },
      });
      peer.stream.send({ type: 'HEARTBEAT' });
      heartbeat();
    },
    close() {
      closed = true;
      cancelTimer();
      if (allocation) clearImmediate(allocation);
      for (const peers of [frameworkStreams.values(), agentStreams.values(), operatorStreams.values()])
        for (const peer of peers) {
          peer.stopHeartbeat();
          peer.stream.end();
        }
    },
  };
  settle();
  return engine;
}

/** Ends a peer's stream; what its close would mean has been dealt with. */
function endPeer(peers: Map<string, PeerStream>, id: string): void {
  const peer = peers.get(id);
  if (!peer) return;
  peers.delete(id);
  peer.stopHeartbeat();
  peer.stream.end();
}
