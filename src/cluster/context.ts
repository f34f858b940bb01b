import type { ClusterConfig, RuntimeKind } from '../config/types.ts';
import { type EngineSurvey, surveyEngine } from '../runtime/docker/survey.ts';
import { createRuntime } from '../runtime/index.ts';
import type { Runtime } from '../runtime/types.ts';
import { DevclusterError } from '../support/errors.ts';
import type { Progress } from '../support/progress.ts';
import { type ChoiceFacts, needsSurvey } from './choose.ts';
import { probe } from './probes.ts';
import { createRecords, isPlanned, type PlannedRecord, type Records } from './record.ts';

/** What every operation on clusters works with. */
export interface ClusterContext {
  records: Records;
  progress: Progress;
  /** Aborted when the user wants to stop. */
  signal: AbortSignal;
  runtime(kind: RuntimeKind): Promise<Runtime>;
  /** What the choice of runtime and engine depends on; asked for once. */
  choiceFacts(config: Pick<ClusterConfig, 'runtime'>): Promise<ChoiceFacts>;
  /** How services are asked whether they are ready. */
  probe: typeof probe;
}

export function createClusterContext(options: {
  env: Readonly<Record<string, string | undefined>>;
  progress: Progress;
  signal: AbortSignal;
}): ClusterContext {
  const runtimes = new Map<RuntimeKind, Promise<Runtime>>();
  let survey: Promise<EngineSurvey> | undefined;
  return {
    records: createRecords(options.env),
    progress: options.progress,
    signal: options.signal,
    probe,
    async choiceFacts(config) {
      if (!needsSurvey(config)) return { docker: undefined };
      survey ??= surveyEngine(options.env, config.runtime === 'docker' ? 'docker' : 'auto');
      return { docker: await survey };
    },
    runtime(kind) {
      const runtime = runtimes.get(kind) ?? createRuntime(kind, { env: options.env });
      runtimes.set(kind, runtime);
      return runtime;
    },
  };
}

/** A cluster that is there, with its runtime. */
export interface OpenCluster {
  record: PlannedRecord;
  runtime: Runtime;
}

/** @throws DevclusterError notFound when there is no such cluster */
export async function openCluster(context: ClusterContext, name: string): Promise<OpenCluster> {
  const record = await context.records.read(name);
  if (!isPlanned(record) || record.phase === 'kept') throw await noSuchCluster(context, name);
  return { record, runtime: await context.runtime(record.runtime) };
}

export async function noSuchCluster(context: ClusterContext, name: string): Promise<DevclusterError> {
  const others = await context.records.names().catch(() => []);
  return new DevclusterError('notFound', 'NO_SUCH_CLUSTER', `There is no cluster '${name}'`, {
    hint:
      others.length > 0
        ? `There is ${others.join(', ')}; name one with -c, or create this one with \`devcluster up -c ${name}\`.`
        : 'Create it with `devcluster up`.',
    details: { cluster: name, clusters: others },
  });
}
