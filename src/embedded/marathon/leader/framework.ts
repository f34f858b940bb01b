import type { FrameworkInfo, Offer, TaskStatus } from '../../../protocols/mesos/types.ts';
import type { Clock } from '../../../support/clock.ts';
import type { Logger } from '../../../support/logger.ts';
import type { Network } from '../../../support/network.ts';
import type { EventBus } from '../events.ts';
import type { InstanceTracker } from '../instances.ts';
import type { OfferDemand } from '../launch/demand.ts';
import type { Metrics } from '../metrics.ts';
import type { ModelConfig } from '../model/config.ts';
import { type Instance, tasksOf } from '../model/instance.ts';
import type { RunSpec } from '../model/run-spec.ts';
import type { MarathonOptions } from '../options.ts';
import { createDriver, type Driver } from '../scheduler/driver.ts';
import type { Masters } from '../scheduler/masters.ts';
import type { StateStore, StoredFramework } from '../store/state.ts';
import type { Catalog } from './catalog.ts';

export interface FrameworkLinkOptions {
  options: MarathonOptions;
  config: ModelConfig;
  masters: Masters;
  webuiUrl: string;
  /** What the last leader left. */
  stored: StoredFramework | undefined;
  tracker: InstanceTracker;
  catalog: Catalog;
  store: StateStore;
  demand: OfferDemand;
  events: EventBus;
  metrics: Metrics;
  network: Network;
  clock: Clock;
  /** By which the silence of the master is judged. */
  connectionClock: Clock;
  log: Logger;
  onOffers: (offers: readonly Offer[]) => void;
  onUpdate: (status: TaskStatus) => void;
  onSubscribed: () => void;
  onFatal: (code: number, reason: string) => void;
}

/** Marathon as a framework of Mesos: who it is, what it has told the master and what it asks for regularly. */
export interface FrameworkLink {
  readonly driver: Driver;
  readonly frameworkId: string | undefined;
  /** Resolves when the framework has registered for the first time. */
  readonly registered: Promise<void>;
  /** Roles that no app had before are told to the master. */
  appsChanged(apps: readonly RunSpec[]): void;
  close(): void;
}

/** Exit codes of the original. */
const exitCodes = { error: 106, removed: 110 };

/** How long a launch may take to reach the master. */
const launchMs = 10_000;

export function createFrameworkLink(input: FrameworkLinkOptions): FrameworkLink {
  const { options, config, masters, tracker, catalog, store, demand, events, metrics, network, clock, log } = input;
  let frameworkId = input.stored?.id;
  let masterId = input.stored?.master;

  const roles = (): string[] => {
    const all = new Set([options.mesosRole]);
    for (const { role } of catalog.specs()) all.add(role);
    for (const instance of tracker.all()) all.add(instance.role);
    return [...all];
  };
  let toldRoles: string[] = [];
  const framework = (): FrameworkInfo => {
    toldRoles = roles();
    return {
      name: options.frameworkName,
      user: options.mesosUser,
      ...(frameworkId ? { id: { value: frameworkId } } : {}),
      failover_timeout: options.failoverTimeoutSeconds,
      checkpoint: options.checkpoint,
      hostname: options.hostname,
      webui_url: input.webuiUrl,
      roles: toldRoles,
      capabilities: [
        { type: 'PARTITION_AWARE' },
        { type: 'REGION_AWARE' },
        { type: 'MULTI_ROLE' },
        ...(config.features.has('task_killing') ? [{ type: 'TASK_KILLING_STATE' }] : []),
        ...(config.features.has('gpu_resources') ? [{ type: 'GPU_RESOURCES' }] : []),
      ],
    };
  };
  let subscribedAt = 0;
  /** Its launch may still be on its way to the master, which would take the task for lost. */
  const isUnderWay = (instance: Instance) => {
    const since = Date.parse(instance.since);
    return instance.condition === 'Provisioned' && since >= subscribedAt && clock.now() - since < launchMs;
  };
  const reconcile = () => {
    const tasks = [];
    for (const instance of tracker.all())
      if (instance.condition !== 'Scheduled' && !isUnderWay(instance))
        for (const { id } of tasksOf(instance)) tasks.push({ taskId: id, agentId: instance.placement?.agentId });
    if (tasks.length > 0) driver.reconcile(tasks);
    driver.reconcile([]);
  };

  let cancelReconcile = () => {};
  const reconcileAfter = (ms: number) => {
    cancelReconcile();
    cancelReconcile = clock.after(ms, () => {
      reconcile();
      cancelReconcile = clock.every(options.reconciliationMs, reconcile);
    });
  };
  reconcileAfter(options.reconciliationInitialMs);

  let announceRegistered = () => {};
  const registered = new Promise<void>((resolve) => {
    announceRegistered = resolve;
  });
  let suppressedAtSubscribe: string[] = [];
  const driver: Driver = createDriver({
    masters,
    network,
    clock: input.connectionClock,
    log,
    heartbeatFailureThreshold: options.mesosHeartbeatFailureThreshold,
    framework,
    suppressedRoles: () => {
      suppressedAtSubscribe = demand.unwanted(roles());
      return suppressedAtSubscribe;
    },
    onSubscribed(id, master) {
      subscribedAt = clock.now();
      const isNew = frameworkId === undefined;
      const isSameMaster = master !== undefined && master.id === masterId;
      const hostname = master?.hostname ?? '';
      if (frameworkId !== id || !isSameMaster) {
        frameworkId = id;
        masterId = master?.id;
        store.saveFramework({ id, ...(masterId === undefined ? {} : { master: masterId }) });
      }
      log.info('registered with the master', { framework: id, master: hostname });
      demand.subscribed(new Set(suppressedAtSubscribe));
      if (isNew) events.publish({ eventType: 'scheduler_registered_event', frameworkId: id, master: hostname });
      else events.publish({ eventType: 'scheduler_reregistered_event', master: hostname });
      // What happened while nobody listened is asked for at once. A master that has just begun to lead may take tasks
      // for unknown whose agents it has not heard of yet: it gets the time that the first reconciliation has.
      if (isSameMaster) reconcile();
      else reconcileAfter(options.reconciliationInitialMs);
      input.onSubscribed();
      announceRegistered();
    },
    onDisconnected() {
      demand.disconnected();
      events.publish({ eventType: 'scheduler_disconnected_event' });
    },
    onOffers(offers) {
      metrics.count('mesos.offers.incoming.counter', offers.length);
      input.onOffers(offers);
    },
    onUpdate(status) {
      input.onUpdate(status);
      // Once acknowledged a status never comes again, so its effect must be stored first.
      if (status.uuid !== undefined) void store.flushed().then(() => driver.acknowledge(status));
    },
    onMessage: ({ agentId, executorId, data }) =>
      events.publish({ eventType: 'framework_message_event', slaveId: agentId, executorId, message: [...data] }),
    onFailure: (failure) => log.info('an agent or executor is gone', failure),
    onError(message) {
      if (!/Framework has been removed/.test(message)) return input.onFatal(exitCodes.error, message);
      // The id is of no use any more; the next leader registers as a new framework.
      store.removeFramework();
      void store.flushed().then(() => input.onFatal(exitCodes.removed, message));
    },
  });

  return {
    driver,
    registered,
    get frameworkId() {
      return frameworkId;
    },
    appsChanged(apps) {
      if (apps.some(({ role }) => !toldRoles.includes(role))) driver.updateFramework();
    },
    close() {
      cancelReconcile();
      driver.close();
    },
  };
}
