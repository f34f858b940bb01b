/**
 * The embedded ZooKeeper server. Arguments: the path of a `zoo.cfg`, as the real server takes it. Alone or as one of
 * an ensemble, over a log replicated by Raft.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, systemCode } from '../../support/errors.ts';
import { createScope } from '../../support/scope.ts';
import type { ServiceExit, StartService } from '../service.ts';
import { ConfigError, parseZooConfig } from './config.ts';
import { claimDataFolder } from './identity.ts';
import { createReplica, type Replica } from './replica.ts';
import { createAdminServer } from './server/admin.ts';
import { createClients } from './server/clients.ts';

export const start: StartService = async (context) => {
  const { log, clock, random, network } = context;
  const [path] = context.argv;
  if (path === undefined) throw new ConfigError('usage: the path of a zoo.cfg');
  const config = parseZooConfig(readFileSync(path, 'utf8'), (dataDir) => {
    try {
      return readFileSync(join(dataDir, 'myid'), 'utf8');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  });
  for (const warning of config.warnings) log.warn(warning);
  if (config.clientPort === undefined) throw new ConfigError('clientPort is not set');

  const scope = createScope();
  let exit: (why: ServiceExit) => void = () => {};
  const exited = new Promise<ServiceExit>((resolve) => {
    exit = resolve;
  });
  let isReady: () => void = () => {};
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  const fail = (reason: string) => {
    if (scope.closed) return;
    log.error(reason);
    void scope
      .close()
      .catch((error: unknown) => log.error('closing failed', { error: messageOf(error) }))
      .then(() => exit({ code: 1, reason }));
  };

  try {
    let replica: Replica | undefined;
    const clients = createClients({ config, clock, log, replica: () => replica! });
    scope.defer(() => clients.close());
    // The port first: who can't have it must not touch the data of who has it.
    await clients.listen();
    const identity = claimDataFolder(config);
    replica = createReplica({
      config,
      identity,
      clock,
      random,
      network,
      log,
      onApplied: clients.onApplied,
      onServing(serving) {
        clients.onServing(serving);
        if (!serving) return log.info('not serving clients');
        log.info('serving clients', { port: config.clientPort });
        isReady();
      },
      onPulse: clients.onPulse,
      onLeaderBeat: clients.onLeaderBeat,
      onLeading: clients.onLeading,
      onTouched: clients.onTouched,
      onFailure: fail,
    });
    const running = replica;
    scope.defer(() => running.stop());
    await running.listen();
    if (config.admin.enabled) {
      const admin = createAdminServer(clients.admin, config, log);
      scope.defer(() => admin.close());
      await admin.listen(config.admin.port, config.admin.host ?? config.clientHost ?? '127.0.0.1');
    }
    running.start();
  } catch (error) {
    await scope.close().catch(() => {});
    throw error;
  }
  return { exited, ready, stop: () => scope.close() };
};
