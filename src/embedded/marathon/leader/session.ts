import type { Health, PathId, ReadinessCheckResult, TaskFailure } from '../../../protocols/marathon/types.ts';
import type { ZooKeeperClient } from '../../../protocols/zookeeper/client.ts';
import type { Acl } from '../../../protocols/zookeeper/records.ts';
import type { Clock } from '../../../support/clock.ts';
import type { Logger } from '../../../support/logger.ts';
import type { Network } from '../../../support/network.ts';
import { createScope } from '../../../support/scope.ts';
import type { EventBus } from '../events.ts';
import { createHealthManager } from '../health/manager.ts';
import { createProber } from '../health/probe.ts';
import { createReadiness } from '../health/readiness.ts';
import { createInstanceTracker, type InstanceTracker, isActive, isAway } from '../instances.ts';
import { createLaunchDelays, type LaunchDelays } from '../launch/delays.ts';
import { createOfferDemand } from '../launch/demand.ts';
import { createKiller, type Killer } from '../launch/killer.ts';
import { createLauncher, type Launcher } from '../launch/launcher.ts';
import { createLaunchQueue, type LaunchQueue } from '../launch/queue.ts';
import { createLaunchTokens } from '../launch/tokens.ts';
import type { Metrics } from '../metrics.ts';
import type { ModelConfig } from '../model/config.ts';
import { newInstanceId } from '../model/ids.ts';
import {
  type Goal,
  holdsNothing,
  type Instance,
  isReleasable,
  isTerminalCondition,
  launchOf,
  rescheduled,
} from '../model/instance.ts';
import { isPod, type RunSpec } from '../model/run-spec.ts';
import type { MarathonOptions } from '../options.ts';
import type { Driver } from '../scheduler/driver.ts';
import type { Masters } from '../scheduler/masters.ts';
import { createStateStore, emptyState, type LoadedState, loadState, type StateStore } from '../store/state.ts';
import { createStateWriter, type StateWriter } from '../store/writer.ts';
import { createStateReader, createWriterClient, takeOver } from '../store/zookeeper.ts';
import { announceHealthChecks, announceInstances } from './announcements.ts';
import { carryOut } from './backup.ts';
import { type Catalog, createCatalog } from './catalog.ts';
import { createDeployments, type Deployments } from './deployments.ts';
import { createFrameworkLink } from './framework.ts';
import { createGroups, type Groups } from './groups.ts';
import { createHousekeeping, type Housekeeping } from './housekeeping.ts';
import { createTaskUpdates, failureOf } from './task-updates.ts';

/** Everything that exists only while this instance leads. */
export interface LeaderSession {
  readonly catalog: Catalog;
  readonly tracker: InstanceTracker;
  readonly deployments: Deployments;
  readonly groups: Groups;
  readonly store: StateStore;
  readonly queue: LaunchQueue;
  readonly delays: LaunchDelays;
  readonly killer: Killer;
  readonly launcher: Launcher;
  readonly driver: Driver;
  readonly housekeeping: Housekeeping;
  readonly health: ReadonlyMap<string, readonly Health[]>;
  readonly config: ModelConfig;
  readonly frameworkId: string | undefined;
  /** Resolves when the framework has registered for the first time. */
  readonly registered: Promise<void>;
  lastFailure(appId: PathId): TaskFailure | undefined;
  readinessResults(appId: PathId): readonly ReadinessCheckResult[];
  /** Gives the instances up for good and ends their tasks; what was reserved for them is given back. */
  decommission(instanceIds: readonly string[]): void;
  /** Stops scheduling, then waits up to `lastWritesMs` for what was accepted but is not stored yet. */
  close(lastWritesMs: number): Promise<void>;
}

export interface LeaderSessionOptions {
  options: MarathonOptions;
  config: ModelConfig;
  client: ZooKeeperClient;
  acl: readonly Acl[];
  masters: () => Masters;
  /** The web address of this instance, for the framework's description. */
  webuiUrl: string;
  /** Unique among all leaders there ever were. */
  leaderId: string;
  events: EventBus;
  metrics: Metrics;
  network: Network;
  /** The time of apps. */
  clock: Clock;
  /** By which the silence of the master is judged. */
  connectionClock: Clock;
  random: () => number;
  log: Logger;
  /** The session can't go on: this instance must give up leading. */
  onFatal: (code: number, reason: string) => void;
}

/** Exit code of the original. */
const storageLost = 101;

