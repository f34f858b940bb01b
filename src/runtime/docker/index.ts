import { availableParallelism } from 'node:os';
import { nodeContainerName } from '../../plan/docker-names.ts';
import type { ClusterPlan, NodePlan, PortName, UnitPlan } from '../../plan/types.ts';
import { DevclusterError } from '../../support/errors.ts';
import { nodeEnvironment } from '../node-environment.ts';
import { pinsFileIn, type StatePaths, statePaths } from '../paths.ts';
import { releaseSite } from '../places/reserve.ts';
import type { Runtime } from '../types.ts';
import { clustersInDocker } from './clusters.ts';
import {
  type ContainerContext,
  containerName,
  hasHolder,
  holderContainer,
  isHost,
  unitContainer,
} from './containers.ts';
import { advanceClock, controlService } from './control.ts';
import { ensureEmbeddedImage } from './embedded-image.ts';
import { openEngine } from './engine.ts';
import { startError } from './errors.ts';
import { execInContainer } from './exec.ts';
import { inspectUnits } from './inspect.ts';
import {
  type Holder,
  inspectContainer,
  killNode,
  partitionNode,
  pauseNode,
  resumeNode,
  startContainer,
  stopNode,
  stopUnit,
} from './lifecycle.ts';
import { readLogs } from './logs.ts';
import { bringPrograms } from './programs.ts';
import { removeFromDocker } from './remove.ts';
import { reserveInDocker } from './reserve.ts';
import { putSecrets, readSecrets } from './secrets.ts';
import { taskContainer } from './task-exec.ts';
import { watchUnits } from './watch.ts';

export interface DockerRuntimeOptions {
  /** DOCKER_HOST and others tell the engine, XDG_STATE_HOME and HOME where the records are. */
  env: Readonly<Record<string, string | undefined>>;
  paths?: StatePaths;
  claimsFolder?: string;
  /** Ports to publish at instead of the standard ones. */
  standardPorts?: Readonly<Record<PortName, number>>;
}

