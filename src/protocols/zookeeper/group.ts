import type { Cancel } from '../../support/clock.ts';
import type { Logger } from '../../support/logger.ts';
import type { ZooKeeperClient } from './client.ts';
import type { Acl } from './records.ts';

export interface ContenderOptions {
  /** Not owned: closed by whoever made it. */
  client: ZooKeeperClient;
  /** The group, e.g. `/mesos`; created with its parents, one by one. */
  path: string;
  /** The node's name without `_NNNNNNNNNN`: `json.info` for masters. Empty: the number alone, as `log_replicas` has it. */
  label: string;
  data: string | Buffer;
  /** Default `openAcl`. */
  acl?: readonly Acl[];
  log: Logger;
}

export interface Membership {
  /** `json.info_0000000003`. */
  name: string;
  sequence: number;
}

/** Keeps one ephemeral sequential node in a group: made again with every new session, or when somebody deletes it. */
export interface Contender {
  /** Undefined until the node exists, and after it was lost until the next one exists. */
  readonly membership: Membership | undefined;
  /** Resolves with the first membership. Rejects when closed before. */
  readonly joined: Promise<Membership>;
  /** Called with the new membership, and with undefined when it is lost (session expired, node deleted). */
  onChange(listener: (membership: Membership | undefined) => void): Cancel;
  /** Deletes the node if it can be reached. */
  close(): Promise<void>;
}

/** Joins a group as the Mesos master contender does. Source: src/zookeeper/group.cpp and src/master/contender of Mesos. */
export declare function createContender(options: ContenderOptions): Contender;