/** Loads the state, takes over what runs and starts scheduling. @throws when the state can't be read */
export async function startLeaderSession(input: LeaderSessionOptions): Promise<LeaderSession> {
  const { options, config, client, events, metrics, network, clock, random, log } = input;
  const scope = createScope();
  const iso = () => new Date(clock.now()).toISOString();
  const base = `${options.zk.path}/state`;

  // Who leads the masters is found out meanwhile.
  const masters = input.masters();
  scope.defer(() => masters.close());
  const reader = createStateReader(client, base);
  const { taken, loaded } = await load().catch(async (error: unknown) => {
    await scope.close();
    throw error;
  });
  async function load(): Promise<{ taken: { version: number }; loaded: LoadedState }> {
    const taken = await takeOver(client, base, input.leaderId, input.acl);
    const loaded = taken.isNew ? emptyState(iso()) : await loadState(reader, iso());
    if (!loaded.runtime) return { taken, loaded };
    await carryOut(loaded.runtime, reader, () => writerFor(taken, loaded), log);
    return load();
  }
  function writerFor(taken: { version: number }, loaded: LoadedState): StateWriter {
    return createStateWriter({
      client: createWriterClient(client, input.acl),
      base,
      writerId: input.leaderId,
      existing: loaded.existing,
      writerVersion: taken.version,
      maxNodeSize: options.zkMaxNodeSize,
      compressFrom: options.zkCompression ? options.zkCompressionThreshold : undefined,
      log,
      onLost: (reason) => input.onFatal(storageLost, reason),
    });
  }
  const writer = writerFor(taken, loaded);
  scope.defer(() => writer.close());
  const store = createStateStore({
    writer,
    reader,
    loaded,
    maxVersions: options.zkMaxVersions,
    inUse: (id, version) =>
      id === '/'
        ? deployments.plans().some((plan) => plan.original.version === version || plan.target.version === version)
        : tracker.ofApp(id).some((instance) => instance.appVersion === version),
  });

  const catalog = createCatalog(loaded.root, loaded.definitions);
  const tracker = createInstanceTracker(loaded.instances, ({ before, after }) => {
    if (after) store.saveInstance(after);
    else if (before) store.removeInstance(before.id);
  });
  announceInstances(tracker, events);
  tracker.onChange(({ after }) => {
    // Nobody knows when its agent comes back; if it does, its task belongs to no instance and is ended then.
    if (after?.goal === 'Decommissioned' && isAway(after)) tracker.forget(after.id);
  });

  const failures = new Map<PathId, TaskFailure>(loaded.failures.map((failure) => [failure.appId, failure]));
  const saveFailure = (failure: TaskFailure) => {
    failures.set(failure.appId, failure);
    store.saveFailure(failure);
  };

  // What is launchable is looked at once a turn, after everything else that the turn brings.
  let started = false;
  let demandDue = false;
  let freshDemand = false;
  const reconsiderDemand = (fresh: boolean) => {
    freshDemand ||= fresh;
    if (demandDue) return;
    demandDue = true;
    queueMicrotask(() => {
      demandDue = false;
      const isFresh = freshDemand;
      freshDemand = false;
      if (!scope.closed) demand.update(launcher.wantedRoles(), isFresh);
    });
  };
  const delays = createLaunchDelays(clock, () => reconsiderDemand(true));
  scope.defer(() => delays.close());
  const tokens = createLaunchTokens(clock, options.launchTokens, options.launchTokenRefreshMs, () =>
    reconsiderDemand(true),
  );
  scope.defer(() => tokens.close());
  const queue = createLaunchQueue(tracker, iso, () => {
    if (started) reconsiderDemand(true);
  });
  tracker.onChange(({ before, after }) => {
    if (before?.condition === 'Scheduled' && after?.condition !== 'Scheduled') reconsiderDemand(false);
    if (after?.condition === 'Running' && before?.condition !== 'Running') tokens.giveBack();
    // Its place may be what a waiting instance needs.
    if (queue.size > 0 && before && isActive(before) && !(after && isActive(after))) reconsiderDemand(true);
    // What is reserved for it has to be offered to be given back, or to be used for what it waits for.
    const releasable = after !== undefined && isReleasable(after);
    const reserved = after?.condition === 'Scheduled' && after.reservation !== before?.reservation;
    if (releasable || reserved) reconsiderDemand(true);
    else if (before && isReleasable(before)) reconsiderDemand(false);
  });
  const demand = createOfferDemand({
    clock,
    minReviveMs: options.minReviveOffersMs,
    revive: (roles) => {
      metrics.count('mesos.calls.revive.counter');
      driver.revive(roles);
    },
    suppress: (roles) => {
      metrics.count('mesos.calls.suppress.counter');
      driver.suppress(roles);
    },
  });
  scope.defer(() => demand.close());

  const launcher = createLauncher({
    tracker,
    catalog,
    queue,
    delays,
    tokens,
    config,
    clock,
    random,
    log,
    maxInstancesPerOffer: options.maxInstancesPerOffer,
    declineOfferMs: options.declineOfferMs,
    maintenanceMode: options.maintenanceMode,
    drainingMs: options.drainingMs,
    principal: options.principal,
    stored: () => store.flushed(),
    accept: (offerId, operations, refuseSeconds) => {
      metrics.count('mesos.offers.used.counter');
      for (const { type } of operations)
        metrics.count(`mesos.offer-operations.${type.toLowerCase().replace('_', '-')}.counter`);
      return driver.accept(offerId, operations, refuseSeconds);
    },
    decline: (offerIds, refuseSeconds) => {
      metrics.count('mesos.offers.declined.counter', offerIds.length);
      driver.decline(offerIds, refuseSeconds);
    },
    onRefused: (instance, reason) => {
      const app = catalog.definitionOf(instance);
      const after: Instance = { ...instance, condition: 'Error', since: iso() };
      if (app) delays.note(app, 'Error');
      const task_id = { value: launchOf(instance) ?? instance.id };
      saveFailure(failureOf(after, { task_id, state: 'TASK_ERROR', message: reason }, iso()));
      tracker.put(after);
      if (instance.goal === 'Running') tracker.put({ ...rescheduled(after), since: iso() });
      else tracker.forget(instance.id);
    },
  });

  const killer = createKiller({
    tracker,
    clock,
    maxInFlight: options.killChunkSize,
    retryMs: options.killRetryMs,
    send: (taskId, agentId) => driver.kill(taskId, agentId),
    cancelLaunch: (instanceId) => launcher.cancel(instanceId),
  });
  scope.defer(() => killer.close());

  const startInstances = (app: RunSpec, count: number) => {
    // Those that were put to rest come first: they have their data.
    const resting = tracker
      .ofApp(app.id)
      .filter((instance) => instance.goal === 'Stopped' && instance.reservation && holdsNothing(instance))
      .slice(0, count);
    for (const instance of resting)
      tracker.put({ ...rescheduled(instance), goal: 'Running', appVersion: app.version, since: iso() });
    for (let i = resting.length; i < count; i++)
      tracker.put({
        id: newInstanceId(app.id, clock.now(), random),
        appId: app.id,
        appVersion: app.version,
        role: app.role,
        goal: 'Running',
        condition: 'Scheduled',
        since: iso(),
      });
  };
  const endInstances = (instanceIds: readonly string[], goalOf: (instance: Instance) => Goal) => {
    for (const id of instanceIds) {
      const instance = tracker.get(id);
      if (!instance) continue;
      const goal = goalOf(instance);
      if (instance.goal !== goal) tracker.put({ ...instance, goal });
      killer.kill(id);
    }
  };
  const decommission = (ids: readonly string[]) => endInstances(ids, () => 'Decommissioned');
  /** Too many or too old: what keeps data is put to rest, and may come back. */
  const retire = (ids: readonly string[]) =>
    endInstances(ids, ({ reservation }) => (reservation ? 'Stopped' : 'Decommissioned'));

  const prober = createProber(network);
  scope.defer(() => prober.close());
  const readiness = createReadiness(tracker, prober, clock, (appId) => deployments.touch(appId));
  scope.defer(() => readiness.close());
  const deployments = createDeployments({
    tracker,
    events,
    log,
    now: () => clock.now(),
    ready: () => readiness.ready,
    readinessResults: (appId) => readiness.results(appId),
    watchReadiness: (app, watch) => {
      if (!isPod(app)) readiness.watch(app, watch);
    },
    start: startInstances,
    decommission,
    retire,
    resetDelay: (app) => delays.reset(app),
    onStopped: (app) => {
      delays.reset(app);
      if (!isPod(app)) events.publish({ eventType: 'app_terminated_event', appId: app.id });
      if (failures.delete(app.id)) store.removeFailure(app.id);
    },
    onEnded: (plan) => {
      if (plan.steps.length > 0) store.removeDeployment(plan.id);
      catalog.prune(tracker.all());
    },
  });
  scope.defer(() => deployments.close());

  const health = createHealthManager({
    tracker,
    definitionOf(instance) {
      const spec = catalog.definitionOf(instance);
      return spec && !isPod(spec) ? spec : undefined;
    },
    prober,
    events,
    clock,
    random,
    onUnhealthy: (instance, cause) => {
      log.info('ending an unhealthy task', { instance: instance.id, cause });
      const slaveId = instance.placement?.agentId;
      events.publish({
        eventType: 'unhealthy_instance_kill_event',
        appId: instance.appId,
        taskId: instance.task?.id ?? '',
        instanceId: instance.id,
        version: instance.appVersion,
        reason: cause,
        host: instance.placement?.host ?? '',
        ...(slaveId === undefined ? {} : { slaveId }),
      });
      const status = {
        task_id: { value: launchOf(instance) ?? instance.id },
        state: 'TASK_KILLED' as const,
        message: `Task was killed since health check failed. Reason: ${cause}`,
      };
      saveFailure(failureOf(instance, status, iso()));
      killer.kill(instance.id);
    },
  });
  scope.defer(() => health.close());

  const updates = createTaskUpdates({
    tracker,
    catalog,
    events,
    clock,
    log,
    killStray: (taskId, agentId) => killer.killStray(taskId, agentId),
    noteDelay: (app, instance) => delays.note(app, instance.condition),
    onFailure: saveFailure,
    onMesosHealth: (instance, healthy, message) => health.fromMesos(instance, healthy, message),
  });

  const housekeeping = createHousekeeping({
    tracker,
    catalog,
    clock,
    log,
    isLocked: (appId) => deployments.ofApp(appId).length > 0,
    start: startInstances,
    decommission,
    retire,
    kill: (instanceId) => killer.kill(instanceId),
    scaleInitialMs: options.scaleAppsInitialMs,
    scaleMs: options.scaleAppsMs,
    taskLaunchMs: options.taskLaunchMs,
    taskLaunchConfirmMs: options.taskLaunchConfirmMs,
    taskReservationMs: options.taskReservationMs,
    expungeInitialMs: options.taskLostExpungeInitialMs,
    expungeMs: options.taskLostExpungeMs,
  });
  scope.defer(() => housekeeping.close());

  demand.update(launcher.wantedRoles(), false);
  const link = createFrameworkLink({
    options,
    config,
    masters,
    webuiUrl: input.webuiUrl,
    stored: loaded.framework,
    tracker,
    catalog,
    store,
    demand,
    events,
    metrics,
    network,
    clock,
    connectionClock: input.connectionClock,
    log,
    onOffers: (offers) => launcher.onOffers(offers),
    onUpdate: (status) => updates.handle(status),
    onSubscribed: () => killer.resend(),
    onFatal: input.onFatal,
  });
  const { driver } = link;
  scope.defer(() => link.close());

  const groups = createGroups({
    catalog,
    deployments,
    store,
    events,
    config,
    clock,
    random,
    maxRunningDeployments: options.maxRunningDeployments,
    onChanged: ({ changed, removed }) => {
      announceHealthChecks(events, changed, removed);
      link.appsChanged(changed);
    },
  });

  // Take over what the last leader left: deployments go on, ends that were begun are finished.
  started = true;
  for (const instance of [...tracker.all()]) {
    if (instance.goal === 'Decommissioned') killer.kill(instance.id);
    else if (instance.goal === 'Stopped' && !isTerminalCondition(instance.condition)) killer.kill(instance.id);
    else if (instance.goal === 'Running' && isTerminalCondition(instance.condition))
      tracker.put({ ...rescheduled(instance), since: iso() });
  }
  for (const plan of loaded.deployments) {
    deployments.add(plan);
    deployments.begin(plan.id);
  }
  reconsiderDemand(true);

  return {
    catalog,
    tracker,
    deployments,
    groups,
    store,
    queue,
    delays,
    killer,
    launcher,
    driver,
    housekeeping,
    health: health.results,
    config,
    registered: link.registered,
    get frameworkId() {
      return link.frameworkId;
    },
    lastFailure: (appId) => failures.get(appId),
    readinessResults: (appId) => readiness.results(appId),
    decommission,
    async close(lastWritesMs) {
      link.close();
      if (lastWritesMs > 0) {
        let cancel = () => {};
        const timeout = new Promise<void>((resolve) => {
          cancel = clock.after(lastWritesMs, resolve);
        });
        await Promise.race([store.flushed(), timeout]);
        cancel();
      }
      await scope.close();
    },
  };
}
