import { type FrameworkInfo, isTerminal } from '../../../protocols/mesos/types.ts';
import { type Cluster, count, type Framework, seconds } from './model.ts';
import { discardOffer, requestAllocation, rescindOffer } from './offers.ts';
import {
  addCompletedTask,
  countEnd,
  dropOldest,
  masterStatus,
  recordStatus,
  removeExecutor,
  removeTask,
} from './tasks.ts';
import { idProblem, roleProblem } from './validation.ts';

export interface Subscription {
  info: FrameworkInfo;
  suppressedRoles: readonly string[];
  offerConstraints: unknown;
}

/** The roles a framework subscribes to: `roles` with MULTI_ROLE, else `role` or `*`. */
export function rolesOf(info: FrameworkInfo): string[] {
  return capabilitiesOf(info).has('MULTI_ROLE') ? [...new Set(info.roles ?? [])] : [info.role ?? '*'];
}

function capabilitiesOf(info: FrameworkInfo): ReadonlySet<string> {
  return new Set((info.capabilities ?? []).flatMap(({ type }) => (type === undefined ? [] : [type])));
}

/** Why a framework can't subscribe, or be updated, with this information. */
export function frameworkProblem(cluster: Cluster, info: FrameworkInfo): string | undefined {
  const problem = roleFieldsProblem(info);
  if (problem !== undefined) return problem;
  const id = info.id?.value;
  const badId = id ? idProblem(id) : undefined;
  if (badId !== undefined) return badId;
  const timeout = info.failover_timeout ?? 0;
  // A Mesos duration is a signed 64-bit number of nanoseconds.
  if (!Number.isFinite(timeout) || Math.abs(timeout) * 1e9 > 2 ** 63)
    return `The framework failover_timeout (${timeout}) is invalid`;
  const { roles, rootSubmissions } = cluster.settings;
  const foreign = roles ? rolesOf(info).filter((role) => !roles.has(role)) : [];
  if (foreign.length > 0) return `Roles { ${foreign.join(', ')} } are not present in the master's --roles`;
  if (info.user === 'root' && !rootSubmissions)
    return "User 'root' is not allowed to run frameworks without --root_submissions set";
  if (id !== undefined && cluster.completedFrameworks.has(id)) return 'Framework has been removed';
  return undefined;
}

function roleFieldsProblem(info: FrameworkInfo): string | undefined {
  const multiRole = capabilitiesOf(info).has('MULTI_ROLE');
  if (multiRole) {
    if (info.role !== undefined) return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable";
    const roles = info.roles ?? [];
    const duplicates = [...new Set(roles.filter((role, index) => roles.indexOf(role) !== index))];
    if (duplicates.length > 0) return `'FrameworkInfo.roles' contains duplicate items: { ${duplicates.join(', ')} }`;
    for (const role of roles) {
      const problem = roleProblem(role);
      if (problem !== undefined) return `'FrameworkInfo.roles' contains invalid role: ${problem}`;
    }
    return undefined;
  }
  if ((info.roles?.length ?? 0) > 0)
    return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable";
  const problem = roleProblem(info.role ?? '*');
  return problem === undefined ? undefined : `'FrameworkInfo.role' is not a valid role: ${problem}`;
}

function suppressedProblem(info: FrameworkInfo, suppressed: readonly string[]): string | undefined {
  const roles = new Set(rolesOf(info));
  const foreign = suppressed.filter((role) => !roles.has(role));
  if (foreign.length === 0) return undefined;
  return `Suppressed roles { ${foreign.join(', ')} } are not contained in the set of roles`;
}

function updateProblem(old: FrameworkInfo, info: FrameworkInfo): string | undefined {
  if (old.principal !== info.principal) return "Changing framework's principal is not allowed.";
  if (old.user !== info.user)
    return `Updating 'FrameworkInfo.user' is unsupported; attempted to update from '${old.user}' to '${info.user}'`;
  const [before, after] = [old.checkpoint ?? false, info.checkpoint ?? false];
  if (before !== after)
    return `Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '${before}' to '${after}'`;
  return undefined;
}

/**
 * Subscribes a framework: a new one, one that comes back, or one whose other scheduler it takes over from.
 * @param connect binds the new stream to the framework's id; called when the old stream, if any, is done with
 * @returns the framework, or what to tell in an ERROR event
 */
