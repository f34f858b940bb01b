import type { ContainerStatistics } from '../statistics.ts';
import type { EngineStats } from './engine.ts';

/** What a container uses, as the engine measures it in its control groups (version 1 or 2). */
export function usageOf(stats: EngineStats): Partial<ContainerStatistics> {
  const cpu = stats.cpu_stats?.cpu_usage;
  const memory = stats.memory_stats;
  const rss = memory?.stats?.rss ?? memory?.stats?.anon ?? memory?.usage;
  const seconds = (nanoseconds: number | undefined) => (nanoseconds ?? 0) / 1e9;
  return {
    ...(cpu
      ? {
          cpus_system_time_secs: seconds(cpu.usage_in_kernelmode),
          cpus_user_time_secs: seconds(cpu.usage_in_usermode),
        }
      : {}),
    ...(rss === undefined ? {} : { mem_rss_bytes: rss }),
  };
}
