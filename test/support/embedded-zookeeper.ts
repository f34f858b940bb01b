import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningService } from '../../src/embedded/service.ts';
import { start } from '../../src/embedded/zookeeper/index.ts';
import { type Clock, systemClock } from '../../src/support/clock.ts';
import { type Logger, silentLogger } from '../../src/support/logger.ts';
import { createNetwork, type Network } from '../../src/support/network.ts';
import { retry } from '../../src/support/retry.ts';
import { fourLetterWord, freePorts } from './real-zookeeper.ts';

export interface EmbeddedServer {
  readonly port: number;
  readonly quorumPort: number;
  readonly folder: string;
  readonly network: Network;
  readonly running: RunningService | undefined;
  /** Starts it on the same data; does not wait until it serves. */
  start(): Promise<RunningService>;
  /** Ends it: its sockets close as those of a killed process would. */
  stop(): Promise<void>;
  /** `standalone`, `leader`, `follower`, or undefined while it doesn't serve. */
  mode(): Promise<string | undefined>;
}

export interface EmbeddedEnsemble {
  /** `127.0.0.1:port,…`. */
  readonly connect: string;
  readonly servers: readonly EmbeddedServer[];
  /** The server that leads; waits until there is one. */
  leader(): Promise<EmbeddedServer>;
  /** A server that follows; waits until there is one. */
  follower(): Promise<EmbeddedServer>;
  close(): Promise<void>;
}

/** Embedded servers in this process, each with its own network and data, on free loopback ports; all serve. */
export async function startEmbeddedZooKeeper(
  options: {
    servers?: 1 | 3 | 5;
    tickTime?: number;
    settings?: Record<string, string>;
    log?: Logger;
    clock?: (server: number) => Clock;
  } = {},
): Promise<EmbeddedEnsemble> {
  const { servers: count = 3, tickTime = 500, settings = {}, log = silentLogger } = options;
  const folder = mkdtempSync(join(tmpdir(), 'embedded-zookeeper-'));
  const ports = await freePorts(3 * count);
  const lines = {
    tickTime,
    initLimit: 20,
    syncLimit: 10,
    clientPortAddress: '127.0.0.1',
    '4lw.commands.whitelist': '*',
    maxClientCnxns: 0,
    extendedTypesEnabled: 'true',
    ...settings,
    ...(count === 1
      ? {}
      : Object.fromEntries(
          Array.from({ length: count }, (_, i) => [
            `server.${i + 1}`,
            `127.0.0.1:${ports[3 * i + 1]}:${ports[3 * i + 2]}`,
          ]),
        )),
  };
  const servers = Array.from({ length: count }, (_, i): EmbeddedServer => {
    const data = join(folder, String(i + 1));
    mkdirSync(data);
    writeFileSync(join(data, 'myid'), `${i + 1}\n`);
    const all = { ...lines, dataDir: data, clientPort: ports[3 * i] };
    const text = Object.entries(all)
      .map(([key, value]) => `${key}=${value}`)
      .join('\n');
    writeFileSync(join(data, 'zoo.cfg'), `${text}\n`);
    const network = createNetwork();
    let running: RunningService | undefined;
    return {
      port: ports[3 * i]!,
      quorumPort: ports[3 * i + 1]!,
      folder: data,
      network,
      get running() {
        return running;
      },
      async start() {
        running = await start({
          argv: [join(data, 'zoo.cfg')],
          env: {},
          log: log.named(`zookeeper-${i + 1}`),
          clock: options.clock?.(i) ?? systemClock,
          random: Math.random,
          network,
        });
        return running;
      },
      async stop() {
        await running?.stop();
        running = undefined;
      },
      mode: async () => /Mode: (\w+)/.exec(await fourLetterWord(ports[3 * i]!, 'srvr'))?.[1],
    };
  });
  const find = (wanted: string) =>
    retry(
      async () => {
        for (const server of servers) if ((await server.mode()) === wanted) return server;
        throw new Error(`no server is ${wanted}`);
      },
      { delayMs: 10, maxDelayMs: 50, timeoutMs: 20_000 },
    );
  const close = async () => {
    await Promise.all(servers.map((server) => server.stop()));
    for (const server of servers) server.network.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const started = await Promise.all(servers.map((server) => server.start()));
    await Promise.all(started.map((service) => service.ready));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    connect: servers.map((server) => `127.0.0.1:${server.port}`).join(','),
    servers,
    leader: () => find(count === 1 ? 'standalone' : 'leader'),
    follower: () => find('follower'),
    close,
  };
}
