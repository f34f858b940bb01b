import { type DeploymentOutcome, type DeployOptions, deployAndWait } from '../apps/deployment.ts';
import type { FailedTask } from '../apps/instance-progress.ts';
import { lastTaskLines } from '../apps/task-logs.ts';
import type { Force, MarathonClient } from '../clients/marathon.ts';
import type { MesosClient } from '../clients/mesos.ts';
import type { DeploymentResult } from '../protocols/marathon/types.ts';
import { DevclusterError, exitCodes, messageOf } from '../support/errors.ts';
import { type CommandContext, numberOption } from './spec.ts';

const defaultTimeoutSeconds = 120;
/** How many of a failing task's last lines are shown. */
const failureLines = 10;

/** Where a deployment runs; without `mesos` the output of failing tasks can't be shown. */
export interface DeploymentPlace {
  marathon: MarathonClient;
  mesos?: () => Promise<MesosClient | undefined>;
}

/** `--force` as Marathon takes it. */
export function forceOption(context: CommandContext): Force {
  return context.options.force === true ? { force: true } : {};
}

/**
 * Makes a change, waits for its deployment (unless --no-wait) and shows how it goes as one step. One that fails or
 * times out is explained by the failing task's last lines and, with --rollback, undone.
 * @param instances whether each turn of an instance gets a line
 * @throws DevclusterError deployment / DEPLOYMENT_TIMEOUT
 */
export async function runDeployment(
  context: CommandContext,
  place: DeploymentPlace,
  title: string,
  change: () => Promise<DeploymentResult>,
  // A terminal shows them by numbers.
  instances = !process.stderr.isTTY,
): Promise<DeploymentOutcome | DeploymentResult> {
  const [step] = context.progress.steps([title]);
  let ended = false;
  try {
    if (context.options.wait === false) {
      const result = await change();
      step?.done('submitted');
      return result;
    }
    const outcome = await deployAndWait(place.marathon, change, {
      ...limits(context),
      onProgress: (text) => context.progress.note(`  ${text}`),
      onInstance: (text, summary) => {
        if (!ended) step?.update(summary);
        if (instances) context.progress.note(`  ${text}`);
      },
    });
    ended = true;
    if (outcome.state === 'success') step?.done(`in ${outcome.seconds} s`);
    else {
      step?.fail(outcome.reason);
      for (const line of await outputOf(place, outcome.failedTask)) context.progress.note(line);
    }
    return outcome;
  } catch (error) {
    ended = true;
    step?.fail();
    throw await explained(context, place, error);
  }
}

function limits(context: CommandContext): Pick<DeployOptions, 'timeoutMs' | 'signal'> {
  return {
    timeoutMs: (numberOption(context, 'timeout') ?? defaultTimeoutSeconds) * 1000,
    signal: context.signal,
  };
}

/** A deployment that timed out, with what its failing task wrote and, if asked for, what ran before brought back. */
async function explained(context: CommandContext, place: DeploymentPlace, error: unknown): Promise<unknown> {
  if (!(error instanceof DevclusterError) || error.code !== 'DEPLOYMENT_TIMEOUT') return error;
  const details = error.details as { deployment: string; failedTask?: FailedTask };
  const lines = await outputOf(place, details.failedTask);
  const message = [error.message, ...lines].join('\n');
  const more = { details: { ...details, ...(lines.length > 0 ? { log: lines } : {}) }, cause: error };
  if (context.options.rollback !== true)
    return new DevclusterError('deployment', error.code, message, { hint: error.hint ?? '', ...more });
  const undone = await rollBack(context, place, details.deployment);
  return new DevclusterError('deployment', undone ? 'ROLLED_BACK' : error.code, message, {
    hint: undone
      ? 'What ran before runs again. Correct the app, then deploy it anew.'
      : 'It could not be rolled back either; see `devcluster apps`.',
    ...more,
  });
}

async function rollBack(context: CommandContext, place: DeploymentPlace, deployment: string): Promise<boolean> {
  const [step] = context.progress.steps(['roll back']);
  const change = async () => {
    const result = await place.marathon.cancelDeployment(deployment);
    if (!result) throw new Error('Marathon started no deployment for it');
    return result;
  };
  try {
    const outcome = await deployAndWait(place.marathon, change, { ...limits(context), onProgress: () => {} });
    if (outcome.state === 'success') step?.done(`in ${outcome.seconds} s`);
    else step?.fail(outcome.reason);
    return outcome.state === 'success';
  } catch (error) {
    step?.fail(messageOf(error));
    return false;
  }
}

/** The last lines of a failing task, with a heading; nothing when they can't be had. */
async function outputOf(place: DeploymentPlace, task: FailedTask | undefined): Promise<string[]> {
  if (!task) return [];
  try {
    const mesos = await place.mesos?.();
    if (!mesos) return [];
    const lines = await lastTaskLines(mesos, task.taskId, failureLines);
    if (lines.length === 0) return [`The task of ${task.appId} that failed wrote nothing.`];
    return [`The last lines of the task of ${task.appId} that failed:`, ...lines.map((line) => `  ${line}`)];
  } catch {
    // They only explain; without them it is told what is known.
    return [];
  }
}

/** Prints the deployments as `deploy --json` does. @returns the exit code */
export function reportDeployments(
  context: CommandContext,
  results: readonly (DeploymentOutcome | DeploymentResult)[],
  done: 'deployed' | 'removed' = 'deployed',
): number {
  const deployments = results.map((result) =>
    'state' in result ? result : { id: result.deploymentId, version: result.version, state: 'submitted' },
  );
  const failed = results.filter(
    (result): result is DeploymentOutcome => 'state' in result && result.state === 'failed',
  );
  const text = results.map((result) =>
    'state' in result
      ? `${result.state === 'success' ? done : 'failed'}: ${result.apps.join(', ') || 'nothing to change'}${result.reason ? ` (${result.reason})` : ''}`
      : `deployment ${result.deploymentId} goes on; see \`devcluster apps\``,
  );
  context.output.result({ deployments }, text.join('\n'));
  return failed.length > 0 ? exitCodes.deployment : exitCodes.ok;
}

/** `shop/web` → `/shop/web`. */
export function appId(text: string | undefined): string {
  return `/${(text ?? '').split('/').filter(Boolean).join('/')}`;
}
