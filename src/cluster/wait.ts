import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defaults } from '../config/defaults.ts';
import type { ClusterConfig } from '../config/types.ts';
import type { ClusterPlan, NodePlan } from '../plan/types.ts';
import type { Component } from '../protocols/versions.ts';
import type { Runtime } from '../runtime/types.ts';
import { DevclusterError } from '../support/errors.ts';
import type { Progress } from '../support/progress.ts';
import type { probe } from './probes.ts';
import { awaitReady, type Leaders, type ReadinessFailure } from './readiness.ts';
import { signOf, telling } from './signs.ts';
import type { StartUpRecorder } from './start-up-recorder.ts';
import { servicesOf } from './target.ts';

export interface WaitOptions {
  runtime: Runtime;
  plan: ClusterPlan;
  nodes: readonly NodePlan[];
  only?: readonly Component[];
  timeoutSeconds: number;
  serviceTimeoutSeconds: number;
  progress: Progress;
  signal: AbortSignal;
  probe: typeof probe;
  /** Is told when services are ready. */
  recorder?: StartUpRecorder;
}

/** How many of the last log lines of the service at fault an error shows. */
const logLines = 15;

/** How many are read for that: a program that breaks down may write its stack behind what says why. */
const readLines = 100;

/** Seconds for all of a start: the configured ones; programs that start slowly have their time on top of the default. */
export function timeLimit({ timeouts }: ClusterConfig, plan: ClusterPlan): number {
  if (timeouts.up !== defaults.timeouts.up) return timeouts.up;
  const slowest = plan.nodes.flatMap(servicesOf).map(({ startSeconds }) => startSeconds ?? 0);
  return timeouts.up + Math.max(0, ...slowest);
}

/**
 * Runs `start`, watching the units from before, and resolves with who leads when their services are ready. A unit
 * must not be stopped by `start`: its end would count as a failure.
 * @throws DevclusterError saying which service is at fault and with its last log lines; the signal's reason
 */
export async function startAndWait(options: WaitOptions, start: () => Promise<void>): Promise<Leaders> {
  const { runtime, plan, nodes, signal, progress } = options;
  const stopWaiting = new AbortController();
  const readiness = awaitReady({
    plan,
    nodes,
    ...(options.only ? { only: options.only } : {}),
    timeoutMs: options.timeoutSeconds * 1000,
    serviceTimeoutMs: options.serviceTimeoutSeconds * 1000,
    progress,
    signal: AbortSignal.any([signal, stopWaiting.signal]),
    eventful: runtime.kind === 'process' || plan.engine === 'embedded',
    // Docker's proxies take what nobody listens to yet, and containers start one after the other.
    ...(runtime.kind === 'docker' ? { fallbackMs: 5_000 } : {}),
    probe: options.probe,
    ...(options.recorder ? { recorder: options.recorder } : {}),
  });
  runtime.watch(plan, readiness.event, stopWaiting.signal);
  const starting = start();
  try {
    // A failed start ends the waiting, and a service that fails ends it before everything was started.
    const [result] = await Promise.all([readiness.result, starting]);
    if (!result.ready) throw await toError(options, result.failure);
    return result.leaders;
  } finally {
    stopWaiting.abort();
    await Promise.allSettled([readiness.result, starting]);
  }
}

async function toError(options: WaitOptions, failure: ReadinessFailure): Promise<DevclusterError> {
  const where = failure.component ? `${failure.node}/${failure.component}` : failure.node;
  const lost = await whyLost(options);
  if (lost) return lost;
  const everything = await lastLines(options, failure);
  const real = isReal(options, failure);
  const log = (real ? telling(everything) : everything).slice(-logLines);
  const others = failure.pending.filter((each) => each.service !== where).map((each) => each.service);
  const what =
    failure.cause === 'exited' && failure.component
      ? `${where} ends again and again: ${failure.reason}`
      : failure.cause === 'exited'
        ? `${where} has ended: ${failure.reason}`
        : `${where} is not ready in time${withinOf(failure)}: ${failure.reason}`;
  const lines = [
    what,
    ...(others.length > 0 && failure.cause === 'timeout' ? [`Not ready either: ${shortList(others)}`] : []),
    ...(log.length > 0 ? [`The last log lines of ${where}:`, ...log.map((line) => `  ${line}`)] : []),
  ];
  const details = { service: where, reason: failure.reason, pending: failure.pending, log };
  const sign = real ? signOf({ component: failure.component, reason: failure.reason, log: everything }) : undefined;
  const { kind, code, hint } = (await isDiskFull(options, failure))
    ? diskFull
    : sign
      ? ({ kind: 'missing', ...sign } as const)
      : classify(failure);
  return new DevclusterError(kind, code, lines.join('\n'), { hint, details });
}

