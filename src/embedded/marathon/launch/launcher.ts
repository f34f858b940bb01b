import type { PathId } from '../../../protocols/marathon/types.ts';
import type { Offer, OfferOperation } from '../../../protocols/mesos/types.ts';
import type { Clock } from '../../../support/clock.ts';
import { messageOf } from '../../../support/errors.ts';
import type { Logger } from '../../../support/logger.ts';
import type { InstanceTracker } from '../instances.ts';
import type { Catalog } from '../leader/catalog.ts';
import type { ModelConfig } from '../model/config.ts';
import { firstTaskId, nextTaskId } from '../model/ids.ts';
import {
  type ContainerTask,
  type Instance,
  isReleasable,
  launchOf,
  type Reservation,
  rescheduled,
} from '../model/instance.ts';
import { constraintPlacements, matchOffer, type OfferMatch, type Pool, remainingOffer } from '../model/offer-match.ts';
import { boundEndpoints, buildTaskGroup } from '../model/pod/task-group.ts';
import { hasVolumesOf, releasableIn, release, reserve } from '../model/reservation.ts';
import { isPod, keepsData, type RunSpec } from '../model/run-spec.ts';
import { buildTask } from '../model/task-builder.ts';
import { NotSentError, SchedulerCallError } from '../scheduler/connection.ts';
import type { LaunchDelays } from './delays.ts';
import type { LaunchQueue } from './queue.ts';
import type { LaunchTokens } from './tokens.ts';

export interface LauncherOptions {
  tracker: InstanceTracker;
  catalog: Catalog;
  queue: LaunchQueue;
  delays: LaunchDelays;
  tokens: LaunchTokens;
  config: ModelConfig;
  clock: Clock;
  random: () => number;
  log: Logger;
  maxInstancesPerOffer: number;
  declineOfferMs: number;
  /** Whether offers of agents in maintenance are refused, and how long before it begins, in milliseconds. */
  maintenanceMode: boolean;
  drainingMs: number;
  /** `--mesos_authentication_principal`: reservations are made in its name. */
  principal: string | undefined;
  /** Resolves when the instances changed so far are stored: a task must be known before it can run. */
  stored: () => Promise<void>;
  /** @throws when the master did not take the call */
  accept: (offerId: string, operations: OfferOperation[], refuseSeconds: number) => Promise<void>;
  decline: (offerIds: string[], refuseSeconds: number | undefined) => void;
  /** The master refused the launch for good. */
  onRefused: (instance: Instance, reason: string) => void;
}

export interface Launcher {
  /** Uses the offers for waiting instances, gives back what nobody needs any more, and declines what is left. */
  onOffers(offers: readonly Offer[]): void;
  /** Roles for which offers are wanted now: of what is to be launched, or given back. */
  wantedRoles(): Set<string>;
  /** Takes back a launch that was not sent yet. @returns false when it is too late */
  cancel(instanceId: string): boolean;
  /** Tasks launched since the start. */
  readonly launched: number;
}

/** What is to be done with an offer for one instance. */
interface Plan {
  readonly instanceId: string;
  readonly operations: readonly OfferOperation[];
  /** Of a launch, see launchOf; undefined for a reservation. */
  readonly launch: string | undefined;
}

interface OpenOffer {
  readonly offer: Offer;
  rest: Offer;
  readonly plans: Plan[];
  /** Apps and pods that found no place in what is left: they would find none in less. */
  readonly tried: Set<PathId>;
}

