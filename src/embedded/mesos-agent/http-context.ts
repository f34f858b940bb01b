import type { AgentMessage } from '../../protocols/mesos/agent-link.ts';
import type { ContainerStatus } from '../../protocols/mesos/types.ts';
import type { Logger } from '../../support/logger.ts';
import type { CustomExecutors } from './custom-executors.ts';
import type { Files } from './files.ts';
import type { AgentView } from './state-view.ts';
import type { ContainerStatistics } from './statistics.ts';

/** One container as /containers shows it. */
export interface ContainerView {
  container_id: string;
  executor_id: string;
  executor_name: string;
  framework_id: string;
  source: string;
  statistics: ContainerStatistics;
  status: ContainerStatus;
}

/** What the agent's endpoints answer from. */
export interface AgentHttpContext {
  view: () => AgentView;
  metrics: () => Record<string, number>;
  containers: () => Promise<ContainerView[]>;
  files: Files;
  custom: CustomExecutors;
  send: (message: AgentMessage) => void;
  /** False while the last agent's tasks are being looked after. */
  recovered: () => boolean;
  log: Logger;
  hostname: string;
}
