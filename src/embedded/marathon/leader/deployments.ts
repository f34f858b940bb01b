import type { DeploymentInfo, PathId, ReadinessCheckResult } from '../../../protocols/marathon/types.ts';
import { messageOf } from '../../../support/errors.ts';
import type { Logger } from '../../../support/logger.ts';
import type { EventBus } from '../events.ts';
import type { InstanceTracker } from '../instances.ts';
import {
  affectedApps,
  conflictsOf,
  type DeploymentPlan,
  deploymentInfo,
  type PlanAction,
  planJson,
  stepsJson,
} from '../model/plan.ts';
import {
  beginRestart,
  type Decision,
  decideRestart,
  decideScale,
  decideStop,
  type RestartBaseline,
} from '../model/rolling.ts';
import type { RunSpec } from '../model/run-spec.ts';

export interface DeploymentsOptions {
  tracker: InstanceTracker;
  events: EventBus;
  log: Logger;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Ids of instances whose readiness check has said yes. */
  ready: () => ReadonlySet<string>;
  readinessResults: (appId: PathId) => readonly ReadinessCheckResult[];
  /** An action that waits for new instances of the app begins, or ends. */
  watchReadiness: (app: RunSpec, watch: boolean) => void;
  start: (app: RunSpec, count: number) => void;
  /** Gives instances up for good. */
  decommission: (instanceIds: readonly string[]) => void;
  /** Ends instances that are too many or too old; those that keep data are only put to rest. */
  retire: (instanceIds: readonly string[]) => void;
  resetDelay: (app: RunSpec) => void;
  /** The app is stopped for good. */
  onStopped: (app: RunSpec) => void;
  /** The deployment is over, one way or the other. */
  onEnded: (plan: DeploymentPlan, success: boolean) => void;
}

/** Carries out plans: several at a time when they touch different apps. */
export interface Deployments {
  /** Takes the plan in: it locks its apps, but nothing is done before `begin`. */
  add(plan: DeploymentPlan): void;
  begin(id: string): void;
  /** Ends it where it is. @returns false when there is no such deployment */
  cancel(id: string, reason: string): boolean;
  get(id: string): DeploymentPlan | undefined;
  plans(): DeploymentPlan[];
  conflicts(plan: DeploymentPlan): DeploymentPlan[];
  /** Ids of the deployments that touch the app. */
  ofApp(appId: PathId): readonly string[];
  list(): DeploymentInfo[];
  /** Something that decisions about the app depend on has changed, besides its instances. */
  touch(appId: PathId): void;
  readonly size: number;
  /** Deployments that came to their end since the start. */
  readonly ended: number;
  close(): void;
}

interface Running {
  readonly plan: DeploymentPlan;
  readonly apps: readonly PathId[];
  /** From 1; 0 before the first step has begun. */
  step: number;
  actions: RunningAction[];
}

interface RunningAction {
  readonly action: PlanAction;
  baseline: RestartBaseline | undefined;
  done: boolean;
}

const noDeployments: readonly string[] = [];

