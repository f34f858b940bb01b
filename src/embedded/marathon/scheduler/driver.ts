import type {
  FrameworkInfo,
  MasterInfo,
  Offer,
  OfferOperation,
  SchedulerCall,
  SchedulerEvent,
  TaskStatus,
} from '../../../protocols/mesos/types.ts';
import type { Clock } from '../../../support/clock.ts';
import { messageOf } from '../../../support/errors.ts';
import type { Logger } from '../../../support/logger.ts';
import type { Network } from '../../../support/network.ts';
import { NotSentError, openSubscription, SchedulerCallError, type Subscription } from './connection.ts';
import type { Masters } from './masters.ts';

export interface DriverOptions {
  masters: Masters;
  network: Network;
  clock: Clock;
  log: Logger;
  heartbeatFailureThreshold: number;
  /** Asked anew for every subscription; carries the id once there is one. */
  framework: () => FrameworkInfo;
  suppressedRoles: () => string[];
  onSubscribed: (frameworkId: string, master: MasterInfo | undefined) => void;
  onDisconnected: (reason: string) => void;
  onOffers: (offers: readonly Offer[]) => void;
  onUpdate: (status: TaskStatus) => void;
  onMessage: (message: { agentId: string; executorId: string; data: Buffer }) => void;
  onFailure: (failure: { agentId?: string; executorId?: string }) => void;
  /** The master has no more use for this framework: `message` says why. */
  onError: (message: string) => void;
}

/** Keeps a framework subscribed at the leading master, whichever that is. */
export interface Driver {
  readonly connected: boolean;
  /** `host:port` of the master it is subscribed at. */
  readonly master: string | undefined;
  accept(offerId: string, operations: OfferOperation[], refuseSeconds: number): Promise<void>;
  decline(offerIds: string[], refuseSeconds: number | undefined): void;
  revive(roles: string[]): void;
  suppress(roles: string[]): void;
  kill(taskId: string, agentId: string | undefined): void;
  acknowledge(status: TaskStatus): void;
  reconcile(tasks: { taskId: string; agentId: string | undefined }[]): void;
  /** Tells the master of a changed framework; subscribes anew where it can't be told. */
  updateFramework(): void;
  /** Ends the subscription; the framework stays known to the master. */
  close(): void;
}

const firstRetryMs = 20;
const maxRetryMs = 1000;

