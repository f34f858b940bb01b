import type {
  DeploymentAction,
  DeploymentActionName,
  DeploymentInfo,
  DeploymentPlanJson,
  DeploymentStep,
  FieldErrors,
  PathId,
  ReadinessCheckResult,
  Timestamp,
} from '../../../protocols/marathon/types.ts';
import { dependencyLevels } from './dependencies.ts';
import {
  emptyGroup,
  type Group,
  getGroup,
  getSpec,
  putApp,
  putGroup,
  removeApp,
  removeGroup,
  specDifferences,
  specsOf,
  transitiveGroups,
  transitiveSpecs,
} from './group.ts';
import { validatePodChange } from './pod/validate.ts';
import { isPod, type RunSpec } from './run-spec.ts';
import { validateChange } from './validate.ts';
import { isOnlyScaleChange, isUpgrade, sameJson } from './versions.ts';

/** Deployment plans. Source: core/deployment/DeploymentPlan.scala and impl/DeploymentPlanReverter.scala of Marathon. */

/** What is done to an app or a pod; the API has other names for what is done to pods, see {@link actionJson}. */
export type PlanAction =
  | { readonly action: 'StartApplication' | 'RestartApplication' | 'StopApplication'; readonly app: RunSpec }
  | {
      readonly action: 'ScaleApplication';
      readonly app: RunSpec;
      readonly scaleTo: number;
      /** Ids of instances that shall be among those killed. */
      readonly sentenced: readonly string[];
    };

export interface PlanStep {
  readonly actions: readonly PlanAction[];
}

/** How to get from one tree to another. Plain data, kept in the store. */
export interface DeploymentPlan {
  readonly id: string;
  readonly version: Timestamp;
  readonly original: Group;
  readonly target: Group;
  readonly steps: readonly PlanStep[];
}

/** Whether a deployment has anything to do about the app. */
function isChanged(from: RunSpec, to: RunSpec): boolean {
  return from !== to && (from.version !== to.version || from.instances !== to.instances || isUpgrade(from, to));
}

function isRestart(from: RunSpec, to: RunSpec): boolean {
  return from.version !== to.version || !sameJson(from.versionInfo, to.versionInfo) || isUpgrade(from, to);
}

function actionFor(from: RunSpec | undefined, to: RunSpec, sentenced: readonly string[]): PlanAction | undefined {
  if (!from) return { action: 'ScaleApplication', app: to, scaleTo: to.instances, sentenced: [] };
  if (isOnlyScaleChange(from, to) || to.instances === 0)
    return { action: 'ScaleApplication', app: to, scaleTo: to.instances, sentenced };
  return isRestart(from, to) ? { action: 'RestartApplication', app: to } : undefined;
}

/**
 * Plans the way from `original` to `target`, both with versions stamped and service ports assigned: first what is
 * removed stops, then what is new starts with no instances, then all that is new or changed is scaled or restarted,
 * those without dependencies first.
 * @param sentenced ids of instances to kill when scaling, by app
 */
export function planDeployment(
  original: Group,
  target: Group,
  options: {
    readonly id: string;
    readonly version: Timestamp;
    readonly sentenced?: Readonly<Record<PathId, readonly string[]>>;
  },
): DeploymentPlan {
  const removed: RunSpec[] = [];
  const added: RunSpec[] = [];
  const changes = new Map<PathId, PlanAction>();
  for (const { before, after } of specDifferences(original, target)) {
    if (!after) {
      if (before) removed.push(before);
      continue;
    }
    if (!before) added.push(after);
    else if (!isChanged(before, after)) continue;
    const action = actionFor(before, after, options.sentenced?.[after.id] ?? []);
    if (action) changes.set(after.id, action);
  }
  // A tree with a cycle is refused before it comes here; should one come, order by path is as good as any.
  const levels = dependencyLevels(target) ?? [[...changes.keys()]];
  const steps: PlanStep[] = [
    { actions: removed.map((app) => ({ action: 'StopApplication', app })) },
    { actions: added.map((app) => ({ action: 'StartApplication', app })) },
    ...levels.map((ids) => ({ actions: ids.flatMap((id) => changes.get(id) ?? []) })),
  ];
  return {
    id: options.id,
    version: options.version,
    original,
    target,
    steps: steps.filter(({ actions }) => actions.length > 0),
  };
}

/** What a plan may not do to apps that keep data; empty when it may be carried out. */
export function planErrors(plan: DeploymentPlan): FieldErrors[] {
  return affectedApps(plan).flatMap((id, index) => {
    const from = getSpec(plan.original, id);
    const to = getSpec(plan.target, id);
    if (!from || !to) return [];
    const found = isPod(from)
      ? isPod(to)
        ? validatePodChange(from, to)
        : []
      : isPod(to)
        ? []
        : validateChange(from, to);
    return found.map(({ path, errors }) => ({
      path: `/app(${index})${path === '/' ? '' : path}`,
      errors,
    }));
  });
}

