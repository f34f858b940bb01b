import { messageOf } from '../support/errors.ts';
import type { ClusterContext } from './context.ts';
import { isPlanned } from './record.ts';

/** A line of `list`. `state` is what the runtime sees; `status` asks the services too. */
export interface ListedCluster {
  name: string;
  state: 'running' | 'degraded' | 'stopped' | 'absent' | 'unknown';
  runtime?: string;
  engine?: string;
  nodes?: number;
  createdAt?: string;
  /** Why the state is unknown. */
  reason?: string;
}

/** All clusters of the user, sorted by name; those of which only data is kept are `absent`. */
export async function listClusters(context: ClusterContext): Promise<ListedCluster[]> {
  const names = await context.records.names();
  return Promise.all(names.map((name) => listed(context, name)));
}

async function listed(context: ClusterContext, name: string): Promise<ListedCluster> {
  try {
    const record = await context.records.read(name);
    if (!isPlanned(record)) return { name, state: record ? 'degraded' : 'unknown', reason: 'it was never started' };
    const facts = {
      name,
      runtime: record.plan.runtime,
      engine: record.plan.engine,
      nodes: record.plan.nodes.length,
      createdAt: record.createdAt,
    };
    if (record.phase === 'kept') return { ...facts, state: 'absent' };
    const units = await (await context.runtime(record.runtime)).inspect(record.plan);
    const running = units.filter((unit) => unit.state === 'running' && unit.stoppedServices.length === 0).length;
    if (units.every((unit) => unit.state === 'stopped')) return { ...facts, state: 'stopped' };
    return { ...facts, state: running === units.length ? 'running' : 'degraded' };
  } catch (error) {
    return { name, state: 'unknown', reason: messageOf(error) };
  }
}
