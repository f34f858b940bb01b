import type { IpAddress, LocalVolumeId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { Attribute, TaskStatus } from '../../../protocols/mesos/types.ts';

/** What is wanted of an instance. `Stopped` keeps its reservation, `Decommissioned` lets it be forgotten. */
export type Goal = 'Running' | 'Stopped' | 'Decommissioned';

export type Condition =
  | 'Scheduled'
  | 'Provisioned'
  | 'Staging'
  | 'Starting'
  | 'Running'
  | 'Killing'
  | 'Unreachable'
  | 'UnreachableInactive'
  | 'Finished'
  | 'Failed'
  | 'Killed'
  | 'Error'
  | 'Dropped'
  | 'Gone'
  | 'Unknown';

/** Where an instance was placed, as its offer said. */
export interface Placement {
  readonly agentId: string;
  readonly host: string;
  readonly region?: string;
  readonly zone?: string;
  readonly attributes: readonly Attribute[];
}

/** The current incarnation of an instance's task. */
export interface InstanceTask {
  readonly id: string;
  /** In the order of the app's ports that have one; see `hostPortsByPort` of the launch. */
  readonly hostPorts: readonly number[];
  readonly stagedAt: Timestamp;
  readonly startedAt?: Timestamp;
  /** The last status Mesos reported. */
  readonly status?: TaskStatus;
  readonly ipAddresses: readonly IpAddress[];
}

/** The task of one container of a pod. */
export interface ContainerTask extends InstanceTask {
  /** Of the container. */
  readonly name: string;
}

/** What of an agent is kept for one instance, and nothing else, whether its task runs or not. */
export interface Reservation {
  readonly volumes: readonly LocalVolumeId[];
  /** When it was asked for; absent once it was seen in an offer. */
  readonly askedAt?: Timestamp;
}

/** One wanted copy of an app or a pod: plain data, kept in the store. */
export interface Instance {
  /** `shop_web.instance-<uuid>`. */
  readonly id: string;
  /** The path of the app or the pod. */
  readonly appId: string;
  /** Version of the app with which it was launched, or shall be. */
  readonly appVersion: Timestamp;
  readonly role: string;
  readonly goal: Goal;
  readonly condition: Condition;
  /** When `condition` became what it is. */
  readonly since: Timestamp;
  /** When the task was first seen running. */
  readonly activeSince?: Timestamp;
  /** Of the health checks that Mesos runs, or of Marathon's; absent when nothing is known. */
  readonly healthy?: boolean;
  /** When the agent became unreachable. */
  readonly unreachableSince?: Timestamp;
  readonly placement?: Placement;
  /** Of an app's instance. */
  readonly task?: InstanceTask;
  /** Of a pod's instance: one for each container, in the pod's order. */
  readonly containers?: readonly ContainerTask[];
  /** Only of an instance that keeps data. */
  readonly reservation?: Reservation;
}

const terminalConditions: ReadonlySet<Condition> = new Set([
  'Finished',
  'Failed',
  'Killed',
  'Error',
  'Dropped',
  'Gone',
  'Unknown',
]);

/** Whether the instance's task has ended for good. */
export function isTerminalCondition(condition: Condition): boolean {
  return terminalConditions.has(condition);
}

/** Whether the instance has no task that could still be running: it waits for an offer, or its task has ended. */
export function holdsNothing(instance: Instance): boolean {
  return instance.condition === 'Scheduled' || isTerminalCondition(instance.condition);
}

/** All tasks of the instance. */
export function tasksOf(instance: Instance): readonly InstanceTask[] {
  if (instance.containers) return instance.containers;
  return instance.task ? [instance.task] : [];
}

/** What tells launches of one instance apart: the id of its first task. */
export function launchOf(instance: Instance): string | undefined {
  return tasksOf(instance)[0]?.id;
}

/** Whether the instance's resources are to be given back: nobody wants it, and nothing of it runs. */
export function isReleasable(instance: Instance): boolean {
  return instance.reservation !== undefined && instance.goal === 'Decommissioned' && holdsNothing(instance);
}

/** The instance waiting for its next task; the last one is kept for its number. */
export function rescheduled(instance: Instance): Instance {
  const { healthy: _h, activeSince: _a, unreachableSince: _u, ...kept } = instance;
  return { ...kept, condition: 'Scheduled' };
}
