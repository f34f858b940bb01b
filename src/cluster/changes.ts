import type { ClusterConfig, Engine, RuntimeKind } from '../config/types.ts';
import { engineOf } from '../plan/image-sets.ts';
import type { ClusterPlan } from '../plan/types.ts';
import { components } from '../protocols/versions.ts';
import { DevclusterError } from '../support/errors.ts';
import type { ClusterRecord } from './record.ts';

/** What an `up` finds to do for a cluster that is there. */
export interface PlanChanges {
  /** Units of the new plan whose services run differently from how they were started. */
  changedUnits: ReadonlySet<string>;
  /** Nodes that are not configured any more. */
  removedNodes: readonly string[];
  addedNodes: readonly string[];
}

/**
 * A cluster keeps what it was made with: what can't be changed while it lives is refused.
 * @throws DevclusterError conflict
 */
export function refuseConflicts(record: ClusterRecord, config: ClusterConfig): void {
  const keep = (what: string, made: RuntimeKind | Engine, asked: string) => {
    if (asked !== 'auto' && asked !== made)
      throw conflict(record.name, `${what} '${made}'`, `the configuration asks for '${asked}'`);
  };
  keep('the runtime', record.runtime, config.runtime);
  keep('the engine', record.engine, config.engine);
  refuseOtherEngines(record, config);
  const control = (of: ClusterConfig) => of.nodes.filter((node) => node.control).map((node) => node.name);
  const [made, asked] = [control(record.config), control(config)];
  if (made.join() !== asked.join())
    throw conflict(
      record.name,
      `the control nodes ${made.join(', ')}`,
      `the configuration makes them ${asked.join(', ') || 'none'}`,
      ' Agents can be added: list them under `nodes` with `control: true` on the nodes that have it now.',
    );
  const network = (of: ClusterConfig) => JSON.stringify([of.network.addresses, of.network.subnet, of.network.publish]);
  if (network(record.config) !== network(config))
    throw conflict(record.name, 'its own addresses', 'the configuration changes `network`');
}

/**
 * What one engine's server has written another's can't read, so that data which is kept is kept with its engine.
 * @throws DevclusterError conflict
 */
export function refuseOtherEngines(record: ClusterRecord, config: ClusterConfig): void {
  const asked = config.engine === 'auto' ? record.engine : config.engine;
  for (const component of components) {
    const suitable = record.site?.imageSet;
    const made = engineOf(record.config, record.engine, component, suitable);
    const now = engineOf(config, asked, component, suitable);
    if (made !== now)
      throw conflict(record.name, `${component} of the engine '${made}'`, `the configuration asks for '${now}'`);
  }
}

function conflict(name: string, madeWith: string, asked: string, more = ''): DevclusterError {
  return new DevclusterError(
    'conflict',
    'CLUSTER_DIFFERS',
    `The cluster '${name}' was made with ${madeWith}, but ${asked}`,
    {
      hint: `Run \`devcluster down -c ${name}\` first to make it anew, or take another name with -c.${more}`,
      details: { cluster: name },
    },
  );
}

export function comparePlans(before: ClusterPlan | undefined, after: ClusterPlan): PlanChanges {
  const unitsBefore = new Map((before?.nodes ?? []).flatMap((node) => node.units.map((unit) => [unit.id, unit])));
  const units = after.nodes.flatMap((node) => node.units);
  const names = new Set(after.nodes.map((node) => node.name));
  const namesBefore = new Set((before?.nodes ?? []).map((node) => node.name));
  return {
    changedUnits: new Set(
      units
        .filter((unit) => unitsBefore.has(unit.id) && JSON.stringify(unitsBefore.get(unit.id)) !== JSON.stringify(unit))
        .map((unit) => unit.id),
    ),
    removedNodes: [...namesBefore].filter((name) => !names.has(name)),
    addedNodes: [...names].filter((name) => !namesBefore.has(name)),
  };
}
