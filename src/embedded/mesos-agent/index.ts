import { mkdirSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentMessage } from '../../protocols/mesos/agent-link.ts';
import { refineAll } from '../../protocols/mesos/resources.ts';
import type { AgentInfo, Resource } from '../../protocols/mesos/types.ts';
import { versions } from '../../protocols/versions.ts';
import { systemCode } from '../../support/errors.ts';
import { FlagError } from '../../support/flags.ts';
import { forkRandom } from '../../support/random.ts';
import { createScope } from '../../support/scope.ts';
import type { ServiceContext, ServiceExit, StartService } from '../service.ts';
import { createAgent } from './agent.ts';
import { executorsOf, isDone, reportOf, tasksOf } from './books.ts';
import { refuseChange } from './compatibility.ts';
import { createContainers } from './containers.ts';
import { createCustomExecutors } from './custom-executors.ts';
import { readPlacement } from './docker/placement.ts';
import { type AgentEnvironment, taskPath } from './environment.ts';
import { createFetcher } from './fetcher.ts';
import { createFiles } from './files.ts';
import { type AgentFlags, parseAgentFlags } from './flags.ts';
import { createSandboxGc } from './gc.ts';
import { createAgentHttp } from './http.ts';
import type { ContainerView } from './http-context.ts';
import { openJournal } from './journal.ts';
import { type MasterLink, openMasterLink, type Subscribed } from './link.ts';
import { measureResources } from './machine.ts';
import { followMasters } from './masters.ts';
import { metricsView } from './metrics.ts';
import { createProber } from './probe.ts';
import { recover } from './recovery.ts';
import { replaceLink } from './sandbox.ts';
import { createProcessScans } from './scans.ts';
import { createSecretResolver } from './secrets.ts';
import { type AgentView, agentCapabilities, agentPid } from './state-view.ts';
import { statisticsOf } from './statistics.ts';
import { createTasks } from './tasks.ts';
import { createStatusUpdates } from './updates.ts';
import { createUserResolver, giveTo } from './users.ts';

const fetcherCacheBytes = 2 * 1024 ** 3;
const port = (server: { address(): unknown }) => (server.address() as { port: number }).port;

/**
 * The Mesos agent: takes `--name=value` and MESOS_* like the real one, registers with the leading master and runs tasks
 * as local processes. Stopped, it leaves the tasks of checkpointing frameworks running and takes them back at its next
 * start, like the real one.
 */
export const start: StartService = async (context) => {
  const flags = parseAgentFlags(context.argv, context.env);
  const scope = createScope();
  try {
    return await run(context, flags, scope);
  } catch (error) {
    await scope.close().catch(() => {});
    throw error;
  }
};

