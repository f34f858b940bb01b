import type { ZooKeeperClient, ZooKeeperClientOptions } from './client-types.ts';

export * from './client-types.ts';

/** Starts a session; it connects in the background. @throws RangeError for a malformed connect string */
export declare function createZooKeeperClient(options: ZooKeeperClientOptions): ZooKeeperClient;
