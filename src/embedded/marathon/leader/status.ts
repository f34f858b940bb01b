import type { IpAddress } from '../../../protocols/marathon/types.ts';
import type { TaskStatus } from '../../../protocols/mesos/types.ts';
import { type Condition, type InstanceTask, isTerminalCondition } from '../model/instance.ts';

/** Reasons for which a lost task may still be running somewhere. */
const mayComeBack = new Set([
  'REASON_RECONCILIATION',
  'REASON_SLAVE_DISCONNECTED',
  'REASON_SLAVE_REMOVED',
  'REASON_AGENT_DISCONNECTED',
  'REASON_AGENT_REMOVED',
]);

/** The condition that a status of Mesos puts an instance into. Source: core/task/state of Marathon. */
export function conditionOf(status: TaskStatus): Condition {
  switch (status.state) {
    case 'TASK_STAGING':
      return 'Staging';
    case 'TASK_STARTING':
      return 'Starting';
    case 'TASK_RUNNING':
      return 'Running';
    case 'TASK_KILLING':
      return 'Killing';
    case 'TASK_FINISHED':
      return 'Finished';
    case 'TASK_FAILED':
      return 'Failed';
    case 'TASK_KILLED':
      return 'Killed';
    case 'TASK_ERROR':
      return 'Error';
    case 'TASK_DROPPED':
      return 'Dropped';
    case 'TASK_GONE':
    case 'TASK_GONE_BY_OPERATOR':
      return 'Gone';
    case 'TASK_UNREACHABLE':
      return 'Unreachable';
    case 'TASK_UNKNOWN':
      return 'Unknown';
    case 'TASK_LOST':
      if (status.reason === 'REASON_TASK_UNKNOWN') return 'Unknown';
      return mayComeBack.has(status.reason ?? '') ? 'Unreachable' : 'Gone';
    default:
      // A state that a later Mesos may add says nothing about the task's end.
      return 'Unknown';
  }
}

/** Which condition of its containers a pod's instance has: the first of these that there is. */
const order: readonly Condition[] = [
  'Error',
  'Failed',
  'Gone',
  'Dropped',
  'Unreachable',
  'Killing',
  'Starting',
  'Staging',
  'Unknown',
  'Provisioned',
  'Running',
  'Finished',
  'Killed',
];

/**
 * The condition of a pod's instance. While any container runs, those that have ended don't count: the instance is over
 * when all of them are. Source: Instance.InstanceState of Marathon, which calls an instance failed with its first
 * container.
 */
export function conditionOfTasks(tasks: readonly InstanceTask[]): Condition {
  const all = tasks.map(({ status }): Condition => (status ? conditionOf(status) : 'Provisioned'));
  const going = all.filter((condition) => !isTerminalCondition(condition));
  const counted = new Set(going.length > 0 ? going : all);
  return order.find((condition) => counted.has(condition)) ?? 'Unknown';
}

const failures = new Set([
  'TASK_FAILED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNKNOWN',
]);

/** Whether the status is kept as the app's last failure. */
export function isFailure(status: TaskStatus): boolean {
  return failures.has(status.state);
}

/** The addresses of the task's container, as its executor reported them. */
export function ipAddressesOf(status: TaskStatus): IpAddress[] {
  const addresses: IpAddress[] = [];
  for (const network of status.container_status?.network_infos ?? [])
    for (const { ip_address, protocol } of network.ip_addresses ?? [])
      if (ip_address) addresses.push({ ipAddress: ip_address, protocol: protocol ?? 'IPv4' });
  return addresses;
}