export function createDeployments(options: DeploymentsOptions): Deployments {
  const { tracker, events, log } = options;
  const running = new Map<string, Running>();
  const byApp = new Map<PathId, readonly string[]>();
  const dirty = new Set<Running>();
  let scheduled = false;
  let ended = 0;
  let closed = false;

  const index = () => {
    byApp.clear();
    for (const [id, { apps }] of running) for (const app of apps) byApp.set(app, [...(byApp.get(app) ?? []), id]);
  };
  // All changes of one turn are looked at together, before the turn ends.
  const mark = (deployment: Running) => {
    dirty.add(deployment);
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      const all = [...dirty];
      dirty.clear();
      for (const one of all) {
        if (closed || running.get(one.plan.id) !== one || one.step === 0) continue;
        try {
          advance(one);
        } catch (error) {
          log.error('deployment can not go on', {
            id: one.plan.id,
            error: (error as Error)?.stack ?? messageOf(error),
          });
        }
      }
    });
  };

  const beginStep = (deployment: Running) => {
    const step = deployment.plan.steps[deployment.step - 1];
    deployment.actions = (step?.actions ?? []).map((action) => ({ action, baseline: undefined, done: false }));
    if (!step) return;
    events.publish({
      eventType: 'deployment_info',
      plan: planJson(deployment.plan),
      currentStep: stepsJson([step])[0]!,
    });
    for (const { action } of deployment.actions) {
      if (action.action === 'RestartApplication') options.resetDelay(action.app);
      if (action.action === 'RestartApplication' || action.action === 'ScaleApplication')
        options.watchReadiness(action.app, true);
    }
  };

  const advance = (deployment: Running) => {
    for (;;) {
      for (const one of deployment.actions) if (!one.done) act(one);
      if (running.get(deployment.plan.id) !== deployment || deployment.actions.some((one) => !one.done)) return;
      const step = deployment.plan.steps[deployment.step - 1];
      if (step)
        events.publish({
          eventType: 'deployment_step_success',
          plan: planJson(deployment.plan),
          currentStep: stepsJson([step])[0]!,
        });
      if (deployment.step >= deployment.plan.steps.length) {
        end(deployment, undefined);
        return;
      }
      deployment.step++;
      beginStep(deployment);
    }
  };

  const act = (one: RunningAction) => {
    const { action } = one;
    const { app } = action;
    const decision = decide(one);
    const end = action.action === 'StopApplication' ? options.decommission : options.retire;
    if (decision.kill.length > 0) end(decision.kill);
    if (decision.start > 0) options.start(app, decision.start);
    one.done = decision.done;
    if (!decision.done) return;
    if (action.action === 'RestartApplication' || action.action === 'ScaleApplication')
      options.watchReadiness(app, false);
    if (action.action === 'StopApplication') options.onStopped(app);
  };

  const decide = (one: RunningAction): Decision => {
    const { action } = one;
    const { app } = action;
    const instances = tracker.ofApp(app.id);
    const input = { app, instances, ready: options.ready(), now: options.now() };
    switch (action.action) {
      case 'StartApplication':
        return { kill: [], start: 0, done: true };
      case 'StopApplication':
        return decideStop(instances);
      case 'ScaleApplication':
        return decideScale(input, action.scaleTo, action.sentenced);
      case 'RestartApplication':
        one.baseline ??= beginRestart(input);
        return decideRestart(input, one.baseline);
    }
  };

  const end = (deployment: Running, failure: string | undefined) => {
    const { plan } = deployment;
    running.delete(plan.id);
    dirty.delete(deployment);
    index();
    ended++;
    for (const { action } of deployment.actions)
      if (action.action === 'RestartApplication' || action.action === 'ScaleApplication')
        options.watchReadiness(action.app, false);
    if (failure === undefined) {
      log.info('deployment finished', { id: plan.id });
      events.publish({ eventType: 'deployment_success', id: plan.id, plan: planJson(plan) });
    } else {
      log.info('deployment cancelled', { id: plan.id, reason: failure });
      const step = plan.steps[deployment.step - 1];
      if (step)
        events.publish({
          eventType: 'deployment_step_failure',
          plan: planJson(plan),
          currentStep: stepsJson([step])[0]!,
        });
      events.publish({ eventType: 'deployment_failed', id: plan.id, plan: planJson(plan), reason: failure });
    }
    options.onEnded(plan, failure === undefined);
  };

  const touch = (appId: PathId) => {
    for (const id of byApp.get(appId) ?? noDeployments) {
      const deployment = running.get(id);
      if (deployment && deployment.step > 0) mark(deployment);
    }
  };
  tracker.onChange(({ before, after }) => touch((after ?? before)!.appId));

  return {
    add(plan) {
      running.set(plan.id, { plan, apps: affectedApps(plan), step: 0, actions: [] });
      index();
    },
    begin(id) {
      const deployment = running.get(id);
      if (!deployment || deployment.step > 0) return;
      log.info('deployment begins', { id, apps: deployment.apps.join(','), steps: deployment.plan.steps.length });
      if (deployment.plan.steps.length === 0) return end(deployment, undefined);
      deployment.step = 1;
      beginStep(deployment);
      mark(deployment);
    },
    cancel(id, reason) {
      const deployment = running.get(id);
      if (!deployment) return false;
      end(deployment, reason);
      return true;
    },
    get: (id) => running.get(id)?.plan,
    plans: () => [...running.values()].map(({ plan }) => plan),
    conflicts: (plan) =>
      conflictsOf(
        plan,
        [...running.values()].map((one) => one.plan),
      ),
    ofApp: (appId) => byApp.get(appId) ?? noDeployments,
    list: () =>
      [...running.values()].map(({ plan, apps, step }) =>
        deploymentInfo(plan, step, Object.fromEntries(apps.map((app) => [app, options.readinessResults(app)]))),
      ),
    touch,
    get size() {
      return running.size;
    },
    get ended() {
      return ended;
    },
    close() {
      closed = true;
    },
  };
}
