/**
 * The four-letter admin commands and their texts. Source: what ZooKeeper 3.8.0 answered.
 */
import { readdirSync } from 'node:fs';
import { hostname, totalmem, userInfo } from 'node:os';
import { versions } from '../../../protocols/versions.ts';
import type { Clock } from '../../../support/clock.ts';
import type { ZooConfig } from '../config.ts';
import type { Replica } from '../replica.ts';
import type { Connection } from './connection.ts';
import type { SessionTimes } from './sessions.ts';
import type { ServerStats } from './stats.ts';
import type { Watches } from './watches.ts';

export interface WordContext {
  config: ZooConfig;
  replica: Replica;
  connections: ReadonlySet<Connection>;
  watches: Watches<Connection>;
  times: SessionTimes;
  stats: ServerStats;
  clock: Clock;
}

type Word = (context: WordContext) => string;

export const notServing = 'This ZooKeeper instance is not currently serving requests';

/** Answered whether or not the server serves clients. */
const always: Record<string, Word> = {
  ruok: () => 'imok',
  envi: () => {
    const lines = Object.entries(environment()).map(([key, value]) => `${key}=${value}\n`);
    return `Environment:\n${lines.join('')}`;
  },
  conf: ({ config, replica }) => configurationText(config, replica),
  gtmk: () => '306',
  stmk: () => '',
};

const whenServing: Record<string, Word> = {
  srvr: (context) => server(context),
  stat: (context) => {
    let clients = '';
    for (const connection of context.connections) clients += ` ${brief(connection)}\n`;
    return server(context, `Clients:\n${clients}\n`);
  },
  mntr: (context) => [...monitor(context)].map(([key, value]) => `${key}\t${value}\n`).join(''),
  isro: () => 'rw',
  cons: ({ connections, replica }) => {
    let text = '';
    for (const connection of connections) text += ` ${detailed(connection, replica)}\n`;
    return `${text}\n`;
  },
  crst: ({ connections }) => {
    for (const { stats } of connections) Object.assign(stats, { received: 0, sent: 0 });
    return 'Connection stats reset.\n';
  },
  srst: ({ stats }) => {
    stats.reset();
    return 'Server stats reset.\n';
  },
  dump: (context) => dump(context),
  dirs: ({ replica }) => `datadir_size: ${replica.logBytes}\nlogdir_size: ${replica.logBytes}\n`,
  wchs: ({ watches }) =>
    `${watches.byConnection.size} connections watching ${watches.paths} paths\nTotal watches:${watches.size}\n`,
  wchc: ({ watches }) => {
    let text = '';
    for (const [connection, kinds] of watches.byConnection) {
      text += `${hex(connection.sessionId)}\n`;
      for (const path of new Set([...kinds.values()].flatMap((paths) => [...paths]))) text += `\t${path}\n`;
    }
    return `${text}\n`;
  },
  wchp: ({ watches }) => {
    const byPath = new Map<string, Set<bigint>>();
    for (const [connection, kinds] of watches.byConnection)
      for (const paths of kinds.values())
        for (const path of paths) {
          const sessions = byPath.get(path) ?? new Set();
          byPath.set(path, sessions.add(connection.sessionId));
        }
    let text = '';
    for (const [path, sessions] of byPath) text += `${path}\n${[...sessions].map((id) => `\t${hex(id)}\n`).join('')}`;
    return `${text}\n`;
  },
};

/** Whether these four letters are a command rather than the length of a frame. */
export function isWord(text: string): boolean {
  return Object.hasOwn(always, text) || Object.hasOwn(whenServing, text);
}

export function answerWord(word: string, context: WordContext): string {
  const allowed = context.config.fourLetterWords;
  if (allowed !== 'all' && !allowed.has(word)) return `${word} is not executed because it is not in the whitelist.\n`;
  const any = always[word];
  if (any) return any(context);
  return context.replica.serving ? whenServing[word]!(context) : `${notServing}\n`;
}

export const versionText = `${versions.zookeeper}-devcluster, built on 2022-02-25 08:49 UTC`;

export function mode({ config, replica }: WordContext): 'standalone' | 'leader' | 'follower' {
  if (config.standalone) return 'standalone';
  return replica.raft.role === 'leader' ? 'leader' : 'follower';
}

function server(context: WordContext, clients = ''): string {
  const { stats, connections, replica } = context;
  const average = Number(stats.averageLatency.toFixed(4));
  const outstanding = [...connections].reduce((sum, connection) => sum + connection.outstanding, 0);
  const proposals = mode(context) === 'leader' ? 'Proposal sizes last/min/max: -1/-1/-1\n' : '';
  return (
    `Zookeeper version: ${versionText}\n${clients}` +
    `Latency min/avg/max: ${stats.minLatency}/${Number.isInteger(average) ? average.toFixed(1) : average}/${stats.maxLatency}\n` +
    `Received: ${stats.counters.received}\nSent: ${stats.counters.sent}\nConnections: ${connections.size}\n` +
    `Outstanding: ${outstanding}\nZxid: 0x${replica.machine.lastZxid.toString(16)}\nMode: ${mode(context)}\n` +
    `${proposals}Node count: ${nodeCount(replica)}\n`
  );
}

/** The real server counts the root twice. */
export function nodeCount(replica: Replica): number {
  return replica.machine.state.tree.nodes.size + 1;
}

