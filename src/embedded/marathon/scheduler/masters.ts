import { createLeaderDetector, masterAddress } from '../../../protocols/mesos/leader.ts';
import type { MasterInfo } from '../../../protocols/mesos/types.ts';
import type { ZooKeeperClient } from '../../../protocols/zookeeper/client.ts';
import type { Cancel, Clock } from '../../../support/clock.ts';
import type { Logger } from '../../../support/logger.ts';

/** Where the leading master is. */
export interface Masters {
  /** `host:port`; undefined while nobody is known to lead. */
  readonly leader: string | undefined;
  /** Called at each change of the leader. */
  onChange(listener: () => void): Cancel;
  /** The last one did not answer: the next of a fixed list. */
  failed(): void;
  close(): void;
}

/** Follows the election of the masters in ZooKeeper. */
export function followMasters(client: ZooKeeperClient, path: string, clock: Clock, log: Logger): Masters {
  const detector = createLeaderDetector({ client, path, clock, log });
  return {
    get leader() {
      return detector.leader && endpointOf(detector.leader);
    },
    onChange: (listener) => detector.onChange(() => listener()),
    failed() {},
    close: () => detector.close(),
  };
}

/** A fixed list `host:port,host:port`, asked in turn; masters that don't lead redirect. */
export function fixedMasters(list: string): Masters {
  const masters = list
    .split(',')
    .map((master) =>
      master
        .trim()
        .replace(/^https?:\/\//, '')
        .replace(/\/.*$/, ''),
    )
    .filter((master) => master !== '')
    .map((master) => (/:\d+$/.test(master) ? master : `${master}:5050`));
  let index = 0;
  return {
    get leader() {
      return masters[index];
    },
    onChange: () => () => {},
    failed() {
      index = (index + 1) % Math.max(1, masters.length);
    },
    close() {},
  };
}

function endpointOf(info: MasterInfo): string {
  const { ip, port } = masterAddress(info);
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}