/** Without the engine nothing runs, and no service is at fault. */
async function whyLost({ runtime, plan }: WaitOptions): Promise<DevclusterError | undefined> {
  try {
    await runtime.inspect(plan);
    return undefined;
  } catch (error) {
    return error instanceof DevclusterError && error.code === 'NO_DOCKER' ? error : undefined;
  }
}

/** Whether the service at fault runs by a real program, which says in its own words what it lacks. */
function isReal({ plan }: WaitOptions, failure: ReadinessFailure): boolean {
  return plan.nodes
    .filter(({ name }) => name === failure.node)
    .flatMap(({ units }) => units.flatMap(({ services }) => services))
    .some(({ component, engine }) => component === failure.component && engine === 'mesos');
}

function shortList(words: readonly string[], most = 5): string {
  const rest = words.length - most;
  return rest > 1 ? `${words.slice(0, most).join(', ')} and ${rest} more` : words.join(', ');
}

const diskFull = {
  kind: 'missing',
  code: 'DISK_FULL',
  hint: 'There is no room left on the disk. Free some space, then run `devcluster up` again.',
} as const;

/** Services name a full disk each in their own way, if at all; whether it is full can be asked. */
async function isDiskFull({ runtime, plan }: WaitOptions, failure: ReadinessFailure): Promise<boolean> {
  const node = plan.nodes.find((each) => each.name === failure.node);
  if (runtime.kind !== 'process' || !node) return false;
  try {
    const { bavail, bsize } = await statfs(dirname(node.site.dataDir));
    return bavail * bsize < 64 * 1024;
  } catch {
    return false;
  }
}

/** Some reasons have a better name than "not ready". */
function classify(failure: ReadinessFailure): { kind: 'timeout' | 'conflict' | 'missing'; code: string; hint: string } {
  if (/EADDRINUSE|address already in use/i.test(failure.reason))
    return {
      kind: 'conflict',
      code: 'PORT_IN_USE',
      hint: 'Another program took the port meanwhile; run `devcluster up` again to get others, or end that program.',
    };
  if (/ENOSPC|no space left/.test(failure.reason)) return diskFull;
  if (failure.cause === 'exited')
    return {
      kind: 'timeout',
      code: 'SERVICE_FAILED',
      hint: 'Its log says why; `devcluster up --keep-failed` keeps everything for a closer look.',
    };
  const longer =
    failure.limit?.of === 'service' ? `timeouts.service above ${failure.limit.seconds} in devcluster.yml` : '--timeout';
  return {
    kind: 'timeout',
    code: 'NOT_READY',
    hint: `Give it longer with ${longer}, or look closer with \`devcluster up --keep-failed\` and \`devcluster logs\`.`,
  };
}

function withinOf({ limit }: ReadinessFailure): string {
  if (!limit) return '';
  return limit.of === 'service' ? `, ${limit.seconds} s for it alone` : `, ${limit.seconds} s for everything`;
}

async function lastLines({ runtime, plan }: WaitOptions, failure: ReadinessFailure): Promise<string[]> {
  const node = plan.nodes.find((each) => each.name === failure.node);
  if (!node) return [];
  const lines: string[] = [];
  try {
    const target = { node, ...(failure.component ? { component: failure.component } : {}) };
    const options = { tail: readLines, follow: false, signal: AbortSignal.timeout(2000) };
    for await (const line of runtime.logs(plan, target, options)) lines.push(line.text);
  } catch {
    // The logs only explain; without them the error says what is known.
  }
  return lines.slice(-readLines);
}
