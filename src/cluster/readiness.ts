import type { ClusterPlan, NodePlan, ServicePlan } from '../plan/types.ts';
import { type Component, components } from '../protocols/versions.ts';
import type { UnitEvent } from '../runtime/types.ts';
import type { Progress } from '../support/progress.ts';
import { createScope } from '../support/scope.ts';
import { trace } from '../support/trace.ts';
import type { Health, MesosSummary, probe as probeService } from './probes.ts';
import { openSteps, summaryOf } from './readiness-steps.ts';
import type { StartUpRecorder } from './start-up-recorder.ts';
import { servicesOf } from './target.ts';

export interface ReadinessOptions {
  plan: ClusterPlan;
  /** The nodes whose services are waited for. */
  nodes: readonly NodePlan[];
  /** Of them only these components; default: all. */
  only?: readonly Component[];
  /** For all of it. */
  timeoutMs: number;
  /** For one service, from when what it needs is ready. */
  serviceTimeoutMs: number;
  progress: Progress;
  signal: AbortSignal;
  /** Whether a service that can do its part says so by an event; if not, services are asked again and again. */
  eventful: boolean;
  /** How long events are waited for before services are asked without; a question put too early may wait in vain. */
  fallbackMs?: number;
  /** How services are asked. */
  probe: typeof probeService;
  /** Is told when services are ready, and until when they were not. */
  recorder?: Pick<StartUpRecorder, 'notReady' | 'ready'>;
}

export interface NotReady {
  service: string;
  reason: string;
}

/** What kept the cluster from being ready, and which service (or whole node) is at fault. */
export interface ReadinessFailure {
  cause: 'timeout' | 'exited';
  node: string;
  component?: Component;
  reason: string;
  /** What ran out: the time of the service alone, or that of everything. */
  limit?: { of: 'service' | 'all'; seconds: number };
  pending: readonly NotReady[];
}

/** The names of the leading nodes. */
export type Leaders = Partial<Record<Component, string>>;

export type ReadinessResult = { ready: true; leaders: Leaders } | { ready: false; failure: ReadinessFailure };

export interface Readiness {
  /** Resolves when every service has said in its own protocol that it does its part, or will not. @throws on abort */
  readonly result: Promise<ReadinessResult>;
  /** What the runtime sees. */
  event(event: UnitEvent): void;
}

interface Entry {
  id: string;
  node: NodePlan;
  service: ServicePlan;
  ready: boolean;
  leader: boolean;
  reason: string;
  exits: number;
  asking: boolean;
  askAgain: boolean;
  /** Pause before it is asked again; grows while the answer stays the same. */
  pauseMs: number;
  cancelPause: (() => void) | undefined;
  /** When it was worth asking for the first time, by `performance.now()`. */
  askedSince: number;
  /** How long it has been waited for while it could have become ready. */
  waitedMs: number;
  /** When, of that time, the user is told that it is still waited for. */
  tellAtMs: number;
}

const unregistered = 'its framework is not registered with the leading master';
const leaderless = 'no master leads';

/** A service that ends this often before it was ready will not get ready by another try. */
const mostExits = 3;
const firstPauseMs = 20;
/** Where events tell when to ask. */
const longestPauseMs = 200;
/**
 * Where nothing does, everything that comes after a service waits for the next question, which comes the sooner the
 * shorter it has been waited for: a program that takes a minute shall not be kept from it by questions.
 */
const pauseWithoutEvents = (waitedMs: number) => Math.min(Math.max(50, waitedMs / 50), longestPauseMs);
/** With events, asking without being told is only for the case that an event was lost. */
const defaultFallbackMs = 500;
const probeTimeoutMs = 2_000;
const tickMs = 250;
/** A program that is known to start slowly is spoken of after this time, and again and again. */
const slowMs = 10_000;
const slowAgainMs = 30_000;
/** Longer gaps between ticks mean that the machine slept or this process was stopped; they don't count. */
const longestTickMs = 1_000;

