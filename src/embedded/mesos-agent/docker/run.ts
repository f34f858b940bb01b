import { join } from 'node:path';
import { taskLabels } from '../../../protocols/docker-labels.ts';
import type { KillPolicy, TaskState, TaskStatus } from '../../../protocols/mesos/types.ts';
import type { Cancel } from '../../../support/clock.ts';
import { coalesce } from '../../../support/coalesce.ts';
import { messageOf } from '../../../support/errors.ts';
import { retry, sleep } from '../../../support/retry.ts';
import { endingOf, graceOf, type KillCause } from '../endings.ts';
import { type Environment, readVariables } from '../environment.ts';
import { commandLine, createProber } from '../probe.ts';
import { createTaskChecks } from '../task-checks.ts';
import { prepareSandbox, type TaskHost, type TaskRun, type TaskSpec, type TaskUpdate } from '../task-run.ts';
import { createContainer, exitCodeOf } from './create-container.ts';
import { addressIn, networkInfosOf, statusData } from './describe.ts';
import { type ContainerInspect, EngineError, whileAway } from './engine.ts';
import { type Forwarder, openForwards } from './forward.ts';
import type { DockerHost } from './host.ts';
import { followLogs, type LogFollower, type LogSizes, logSizes, noteInSandbox } from './logs.ts';
import { prepareMounts, removeMounts } from './mounts.ts';
import type { Mount } from './request.ts';
import { type TaskContainer, type TaskContainerContext, taskContainer } from './task-container.ts';

/** What is known of a task that an earlier agent may have started. */
export interface ResumedContainer {
  /** The statuses told so far. */
  statuses: readonly TaskStatus[];
  killed: boolean;
  /** To be told when there is no container. */
  gone: TaskUpdate;
}

/** An engine that does not give the last of a container's output in this time is not waited for. */
const lastOutputMs = 20_000;
const stopAgainMs = 5000;
const lookAgainMs = 1000;

/**
 * Runs a task as a Docker container: sandbox, files, image, container, node ports, output, checks, end. Every turn is
 * told in the words of the real Docker containerizer and its executor. An engine that is away is waited for: what runs
 * goes on without it, and is looked at when it is back.
 * Sources: src/slave/containerizer/docker.cpp and src/docker/executor.cpp of Apache Mesos, and recorded updates.
 */
