import type { IpAddress, Timestamp } from '../../../protocols/marathon/types.ts';
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

/** One wanted copy of an app: plain data, kept in the store. */
export interface Instance {
  /** `shop_web.instance-<uuid>`. */
  readonly id: string;
  /** The app's path. */
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
  readonly task?: InstanceTask;
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

/** Whether the instance has no task that could still be running: it waits for an offer, or its task has ended. */
export function holdsNothing(instance: Instance): boolean {
  return instance.condition === 'Scheduled' || terminalConditions.has(instance.condition);
}
