import { DevclusterError } from '../support/errors.ts';
import type { ClusterContext } from './context.ts';
import { withClusterLock } from './lock.ts';
import type { ClusterRecord } from './record.ts';

export interface DownOptions {
  keepData: boolean;
  wait: boolean;
}

/**
 * Removes a cluster whatever state it is in; nothing there is success.
 * @returns whether there was something
 */
export async function down(context: ClusterContext, name: string, options: DownOptions): Promise<boolean> {
  const { records } = context;
  const { folder } = records.paths.cluster(name);
  return withClusterLock(name, folder, { doing: 'devcluster down', ...options, signal: context.signal }, async () => {
    const found = (await records.names()).includes(name);
    const record = await readable(context, name);
    if (!found && !record) {
      // What a process left that was killed before it wrote anything, or whose records somebody removed.
      await removeEverywhere(context, name, false);
      return false;
    }
    const [step] = context.progress.steps([`Removing the cluster '${name}'`]);
    try {
      if (record) {
        const runtime = await context.runtime(record.runtime);
        await runtime.remove(name, { keepData: options.keepData, ...(record.plan ? { plan: record.plan } : {}) });
      } else await removeEverywhere(context, name, options.keepData);
      if (options.keepData && record) await records.write({ ...record, phase: 'kept' });
      else await records.remove(name);
      step?.done();
      return record?.phase !== 'kept';
    } catch (error) {
      step?.fail();
      throw error;
    }
  });
}

/** Where a cluster without a record ran is not known, so it is removed wherever it may have. */
async function removeEverywhere(context: ClusterContext, name: string, keepData: boolean): Promise<void> {
  await (await context.runtime('process')).remove(name, { keepData });
  const { docker } = await context.choiceFacts({ runtime: 'auto' });
  if (docker?.available) await (await context.runtime('docker')).remove(name, { keepData });
}

/** All clusters of the user. @returns the names of those that were removed */
export async function downAll(context: ClusterContext, options: DownOptions): Promise<string[]> {
  const removed: string[] = [];
  let failure: unknown;
  for (const name of await context.records.names())
    try {
      if (await down(context, name, options)) removed.push(name);
    } catch (error) {
      context.progress.warn(`'${name}' is left: ${error instanceof Error ? error.message : String(error)}`);
      failure ??= error;
    }
  if (failure) throw failure;
  return removed;
}

/** A damaged record must not keep a cluster from being removed. */
async function readable(context: ClusterContext, name: string): Promise<ClusterRecord | undefined> {
  try {
    return await context.records.read(name);
  } catch (error) {
    if (error instanceof DevclusterError && error.code === 'RECORD_DAMAGED') return undefined;
    throw error;
  }
}