export function subscribe(
  cluster: Cluster,
  subscription: Subscription,
  connect: (frameworkId: string) => void,
): Framework | { error: string } {
  const { info } = subscription;
  const id = info.id?.value;
  count(cluster, id ? 'master/messages_reregister_framework' : 'master/messages_register_framework');
  const problem = frameworkProblem(cluster, info) ?? suppressedProblem(info, subscription.suppressedRoles);
  if (problem !== undefined) return { error: problem };
  const known = id ? cluster.frameworks.get(id) : undefined;
  if (!known) return subscribeNew(cluster, subscription, id || nextFrameworkId(cluster), connect);

  // User and checkpoint are fixed; other values for them are ignored here, unlike in UPDATE_FRAMEWORK.
  const kept = { ...info, user: known.info.user, checkpoint: known.info.checkpoint ?? false };
  const refused = updateProblem(known.info, kept);
  if (refused !== undefined) return { error: refused };
  known.failoverAt = undefined;
  known.filters = [];
  if (known.connected) {
    cluster.effects.toFramework(known.id, { type: 'ERROR', error: { message: 'Framework failed over' } });
    cluster.effects.closeFramework(known.id);
  }
  if (known.recovered) known.registeredTime = seconds(cluster);
  known.reregisteredTime = seconds(cluster);
  known.recovered = false;
  connect(known.id);
  known.connected = true;
  known.active = true;
  applyInfo(cluster, known, { ...subscription, info: kept });
  announce(cluster, known);
  for (const offer of [...known.offers.values()]) discardOffer(cluster, offer);
  cluster.effects.toOperators({ type: 'FRAMEWORK_UPDATED', framework: known });
  tellAgents(cluster, known);
  requestAllocation(cluster, 'now');
  return known;
}

function subscribeNew(
  cluster: Cluster,
  subscription: Subscription,
  id: string,
  connect: (id: string) => void,
): Framework {
  const framework = createFramework(cluster, { ...subscription.info, id: { value: id } });
  framework.suppressed = suppressedSet(framework.roles, subscription.suppressedRoles);
  framework.offerConstraints = subscription.offerConstraints;
  cluster.frameworks.set(id, framework);
  connect(id);
  framework.connected = true;
  framework.active = true;
  announce(cluster, framework);
  cluster.effects.toOperators({ type: 'FRAMEWORK_ADDED', framework });
  requestAllocation(cluster, 'now');
  return framework;
}

/** Enters a framework that an agent runs tasks of and that has not subscribed to this master yet. */
export function recoverFramework(cluster: Cluster, info: FrameworkInfo): Framework {
  const framework = createFramework(cluster, info);
  framework.recovered = true;
  cluster.frameworks.set(framework.id, framework);
  cluster.effects.toOperators({ type: 'FRAMEWORK_ADDED', framework });
  return framework;
}

function createFramework(cluster: Cluster, info: FrameworkInfo): Framework {
  const now = seconds(cluster);
  return {
    id: info.id!.value,
    info,
    roles: rolesOf(info),
    capabilities: capabilitiesOf(info),
    connected: false,
    active: false,
    recovered: false,
    registeredTime: now,
    reregisteredTime: now,
    unregisteredTime: 0,
    suppressed: new Set(),
    offerConstraints: undefined,
    filters: [],
    tasks: new Map(),
    unreachableTasks: new Map(),
    completedTasks: [],
    offers: new Map(),
    used: [],
    allocations: 0,
    failoverAt: undefined,
  };
}

function announce(cluster: Cluster, framework: Framework): void {
  cluster.effects.toFramework(framework.id, {
    type: 'SUBSCRIBED',
    subscribed: {
      framework_id: { value: framework.id },
      heartbeat_interval_seconds: 15,
      master_info: cluster.master,
    },
  });
  cluster.effects.toFramework(framework.id, { type: 'HEARTBEAT' });
}

/** @param roles none given means all of the framework's, since that is how `suppressed_roles` and SUPPRESS differ */
function suppressedSet(roles: readonly string[], suppressed: readonly string[]): Set<string> {
  return new Set(suppressed.filter((role) => roles.includes(role)));
}

function applyInfo(cluster: Cluster, framework: Framework, { info, suppressedRoles, offerConstraints }: Subscription) {
  framework.info = { ...info, id: { value: framework.id } };
  framework.roles = rolesOf(info);
  framework.capabilities = capabilitiesOf(info);
  framework.offerConstraints = offerConstraints;
  const suppressed = suppressedSet(framework.roles, suppressedRoles);
  framework.filters = framework.filters.filter(
    ({ role }) => framework.roles.includes(role) && !(framework.suppressed.has(role) && !suppressed.has(role)),
  );
  framework.suppressed = suppressed;
  for (const offer of [...framework.offers.values()])
    if (!framework.roles.includes(offer.role)) rescindOffer(cluster, offer);
}

/** @returns what is wrong, for a 400 */
export function updateFramework(
  cluster: Cluster,
  framework: Framework,
  subscription: Subscription,
): string | undefined {
  const invalid = frameworkProblem(cluster, subscription.info);
  if (invalid !== undefined) return `Supplied FrameworkInfo is not valid: ${invalid}`;
  const refused = updateProblem(framework.info, subscription.info);
  if (refused !== undefined) return `FrameworkInfo update is not valid: ${refused}`;
  const suppressed = suppressedProblem(subscription.info, subscription.suppressedRoles);
  if (suppressed !== undefined) return `'UpdateFramework' call is not valid: ${suppressed}`;
  applyInfo(cluster, framework, subscription);
  cluster.effects.toOperators({ type: 'FRAMEWORK_UPDATED', framework });
  tellAgents(cluster, framework);
  requestAllocation(cluster, 'now');
  return undefined;
}

