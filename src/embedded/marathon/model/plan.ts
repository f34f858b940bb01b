import type {
  AppDefinition,
  DeploymentInfo,
  DeploymentPlanJson,
  DeploymentStep,
  PathId,
  ReadinessCheckResult,
  Timestamp,
} from '../../../protocols/marathon/types.ts';
import type { Group } from './group.ts';

export type PlanAction =
  | { readonly action: 'StartApplication' | 'RestartApplication' | 'StopApplication'; readonly app: AppDefinition }
  | {
      readonly action: 'ScaleApplication';
      readonly app: AppDefinition;
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

/**
 * Plans the way from `original` to `target`, both with versions stamped and service ports assigned.
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
  throw new Error(`not built: ${original} ${target} ${options}`);
}

/** The apps that any step touches, in the order of their paths. */
export function affectedApps(plan: DeploymentPlan): PathId[] {
  throw new Error(`not built: ${plan}`);
}

/** Those of `running` that touch an app that `plan` touches too. */
export function conflictsOf(plan: DeploymentPlan, running: readonly DeploymentPlan[]): DeploymentPlan[] {
  throw new Error(`not built: ${plan} ${running}`);
}

/** `current` with what `plan` did undone: what other changes did since stays. */
export function revertedTree(plan: DeploymentPlan, current: Group, version: Timestamp): Group {
  throw new Error(`not built: ${plan} ${current} ${version}`);
}

/** The steps as the API writes them; also the answer to a dry run. */
export function stepsJson(steps: readonly PlanStep[]): DeploymentStep[] {
  throw new Error(`not built: ${steps}`);
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
  throw new Error(`not built: ${plan} ${step} ${readiness}`);
}

/** Levels of a dependency graph: each list depends on earlier ones only. Undefined when the graph has a cycle. */
export function dependencyLevels(group: Group): PathId[][] | undefined {
  throw new Error(`not built: ${group}`);
}
