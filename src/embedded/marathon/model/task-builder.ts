import type { AppDefinition } from '../../../protocols/marathon/types.ts';
import type { EnvironmentVariable, Offer, TaskInfo } from '../../../protocols/mesos/types.ts';
import type { ModelConfig } from './config.ts';
import type { OfferMatch } from './offer-match.ts';

export interface TaskContext {
  readonly config: ModelConfig;
  readonly taskId: string;
  readonly random: () => number;
  /** Whether the app's top-level group enforces its role; told to the task. */
  readonly enforceRole: boolean;
}

/** The task that launches one instance of the app on the offer it was matched with. */
export function buildTask(app: AppDefinition, offer: Offer, match: OfferMatch, context: TaskContext): TaskInfo {
  throw new Error(`not built: ${app} ${offer} ${match} ${context}`);
}

/** The environment of that task, in the order in which later entries win; each name once. */
export function taskEnvironment(
  app: AppDefinition,
  host: string,
  hostPorts: readonly (number | undefined)[],
  context: TaskContext,
): EnvironmentVariable[] {
  throw new Error(`not built: ${app} ${host} ${hostPorts} ${context}`);
}
