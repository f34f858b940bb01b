import { parseZkUrl } from '../../protocols/mesos/leader.ts';
import { createZooKeeperClient, creatorAcl, openAcl, type ZooKeeperClient } from '../../protocols/zookeeper/client.ts';
import { messageOf } from '../../support/errors.ts';
import { HttpError } from '../../support/http-server.ts';
import { forkRandom, uuidFrom } from '../../support/random.ts';
import { createScope } from '../../support/scope.ts';
import {
  type RunningService,
  type ServiceContext,
  type ServiceExit,
  StartError,
  type StartService,
} from '../service.ts';
import { joinElection } from './election.ts';
import { createEventBus } from './events.ts';
import { appRoutes } from './http/apps.ts';
import type { ApiContext } from './http/context.ts';
import { deploymentRoutes } from './http/deployments.ts';
import { createEventStreams } from './http/event-stream.ts';
import { groupRoutes } from './http/groups.ts';
import { readKeystore } from './http/keystore.ts';
import { podRoutes } from './http/pods.ts';
import { createLeaderProxy } from './http/proxy.ts';
import { queueRoutes } from './http/queue.ts';
import { type ApiServerOptions, createApiServer } from './http/server.ts';
import { systemRoutes } from './http/system.ts';
import { taskRoutes } from './http/tasks.ts';
import { describeLeader } from './leader/metrics.ts';
import { type LeaderSession, startLeaderSession } from './leader/session.ts';
import { createLoggers } from './loggers.ts';
import { createMetrics } from './metrics.ts';
import type { ModelConfig } from './model/config.ts';
import { type MarathonOptions, parseOptions } from './options.ts';
import { fixedMasters, followMasters, type Masters } from './scheduler/masters.ts';

/** Exit codes of the original. */
const exitCodes = { leadershipLost: 103, leadershipEnded: 105, loadingFailed: 107, cannotBind: 111, badFlag: 112 };

/** Between the answer to DELETE /v2/leader and the end, so that the answer gets out. */
const abdicationMs = 500;
/** For what was accepted but is not stored yet. */
const lastWritesMs = 1000;

/**
 * The embedded Marathon: flags and variables, ports and ZooKeeper nodes of Marathon 1.11. Several instances elect a
 * leader, which alone schedules; the others pass requests on to it.
 */