async function run(context: ServiceContext, flags: AgentFlags, scope: ReturnType<typeof createScope>) {
  const { clock, appClock = clock, network, log, random } = context;
  const startedAt = appClock.now();
  const startedMonotonic = clock.monotonic();
  makeWorkDir(flags.workDir);
  const resources = flags.resources ?? (await measureResources(flags.workDir));
  const journalPath = join(flags.workDir, 'meta', 'journal');
  const journal = openJournal(journalPath, log, flags.maxCompletedExecutors);
  scope.defer(() => journal.close());
  const { books } = journal;
  refuseIncompatible(flags, books.agent, resources);

  let exit!: (exit: ServiceExit) => void;
  const exited = new Promise<ServiceExit>((resolve) => {
    exit = resolve;
  });
  let becomeReady!: () => void;
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });
  let recovered = false;
  let recoveryMs = 0;
  let registered = false;
  let masterHostname: string | undefined;

  const masters = followMasters(flags.master, {
    sessionTimeoutMs: flags.zkSessionTimeoutMs,
    network,
    clock,
    log,
    random: forkRandom(random),
  });
  scope.defer(() => masters.close());
  const scans = createProcessScans(clock);
  const containers = createContainers({ clock, scans, folder: join(flags.workDir, 'meta') });
  // The one thing of the host process that tasks get: what this machine's user finds programs by.
  const path = taskPath(context.env.PATH ?? process.env.PATH);
  const fetcher = createFetcher({
    cacheDir: flags.fetcherCacheDir,
    cacheBytes: fetcherCacheBytes,
    frameworksHome: flags.frameworksHome,
    stallTimeoutMs: flags.fetcherStallTimeoutMs,
    path,
    network,
    clock,
  });
  const host = {
    clock: appClock,
    containers,
    // The real agent's checks go to 127.0.0.1. Tasks here may also listen on their node's own address alone.
    prober: createProber({ hosts: ['127.0.0.1', flags.ip], network, clock }),
    fetcher,
    resolveSecret: createSecretResolver(flags.secretsDir),
    workDir: flags.workDir,
    userIds: createUserResolver(flags.switchUser),
    giveTo,
  };
  let link: MasterLink | undefined;
  const send = (message: AgentMessage) => link?.send(message);
  const updates = createStatusUpdates(clock, (task, status) =>
    send({ type: 'UPDATE', framework_id: { value: task.frameworkId }, status }),
  );
  scope.defer(() => updates.pause());
  const environment = (): AgentEnvironment => ({
    ip: flags.advertiseIp,
    port: flags.advertisePort ?? port(http.server),
    agentId: books.agent?.id.value ?? '',
    shutdownGrace: flags.executorShutdownGrace,
    recoveryTimeout: flags.recoveryTimeout,
    httpCommandExecutor: flags.httpCommandExecutor,
    path,
    extra: flags.executorEnvironment,
  });
  for (const remark of flags.remarks) log.warn(remark);
  // Loaded only where it is wanted: every node of every cluster would have to carry it.
  const docker = flags.docker
    ? (await import('./docker/index.ts')).createDockerContainerizer({
        host,
        flags: flags.docker,
        placement: readPlacement(context.env),
        ip: flags.ip,
        agentId: () => books.agent?.id.value ?? '',
        clock,
        network,
        log,
      })
    : undefined;
  scope.defer(() => docker?.close());
  const common = { clock: appClock, log, ip: flags.advertiseIp, environment };
  const tasks = createTasks({
    ...common,
    host,
    journal,
    updates,
    agentId: () => books.agent?.id.value ?? '',
    httpCommandExecutor: flags.httpCommandExecutor,
    docker,
    runsProcesses: flags.runsProcesses,
    onEnded: (task, executor, failed) => agent.taskEnded(task, executor, failed),
  });
  scope.defer(() => tasks.release());
  const custom = createCustomExecutors({
    ...common,
    clock,
    books,
    host,
    registrationTimeoutMs: flags.executorRegistrationTimeoutMs,
    reregistrationTimeoutMs: flags.executorReregistrationTimeoutMs,
    shutdownGraceMs: flags.executorShutdownGraceMs,
    tell: tasks.tell,
    onEnded: (executor, status) => agent.executorEnded(executor, status),
  });
  scope.defer(() => custom.release());
  const gc = createSandboxGc({
    workDir: flags.workDir,
    delayMs: flags.gcDelayMs,
    headroom: flags.gcDiskHeadroom,
    diskWatchIntervalMs: flags.diskWatchIntervalMs,
    clock: appClock,
    log,
    onRemoved: (container) => journal.record({ k: 'executor-forgotten', container }),
  });
  scope.defer(() => gc.close());
  const agent = createAgent({
    journal,
    tasks,
    custom,
    updates,
    send,
    onSandboxLeft: gc.add,
    clock: appClock,
    random,
    log,
    workDir: flags.workDir,
    launcherDir: flags.launcherDir,
  });

  const view = (): AgentView => ({
    books,
    flags,
    port: port(http.server),
    startTime: startedAt / 1000,
    resources: books.resources ?? resources,
    masterHostname,
  });
  const http = createAgentHttp({
    view,
    metrics: () =>
      metricsView({
        books,
        resources: view().resources,
        counters: tasks.counters,
        registered,
        uptimeMs: clock.monotonic() - startedMonotonic,
        recoveryMs,
        maxSandboxAgeMs: gc.maxAgeMs,
        gc: gc.counts,
        fetcher: fetcher.counts,
        fetcherCacheBytes,
      }),
    async containers() {
      const processes = await scans.scan();
      const living = [...executorsOf(books)].filter((executor) => executor.endedAt === undefined);
      return Promise.all(
        living.map(async (executor): Promise<ContainerView> => {
          const own = statisticsOf(executor, processes, clock.now());
          const usage = [...executor.tasks.values()].some(tasks.isContainer)
            ? await docker?.usage(executor.containerId)
            : undefined;
          const pid = [...executor.tasks.values()].at(-1)?.statuses.at(-1)?.container_status?.executor_pid;
          return {
            container_id: executor.containerId,
            executor_id: executor.info.executor_id.value,
            executor_name: executor.info.name ?? '',
            framework_id: executor.frameworkId,
            source: executor.info.source ?? '',
            statistics: { ...own, ...usage },
            status: {
              container_id: { value: executor.containerId },
              ...(pid === undefined ? {} : { executor_pid: pid }),
            },
          };
        }),
      );
    },
    files: createFiles(books, logFileOf(flags)),
    custom,
    send,
    recovered: () => recovered,
    log,
    hostname: flags.hostname,
  });
  await http.listen(flags.port, flags.ip);
  scope.defer(() => http.close());

  const agentInfo = (): AgentInfo => ({
    hostname: flags.hostname,
    port: flags.advertisePort ?? port(http.server),
    resources,
    attributes: flags.attributes,
    ...(flags.domain ? { domain: flags.domain } : {}),
    ...(books.agent ? { id: books.agent.id } : {}),
  });

  const onSubscribed = (message: Subscribed) => {
    const id = message.agent_id.value;
    if (books.agent && books.agent.id.value !== id) {
      fail(`the master knows this agent by another id: ${id} instead of ${books.agent.id.value}`);
      return;
    }
    const info = { ...agentInfo(), id: { value: id } };
    if (JSON.stringify(books.agent) !== JSON.stringify(info)) journal.record({ k: 'agent', info });
    linkLatest(flags.workDir, id).catch((error) => log.warn('no link to the latest agent', { error }));
    registered = true;
    log.info('registered', { agent: id });
    updates.resume(tasksOf(books));
    becomeReady();
  };

  /** Ends the service by itself; what runs is left to the next start. */
  const fail = (reason: string) => {
    log.error(reason);
    void scope.close().finally(() => exit({ code: 1, reason }));
  };

  const recoveryStarted = clock.monotonic();
  await recover({
    journal,
    tasks,
    custom,
    containers,
    scans,
    workDir: flags.workDir,
    clock,
    log,
    ip: flags.advertiseIp,
    reregistrationTimeoutMs: flags.executorReregistrationTimeoutMs,
    executorEnded: agent.executorEnded,
    docker,
  });
  docker?.tidy((containerId) => [...tasksOf(books)].some((task) => task.containerId === containerId && !isDone(task)));
  recoveryMs = clock.monotonic() - recoveryStarted;
  recovered = true;
  for (const framework of [...books.frameworks.values(), ...books.completedFrameworks])
    for (const { directory, containerId, endedAt } of framework.completedExecutors)
      gc.add(directory, containerId, endedAt ?? startedAt);

  link = openMasterLink({
    masters,
    registration: () => ({
      type: 'SUBSCRIBE',
      agent: agentInfo(),
      version: versions.mesos,
      pid: agentPid(view()),
      capabilities: agentCapabilities,
      resources: books.resources ?? resources,
      ...reportOf(books),
    }),
    backoffMs: flags.registrationBackoffMs,
    network,
    clock,
    random: forkRandom(random),
    log,
    onSubscribed(message, master) {
      masterHostname = master.hostname;
      onSubscribed(message);
    },
    onMessage(message) {
      if (message.type !== 'SHUTDOWN') return agent.handle(message);
      log.warn('the master asked this agent to shut down', { reason: message.message });
      void agent.shutdown().then(() => {
        // What was marked gone must never come back under its old id.
        rmSync(journalPath, { force: true });
        fail(`Agent asked to shut down by the master: ${message.message}`);
      });
    },
    onLost() {
      registered = false;
      masterHostname = undefined;
      updates.pause();
    },
  });
  scope.defer(() => link?.close());
  log.info('listening', { ip: flags.ip, port: port(http.server), hostname: flags.hostname });

  return {
    exited,
    ready,
    async stop() {
      await agent.endUncheckpointed();
      await scope.close();
    },
  };
}

