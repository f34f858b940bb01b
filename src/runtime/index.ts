import type { RuntimeKind } from '../config/types.ts';
import { DevclusterError } from '../support/errors.ts';
import { statePaths } from './paths.ts';
import type { Runtime } from './types.ts';

export interface RuntimeOptions {
  /** XDG_STATE_HOME and HOME decide where its files are; PATH, JAVA_HOME and ZOOKEEPER_HOME where real programs are. */
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * The runtime of a kind; only that one is loaded.
 * @throws DevclusterError missing when this version or this machine does not have it
 */
export async function createRuntime(kind: RuntimeKind, options: RuntimeOptions): Promise<Runtime> {
  if (kind === 'docker') throw dockerMissing();
  const { createProcessRuntime } = await import('./process/index.ts');
  return createProcessRuntime({ paths: statePaths(options.env), env: options.env });
}

/** Why there is no `docker` runtime, and what to do instead. */
export function dockerMissing(): DevclusterError {
  return new DevclusterError('missing', 'RUNTIME_MISSING', "This version of devcluster has no 'docker' runtime", {
    hint: 'Use --runtime process, which needs no Docker, or leave the choice to `auto`.',
  });
}
