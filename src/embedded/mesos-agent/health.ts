import type { HealthCheck } from '../../protocols/mesos/types.ts';

/** A health check as it stands between two probes. Times are milliseconds of the monotonic clock. */
export interface Health {
  /** Failures before it do not count, until the first success. */
  graceUntil: number;
  /** No success yet. */
  initializing: boolean;
  failures: number;
}

export interface HealthVerdict {
  health: Health;
  /** To be told to the framework; absent when nothing new is to be said. */
  healthy?: boolean;
  /** The task is to be killed. */
  kill?: boolean;
}

export interface HealthSettings {
  delayMs: number;
  intervalMs: number;
  timeoutMs: number;
  graceMs: number;
  maxFailures: number;
}

/** The settings of a check with the defaults of its protobuf. */
export function healthSettings(check: HealthCheck): HealthSettings {
  return {
    delayMs: (check.delay_seconds ?? 15) * 1000,
    intervalMs: (check.interval_seconds ?? 10) * 1000,
    timeoutMs: (check.timeout_seconds ?? 20) * 1000,
    graceMs: (check.grace_period_seconds ?? 10) * 1000,
    maxFailures: check.consecutive_failures ?? 3,
  };
}

/**
 * Takes one probe's result in. Success is told at first and after a failure, failure every time; failures are silent
 * before the first success and within the grace period.
 * Source: src/checks/health_checker.cpp of Apache Mesos.
 */
export function judge(health: Health, success: boolean, now: number, maxFailures: number): HealthVerdict {
  if (success) {
    const news = health.initializing || health.failures > 0;
    return {
      health: { ...health, initializing: false, failures: 0 },
      ...(news ? { healthy: true } : {}),
    };
  }
  if (health.initializing && now <= health.graceUntil) return { health };
  const failures = health.failures + 1;
  return { health: { ...health, failures }, healthy: false, ...(failures >= maxFailures ? { kill: true } : {}) };
}
