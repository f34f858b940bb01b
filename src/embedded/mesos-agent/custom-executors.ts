import type { ServerResponse } from 'node:http';
import type { FrameworkInfo, KillPolicy, TaskInfo, TaskStatus, Value } from '../../protocols/mesos/types.ts';
import { encodeRecord } from '../../protocols/recordio.ts';
import type { Cancel, Clock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import type { Logger } from '../../support/logger.ts';
import type { ProcessIdentity } from '../../support/process.ts';
import { type Books, type ExecutorBook, isDone, stateOf, type TaskBook } from './books.ts';
import type { Container } from './containers.ts';
import { graceOf } from './endings.ts';
import { type AgentEnvironment, executorEnvironment, mergeVariables, readVariables } from './environment.ts';
import { containerStatusOf, imageOf } from './naming.ts';
import { commandLine } from './probe.ts';
import { createRun } from './sandbox.ts';
import type { TaskHost, TaskUpdate } from './task-run.ts';

/** A call of POST /api/v1/executor. */
export interface ExecutorCall {
  type: string;
  executor_id: Value;
  framework_id: Value;
  subscribe?: { unacknowledged_tasks?: TaskInfo[]; unacknowledged_updates?: { status: TaskStatus }[] };
  update?: { status: TaskStatus };
  message?: { data: string };
}

/** Executors that are programs of the framework's own and speak /api/v1/executor with the agent. */
export interface CustomExecutors {
  /** Starts the executor's command. */
  start(executor: ExecutorBook, framework: FrameworkInfo): void;
  /** One that an earlier agent started; it has a moment to subscribe again. */
  adopt(executor: ExecutorBook, leader: ProcessIdentity): void;
  /** Hands a task over, once the executor has subscribed. */
  launch(executor: ExecutorBook, task: TaskBook): void;
  kill(executor: ExecutorBook, task: TaskBook, policy?: KillPolicy): void;
  acknowledged(executor: ExecutorBook, status: TaskStatus): void;
  message(executor: ExecutorBook, data: string): void;
  shutdown(executor: ExecutorBook): void;
  isSubscribed(executor: ExecutorBook): boolean;
  subscribe(executor: ExecutorBook, call: ExecutorCall, response: ServerResponse): void;
  update(executor: ExecutorBook, status: TaskStatus): void;
  release(): void;
}

export interface CustomExecutorsOptions {
  books: Books;
  host: TaskHost;
  clock: Clock;
  log: Logger;
  ip: string;
  environment: () => AgentEnvironment;
  registrationTimeoutMs: number;
  reregistrationTimeoutMs: number;
  shutdownGraceMs: number;
  tell: (task: TaskBook, update: TaskUpdate, uuid?: string) => void;
  onEnded: (executor: ExecutorBook, status: number) => void;
}

const heartbeatMs = 30 * 60_000;

interface Live {
  container?: Container;
  stream?: ServerResponse;
  /** Handed over when it subscribes. */
  queued: TaskBook[];
  cancelTimeout?: Cancel;
  cancelHeartbeat?: Cancel;
  stopping: boolean;
  /** Why its tasks fail if it ends now. */
  reason: string;
  preparing: AbortController;
}

export function createCustomExecutors(options: CustomExecutorsOptions): CustomExecutors {
  const { books, host, clock, log } = options;
  const lives = new Map<ExecutorBook, Live>();
  let released = false;

  const lifeOf = (executor: ExecutorBook): Live => {
    let life = lives.get(executor);
    if (!life) {
      life = {
        queued: [],
        stopping: false,
        reason: 'REASON_EXECUTOR_TERMINATED',
        preparing: new AbortController(),
      };
      lives.set(executor, life);
    }
    return life;
  };

  const send = (life: Live, event: object) => life.stream?.write(encodeRecord(JSON.stringify(event)));

  const waitForSubscription = (executor: ExecutorBook, life: Live, ms: number, reason: string) => {
    life.cancelTimeout = clock.after(ms, () => {
      log.warn('the executor did not subscribe in time', { executor: executor.info.executor_id.value, ms });
      life.reason = reason;
      end(life, 0);
    });
  };

  const end = (life: Live, graceMs: number) => {
    life.preparing.abort();
    if (life.container) life.container.kill(graceMs);
  };

  const over = (executor: ExecutorBook, status: number, message: string) => {
    const life = lives.get(executor);
    if (!life || released) return;
    lives.delete(executor);
    life.cancelTimeout?.();
    life.cancelHeartbeat?.();
    life.stream?.end();
    for (const task of executor.tasks.values()) {
      if (isDone(task)) continue;
      options.tell(task, {
        state: task.killed ? 'TASK_KILLED' : 'TASK_FAILED',
        message,
        reason: life.reason,
        source: 'SOURCE_AGENT',
        container_status: containerStatusOf(options.ip, executor.containerId),
      });
    }
    options.onEnded(executor, status);
  };

  const watch = (executor: ExecutorBook, container: Container) => {
    void container.exited.then((how) => {
      const status = !how ? 0 : 'status' in how ? how.status << 8 : 9;
      const timedOut = lives.get(executor)?.reason === 'REASON_EXECUTOR_REGISTRATION_TIMEOUT';
      const message = timedOut
        ? `Executor did not register within ${options.registrationTimeoutMs / 1000}secs`
        : 'Executor terminated';
      over(executor, status, message);
    });
  };

  const run = async (executor: ExecutorBook, framework: FrameworkInfo, life: Live): Promise<void> => {
    const { directory, containerId, frameworkId, info } = executor;
    const image = imageOf(info.container);
    if (image !== undefined)
      throw new Error(
        `the executor needs the image '${image}', and this agent runs executors as local processes. Give the image to the task`,
      );
    const executorId = info.executor_id.value;
    const command = info.command ?? {};
    const agentId = books.agent?.id.value ?? '';
    await createRun(host.workDir, { agentId, frameworkId, executorId, containerId });
    const user = command.user ?? framework.user;
    const ids = await host.userIds(user);
    const { signal } = life.preparing;
    await host.fetcher.fetch({ uris: command.uris ?? [], sandbox: directory, user, signal });
    if (ids) await host.giveTo(directory, ids);
    const checkpoint = framework.checkpoint === true;
    const base = executorEnvironment(options.environment(), { frameworkId, executorId, directory, checkpoint });
    const environment = mergeVariables(base, await readVariables(command, host.resolveSecret));
    signal.throwIfAborted();
    const container = await host.containers.launch({
      directory,
      command: commandLine(command),
      environment,
      ...(ids ? { user: ids } : {}),
    });
    if (released) return container.release();
    life.container = container;
    watch(executor, container);
    if (life.stopping || signal.aborted) container.kill(0);
    else waitForSubscription(executor, life, options.registrationTimeoutMs, 'REASON_EXECUTOR_REGISTRATION_TIMEOUT');
  };

  const hand = (life: Live, task: TaskBook) => send(life, { type: 'LAUNCH', launch: { task: task.info } });

  return {
    start(executor, framework) {
      const life = lifeOf(executor);
      run(executor, framework, life).catch((error) => {
        life.reason = life.stopping ? 'REASON_EXECUTOR_TERMINATED' : 'REASON_CONTAINER_LAUNCH_FAILED';
        over(executor, 1 << 8, `Failed to launch container: ${messageOf(error)}`);
      });
    },
    adopt(executor, leader) {
      const life = lifeOf(executor);
      life.container = host.containers.adopt(executor.directory, leader);
      for (const task of executor.tasks.values()) if (stateOf(task) === 'TASK_STAGING') life.queued.push(task);
      watch(executor, life.container);
      waitForSubscription(executor, life, options.reregistrationTimeoutMs, 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT');
    },
    launch(executor, task) {
      const life = lifeOf(executor);
      if (life.stream) hand(life, task);
      else life.queued.push(task);
    },
    kill(executor, task, policy) {
      const life = lifeOf(executor);
      const at = life.queued.indexOf(task);
      if (at >= 0) {
        life.queued.splice(at, 1);
        options.tell(task, {
          state: 'TASK_KILLED',
          message: 'Killed before delivery to the executor',
          reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
          source: 'SOURCE_AGENT',
        });
        // An executor without a task left has nothing to come for.
        if ([...executor.tasks.values()].every(isDone)) this.shutdown(executor);
        return;
      }
      send(life, { type: 'KILL', kill: { task_id: task.info.task_id, ...(policy ? { kill_policy: policy } : {}) } });
    },
    acknowledged(executor, { task_id, uuid }) {
      const life = lives.get(executor);
      if (life) send(life, { type: 'ACKNOWLEDGED', acknowledged: { task_id, uuid } });
    },
    message(executor, data) {
      const life = lives.get(executor);
      if (life) send(life, { type: 'MESSAGE', message: { data } });
    },
    shutdown(executor) {
      const life = lives.get(executor);
      if (!life || life.stopping) return;
      life.stopping = true;
      send(life, { type: 'SHUTDOWN' });
      const own = executor.info.shutdown_grace_period;
      const graceMs = own ? graceOf({ grace_period: own }) : options.shutdownGraceMs;
      // It is to end by itself; SIGTERM comes after the grace period, SIGKILL with it.
      if (!life.stream) return end(life, 0);
      life.cancelTimeout?.();
      life.cancelTimeout = clock.after(graceMs, () => end(life, 0));
    },
    isSubscribed: (executor) => lives.get(executor)?.stream !== undefined,
    subscribe(executor, call, response) {
      const life = lifeOf(executor);
      life.cancelTimeout?.();
      life.cancelHeartbeat?.();
      life.stream?.end();
      life.stream = response;
      response.once('close', () => {
        if (life.stream === response) delete life.stream;
      });
      const framework = books.frameworks.get(executor.frameworkId);
      send(life, {
        type: 'SUBSCRIBED',
        subscribed: {
          executor_info: executor.info,
          framework_info: framework?.info,
          agent_info: books.agent,
          container_id: { value: executor.containerId },
        },
      });
      if (life.stopping) {
        send(life, { type: 'SHUTDOWN' });
        return;
      }
      for (const { status } of call.subscribe?.unacknowledged_updates ?? []) this.update(executor, status);
      for (const task of life.queued.splice(0)) hand(life, task);
      life.cancelHeartbeat = clock.every(heartbeatMs, () => send(life, { type: 'HEARTBEAT' }));
    },
    update(executor, status) {
      const task = executor.tasks.get(status.task_id.value);
      // Sent again after a lost connection: it is on its way to the framework already.
      if (!task || task.pending.some((pending) => pending.uuid === status.uuid)) return;
      const { state, message, reason, healthy, check_status } = status;
      const update: TaskUpdate = {
        state,
        source: 'SOURCE_EXECUTOR',
        ...(message === undefined ? {} : { message }),
        ...(reason === undefined ? {} : { reason }),
        ...(healthy === undefined ? {} : { healthy }),
        ...(check_status === undefined ? {} : { check_status }),
        ...(status.data === undefined ? {} : { data: status.data }),
        ...(status.labels === undefined ? {} : { labels: status.labels }),
        container_status: {
          ...containerStatusOf(options.ip, executor.containerId),
          ...(lives.get(executor)?.container ? { executor_pid: lives.get(executor)!.container!.pid } : {}),
        },
      };
      options.tell(task, update, status.uuid);
    },
    release() {
      released = true;
      for (const life of lives.values()) {
        life.cancelTimeout?.();
        life.cancelHeartbeat?.();
        life.stream?.destroy();
        life.container?.release();
      }
      lives.clear();
    },
  };
}
