import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { masterAddress } from '../../protocols/mesos/leader.ts';
import type { AgentInfo, MasterInfo } from '../../protocols/mesos/types.ts';
import type { Clock } from '../../support/clock.ts';
import { coalesce } from '../../support/coalesce.ts';
import { messageOf } from '../../support/errors.ts';
import { readTextIfExists, writeFileAtomic } from '../../support/files.ts';
import { httpCall } from '../../support/http-client.ts';
import type { Logger } from '../../support/logger.ts';
import type { Network } from '../../support/network.ts';
import type { Cluster, RecoveredAgent } from './core/model.ts';

/** Where masters read and write each other's copy of the registry; private to them. */
export const registryPath = '/internal/registry';

const maxRemembered = 1000;
const peerTimeoutMs = 1000;

/**
 * What outlives a leader: which agents are admitted, unreachable or gone; never tasks or frameworks. Agents are what
 * a new leader must wait for before it may call a task unknown.
 */
export interface RegistryState {
  /** Later ones win: when the writing leader was elected (milliseconds since 1970), and its count of writes. */
  revision: { elected: number; count: number };
  agents: RecoveredAgent[];
  /** Agent id → seconds since 1970. */
  unreachable: Record<string, number>;
  gone: Record<string, number>;
  deactivated: string[];
}

const nothing: RegistryState = {
  revision: { elected: 0, count: 0 },
  agents: [],
  unreachable: {},
  gone: {},
  deactivated: [],
};

export interface RegistryOptions {
  /** The folder of the copy on disk; undefined keeps it in memory. */
  workDir: string | undefined;
  /** The other masters of the moment. */
  peers: () => Promise<readonly MasterInfo[]>;
  network: Network;
  clock: Clock;
  log: Logger;
}

/**
 * The registry of a master. In place of Mesos' replicated log the leader sends every state whole to the other masters,
 * who keep it; a new leader takes the latest of what it and the others have. The quorum that elects leaders is
 * ZooKeeper's, so a minority can't write: its leader has stepped down.
 */
export interface Registry {
  /** The latest state that this master or another one has. Called by a master that was just elected. */
  recover(): Promise<RegistryState>;
  /** Notes the agents of the leading cluster here and with the other masters, in the background. */
  save(cluster: Cluster): void;
  /** This master's copy. */
  readonly state: RegistryState;
  /** Takes what the leader sent. @returns false when this master knows better */
  receive(state: RegistryState): boolean;
}

export function createRegistry({ workDir, peers, network, clock, log }: RegistryOptions): Registry {
  let state = nothing;
  let elected = 0;
  let count = 0;
  let loading: Promise<void> | undefined;
  const file = workDir === undefined ? undefined : join(workDir, 'registry.json');

  const load = async () => {
    if (file === undefined) return;
    const text = await readTextIfExists(file);
    const read = text === undefined ? undefined : toState(text);
    if (read && isLater(read, state)) state = read;
  };

  const write = coalesce(async () => {
    if (workDir === undefined || file === undefined) return;
    try {
      await mkdir(workDir, { recursive: true, mode: 0o700 });
      await writeFileAtomic(file, JSON.stringify(state));
    } catch (error) {
      log.warn('the registry could not be written', { file, error: messageOf(error) });
    }
  });

  const send = coalesce(async () => {
    const body = JSON.stringify(state);
    await eachPeer(async (url) => {
      await httpCall(url, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body,
        agent: network.httpAgent,
        timeoutMs: peerTimeoutMs,
      });
    });
  });

  const eachPeer = async (visit: (url: string) => Promise<void>) => {
    const others = await peers().catch(() => []);
    await Promise.all(
      others.map(async (info) => {
        const { ip, port } = masterAddress(info);
        // One that can't be reached asks for the registry itself when it is elected.
        await visit(`http://${ip}:${port}${registryPath}`).catch(() => {});
      }),
    );
  };

  return {
    get state() {
      return state;
    },
    async recover() {
      elected = clock.now();
      count = 0;
      loading ??= load().catch((error: unknown) => {
        log.warn('the registry could not be read', { file, error: messageOf(error) });
      });
      await loading;
      await eachPeer(async (url) => {
        const reply = await httpCall(url, { agent: network.httpAgent, timeoutMs: peerTimeoutMs });
        const other = reply.status === 200 ? toState(reply.body.toString('utf8')) : undefined;
        if (other && isLater(other, state)) state = other;
      });
      return state;
    },
    save(cluster) {
      state = snapshot(cluster, { elected, count: ++count });
      void write();
      void send();
    },
    receive(other) {
      if (!isLater(other, state)) return false;
      state = other;
      void write();
      return true;
    },
  };
}

function isLater(a: RegistryState, b: RegistryState): boolean {
  return (
    a.revision.elected > b.revision.elected ||
    (a.revision.elected === b.revision.elected && a.revision.count > b.revision.count)
  );
}

/** Parses a registry; undefined when it is none. */
export function toState(text: string): RegistryState | undefined {
  try {
    const state = JSON.parse(text) as Partial<RegistryState> | null;
    const { revision, agents, unreachable, gone, deactivated } = state ?? {};
    const valid =
      typeof revision?.elected === 'number' &&
      typeof revision.count === 'number' &&
      Array.isArray(agents) &&
      agents.every((agent) => typeof agent?.id === 'string' && isAgentInfo(agent.info)) &&
      isTimes(unreachable) &&
      isTimes(gone) &&
      Array.isArray(deactivated);
    return valid ? (state as RegistryState) : undefined;
  } catch {
    return undefined;
  }
}

function isAgentInfo(info: Partial<AgentInfo> | undefined): boolean {
  return typeof info?.hostname === 'string';
}

function isTimes(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((time) => typeof time === 'number');
}

function snapshot(cluster: Cluster, revision: RegistryState['revision']): RegistryState {
  const admitted = [...cluster.agents.values()].map(({ id, info, pid, version, capabilities, registeredTime }) => ({
    id,
    info,
    pid,
    version,
    capabilities,
    registeredTime,
  }));
  return {
    revision,
    agents: [...admitted, ...cluster.recoveredAgents.values()],
    unreachable: Object.fromEntries([...cluster.unreachableAgents].slice(-maxRemembered)),
    gone: Object.fromEntries([...cluster.goneAgents].slice(-maxRemembered)),
    deactivated: [...cluster.deactivatedAgents],
  };
}

/** Enters what is known into a cluster that has just begun, and gives its agents time to come back. */
export function restore(cluster: Cluster, state: RegistryState): void {
  for (const agent of state.agents) cluster.recoveredAgents.set(agent.id, agent);
  for (const [id, time] of Object.entries(state.unreachable)) cluster.unreachableAgents.set(id, time);
  for (const [id, time] of Object.entries(state.gone)) cluster.goneAgents.set(id, time);
  for (const id of state.deactivated) cluster.deactivatedAgents.add(id);
  if (state.agents.length > 0)
    cluster.recoveryEndsAt = cluster.sources.monotonic() + cluster.settings.agentReregisterTimeoutMs;
}
