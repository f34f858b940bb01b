import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { resolve as resolvePath } from 'node:path';
import { followMasters, masterAddress, parseZkUrl } from '../../protocols/mesos/leader.ts';
import { versions } from '../../protocols/versions.ts';
import { createZooKeeperClient } from '../../protocols/zookeeper/client.ts';
import type { Cancel } from '../../support/clock.ts';
import { coalesce } from '../../support/coalesce.ts';
import { messageOf } from '../../support/errors.ts';
import { readTextIfExists } from '../../support/files.ts';
import { createScope } from '../../support/scope.ts';
import { patientTimer } from '../../support/watchdog.ts';
import type { RunningService, ServiceContext, ServiceExit, StartService } from '../service.ts';
import type { Zone } from './answer.ts';
import { parseArguments } from './arguments.ts';
import { ConfigError, type MesosDnsConfig, parseConfig, resolversOf } from './config.ts';
import { startDnsServer } from './dns-server.ts';
import { createForwarder } from './forward.ts';
import { generateRecords, joinHostPort, type Surroundings } from './generator.ts';
import { createHostCache } from './host-cache.ts';
import { createHttpApi } from './http-api.ts';
import { createStateLoader } from './master-state.ts';
import type { MesosState } from './state.ts';

const sessionTimeoutMs = 10_000;
// Until the first records: a master that was just elected needs a moment before it can show its state.
const firstRetryMs = 20;

/**
 * The embedded Mesos-DNS. Serves nothing before it has read a leading master's state once; then reads it again every
 * `refreshSeconds` and whenever another master leads, and keeps the old records while that fails.
 */
export const start: StartService = async (context) => {
  const { version, config: file } = parseArguments(context.argv);
  if (version) return ended({ code: 0, reason: `version ${versions.mesosDns}` });
  return run(context, await readConfig(resolvePath(file)));
};

async function readConfig(file: string): Promise<MesosDnsConfig> {
  const resolvConf = (await readTextIfExists('/etc/resolv.conf')) ?? '';
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new ConfigError(`can't read the configuration file ${file}: ${messageOf(error)}`);
  });
  return parseConfig(text, file, () => resolversOf(resolvConf, ownAddresses(true)));
}

function ended(exit: ServiceExit): RunningService {
  return { exited: Promise.resolve(exit), ready: new Promise(() => {}), stop: () => Promise.resolve() };
}

