import type Docker from 'dockerode';
import { labels, networkName, nodeContainerName } from '../../plan/docker-names.ts';
import type { ClusterPlan, NodePlan } from '../../plan/types.ts';
import { packToBuffer } from './archive.ts';
import type { ContainerSpec } from './containers.ts';
import { containersOf, forAll, isAlive, type OwnContainer, removeContainer } from './containers-of.ts';
import { engineMessage, nameInUse, statusOf } from './errors.ts';

/** From SIGTERM to SIGKILL. Hosts give their tasks three seconds of it. */
const stopSeconds = 20;
const taskStopSeconds = 3;

/** A holder of a node's network that is being started. */
export interface Holder {
  name: string;
  /** There is a container of its name. */
  made: Promise<void>;
  started: Promise<void>;
}

/**
 * Starts a container unless it runs; one that was made from another specification is made anew. A new one is made while
 * its holder starts, which takes longest where there are many ports to publish.
 * @param ending names of containers whose end is no failure, for those who watch
 * @param options.holder whose network it joins: one that was started before its holder has lost it
 * @param options.onMade a new container is there, which is not started yet
 */
export async function startContainer(
  docker: Docker,
  spec: ContainerSpec,
  ending: Set<string>,
  { holder, onMade }: { holder?: Holder; onMade?: () => void } = {},
): Promise<void> {
  await holder?.made;
  let made = await tryCreate(docker, spec);
  if (made) onMade?.();
  else {
    await holder?.started;
    if (await startExisting(docker, spec, ending, holder?.name)) return;
    made = await docker.createContainer(spec.options);
  }
  await putFiles(made, spec);
  await holder?.started;
  await unlessRunning(made.start());
}

/** @returns undefined when its name is taken */
async function tryCreate(docker: Docker, spec: ContainerSpec): Promise<Docker.Container | undefined> {
  try {
    return await docker.createContainer(spec.options);
  } catch (error) {
    if (statusOf(error) === 409) return undefined;
    throw error;
  }
}

/** @returns whether it runs now; if not there is no container of that name any more */
async function startExisting(
  docker: Docker,
  spec: ContainerSpec,
  ending: Set<string>,
  holder: string | undefined,
): Promise<boolean> {
  const there = await inspectContainer(docker, spec.name);
  if (!there) return false;
  if (there.cluster !== spec.options.Labels?.[labels.cluster]) throw nameInUse(`a container '${spec.name}'`);
  const running = ['running', 'paused', 'restarting'].includes(there.state);
  const lost = running && (await hasLostNetwork(docker, there, holder));
  if (running && !lost) return true;
  const container = docker.getContainer(there.id);
  if (there.hash === spec.hash) {
    if (running) {
      ending.add(spec.name);
      await container.stop({ t: stopSeconds }).catch(ignoreEnded);
    }
    try {
      // Secrets may be others by now, which make no other container.
      await putFiles(container, spec);
      await unlessRunning(container.start());
      return true;
    } catch (error) {
      // Its network, or the container that it joins, is another one by now.
      if (!/No such (container|network)|network \S+ not found|cannot join network/i.test(engineMessage(error)))
        throw error;
    }
  }
  ending.add(spec.name);
  await removeContainer(container).catch(ignoreGone);
  return false;
}

async function putFiles(container: Docker.Container, { files }: ContainerSpec): Promise<void> {
  if (files.length > 0) await container.putArchive(await packToBuffer(files), { path: '/' });
}

async function hasLostNetwork(docker: Docker, { startedAt }: Inspected, holder: string | undefined): Promise<boolean> {
  if (holder === undefined) return false;
  const held = await inspectContainer(docker, holder);
  return held !== undefined && startedAt < held.startedAt;
}

export interface Inspected {
  id: string;
  state: string;
  hash: string | undefined;
  /** As its label says. */
  cluster: string | undefined;
  /** As text that sorts by time. */
  startedAt: string;
}

