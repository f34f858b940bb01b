import { dirname } from 'node:path';
import { applyDefaults } from '../config/defaults.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { ClusterConfig, Engine } from '../config/types.ts';
import { imagesOf } from '../plan/image-sets.ts';
import { makePlan } from '../plan/plan.ts';
import type { ClusterPlan, NodePlan, Site, UnitPlan } from '../plan/types.ts';
import type { Component } from '../protocols/versions.ts';
import type { PullPolicy, Runtime, SiteRequest, UnitStatus } from '../runtime/types.ts';
import { DevclusterError, messageOf } from '../support/errors.ts';
import { settleAll } from '../support/settle.ts';
import { trace } from '../support/trace.ts';
import { refuseSeed } from './app-time.ts';
import { comparePlans, refuseConflicts, refuseOtherEngines } from './changes.ts';
import { choose, realComponents } from './choose.ts';
import type { ClusterContext } from './context.ts';
import { withClusterLock } from './lock.ts';
import { type ClusterOwner, refuseForeign } from './owner.ts';
import type { Leaders } from './readiness.ts';
import { type ClusterRecord, newRecord, type PlannedRecord } from './record.ts';
import { startUnits } from './start-units.ts';
import { breakDown, breakdownLines } from './start-up.ts';
import { createStartUpRecorder, type StartUpRecorder } from './start-up-recorder.ts';
import { startAndWait, timeLimit } from './wait.ts';

export interface UpOptions {
  loaded: LoadedConfig;
  /** Which images of real programs are pulled; default: those that are missing. */
  pull?: PullPolicy;
  /** Keep what was started when it fails. */
  keepFailed: boolean;
  /** Wait for another command that changes the cluster. */
  wait: boolean;
  /** Makes it a throw-away cluster, which must be a new one or the owner's own. */
  owner?: ClusterOwner;
}

export interface UpResult {
  record: PlannedRecord;
  runtime: Runtime;
  leaders: Leaders;
  /** `unchanged`: everything ran and was as configured. */
  outcome: 'created' | 'changed' | 'repaired' | 'unchanged';
  seconds: number;
}

/**
 * Makes the cluster, or brings the one that is there to its configuration, and waits until it is ready. A new cluster
 * that does not get ready is removed again, an old one is left as it is.
 * @throws DevclusterError
 */
export async function up(context: ClusterContext, options: UpOptions): Promise<UpResult> {
  const { records } = context;
  const { name } = options.loaded.config;
  const { folder } = records.paths.cluster(name);
  const lock = { doing: 'devcluster up', wait: options.wait, signal: context.signal };
  return withClusterLock(name, folder, lock, async () => {
    trace('lock held');
    const begun = performance.now();
    const found = await records.read(name);
    refuseForeign(found, options.owner);
    const config = configFor(options.loaded, found);
    const known = found && found.phase !== 'kept' ? found : undefined;
    if (known) refuseConflicts(known, config);
    else if (found) refuseOtherEngines(found, config);
    const record: ClusterRecord = {
      ...(known ?? (await startRecord(context, config, found))),
      config,
      overrides: { ...found?.overrides, ...options.loaded.overrides },
      ...(options.owner ? { owner: options.owner } : {}),
    };
    refuseSeed(config, record.engine);
    const fresh = record.phase === 'creating';
    if (!known) await records.write(record);
    try {
      context.signal.throwIfAborted();
      return await bringUp(context, record, known, begun, options);
    } catch (error) {
      if (fresh && !options.keepFailed) await rollBack(context, record);
      else if (fresh)
        context.progress.warn(
          `kept as it is: see \`devcluster status\` and \`devcluster logs\`, then \`devcluster down -c ${name}\``,
        );
      throw error;
    }
  });
}

/**
 * What a flag or variable decided when the cluster was made holds until one of them, or the file, says otherwise: a
 * plain `up` changes nothing.
 */
function configFor(loaded: LoadedConfig, record: ClusterRecord | undefined): ClusterConfig {
  if (!record?.overrides) return loaded.config;
  const said = Object.fromEntries(Object.entries(loaded.raw).filter(([, value]) => value !== undefined));
  return applyDefaults({ ...record.overrides, ...said }, loaded.config.name);
}

/** The record of a cluster that is about to be made; one whose data was kept keeps its places too. */
async function startRecord(
  context: ClusterContext,
  config: ClusterConfig,
  kept: ClusterRecord | undefined,
): Promise<ClusterRecord> {
  const choice = choose(config, await context.choiceFacts(config));
  if (choice.explanation) context.progress.note(choice.explanation);
  const record = newRecord({ name: config.name, runtime: choice.runtime, engine: choice.engine, config });
  return kept?.site ? { ...record, site: kept.site } : record;
}