/** The values of `mntr`, in its order. */
export function monitor(context: WordContext): Map<string, string | number> {
  const { stats, connections, watches, replica } = context;
  const { tree, sessions } = replica.machine.state;
  let ephemerals = 0;
  for (const session of sessions.values()) ephemerals += session.ephemerals.size;
  const values = new Map<string, string | number>([
    ['zk_version', versionText],
    ['zk_server_state', mode(context)],
    ['zk_ephemerals_count', ephemerals],
    ['zk_num_alive_connections', connections.size],
    ['zk_avg_latency', Number(stats.averageLatency.toFixed(4))],
    ['zk_outstanding_requests', [...connections].reduce((sum, connection) => sum + connection.outstanding, 0)],
    ['zk_znode_count', nodeCount(replica)],
    ['zk_global_sessions', sessions.size],
    ['zk_local_sessions', 0],
    ['zk_packets_sent', stats.counters.sent],
    ['zk_packets_received', stats.counters.received],
    ['zk_watch_count', watches.size],
    ['zk_min_latency', stats.minLatency],
    ['zk_max_latency', stats.maxLatency],
    ['zk_approximate_data_size', tree.dataSize],
    ['zk_open_file_descriptor_count', openFiles()],
    ['zk_uptime', Math.round(replica.hostClock.now())],
  ]);
  if (mode(context) === 'leader') {
    const synced = replica.raft.syncedFollowers;
    values.set('zk_learners', synced);
    values.set('zk_synced_followers', synced);
    values.set('zk_synced_non_voting_followers', 0);
    values.set('zk_synced_observers', 0);
    values.set('zk_pending_syncs', 0);
    values.set('zk_leader_uptime', Math.round(replica.hostClock.now()));
  }
  if (!context.config.standalone) {
    values.set('zk_quorum_size', context.config.peers.length);
    values.set('zk_peer_state', mode(context) === 'leader' ? 'leading - broadcast' : 'following - broadcast');
  }
  return values;
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return -1;
  }
}

function brief({ remote, remotePort, outstanding, stats, established }: Connection): string {
  return `/${remote}:${remotePort}[${established ? 1 : 0}](queued=${outstanding},recved=${stats.received},sent=${stats.sent})`;
}

function detailed(connection: Connection, { hostClock }: Replica): string {
  const text = brief(connection);
  if (!connection.established) return text;
  const { stats, sessionId, timeoutMs, openedAt } = connection;
  const since = Math.round(hostClock.now() - openedAt);
  return (
    `${text.slice(0, -1)},sid=${hex(sessionId)},lop=${stats.lastOp},est=${Date.now() - since},to=${timeoutMs},` +
    `lcxid=0x${stats.lastXid.toString(16)},lzxid=0x${stats.lastZxid.toString(16)},lresp=0,llat=0,minlat=0,avglat=0,maxlat=0)`
  );
}

export function environment(): Record<string, string> {
  return {
    'zookeeper.version': versionText,
    'host.name': hostname(),
    'java.version': '<NA>',
    'java.vendor': 'devcluster',
    'java.home': '<NA>',
    'node.version': process.version,
    'os.name': process.platform,
    'os.arch': process.arch,
    'user.name': userInfo().username,
    'user.dir': process.cwd(),
    'os.memory.total': `${Math.round(totalmem() / (1 << 20))}MB`,
  };
}

export function configuration(config: ZooConfig, replica: Replica): Record<string, string | number> {
  const lines: Record<string, string | number> = {
    clientPort: config.clientPort ?? -1,
    secureClientPort: -1,
    dataDir: config.dataDir,
    dataDirSize: replica.logBytes,
    dataLogDir: config.dataLogDir,
    dataLogSize: replica.logBytes,
    tickTime: config.tickTime,
    maxClientCnxns: config.maxClientConnections,
    minSessionTimeout: config.minSessionTimeout,
    maxSessionTimeout: config.maxSessionTimeout,
    clientPortListenBacklog: -1,
    serverId: config.id,
  };
  if (!config.standalone) {
    const self = config.peers.find((peer) => peer.id === config.id)!;
    Object.assign(lines, {
      initLimit: config.initLimit,
      syncLimit: config.syncLimit,
      electionAlg: 3,
      electionPort: self.electionPort,
      quorumPort: self.quorumPort,
      peerType: 0,
    });
  }
  return lines;
}

function configurationText(config: ZooConfig, replica: Replica): string {
  let text = Object.entries(configuration(config, replica))
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
  if (!config.standalone) {
    text += 'membership: \n';
    for (const peer of config.peers)
      text += `server.${peer.id}=${peer.host}:${peer.quorumPort}:${peer.electionPort}:participant\n`;
    text += 'version=0';
  }
  return text;
}

function dump({ replica, times, connections, clock }: WordContext): string {
  const { sessions } = replica.machine.state;
  let text = `SessionTracker dump:\nSession Sets (${times.size})/(${sessions.size}):\n`;
  for (const [id, deadline] of times.deadlines)
    text += `1 expire at ${new Date(clock.now() + deadline - replica.hostClock.now()).toUTCString()}:\n\t${hex(id)}\n`;
  const owners = [...sessions.values()].filter((session) => session.ephemerals.size > 0);
  text += `ephemeral nodes dump:\nSessions with Ephemerals (${owners.length}):\n`;
  for (const session of owners)
    text += `${hex(session.id)}:\n${[...session.ephemerals].map((path) => `\t${path}\n`).join('')}`;
  text += `Connections dump:\nConnections Sets (1)/(${connections.size}):\n${connections.size} connections:\n`;
  for (const connection of connections)
    text += `\tip: /${connection.remote}:${connection.remotePort} sessionId: ${hex(connection.sessionId)}\n`;
  return text;
}

function hex(id: bigint): string {
  return `0x${BigInt.asUintN(64, id).toString(16)}`;
}
