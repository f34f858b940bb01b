import type { AgentMessage, ExecutorReport, TaskReport } from '../../../protocols/mesos/agent-link.ts';
import {
  addResources,
  allocateRest,
  refineAll,
  subtractResources,
  unallocate,
} from '../../../protocols/mesos/resources.ts';
import { type FrameworkInfo, isTerminal, type Resource } from '../../../protocols/mesos/types.ts';
import { removeAgent } from './agent-departures.ts';
import { recoverFramework, rolesOf } from './frameworks.ts';
import { type Agent, type Cluster, count, type Framework, seconds, type Task, taskKey } from './model.ts';
import { requestAllocation, rescindOffer } from './offers.ts';
import { addExecutor, addTask, createTask, lastKnown, masterStatus, removeExecutor, sendUpdate } from './tasks.ts';

export type AgentSubscription = Extract<AgentMessage, { type: 'SUBSCRIBE' }>;

/**
 * Registers an agent, or takes it in again: after its link broke, after it was unreachable, or after another master
 * led. What it reports completes the books; what the books know and it doesn't is asked back from it.
 * @param connect binds the new link to the agent's id, before anything is sent over it
 * @returns the agent, or why it must shut down
 */
export function subscribeAgent(
  cluster: Cluster,
  subscription: AgentSubscription,
  connect: (agentId: string) => void,
): Agent | { refused: string } {
  const id = subscription.agent.id?.value;
  if (id !== undefined && cluster.goneAgents.has(id)) return { refused: 'Agent has been marked gone' };
  const known = id === undefined ? undefined : cluster.agents.get(id);
  for (const other of [...cluster.agents.values()])
    if (other.pid === subscription.pid && other !== known)
      removeAgent(cluster, other, `Agent ${other.info.hostname} removed: a new agent registered at the same address`);
  for (const other of [...cluster.recoveredAgents.values()])
    if (other.pid === subscription.pid && other.id !== id) cluster.recoveredAgents.delete(other.id);
  const agent = known ?? enter(cluster, subscription, id);
  if (known?.connected) cluster.effects.closeAgent(known.id);
  connect(agent.id);
  const { settings, effects } = cluster;
  effects.toAgent(agent.id, {
    type: 'SUBSCRIBED',
    agent_id: { value: agent.id },
    ping_timeout_ms: settings.agentPingTimeoutMs,
    max_missed_pings: settings.maxAgentPingTimeouts,
  });
  if (known) takeIn(cluster, known, subscription);
  resumeKills(cluster, agent);
  agent.connected = true;
  agent.active = !agent.deactivated;
  agent.reregisterBy = undefined;
  agent.ping = { nextAt: cluster.sources.monotonic() + settings.agentPingTimeoutMs, answered: true, missed: 0 };
  for (const info of subscription.frameworks)
    if (info.id && cluster.completedFrameworks.has(info.id.value))
      effects.toAgent(agent.id, { type: 'SHUTDOWN_FRAMEWORK', framework_id: info.id });
  for (const framework of cluster.frameworks.values())
    if (framework.connected && subscription.frameworks.some((info) => info.id?.value === framework.id))
      effects.toAgent(agent.id, { type: 'UPDATE_FRAMEWORK', framework: framework.info });
  requestAllocation(cluster, 'now');
  effects.registryChanged();
  return agent;
}

