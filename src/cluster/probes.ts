import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import type { NodePlan, ServicePlan } from '../plan/types.ts';
import { fourLetterWord, serverMode } from '../protocols/zookeeper/four-letter-word.ts';
import { messageOf, systemCode } from '../support/errors.ts';
import { httpJson } from '../support/http-client.ts';

/** What a service itself said. */
export type Health =
  /** @property unansweredMs when the last question was put that it left unanswered, by `performance.now()` */
  | { ready: true; leader: boolean; detail?: MesosSummary | MarathonSummary; unansweredMs?: number }
  /** @property reason why it isn't, as a part of a sentence */
  | { ready: false; reason: string };

/** What the leading master knows of its cluster. */
export interface MesosSummary {
  kind: 'mesos';
  /** `host:port` of the registered and active agents. */
  agents: ReadonlySet<string>;
  frameworks: readonly { name: string; active: boolean }[];
  tasksRunning: number;
}

export interface MarathonSummary {
  kind: 'marathon';
  /** `host:port` */
  leader: string;
  frameworkId: string;
}

export interface ProbeLimits {
  timeoutMs: number;
  signal?: AbortSignal;
}

/** Asks a service, in its own protocol, whether it does its part. Never throws. */
export async function probe(service: ServicePlan, node: NodePlan, limits: ProbeLimits): Promise<Health> {
  try {
    switch (service.probe.kind) {
      case 'zookeeper-srvr':
        return await zookeeper(service.probe, limits);
      case 'mesos-master':
        return await mesosMaster(service.probe.url, limits);
      case 'mesos-agent':
        return await mesosAgent(service.probe.url, limits);
      case 'marathon':
        return await marathon(service.probe.url, `${node.site.address}:${node.site.ports.marathon}`, limits);
      case 'dns':
        return await dns(service.probe, limits);
    }
  } catch (error) {
    return notReady(explain(error));
  }
}

/** `srvr` (ZooKeeper's four-letter words): the mode is told only by a server that is part of a quorum. */
async function zookeeper({ host, port }: { host: string; port: number }, limits: ProbeLimits): Promise<Health> {
  const socket = connect({ host, port, ...(limits.signal ? { signal: limits.signal } : {}) });
  const answer = await fourLetterWord('srvr', socket, limits.timeoutMs);
  const mode = serverMode(answer);
  if (mode) return { ready: true, leader: mode === 'leader' || mode === 'standalone' };
  if (/not currently serving/.test(answer)) return notReady('it has not joined a quorum');
  return notReady(answer.trim() ? `it says: ${answer.trim().slice(0, 200)}` : 'it closed the connection');
}

/** The leader answers with its summary, the others send there (307), and without a leader they answer 503. */
async function mesosMaster(url: string, limits: ProbeLimits): Promise<Health> {
  const reply = await httpJson<StateSummary>(`${url}/state-summary`, limits);
  if (reply.status === 307) return { ready: true, leader: false };
  if (reply.status === 503) return notReady(reply.text.trim() || 'it knows no leader');
  if (reply.status !== 200 || !reply.json) return notReady(`/state-summary answered ${reply.status}`);
  return { ready: true, leader: true, detail: summarise(reply.json) };
}

interface StateSummary {
  slaves?: { pid: string; active?: boolean; TASK_RUNNING?: number }[];
  frameworks?: { name: string; active?: boolean; TASK_RUNNING?: number }[];
}

function summarise({ slaves = [], frameworks = [] }: StateSummary): MesosSummary {
  return {
    kind: 'mesos',
    agents: new Set(slaves.filter((agent) => agent.active !== false).map(({ pid }) => pid.slice(pid.indexOf('@') + 1))),
    frameworks: frameworks.map(({ name, active }) => ({ name, active: active !== false })),
    tasksRunning: frameworks.reduce((sum, framework) => sum + (framework.TASK_RUNNING ?? 0), 0),
  };
}