function makeWorkDir(workDir: string): void {
  try {
    mkdirSync(join(workDir, 'meta'), { recursive: true });
  } catch (error) {
    throw new FlagError(`The work folder '${workDir}' can't be made: ${systemCode(error) ?? error}`);
  }
}

function refuseIncompatible(flags: AgentFlags, old: AgentInfo | undefined, resources: readonly Resource[]): void {
  if (!old) return;
  const now: AgentInfo = {
    hostname: flags.hostname,
    resources: refineAll(resources),
    attributes: flags.attributes,
    ...(flags.domain ? { domain: flags.domain } : {}),
  };
  const refusal = refuseChange(old, now, flags.reconfigurationPolicy);
  if (refusal !== undefined)
    throw new FlagError(
      `Incompatible agent info detected: ${refusal}. Reconfiguration policy '${flags.reconfigurationPolicy}' does not permit it; to start as a new agent, remove '${join(flags.workDir, 'meta')}' (running tasks are lost)`,
    );
}

async function linkLatest(workDir: string, agentId: string): Promise<void> {
  await mkdir(join(workDir, 'slaves', agentId), { recursive: true });
  await replaceLink(agentId, join(workDir, 'slaves', 'latest'));
}

function logFileOf(flags: AgentFlags): string | undefined {
  return flags.externalLogFile ?? (flags.logDir === undefined ? undefined : join(flags.logDir, 'mesos-agent.INFO'));
}
