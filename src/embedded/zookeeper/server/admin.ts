/** The admin server: the admin words' answers as JSON over HTTP. Source: what ZooKeeper 3.8.0 answered. */
import { createHttpServer, type HttpServer } from '../../../support/http-server.ts';
import type { Logger } from '../../../support/logger.ts';
import type { ZooConfig } from '../config.ts';
import type { Connection } from './connection.ts';
import {
  configuration,
  environment,
  mode,
  monitor,
  nodeCount,
  notServing,
  versionText,
  type WordContext,
} from './words.ts';

type Command = (context: WordContext) => Record<string, unknown>;

interface AdminCommand {
  names: readonly [string, ...string[]];
  /** Answered also while the server doesn't serve clients. */
  always?: boolean;
  answer: Command;
}

const commands: readonly AdminCommand[] = [
  {
    names: ['configuration', 'conf', 'config'],
    always: true,
    answer: ({ config, replica }) => configuration(config, replica),
  },
  {
    names: ['connection_stat_reset', 'crst'],
    answer: ({ connections }) => {
      for (const { stats } of connections) Object.assign(stats, { received: 0, sent: 0 });
      return {};
    },
  },
  {
    names: ['connections', 'cons'],
    answer: ({ connections }) => ({ connections: [...connections].map(connectionOf), secure_connections: [] }),
  },
  {
    names: ['dirs'],
    answer: ({ replica }) => ({ datadir_size: replica.logBytes, logdir_size: replica.logBytes }),
  },
  { names: ['environment', 'env', 'envi'], always: true, answer: () => environment() },
  { names: ['is_read_only', 'isro'], answer: () => ({ read_only: false }) },
  {
    names: ['leader', 'lead'],
    answer: ({ config, replica }) => {
      const { leader } = replica.raft;
      const peer = config.peers.find(({ id }) => id === leader);
      return { is_leader: replica.raft.role === 'leader', leader_id: leader ?? -1, leader_ip: peer?.host ?? '' };
    },
  },
  {
    names: ['monitor', 'mntr'],
    answer: (context) =>
      Object.fromEntries([...monitor(context)].map(([key, value]) => [key.replace(/^zk_/, ''), value])),
  },
  { names: ['ruok'], always: true, answer: () => ({}) },
  { names: ['server_stats', 'srvr'], answer: serverStats },
  {
    names: ['stat_reset', 'srst'],
    answer: ({ stats }) => {
      stats.reset();
      return {};
    },
  },
  {
    names: ['stats', 'stat'],
    answer: (context) => ({
      ...serverStats(context),
      connections: [...context.connections].map(connectionOf),
      secure_connections: [],
    }),
  },
  {
    names: ['watch_summary', 'wchs'],
    answer: ({ watches }) => ({
      num_connections: watches.byConnection.size,
      num_paths: watches.paths,
      num_total_watches: watches.size,
    }),
  },
];

function serverStats(context: WordContext): Record<string, unknown> {
  const { stats, replica, connections } = context;
  const responses = { last_buffer_size: -1, min_buffer_size: -1, max_buffer_size: -1 };
  return {
    version: versionText,
    read_only: false,
    server_stats: {
      packets_sent: stats.counters.sent,
      packets_received: stats.counters.received,
      fsync_threshold_exceed_count: 0,
      client_response_stats: responses,
      data_dir_size: replica.logBytes,
      log_dir_size: replica.logBytes,
      provider_null: false,
      server_state: mode(context),
      last_processed_zxid: replica.machine.lastZxid,
      outstanding_requests: [...connections].reduce((sum, connection) => sum + connection.outstanding, 0),
      avg_latency: stats.averageLatency,
      max_latency: stats.maxLatency,
      min_latency: stats.minLatency,
      num_alive_client_connections: connections.size,
      uptime: Math.round(replica.hostClock.now()),
    },
    client_response: responses,
    node_count: nodeCount(replica),
  };
}

function connectionOf({ remote, remotePort, outstanding, stats }: Connection) {
  return {
    remote_socket_address: `${remote}:${remotePort}`,
    outstanding_requests: outstanding,
    packets_received: stats.received,
    packets_sent: stats.sent,
  };
}

/** @param context gives what the commands answer from */
export function createAdminServer(context: () => WordContext, config: ZooConfig, log: Logger): HttpServer {
  const base = config.admin.commandPath;
  const json = (value: Record<string, unknown>) => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: `${JSON.stringify(value, undefined, 2)}\n`,
  });
  return createHttpServer({
    log,
    gzipFrom: 0,
    routes: [
      {
        method: 'GET',
        path: new RegExp(`^${escapeRegExp(base)}/?$`),
        handler: () => ({
          status: 200,
          headers: { 'content-type': 'text/html' },
          body: commands.map(({ names: [name] }) => `<a href="${base}/${name}">${name}</a>\n<br/>\n`).join(''),
        }),
      },
      {
        method: 'GET',
        path: new RegExp(`^${escapeRegExp(base)}/(?<name>[^/]+)$`),
        handler: ({ params }) => {
          const name = params.name!;
          const command = commands.find(({ names }) => names.includes(name));
          if (!command) return json({ command: name, error: `Unknown command: ${name}` });
          const state = context();
          if (!command.always && !state.replica.serving) return json({ command: command.names[0], error: notServing });
          return json({ ...command.answer(state), command: command.names[0], error: null });
        },
      },
    ],
  });
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