export function createLauncher(options: LauncherOptions): Launcher {
  const { tracker, catalog, queue, delays, tokens, clock, log } = options;
  /** Matched, but not sent to the master yet. */
  const unsent = new Set<string>();
  /** Instances whose resources are to be given back when they are offered. */
  const releasable = new Set<string>();
  let launched = 0;

  for (const instance of tracker.all()) if (isReleasable(instance)) releasable.add(instance.id);
  tracker.onChange(({ before, after }) => {
    if (after && isReleasable(after)) releasable.add(after.id);
    else if (before) releasable.delete(before.id);
  });

  const now = () => new Date(clock.now()).toISOString();
  /** The instance to launch next; none while launches are delayed. */
  const nextOf = (
    appId: PathId,
    fits: (instance: Instance, spec: RunSpec) => boolean = () => true,
  ): { instance: Instance; spec: RunSpec } | undefined => {
    let delayed: RunSpec | undefined;
    for (const instanceId of queue.waiting(appId)) {
      const instance = tracker.get(instanceId);
      const spec = instance && catalog.definitionOf(instance);
      if (!spec || spec === delayed || !fits(instance, spec)) continue;
      if (delays.until(spec) === undefined) return { instance, spec };
      delayed = spec;
    }
    return undefined;
  };

  /** The instance for which the offer may be used, and what of the offer. What keeps data is bound to its place. */
  const candidate = (appId: PathId, offer: Offer): { instance: Instance; spec: RunSpec; pool: Pool } | undefined => {
    const first = nextOf(appId);
    if (!first || !keepsData(first.spec)) return first && { ...first, pool: { kind: 'free' } };
    const bound = nextOf(appId, (instance) => instance.reservation !== undefined && hasVolumesOf(offer, instance));
    if (bound) return { ...bound, pool: { kind: 'reserved', instance: bound.instance } };
    const unbound = nextOf(appId, (instance) => instance.reservation === undefined);
    return unbound && { ...unbound, pool: { kind: 'reservable' } };
  };

  const tryOne = (open: OpenOffer, appId: PathId): boolean => {
    const next = candidate(appId, open.rest);
    if (!next) {
      const waiting = nextOf(appId)?.instance;
      open.tried.add(appId);
      if (waiting?.reservation && !waiting.reservation.askedAt)
        queue.refused(appId, open.offer, ['NoCorrespondingReservationFound'], now());
      return false;
    }
    const { instance, spec, pool } = next;
    const match = matchOffer(open.rest, spec, {
      config: options.config,
      placed: spec.constraints.length > 0 ? constraintPlacements(spec, tracker.ofApp(appId), instance.id) : [],
      random: options.random,
      now: clock.now(),
      pool,
      maintenanceMode: options.maintenanceMode,
      drainingMs: options.drainingMs,
    });
    if (match.kind === 'refused') {
      open.tried.add(appId);
      queue.refused(appId, open.offer, match.reasons, now());
      return false;
    }
    if (pool.kind === 'reservable') makeReservation(open, instance, spec, match);
    else if (!tokens.take()) return false;
    else launch(open, instance, spec, match);
    open.rest = remainingOffer(open.rest, match);
    queue.used(appId, now());
    return true;
  };

  const makeReservation = (open: OpenOffer, instance: Instance, spec: RunSpec, match: OfferMatch) => {
    const { operations, volumes } = reserve(spec, match, {
      instance,
      offer: open.offer,
      now: clock.now(),
      random: options.random,
      ...(options.principal === undefined ? {} : { principal: options.principal }),
    });
    open.plans.push({ instanceId: instance.id, operations, launch: undefined });
    const reservation: Reservation = { volumes, askedAt: now() };
    // It goes on waiting, for the offer that shows its volumes.
    tracker.put({ ...instance, role: spec.role, placement: match.placement, reservation });
  };

  const launch = (open: OpenOffer, instance: Instance, spec: RunSpec, match: OfferMatch) => {
    const stagedAt = now();
    const context = { config: options.config, random: options.random, enforceRole: catalog.enforcesRole(spec.id) };
    let operation: OfferOperation;
    let tasks: Pick<Instance, 'task' | 'containers'>;
    if (isPod(spec)) {
      const before = new Map(instance.containers?.map(({ name, id }) => [name, id]));
      const endpoints = boundEndpoints(spec, match.hostPorts);
      const containers = spec.containers.map(({ name }): ContainerTask => {
        const last = before.get(name) ?? instance.containers?.[0]?.id.replace(/[^.]+(\.\d+)$/, `${name}$1`);
        const ports = endpoints.flatMap(({ container, bound }) => (container === name ? (bound ?? []) : []));
        const id = last === undefined ? firstTaskId(instance.id, name) : nextTaskId(last);
        return { name, id, hostPorts: ports, stagedAt, ipAddresses: [] };
      });
      const taskIds = containers.map(({ id }) => id);
      operation = buildTaskGroup(spec, open.offer, match, { ...context, instanceId: instance.id, taskIds });
      tasks = { containers };
    } else {
      const id = instance.task ? nextTaskId(instance.task.id) : firstTaskId(instance.id);
      const task = buildTask(spec, open.offer, match, { ...context, taskId: id });
      operation = { type: 'LAUNCH', launch: { task_infos: [task] } };
      const hostPorts = match.hostPorts.filter((port) => port !== undefined);
      tasks = { task: { id, hostPorts, stagedAt, ipAddresses: [] } };
    }
    unsent.add(instance.id);
    const { healthy: _h, activeSince: _a, unreachableSince: _u, reservation, ...kept } = instance;
    const provisioned: Instance = {
      ...kept,
      appVersion: spec.version,
      condition: 'Provisioned',
      since: stagedAt,
      placement: match.placement,
      ...(reservation && { reservation: { volumes: reservation.volumes } }),
      ...tasks,
    };
    open.plans.push({ instanceId: instance.id, operations: [operation], launch: launchOf(provisioned) });
    tracker.put(provisioned);
  };

  /** Whether the plan is still wanted when it is about to be sent. */
  const stands = ({ instanceId, launch }: Plan): boolean => {
    const instance = tracker.get(instanceId);
    if (instance?.goal !== 'Running') return false;
    return launch === undefined ? instance.reservation !== undefined : launchOf(instance) === launch;
  };

  const send = async (open: OpenOffer) => {
    await options.stored();
    const plans = open.plans.filter(
      (plan) => (plan.launch === undefined || unsent.delete(plan.instanceId)) && stands(plan),
    );
    const offerId = open.offer.id.value;
    if (plans.length === 0) return options.decline([offerId], undefined);
    // Only now, so that all that waits for one delay is launched when that has passed.
    for (const { instanceId, launch } of plans) {
      const instance = launch === undefined ? undefined : tracker.get(instanceId);
      const spec = instance && catalog.definitionOf(instance);
      if (spec) delays.note(spec, 'Provisioned');
    }
    try {
      launched += plans.filter((plan) => plan.launch !== undefined).length;
      await options.accept(offerId, together(plans.flatMap(({ operations }) => operations)), 0);
    } catch (error) {
      log.warn('launching failed', { offer: offerId, instances: plans.length, error: messageOf(error) });
      // Without an answer nobody knows; reconciliation after the next subscription tells.
      if (!(error instanceof SchedulerCallError || error instanceof NotSentError)) return;
      for (const plan of plans) takeBack(plan, error instanceof SchedulerCallError ? messageOf(error) : undefined);
    }
  };

  /** @param refused why the master did not want it; undefined when it never heard of it */
  const takeBack = ({ instanceId, launch }: Plan, refused: string | undefined) => {
    const instance = tracker.get(instanceId);
    if (!instance) return;
    if (launch === undefined) {
      const { reservation: _r, placement: _p, ...free } = instance;
      if (instance.condition === 'Scheduled') tracker.put(free);
      return;
    }
    if (instance.condition !== 'Provisioned' || launchOf(instance) !== launch) return;
    if (refused !== undefined) options.onRefused(instance, refused);
    else if (instance.goal === 'Running') tracker.put({ ...rescheduled(instance), since: now() });
    else tracker.forget(instanceId);
  };

  /** Nobody knows the instance, or it has ended for good. */
  const isOver = (instanceId: string): boolean => {
    const instance = tracker.get(instanceId);
    return !instance || isReleasable(instance);
  };

  /** Gives back what is reserved for instances that are over. @returns whether the offer was used for that */
  const giveBack = (offer: Offer): boolean => {
    const found = releasableIn(offer, isOver);
    if (found.size === 0) return false;
    log.info('giving reservations back', { agent: offer.hostname, instances: [...found.keys()] });
    const operations = [...found.values()].flatMap(release);
    options.accept(offer.id.value, operations, 0).then(
      () => {
        for (const id of found.keys()) if (tracker.get(id) && isOver(id)) tracker.forget(id);
      },
      (error: unknown) => log.warn('giving reservations back failed', { error: messageOf(error) }),
    );
    return true;
  };

  return {
    onOffers(offers) {
      const open = offers
        .filter((offer) => !giveBack(offer))
        .map((offer): OpenOffer => ({ offer, rest: offer, plans: [], tried: new Set() }));
      const apps = [...queue.appIds()];
      // One instance an offer in each round spreads instances over agents.
      let progress = apps.length > 0;
      for (let round = 0; progress && round < options.maxInstancesPerOffer; round++) {
        progress = false;
        for (const one of open) {
          for (let i = 0; i < apps.length; i++) {
            const appId = apps[i]!;
            if (tokens.left === 0 || one.tried.has(appId) || queue.waiting(appId).size === 0) continue;
            if (!tryOne(one, appId)) continue;
            progress = true;
            // The next offer begins with the next app.
            apps.push(...apps.splice(0, i + 1));
            break;
          }
        }
      }
      const unused = open.filter((one) => one.plans.length === 0).map((one) => one.offer.id.value);
      // Where launching is held back by tokens alone the offers should come again soon.
      const soon = tokens.left === 0 && queue.size > 0;
      if (unused.length > 0) options.decline(unused, soon ? undefined : options.declineOfferMs / 1000);
      for (const one of open) if (one.plans.length > 0) void send(one);
    },
    wantedRoles() {
      const roles = new Set<string>();
      for (const id of releasable) roles.add(tracker.get(id)?.role ?? options.config.mesosRole);
      if (tokens.left === 0) return roles;
      for (const id of queue.appIds()) {
        const first = nextOf(id);
        if (!first) continue;
        const unbound = keepsData(first.spec) ? nextOf(id, (instance) => instance.reservation === undefined) : first;
        if (unbound) roles.add(unbound.spec.role);
        if (!keepsData(first.spec)) continue;
        // Its resources stay with the role for which they were reserved.
        const bound = nextOf(id, (instance) => instance.reservation !== undefined);
        if (bound) roles.add(bound.instance.role);
      }
      return roles;
    },
    cancel: (instanceId) => unsent.delete(instanceId),
    get launched() {
      return launched;
    },
  };
}

/** The operations of one offer, with all tasks in one LAUNCH. */
function together(operations: readonly OfferOperation[]): OfferOperation[] {
  const tasks = operations.flatMap(({ launch }) => launch?.task_infos ?? []);
  const others = operations.filter(({ launch }) => !launch);
  return tasks.length > 0 ? [{ type: 'LAUNCH', launch: { task_infos: tasks } }, ...others] : [...others];
}