/** Runs each node as a container, or as several that share a network, in a Docker engine. */
export function createDockerRuntime(options: DockerRuntimeOptions): Runtime {
  const paths = options.paths ?? statePaths(options.env);
  const engine = openEngine(options.env);
  let image: Promise<string> | undefined;
  /** Holders that are being started, by the names of their containers. */
  const holders = new Map<string, Holder>();
  /** Volumes that are being filled, by their names. */
  const brought = new Map<string, Promise<void>>();
  const watching = new Set<Promise<unknown>>();
  /** Containers that are ended here to be started again. */
  const ending = new Set<string>();

  const contextOf = async (plan: ClusterPlan): Promise<ContainerContext> => {
    image ??= engine.facts().then((facts) => engine.with((docker) => ensureEmbeddedImage(docker, facts)));
    const cluster = paths.cluster(plan.name);
    return {
      plan,
      embeddedImage: await image,
      engineSocket: (await engine.machine()).socketPath,
      folder: cluster.folder,
      secrets: await readSecrets(cluster.secretsDir),
    };
  };

  const startHolder = (context: ContainerContext, node: NodePlan): Holder => {
    const spec = holderContainer(context, node);
    const { name } = spec;
    const known = holders.get(name);
    if (known) return known;
    let onMade = () => {};
    const made = new Promise<void>((resolve) => {
      onMade = resolve;
    });
    const started = engine
      .with((docker) => startContainer(docker, spec, ending, { onMade }))
      .finally(() => {
        holders.delete(name);
        // It was there, or could not be made, which `started` tells.
        onMade();
      });
    started.catch(() => {});
    const holder = { name, made, started };
    holders.set(name, holder);
    return holder;
  };

  /** Once for all agents that are started at the same time. */
  const bringProgramsOf = async (plan: ClusterPlan, unit: UnitPlan): Promise<void> => {
    const programs = unit.services[0]?.container?.programs;
    if (!programs) return;
    const known = brought.get(programs.volume);
    const bringing = known ?? engine.with((docker) => bringPrograms(docker, plan.name, programs));
    brought.set(programs.volume, bringing);
    await bringing.finally(() => brought.delete(programs.volume));
  };

  return {
    kind: 'docker',
    // An engine is busy with each of them, and the first shall not have to wait for the last.
    startsAtOnce: Math.max(3, availableParallelism()),

    async reserve(request, known) {
      // The image is made while the places are found.
      image ??= engine.facts().then((facts) => engine.with((docker) => ensureEmbeddedImage(docker, facts)));
      image.catch(() => {});
      const site = await reserveInDocker(engine, request, known, {
        paths: paths.cluster(request.cluster),
        ...(options.claimsFolder === undefined ? {} : { claimsFolder: options.claimsFolder }),
        ...(options.standardPorts === undefined ? {} : { standardPorts: options.standardPorts }),
      });
      await image;
      return site;
    },

    async ensureImages({ images, policy, configFolder, progress, signal }) {
      const { ensureImages } = await import('./images/ensure.ts');
      const pinsFile = pinsFileIn(configFolder, paths);
      const wanted = { images, policy, pinsFile, update: false, progress, signal, env: options.env };
      const ensured = await engine.with((docker) => ensureImages(docker, wanted));
      return ensured.some(({ pulled }) => pulled);
    },

    async refreshSecrets(plan, removed) {
      const secrets = await readSecrets(paths.cluster(plan.name).secretsDir);
      await engine.with((docker) => putSecrets(docker, plan, secrets, removed));
    },

    async start(plan, unit) {
      const context = await contextOf(plan);
      const node = nodeOf(plan, unit.node);
      await Promise.all(watching);
      const holder = hasHolder(node) ? startHolder(context, node) : undefined;
      await bringProgramsOf(plan, unit);
      const spec = unitContainer(context, node, unit);
      try {
        await engine.with((docker) => startContainer(docker, spec, ending, holder ? { holder } : {}));
      } catch (error) {
        throw startError(error, `${unit.id} (${spec.options.Image})`);
      }
    },

    stop: (plan, node, unit) =>
      engine.with((docker) =>
        unit && node.units.length > 1 ? stopUnit(docker, containerName(plan, unit)) : stopNode(docker, plan, node),
      ),

    kill: (plan, node) => engine.with((docker) => killNode(docker, plan, node)),

    async pause(plan, node) {
      await engine.with(async (docker) => {
        await runningNode(plan, node, (name) => inspectContainer(docker, name));
        await pauseNode(docker, plan, node);
      });
    },

    resume: (plan, node) => engine.with((docker) => resumeNode(docker, plan, node)),

    partition: (plan, node, cut) => engine.with((docker) => partitionNode(docker, plan, node, cut)),

    startService: (plan, node, component) =>
      engine.with((docker) => controlService(docker, plan, node, component, 'start')),

    stopService: (plan, node, component) =>
      engine.with((docker) => controlService(docker, plan, node, component, 'stop')),

    advance: (plan, node, ms) => engine.with((docker) => advanceClock(docker, plan, node, ms)),

    inspect: (plan) => engine.with((docker) => inspectUnits(docker, plan)),

    watch(plan, onEvent, signal) {
      const ready = engine.with((docker) => watchUnits(docker, plan, ending, onEvent, signal)).catch(() => {});
      watching.add(ready);
      void ready.then(() => watching.delete(ready));
    },

    async remove(cluster, { keepData }) {
      const { folder } = paths.cluster(cluster);
      await engine.with((docker) => removeFromDocker(docker, cluster, { folder, keepData }));
      // Kept data holds on to its places: an agent does not come back with other task ports.
      if (!keepData) await releaseSite(paths.cluster(cluster), options.claimsFolder);
    },

    clusters: () => engine.with((docker) => clustersInDocker(docker, paths.root)),

    async *logs(plan, { node, component }, query) {
      yield* await engine.with(async (docker) =>
        readLogs(docker, plan, node, { ...query, ...(component === undefined ? {} : { component }) }),
      );
    },

    exec: (plan, node, command, task) =>
      engine.with(async (docker) => {
        const container = task && (await taskContainer(docker, task));
        if (container) return execInContainer(docker, container, { command, env: {}, name: task.id });
        return execInContainer(docker, hostContainerOf(plan, node), {
          command,
          env: { ...nodeEnvironment(plan, node), ...(task ? { MESOS_SANDBOX: task.sandbox } : {}) },
          folder: task?.sandbox ?? node.site.dataDir,
          name: node.name,
        });
      }),
  };
}

function nodeOf(plan: ClusterPlan, name: string): NodePlan {
  const node = plan.nodes.find((each) => each.name === name);
  if (!node) throw new DevclusterError('notFound', 'NO_SUCH_NODE', `'${plan.name}' has no node '${name}'`);
  return node;
}

/** Where commands on a node run: in the host's container, which has a shell and all its data. */
function hostContainerOf(plan: ClusterPlan, node: NodePlan): string {
  const host = node.units.find(isHost);
  return host ? containerName(plan, host) : nodeContainerName(plan.name, node.name);
}

async function runningNode(
  plan: ClusterPlan,
  node: NodePlan,
  inspect: (name: string) => Promise<{ state: string } | undefined>,
): Promise<void> {
  const state = (await inspect(nodeContainerName(plan.name, node.name)))?.state ?? 'not there';
  if (state === 'running' || state === 'paused') return;
  throw new DevclusterError('conflict', 'NODE_NOT_RUNNING', `${node.name} of '${plan.name}' is ${state}`, {
    hint: `Run 'devcluster start ${node.name}' first.`,
  });
}
