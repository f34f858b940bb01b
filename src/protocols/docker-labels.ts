/** Labels by which everything of a cluster is known in a Docker engine, whoever made it: devcluster, or an agent for its tasks. */
export const dockerLabels = {
  cluster: 'devcluster.cluster',
  node: 'devcluster.node',
  component: 'devcluster.component',
  configHash: 'devcluster.config-hash',
  /** `node`, `holder`, `service`, `task`, `network` or `volume`. */
  kind: 'devcluster.kind',
  /** The folder of the cluster's record, which tells clusters of the same name apart. */
  folder: 'devcluster.folder',
} as const;

/** What an agent adds to its task containers, so that it knows them again. */
export const taskLabels = {
  /** The agent's work folder, which no other agent has. */
  workDir: 'devcluster.agent-dir',
  agent: 'devcluster.agent',
  framework: 'devcluster.framework',
  task: 'devcluster.task',
  /** Mesos' id of the container. */
  container: 'devcluster.container',
  /** Bytes that `stdout` and `stderr` of the sandbox held before the container wrote to them. */
  logStart: 'devcluster.log-start',
} as const;