/** An agent that this master has no books of (any more): a new one, an unreachable one, or one of another leader's. */
function enter(cluster: Cluster, subscription: AgentSubscription, givenId: string | undefined): Agent {
  const now = seconds(cluster);
  const id = givenId ?? `${cluster.master.id}-S${cluster.next.agent++}`;
  const total = unallocate(refineAll(subscription.resources));
  const recovered = cluster.recoveredAgents.get(id);
  const wasUnreachable = cluster.unreachableAgents.has(id);
  const agent: Agent = {
    id,
    info: { ...subscription.agent, id: { value: id } },
    pid: subscription.pid,
    version: subscription.version,
    capabilities: subscription.capabilities,
    connected: true,
    active: !cluster.deactivatedAgents.has(id),
    deactivated: cluster.deactivatedAgents.has(id),
    registeredTime: recovered?.registeredTime ?? now,
    reregisteredTime: givenId === undefined ? undefined : now,
    total,
    available: total,
    used: [],
    tasks: new Map(),
    executors: new Map(),
    offers: new Map(),
    pendingKills: new Set(),
    ping: { nextAt: 0, answered: true, missed: 0 },
    reregisterBy: undefined,
  };
  count(cluster, givenId === undefined ? 'master/slave_registrations' : 'master/slave_reregistrations');
  cluster.effects.log(`Agent ${id} at ${agent.pid} (${agent.info.hostname}) registered`);
  cluster.agents.set(id, agent);
  cluster.recoveredAgents.delete(id);
  cluster.unreachableAgents.delete(id);
  cluster.effects.toOperators({ type: 'AGENT_ADDED', agent });
  for (const report of subscription.executors) restoreExecutor(cluster, agent, report, subscription.frameworks);
  for (const report of subscription.tasks) {
    const task = restoreTask(cluster, agent, report, subscription.frameworks);
    if (!task || recovered) continue;
    const message = wasUnreachable ? 'Unreachable agent re-reregistered' : 'Unknown agent reregistered';
    welcomeBack(cluster, agent, task, message);
  }
  // What it didn't bring back is no longer unreachable, but gone.
  for (const framework of cluster.frameworks.values())
    for (const task of [...framework.unreachableTasks.values()])
      if (task.agentId === id) framework.unreachableTasks.delete(task.id);
  return agent;
}

/** Tells a framework that a task given up for lost runs on. */
function welcomeBack(cluster: Cluster, agent: Agent, task: Task, message: string): void {
  const framework = cluster.frameworks.get(task.frameworkId);
  if (!framework?.connected) return;
  sendUpdate(
    cluster,
    framework,
    masterStatus(cluster, {
      taskId: task.id,
      agentId: agent.id,
      state: task.state,
      message,
      reason: 'REASON_AGENT_REREGISTERED',
      ...(task.executorId === undefined ? {} : { executor_id: { value: task.executorId } }),
      ...lastKnown(task),
    }),
  );
}

/** An agent whose books this master still has. */
function takeIn(cluster: Cluster, agent: Agent, subscription: AgentSubscription): void {
  count(cluster, 'master/slave_reregistrations');
  cluster.effects.log(`Agent ${agent.id} at ${subscription.pid} re-registered`);
  for (const offer of [...agent.offers.values()]) rescindOffer(cluster, offer);
  agent.info = { ...subscription.agent, id: { value: agent.id } };
  agent.pid = subscription.pid;
  agent.version = subscription.version;
  agent.capabilities = subscription.capabilities;
  agent.reregisteredTime = seconds(cluster);
  for (const report of subscription.executors) restoreExecutor(cluster, agent, report, subscription.frameworks);
  for (const report of subscription.tasks)
    if (!killGivenUp(cluster, agent, report)) restoreTask(cluster, agent, report, subscription.frameworks);
  const running = new Set(
    subscription.executors.map(({ framework_id, info }) => taskKey(framework_id.value, info.executor_id.value)),
  );
  for (const [key, executor] of [...agent.executors]) if (!running.has(key)) removeExecutor(cluster, agent, executor);
  agent.total = unallocate(refineAll(subscription.resources));
  agent.available = subtractResources(agent.total, unallocate(agent.used));
  askBack(
    cluster,
    agent,
    new Set(subscription.tasks.map((task) => taskKey(task.framework_id.value, task.info.task_id.value))),
  );
}

/** A task that its framework was told lost, because it doesn't checkpoint, must not run on behind its back. */
function killGivenUp(cluster: Cluster, agent: Agent, { framework_id, info }: TaskReport): boolean {
  const framework = cluster.frameworks.get(framework_id.value);
  const taskId = info.task_id.value;
  if (framework?.tasks.has(taskId) || !framework?.completedTasks.some((task) => task.id === taskId)) return false;
  cluster.effects.toAgent(agent.id, { type: 'KILL', framework_id, task_id: info.task_id });
  return true;
}

