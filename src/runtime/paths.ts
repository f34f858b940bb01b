import { createHash } from 'node:crypto';
import { homedir, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { checkClusterName } from '../config/names.ts';
import { DevclusterError } from '../support/errors.ts';

/** Where devcluster keeps what belongs to clusters; everything below is 0700, owned by the user. */
export interface StatePaths {
  /** `$XDG_STATE_HOME/devcluster`. */
  readonly root: string;
  cluster(cluster: string): ClusterPaths;
}

export interface ClusterPaths {
  /** `<root>/<cluster>`: the record of the cluster, and all of the `process` runtime's files. */
  readonly folder: string;
  readonly nodesDir: string;
  /** The cluster's secrets, a file of mode 0600 each, named by the secret. */
  readonly secretsDir: string;
  /** Names of the nodes that are cut off from the others. */
  readonly partitionsFile: string;
  node(node: string): NodePaths;
}

export interface NodePaths {
  readonly folder: string;
  readonly unitFile: string;
  readonly pidFile: string;
  readonly logsDir: string;
  readonly dataDir: string;
  readonly controlSocket: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** A path longer than this may not fit into a socket address (104 bytes on macOS, 108 on Linux). */
const longestSocketPath = 100;

/**
 * @param env the variables that decide: XDG_STATE_HOME, HOME, XDG_RUNTIME_DIR
 * @throws DevclusterError usage, from `cluster` and `node`, for names that are no safe folder names
 */
export function statePaths(env: Variables = process.env): StatePaths {
  const home = env.HOME || homedir();
  const root = join(absolute(env.XDG_STATE_HOME) ?? join(home, '.local', 'state'), 'devcluster');
  return { root, cluster: (cluster) => clusterPaths(root, checkClusterName(cluster), env) };
}

/** Where the digests of images are pinned: beside the configuration, so that a team has the same; else for this user. */
export function pinsFileIn(configFolder: string | undefined, { root }: StatePaths): string {
  return configFolder === undefined ? join(root, 'images.lock') : join(configFolder, 'devcluster.lock');
}

function clusterPaths(root: string, cluster: string, env: Variables): ClusterPaths {
  const folder = join(root, cluster);
  const nodesDir = join(folder, 'nodes');
  return {
    folder,
    nodesDir,
    secretsDir: join(folder, 'secrets'),
    partitionsFile: join(folder, 'partitions.json'),
    node(node) {
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(node))
        throw new DevclusterError('usage', 'BAD_NODE_NAME', `'${node}' can't be the name of a node`);
      const nodeFolder = join(nodesDir, node);
      return {
        folder: nodeFolder,
        unitFile: join(nodeFolder, 'unit.json'),
        pidFile: join(nodeFolder, 'pid'),
        logsDir: join(nodeFolder, 'logs'),
        dataDir: join(nodeFolder, 'data'),
        controlSocket: socketPath(nodeFolder, env),
      };
    },
  };
}

/** Beside the node's other files where it fits, else under a short folder for sockets, named by a hash. */
function socketPath(nodeFolder: string, env: Variables): string {
  const near = join(nodeFolder, 'control.sock');
  if (Buffer.byteLength(near) <= longestSocketPath) return near;
  const name = `${createHash('sha256').update(nodeFolder).digest('hex').slice(0, 20)}.sock`;
  const runtimeDir = absolute(env.XDG_RUNTIME_DIR);
  const candidates = [
    ...(runtimeDir ? [join(runtimeDir, 'devcluster', name)] : []),
    join(tmpdir(), `devcluster-${userInfo().uid}`, name),
    join('/tmp', `devcluster-${userInfo().uid}`, name),
  ];
  return candidates.find((path) => Buffer.byteLength(path) <= longestSocketPath) ?? near;
}

function absolute(path: string | undefined): string | undefined {
  return path && isAbsolute(path) ? path : undefined;
}
