import type { ClusterContext } from '../cluster/context.ts';
import type { LifecycleOptions, LifecycleResult } from '../cluster/lifecycle.ts';
import { describe } from '../cluster/status.ts';
import { clusterContext, clusterName } from './open-cluster.ts';
import { argument, type CommandContext, numberOption } from './spec.ts';

/** Runs `stop`, `start` or `restart` and prints what came of it: with --json the status. */
export async function runLifecycle(
  context: CommandContext,
  done: string,
  operation: (clusters: ClusterContext, name: string, options: LifecycleOptions) => Promise<LifecycleResult>,
): Promise<void> {
  const name = await clusterName(context);
  const target = argument(context, 'target');
  const result = await operation(clusterContext(context), name, {
    target,
    timeoutSeconds: numberOption(context, 'timeout'),
    wait: context.options.wait === true,
  });
  await printResult(
    context,
    result,
    `${target ?? `The cluster '${name}'`} is ${done} (${result.seconds.toFixed(1)} s).`,
  );
}

/** The status is only asked for when somebody reads it. */
export async function printResult(context: CommandContext, result: LifecycleResult, text: string): Promise<void> {
  const { record, runtime } = result;
  context.output.result(context.output.json ? await describe(record, runtime) : undefined, text);
}
