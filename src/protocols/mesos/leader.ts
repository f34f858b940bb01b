import type { Cancel, Clock } from '../../support/clock.ts';
import type { Logger } from '../../support/logger.ts';
import type { ZooKeeperClient } from '../zookeeper/client.ts';
import type { Acl } from '../zookeeper/records.ts';
import type { MasterInfo } from './types.ts';

export interface ZkUrl {
  /** `host:port,host:port`, for `ZooKeeperClientOptions.servers`. */
  servers: string;
  /** `/mesos`; `/` when the URL has none. */
  path: string;
  /** For `ZooKeeperClientOptions.auth`. */
  auth: { scheme: 'digest'; credentials: string }[];
  /** What nodes are created with: open without credentials, else readable by all and writable by the identity. */
  acl: readonly Acl[];
}

/** Parses `zk://[user:password@]host:port,host:port/path`. @throws RangeError that says what is wrong */
export declare function parseZkUrl(text: string): ZkUrl;

export interface MasterIdentity {
  /** A UUID, new for every run. */
  id: string;
  /** IPv4 address. */
  ip: string;
  port: number;
  hostname: string;
  version: string;
}

/** The MasterInfo of a master, with its pid `master@ip:port`. */
export declare function toMasterInfo(identity: MasterIdentity): MasterInfo;

/** A MasterInfo as its znode holds it: JSON with sorted keys. */
export declare function encodeMasterInfo(info: MasterInfo): string;

/** Parses a master's znode. @returns undefined for what is no MasterInfo */
export declare function decodeMasterInfo(data: Buffer | string | null): MasterInfo | undefined;

/** `10.0.0.1` ↔ 16777226: the first octet is the lowest byte. */
export declare function ipToNumber(ip: string): number;
export declare function numberToIp(value: number): string;

/** The address to reach a master at: `address` if the info has it, else the old `ip` and `port`. */
export declare function masterAddress(info: MasterInfo): { ip: string; hostname: string; port: number };

export interface LeaderDetectorOptions {
  /** Not owned: closed by whoever made it. */
  client: ZooKeeperClient;
  /** The masters' group, e.g. `/mesos`. */
  path: string;
  clock: Clock;
  log: Logger;
}

/** Follows the leading master: the member with the lowest number, whatever its label. */
export interface LeaderDetector {
  /** Undefined: nobody leads, or it is not known (the session expired). A mere loss of connection keeps the last one. */
  readonly leader: MasterInfo | undefined;
  /** False until the first answer of ZooKeeper. */
  readonly known: boolean;
  /** Called at each change, and once with the first answer. */
  onChange(listener: (leader: MasterInfo | undefined) => void): Cancel;
  close(): void;
}

/** Source: src/master/detector/zookeeper.cpp of Mesos. */
export declare function createLeaderDetector(options: LeaderDetectorOptions): LeaderDetector;