function run(context: ServiceContext, config: MesosDnsConfig): RunningService {
  const { clock, log, network } = context;
  const scope = createScope();
  const load = createStateLoader(network, clock, config);
  const hosts = createHostCache(
    async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
    clock,
    () => {
      stale = true;
      update();
    },
  );
  let zone: Zone | undefined;
  let masters: readonly string[] = config.Masters;
  /** The state and the masters that the records are of. */
  let made: { state: MesosState; masters: string } | undefined;
  /** The records depend on something else that changed. */
  let stale = false;
  let serving = false;
  let failing = false;
  let retryMs = firstRetryMs;
  let cancelRetry: Cancel = () => {};
  let abortLoad = new AbortController();
  let markReady = () => {};
  let markExited: (exit: ServiceExit) => void = () => {};
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });
  const exited = new Promise<ServiceExit>((resolve) => {
    markExited = resolve;
  });

  const exit = (reason: string) => {
    if (scope.closed) return;
    log.error(`Mesos-DNS ends: ${reason}`);
    void scope
      .close()
      .catch((error: unknown) => log.warn('closing failed', { error: messageOf(error) }))
      .then(() => markExited({ code: 1, reason }));
  };

  const surroundings: Surroundings = {
    get masters() {
      return masters;
    },
    resolve: (host) => hosts.resolve(host),
    interfaces: () => ownAddresses(false).filter((address) => !/^fe80:/i.test(address)),
  };

  const reload = async () => {
    const state = await load(masters, abortLoad.signal);
    if (scope.closed) return;
    hosts.refresh();
    const serial = Math.floor(clock.now() / 1000);
    const known = masters.join();
    if (zone && made?.state === state && made.masters === known && !stale) {
      zone.serial = serial;
      return;
    }
    stale = false;
    made = { state, masters: known };
    zone = { config, records: generateRecords(state, config, surroundings), serial };
    log.debug('records made', { names: zone.records.A.size, services: zone.records.SRV.size });
  };

  const runUpdate = coalesce(async () => {
    if (scope.closed) return;
    cancelRetry();
    abortLoad = new AbortController();
    try {
      await reload();
      if (failing) log.info('the masters can be read again');
      failing = false;
    } catch (error) {
      if (scope.closed || abortLoad.signal.aborted) return;
      if (!failing) log.warn('no master could be read', { masters: masters.join(), error: messageOf(error) });
      failing = true;
      // Later, the next refresh is soon enough.
      if (zone || waitsForZooKeeper()) return;
      cancelRetry = clock.after(retryMs, update);
      retryMs = Math.min(retryMs * 2, config.RefreshSeconds * 1000, 1000);
      return;
    }
    if (serving || !zone || scope.closed) return;
    serving = true;
    try {
      await serve();
      markReady();
    } catch (error) {
      exit(messageOf(error));
    }
  });

  function update(): void {
    if (!scope.closed) void runUpdate();
  }

  const currentZone = () => zone!;

  const serve = async () => {
    if (config.DnsOn) {
      const dns = await startDnsServer({
        host: config.Listener,
        port: config.Port,
        zone: currentZone,
        forward: createForwarder({
          network,
          clock,
          log,
          timeoutMs: (config.Timeout || 5) * 1000,
          signal: scope.signal,
        }),
        clock,
        random: context.random,
        log,
      });
      scope.defer(() => dns.close());
    }
    if (config.HttpOn) {
      const api = createHttpApi(currentZone, log);
      scope.defer(() => api.close());
      await api.listen(config.HttpPort, config.HTTPListener);
    }
    log.info('serving', {
      domain: config.Domain,
      ...(config.DnsOn ? { dns: joinHostPort(config.Listener, config.Port) } : {}),
      ...(config.HttpOn ? { http: joinHostPort(config.HTTPListener, config.HttpPort) } : {}),
    });
  };

  /** Nobody leads as far as ZooKeeper has said. */
  let leaderless = config.Zk !== '';
  const waitsForZooKeeper = () => leaderless;
  let cancelDetection: Cancel = () => {};
  const armDetection = () => {
    cancelDetection();
    const seconds = config.ZkDetectionTimeout;
    if (!leaderless || seconds === 0) return;
    cancelDetection = patientTimer(clock, seconds * 1000, seconds * 500, () =>
      exit(`no leading master was found in ${seconds} s`),
    );
  };

  const follow = () => {
    const url = parseZkUrl(config.Zk);
    const client = createZooKeeperClient({ ...context, servers: url.servers, auth: url.auth, sessionTimeoutMs });
    scope.defer(() => client.close());
    const follower = followMasters({
      client,
      clock,
      log,
      path: url.path,
      onChange(found) {
        const led = found[0] && addressOf(found[0]);
        const leaderChanged = led !== (leaderless ? undefined : masters[0]);
        leaderless = found.length === 0;
        masters = leaderless ? config.Masters : inOrder(found.map(addressOf), config.Masters);
        armDetection();
        if (led && leaderChanged) log.info('another master leads', { leader: led });
        retryMs = firstRetryMs;
        // What the old leader still has to say is of no interest.
        abortLoad.abort();
        if (!leaderless) update();
      },
    });
    scope.defer(() => follower.close());
    armDetection();
  };

  scope.defer(() => {
    cancelRetry();
    cancelDetection();
    abortLoad.abort();
  });
  try {
    if (config.Zk) follow();
  } catch (error) {
    void scope.close().catch(() => {});
    throw error;
  }
  scope.defer(clock.every(config.RefreshSeconds * 1000, update));
  if (!config.Zk) update();

  return { exited, ready, stop: () => scope.close() };
}

function addressOf(master: Parameters<typeof masterAddress>[0]): string {
  const { ip, port } = masterAddress(master);
  return joinHostPort(ip, port);
}

/** The leader first, then the others as the configuration lists them, then those that it doesn't. */
function inOrder(found: readonly string[], configured: readonly string[]): string[] {
  const [leader, ...others] = found;
  const place = (address: string) => {
    const i = configured.indexOf(address);
    return i < 0 ? configured.length : i;
  };
  return [...(leader === undefined ? [] : [leader]), ...others.sort((a, b) => place(a) - place(b))];
}

function ownAddresses(loopback: boolean): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter(({ internal }) => loopback || !internal).map(({ address }) => address);
}
