import type { TaskFailure } from '../../../protocols/marathon/types.ts';
import { isTerminal, type TaskStatus } from '../../../protocols/mesos/types.ts';
import type { Clock } from '../../../support/clock.ts';
import type { Logger } from '../../../support/logger.ts';
import type { EventBus } from '../events.ts';
import type { InstanceTracker } from '../instances.ts';
import { parseTaskId } from '../model/ids.ts';
import { type Instance, type InstanceTask, isTerminalCondition, rescheduled, tasksOf } from '../model/instance.ts';
import { isPod, type PodDefinition, type RunSpec } from '../model/run-spec.ts';
import type { Catalog } from './catalog.ts';
import { conditionOf, conditionOfTasks, ipAddressesOf, isFailure } from './status.ts';

export interface TaskUpdatesOptions {
  tracker: InstanceTracker;
  catalog: Catalog;
  events: EventBus;
  clock: Clock;
  log: Logger;
  killStray: (taskId: string, agentId: string | undefined) => void;
  noteDelay: (spec: RunSpec, instance: Instance) => void;
  onFailure: (failure: TaskFailure) => void;
  /** A task of an app with a health check that Mesos runs was judged. */
  onMesosHealth: (instance: Instance, healthy: boolean, message: string | undefined) => void;
}

/** What statuses of Mesos do to instances. */
export interface TaskUpdates {
  handle(status: TaskStatus): void;
  /** Treats the instance as if its task had ended with `status`, as when a launch was refused. */
  readonly handled: number;
}

