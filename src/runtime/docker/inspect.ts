import type Docker from 'dockerode';
import { networkName, nodeContainerName } from '../../plan/docker-names.ts';
import type { ClusterPlan, NodePlan, UnitPlan } from '../../plan/types.ts';
import type { UnitState, UnitStatus } from '../types.ts';
import { containerName, hasHolder, isHost } from './containers.ts';
import { containersOf, type OwnContainer } from './containers-of.ts';
import { succeedsInContainer } from './exec.ts';
import { type Inspected, inspectContainer } from './lifecycle.ts';
import { readStatus } from './status-file.ts';

/** What the engine and the node hosts say of the plan's units. */
export async function inspectUnits(docker: Docker, plan: ClusterPlan): Promise<UnitStatus[]> {
  const containers = new Map((await containersOf(docker, plan.name)).map((each) => [each.name, each]));
  const inspect = inspectOnce(docker);
  return Promise.all(
    plan.nodes.flatMap((node) => node.units.map((unit) => inspectUnit(docker, plan, node, unit, containers, inspect))),
  );
}

async function inspectUnit(
  docker: Docker,
  plan: ClusterPlan,
  node: NodePlan,
  unit: UnitPlan,
  containers: ReadonlyMap<string, OwnContainer>,
  inspect: Inspect,
): Promise<UnitStatus> {
  const container = containers.get(containerName(plan, unit));
  const holder = hasHolder(node) ? containers.get(nodeContainerName(plan.name, node.name)) : container;
  const state = await stateOf(inspect, container, hasHolder(node), holder);
  return {
    id: unit.id,
    node: node.name,
    state,
    ...(container ? { containerId: container.id.slice(0, 12), image: container.image } : {}),
    stoppedServices: container && state === 'running' ? await stoppedServices(docker, container, unit) : [],
    partitioned: holder?.state === 'running' && !holder.networks.includes(networkName(plan.name)),
  };
}

type Inspect = (id: string) => Promise<Inspected | undefined>;

/** Asks for each container once: all units of a node look at the same holder. */
export function inspectOnce(docker: Docker): Inspect {
  const asked = new Map<string, Promise<Inspected | undefined>>();
  return (id) => {
    const inspected = asked.get(id) ?? inspectContainer(docker, id);
    asked.set(id, inspected);
    return inspected;
  };
}

/**
 * What the engine says of a unit's container. One that was started before the holder of its network is in a network that
 * is no more, which is a failure.
 * @param joins whether its network is the holder's
 */
export async function stateOf(
  inspect: Inspect,
  container: OwnContainer | undefined,
  joins: boolean,
  holder: OwnContainer | undefined,
): Promise<UnitState> {
  const state = ownState(container);
  if (!joins || state !== 'running') return state;
  if (ownState(holder) !== 'running' || !container || !holder) return 'failed';
  const [own, held] = await Promise.all([inspect(container.id), inspect(holder.id)]);
  return own && held && own.startedAt < held.startedAt ? 'failed' : 'running';
}

/** Programs that were asked to end did so with 0, or by the signal that asked them; all else is a failure. */
function ownState(container: OwnContainer | undefined): UnitState {
  if (!container) return 'failed';
  switch (container.state) {
    case 'running':
      return 'running';
    case 'paused':
      return 'paused';
    case 'created':
      return 'stopped';
    case 'exited':
      return container.exitCode === 0 || container.exitCode === 143 ? 'stopped' : 'failed';
    default:
      return 'failed';
  }
}

async function stoppedServices(
  docker: Docker,
  container: OwnContainer,
  unit: UnitPlan,
): Promise<UnitStatus['stoppedServices']> {
  if (!isHost(unit)) return stoppedBySupervisor(docker, container, unit);
  const status = await readStatus(docker, container.id);
  return (status?.services ?? []).flatMap((service) => {
    if (service.state === 'stopped') return [{ component: service.component, reason: 'stopped on request' }];
    if (service.state === 'waiting') return [{ component: service.component, reason: service.reason }];
    return [];
  });
}

/** A supervisor inside a service's own container keeps a file for as long as its program is stopped on request. */
async function stoppedBySupervisor(docker: Docker, container: OwnContainer, unit: UnitPlan) {
  const [service] = unit.services;
  const file = service?.container?.supervisor?.stoppedFile;
  if (!service || file === undefined) return [];
  // Not by the engine's way to copy files: before Engine 25 that mounts the container's binds in it once more.
  const held = await succeedsInContainer(docker, container.id, ['/bin/sh', '-c', '[ -e "$0" ]', file]);
  return held ? [{ component: service.component, reason: 'stopped on request' }] : [];
}