async function bringUp(
  context: ClusterContext,
  before: ClusterRecord,
  known: ClusterRecord | undefined,
  begun: number,
  options: Pick<UpOptions, 'loaded' | 'pull'>,
): Promise<UpResult> {
  const { records, progress, signal } = context;
  const { config } = before;
  const runtime = await context.runtime(before.runtime);
  const site = await reserve(runtime, before, known !== undefined);
  trace('places reserved');
  for (const remark of site.remarks) if (!known?.site?.remarks.includes(remark)) progress.note(remark);
  const plan = makePlan({ config, site, runtime: before.runtime, engine: before.engine });
  const changes = comparePlans(known?.plan, plan);
  await removeNodes(runtime, known?.plan, changes.removedNodes);
  const outdated = [...new Set([...(known?.outdatedUnits ?? []), ...changes.changedUnits])];
  let record: PlannedRecord = { ...before, site, plan, outdatedUnits: outdated };
  await records.write(record);
  trace('planned');
  const pullSeconds = await pullImages(context, runtime, record, options);
  const recorder = createStartUpRecorder();

  const waiting = {
    runtime,
    plan,
    timeoutSeconds: timeLimit(config, plan),
    serviceTimeoutSeconds: config.timeouts.service,
    signal,
    probe: context.probe,
  };
  const statuses = new Map((known ? await runtime.inspect(plan) : []).map((status) => [status.id, status]));
  const work = findWork(plan, statuses);
  const quiet = { ...progress, steps: quietSteps };
  // One node after the other, so that there is a quorum for most of the time.
  for (const node of plan.nodes)
    for (const unit of node.units) {
      const state = statuses.get(unit.id)?.state;
      if (!outdated.includes(unit.id) || (state !== 'running' && state !== 'paused')) continue;
      const [step] = progress.steps([`Restarting ${unit.id} with its new configuration`]);
      await runtime.stop(plan, node, unit);
      await startAndWait({ ...waiting, nodes: [node], progress: quiet }, () => runtime.start(plan, unit));
      step?.done();
      record = { ...record, outdatedUnits: record.outdatedUnits?.filter((id) => id !== unit.id) ?? [] };
      await records.write(record);
      recorder.imagesThere();
    }
  const leaders = await startAndWait(
    { ...waiting, nodes: plan.nodes, progress: work.length > 0 ? progress : quiet, recorder },
    () => doWork(context, runtime, plan, work, recorder),
  );
  trace('ready');
  if (work.length > 0) for (const line of breakdownLines(breakDown(recorder.finish(plan)))) progress.detail(line);

  const seconds = Math.round(performance.now() - begun - pullSeconds * 1000) / 1000;
  const changed = outdated.length + changes.addedNodes.length + changes.removedNodes.length > 0;
  const outcome =
    !known || known.phase === 'creating' ? 'created' : changed ? 'changed' : work.length > 0 ? 'repaired' : 'unchanged';
  const { outdatedUnits: _, ...rest } = record;
  const done: PlannedRecord = {
    ...rest,
    phase: 'up',
    ...(outcome === 'unchanged' ? {} : { readyInSeconds: seconds }),
  };
  await records.write(done);
  return { record: done, runtime, leaders, outcome, seconds };
}

/** @returns how long it took, which is the registry's time and no part of the cluster's */
async function pullImages(
  { progress, signal }: ClusterContext,
  runtime: Runtime,
  { config, engine, site }: PlannedRecord,
  { loaded, pull }: Pick<UpOptions, 'loaded' | 'pull'>,
): Promise<number> {
  const images = imagesOf(config, engine, site.imageSet ?? 'clusterd');
  if (!runtime.ensureImages || images.length === 0) return 0;
  const begun = performance.now();
  const configFolder = loaded.file === undefined ? undefined : dirname(loaded.file);
  const pulled = await runtime.ensureImages({ images, policy: pull ?? 'missing', configFolder, progress, signal });
  trace('images are there');
  return pulled ? (performance.now() - begun) / 1000 : 0;
}

/** Nodes that are not configured any more are stopped while there still is a plan that knows them. */
async function removeNodes(runtime: Runtime, plan: ClusterPlan | undefined, names: readonly string[]): Promise<void> {
  if (!plan) return;
  const nodes = plan.nodes.filter((node) => names.includes(node.name));
  await settleAll(nodes.map((node) => runtime.stop(plan, node)));
}