/** The apps and pods that any step touches, in the order of their paths. */
export function affectedApps(plan: DeploymentPlan): PathId[] {
  const ids = new Set(plan.steps.flatMap(({ actions }) => actions.map(({ app }) => app.id)));
  return [...ids].sort();
}

/** Those of `running` that touch an app that `plan` touches too. */
export function conflictsOf(plan: DeploymentPlan, running: readonly DeploymentPlan[]): DeploymentPlan[] {
  const ids = new Set(affectedApps(plan));
  return running.filter((other) => affectedApps(other).some((id) => ids.has(id)));
}

const minus = (from: readonly PathId[], removed: readonly PathId[]) => from.filter((id) => !removed.includes(id));
const plus = (to: readonly PathId[], added: readonly PathId[]) => [...to, ...minus(added, to)];

function revertApps(plan: DeploymentPlan, current: Group, version: Timestamp): Group {
  let result = current;
  for (const before of transitiveSpecs(plan.original)) {
    const after = getSpec(plan.target, before.id);
    if (!after || isChanged(before, after)) result = putApp(result, before, version);
  }
  for (const after of transitiveSpecs(plan.target))
    if (!getSpec(plan.original, after.id)) result = removeApp(result, after.id, version);
  return result;
}

/** A group that the plan added goes only when it is empty and as the plan left it. */
function revertAddedGroup(added: Group, current: Group, version: Timestamp): Group {
  const now = getGroup(current, added.id);
  if (!now) return current;
  const isEmpty = specsOf(now).length === 0 && Object.keys(now.groups).length === 0;
  if (isEmpty && sameJson(now.dependencies, added.dependencies)) return removeGroup(current, added.id, version);
  if (added.dependencies.length === 0) return current;
  return putGroup(current, { ...now, dependencies: minus(now.dependencies, added.dependencies) }, version);
}

function revertKeptGroup(before: Group, after: Group | undefined, current: Group, version: Timestamp): Group {
  const now = getGroup(current, before.id) ?? emptyGroup(before.id, version, before.enforceRole);
  const removed = minus(before.dependencies, after?.dependencies ?? []);
  const added = minus(after?.dependencies ?? [], before.dependencies);
  if (after && removed.length === 0 && added.length === 0 && getGroup(current, before.id)) return current;
  return putGroup(current, { ...now, dependencies: minus(plus(now.dependencies, removed), added) }, version);
}

/**
 * `current` with what `plan` did undone, while what other changes did since stays: apps it changed or removed return
 * to the old definition, those it added go. Versions are to be stamped afterwards.
 */
export function revertedTree(plan: DeploymentPlan, current: Group, version: Timestamp): Group {
  let result = revertApps(plan, current, version);
  const ids = new Set([...transitiveGroups(plan.original), ...transitiveGroups(plan.target)].map(({ id }) => id));
  // Inner groups first, so that outer ones can be seen to be empty.
  for (const id of [...ids].sort().reverse()) {
    const before = getGroup(plan.original, id);
    const after = getGroup(plan.target, id);
    if (before) result = revertKeptGroup(before, after, result, version);
    else if (after) result = revertAddedGroup(after, result, version);
  }
  return result;
}

const podActions = {
  StartApplication: 'StartPod',
  StopApplication: 'StopPod',
  ScaleApplication: 'ScalePod',
  RestartApplication: 'RestartPod',
} as const satisfies Record<PlanAction['action'], DeploymentActionName>;

function actionJson({ action, app: spec }: PlanAction): DeploymentAction {
  return isPod(spec) ? { action: podActions[action], pod: spec.id } : { action, app: spec.id };
}

/** The steps as the API writes them; also the answer to a dry run. */
export function stepsJson(steps: readonly PlanStep[]): DeploymentStep[] {
  return steps.map(({ actions }) => ({ actions: actions.map(actionJson) }));
}

/** The plan as events carry it. */
export function planJson(plan: DeploymentPlan): DeploymentPlanJson {
  return { id: plan.id, version: plan.version, steps: stepsJson(plan.steps) };
}

/** An entry of `GET /v2/deployments`; `step` counts from 1, 0 is not begun. `readiness` by app. */
export function deploymentInfo(
  plan: DeploymentPlan,
  step: number,
  readiness: Readonly<Record<PathId, readonly ReadinessCheckResult[]>>,
): DeploymentInfo {
  const steps = stepsJson(plan.steps);
  const touched = steps.flatMap(({ actions }) => actions);
  const ids = (name: 'app' | 'pod') => [...new Set(touched.flatMap((action) => action[name] ?? []))].sort();
  return {
    id: plan.id,
    version: plan.version,
    affectedApps: ids('app'),
    affectedPods: ids('pod'),
    steps,
    currentActions: (steps[step - 1]?.actions ?? []).map((action) => ({
      ...action,
      readinessCheckResults: readiness[action.app ?? ''] ?? [],
    })),
    currentStep: step,
    totalSteps: steps.length,
  };
}
