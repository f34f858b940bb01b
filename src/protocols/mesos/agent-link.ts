import type {
  AgentInfo,
  ExecutorInfo,
  FrameworkInfo,
  KillPolicy,
  Resource,
  TaskInfo,
  TaskStatus,
  Value,
} from './types.ts';

/**
 * The private link between an embedded agent and the leading embedded master. It copies the shape of the public
 * scheduler API: the agent POSTs a SUBSCRIBE to `agentLinkPath` on the master's own port and keeps the answer, a
 * RecordIO stream of `MasterMessage`s (JSON), open; the stream's end is a broken link. Everything else the agent says
 * goes by further POSTs of one `AgentMessage` each, answered 202, on keep-alive connections, and carries the header
 * `agentStreamHeader` of the SUBSCRIBE's answer; a master that doesn't know the stream answers 403 and the agent
 * subscribes again. A master that is not leading answers 307 like everywhere else.
 */
export const agentLinkPath = '/internal/agent';
export const agentStreamHeader = 'devcluster-agent-stream';

/** A task as a re-registering agent reports it, so that a new leader can rebuild its books. */
export interface TaskReport {
  framework_id: Value;
  info: TaskInfo;
  /** The executor's id; for a command task equal to the task's. */
  executor_id: Value;
  /** All statuses so far, oldest first, with the last one's state the current; uuid absent. */
  statuses: TaskStatus[];
}

export interface ExecutorReport {
  framework_id: Value;
  info: ExecutorInfo;
}

export type AgentMessage =
  | {
      type: 'SUBSCRIBE';
      /** Without `id` the master gives a new one. */
      agent: AgentInfo;
      version: string;
      /** `slave(1)@ip:port`. */
      pid: string;
      capabilities: string[];
      /** Total resources, with reservations and volumes as checkpointed. */
      resources: Resource[];
      tasks: TaskReport[];
      executors: ExecutorReport[];
      frameworks: FrameworkInfo[];
    }
  | { type: 'PONG' }
  /** Must be forwarded to the framework; `uuid` is set and the framework's ACKNOWLEDGE comes back as ACKNOWLEDGE. */
  | { type: 'UPDATE'; framework_id: Value; status: TaskStatus }
  | { type: 'EXECUTOR_EXITED'; framework_id: Value; executor_id: Value; status: number }
  /** Custom executor → framework. */
  | { type: 'MESSAGE'; framework_id: Value; executor_id: Value; data: string }
  /** Answers to RECONCILE_TASKS: tasks the agent doesn't know. */
  | { type: 'UNKNOWN_TASKS'; framework_id: Value; task_ids: Value[] }
  | { type: 'UNSUBSCRIBE' };

export type MasterMessage =
  | { type: 'SUBSCRIBED'; agent_id: Value; ping_timeout_ms: number; max_missed_pings: number }
  | { type: 'PING' }
  | { type: 'LAUNCH'; framework: FrameworkInfo; task: TaskInfo; executor?: ExecutorInfo }
  | { type: 'LAUNCH_GROUP'; framework: FrameworkInfo; executor: ExecutorInfo; tasks: TaskInfo[] }
  | { type: 'KILL'; framework_id: Value; task_id: Value; kill_policy?: KillPolicy }
  | { type: 'SHUTDOWN_EXECUTOR'; framework_id: Value; executor_id: Value }
  | { type: 'SHUTDOWN_FRAMEWORK'; framework_id: Value }
  | { type: 'ACKNOWLEDGE'; framework_id: Value; task_id: Value; uuid: string }
  | { type: 'MESSAGE'; framework_id: Value; executor_id: Value; data: string }
  | { type: 'RECONCILE_TASKS'; framework_id: Value; task_ids: Value[] }
  | { type: 'UPDATE_FRAMEWORK'; framework: FrameworkInfo }
  /** Reservations and volumes to checkpoint: the agent's total resources from now on. */
  | { type: 'CHECKPOINT_RESOURCES'; resources: Resource[] }
  /** The agent must end all its tasks and itself (marked gone). */
  | { type: 'SHUTDOWN'; message: string };