export function createDriver(options: DriverOptions): Driver {
  const { masters, clock, log } = options;
  let subscription: Subscription | undefined;
  let subscribed = false;
  let connecting = false;
  let retryMs = firstRetryMs;
  let cancelRetry: (() => void) | undefined;
  let closed = false;
  /** Resolves when the last launch was answered: a kill must not overtake it. */
  let lastAccept: Promise<unknown> = Promise.resolve();
  let accepting = 0;

  const connect = () => {
    cancelRetry?.();
    cancelRetry = undefined;
    const master = masters.leader;
    if (closed || subscription || connecting || master === undefined) return;
    connecting = true;
    let current: Subscription | undefined;
    let endedEarly: string | undefined;
    openSubscription({
      master,
      framework: options.framework(),
      suppressedRoles: options.suppressedRoles(),
      heartbeatFailureThreshold: options.heartbeatFailureThreshold,
      network: options.network,
      clock,
      log,
      onEvent: (event) => {
        if (!closed && (current === undefined || current === subscription)) handle(event);
      },
      onClosed: (reason) => {
        if (current === undefined) endedEarly = reason;
        else if (current === subscription) disconnected(reason);
      },
    }).then(
      (opened) => {
        connecting = false;
        current = opened;
        if (closed) return opened.close();
        subscription = opened;
        if (endedEarly !== undefined) return disconnected(endedEarly);
        // A newer leader may have appeared meanwhile.
        if (masters.leader !== undefined && masters.leader !== master) leaderChanged();
      },
      (error: unknown) => {
        connecting = false;
        if (closed) return;
        log.debug('subscribing failed', { master, error: messageOf(error) });
        masters.failed();
        retryLater();
      },
    );
  };

  const retryLater = () => {
    if (closed || cancelRetry) return;
    cancelRetry = clock.after(retryMs, connect);
    retryMs = Math.min(retryMs * 2, maxRetryMs);
  };

  const disconnected = (reason: string) => {
    subscription?.close();
    subscription = undefined;
    if (subscribed) {
      subscribed = false;
      log.warn('disconnected from the master', { reason });
      options.onDisconnected(reason);
    }
    // At once when a leader is known: the old one may just have been replaced.
    retryLater();
  };

  const leaderChanged = () => {
    retryMs = firstRetryMs;
    const leader = masters.leader;
    if (leader === undefined) return;
    if (subscription && subscription.master !== leader) disconnected(`${leader} leads now`);
    connect();
  };
  const stopFollowing = masters.onChange(leaderChanged);

  const handle = (event: SchedulerEvent) => {
    switch (event.type) {
      case 'SUBSCRIBED':
        subscribed = true;
        retryMs = firstRetryMs;
        // Listeners make calls, for which the subscription must be in place.
        queueMicrotask(() => {
          if (closed || !subscribed) return;
          options.onSubscribed(event.subscribed.framework_id.value, event.subscribed.master_info);
        });
        return;
      case 'OFFERS':
        return queueMicrotask(() => !closed && options.onOffers(event.offers.offers));
      case 'UPDATE':
        return queueMicrotask(() => !closed && options.onUpdate(event.update.status));
      case 'MESSAGE':
        return options.onMessage({
          agentId: event.message.agent_id.value,
          executorId: event.message.executor_id.value,
          data: Buffer.from(event.message.data, 'base64'),
        });
      case 'FAILURE':
        return options.onFailure({
          ...(event.failure.agent_id ? { agentId: event.failure.agent_id.value } : {}),
          ...(event.failure.executor_id ? { executorId: event.failure.executor_id.value } : {}),
        });
      case 'ERROR':
        return options.onError(event.error.message);
      default:
        return;
    }
  };

  const call = async (content: SchedulerCall): Promise<void> => {
    const current = subscription;
    if (!current) throw new NotSentError('not subscribed at a master');
    try {
      await current.call(content);
    } catch (error) {
      const refused = error instanceof SchedulerCallError;
      // The master takes this framework for unsubscribed, or does not lead any more: only a new subscription helps.
      if (
        refused &&
        (error.status === 403 || error.status === 307 || /[Ss]tream ID|cannot be found/.test(error.message))
      )
        if (current === subscription) disconnected(error.message);
      throw error;
    }
  };
  const tell = (content: SchedulerCall) => {
    if (!subscription) return;
    call(content).catch((error: unknown) => {
      // Everything of the kind is made up for after the next subscription.
      if (!(error instanceof NotSentError)) log.warn('call failed', { type: content.type, error: messageOf(error) });
    });
  };

  connect();
  return {
    get connected() {
      return subscribed;
    },
    get master() {
      return subscription?.master;
    },
    accept(offerId, operations, refuseSeconds) {
      const answered = call({
        type: 'ACCEPT',
        accept: { offer_ids: [{ value: offerId }], operations, filters: { refuse_seconds: refuseSeconds } },
      });
      accepting++;
      lastAccept = Promise.allSettled([lastAccept, answered]).finally(() => accepting--);
      return answered;
    },
    decline: (offerIds, refuseSeconds) =>
      tell({
        type: 'DECLINE',
        decline: {
          offer_ids: offerIds.map((value) => ({ value })),
          ...(refuseSeconds === undefined ? {} : { filters: { refuse_seconds: refuseSeconds } }),
        },
      }),
    revive: (roles) => tell({ type: 'REVIVE', revive: { roles } }),
    suppress: (roles) => tell({ type: 'SUPPRESS', suppress: { roles } }),
    kill(taskId, agentId) {
      const content: SchedulerCall = {
        type: 'KILL',
        kill: { task_id: { value: taskId }, ...(agentId === undefined ? {} : { agent_id: { value: agentId } }) },
      };
      if (accepting === 0) tell(content);
      else void lastAccept.then(() => tell(content));
    },
    acknowledge(status) {
      if (status.uuid === undefined || !status.agent_id) return;
      tell({
        type: 'ACKNOWLEDGE',
        acknowledge: { agent_id: status.agent_id, task_id: status.task_id, uuid: status.uuid },
      });
    },
    reconcile: (tasks) =>
      tell({
        type: 'RECONCILE',
        reconcile: {
          tasks: tasks.map(({ taskId, agentId }) => ({
            task_id: { value: taskId },
            ...(agentId === undefined ? {} : { agent_id: { value: agentId } }),
          })),
        },
      }),
    updateFramework() {
      if (!subscribed) return;
      call({
        type: 'UPDATE_FRAMEWORK',
        update_framework: { framework_info: options.framework(), suppressed_roles: options.suppressedRoles() },
      }).catch((error: unknown) => {
        log.info('subscribing again with changed roles', { reason: messageOf(error) });
        disconnected('the framework has changed');
      });
    },
    close() {
      closed = true;
      cancelRetry?.();
      stopFollowing();
      subscription?.close();
    },
  };
}
