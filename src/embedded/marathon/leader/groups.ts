import type { PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { Clock } from '../../../support/clock.ts';
import { uuidFrom } from '../../../support/random.ts';
import type { EventBus } from '../events.ts';
import type { ModelConfig } from '../model/config.ts';
import { type Group, transitiveSpecs, validateRoot } from '../model/group.ts';
import { type DeploymentPlan, planDeployment, planErrors } from '../model/plan.ts';
import { assignServicePorts } from '../model/ports.ts';
import { good, problems, type Result } from '../model/problem.ts';
import { stampVersions } from '../model/versions.ts';
import type { StateStore } from '../store/state.ts';
import type { Catalog, CatalogChange } from './catalog.ts';
import type { Deployments } from './deployments.ts';

export interface Change {
  /** What the change is about, for the events. */
  id: PathId;
  /** The tree that is wanted; versions and service ports are still as they come. */
  apply: (root: Group, now: Timestamp) => Result<Group>;
  /** Cancels running deployments that are in the way. */
  force?: boolean;
  /** Instances to end when scaling, by app. */
  sentenced?: Readonly<Record<PathId, readonly string[]>>;
}

/** Changes of the tree: one after the other, each becoming a deployment. */
export interface Groups {
  /** Resolves when the change is stored and its deployment has begun. */
  change(change: Change): Promise<Result<DeploymentPlan>>;
  /** What a change would lead to, without doing it. */
  dryRun(change: Change): Result<DeploymentPlan>;
  /** A version later than every version of the tree so far. */
  now(): Timestamp;
  /** Changes refused since the start because too many deployments ran. */
  readonly dismissed: number;
}

export interface GroupsOptions {
  catalog: Catalog;
  deployments: Deployments;
  store: StateStore;
  events: EventBus;
  config: ModelConfig;
  clock: Clock;
  random: () => number;
  maxRunningDeployments: number;
  /** The tree has changed, and is about to be stored. */
  onChanged: (difference: CatalogChange) => void;
}

export function createGroups(options: GroupsOptions): Groups {
  const { catalog, deployments, store, events, config, clock } = options;
  let dismissed = 0;

  const now = (): Timestamp => new Date(Math.max(clock.now(), Date.parse(catalog.root.version) + 1)).toISOString();

  const prepare = (change: Change): Result<DeploymentPlan> => {
    const from = catalog.root;
    const version = now();
    const wanted = change.apply(from, version);
    if (!wanted.ok) return wanted;
    const withPorts = assignServicePorts(from, wanted.value, config);
    if (!withPorts.ok) return withPorts;
    const to = { ...stampVersions(from, withPorts.value, version), version };
    const treeErrors = validateRoot(to);
    if (treeErrors.length > 0) return { ok: false, problem: problems.notValid(treeErrors) };
    const plan = planDeployment(from, to, {
      id: uuidFrom(options.random),
      version,
      ...(change.sentenced ? { sentenced: change.sentenced } : {}),
    });
    const errors = planErrors(plan);
    return errors.length > 0 ? { ok: false, problem: problems.notValid(errors) } : good(plan);
  };

  const accept = (change: Change): Result<DeploymentPlan> => {
    if (deployments.size >= options.maxRunningDeployments) {
      dismissed++;
      return { ok: false, problem: problems.tooManyDeployments(options.maxRunningDeployments) };
    }
    const prepared = prepare(change);
    if (!prepared.ok) return prepared;
    const plan = prepared.value;
    const conflicts = deployments.conflicts(plan);
    if (conflicts.length > 0 && !change.force)
      return { ok: false, problem: problems.locked(conflicts.map(({ id }) => id)) };
    // What can't be stored must be refused before anything is changed.
    for (const spec of transitiveSpecs(plan.target)) if (catalog.spec(spec.id) !== spec) store.assertFits(spec);
    for (const { id } of conflicts) deployments.cancel(id, `superseded by deployment ${plan.id}`);
    deployments.add(plan);
    const difference = catalog.setRoot(plan.target);
    store.saveRoot(plan.target, difference);
    if (plan.steps.length > 0) store.saveDeployment(plan, change.sentenced ?? {});
    options.onChanged(difference);
    return prepared;
  };

  return {
    now,
    get dismissed() {
      return dismissed;
    },
    dryRun: prepare,
    async change(change) {
      const version = now();
      const result = accept(change);
      if (!result.ok) {
        publishFailure(events, change.id, version, result.problem.body.message);
        return result;
      }
      await store.flushed();
      const plan = result.value;
      events.publish({ eventType: 'group_change_success', groupId: change.id, version: plan.version });
      deployments.begin(plan.id);
      return result;
    },
  };
}

function publishFailure(events: EventBus, groupId: PathId, version: Timestamp, reason: string): void {
  events.publish({ eventType: 'group_change_failed', groupId, version, reason });
}
