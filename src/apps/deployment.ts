import type { MarathonClient } from '../clients/marathon.ts';
import type { DeploymentResult, MarathonEvent, QueueItem } from '../protocols/marathon/types.ts';
import { DevclusterError } from '../support/errors.ts';
import { createInstanceProgress, type FailedTask } from './instance-progress.ts';

/** How a deployment ended, as `deploy --json` prints it. */
export interface DeploymentOutcome {
  id: string;
  version: string;
  apps: string[];
  state: 'success' | 'failed';
  seconds: number;
  /** Why it failed. */
  reason?: string;
  /** The task that failed last, whatever came of the deployment. */
  failedTask?: FailedTask;
}

export interface DeployOptions {
  /** Milliseconds until a running deployment counts as timed out; it is left running. */
  timeoutMs: number;
  /** Told what happens, one sentence each: failing tasks, offers that don't fit. */
  onProgress: (text: string) => void;
  /**
   * Told what became of an instance, or that a step is done, and how many instances run and are healthy then; of
   * failures `onProgress` is told.
   */
  onInstance?: (text: string, summary: string) => void;
  signal?: AbortSignal;
}

/**
 * Makes a change and waits for the deployment it starts, by Marathon's own events. The stream is opened before the
 * change, so that no event can be missed.
 * @throws DevclusterError deployment / DEPLOYMENT_TIMEOUT with what kept it waiting; errors of the change itself
 */
export async function deployAndWait(
  client: MarathonClient,
  change: () => Promise<DeploymentResult>,
  options: DeployOptions,
): Promise<DeploymentOutcome> {
  const started = performance.now();
  const ended = new AbortController();
  const signal = options.signal ? AbortSignal.any([ended.signal, options.signal]) : ended.signal;
  const aborted = rejectionBy(signal);
  const watch = watchEvents(client, signal);
  try {
    await Promise.race([aborted, watch.attached]);
    const result = await Promise.race([aborted, change()]);
    const apps = await Promise.race([aborted, affectedApps(client, result.deploymentId)]);
    const ending = await waitForEnd(client, result, apps, watch, started, options, aborted);
    const seconds = Math.round((performance.now() - started) / 10) / 100;
    return {
      id: result.deploymentId,
      version: result.version,
      apps: ending.apps ?? apps,
      state: ending.state,
      seconds,
      ...(ending.reason ? { reason: ending.reason } : {}),
      ...(ending.failedTask ? { failedTask: ending.failedTask } : {}),
    };
  } finally {
    ended.abort();
  }
}

/** Rejects with the signal's reason when it is aborted, also when it was aborted before. */
function rejectionBy(signal: AbortSignal): Promise<never> {
  const rejection = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  rejection.catch(() => {});
  return rejection;
}

interface Ending {
  state: 'success' | 'failed';
  apps?: string[];
  reason?: string;
  failedTask?: FailedTask;
}

async function waitForEnd(
  client: MarathonClient,
  result: DeploymentResult,
  apps: readonly string[],
  watch: EventWatch,
  started: number,
  options: DeployOptions,
  aborted: Promise<never>,
): Promise<Ending> {
  const say = createSayer(options.onProgress);
  /** Why nothing is started, as the launch queue says it. */
  let waiting: string | undefined;
  const instances = createInstanceProgress((app) => apps.includes(app));
  const explain = setInterval(async () => {
    const queue = await client.queue().catch(() => []);
    for (const text of queue.filter((item) => apps.includes(item.app?.id ?? '')).map(whyWaiting))
      if (text) say((waiting = text));
  }, 700);
  const failedTask = () => (instances.failed ? { failedTask: instances.failed } : {});
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<'timeout'>((resolve) => {
    timer = setTimeout(() => resolve('timeout'), Math.max(0, options.timeoutMs - (performance.now() - started)));
  });
  const ended = watch.until((event) => {
    if (
      (event.eventType === 'deployment_success' || event.eventType === 'deployment_failed') &&
      event.id === result.deploymentId
    ) {
      const touched = new Set(
        event.plan.steps.flatMap((step) => step.actions.map((action) => action.app ?? action.pod ?? '')),
      );
      return {
        state: event.eventType === 'deployment_success' ? 'success' : 'failed',
        apps: [...touched],
        ...('reason' in event && event.reason ? { reason: event.reason } : {}),
      } as Ending;
    }
    if (event.eventType === 'deployment_step_success' && event.plan.id === result.deploymentId) {
      const done = event.currentStep.actions.map((action) => `${action.action} ${action.app ?? action.pod}`).join(', ');
      options.onInstance?.(`done: ${done}`, instances.summary());
    }
    const news = instances.observe(event);
    if (news) {
      if (news === instances.failed?.what) say(`a task ended: ${news}`);
      else options.onInstance?.(news, instances.summary());
    }
    return undefined;
  });
  try {
    const ending = await Promise.race([aborted, ended, timedOut]);
    // A stream that broke off (a leader that changed) tells nothing any more; the deployment's own list does.
    if (ending === 'broken') return await pollForEnd(client, result, apps, timedOut, aborted, options.timeoutMs);
    if (ending !== 'timeout')
      return ending.state === 'failed'
        ? { reason: instances.failed?.what ?? 'it was cancelled by another one', ...failedTask(), ...ending }
        : ending;
    throw timeoutError(result, apps, instances.failed?.what ?? waiting, options.timeoutMs, instances.failed);
  } finally {
    clearInterval(explain);
    clearTimeout(timer);
  }
}

