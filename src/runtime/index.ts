import type { RuntimeKind } from '../config/types.ts';
import { statePaths } from './paths.ts';
import type { Runtime } from './types.ts';

export interface RuntimeOptions {
  /**
   * XDG_STATE_HOME and HOME decide where its files are; PATH, JAVA_HOME and ZOOKEEPER_HOME where real programs are;
   * DOCKER_HOST and what else the `docker` command reads which engine is used.
   */
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * The runtime of a kind; only that one is loaded.
 * @throws DevclusterError missing when this version or this machine does not have it
 */
export async function createRuntime(kind: RuntimeKind, options: RuntimeOptions): Promise<Runtime> {
  if (kind === 'docker') {
    const { createDockerRuntime } = await import('./docker/index.ts');
    return createDockerRuntime({ paths: statePaths(options.env), env: options.env });
  }
  const { createProcessRuntime } = await import('./process/index.ts');
  return createProcessRuntime({ paths: statePaths(options.env), env: options.env });
}
