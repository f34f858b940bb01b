import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ClusterPlan, NodePlan, PortName, PortRange, ServicePlan, UnitPlan } from '../../plan/types.ts';
import {
  ControlError,
  createControlClient,
  type HostedService,
  type HostRecord,
  type HostSpec,
} from '../../protocols/control.ts';
import type { Component } from '../../protocols/versions.ts';
import { DevclusterError } from '../../support/errors.ts';
import { writeFileAtomic } from '../../support/files.ts';
import { packageRoot } from '../../support/package-root.ts';
import { signalProcess } from '../../support/process.ts';
import type { TaggedProcess } from '../../support/process-tree.ts';
import { type NodePaths, type StatePaths, statePaths } from '../paths.ts';
import { fileError } from '../places/file-error.ts';
import { claimFilesOf, reserveSite } from '../places/reserve.ts';
import type { Runtime, UnitStatus } from '../types.ts';
import { execOnNode } from './exec.ts';
import { findHost, type HostExit, hostState, startHost } from './hosts.ts';
import { readLogs } from './logs.ts';
import { destinationsCut, readPartitions, writePartitions } from './partitions.ts';
import {
  awaitEnd,
  findGuests,
  findNodePrograms,
  findTasks,
  hostVariable,
  killAll,
  processesByCluster,
  signalAll,
} from './processes.ts';
import { findPrograms, notAsProcess } from './programs.ts';
import { removeCluster } from './remove.ts';
import { type HostExits, watchUnit } from './watch.ts';

export interface ProcessRuntimeOptions {
  paths?: StatePaths;
  /** The bundled node host. */
  hostScript?: string;
  /** PATH, JAVA_HOME and ZOOKEEPER_HOME tell where real programs are. Default: this process's own. */
  env?: Readonly<Record<string, string | undefined>>;
  nodeBinary?: string;
  samplesDir?: string;
  claimsFolder?: string;
  /** Ports to begin with instead of the standard ones. */
  standardPorts?: Readonly<Record<PortName, number>>;
  ephemeralPorts?: PortRange;
  /** How long tasks have from SIGTERM to SIGKILL when their node is stopped. */
  taskGraceMs?: number;
}

/** A host that answers nothing for this long is ended without its help. */
const stopTimeoutMs = 10_000;
const statusTimeoutMs = 2_000;
/** A long way has many timers on it. */
const advanceTimeoutMs = 60_000;

