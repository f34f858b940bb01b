import type { CheckInfo, HealthCheck } from '../../protocols/mesos/types.ts';
import type { Cancel, Clock } from '../../support/clock.ts';
import { systemCode } from '../../support/errors.ts';
import type { Environment } from './environment.ts';
import { type Health, healthSettings, judge } from './health.ts';
import { offNetwork, type ProbeResult, type Prober, type ProbeTarget } from './probe.ts';

/** A probe that ends this long after its time limit tells nothing. */
const lateProbeMs = 500;

/** A check that runs until it is stopped. */
export interface RunningCheck {
  stop(): void;
}

export interface CheckContext {
  prober: Prober;
  clock: Clock;
  /** What COMMAND checks run in. */
  environment: Environment;
  directory: string;
}

/**
 * Runs a health check.
 * @param last what is known of the task's health from before, when the agent was restarted; undefined: never healthy
 * @param runningForMs how long the task has been running already
 */
export function startHealthCheck(
  check: HealthCheck,
  context: CheckContext,
  start: { last: boolean | undefined; runningForMs: number },
  report: (healthy: boolean, kill: boolean) => void,
): RunningCheck | undefined {
  const target = healthTarget(check, context);
  if (!target) return undefined;
  const { clock, prober } = context;
  const settings = healthSettings(check);
  let health: Health = {
    graceUntil: clock.monotonic() - start.runningForMs + settings.graceMs,
    initializing: start.last === undefined,
    failures: start.last === false ? 1 : 0,
  };
  const delayMs = start.runningForMs > 0 ? 0 : settings.delayMs;
  return repeat(clock, delayMs, settings.intervalMs, async (signal) => {
    const began = clock.monotonic();
    const success = await prober
      .probe(target, settings.timeoutMs, signal)
      .then(isHealthy, (error) => (systemCode(error) === offNetwork ? undefined : false));
    if (signal.aborted || success === undefined) return;
    // This process did not run itself meanwhile (blocked, or the laptop slept), so the task is not to blame.
    if (!success && clock.monotonic() - began > settings.timeoutMs + lateProbeMs) return;
    const verdict = judge(health, success, clock.monotonic(), settings.maxFailures);
    health = verdict.health;
    if (verdict.healthy !== undefined) report(verdict.healthy, verdict.kill === true);
  });
}

function healthTarget(check: HealthCheck, context: CheckContext): ProbeTarget | undefined {
  const type = check.type ?? (check.http ? 'HTTP' : check.tcp ? 'TCP' : 'COMMAND');
  if (type === 'HTTP' && check.http)
    return {
      kind: 'http',
      scheme: check.http.scheme ?? 'http',
      port: check.http.port,
      path: check.http.path ?? '/',
    };
  if (type === 'TCP' && check.tcp) return { kind: 'tcp', port: check.tcp.port };
  if (type === 'COMMAND' && check.command) return { kind: 'command', command: check.command, ...context };
  return undefined;
}

function isHealthy(result: ProbeResult): boolean {
  switch (result.kind) {
    case 'command':
      return result.exitCode === 0;
    case 'http':
      return result.statusCode >= 200 && result.statusCode < 400;
    case 'tcp':
      return result.connected;
  }
}

/** The `check_status` of a task with a check; without a result there is only the type. */
export type CheckStatus = Record<string, unknown>;

export function emptyCheckStatus(check: CheckInfo): CheckStatus {
  const type = check.type ?? 'UNKNOWN';
  return { type, [type.toLowerCase()]: {} };
}

/** Runs a generic check, which only tells what it sees, and only when that changes. */
export function startCheck(
  check: CheckInfo,
  context: CheckContext,
  last: CheckStatus | undefined,
  report: (status: CheckStatus) => void,
): RunningCheck | undefined {
  const target = checkTarget(check, context);
  if (!target) return undefined;
  const { clock, prober } = context;
  const seconds = (value: number | undefined, otherwise: number) => (value ?? otherwise) * 1000;
  let shown = JSON.stringify(last ?? emptyCheckStatus(check));
  return repeat(clock, seconds(check.delay_seconds, 15), seconds(check.interval_seconds, 10), async (signal) => {
    const status = await prober.probe(target, seconds(check.timeout_seconds, 20), signal).then(
      (result) => toCheckStatus(result),
      (error) => (systemCode(error) === offNetwork ? undefined : emptyCheckStatus(check)),
    );
    if (signal.aborted || !status || JSON.stringify(status) === shown) return;
    shown = JSON.stringify(status);
    report(status);
  });
}

function checkTarget(check: CheckInfo, context: CheckContext): ProbeTarget | undefined {
  if (check.type === 'HTTP' && check.http)
    return { kind: 'http', scheme: 'http', port: check.http.port, path: check.http.path ?? '/' };
  if (check.type === 'TCP' && check.tcp) return { kind: 'tcp', port: check.tcp.port };
  if (check.type === 'COMMAND' && check.command) return { kind: 'command', command: check.command.command, ...context };
  return undefined;
}

function toCheckStatus(result: ProbeResult): CheckStatus {
  switch (result.kind) {
    case 'command':
      return { type: 'COMMAND', command: { exit_code: result.exitCode } };
    case 'http':
      return { type: 'HTTP', http: { status_code: result.statusCode } };
    case 'tcp':
      return { type: 'TCP', tcp: { succeeded: result.connected } };
  }
}

/** Runs `once` after a delay and then again and again, with a pause after each run. */
function repeat(
  clock: Clock,
  delayMs: number,
  intervalMs: number,
  once: (signal: AbortSignal) => Promise<void>,
): RunningCheck {
  const stopped = new AbortController();
  let cancel: Cancel = clock.after(delayMs, run);
  function run() {
    void once(stopped.signal).then(() => {
      if (!stopped.signal.aborted) cancel = clock.after(intervalMs, run);
    });
  }
  return {
    stop() {
      stopped.abort(new Error('the check was stopped'));
      cancel();
    },
  };
}