function tellAgents(cluster: Cluster, framework: Framework): void {
  for (const agent of cluster.agents.values())
    if (agent.connected) cluster.effects.toAgent(agent.id, { type: 'UPDATE_FRAMEWORK', framework: framework.info });
}

/** Its stream ended: no offers any more, and after its failover_timeout it is removed. */
export function disconnectFramework(cluster: Cluster, framework: Framework): void {
  if (!framework.connected) return;
  const timeoutMs = Math.max(0, framework.info.failover_timeout ?? 0) * 1000;
  cluster.effects.log(
    `Framework ${framework.id} (${framework.info.name}) disconnected; ${timeoutMs / 1000}s to fail over`,
  );
  deactivate(cluster, framework);
  framework.connected = false;
  framework.failoverAt = cluster.sources.monotonic() + timeoutMs;
  cluster.effects.toOperators({ type: 'FRAMEWORK_UPDATED', framework });
}

function deactivate(cluster: Cluster, framework: Framework): void {
  framework.active = false;
  framework.filters = [];
  for (const offer of [...framework.offers.values()]) discardOffer(cluster, offer);
}

/** Ends a framework for good: its tasks are killed and its id can't be used again. */
export function removeFramework(cluster: Cluster, framework: Framework): void {
  cluster.effects.log(`Removing framework ${framework.id} (${framework.info.name})`);
  deactivate(cluster, framework);
  const killed = (taskId: string, agentId: string, executorId: string | undefined) =>
    masterStatus(cluster, {
      taskId,
      agentId,
      state: 'TASK_KILLED',
      message: `Framework ${framework.id} removed`,
      reason: 'REASON_FRAMEWORK_REMOVED',
      ...(executorId === undefined ? {} : { executor_id: { value: executorId } }),
    });
  for (const agent of cluster.agents.values())
    if (agent.connected)
      cluster.effects.toAgent(agent.id, { type: 'SHUTDOWN_FRAMEWORK', framework_id: { value: framework.id } });
  for (const task of [...framework.tasks.values()]) {
    if (!isTerminal(task.state)) recordStatus(cluster, task, killed(task.id, task.agentId, task.executorId));
    removeTask(cluster, task);
  }
  for (const task of framework.unreachableTasks.values()) {
    const status = killed(task.id, task.agentId, task.executorId);
    recordStatus(cluster, task, status);
    countEnd(cluster, status);
    addCompletedTask(cluster, framework, task);
  }
  framework.unreachableTasks.clear();
  for (const agent of cluster.agents.values())
    for (const executor of [...agent.executors.values()])
      if (executor.frameworkId === framework.id) removeExecutor(cluster, agent, executor);
  framework.used = [];
  const wasConnected = framework.connected;
  framework.connected = false;
  framework.failoverAt = undefined;
  framework.unregisteredTime = seconds(cluster);
  cluster.frameworks.delete(framework.id);
  cluster.completedFrameworks.set(framework.id, framework);
  dropOldest(cluster.completedFrameworks, cluster.settings.maxCompletedFrameworks);
  cluster.effects.toOperators({ type: 'FRAMEWORK_REMOVED', framework });
  if (wasConnected) cluster.effects.closeFramework(framework.id);
  requestAllocation(cluster, 'now');
}

/** REVIVE: forgets refusals and suppressions, of all roles when none is named. @returns what is wrong */
export function revive(cluster: Cluster, framework: Framework, roles: readonly string[]): string | undefined {
  const problem = rolesProblem(framework, roles, 'revive');
  if (problem !== undefined) return problem;
  const revived = new Set(roles.length === 0 ? framework.roles : roles);
  framework.filters = framework.filters.filter(({ role }) => !revived.has(role));
  for (const role of revived) framework.suppressed.delete(role);
  requestAllocation(cluster, 'now');
  return undefined;
}

/** SUPPRESS: no more offers, for all roles when none is named. @returns what is wrong */
export function suppress(framework: Framework, roles: readonly string[]): string | undefined {
  const problem = rolesProblem(framework, roles, 'suppression');
  if (problem !== undefined) return problem;
  for (const role of roles.length === 0 ? framework.roles : roles) framework.suppressed.add(role);
  return undefined;
}

function rolesProblem(framework: Framework, roles: readonly string[], word: string): string | undefined {
  for (const role of roles) {
    const problem = roleProblem(role);
    if (problem !== undefined) return `${word} role '${role}' is invalid: ${problem}`;
    if (!framework.roles.includes(role))
      return `${word} role '${role}' is not one of the frameworks's subscribed roles`;
  }
  return undefined;
}

function nextFrameworkId(cluster: Cluster): string {
  return `${cluster.master.id}-${String(cluster.next.framework++).padStart(4, '0')}`;
}