/** Runs each node as a local process that hosts its services; tasks are local processes too. */
export function createProcessRuntime(options: ProcessRuntimeOptions = {}): Runtime {
  const paths = options.paths ?? statePaths();
  const program = {
    nodeBinary: options.nodeBinary ?? process.execPath,
    nodeOptions: hostNodeOptions,
    script: options.hostScript ?? join(packageRoot(), 'dist', 'node-host.cjs'),
  };
  const taskGraceMs = options.taskGraceMs ?? 3_000;
  const exits = createExits();

  const pathsOf = (plan: ClusterPlan, node: NodePlan) => paths.cluster(plan.name).node(node.name);
  const runningHost = async (plan: ClusterPlan, node: NodePlan): Promise<HostRecord> => {
    const { state, record } = await findHost(pathsOf(plan, node));
    if (state === 'running' && record) return record;
    throw new DevclusterError('conflict', 'NODE_NOT_RUNNING', `${node.name} of '${plan.name}' is ${state}`, {
      hint:
        state === 'paused'
          ? `Run 'devcluster node resume ${node.name}' first.`
          : `Run 'devcluster start ${node.name}' first.`,
    });
  };

  return {
    kind: 'process',

    async reserve(request, known) {
      const programs = findPrograms(request.programs ?? [], known?.programs, options.env ?? process.env);
      if (known?.programs)
        await endLeftPrograms(known.nodes.map(({ name }) => paths.cluster(request.cluster).node(name)));
      const site = await reserveSite(request, known, {
        paths: paths.cluster(request.cluster),
        nodeBinary: program.nodeBinary,
        samplesDir: options.samplesDir ?? join(packageRoot(), 'templates', 'samples'),
        isRunning: async (node) =>
          ['running', 'paused'].includes((await findHost(paths.cluster(request.cluster).node(node))).state),
        ...(options.claimsFolder === undefined ? {} : { claimsFolder: options.claimsFolder }),
        ...(options.standardPorts === undefined ? {} : { standard: options.standardPorts }),
        ...(options.ephemeralPorts === undefined ? {} : { ephemeralPorts: options.ephemeralPorts }),
      });
      return programs === undefined ? site : { ...site, programs };
    },

    async start(plan, unit) {
      const node = nodeOf(plan, unit.node);
      const cluster = paths.cluster(plan.name);
      const own = cluster.node(node.name);
      const partitioned = await readPartitions(cluster.partitionsFile);
      const spec: HostSpec = {
        cluster: plan.name,
        node: node.name,
        address: node.site.address,
        services: unit.services.map((service) => hostedService(service, own.folder)),
        controlSocket: own.controlSocket,
        pidFile: own.pidFile,
        logsDir: own.logsDir,
        cut: destinationsCut(plan, node, partitioned),
        ...(plan.seed === undefined ? {} : { seed: plan.seed }),
        keepFresh: claimFilesOf(cluster, options.claimsFolder),
      };
      const prepare = async () => {
        if (spec.services.some((service) => service.program)) await endLeftPrograms([own]);
        await writeServiceFiles(unit);
      };
      await startHost(own, spec, program, prepare, exits.add);
      exits.changed();
    },

    async stop(plan, node) {
      const own = pathsOf(plan, node);
      const { state, record } = await findHost(own);
      const alive = state === 'running' || state === 'paused' ? record : undefined;
      if (alive && state === 'paused') await resumeNode(alive, own);
      // The agent goes first: it would report the end of its tasks as failures.
      if (alive)
        await createControlClient(alive.controlSocket, stopTimeoutMs)
          .act('mesos-agent', 'stop')
          .catch(() => {});
      await endTasks([own.dataDir], taskGraceMs);
      if (alive) {
        signalProcess(alive, 'SIGTERM');
        if ((await awaitEnd([alive], stopTimeoutMs)).length > 0) {
          signalProcess(alive, 'SIGKILL');
          await awaitEnd([alive], stopTimeoutMs);
        }
      }
      await killAll(() => findGuests(own));
      await removeRecord(own.pidFile);
    },

    async kill(plan, node) {
      const own = pathsOf(plan, node);
      const { record } = await findHost(own);
      if (record) {
        signalProcess(record, 'SIGKILL');
        await awaitEnd([record], stopTimeoutMs);
      }
      await killAll(() => findGuests(own));
    },

    async pause(plan, node) {
      const own = pathsOf(plan, node);
      const before = hostState(own);
      const host = before.state === 'paused' ? before.record : await runningHost(plan, node);
      signalProcess(host, 'SIGSTOP');
      // The host is stopped, so no more tasks come; those that forked meanwhile are met the second time.
      for (let round = 0; round < 2; round++) signalAll(await findGuests(own, host), 'SIGSTOP');
    },

    async resume(plan, node) {
      const own = pathsOf(plan, node);
      const { state, record } = hostState(own);
      if (record && state === 'paused') await resumeNode(record, own);
      else await runningHost(plan, node);
    },

    async partition(plan, node, cut) {
      if (cut) refuseToCutPrograms(node);
      const cluster = paths.cluster(plan.name);
      const partitioned = new Set(await readPartitions(cluster.partitionsFile));
      if (cut) partitioned.add(node.name);
      else partitioned.delete(node.name);
      await writePartitions(cluster.partitionsFile, partitioned).catch((error: unknown) => {
        throw fileError(error, cluster.partitionsFile);
      });
      await Promise.all(
        plan.nodes.map(async (each) => {
          const { state, record } = await findHost(cluster.node(each.name));
          // A host that does not run reads the list when it is started; a paused one reads this when it goes on.
          if (state === 'running')
            await createControlClient(record.controlSocket).cut(destinationsCut(plan, each, partitioned));
          else if (state === 'paused')
            void createControlClient(record.controlSocket)
              .cut(destinationsCut(plan, each, partitioned))
              .catch(() => {});
        }),
      );
    },

    startService: async (plan, node, component) => act(await runningHost(plan, node), node, component, 'start'),

    stopService: async (plan, node, component) => act(await runningHost(plan, node), node, component, 'stop'),

    async advance(plan, node, ms) {
      await createControlClient((await runningHost(plan, node)).controlSocket, advanceTimeoutMs).advance(ms);
    },

    async inspect(plan) {
      const partitioned = await readPartitions(paths.cluster(plan.name).partitionsFile);
      return Promise.all(
        plan.nodes.flatMap((node) =>
          node.units.map(async (unit): Promise<UnitStatus> => {
            const { state, record } = await findHost(pathsOf(plan, node));
            return {
              id: unit.id,
              node: node.name,
              state,
              ...(record && state !== 'failed' ? { pid: record.pid } : {}),
              stoppedServices: state === 'running' ? await stoppedServices(record) : [],
              partitioned: partitioned.has(node.name),
            };
          }),
        ),
      );
    },

    watch(plan, onEvent, signal) {
      for (const node of plan.nodes)
        for (const unit of node.units) void watchUnit(unit.id, pathsOf(plan, node), exits, onEvent, signal);
    },

    remove: (cluster, { keepData }) =>
      removeCluster(paths.root, paths.cluster(cluster), {
        keepData,
        ...(options.claimsFolder === undefined ? {} : { claimsFolder: options.claimsFolder }),
      }),

    async clusters() {
      const counts = [...(await processesByCluster(paths.root))];
      return counts.map(([name, n]) => ({ name, parts: n === 1 ? '1 process' : `${n} processes` }));
    },

    logs: (plan, { node, component }, { tail, since, follow, signal }) =>
      readLogs({
        node: node.name,
        logsDir: pathsOf(plan, node).logsDir,
        follow,
        signal,
        ...(component === undefined ? {} : { component }),
        ...(tail === undefined ? {} : { tail }),
        ...(since === undefined ? {} : { since }),
      }),

    exec: execOnNode,
  };
}