async function mesosAgent(url: string, limits: ProbeLimits): Promise<Health> {
  const { status, json } = await httpJson<Record<string, number>>(`${url}/metrics/snapshot`, limits);
  if (status !== 200 || !json) return notReady(`/metrics/snapshot answered ${status}`);
  if (json['slave/registered'] === 1) return { ready: true, leader: false };
  return notReady('it is not registered with a master');
}

interface MarathonInfo {
  leader?: string | null;
  frameworkId?: string | null;
}

/** Instances that don't lead pass the question on, so the answer is the leader's whoever is asked. */
async function marathon(url: string, self: string, limits: ProbeLimits): Promise<Health> {
  const { status, json } = await httpJson<MarathonInfo>(`${url}/v2/info`, limits);
  if (status === 502 || status === 503) return notReady('there is no leader yet');
  if (status !== 200 || !json) return notReady(`/v2/info answered ${status}`);
  const { leader, frameworkId } = json;
  if (!leader) return notReady('there is no leader yet');
  if (!frameworkId) return notReady(`the leader (${leader}) is not registered with Mesos`);
  return { ready: true, leader: leader === self, detail: { kind: 'marathon', leader, frameworkId } };
}

/** How long an answer may take before the question is put again: who does not listen yet does not say so over UDP. */
const dnsPatienceMs = 50;

async function dns({ host, port, name }: { host: string; port: number; name: string }, limits: ProbeLimits) {
  const resolver = new Resolver({ timeout: limits.timeoutMs, tries: 1 });
  resolver.setServers([`${host}:${port}`]);
  const cancel = () => resolver.cancel();
  limits.signal?.addEventListener('abort', cancel);
  let again: NodeJS.Timeout | undefined;
  const deadline = performance.now() + limits.timeoutMs;
  try {
    return await new Promise<Health>((resolve, reject) => {
      const ask = (unansweredMs?: number) => {
        const askedMs = performance.now();
        resolver.resolve4(name).then(
          (addresses) => {
            if (addresses.length === 0) resolve(notReady(`it knows no ${name}`));
            else resolve({ ready: true, leader: false, ...(unansweredMs === undefined ? {} : { unansweredMs }) });
          },
          (error: unknown) => {
            const code = systemCode(error);
            if (code === 'ENOTFOUND' || code === 'ENODATA') resolve(notReady(`it knows no ${name} yet`));
            else if (code === 'ECONNREFUSED') resolve(notReady('it does not answer'));
            else if (code !== 'ETIMEOUT') reject(error);
            else if (performance.now() >= deadline) resolve(notReady('it does not answer'));
          },
        );
        again = setTimeout(() => ask(askedMs), dnsPatienceMs);
      };
      ask();
    });
  } finally {
    clearTimeout(again);
    resolver.cancel();
    limits.signal?.removeEventListener('abort', cancel);
  }
}

/** How many apps there are and how many deployments run. @throws the network's errors */
export async function marathonCounts(url: string, limits: ProbeLimits): Promise<{ apps: number; deployments: number }> {
  const [apps, deployments] = await Promise.all([
    httpJson<{ apps?: unknown[] }>(`${url}/v2/apps`, limits),
    httpJson<unknown[]>(`${url}/v2/deployments`, limits),
  ]);
  return { apps: apps.json?.apps?.length ?? 0, deployments: deployments.json?.length ?? 0 };
}

function notReady(reason: string): Health {
  return { ready: false, reason };
}

function explain(error: unknown): string {
  switch (systemCode(error)) {
    case 'ECONNREFUSED':
      return 'it does not listen yet';
    case 'ETIMEDOUT':
      return messageOf(error).startsWith('no answer') ? 'it does not answer in time' : messageOf(error);
    case 'ECONNRESET':
    case 'EPIPE':
      // Docker's proxies listen in the place of what doesn't yet.
      return 'it does not listen yet, or closed the connection';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'its address can not be reached';
    default:
      return messageOf(error);
  }
}
