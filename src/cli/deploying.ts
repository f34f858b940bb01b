import { type DeploymentOutcome, type DeployOptions, deployAndWait } from '../apps/deployment.ts';
import type { Force, MarathonClient } from '../clients/marathon.ts';
import type { DeploymentResult } from '../protocols/marathon/types.ts';
import { exitCodes } from '../support/errors.ts';
import { type CommandContext, numberOption } from './spec.ts';

const defaultTimeoutSeconds = 120;

/** `--force` as Marathon takes it. */
export function forceOption(context: CommandContext): Force {
  return context.options.force === true ? { force: true } : {};
}

/** How a command waits, and where it tells what it waits for. */
export function deployOptions(context: CommandContext, onProgress: (text: string) => void): DeployOptions {
  return {
    timeoutMs: (numberOption(context, 'timeout') ?? defaultTimeoutSeconds) * 1000,
    onProgress,
    signal: context.signal,
  };
}

/**
 * Makes a change, waits for its deployment (unless --no-wait) and shows how it goes as one step.
 * @throws DevclusterError deployment / DEPLOYMENT_TIMEOUT
 */
export async function runDeployment(
  context: CommandContext,
  marathon: MarathonClient,
  title: string,
  change: () => Promise<DeploymentResult>,
): Promise<DeploymentOutcome | DeploymentResult> {
  const [step] = context.progress.steps([title]);
  try {
    if (context.options.wait === false) {
      const result = await change();
      step?.done('submitted');
      return result;
    }
    const say = (text: string) => context.progress.note(`  ${text}`);
    const outcome = await deployAndWait(marathon, change, deployOptions(context, say));
    if (outcome.state === 'success') step?.done(`in ${outcome.seconds} s`);
    else step?.fail(outcome.reason);
    return outcome;
  } catch (error) {
    step?.fail();
    throw error;
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