const quietSteps = (titles: readonly string[]) => titles.map(() => ({ update() {}, done() {}, fail() {} }));

/**
 * A cluster keeps its places. One that was taken down meanwhile gets others if somebody else has them now, and so does
 * one that never was ready, of which nobody knows where it is.
 */
async function reserve(
  runtime: Runtime,
  { name, config, engine, site, phase }: ClusterRecord,
  lives: boolean,
): Promise<Site> {
  try {
    return await runtime.reserve(siteRequest(config, engine), site);
  } catch (error) {
    const taken = error instanceof DevclusterError && error.kind === 'conflict';
    const begun = lives && phase === 'creating';
    if ((lives && !begun) || !site || !taken) throw error;
    if (begun) await runtime.remove(name, { keepData: false });
    return runtime.reserve(siteRequest(config, engine));
  }
}

/** What a runtime has to know to find places for a cluster. */
export function siteRequest(config: ClusterConfig, engine: Engine): SiteRequest {
  const real = realComponents(config, engine);
  return {
    cluster: config.name,
    nodes: config.nodes.map(({ name, control, taskPorts }) => ({ name, control, taskPorts })),
    ports: config.ports,
    addresses: config.network.addresses,
    ...(config.network.publish === undefined ? {} : { publish: config.network.publish }),
    ...(config.network.subnet === undefined ? {} : { subnet: config.network.subnet }),
    ...(real.length === 0
      ? {}
      : {
          programs: real.map((component) => {
            const { version } = config.components[component];
            return { component, ...(version === undefined ? {} : { version }) };
          }),
        }),
  };
}

/** One thing to be done to bring a cluster to its plan. */
type Work =
  | { kind: 'start'; unit: UnitPlan }
  | { kind: 'resume'; node: NodePlan }
  | { kind: 'heal'; node: NodePlan }
  | { kind: 'start-services'; node: NodePlan; components: readonly Component[] };

/** @param statuses what the runtime sees of each unit; one it doesn't know of is not running */
function findWork(plan: ClusterPlan, statuses: ReadonlyMap<string, UnitStatus>): Work[] {
  const work: Work[] = [];
  for (const node of plan.nodes) {
    const own = node.units.flatMap((unit) => statuses.get(unit.id) ?? []);
    if (own.some(({ partitioned }) => partitioned)) work.push({ kind: 'heal', node });
    if (own.some(({ state }) => state === 'paused')) work.push({ kind: 'resume', node });
    for (const unit of node.units) {
      const status = statuses.get(unit.id);
      if (status?.state !== 'running' && status?.state !== 'paused') work.push({ kind: 'start', unit });
      else if (status.stoppedServices.length > 0) {
        const components = status.stoppedServices.map(({ component }) => component);
        work.push({ kind: 'start-services', node, components });
      }
    }
  }
  return work;
}

async function doWork(
  { progress, signal }: ClusterContext,
  runtime: Runtime,
  plan: ClusterPlan,
  work: readonly Work[],
  recorder: StartUpRecorder,
): Promise<void> {
  const begun = performance.now();
  // What is paused or cut off goes on first: the others may need it.
  await settleAll(
    work.map(async (item) => {
      if (item.kind === 'resume') await runtime.resume(plan, item.node);
      if (item.kind === 'heal') await runtime.partition(plan, item.node, false);
    }),
  );
  const units = work.flatMap((item) => (item.kind === 'start' ? [item.unit] : []));
  const onStarted = ({ id }: UnitPlan) => {
    recorder.started(id);
    progress.detail(`${id} was started after ${((performance.now() - begun) / 1000).toFixed(2)} s`);
  };
  recorder.asked();
  await settleAll([
    startUnits(runtime, plan, units, { signal, onStarted }),
    ...work.map(async (item) => {
      if (item.kind !== 'start-services') return;
      for (const component of item.components) await runtime.startService(plan, item.node, component);
    }),
  ]);
  trace('everything started');
}

/** Removes a cluster that never was ready. What can't be removed is said, and left for `down`. */
async function rollBack(context: ClusterContext, record: ClusterRecord): Promise<void> {
  const started = (await context.records.read(record.name))?.plan !== undefined;
  const [step] = started ? context.progress.steps(['Removing what was started']) : [];
  try {
    const runtime = await context.runtime(record.runtime);
    await runtime.remove(record.name, { keepData: false });
    await context.records.remove(record.name);
    step?.done();
  } catch (error) {
    step?.fail(messageOf(error));
    context.progress.warn(`something may be left; run \`devcluster down -c ${record.name}\``);
  }
}
