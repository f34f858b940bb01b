import type { NodePlan } from '../plan/types.ts';
import type { Runtime } from '../runtime/types.ts';
import { DevclusterError } from '../support/errors.ts';
import { settleAll } from '../support/settle.ts';
import { type ClusterContext, type OpenCluster, openCluster } from './context.ts';
import { withClusterLock } from './lock.ts';
import type { PlannedRecord } from './record.ts';
import { startUnits } from './start-units.ts';
import { findNode, resolveTarget, type Target } from './target.ts';
import { startAndWait, timeLimit } from './wait.ts';

export interface LifecycleOptions {
  /** A node, `node/component` or a component; without it the whole cluster. */
  target?: string | undefined;
  timeoutSeconds?: number | undefined;
  wait: boolean;
}

export interface LifecycleResult {
  record: PlannedRecord;
  runtime: Runtime;
  seconds: number;
}

/** Stops a cluster, a node or a service; data and apps are kept. */
export function stop(context: ClusterContext, name: string, options: LifecycleOptions): Promise<LifecycleResult> {
  return change(context, name, 'stop', options, async ({ record, runtime }) => {
    const targets = targetsOf(record, options.target);
    const [step] = context.progress.steps([`Stopping ${options.target ?? `the cluster '${name}'`}`]);
    try {
      await stopTargets(runtime, record, targets);
      step?.done();
    } catch (error) {
      step?.fail();
      throw error;
    }
    return options.target === undefined ? { ...record, phase: 'stopped' } : record;
  });
}

/** Starts what was stopped (or has failed) and waits until it is ready. */
export function start(context: ClusterContext, name: string, options: LifecycleOptions): Promise<LifecycleResult> {
  return change(context, name, 'start', options, async (cluster) => {
    const targets = targetsOf(cluster.record, options.target);
    await startTargets(context, cluster, targets, options);
    return options.target === undefined ? { ...cluster.record, phase: 'up' } : cluster.record;
  });
}

export function restart(context: ClusterContext, name: string, options: LifecycleOptions): Promise<LifecycleResult> {
  return change(context, name, 'restart', options, async (cluster) => {
    const targets = targetsOf(cluster.record, options.target);
    const [step] = context.progress.steps([`Stopping ${options.target ?? `the cluster '${name}'`}`]);
    try {
      await stopTargets(cluster.runtime, cluster.record, targets);
      step?.done();
    } catch (error) {
      step?.fail();
      throw error;
    }
    await startTargets(context, cluster, targets, options);
    return options.target === undefined ? { ...cluster.record, phase: 'up' } : cluster.record;
  });
}

export const faults = ['kill', 'pause', 'resume', 'partition', 'heal'] as const;
export type Fault = (typeof faults)[number];

/** Makes a node fail on purpose, or ends the fault. */
export function nodeFault(
  context: ClusterContext,
  name: string,
  fault: Fault,
  nodeName: string,
  options: LifecycleOptions,
): Promise<LifecycleResult> {
  return change(context, name, `node ${fault}`, options, async ({ record, runtime }) => {
    const { plan } = record;
    const node = findNode(plan, nodeName);
    switch (fault) {
      case 'kill':
        await runtime.kill(plan, node);
        break;
      case 'pause':
        await runtime.pause(plan, node);
        break;
      case 'resume':
        await runtime.resume(plan, node);
        break;
      case 'partition':
        await runtime.partition(plan, node, true);
        break;
      case 'heal':
        await runtime.partition(plan, node, false);
        break;
    }
    return record;
  });
}

async function change(
  context: ClusterContext,
  name: string,
  doing: string,
  options: LifecycleOptions,
  work: (cluster: OpenCluster) => Promise<PlannedRecord>,
): Promise<LifecycleResult> {
  const { folder } = context.records.paths.cluster(name);
  const lock = { doing: `devcluster ${doing}`, wait: options.wait, signal: context.signal };
  return withClusterLock(name, folder, lock, async () => {
    const begun = performance.now();
    const cluster = await openCluster(context, name);
    const after = await work(cluster);
    const seconds = Math.round(performance.now() - begun) / 1000;
    if (after !== cluster.record) await context.records.write(after);
    return { record: after, runtime: cluster.runtime, seconds };
  });
}

function targetsOf({ plan }: PlannedRecord, target: string | undefined): Target[] {
  return target === undefined ? plan.nodes.map((node) => ({ node })) : resolveTarget(plan, target);
}

/**
 * With all of ZooKeeper about to stop, what is elected there leaves first: a session that nobody could end would have
 * to expire after the next start before anybody else could lead.
 */
async function leaveElections(runtime: Runtime, { plan }: PlannedRecord, nodes: readonly NodePlan[]): Promise<void> {
  const running = new Set(
    (await runtime.inspect(plan)).filter((status) => status.state === 'running').map((status) => status.node),
  );
  await Promise.allSettled(
    nodes
      .filter((node) => node.control && running.has(node.name))
      .map(async (node) => {
        await runtime.stopService(plan, node, 'marathon');
        await runtime.stopService(plan, node, 'mesos-master');
      }),
  );
}

async function stopTargets(runtime: Runtime, record: PlannedRecord, targets: readonly Target[]): Promise<void> {
  const { plan } = record;
  const whole = targets.flatMap(({ node, component }) => (component ? [] : node));
  if (plan.nodes.every((node) => !node.control || whole.includes(node))) await leaveElections(runtime, record, whole);
  await settleAll(
    targets.map(({ node, component }) =>
      component ? runtime.stopService(plan, node, component) : runtime.stop(plan, node),
    ),
  );
}

async function startTargets(
  context: ClusterContext,
  { record, runtime }: OpenCluster,
  targets: readonly Target[],
  options: LifecycleOptions,
): Promise<void> {
  const { plan, config } = record;
  const components = targets.flatMap(({ component }) => component ?? []);
  const statuses = await runtime.inspect(plan);
  for (const { node, component } of targets) {
    const paused = statuses.find((status) => status.node === node.name && status.state === 'paused');
    if (paused && component) throw pausedError(node);
  }
  await startAndWait(
    {
      runtime,
      plan,
      nodes: targets.map(({ node }) => node),
      ...(components.length > 0 ? { only: components } : {}),
      timeoutSeconds: options.timeoutSeconds ?? timeLimit(config, plan),
      serviceTimeoutSeconds: config.timeouts.service,
      progress: context.progress,
      signal: context.signal,
      probe: context.probe,
    },
    async () => {
      const whole = targets.flatMap(({ node, component }) => (component ? [] : [node]));
      const statusOf = (node: NodePlan) => statuses.find((each) => each.node === node.name);
      await settleAll(
        whole.filter((node) => statusOf(node)?.state === 'paused').map((node) => runtime.resume(plan, node)),
      );
      const units = whole.flatMap((node) => node.units);
      await settleAll([
        startUnits(runtime, plan, units, { signal: context.signal }),
        ...targets.map(async ({ node, component }) => {
          if (component) await runtime.startService(plan, node, component);
        }),
      ]);
      await settleAll(
        whole.map(async (node) => {
          for (const { component } of statusOf(node)?.stoppedServices ?? [])
            await runtime.startService(plan, node, component);
        }),
      );
    },
  );
}

function pausedError(node: NodePlan): DevclusterError {
  return new DevclusterError('conflict', 'NODE_PAUSED', `${node.name} is paused`, {
    hint: `Run \`devcluster node resume ${node.name}\` first.`,
  });
}
