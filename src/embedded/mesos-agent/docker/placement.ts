/** Whose tasks an agent's are and where on the network they belong; without a cluster, on the engine's own host. */
export interface Placement {
  cluster?: string;
  node?: string;
  /** The node's network: of BRIDGE tasks the only one. */
  network?: string;
  /** The container whose network namespace is the node's: where HOST tasks run, and where this agent runs. */
  nodeContainer?: string;
}

/** Reads the variables that a cluster's plan gives its agents. */
export function readPlacement(env: Readonly<Record<string, string>>): Placement {
  const names = {
    cluster: 'DEVCLUSTER_CLUSTER',
    node: 'DEVCLUSTER_NODE',
    network: 'DEVCLUSTER_NETWORK',
    nodeContainer: 'DEVCLUSTER_NODE_CONTAINER',
  };
  return Object.fromEntries(Object.entries(names).flatMap(([name, key]) => (env[key] ? [[name, env[key]]] : [])));
}
