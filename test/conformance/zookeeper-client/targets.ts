import { startEmbeddedZooKeeper } from '../../support/embedded-zookeeper.ts';
import { realZooKeeperMissing, startRealZooKeeper } from '../../support/real-zookeeper.ts';

export interface Target {
  /** `127.0.0.1:port,…`. */
  connect: string;
  close(): Promise<void>;
}

const missing = realZooKeeperMissing();
if (missing) console.log(`skipped: the ZooKeeper client on the real server (${missing})`);

/** The servers that our client must work with, alike. */
export const targets: { name: string; skip: boolean; start(): Promise<Target> }[] = [
  { name: 'the embedded ZooKeeper, one server', skip: false, start: () => startEmbeddedZooKeeper({ servers: 1 }) },
  { name: 'the embedded ZooKeeper, three servers', skip: false, start: () => startEmbeddedZooKeeper({ servers: 3 }) },
  { name: 'the real ZooKeeper', skip: missing !== undefined, start: () => startRealZooKeeper() },
];
