import { DevclusterError } from '../support/errors.ts';
import { withMachineLock } from '../support/machine-lock.ts';

export interface LockOptions {
  /** What the holder is doing, for whoever finds the lock held: `devcluster up`. */
  doing: string;
  /** Wait until it is free instead of failing at once. */
  wait: boolean;
  signal?: AbortSignal;
}

/** How long `--wait` waits. */
const waitMs = 10 * 60_000;

/**
 * Runs `work` while nobody else changes the cluster.
 * @param folder the cluster's folder, which tells it from those of other users
 * @throws DevclusterError conflict, naming the holder
 */
export async function withClusterLock<T>(
  name: string,
  folder: string,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  let held = false;
  const locked = async () => {
    held = true;
    return work();
  };
  try {
    return await withMachineLock(`cluster ${folder}`, locked, {
      timeoutMs: options.wait ? waitMs : 0,
      holder: `${options.doing}, pid ${process.pid}`,
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (held || !(error instanceof DevclusterError) || error.code !== 'LOCK_HELD') throw error;
    const { holder } = error.details as { holder?: string };
    throw new DevclusterError(
      'conflict',
      'CLUSTER_LOCKED',
      `The cluster '${name}' is being changed by another command${holder ? ` (${holder})` : ''}`,
      { hint: 'Wait until it is done, or add --wait.', details: { cluster: name, ...(holder ? { holder } : {}) } },
    );
  }
}
