import type { Cancel, Clock } from '../../support/clock.ts';
import type { Logger } from '../../support/logger.ts';
import { bySequence, followChildren } from '../zookeeper/children.ts';
import { openAcl, readableAcl, type ZooKeeperClient } from '../zookeeper/client-types.ts';
import { isPath, parseConnectString } from '../zookeeper/connect-string.ts';
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
export function parseZkUrl(text: string): ZkUrl {
  const expected = 'expected zk://[user:password@]host:port,host:port/path';
  const match = /^zk:\/\/(?:([^/@]*)@)?([^/@]+)(\/.*)?$/.exec(text.trim());
  if (!match) throw new RangeError(`'${withoutPassword(text)}' is no ZooKeeper URL: ${expected}`);
  const [, credentials, servers, rest = '/'] = match;
  const path = rest === '/' ? rest : rest.replace(/\/$/, '');
  if (!isPath(path))
    throw new RangeError(`The ZooKeeper URL '${withoutPassword(text)}' has the malformed path '${path}'`);
  if (credentials !== undefined && !/^[^:]+:.+$/.test(credentials))
    throw new RangeError(`The ZooKeeper URL '${withoutPassword(text)}' has malformed credentials: ${expected}`);
  parseConnectString(servers!);
  return {
    servers: servers!,
    path,
    auth: credentials === undefined ? [] : [{ scheme: 'digest', credentials }],
    acl: credentials === undefined ? openAcl : readableAcl,
  };
}

function withoutPassword(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//***@');
}

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
export function toMasterInfo({ id, ip, port, hostname, version }: MasterIdentity): MasterInfo {
  return {
    address: { hostname, ip, port },
    capabilities: [{ type: 'AGENT_UPDATE' }, { type: 'AGENT_DRAINING' }, { type: 'QUOTA_V2' }],
    hostname,
    id,
    ip: ipToNumber(ip),
    pid: `master@${ip}:${port}`,
    port,
    version,
  };
}

/** A MasterInfo as its znode holds it: JSON with sorted keys. */
export function encodeMasterInfo(info: MasterInfo): string {
  return JSON.stringify(info, (_key, value: unknown) =>
    value && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

/** Parses a master's znode. @returns undefined for what is no MasterInfo */
export function decodeMasterInfo(data: Buffer | string | null): MasterInfo | undefined {
  if (data === null) return undefined;
  try {
    const info = JSON.parse(data.toString()) as Partial<MasterInfo> | null;
    const valid =
      info !== null &&
      typeof info === 'object' &&
      typeof info.id === 'string' &&
      Number.isInteger(info.port) &&
      Number.isInteger(info.ip);
    return valid ? (info as MasterInfo) : undefined;
  } catch {
    return undefined;
  }
}

/** `10.0.0.1` → 16777226: the first octet is the lowest byte. @throws RangeError for what is no IPv4 address */
export function ipToNumber(ip: string): number {
  const octets = ip.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  if (octets.length !== 4 || octets.some((octet) => octet > 255)) throw new RangeError(`'${ip}' is no IPv4 address`);
  const [a, b, c, d] = octets as [number, number, number, number];
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

export function numberToIp(value: number): string {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24].join('.');
}

/** The address to reach a master at: `address` if the info has it, else the old `ip` and `port`. */
export function masterAddress(info: MasterInfo): { ip: string; hostname: string; port: number } {
  const ip = info.address?.ip ?? numberToIp(info.ip);
  return { ip, hostname: info.address?.hostname ?? info.hostname ?? ip, port: info.address?.port ?? info.port };
}

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
export function createLeaderDetector({ client, path, clock, log }: LeaderDetectorOptions): LeaderDetector {
  const listeners = new Set<(leader: MasterInfo | undefined) => void>();
  let leader: MasterInfo | undefined;
  let known = false;
  const follower = followChildren({
    client,
    clock,
    log,
    path,
    select: (names) => bySequence(names, '_').slice(0, 1),
    forgetOnDisconnect: false,
    onChange([child]) {
      leader = child && decodeMasterInfo(child.data);
      known = true;
      if (child && !leader)
        log.warn('the first member of the masters is no master that can be understood', { node: child.name });
      for (const listener of [...listeners]) listener(leader);
    },
  });
  return {
    get leader() {
      return leader;
    },
    get known() {
      return known;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      listeners.clear();
      follower.close();
    },
  };
}

/**
 * Follows all masters: `[0]` leads, the others follow in the order they joined. Empty: there are none, or it is not
 * known (the session expired). Members that can't be understood are left out; if the first one can't, nobody leads.
 */
export function followMasters(options: LeaderDetectorOptions & { onChange(masters: readonly MasterInfo[]): void }): {
  close(): void;
} {
  return followChildren({
    client: options.client,
    clock: options.clock,
    log: options.log,
    path: options.path,
    select: (names) => bySequence(names, '_'),
    forgetOnDisconnect: false,
    onChange(children) {
      const masters = children.map(({ data }) => decodeMasterInfo(data));
      options.onChange(masters[0] ? masters.filter((master) => master !== undefined) : []);
    },
  });
}