export const start: StartService = async (context) => {
  const { clock, appClock = clock, network, random } = context;
  const options = readOptions(context);
  const scope = createScope();
  const loggers = createLoggers(context.log, clock);
  scope.defer(() => loggers.close());
  const { log } = loggers;
  const events = createEventBus(appClock);
  const streams = createEventStreams(events, clock, options.eventStreamMaxOutstanding);
  const metrics = createMetrics(options.metricsPrefix);
  metrics.gauge('http.event-streams.active.gauge', () => streams.count);
  const exit = createExit();

  let session: LeaderSession | undefined;
  let port = options.httpPort;
  const self = () => `${options.hostname}:${port}`;
  const api: ApiContext = {
    session() {
      if (session) return session;
      throw new HttpError(503, { message: 'This instance does not lead any more' });
    },
    events,
    clock: appClock,
  };

  const common: ApiServerOptions = {
    options,
    log,
    leaderUrl: () => (session ? `http://${self()}` : undefined),
    // The address is known once the server listens, the election after that.
    proxy: (request, response) => proxy(request, response),
    routes: [
      ...taskRoutes(api),
      ...appRoutes(api),
      ...groupRoutes(api),
      ...deploymentRoutes(api),
      ...queueRoutes(api),
      ...podRoutes(api),
      { method: 'GET', path: /^\/v2\/events\/?$/, handler: (request, response) => streams.attach(request, response) },
      ...systemRoutes({
        ...api,
        options,
        metrics,
        loggers,
        leader: () => election.leader,
        abdicate: () => scope.defer(clock.after(abdicationMs, () => end(exitCodes.leadershipEnded, 'abdicated'))),
      }),
    ],
  };
  const server = createApiServer(common);
  const cannotListen = async (error: unknown): Promise<never> => {
    await scope.close();
    throw new StartError(exitCodes.cannotBind, error);
  };
  port = await server.listen(options.httpPort, options.httpAddress).catch(cannotListen);
  scope.defer(() => server.close());
  if (options.https) {
    const { address, port: httpsPort } = options.https;
    const secure = createApiServer(
      common,
      await readKeystore(options.https).catch(async (error: unknown) => {
        await scope.close();
        throw new StartError(exitCodes.badFlag, error);
      }),
    );
    scope.defer(() => secure.close());
    await secure.listen(httpsPort, address).catch(cannotListen);
  }
  scope.defer(() => streams.close());

  const client = createZooKeeperClient({
    servers: options.zk.servers,
    sessionTimeoutMs: options.zkSessionMs,
    auth: options.zk.auth,
    network,
    clock,
    log: log.named('zookeeper'),
    random: forkRandom(random),
  });
  scope.defer(() => client.close());
  const acl = options.zk.auth.length > 0 ? creatorAcl : openAcl;

  const lead = async () => {
    log.info('elected; loading the state');
    const begun = clock.monotonic();
    const tooLate = clock.after(options.onElectedPrepareMs, () =>
      end(exitCodes.loadingFailed, `the state was not loaded in ${options.onElectedPrepareMs} ms`),
    );
    try {
      const started = await startLeaderSession({
        options,
        config: modelConfig(options),
        client,
        acl,
        masters: () => mastersOf(options, context, client),
        webuiUrl: options.webuiUrl ?? `http://${self()}`,
        leaderId: `${self()} ${uuidFrom(random)}`,
        events,
        metrics,
        network,
        clock: appClock,
        connectionClock: clock,
        random,
        log,
        onFatal: end,
      });
      if (scope.closed) return await started.close(0);
      session = started;
      describeLeader(metrics, started, clock, events);
      log.info('leading', { loadedInMs: Math.round(clock.monotonic() - begun) });
      election.setServing(true);
      void started.registered.then(announceReady);
    } catch (error) {
      end(exitCodes.loadingFailed, `loading the state failed: ${messageOf(error)}`);
    } finally {
      tooLate();
    }
  };

  let announceReady = () => {};
  const ready = new Promise<void>((resolve) => {
    announceReady = resolve;
  });
  const election = joinElection({
    client,
    path: `${options.zk.path}/leader-curator`,
    id: self(),
    acl,
    clock,
    log,
    ha: options.ha,
    onElected: () => void lead(),
    onDefeated: () => end(exitCodes.leadershipLost, 'leadership lost'),
  });
  scope.defer(() => election.close());
  const proxy = createLeaderProxy({
    self: self(),
    leadership: election,
    network,
    readTimeoutMs: options.leaderProxyReadMs,
    monotonic: () => clock.monotonic(),
  });
  election.onChange(() => {
    if (election.view().kind === 'other') announceReady();
  });

  let closing: Promise<void> | undefined;
  const close = (forWritesMs: number) => {
    closing ??= (async () => {
      const last = session;
      session = undefined;
      election.setServing(false);
      await last?.close(forWritesMs);
      await scope.close();
    })();
    return closing;
  };
  function end(code: number, reason: string): void {
    if (closing) return;
    log.warn('ending', { code, reason });
    // Whoever lost the leadership must not write; there is another leader, or ZooKeeper can't be reached.
    void close(code === exitCodes.leadershipLost ? 0 : lastWritesMs)
      .catch((error: unknown) => log.error('closing failed', { error: messageOf(error) }))
      .then(() => exit.resolve({ code, reason }));
  }

  return { exited: exit.promise, ready, stop: () => close(lastWritesMs) } satisfies RunningService;
};

/** @throws StartError */
function readOptions({ argv, env }: ServiceContext): MarathonOptions {
  try {
    return parseOptions(argv, env);
  } catch (error) {
    throw new StartError(exitCodes.badFlag, error);
  }
}

function modelConfig(options: MarathonOptions): ModelConfig {
  return {
    features: options.features,
    mesosRole: options.mesosRole,
    mesosBridgeName: options.mesosBridgeName,
    defaultAcceptedResourceRoles: options.defaultAcceptedResourceRoles,
    localPortMin: options.localPortMin,
    localPortMax: options.localPortMax,
    executor: options.executor,
    mesosUser: options.mesosUser,
    newGroupEnforceRole: options.newGroupEnforceRole,
    gpuSchedulingBehavior: options.gpuScheduling,
    ...(options.defaultNetworkName === undefined ? {} : { defaultNetworkName: options.defaultNetworkName }),
    ...(options.envVarsPrefix === undefined ? {} : { envVarsPrefix: options.envVarsPrefix }),
  };
}

/** The masters that `--master` names; their election is followed in the own ZooKeeper session where it is the same. */
function mastersOf(options: MarathonOptions, context: ServiceContext, client: ZooKeeperClient): Masters {
  const { clock, log, network, random } = context;
  if (!options.master.startsWith('zk://')) return fixedMasters(options.master);
  const url = parseZkUrl(options.master);
  const same = url.servers === options.zk.servers && JSON.stringify(url.auth) === JSON.stringify(options.zk.auth);
  if (same) return followMasters(client, url.path, clock, log);
  const own = createZooKeeperClient({
    servers: url.servers,
    sessionTimeoutMs: options.zkSessionMs,
    auth: url.auth,
    network,
    clock,
    log: log.named('zookeeper'),
    random: forkRandom(random),
  });
  const masters = followMasters(own, url.path, clock, log);
  return {
    get leader() {
      return masters.leader;
    },
    onChange: masters.onChange,
    failed: masters.failed,
    close() {
      masters.close();
      void own.close();
    },
  };
}

function createExit() {
  let resolve: (exit: ServiceExit) => void = () => {};
  const promise = new Promise<ServiceExit>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
