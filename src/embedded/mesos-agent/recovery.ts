import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { readTaskRecord } from '../../protocols/mesos/task-processes.ts';
import type { TaskRecord } from '../../protocols/mesos/task-record.ts';
import type { Clock } from '../../support/clock.ts';
import type { Logger } from '../../support/logger.ts';
import { isAlive, signalPid } from '../../support/process.ts';
import { membersOf } from '../../support/process-tree.ts';
import { sleep } from '../../support/retry.ts';
import { type ExecutorBook, executorsOf, type FrameworkBook, hasCapability, isDone, type TaskBook } from './books.ts';
import type { Containers } from './containers.ts';
import type { CustomExecutors } from './custom-executors.ts';
import type { DockerContainerizer } from './docker/index.ts';
import { endingOf } from './endings.ts';
import type { Journal } from './journal.ts';
import { containerStatusOf } from './naming.ts';
import type { ProcessScans } from './scans.ts';
import type { TaskUpdate } from './task-run.ts';
import { nestedOf, type Tasks } from './tasks.ts';

export interface RecoveryOptions {
  journal: Journal;
  tasks: Tasks;
  custom: CustomExecutors;
  containers: Containers;
  scans: ProcessScans;
  workDir: string;
  clock: Clock;
  log: Logger;
  ip: string;
  reregistrationTimeoutMs: number;
  executorEnded: (executor: ExecutorBook, status: number) => void;
  docker: DockerContainerizer | undefined;
}

/**
 * Brings the books of the last agent in line with what really runs: tasks that still run are adopted, those that ended
 * meanwhile are reported by their records, what nobody can tell about is reported gone, and the tasks of frameworks
 * without checkpoints, which have no right to outlive their agent, are ended.
 * Source: docs/agent-recovery.md of Apache Mesos.
 */
export async function recover(options: RecoveryOptions): Promise<void> {
  const { journal, log } = options;
  const boot = bootId();
  const rebooted = boot !== undefined && journal.books.boot !== undefined && boot !== journal.books.boot;
  if (boot !== undefined && boot !== journal.books.boot) journal.record({ k: 'boot', id: boot });
  const frameworks = [...journal.books.frameworks.values()];
  const startedAt = options.clock.monotonic();
  await endStrangers(options);
  if (frameworks.length === 0) return;
  await Promise.all(frameworks.map((framework) => recoverFramework(framework, rebooted, options)));
  log.info('recovered', { frameworks: frameworks.length, ms: Math.round(options.clock.monotonic() - startedAt) });
}

/** Ends processes of sandboxes that the books don't know: the checkpoint was removed, or written by nobody. */
async function endStrangers({ journal, log, workDir, scans }: RecoveryOptions): Promise<void> {
  const slaves = join(workDir, 'slaves') + sep;
  if (!existsSync(slaves)) return;
  const known = new Set([...executorsOf(journal.books)].map((executor) => executor.directory));
  const isKnown = (tag: string): boolean => {
    for (let path = tag; path.length > slaves.length; path = dirname(path)) if (known.has(path)) return true;
    return false;
  };
  const tagged = (tag: string) => tag.startsWith(slaves) && !isKnown(tag);
  // A process may fork while it is being looked for; one that can't be killed is left.
  for (let tries = 0; tries < 10; tries++) {
    const strangers = membersOf(await scans.scan().catch(() => []), { tagged });
    if (strangers.length === 0) return;
    log.warn('ending processes of forgotten tasks', { processes: strangers.length });
    for (const { pid } of strangers) signalPid(pid, 'SIGKILL');
  }
}

function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}

async function recoverFramework(framework: FrameworkBook, rebooted: boolean, options: RecoveryOptions): Promise<void> {
  const executors = [...framework.executors.values()];
  if (framework.info.checkpoint !== true) {
    await Promise.all(executors.map((executor) => options.containers.sweep(executor.directory)));
    for (const executor of executors) {
      for (const task of executor.tasks.values())
        if (options.tasks.isContainer(task)) options.docker?.discard(task.containerId);
      if (executor.endedAt === undefined) options.executorEnded(executor, 9);
    }
    options.journal.record({ k: 'framework-end', id: framework.id });
    return;
  }
  await Promise.all(
    executors
      .filter((executor) => executor.endedAt === undefined)
      .map((executor) =>
        executor.kind === 'custom'
          ? recoverCustom(executor, rebooted, options)
          : recoverTasks(framework, executor, rebooted, options),
      ),
  );
}

