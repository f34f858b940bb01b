import { createLeaderDetector, masterAddress, parseZkUrl } from '../../protocols/mesos/leader.ts';
import { createZooKeeperClient } from '../../protocols/zookeeper/client.ts';
import type { Cancel, Clock } from '../../support/clock.ts';
import { FlagError } from '../../support/flags.ts';
import type { Logger } from '../../support/logger.ts';
import type { Network } from '../../support/network.ts';

/** A master to register with. */
export interface MasterAddress {
  /** `host:port`. */
  address: string;
  hostname: string;
}

/** Follows who leads. */
export interface Masters {
  readonly leader: MasterAddress | undefined;
  /** Called at each change, the first answer included; not for what is known at the time of the call. */
  onChange(listener: (leader: MasterAddress | undefined) => void): Cancel;
  close(): Promise<void>;
}

/**
 * The leading master by the flag `--master`: `zk://…` is followed through ZooKeeper, `host:port` stays what it is (a
 * master that doesn't lead redirects).
 * @throws FlagError when it is neither
 */
export function followMasters(
  master: string,
  options: { sessionTimeoutMs: number; network: Network; clock: Clock; log: Logger; random: () => number },
): Masters {
  if (!master.startsWith('zk://')) return fixedMaster(master);
  let url: ReturnType<typeof parseZkUrl>;
  try {
    url = parseZkUrl(master);
  } catch (error) {
    throw new FlagError(`Failed to load flag 'master': ${(error as Error).message}`);
  }
  const client = createZooKeeperClient({ ...options, servers: url.servers, auth: url.auth });
  const detector = createLeaderDetector({ client, path: url.path, clock: options.clock, log: options.log });
  const toAddress = (info: (typeof detector)['leader']): MasterAddress | undefined => {
    if (!info) return undefined;
    const { ip, hostname, port } = masterAddress(info);
    return { address: `${ip}:${port}`, hostname };
  };
  return {
    get leader() {
      return toAddress(detector.leader);
    },
    onChange: (listener) => detector.onChange((info) => listener(toAddress(info))),
    async close() {
      detector.close();
      await client.close();
    },
  };
}

function fixedMaster(text: string): Masters {
  const match = /^(?:master@)?(\[[^\]]+\]|[^:/@\s]+)(?::(\d{1,5}))?$/.exec(text);
  if (!match) throw new FlagError(`Failed to load flag 'master': '${text}' is neither zk://… nor host:port`);
  const leader = { address: `${match[1]}:${match[2] ?? '5050'}`, hostname: match[1]! };
  return {
    leader,
    onChange: () => () => {},
    close: async () => {},
  };
}