export async function inspectContainer(docker: Docker, name: string): Promise<Inspected | undefined> {
  try {
    const { Id, State, Config } = await docker.getContainer(name).inspect();
    const { [labels.configHash]: hash, [labels.cluster]: cluster } = Config.Labels;
    return { id: Id, state: State.Status, hash, cluster, startedAt: State.StartedAt };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** A node's containers, and those of its tasks. */
export async function containersOfNode(docker: Docker, plan: ClusterPlan, node: NodePlan) {
  const all = (await containersOf(docker, plan.name)).filter((each) => each.node === node.name);
  return {
    holders: all.filter(({ kind }) => kind === 'holder'),
    units: all.filter(({ kind }) => kind === 'node' || kind === 'service'),
    tasks: all.filter(({ kind }) => kind === 'task'),
  };
}

/** The agent goes first, which would report the end of its tasks as failures, and the holder of the network last. */
export async function stopNode(docker: Docker, plan: ClusterPlan, node: NodePlan): Promise<void> {
  const { holders, units } = await containersOfNode(docker, plan, node);
  const withAgent = units.filter(({ component }) => component.includes('mesos-agent'));
  await stopAll(docker, withAgent, stopSeconds);
  const { tasks } = await containersOfNode(docker, plan, node);
  await stopAll(docker, tasks, taskStopSeconds);
  await stopAll(
    docker,
    units.filter((each) => !withAgent.includes(each)),
    stopSeconds,
  );
  await stopAll(docker, holders, 1);
}

export async function stopUnit(docker: Docker, name: string): Promise<void> {
  await docker.getContainer(name).stop({ t: stopSeconds }).catch(ignoreEnded);
}

async function stopAll(docker: Docker, containers: readonly OwnContainer[], seconds: number): Promise<void> {
  await unpauseAll(docker, containers);
  await forAll(docker, containers.filter(isAlive), (container) => container.stop({ t: seconds }));
}

/** SIGKILL of all containers; killed on request, the engine does not start them again. */
export async function killNode(docker: Docker, plan: ClusterPlan, node: NodePlan): Promise<void> {
  const { holders, units, tasks } = await containersOfNode(docker, plan, node);
  const all = [...units, ...tasks, ...holders];
  await unpauseAll(docker, all);
  await forAll(docker, all.filter(isAlive), (container) => container.kill());
}

/** The host or agent is paused first, so that no more tasks come. */
export async function pauseNode(docker: Docker, plan: ClusterPlan, node: NodePlan): Promise<void> {
  const { units } = await containersOfNode(docker, plan, node);
  await forAll(docker, units.filter(isRunning), (container) => container.pause());
  const { tasks } = await containersOfNode(docker, plan, node);
  await forAll(docker, tasks.filter(isRunning), (container) => container.pause());
}

/** Tasks first: health checks shall find them answering. */
export async function resumeNode(docker: Docker, plan: ClusterPlan, node: NodePlan): Promise<void> {
  const { units, tasks } = await containersOfNode(docker, plan, node);
  await unpauseAll(docker, tasks);
  await unpauseAll(docker, units);
}

async function unpauseAll(docker: Docker, containers: readonly OwnContainer[]): Promise<void> {
  const paused = containers.filter(({ state }) => state === 'paused');
  await forAll(docker, paused, (container) => container.unpause());
}

const isRunning = ({ state }: OwnContainer): boolean => state === 'running';

/** Takes the node off the cluster's network, or puts it back at its own address. */
export async function partitionNode(docker: Docker, plan: ClusterPlan, node: NodePlan, cut: boolean): Promise<void> {
  const network = docker.getNetwork(networkName(plan.name));
  const container = nodeContainerName(plan.name, node.name);
  try {
    if (cut) await network.disconnect({ Container: container, Force: false });
    else
      await network.connect({
        Container: container,
        EndpointConfig: { IPAMConfig: { IPv4Address: node.site.address }, Aliases: [node.name] },
      } as never);
  } catch (error) {
    // It is so already.
    if (!/is not connected to|already exists in network|already attached/i.test(engineMessage(error))) throw error;
  }
}

async function unlessRunning(start: Promise<unknown>): Promise<void> {
  try {
    await start;
  } catch (error) {
    if (statusOf(error) !== 304) throw error;
  }
}

function ignoreEnded(error: unknown): void {
  if (![304, 404].includes(statusOf(error) ?? 0)) throw error;
}

function ignoreGone(error: unknown): void {
  if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
}