/** Starts to wait. Everything it uses is given back when its result is there. */
export function awaitReady(options: ReadinessOptions): Readiness {
  const { plan, signal, progress, probe, recorder } = options;
  const begunAt = performance.now();
  const scope = createScope();
  const entries = options.nodes.flatMap((node) =>
    servicesOf(node)
      .filter((service) => !options.only || options.only.includes(service.component))
      .map((service): Entry => newEntry(node, service)),
  );
  const masters = plan.nodes.flatMap((node) =>
    servicesOf(node)
      .filter((service) => service.component === 'mesos-master')
      .map((service) => entries.find((entry) => entry.service === service) ?? newEntry(node, service)),
  );
  const watchesMesos = entries.some(({ service }) => involvesMaster(service.component));
  /** Whether Marathon's framework is subscribed, as the leading master sees it. */
  let frameworkActive = !entries.some(({ service }) => service.component === 'marathon');
  const present = components.filter((component) => entries.some((entry) => entry.service.component === component));
  const steps = openSteps(present, progress);
  let finish: (result: ReadinessResult) => void = () => {};

  const result = new Promise<ReadinessResult>((resolve, reject) => {
    finish = (outcome) => {
      if (!outcome.ready) for (const { component, step } of steps) if (!isDone(component)) step.fail();
      resolve(outcome);
      void scope.close();
    };
    const onAbort = () => {
      for (const { step } of steps) step.fail();
      reject(signal.reason);
      void scope.close();
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    scope.defer(() => signal.removeEventListener('abort', onAbort));
  });
  if (scope.closed) return { result, event() {} };

  const of = (component: Component) => entries.filter((entry) => entry.service.component === component);
  const hasLeader = () => masters.some((entry) => entry.leader);
  const isDone = (component: Component): boolean => {
    if (!of(component).every((entry) => entry.ready)) return false;
    if (component === 'mesos-master') return of(component).length === 0 || hasLeader();
    return component !== 'marathon' || frameworkActive;
  };
  const pending = (): NotReady[] =>
    entries.filter((entry) => !entry.ready).map(({ id, reason }) => ({ service: id, reason }));

  const fail = (
    entry: Pick<Entry, 'node' | 'service'>,
    cause: ReadinessFailure['cause'],
    reason: string,
    limit?: ReadinessFailure['limit'],
  ) =>
    finish({
      ready: false,
      failure: {
        cause,
        node: entry.node.name,
        component: entry.service.component,
        reason,
        ...(limit ? { limit } : {}),
        pending: pending(),
      },
    });

  const settle = () => {
    for (const { component, step } of steps) {
      const waiting = of(component).find((entry) => !entry.ready);
      if (waiting) step.update(`${waiting.id}: ${waiting.reason}`);
      else if (isDone(component))
        step.done(summaryOf(component, of(component).length, leadersOf(of(component))[component]));
      else step.update(component === 'marathon' ? unregistered : leaderless);
    }
    if (steps.every(({ component }) => isDone(component)))
      finish({ ready: true, leaders: leadersOf([...entries, ...masters]) });
  };

  const setReady = (entry: Entry, leader: boolean) => {
    entry.leader = leader;
    if (entry.ready) return;
    entry.ready = true;
    recorder?.ready(entry.id);
    trace(`ready ${entry.id}${leader ? ' (leader)' : ''}`);
    progress.detail(`${entry.id} was ready after ${((performance.now() - begunAt) / 1000).toFixed(2)} s`);
    // What one instance of Marathon knows the others, which pass the question on to the leader, know too.
    if (entry.service.component === 'marathon') for (const other of of('marathon')) if (!other.ready) void check(other);
    if (!options.eventful) askWhatIsWorthIt();
  };

  const isMesosDone = () => isDone('mesos-master') && isDone('mesos-agent') && frameworkActive;
  /** Whether its answer is still of interest; the leading master's is until all that only it can say is known. */
  const isWanted = (entry: Entry) =>
    !entry.ready || (entry.service.component === 'mesos-master' && !isMesosDone() && (entry.leader || !hasLeader()));

  const check = async (entry: Entry): Promise<void> => {
    if (scope.closed || !isWanted(entry)) return;
    if (entry.asking) {
      entry.askAgain = true;
      return;
    }
    entry.asking = true;
    entry.askAgain = false;
    entry.cancelPause?.();
    entry.cancelPause = undefined;
    const askedAt = performance.now();
    const health = await probe(entry.service, entry.node, { timeoutMs: probeTimeoutMs, signal: scope.signal });
    entry.asking = false;
    if (scope.closed) return;
    if (entry.service.component === 'mesos-master') takeMaster(entry, health, askedAt);
    if (health.ready) {
      if (!entry.ready && health.unansweredMs !== undefined) recorder?.notReady(entry.id, health.unansweredMs);
      setReady(entry, health.leader);
    } else {
      if (!entry.ready) recorder?.notReady(entry.id, askedAt);
      entry.reason = health.reason;
    }
    settle();
    if (entry.askAgain) void check(entry);
    else if (isWanted(entry)) later(entry);
  };

  const later = (entry: Entry) => {
    if (scope.closed) return;
    // With events the leader is asked when something happened; the rest of the time only in case one was lost.
    const leastMs = options.eventful && entry.ready ? longestPauseMs / 2 : 0;
    const timer = setTimeout(() => void check(entry), Math.max(entry.pauseMs, leastMs));
    entry.cancelPause = () => clearTimeout(timer);
    const longestMs = options.eventful ? longestPauseMs : pauseWithoutEvents(performance.now() - entry.askedSince);
    entry.pauseMs = Math.min(entry.pauseMs * 2, longestMs);
  };

  const takeMaster = (entry: Entry, health: Health, askedAt: number) => {
    if (!health.ready || !health.leader) {
      entry.leader = false;
      return;
    }
    for (const other of masters) other.leader = other === entry;
    if (health.detail?.kind === 'mesos') takeSummary(health.detail, askedAt);
  };

  /** What only the leading master can say: which agents and frameworks it has. */
  const takeSummary = (summary: MesosSummary, askedAt: number) => {
    for (const entry of of('mesos-agent'))
      if (summary.agents.has(`${entry.node.site.address}:${entry.node.site.ports['mesos-agent']}`))
        setReady(entry, false);
      else {
        if (!entry.ready) recorder?.notReady(entry.id, askedAt);
        entry.reason = 'it is not registered with the leading master';
      }
    if (!frameworkActive && summary.frameworks.some((framework) => framework.active)) {
      frameworkActive = true;
      trace("ready Marathon's framework");
    }
  };

  /** The leader if it is known, else all of them. */
  const askLeader = () => {
    if (!watchesMesos || isMesosDone()) return;
    for (const entry of hasLeader() ? masters.filter((each) => each.leader) : masters) {
      entry.pauseMs = firstPauseMs;
      void check(entry);
    }
  };

  /** It can't do its part before one service of each component that it needs does. */
  const isWorthAsking = ({ service }: Entry) =>
    service.after.every((component) => of(component).length === 0 || of(component).some(({ ready }) => ready));

  const start = (entry: Entry) => {
    entry.pauseMs = firstPauseMs;
    entry.askedSince ||= performance.now();
    if (entry.service.component !== 'mesos-agent') void check(entry);
    if (involvesMaster(entry.service.component)) askLeader();
  };

  const isSilent = (entry: Entry) => !entry.ready && !entry.asking && !entry.cancelPause;
  const askWhatIsWorthIt = () => {
    for (const entry of entries) if (isSilent(entry) && isWorthAsking(entry)) start(entry);
  };

  // Services that run already and those whose events get lost.
  const fallback = setTimeout(
    () => {
      if (!options.eventful) return askWhatIsWorthIt();
      for (const entry of entries) if (isSilent(entry)) start(entry);
    },
    options.eventful ? (options.fallbackMs ?? defaultFallbackMs) : 0,
  );
  scope.defer(() => clearTimeout(fallback));
  scope.defer(() => {
    for (const entry of [...entries, ...masters]) entry.cancelPause?.();
  });

  let totalMs = 0;
  let lastTick = performance.now();
  const ticker = setInterval(() => {
    const elapsedMs = Math.min(performance.now() - lastTick, longestTickMs);
    lastTick = performance.now();
    totalMs += elapsedMs;
    const late = overdue(entries, isDone, elapsedMs, options.serviceTimeoutMs);
    const entry = late ?? (totalMs >= options.timeoutMs ? firstPending(entries) : undefined);
    const limit = late
      ? ({ of: 'service', seconds: limitOf(late, options.serviceTimeoutMs) / 1000 } as const)
      : ({ of: 'all', seconds: options.timeoutMs / 1000 } as const);
    if (entry) fail(entry, 'timeout', entry.reason, limit);
    else if (totalMs >= options.timeoutMs) {
      const component = components.find((each) => !isDone(each)) ?? 'marathon';
      const first = of(component)[0] ?? masters[0];
      if (first) fail(first, 'timeout', component === 'marathon' ? unregistered : leaderless, limit);
    } else tellOfSlow(entries, progress, options.serviceTimeoutMs);
  }, tickMs);
  scope.defer(() => clearInterval(ticker));
  settle();

  return {
    result,
    event(event) {
      if (scope.closed) return;
      if (event.type === 'unit-exited') {
        const unit = entries.find((entry) => unitOf(entry) === event.unit);
        if (unit) {
          const { node } = unit;
          finish({
            ready: false,
            failure: { cause: 'exited', node: node.name, reason: event.reason, pending: pending() },
          });
        }
        return;
      }
      const entry = entries.find((each) => unitOf(each) === event.unit && each.service.component === event.component);
      if (!entry) return;
      trace(`event ${event.type} ${entry.id}`);
      if (event.type === 'service-ready') {
        if (!entry.ready) recorder?.notReady(entry.id, performance.now());
        start(entry);
      } else {
        entry.ready = false;
        entry.exits++;
        entry.reason = event.reason;
        settle();
        if (entry.exits >= mostExits) fail(entry, 'exited', event.reason);
      }
    },
  };
}

function newEntry(node: NodePlan, service: ServicePlan): Entry {
  return {
    id: `${node.name}/${service.component}`,
    node,
    service,
    ready: false,
    leader: false,
    reason: 'it is starting',
    exits: 0,
    asking: false,
    askAgain: false,
    pauseMs: firstPauseMs,
    cancelPause: undefined,
    askedSince: 0,
    waitedMs: 0,
    tellAtMs: service.startSeconds === undefined ? Number.POSITIVE_INFINITY : slowMs,
  };
}

function leadersOf(entries: readonly Entry[]): Leaders {
  return Object.fromEntries(
    entries.filter((entry) => entry.leader).map((entry) => [entry.service.component, entry.node.name]),
  );
}

function involvesMaster(component: Component): boolean {
  return component === 'mesos-master' || component === 'mesos-agent' || component === 'marathon';
}

function unitOf(entry: Entry): string | undefined {
  return entry.node.units.find((unit) => unit.services.includes(entry.service))?.id;
}

/** The first service that has been waited for too long although what it needs was ready. */
function overdue(
  entries: readonly Entry[],
  isDone: (component: Component) => boolean,
  elapsedMs: number,
  limitMs: number,
): Entry | undefined {
  for (const entry of entries) {
    if (entry.ready || !entry.service.after.every(isDone)) continue;
    entry.waitedMs += elapsedMs;
  }
  return entries.find((entry) => !entry.ready && entry.waitedMs >= limitOf(entry, limitMs));
}

/** A program that starts slowly has a limit of its own, unless the one for all is longer. */
function limitOf({ service }: Entry, limitMs: number): number {
  return Math.max(limitMs, (service.startSeconds ?? 0) * 1000);
}

/** Those who read a log, where nothing is redrawn, would take a slow start for a hang. */
function tellOfSlow(entries: readonly Entry[], progress: Progress, limitMs: number): void {
  const slow = entries.filter((entry) => !entry.ready && entry.waitedMs >= entry.tellAtMs);
  const [first] = slow;
  if (!first) return;
  for (const entry of slow) entry.tellAtMs = entry.waitedMs + slowAgainMs;
  const seconds = Math.round(first.waitedMs / 1000);
  const whole = limitOf(first, limitMs) / 1000;
  progress.note(`${first.id} starts slowly, for ${seconds} s of at most ${whole} s now: ${first.reason}`);
}

/** In the order in which components need each other, so that the first one is the cause rather than a consequence. */
function firstPending(entries: readonly Entry[]): Entry | undefined {
  for (const component of components) {
    const entry = entries.find((each) => !each.ready && each.service.component === component);
    if (entry) return entry;
  }
  return undefined;
}