export function runDockerTask(
  host: TaskHost,
  docker: DockerHost,
  spec: TaskSpec,
  tell: (update: TaskUpdate) => void,
  resumed?: ResumedContainer,
): TaskRun {
  const { engine } = docker;
  const { task, directory, containerId } = spec;
  const name = docker.nameOf(containerId);
  const secretsFolder = join(host.workDir, 'meta', 'secrets', containerId);
  /** Aborted when the task is killed before its container was started, or let go. */
  const preparing = new AbortController();
  /** Aborted when nothing is left to be done for the task, or it is let go. */
  const life = new AbortController();
  /** Once it was started, with the engine's id. */
  let container: { id: string; described: TaskContainer } | undefined;
  let networkInfos = spec.containerStatus.network_infos;
  let outOfMemory = false;
  let killed: KillCause | undefined;
  let killPolicy: KillPolicy | undefined;
  let toldKilling = resumed?.statuses.some(({ state }) => state === 'TASK_KILLING') ?? false;
  let stopAt = Number.POSITIVE_INFINITY;
  let forwarder: Forwarder | undefined;
  let output: LogFollower | undefined;
  let unwatch: Cancel | undefined;
  let cancelLook: Cancel | undefined;
  let resolveDone!: (end: { failed: boolean }) => void;
  const done = new Promise<{ failed: boolean }>((resolve) => {
    resolveDone = resolve;
  });

  const checks = createTaskChecks(task, host.clock, {
    report: (news) => update('TASK_RUNNING', news),
    kill: (cause) => kill(undefined, cause),
  });

  const update = (state: TaskState, rest: Partial<TaskUpdate> = {}) =>
    tell({
      state,
      source: 'SOURCE_EXECUTOR',
      ...rest,
      ...checks.attached,
      container_status: {
        ...spec.containerStatus,
        ...(state === 'TASK_RUNNING' && networkInfos ? { network_infos: networkInfos } : {}),
      },
    });

  /** Closes everything; what runs goes on. */
  const release = () => {
    life.abort(new Error('the task is let go'));
    preparing.abort();
    checks.stop();
    unwatch?.();
    cancelLook?.();
    forwarder?.close();
    output?.stop();
  };

  const finish = (failed: boolean) => {
    release();
    void removeMounts(secretsFolder).catch(() => {});
    resolveDone({ failed });
  };

  const fail = (message: string, rest: Partial<TaskUpdate> = {}) => {
    update('TASK_FAILED', { message, ...rest });
    finish(true);
  };

  const kill = (policy?: KillPolicy, cause: KillCause = 'asked') => {
    if (life.signal.aborted) return;
    killed ??= cause;
    killPolicy = policy ?? killPolicy;
    if (!container) return preparing.abort();
    checks.stop();
    if (!toldKilling && spec.tellsKilling) update('TASK_KILLING');
    toldKilling = true;
    const usual = { grace_period: { nanoseconds: docker.graceMs * 1e6 } };
    stop(container.id, cause === 'completion-time' ? 0 : graceOf(killPolicy, task.kill_policy, usual));
  };

  /** A later one can only make the time shorter. */
  const stop = (id: string, graceMs: number) => {
    const at = docker.clock.monotonic() + graceMs;
    if (at >= stopAt) return;
    stopAt = at;
    const once = () => engine.stop(id, Math.ceil(graceMs / 1000));
    retry(once, { delayMs: 100, maxDelayMs: stopAgainMs, signal: life.signal }).catch(() => {});
  };

  const endBeforeStart = () => {
    if (life.signal.aborted) return;
    update('TASK_KILLED', {
      message: 'Killed before delivery to the executor',
      reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
      source: 'SOURCE_AGENT',
    });
    finish(false);
  };

  const describe = (context: Pick<TaskContainerContext, 'variables' | 'mounts' | 'labels'>) =>
    taskContainer(task, {
      ...context,
      name,
      sandbox: directory,
      placement: docker.placement,
      ip: docker.ip,
      limitCpus: docker.limitCpus,
      dns: docker.dns,
      mappedSandbox: docker.mappedSandbox,
    });

  const start = async () => {
    let variables: Environment;
    let mounts: Mount[];
    let described: TaskContainer;
    let sizes: LogSizes;
    const { signal } = preparing;
    try {
      const { resolveSecret, workDir } = host;
      const { mappedSandbox } = docker;
      await prepareSandbox(host, spec, signal, async () => {});
      variables = await readVariables(spec.command, resolveSecret);
      mounts = await prepareMounts(task, { secretsFolder, workDir, mappedSandbox, resolveSecret });
      await docker.fetchImage(task.container?.docker?.image ?? '', forcesPull(spec), directory, signal);
      sizes = await logSizes(directory);
    } catch (error) {
      if (signal.aborted) return endBeforeStart();
      return launchFailed(error);
    }
    update('TASK_STARTING');
    try {
      described = describe({ variables, mounts, labels: labelsOf(docker, spec, sizes) });
    } catch (error) {
      return fail(`Failed to create docker run options: ${messageOf(error)}`);
    }
    let id: string;
    try {
      id = await createContainer(docker, name, containerId, described, signal);
      if (signal.aborted) throw signal.reason;
      await whileAway(() => engine.start(id), signal, docker.launchTimeoutMs);
    } catch (error) {
      // What is let go is looked after by the next agent.
      if (life.signal.aborted) return;
      docker.discard(name);
      if (signal.aborted) return endBeforeStart();
      return runFailed(error);
    }
    if (life.signal.aborted) return;
    await begun(id, described, sizes, 0);
  };

  /** As recorded: without a word of a container. */
  const launchFailed = (error: unknown) => {
    const message = `Failed to launch container: ${messageOf(error)}`;
    tell({ state: 'TASK_FAILED', message, reason: 'REASON_CONTAINER_LAUNCH_FAILED', source: 'SOURCE_AGENT' });
    finish(true);
  };

  /** As `docker run` would have failed. */
  const runFailed = async (error: unknown) => {
    const message = messageOf(error);
    if (!(error instanceof EngineError)) return fail(`Failed to run docker container: ${message}`);
    await noteInSandbox(directory, `docker: Error response from daemon: ${message}.`);
    fail(`Container exited with status ${exitCodeOf(message)}: ${message}`);
  };

  /** The container has been started, by this agent or the one before. */
  const begun = async (id: string, described: TaskContainer, sizes: LogSizes, runningForMs: number) => {
    const info = await whileAway(() => engine.inspect(id), life.signal).catch((error) => {
      if (!life.signal.aborted) docker.log.warn('a container can not be inspected', { id, error: messageOf(error) });
      return undefined;
    });
    if (life.signal.aborted) return;
    const address = info && !described.network.shared ? addressIn(info, described.network.mode) : undefined;
    if (address !== undefined) networkInfos = networkInfosOf(address, task.container);
    output = followLogs(engine, id, {
      sandbox: directory,
      start: sizes,
      terminal: info?.Config.Tty ?? false,
      log: docker.log,
    });
    if (info?.State.Running && described.forwards.length > 0) {
      const failure = await forward(info, described);
      if (failure !== undefined) {
        docker.discard(id);
        return launchFailed(new Error(failure));
      }
      if (life.signal.aborted) return forwarder?.close();
    }
    container = { id, described };
    const told = resumed?.statuses.findLast(({ state }) => state === 'TASK_RUNNING');
    if (!told) update('TASK_RUNNING', info ? { data: statusData(info, spec.command) } : {});
    const own = reachable(info, described);
    const atNode = described.network.kind === 'HOST' ? ['127.0.0.1', docker.ip] : [];
    checks.start(
      {
        prober: createProber({
          hosts: own === undefined ? atNode : [own],
          network: docker.network,
          clock: docker.clock,
          run: (command, signal) => engine.exec(id, commandLine(command), signal),
        }),
        environment: {},
        directory,
      },
      told?.healthy,
      runningForMs,
    );
    unwatch = docker.watch.watch(id, (action) => {
      if (action === 'oom') outOfMemory = true;
      else void look();
    });
    void output.quiet.then(look);
    // Asked while it was being started; what an earlier agent began is gone through with.
    if (killed || resumed?.killed) kill(killPolicy, killed);
  };

  /** The address by which the node reaches the container; undefined when it is in the node's own network. */
  const reachable = (info: ContainerInspect | undefined, { network }: TaskContainer): string | undefined =>
    info && !network.shared ? addressIn(info, network.second ?? network.mode) : undefined;

  /** @returns why it can't be done */
  const forward = async (info: ContainerInspect, described: TaskContainer): Promise<string | undefined> => {
    const address = reachable(info, described);
    if (address === undefined) return 'the container has no address that its node reaches';
    try {
      forwarder = await openForwards(described.forwards, {
        hosts: [...new Set([docker.ip, '127.0.0.1'])],
        address,
        network: docker.network,
        clock: docker.clock,
        onFailure: () => void look(),
      });
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  };

  /** Brings what is known of the container up to date. */
  const look = coalesce(async () => {
    if (!container) return;
    try {
      const info = await whileAway(() => engine.inspect(container?.id ?? ''), life.signal);
      if (life.signal.aborted) return;
      if (!info || (!info.State.Running && !info.State.Restarting)) return await ended(info);
      const address = reachable(info, container.described);
      if (address !== undefined) forwarder?.retarget(address);
    } catch (error) {
      if (life.signal.aborted) return;
      docker.log.warn('a container can not be inspected', { id: container.id, error: messageOf(error) });
      cancelLook = docker.clock.after(lookAgainMs, () => void look());
    }
  });

  const ended = async (info: ContainerInspect | undefined) => {
    unwatch?.();
    checks.stop();
    forwarder?.close();
    const inTime = new AbortController();
    if (info) await Promise.race([output?.finish(), sleep(lastOutputMs, inTime.signal).catch(() => {})]);
    inTime.abort();
    if (life.signal.aborted) return;
    if (!info) {
      const message = 'Failed to get exit status of container: it was removed behind the back of its agent';
      if (killed) update('TASK_KILLED', { message });
      else update('TASK_FAILED', { message });
      return finish(!killed);
    }
    const { ExitCode, OOMKilled } = info.State;
    const ending = endingOf({ status: ExitCode }, killed, 'Container');
    const overLimit = ExitCode === 137 && killed === undefined && (OOMKilled || outOfMemory);
    update(ending.state, {
      ...ending,
      ...(overLimit
        ? {
            message: `${ending.message}: it used more memory than its limit`,
            reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
          }
        : {}),
    });
    docker.retire(info);
    finish(ending.state === 'TASK_FAILED');
  };

  const resume = async ({ statuses, gone }: ResumedContainer) => {
    checks.restore(statuses);
    let info: ContainerInspect | undefined;
    let described: TaskContainer;
    let stale = false;
    try {
      info = await retry(() => engine.inspect(name), { delayMs: 100, signal: life.signal });
      described = describe({ variables: {}, mounts: [], labels: {} });
      if (info?.State.Running && described.network.mode === `container:${docker.placement.nodeContainer}`)
        stale = await isStale(info);
    } catch (error) {
      if (!life.signal.aborted) fail(`Failed to recover container: ${messageOf(error)}`, gone);
      return;
    }
    if (life.signal.aborted) return;
    if (!info || info.State.Status === 'created') {
      if (info) docker.discard(info.Id);
      tell(gone);
      return finish(gone.state === 'TASK_FAILED');
    }
    if (stale) {
      docker.discard(info.Id);
      return fail("Container lost its network: its node's container was started anew");
    }
    if (statuses.length === 0) update('TASK_STARTING');
    const startedAt = Date.parse(info.State.StartedAt);
    await begun(info.Id, described, startOf(info), Math.max(0, docker.clock.now() - startedAt));
  };

  /** What joined the namespace of a container that was started anew since is cut off for good. */
  const isStale = async (info: ContainerInspect): Promise<boolean> => {
    const node = await whileAway(() => engine.inspect(docker.placement.nodeContainer ?? ''), life.signal);
    return node !== undefined && Date.parse(info.State.StartedAt) < Date.parse(node.State.StartedAt);
  };

  void (resumed ? resume(resumed) : start()).catch((error) => {
    docker.log.error('a task could not be run', { task: task.task_id.value, error: messageOf(error) });
    if (!life.signal.aborted) launchFailed(error);
  });
  return { done, kill, release };
}

function forcesPull({ task }: TaskSpec): boolean {
  return task.container?.docker?.force_pull_image === true;
}

function labelsOf(docker: DockerHost, spec: TaskSpec, sizes: LogSizes): Record<string, string> {
  return {
    ...docker.ownLabels,
    [taskLabels.agent]: docker.agentId(),
    [taskLabels.framework]: spec.frameworkId,
    [taskLabels.task]: spec.task.task_id.value,
    [taskLabels.container]: spec.containerId,
    [taskLabels.logStart]: `${sizes.stdout},${sizes.stderr}`,
  };
}

/** What the sandbox held before the container wrote to it. */
function startOf(info: ContainerInspect): LogSizes {
  const [stdout = 0, stderr = 0] = (info.Config.Labels?.[taskLabels.logStart] ?? '').split(',').map(Number);
  return { stdout: stdout || 0, stderr: stderr || 0 };
}
