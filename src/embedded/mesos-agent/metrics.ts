import { cpus, freemem, loadavg, totalmem } from 'node:os';
import { scalarOf } from '../../protocols/mesos/resources.ts';
import type { Resource } from '../../protocols/mesos/types.ts';
import { type Books, executorsOf, stateOf, tasksOf } from './books.ts';
import { allocatedResources } from './state-view.ts';
import type { TaskCounters } from './tasks.ts';

export interface MetricsSource {
  books: Books;
  resources: readonly Resource[];
  counters: TaskCounters;
  registered: boolean;
  uptimeMs: number;
  recoveryMs: number;
  maxSandboxAgeMs: number;
  gc: { pending: number; succeeded: number; failed: number };
  fetcher: { succeeded: number; failed: number; cacheBytes: number };
  fetcherCacheBytes: number;
}

/** GET /metrics/snapshot: flat names and numbers. Source: docs/monitoring.md of Apache Mesos, and a recorded answer. */
export function metricsView(source: MetricsSource): Record<string, number> {
  const { books, counters } = source;
  const executors = [...executorsOf(books)];
  const completed = [...books.frameworks.values(), ...books.completedFrameworks];
  const inState = (state: string) => [...tasksOf(books)].filter((task) => stateOf(task) === state).length;
  const [load1 = 0, load5 = 0, load15 = 0] = loadavg();
  return {
    'containerizer/fetcher/cache_size_total_bytes': source.fetcherCacheBytes,
    'containerizer/fetcher/cache_size_used_bytes': source.fetcher.cacheBytes,
    'containerizer/fetcher/task_fetches_failed': source.fetcher.failed,
    'containerizer/fetcher/task_fetches_succeeded': source.fetcher.succeeded,
    'containerizer/mesos/container_destroy_errors': 0,
    'gc/path_removals_failed': source.gc.failed,
    'gc/path_removals_pending': source.gc.pending,
    'gc/path_removals_succeeded': source.gc.succeeded,
    'resource_provider_manager/subscribed': 0,
    'slave/container_launch_errors': counters.launchErrors,
    ...resourceMetrics(books, source.resources),
    'slave/executor_directory_max_allowed_age_secs': source.maxSandboxAgeMs / 1000,
    'slave/executors_preempted': 0,
    'slave/executors_registering': executors.filter((e) => e.endedAt === undefined && e.tasks.size === 0).length,
    'slave/executors_running': executors.filter((e) => e.endedAt === undefined && e.tasks.size > 0).length,
    'slave/executors_terminated': completed.reduce((sum, framework) => sum + framework.completedExecutors.length, 0),
    'slave/executors_terminating': executors.filter((e) => e.endedAt !== undefined).length,
    'slave/frameworks_active': books.frameworks.size,
    'slave/invalid_framework_messages': 0,
    'slave/invalid_status_updates': 0,
    'slave/recovery_errors': 0,
    'slave/recovery_time_secs': source.recoveryMs / 1000,
    'slave/registered': source.registered ? 1 : 0,
    'slave/tasks_failed': counters.failed,
    'slave/tasks_finished': counters.finished,
    'slave/tasks_gone': counters.gone,
    'slave/tasks_killed': counters.killed,
    'slave/tasks_killing': inState('TASK_KILLING'),
    'slave/tasks_lost': counters.lost,
    'slave/tasks_running': inState('TASK_RUNNING'),
    'slave/tasks_staging': inState('TASK_STAGING'),
    'slave/tasks_starting': inState('TASK_STARTING'),
    'slave/uptime_secs': source.uptimeMs / 1000,
    'slave/valid_framework_messages': 0,
    'slave/valid_status_updates': counters.updates,
    'system/cpus_total': cpus().length,
    'system/load_15min': load15,
    'system/load_1min': load1,
    'system/load_5min': load5,
    'system/mem_free_bytes': freemem(),
    'system/mem_total_bytes': totalmem(),
  };
}

function resourceMetrics(books: Books, resources: readonly Resource[]): Record<string, number> {
  const metrics: Record<string, number> = {};
  const used = allocatedResources(books);
  for (const name of ['cpus', 'disk', 'gpus', 'mem']) {
    for (const [suffix, revocable] of [
      ['', false],
      ['_revocable', true],
    ] as const) {
      const kind = (resource: Resource) => (resource.revocable !== undefined) === revocable;
      const total = scalarOf(resources.filter(kind), name);
      const taken = scalarOf(used.filter(kind), name);
      metrics[`slave/${name}${suffix}_total`] = total;
      metrics[`slave/${name}${suffix}_used`] = taken;
      metrics[`slave/${name}${suffix}_percent`] = total === 0 ? 0 : taken / total;
    }
  }
  return metrics;
}