/** Options of Node.js itself for node hosts. V8's own are not among them: they void its built-in code cache. */
const hostNodeOptions: readonly string[] = ['--v8-pool-size=1'];

function nodeOf(plan: ClusterPlan, name: string): NodePlan {
  const node = plan.nodes.find((each) => each.name === name);
  if (!node) throw new DevclusterError('notFound', 'NO_SUCH_NODE', `'${plan.name}' has no node '${name}'`);
  return node;
}

/** @throws DevclusterError missing for a service that only a container could run */
function hostedService(service: ServicePlan, nodeFolder: string): HostedService {
  const { component, args, env, command, engine, probe } = service;
  if (engine === 'embedded') return { component, argv: args, env };
  if (!command || probe.kind !== 'zookeeper-srvr') throw notAsProcess(component);
  return {
    component,
    argv: args,
    // Java takes the names of files for what the locale says.
    env: { LC_ALL: 'C.UTF-8', ...env, [hostVariable]: `${nodeFolder}/` },
    program: { command, srvr: { host: probe.host, port: probe.port } },
  };
}

/** Connections of embedded servers are cut at their source; a real program makes its own. */
function refuseToCutPrograms(node: NodePlan): void {
  const real = node.units.flatMap(({ services }) => services).find(({ engine }) => engine !== 'embedded');
  if (real)
    throw new DevclusterError(
      'missing',
      'PARTITION_NOT_POSSIBLE',
      `${node.name} can't be cut off: its ${real.component} is the real one, and only devcluster's own servers can be`,
      { hint: `Use 'devcluster node pause ${node.name}', or a cluster with the embedded ${real.component}.` },
    );
}

/** A host that somebody else killed has left its programs running, on the ports that the next ones need. */
async function endLeftPrograms(nodes: readonly NodePaths[]): Promise<void> {
  for (const node of nodes) {
    const { state } = await findHost(node);
    if (state === 'failed' || state === 'stopped') await killAll(() => findNodePrograms(node.folder));
  }
}

async function writeServiceFiles(unit: UnitPlan): Promise<void> {
  for (const { files } of unit.services)
    for (const { path, content } of files) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFileAtomic(path, content);
    }
}

async function act(record: HostRecord, node: NodePlan, component: Component, action: 'start' | 'stop'): Promise<void> {
  try {
    await createControlClient(record.controlSocket).act(component, action);
  } catch (error) {
    if (error instanceof ControlError && error.status === 404)
      throw new DevclusterError('notFound', 'NO_SUCH_SERVICE', `${node.name} has no service '${component}'`);
    throw error;
  }
}

/** A host that can't be asked has no services known to have stopped. */
async function stoppedServices(record: HostRecord): Promise<UnitStatus['stoppedServices']> {
  try {
    const { services } = await createControlClient(record.controlSocket, statusTimeoutMs).status();
    return services.flatMap((service) => {
      if (service.state === 'stopped') return [{ component: service.component, reason: 'stopped on request' }];
      if (service.state === 'waiting') return [{ component: service.component, reason: service.reason }];
      return [];
    });
  } catch {
    return [];
  }
}

/** Tasks first: the host's health checks shall find them answering. */
async function resumeNode(record: HostRecord, paths: NodePaths): Promise<void> {
  signalAll(await findGuests(paths, record), 'SIGCONT');
  signalProcess(record, 'SIGCONT');
}

/** Asks tasks to end, and kills what has not after the grace. */
async function endTasks(dataDirs: readonly string[], graceMs: number): Promise<void> {
  const tasks: TaggedProcess[] = await findTasks(dataDirs);
  if (tasks.length === 0) return;
  signalAll(tasks, 'SIGTERM');
  await awaitEnd(tasks, graceMs);
  await killAll(() => findTasks(dataDirs));
}

async function removeRecord(pidFile: string): Promise<void> {
  await rm(pidFile, { force: true });
}

function createExits(): HostExits & { add(exit: HostExit): void; changed(): void } {
  const known: HostExit[] = [];
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of [...listeners]) listener();
  };
  return {
    find: ({ pid, startTime }) => known.find((exit) => exit.pid === pid && exit.startTime === startTime),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    add(exit) {
      known.push(exit);
      changed();
    },
    changed,
  };
}
