/** The part of node-zookeeper-client that the tests use; the package has no types of its own. */
declare module 'node-zookeeper-client' {
  import type { EventEmitter } from 'node:events';

  interface Stat {
    version: number;
    numChildren: number;
    dataLength: number;
  }

  interface WatchEvent {
    type: number;
    name: string;
    path: string;
  }

  type Watcher = (event: WatchEvent) => void;
  type Done<T extends unknown[]> = (error: (Error & { code?: number; name: string }) | null, ...result: T) => void;

  interface Transaction {
    create(path: string, data?: Buffer | null): Transaction;
    setData(path: string, data: Buffer | null, version?: number): Transaction;
    check(path: string, version?: number): Transaction;
    remove(path: string, version?: number): Transaction;
    commit(done: Done<[results: { type: number; path?: string }[]]>): void;
  }

  interface Client extends EventEmitter {
    connect(): void;
    close(): void;
    getSessionId(): Buffer;
    addAuthInfo(scheme: string, auth: Buffer): void;
    create(path: string, data: Buffer | null, mode: number, done: Done<[path: string]>): void;
    create(path: string, data: Buffer | null, acls: unknown[], mode: number, done: Done<[path: string]>): void;
    remove(path: string, version: number, done: Done<[]>): void;
    exists(path: string, watcher: Watcher | null, done: Done<[stat: Stat | null]>): void;
    getData(path: string, watcher: Watcher | null, done: Done<[data: Buffer, stat: Stat]>): void;
    setData(path: string, data: Buffer | null, version: number, done: Done<[stat: Stat]>): void;
    getChildren(path: string, watcher: Watcher | null, done: Done<[children: string[], stat: Stat]>): void;
    getACL(path: string, done: Done<[acls: { permission: number; id: { scheme: string; id: string } }[]]>): void;
    mkdirp(path: string, done: Done<[path: string]>): void;
    transaction(): Transaction;
  }

  const zookeeper: {
    createClient(connect: string, options?: { sessionTimeout?: number; spinDelay?: number; retries?: number }): Client;
    CreateMode: {
      PERSISTENT: number;
      PERSISTENT_SEQUENTIAL: number;
      EPHEMERAL: number;
      EPHEMERAL_SEQUENTIAL: number;
    };
    ACL: { OPEN_ACL_UNSAFE: unknown[]; CREATOR_ALL_ACL: unknown[]; READ_ACL_UNSAFE: unknown[] };
  };
  export default zookeeper;
}