/** Has the agent say of each task that the books know and its report doesn't whether it has received it meanwhile. */
function askBack(cluster: Cluster, agent: Agent, reported: ReadonlySet<string>): void {
  const missing = new Map<string, { value: string }[]>();
  for (const [key, task] of agent.tasks) {
    if (reported.has(key)) continue;
    const list = missing.get(task.frameworkId);
    if (list) list.push({ value: task.id });
    else missing.set(task.frameworkId, [{ value: task.id }]);
  }
  for (const [frameworkId, task_ids] of missing)
    cluster.effects.toAgent(agent.id, { type: 'RECONCILE_TASKS', framework_id: { value: frameworkId }, task_ids });
}

/** Kills what was to be killed while the agent was away. */
function resumeKills(cluster: Cluster, agent: Agent): void {
  for (const key of agent.pendingKills) {
    const task = agent.tasks.get(key);
    if (!task || isTerminal(task.state)) agent.pendingKills.delete(key);
    else
      cluster.effects.toAgent(agent.id, {
        type: 'KILL',
        framework_id: { value: task.frameworkId },
        task_id: { value: task.id },
      });
  }
}

function frameworkOf(cluster: Cluster, id: string, reported: readonly FrameworkInfo[]): Framework | undefined {
  const known = cluster.frameworks.get(id);
  if (known || cluster.completedFrameworks.has(id)) return known;
  const info = reported.find((candidate) => candidate.id?.value === id);
  return info && recoverFramework(cluster, info);
}

function restoreExecutor(
  cluster: Cluster,
  agent: Agent,
  { framework_id, info }: ExecutorReport,
  reported: readonly FrameworkInfo[],
): void {
  if (agent.executors.has(taskKey(framework_id.value, info.executor_id.value))) return;
  const framework = frameworkOf(cluster, framework_id.value, reported);
  if (!framework) return;
  const resources = usedResources(info.resources, framework);
  take(agent, resources);
  addExecutor(agent, framework, info, resources);
}

function restoreTask(
  cluster: Cluster,
  agent: Agent,
  report: TaskReport,
  reported: readonly FrameworkInfo[],
): Task | undefined {
  const taskId = report.info.task_id.value;
  const known = agent.tasks.get(taskKey(report.framework_id.value, taskId));
  const last = report.statuses.at(-1);
  if (known) {
    // The agent repeats updates that nobody acknowledged, so a later state comes by itself.
    return known;
  }
  const framework = frameworkOf(cluster, report.framework_id.value, reported);
  if (!framework) return undefined;
  const executorId = report.info.executor ? report.executor_id.value : undefined;
  const resources = usedResources(report.info.resources, framework);
  const task = createTask(framework, report.info, resources, executorId);
  task.state = last?.state ?? 'TASK_STAGING';
  for (const { data: _, ...status } of report.statuses) {
    if (task.statuses.at(-1)?.state === status.state) task.statuses.pop();
    task.statuses.push(status);
  }
  framework.unreachableTasks.delete(taskId);
  const completed = framework.completedTasks.findIndex((other) => other.id === taskId);
  if (completed >= 0) framework.completedTasks.splice(completed, 1);
  if (!isTerminal(task.state)) take(agent, resources);
  addTask(cluster, agent, framework, task);
  return task;
}

function usedResources(resources: readonly Resource[] | undefined, framework: Framework): Resource[] {
  return refineAll(allocateRest(rolesOf(framework.info)[0] ?? '*', resources ?? []));
}

function take(agent: Agent, resources: readonly Resource[]): void {
  agent.available = subtractResources(agent.available, unallocate(resources));
}

/** The sum of what an agent's books say; equals its total unless it shrank. */
export function accounted(agent: Agent): Resource[] {
  return addResources(
    agent.available,
    unallocate(agent.used),
    ...[...agent.offers.values()].map((offer) => unallocate(offer.resources)),
  );
}