async function pollForEnd(
  client: MarathonClient,
  result: DeploymentResult,
  apps: readonly string[],
  timedOut: Promise<'timeout'>,
  aborted: Promise<never>,
  timeoutMs: number,
): Promise<Ending> {
  for (;;) {
    const running = await client.deployments().catch(() => undefined);
    if (running && !running.some((deployment) => deployment.id === result.deploymentId)) {
      const current = await Promise.all(
        apps.map((id) =>
          client
            .app(id)
            .then((app) => app.version >= result.version)
            .catch(() => true),
        ),
      );
      return current.every(Boolean) ? { state: 'success' } : { state: 'failed', reason: 'it was cancelled' };
    }
    const pause = new Promise<'again'>((resolve) => setTimeout(() => resolve('again'), 250));
    if ((await Promise.race([aborted, pause, timedOut])) === 'timeout')
      throw timeoutError(result, apps, undefined, timeoutMs);
  }
}

function timeoutError(
  result: DeploymentResult,
  apps: readonly string[],
  last: string | undefined,
  timeoutMs: number,
  failedTask?: FailedTask,
): DevclusterError {
  return new DevclusterError(
    'deployment',
    'DEPLOYMENT_TIMEOUT',
    `The deployment of ${apps.join(', ')} is not finished after ${timeoutMs / 1000} s${last ? `; last: ${last}` : ''}`,
    {
      hint: 'It goes on in the background. See `devcluster apps` and `devcluster logs app:…`; --timeout gives it longer.',
      details: {
        deployment: result.deploymentId,
        version: result.version,
        apps,
        ...(failedTask ? { failedTask } : {}),
      },
    },
  );
}

async function affectedApps(client: MarathonClient, id: string): Promise<string[]> {
  const running = await client.deployments();
  return [...(running.find((deployment) => deployment.id === id)?.affectedApps ?? [])];
}

interface EventWatch {
  attached: Promise<void>;
  /** The first defined result of `match`, over all events since attached; `broken` when the stream ends first. */
  until<T>(match: (event: MarathonEvent) => T | undefined): Promise<T | 'broken'>;
}

function watchEvents(client: MarathonClient, signal: AbortSignal): EventWatch {
  const seen: MarathonEvent[] = [];
  let listener: ((event: MarathonEvent | 'end') => void) | undefined;
  let over = false;
  let onAttached: () => void = () => {};
  let onFailed: (error: unknown) => void = () => {};
  const attached = new Promise<void>((resolve, reject) => {
    onAttached = resolve;
    onFailed = reject;
  });
  attached.catch(() => {});
  const read = async () => {
    try {
      for await (const event of client.events(signal)) {
        if (event.eventType === 'event_stream_attached') onAttached();
        seen.push(event);
        listener?.(event);
      }
    } catch (error) {
      onFailed(error);
    }
    onFailed(
      new DevclusterError('missing', 'SERVICE_UNREACHABLE', 'Marathon closed its event stream', {
        hint: 'Its leader may be changing; try again.',
      }),
    );
    over = true;
    listener?.('end');
  };
  void read();
  return {
    attached,
    until: (match) =>
      new Promise((resolve) => {
        const take = (event: MarathonEvent | 'end') => {
          if (event === 'end') return resolve('broken');
          const result = match(event);
          if (result === undefined) return;
          listener = undefined;
          resolve(result);
        };
        for (const event of seen) take(event);
        listener = take;
        if (over) take('end');
      }),
  };
}

const remedies: Record<string, string> = {
  InsufficientCpus: 'no node has enough cpus free',
  InsufficientMemory: 'no node has enough memory free',
  InsufficientDisk: 'no node has enough disk free',
  InsufficientGpus: 'no node has the gpus',
  InsufficientPorts: 'no node has the ports free',
  UnfulfilledConstraint: 'no node satisfies its constraints',
  UnfulfilledRole: 'no node offers resources for its role',
};

/** Why an app in the launch queue is not started, in a sentence, or undefined when nothing speaks against it. */
export function whyWaiting(item: QueueItem): string | undefined {
  const id = item.app?.id ?? 'a pod';
  if (item.delay.timeLeftSeconds > 1)
    return `${id} waits ${item.delay.timeLeftSeconds} s before the next try, since its tasks ended`;
  const summary = item.processedOffersSummary;
  const steps = [...summary.rejectSummaryLastOffers].filter((step) => step.declined > 0);
  const blocking = steps.at(-1);
  const matched = summary.rejectSummaryLastOffers.at(-1);
  if (!blocking || summary.unusedOffersCount === 0) return undefined;
  if (matched && matched.processed > matched.declined) return undefined;
  const reasons = steps.map(
    (step) => `${remedies[step.reason] ?? step.reason} (${step.declined} of ${step.processed} offers)`,
  );
  return `${id}: ${item.count} not started: ${reasons.join('; ')}`;
}

/** Says each sentence once. */
function createSayer(onProgress: (text: string) => void): (text: string) => void {
  const said = new Set<string>();
  return (text) => {
    if (said.has(text)) return;
    said.add(text);
    onProgress(text);
  };
}
