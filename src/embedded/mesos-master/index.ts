import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { toMasterInfo } from '../../protocols/mesos/leader.ts';
import type { MasterInfo } from '../../protocols/mesos/types.ts';
import { versions } from '../../protocols/versions.ts';
import { createHttpServer } from '../../support/http-server.ts';
import { forkRandom, uuidFrom } from '../../support/random.ts';
import { createScope } from '../../support/scope.ts';
import type { ServiceExit, StartService } from '../service.ts';
import { type Election, joinElection } from './election.ts';
import { createEngine, type Engine } from './engine.ts';
import { parseMasterFlags } from './flags.ts';
import { agentRoute } from './http/agent-api.ts';
import { createGuard, readCredentials } from './http/authentication.ts';
import { endpointRoutes } from './http/endpoints.ts';
import { fileRoutes } from './http/files.ts';
import { operatorRoute } from './http/operator-api.ts';
import { registryRoutes } from './http/registry-api.ts';
import { schedulerRoute } from './http/scheduler-api.ts';
import type { MasterServer } from './http/server.ts';
import { createRegistry } from './registry.ts';
import type { MasterFacts } from './views/identity.ts';

/** A Mesos master: the flags, ports, endpoints and znodes of the real one. */
export const start: StartService = async (context) => {
  const { clock, log } = context;
  const flags = parseMasterFlags(context.argv, context.env);
  const scope = createScope();
  const now = () => clock.now() / 1000;
  const startTime = now();
  let electedTime: number | undefined;
  let engine: Engine | undefined;
  let leader: MasterInfo | undefined;
  let exit!: (how: ServiceExit) => void;
  const exited = new Promise<ServiceExit>((resolve) => {
    exit = resolve;
  });
  let markReady!: () => void;
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });
  const facts: () => MasterFacts = () => ({
    startTime,
    electedTime,
    cluster: flags.cluster,
    logDir: flags.logDir,
    flags: flags.shown,
  });

  const hostNames = [flags.hostname.toLowerCase()];
  const allowHost = (hostname: string) => {
    const name = hostname.toLowerCase();
    if (!hostNames.includes(name)) hostNames.push(name);
  };
  const server: MasterServer = {
    get info() {
      return info;
    },
    facts,
    engine: () => engine,
    leader: () => leader,
    now,
    logFile: flags.externalLogFile ?? (flags.logDir && join(flags.logDir, 'mesos-master.INFO')),
  };
  let election: Election | undefined;
  const registry = createRegistry({
    workDir: flags.workDir,
    peers: async () => election?.peers() ?? [],
    network: context.network,
    clock,
    log,
  });
  const guard = createGuard(
    flags.guarded,
    flags.guarded.size > 0 ? await readCredentials(flags.credentialsFile!) : new Map(),
  );
  const http = createHttpServer({
    routes: [
      schedulerRoute(server),
      operatorRoute(server),
      agentRoute(server),
      ...endpointRoutes(server),
      ...fileRoutes(server),
      ...registryRoutes(server, registry),
    ],
    log,
    before: guard,
    notFound: () => ({ status: 404, body: '404 Not Found.' }),
    allowedHosts: { names: hostNames, domain: 'mesos' },
  });
  const port = await http.listen(flags.port, flags.ip);
  scope.defer(() => http.close());
  const info = masterInfo(port);

  function masterInfo(boundPort: number): MasterInfo {
    const identity = toMasterInfo({
      id: uuidFrom(context.random),
      ip: flags.advertiseIp ?? reachable(flags.ip),
      port: flags.advertisePort ?? boundPort,
      hostname: flags.hostname,
      version: versions.mesos,
    });
    return flags.domain ? { ...identity, domain: flags.domain } : identity;
  }

  const lead = async () => {
    log.info('Elected as the leading master', { id: info.id, pid: info.pid });
    electedTime = now();
    const recovered = await registry.recover();
    if (scope.closed) return;
    const begun = createEngine({
      settings: flags.settings,
      master: info,
      registry,
      recovered,
      maxOperatorStreams: flags.maxOperatorStreams,
      clock,
      random: context.random,
      log,
      onHostname: allowHost,
    });
    engine = begun;
    scope.defer(() => begun.close());
    markReady();
  };
  const depose = (reason: string) => {
    log.error(reason);
    engine?.close();
    engine = undefined;
    void scope.close().then(
      () => exit({ code: 1, reason }),
      () => exit({ code: 1, reason }),
    );
  };

  if (flags.zk) {
    election = joinElection(
      {
        zk: flags.zk,
        sessionTimeoutMs: flags.zkSessionTimeoutMs,
        master: info,
        network: context.network,
        clock,
        random: forkRandom(context.random),
        log,
        onLeader(known) {
          leader = known;
          if (!known) return;
          if (known.hostname) allowHost(known.hostname);
          if (known.id !== info.id) markReady();
        },
        onElected: () => void lead(),
        onDeposed: depose,
      },
      scope,
    );
  } else {
    leader = info;
    void lead();
  }
  log.info('Master started', { pid: info.pid, hostname: flags.hostname, bound: `${flags.ip}:${port}` });
  return { exited, ready, stop: () => scope.close() };
};

/** An address that others can connect to, for a server bound to all of them. */
function reachable(ip: string): string {
  if (ip !== '0.0.0.0') return ip;
  const addresses = Object.values(networkInterfaces()).flat();
  return addresses.find((address) => address?.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
}
