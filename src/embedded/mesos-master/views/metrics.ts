import { cpus, freemem, loadavg, totalmem } from 'node:os';
import { scalarOf } from '../../../protocols/mesos/resources.ts';
import type { TaskState } from '../../../protocols/mesos/types.ts';
import { offeredOf } from '../core/allocator.ts';
import type { Cluster } from '../core/model.ts';
import type { MasterFacts } from './identity.ts';

/** Counted where it happens; shown as 0 before. */
const counters = [
  ...['finished', 'failed', 'killed', 'lost', 'error', 'dropped', 'gone', 'gone_by_operator'].map(
    (state) => `master/tasks_${state}`,
  ),
  ...[
    'authenticate',
    'deactivate_framework',
    'decline_offers',
    'executor_to_framework',
    'exited_executor',
    'framework_to_executor',
    'kill_task',
    'launch_tasks',
    'reconcile_tasks',
    'register_framework',
    'register_slave',
    'reregister_framework',
    'reregister_slave',
    'resource_request',
    'revive_offers',
    'status_update',
    'status_update_acknowledgement',
    'suppress_offers',
    'unregister_framework',
    'unregister_slave',
    'update_slave',
  ].map((message) => `master/messages_${message}`),
  'master/dropped_messages',
  'master/invalid_executor_to_framework_messages',
  'master/invalid_framework_to_executor_messages',
  'master/invalid_status_update_acknowledgements',
  'master/invalid_status_updates',
  'master/recovery_slave_removals',
  'master/slave_registrations',
  'master/slave_removals',
  'master/slave_removals/reason_registered',
  'master/slave_removals/reason_unhealthy',
  'master/slave_removals/reason_unregistered',
  'master/slave_reregistrations',
  'master/slave_shutdowns_canceled',
  'master/slave_shutdowns_completed',
  'master/slave_shutdowns_scheduled',
  'master/slave_unreachable_canceled',
  'master/slave_unreachable_completed',
  'master/slave_unreachable_scheduled',
  'master/valid_executor_to_framework_messages',
  'master/valid_framework_to_executor_messages',
  'master/valid_status_update_acknowledgements',
  'master/valid_status_updates',
  'allocator/mesos/allocation_runs',
];

const activeStates: readonly TaskState[] = ['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING'];

/** GET /metrics/snapshot, sorted by name. @param cluster undefined while this master doesn't lead */
export function metricsView(
  cluster: Cluster | undefined,
  facts: MasterFacts,
  now: number,
  operatorStreams: number,
): Record<string, number> {
  const values: Record<string, number> = {
    ...systemMetrics(),
    'master/elected': cluster ? 1 : 0,
    'master/uptime_secs': Math.max(0, now - facts.startTime),
    'master/event_queue_messages': 0,
    'master/event_queue_dispatches': 0,
    'master/event_queue_http_requests': 0,
    'master/http_cache_hits': 0,
    'master/operator_event_stream_subscribers': operatorStreams,
    'registrar/queued_operations': 0,
    'registrar/registry_size_bytes': 0,
    'registrar/log/recovered': cluster ? 1 : 0,
    'allocator/event_queue_dispatches': 0,
    'allocator/mesos/event_queue_dispatches': 0,
  };
  for (const name of counters) values[name] = 0;
  for (const [name, value] of cluster?.counters ?? []) values[name] = value;
  Object.assign(values, agentMetrics(cluster), frameworkMetrics(cluster), resourceMetrics(cluster));
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function systemMetrics(): Record<string, number> {
  const [one = 0, five = 0, fifteen = 0] = loadavg();
  return {
    'system/cpus_total': cpus().length,
    'system/load_1min': one,
    'system/load_5min': five,
    'system/load_15min': fifteen,
    'system/mem_total_bytes': totalmem(),
    'system/mem_free_bytes': freemem(),
  };
}

function agentMetrics(cluster: Cluster | undefined): Record<string, number> {
  const agents = [...(cluster?.agents.values() ?? [])];
  return {
    'master/slaves_active': agents.filter((agent) => agent.active).length,
    'master/slaves_inactive': agents.filter((agent) => !agent.active).length,
    'master/slaves_connected': agents.filter((agent) => agent.connected).length,
    'master/slaves_disconnected': agents.filter((agent) => !agent.connected).length,
    'master/slaves_unreachable': cluster?.unreachableAgents.size ?? 0,
    'master/outstanding_offers': cluster?.offers.size ?? 0,
  };
}

function frameworkMetrics(cluster: Cluster | undefined): Record<string, number> {
  const frameworks = [...(cluster?.frameworks.values() ?? [])];
  const metrics: Record<string, number> = {
    'master/frameworks_active': frameworks.filter((framework) => framework.active).length,
    'master/frameworks_inactive': frameworks.filter((framework) => !framework.active).length,
    'master/frameworks_connected': frameworks.filter((framework) => framework.connected).length,
    'master/frameworks_disconnected': frameworks.filter((framework) => !framework.connected).length,
    'master/tasks_unreachable': 0,
  };
  for (const state of activeStates) metrics[taskGauge(state)] = 0;
  for (const framework of frameworks) {
    metrics['master/tasks_unreachable']! += framework.unreachableTasks.size;
    for (const task of framework.tasks.values())
      if (activeStates.includes(task.state)) metrics[taskGauge(task.state)]!++;
  }
  return metrics;
}

function taskGauge(state: TaskState): string {
  return `master/tasks_${state.slice('TASK_'.length).toLowerCase()}`;
}

function resourceMetrics(cluster: Cluster | undefined): Record<string, number> {
  const agents = [...(cluster?.agents.values() ?? [])];
  const metrics: Record<string, number> = {};
  for (const name of ['cpus', 'gpus', 'mem', 'disk']) {
    let total = 0;
    let used = 0;
    let offered = 0;
    for (const agent of agents) {
      total += scalarOf(agent.total, name);
      used += scalarOf(agent.used, name);
      offered += scalarOf(offeredOf(agent), name);
    }
    used = thousandths(used);
    metrics[`master/${name}_total`] = total;
    metrics[`master/${name}_used`] = used;
    metrics[`master/${name}_percent`] = total > 0 ? used / total : 0;
    for (const kind of ['total', 'used', 'percent']) metrics[`master/${name}_revocable_${kind}`] = 0;
    metrics[`allocator/mesos/resources/${name}/total`] = total;
    metrics[`allocator/mesos/resources/${name}/offered_or_allocated`] = thousandths(used + offered);
  }
  return metrics;
}

function thousandths(value: number): number {
  return Math.round(value * 1000) / 1000;
}