async function recoverTasks(
  framework: FrameworkBook,
  executor: ExecutorBook,
  rebooted: boolean,
  options: RecoveryOptions,
): Promise<void> {
  const { tasks, containers } = options;
  await Promise.all(
    [...executor.tasks.values()].map(async (task) => {
      if (tasks.isContainer(task)) {
        // Whether it still runs is told by the engine, which may be away itself and is not waited for.
        if (!isDone(task)) tasks.resumeContainer(task, executor, goneUpdate(framework, task, executor, options));
        return;
      }
      const directory = executor.kind === 'command' ? executor.directory : nestedOf(task, executor);
      const found = await find(directory, rebooted, options);
      if (found.kind === 'running' && !isDone(task)) {
        const container = containers.adopt(directory, found.record.leader);
        tasks.resume(task, executor, { container, statuses: [...task.statuses], killed: task.killed === true });
        return;
      }
      await containers.sweep(directory);
      if (isDone(task)) return;
      if (found.kind === 'ended' && found.record.end)
        tasks.tell(task, {
          ...endingOf(found.record.end, task.killed ? 'asked' : undefined),
          source: 'SOURCE_EXECUTOR',
          container_status: statusOf(task, executor, options.ip),
        });
      else tasks.tell(task, goneUpdate(framework, task, executor, options));
    }),
  );
  if (![...executor.tasks.values()].some((task) => tasks.isRunning(task))) options.executorEnded(executor, 0);
}

async function recoverCustom(executor: ExecutorBook, rebooted: boolean, options: RecoveryOptions): Promise<void> {
  const found = await find(executor.directory, rebooted, options);
  if (found.kind === 'running') return options.custom.adopt(executor, found.record.leader);
  await options.containers.sweep(executor.directory);
  const framework = options.journal.books.frameworks.get(executor.frameworkId);
  if (framework)
    for (const task of executor.tasks.values())
      if (!isDone(task)) options.tasks.tell(task, goneUpdate(framework, task, executor, options));
  options.executorEnded(executor, 9);
}

function goneUpdate(
  framework: FrameworkBook,
  task: TaskBook,
  executor: ExecutorBook,
  options: RecoveryOptions,
): TaskUpdate {
  return {
    state: hasCapability(framework.info, 'PARTITION_AWARE') ? 'TASK_GONE' : 'TASK_LOST',
    message: `Executor did not reregister within ${options.reregistrationTimeoutMs / 1000}secs`,
    reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
    source: 'SOURCE_AGENT',
    container_status: statusOf(task, executor, options.ip),
  };
}

function statusOf(task: TaskBook, executor: ExecutorBook, ip: string) {
  const parent = executor.kind === 'command' ? undefined : executor.containerId;
  return containerStatusOf(ip, task.containerId, parent);
}

type Found = { kind: 'running' | 'ended'; record: TaskRecord } | { kind: 'nothing' };

/**
 * What a sandbox tells about its command. One whose process was just being made when the last agent was killed has no
 * record yet but will have: it gets as long as an executor has to come back.
 */
async function find(directory: string, rebooted: boolean, options: RecoveryOptions): Promise<Found> {
  const deadline = options.clock.monotonic() + options.reregistrationTimeoutMs;
  for (;;) {
    const record = await readTaskRecord(directory);
    if (record) {
      if (record.end) return { kind: 'ended', record };
      if (!rebooted && isAlive(record.leader)) return { kind: 'running', record };
      // Its last words may have been written since.
      const last = (await readTaskRecord(directory)) ?? record;
      return last.end ? { kind: 'ended', record: last } : { kind: 'nothing' };
    }
    const coming =
      !rebooted && (await options.scans.scan().catch(() => [])).some((process) => process.tag === directory);
    if (!coming || options.clock.monotonic() > deadline) return { kind: 'nothing' };
    await sleep(20);
  }
}
