/** The servers that the conformance suite runs against: this repository's and, where it can run, the real one. */
import { afterAll, beforeAll, describe } from 'vitest';
import { startEmbeddedZooKeeper } from '../../support/embedded-zookeeper.ts';
import { openRaw, type RawClient } from '../../support/raw-zookeeper-client.ts';
import { realZooKeeperMissing, startRealZooKeeper } from '../../support/real-zookeeper.ts';

export interface Target {
  /** `127.0.0.1:port,…` */
  connect: string;
  /** Client ports, one a server. */
  ports: number[];
  close(): Promise<void>;
}

/** What tests use: the target and clients that end with the test. */
export interface Bench {
  readonly target: Target;
  readonly ensemble: boolean;
  readonly real: boolean;
  /** A client of the server `server`; closed after the tests. */
  client(server?: number, options?: Parameters<typeof openRaw>[1]): Promise<RawClient>;
  /** A path nobody used, already created with open access. */
  root(): Promise<string>;
}

/** A system property for the real server, a line of zoo.cfg for the embedded one. */
const checks = { 'znode.container.checkIntervalMs': '200' };

const targets = [
  { name: 'embedded, standalone', real: false, servers: 1 },
  { name: 'embedded, ensemble of three', real: false, servers: 3 },
  { name: 'real, standalone', real: true, servers: 1 },
  { name: 'real, ensemble of three', real: true, servers: 3 },
] as const;

/** Started by the first tests that need them, closed after the last test of the file. */
const started = new Map<string, Promise<Target>>();
let roots = 0;

afterAll(async () => {
  const targets = await Promise.allSettled(started.values());
  await Promise.all(targets.map((target) => (target.status === 'fulfilled' ? target.value.close() : undefined)));
});

async function startTarget(real: boolean, servers: 1 | 3): Promise<Target> {
  const ensemble = real
    ? await startRealZooKeeper({ servers, properties: checks })
    : await startEmbeddedZooKeeper({ servers, settings: checks });
  return {
    connect: ensemble.connect,
    ports: ensemble.servers.map((server) => server.port),
    close: () => ensemble.close(),
  };
}

/** Runs the tests against every target. A target that can't run here is skipped, with the reason in its name. */
export function describeServers(title: string, tests: (bench: Bench) => void): void {
  const missing = realZooKeeperMissing();
  for (const { name, real, servers } of targets) {
    const why = real && missing !== undefined ? ` (skipped: ${missing})` : '';
    describe.skipIf(why !== '')(`${title}: ${name}${why}`, () => {
      let target: Target | undefined;
      const clients: RawClient[] = [];
      beforeAll(async () => {
        if (!started.has(name)) started.set(name, startTarget(real, servers));
        target = await started.get(name);
      });
      afterAll(() => {
        for (const client of clients) client.drop();
      });
      const bench: Bench = {
        get target() {
          return target!;
        },
        ensemble: servers > 1,
        real,
        async client(server = 0, options = {}) {
          const client = await openRaw(target!.ports[server % target!.ports.length]!, options);
          clients.push(client);
          return client;
        },
        async root() {
          const client = await bench.client();
          const path = `/test-${process.pid}-${roots++}`;
          await client.ok('create', {
            path,
            data: Buffer.from('root'),
            acl: [{ perms: 31, scheme: 'world', id: 'anyone' }],
            flags: 0,
          });
          await client.close();
          return path;
        },
      };
      tests(bench);
    });
  }
}