export function createTaskUpdates(options: TaskUpdatesOptions): TaskUpdates {
  const { tracker, catalog, events, clock, log } = options;
  const iso = (ms: number) => new Date(ms).toISOString();
  let handled = 0;

  const stray = (status: TaskStatus, instanceId: string | undefined, appId: string | undefined) => {
    const taskId = status.task_id.value;
    if (!isTerminal(status.state) && status.state !== 'TASK_UNKNOWN' && status.state !== 'TASK_UNREACHABLE') {
      log.warn('killing a task that belongs to no instance', { task: taskId, state: status.state });
      options.killStray(taskId, status.agent_id?.value);
    } else if (instanceId !== undefined && appId !== undefined)
      events.publish({
        eventType: 'unknown_instance_terminated_event',
        instanceId,
        runSpecId: appId,
        condition: conditionOf(status),
      });
  };

  /** Nothing of the instance runs any more. */
  const ended = (after: Instance, before: Instance, status: TaskStatus) => {
    if (after.goal !== 'Running' && after.reservation) return;
    // One that was given up as unreachable has its replacement already.
    if (after.goal !== 'Running' || before.condition === 'UnreachableInactive') return tracker.forget(after.id);
    const next = { ...rescheduled(after), since: iso(clock.now()) };
    if (status.state !== 'TASK_GONE_BY_OPERATOR' || !after.reservation) return tracker.put(next);
    // The agent is gone for good, and what it kept with it.
    const { reservation: _r, placement: _p, ...free } = next;
    tracker.put(free);
  };

  return {
    handle(status) {
      handled++;
      const taskId = status.task_id.value;
      const parsed = parseTaskId(taskId);
      const instance = parsed && tracker.get(parsed.instanceId);
      const task = instance && tasksOf(instance).find(({ id }) => id === taskId);
      if (!instance || !task || isTerminalCondition(instance.condition) || instance.condition === 'Scheduled')
        return stray(status, parsed?.instanceId, parsed?.appId);
      // What a container of a pod has come to is its last word; reconciliation repeats it.
      if (instance.containers && task.status && isTerminalCondition(conditionOf(task.status))) return;

      const now = clock.now();
      const spec = catalog.definitionOf(instance);
      const addresses = ipAddressesOf(status);
      const healthyTask = status.healthy ?? task.status?.healthy;
      const startedAt =
        task.startedAt ?? (status.state === 'TASK_RUNNING' ? iso(secondsToMs(status.timestamp) ?? now) : undefined);
      const updated: InstanceTask = {
        ...task,
        ...(startedAt ? { startedAt } : {}),
        // Reconciliation repeats a status without what the executor had added to it.
        status: instance.containers && healthyTask !== undefined ? { ...status, healthy: healthyTask } : status,
        ipAddresses: addresses.length > 0 ? addresses : task.ipAddresses,
      };
      const containers = instance.containers?.map((one) => (one.id === taskId ? { ...one, ...updated } : one));
      let condition = containers ? conditionOfTasks(containers) : conditionOf(status);
      if (condition === 'Unreachable') {
        const strategy = spec?.unreachableStrategy;
        const becomesInactive = instance.condition === 'UnreachableInactive';
        if (becomesInactive || (strategy && strategy !== 'disabled' && strategy.inactiveAfterSeconds <= 0))
          condition = 'UnreachableInactive';
      }
      const running = condition === 'Running';
      const { unreachableSince, ...kept } = instance;
      const unreachable = condition === 'Unreachable' || condition === 'UnreachableInactive';
      const healthy = containers
        ? spec && isPod(spec)
          ? healthOfContainers(spec, containers)
          : undefined
        : (status.healthy ?? instance.healthy);
      const after: Instance = {
        ...kept,
        condition,
        since: condition === instance.condition ? instance.since : iso(now),
        ...(running && !instance.activeSince ? { activeSince: startedAt ?? iso(now) } : {}),
        ...(healthy === undefined ? {} : { healthy }),
        ...(unreachable ? { unreachableSince: unreachableSince ?? unreachableAt(status, now) } : {}),
        ...(containers ? { containers } : { task: updated }),
      };
      const repeated =
        condition === instance.condition &&
        task.status?.state === status.state &&
        (status.healthy === undefined || status.healthy === (containers ? task.status.healthy : instance.healthy));
      if (!repeated) {
        events.publish({
          eventType: 'status_update_event',
          slaveId: status.agent_id?.value ?? instance.placement?.agentId ?? '',
          taskId,
          taskStatus: status.state,
          message: status.message ?? '',
          appId: instance.appId,
          host: instance.placement?.host ?? '',
          ipAddresses: updated.ipAddresses,
          ports: task.hostPorts,
          version: instance.appVersion,
        });
        if (status.healthy !== undefined && !containers) options.onMesosHealth(after, status.healthy, status.message);
      }
      // A launch that never got through is nothing that the app could be blamed for.
      const neverLaunched = instance.condition === 'Provisioned' && status.reason === 'REASON_RECONCILIATION';
      if (spec && condition !== instance.condition && !neverLaunched) options.noteDelay(spec, after);
      if (isFailure(status) && !repeated && !neverLaunched) options.onFailure(failureOf(after, status, iso(now)));
      if (!repeated) tracker.put(after);
      if (isTerminalCondition(condition)) ended(after, instance, status);
    },
    get handled() {
      return handled;
    },
  };
}

/** Of the containers that have a health check and have not ended; undefined while one was not judged yet. */
function healthOfContainers(pod: PodDefinition, tasks: NonNullable<Instance['containers']>): boolean | undefined {
  const checked = new Set(pod.containers.flatMap(({ name, healthCheck }) => (healthCheck ? [name] : [])));
  const judged = tasks.filter(({ name, status }) => checked.has(name) && !(status && isTerminal(status.state)));
  if (judged.some(({ status }) => status?.healthy === false)) return false;
  return judged.length > 0 && judged.every(({ status }) => status?.healthy === true) ? true : undefined;
}

export function failureOf(instance: Instance, status: TaskStatus, timestamp: string): TaskFailure {
  const slaveId = status.agent_id?.value ?? instance.placement?.agentId;
  return {
    appId: instance.appId,
    host: instance.placement?.host ?? '',
    message: status.message ?? '',
    state: status.state,
    taskId: status.task_id.value,
    timestamp,
    version: instance.appVersion,
    ...(slaveId === undefined ? {} : { slaveId }),
  };
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000);
}

function unreachableAt(status: TaskStatus, now: number): string {
  const nanoseconds = status.unreachable_time?.nanoseconds;
  return new Date(nanoseconds ? nanoseconds / 1e6 : now).toISOString();
}
