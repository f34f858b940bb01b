import type { AppDefinition, PathId } from '../../../protocols/marathon/types.ts';
import type { Offer, OfferOperation, TaskInfo } from '../../../protocols/mesos/types.ts';
import type { Clock } from '../../../support/clock.ts';
import { messageOf } from '../../../support/errors.ts';
import type { Logger } from '../../../support/logger.ts';
import type { InstanceTracker } from '../instances.ts';
import type { Catalog } from '../leader/catalog.ts';
import { rescheduled } from '../leader/task-updates.ts';
import type { ModelConfig } from '../model/config.ts';
import { firstTaskId, nextTaskId } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import { constraintPlacements, matchOffer, remainingOffer } from '../model/offer-match.ts';
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
  /** Resolves when the instances changed so far are stored: a task must be known before it can run. */
  stored: () => Promise<void>;
  /** @throws when the master did not take the call */
  accept: (offerId: string, operations: OfferOperation[], refuseSeconds: number) => Promise<void>;
  decline: (offerIds: string[], refuseSeconds: number | undefined) => void;
  /** The master refused the launch for good. */
  onRefused: (instance: Instance, reason: string) => void;
}

export interface Launcher {
  /** Uses the offers for waiting instances, and declines what is left. */
  onOffers(offers: readonly Offer[]): void;
  /** Roles of apps that have something to launch now. */
  wantedRoles(): Set<string>;
  /** Takes back a launch that was not sent yet. @returns false when it is too late */
  cancel(instanceId: string): boolean;
  /** Tasks launched since the start. */
  readonly launched: number;
}

interface OpenOffer {
  readonly offer: Offer;
  rest: Offer;
  readonly launches: { task: TaskInfo; instanceId: string }[];
  /** Apps that found no place in what is left: they would find none in less. */
  readonly tried: Set<PathId>;
}

export function createLauncher(options: LauncherOptions): Launcher {
  const { tracker, catalog, queue, delays, tokens, clock, log } = options;
  /** Matched, but not sent to the master yet. */
  const unsent = new Set<string>();
  let launched = 0;

  const now = () => new Date(clock.now()).toISOString();
  /** The app's instance to launch next; none while its launches are delayed. */
  const nextOf = (appId: PathId): { instance: Instance; app: AppDefinition } | undefined => {
    let delayed: AppDefinition | undefined;
    for (const instanceId of queue.waiting(appId)) {
      const instance = tracker.get(instanceId);
      const app = instance && catalog.definitionOf(instance);
      if (!app || app === delayed) continue;
      if (delays.until(app) === undefined) return { instance, app };
      delayed = app;
    }
    return undefined;
  };

  const tryOne = (open: OpenOffer, appId: PathId): boolean => {
    const next = nextOf(appId);
    if (!next) return false;
    const { instance, app } = next;
    const match = matchOffer(open.rest, app, {
      config: options.config,
      placed: app.constraints.length > 0 ? constraintPlacements(app, tracker.ofApp(appId)) : [],
      random: options.random,
      now: clock.now(),
    });
    if (match.kind === 'refused') {
      open.tried.add(appId);
      queue.refused(appId, open.offer, match.reasons, now());
      return false;
    }
    if (!tokens.take()) return false;
    const taskId = instance.task ? nextTaskId(instance.task.id) : firstTaskId(instance.id);
    const task = buildTask(app, open.offer, match, {
      config: options.config,
      taskId,
      random: options.random,
      enforceRole: catalog.enforcesRole(appId),
    });
    open.rest = remainingOffer(open.rest, match);
    open.launches.push({ task, instanceId: instance.id });
    queue.used(appId, now());
    delays.note(app, 'Provisioned');
    unsent.add(instance.id);
    const { healthy: _h, activeSince: _a, unreachableSince: _u, ...kept } = instance;
    tracker.put({
      ...kept,
      appVersion: app.version,
      condition: 'Provisioned',
      since: now(),
      placement: match.placement,
      task: {
        id: taskId,
        hostPorts: match.hostPorts.filter((port) => port !== undefined),
        stagedAt: now(),
        ipAddresses: [],
      },
    });
    return true;
  };

  const send = async (open: OpenOffer) => {
    await options.stored();
    const launches = open.launches.filter(({ instanceId, task }) => {
      const instance = tracker.get(instanceId);
      return unsent.delete(instanceId) && instance?.task?.id === task.task_id.value && instance.goal === 'Running';
    });
    const offerId = open.offer.id.value;
    if (launches.length === 0) return options.decline([offerId], undefined);
    try {
      launched += launches.length;
      await options.accept(offerId, [{ type: 'LAUNCH', launch: { task_infos: launches.map(({ task }) => task) } }], 0);
    } catch (error) {
      log.warn('launching failed', { offer: offerId, tasks: launches.length, error: messageOf(error) });
      // Without an answer nobody knows; reconciliation after the next subscription tells.
      if (!(error instanceof SchedulerCallError || error instanceof NotSentError)) return;
      for (const { instanceId, task } of launches) {
        const instance = tracker.get(instanceId);
        if (instance?.condition !== 'Provisioned' || instance.task?.id !== task.task_id.value) continue;
        if (error instanceof SchedulerCallError) options.onRefused(instance, messageOf(error));
        else if (instance.goal === 'Running') tracker.put({ ...rescheduled(instance), since: now() });
        else tracker.forget(instanceId);
      }
    }
  };

  return {
    onOffers(offers) {
      const open = offers.map((offer): OpenOffer => ({ offer, rest: offer, launches: [], tried: new Set() }));
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
      const unused = open.filter((one) => one.launches.length === 0).map((one) => one.offer.id.value);
      // Where launching is held back by tokens alone the offers should come again soon.
      const soon = tokens.left === 0 && queue.size > 0;
      if (unused.length > 0) options.decline(unused, soon ? undefined : options.declineOfferMs / 1000);
      for (const one of open) if (one.launches.length > 0) void send(one);
    },
    wantedRoles() {
      const roles = new Set<string>();
      if (tokens.left === 0) return roles;
      for (const id of queue.appIds()) {
        const next = nextOf(id);
        if (next) roles.add(next.app.role);
      }
      return roles;
    },
    cancel: (instanceId) => unsent.delete(instanceId),
    get launched() {
      return launched;
    },
  };
}
