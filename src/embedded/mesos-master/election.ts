import { createLeaderDetector, decodeMasterInfo, encodeMasterInfo, type ZkUrl } from '../../protocols/mesos/leader.ts';
import type { MasterInfo } from '../../protocols/mesos/types.ts';
import { createZooKeeperClient } from '../../protocols/zookeeper/client.ts';
import { createContender } from '../../protocols/zookeeper/group.ts';
import type { Clock } from '../../support/clock.ts';
import type { Logger } from '../../support/logger.ts';
import type { Network } from '../../support/network.ts';
import type { Scope } from '../../support/scope.ts';

export interface ElectionOptions {
  zk: ZkUrl;
  sessionTimeoutMs: number;
  master: MasterInfo;
  network: Network;
  clock: Clock;
  random: () => number;
  log: Logger;
  /** Who leads changed, or became known for the first time. */
  onLeader: (leader: MasterInfo | undefined) => void;
  /** This master was elected. */
  onElected: () => void;
  /** It led and doesn't any more: it must exit. */
  onDeposed: (reason: string) => void;
}

export interface Election {
  /** The other masters that contend now. */
  peers(): Promise<MasterInfo[]>;
}

/**
 * Contends for leadership at the real znodes and follows who has it. A follower that loses its session contends again;
 * a leader that loses its place is deposed for good.
 * Source: src/master/contender and src/master/detector of Apache Mesos, Master::detected and Master::lostCandidacy.
 */
export function joinElection(options: ElectionOptions, scope: Scope): Election {
  const { zk, master, network, clock, log } = options;
  const client = createZooKeeperClient({
    servers: zk.servers,
    sessionTimeoutMs: options.sessionTimeoutMs,
    network,
    clock,
    log,
    random: options.random,
    auth: zk.auth,
  });
  scope.defer(() => client.close());
  let elected = false;
  const depose = (reason: string) => {
    if (!elected) return;
    elected = false;
    options.onDeposed(reason);
  };

  const contender = createContender({
    client,
    path: zk.path,
    label: 'json.info',
    data: encodeMasterInfo(master),
    acl: zk.acl,
    log,
  });
  scope.defer(() => contender.close());
  // It rejects when this master stops before it has joined.
  contender.joined.catch(() => {});
  scope.defer(
    contender.onChange((membership) => {
      if (!membership) depose('Lost candidacy as a leader');
    }),
  );

  const detector = createLeaderDetector({ client, path: zk.path, clock, log });
  scope.defer(() => detector.close());
  scope.defer(
    detector.onChange((leader) => {
      const isSelf = leader?.id === master.id;
      if (!isSelf) depose('Lost leadership');
      options.onLeader(leader);
      if (isSelf && !elected) {
        elected = true;
        options.onElected();
      }
    }),
  );
  return {
    async peers() {
      const names = (await client.getChildren(zk.path)).filter((name) => name.startsWith('json.info_'));
      const infos = await Promise.all(
        names.map((name) =>
          client.getData(zk.path === '/' ? `/${name}` : `${zk.path}/${name}`).then(
            ({ data }) => decodeMasterInfo(data),
            () => undefined,
          ),
        ),
      );
      return infos.filter((info): info is MasterInfo => info !== undefined && info.id !== master.id);
    },
  };
}
