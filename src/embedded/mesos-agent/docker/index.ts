import { dockerLabels, taskLabels } from '../../../protocols/docker-labels.ts';
import type { Cancel, Clock } from '../../../support/clock.ts';
import { messageOf } from '../../../support/errors.ts';
import type { Logger } from '../../../support/logger.ts';
import type { Network } from '../../../support/network.ts';
import type { ContainerStatistics } from '../statistics.ts';
import type { TaskHost, TaskRun, TaskSpec, TaskUpdate } from '../task-run.ts';
import { createEngine, whileAway } from './engine.ts';
import type { DockerFlags } from './flags.ts';
import type { DockerHost } from './host.ts';
import { createImages } from './images.ts';
import type { Placement } from './placement.ts';
import { type ResumedContainer, runDockerTask } from './run.ts';
import { usageOf } from './statistics.ts';
import { createContainerWatch } from './watch.ts';

/** Runs tasks as containers of a Docker engine that other agents may use too. */
export interface DockerContainerizer {
  run(spec: TaskSpec, tell: (update: TaskUpdate) => void, resumed?: ResumedContainer): TaskRun;
  /** Ends and removes a container whose task nobody asks for any more. */
  discard(containerId: string): void;
  /**
   * Sees to what earlier agents left in this one's name: containers of forgotten tasks are ended, ended ones removed when
   * their time has come. Whenever the engine answers.
   * @param isKnown whether a container belongs to a task that may still run
   */
  tidy(isKnown: (containerId: string) => boolean): void;
  /** What a container uses; undefined when the engine does not tell. */
  usage(containerId: string): Promise<Partial<ContainerStatistics> | undefined>;
  close(): void;
}

export interface DockerContainerizerOptions {
  host: TaskHost;
  flags: DockerFlags;
  placement: Placement;
  /** The agent's own address. */
  ip: string;
  agentId: () => string;
  clock: Clock;
  network: Network;
  log: Logger;
}

/** Timers can't wait longer. */
const longestTimerMs = 2 ** 31 - 1;

export function createDockerContainerizer(options: DockerContainerizerOptions): DockerContainerizer {
  const { host, flags, placement, clock, log } = options;
  const engine = createEngine(flags.socket);
  const life = new AbortController();
  const removals = new Map<string, Cancel>();
  const ownLabels = {
    [dockerLabels.kind]: 'task',
    [taskLabels.workDir]: host.workDir,
    ...(placement.cluster === undefined ? {} : { [dockerLabels.cluster]: placement.cluster }),
    ...(placement.node === undefined ? {} : { [dockerLabels.node]: placement.node }),
  };
  const watch = createContainerWatch(engine, ownLabels, clock);
  const images = createImages({
    engine,
    socket: flags.socket,
    config: flags.config,
    timeoutMs: flags.launchTimeoutMs,
  });
  const prefix = placement.cluster === undefined ? 'devcluster-task' : `devcluster-${placement.cluster}-task`;
  const nameOf = (containerId: string) => `${prefix}-${containerId}`;

  const remove = (container: string) => {
    removals.get(container)?.();
    removals.delete(container);
    whileAway(() => engine.remove(container), life.signal).catch((error) => {
      if (!life.signal.aborted) log.warn('a container could not be removed', { container, error: messageOf(error) });
    });
  };

  const removeAt = (container: string, finishedAt: string) => {
    if (life.signal.aborted || removals.has(container)) return;
    const age = clock.now() - Date.parse(finishedAt);
    const wait = Math.max(0, flags.removeDelayMs - (Number.isFinite(age) ? Math.max(0, age) : 0));
    removals.set(
      container,
      clock.after(Math.min(wait, longestTimerMs), () => remove(container)),
    );
  };

  const docker: DockerHost = {
    engine,
    watch,
    clock,
    network: options.network,
    log,
    placement,
    ip: options.ip,
    agentId: options.agentId,
    limitCpus: flags.limitCpus,
    dns: flags.dns,
    mappedSandbox: flags.mappedSandbox,
    graceMs: flags.graceMs,
    launchTimeoutMs: flags.launchTimeoutMs,
    ownLabels,
    nameOf,
    fetchImage: images.fetch,
    retire: ({ Id, State }) => removeAt(Id, State.FinishedAt),
    discard: remove,
  };

  const tidy = async (isKnown: (containerId: string) => boolean): Promise<void> => {
    const found = await whileAway(() => engine.list(ownLabels), life.signal);
    for (const { Id, Labels, State } of found) {
      const containerId = Labels[taskLabels.container];
      // An agent without a cluster must not take those of a cluster's for its own.
      const foreign =
        Labels[dockerLabels.cluster] !== placement.cluster || Labels[dockerLabels.node] !== placement.node;
      if (foreign || containerId === undefined || isKnown(containerId)) continue;
      if (State === 'exited' || State === 'dead') {
        const info = await engine.inspect(Id);
        if (info) removeAt(Id, info.State.FinishedAt);
      } else if (flags.killOrphans) {
        log.warn('ending the container of a forgotten task', { container: containerId });
        await engine.stop(Id, Math.ceil(flags.stopTimeoutMs / 1000));
        remove(Id);
      }
    }
  };

  return {
    run: (spec, tell, resumed) => runDockerTask(host, docker, spec, tell, resumed),
    discard: (containerId) => remove(nameOf(containerId)),
    tidy(isKnown) {
      tidy(isKnown).catch((error) => {
        if (!life.signal.aborted) log.warn('left containers could not be looked after', { error: messageOf(error) });
      });
    },
    async usage(containerId) {
      return engine.stats(nameOf(containerId)).then(usageOf, () => undefined);
    },
    close() {
      life.abort(new Error('the agent ends'));
      for (const cancel of removals.values()) cancel();
      removals.clear();
      watch.close();
    },
  };
}
