/**
 * Connections between the servers. Each server dials each other and only sends on what it dialled, so that no two have
 * to agree on one connection; a peer counts as connected while both directions stand.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createFrameSplitter, FrameError } from '../../../protocols/zookeeper/framing.ts';
import { JuteError, JuteReader } from '../../../protocols/zookeeper/jute.ts';
import type { Cancel, Clock } from '../../../support/clock.ts';
import { messageOf } from '../../../support/errors.ts';
import type { Logger } from '../../../support/logger.ts';
import type { Network } from '../../../support/network.ts';
import type { PeerConfig } from '../config.ts';
import { decodePeerMessage, encodePeerMessage, maxPeerFrameBytes, type PeerMessage, peerProtocol } from './wire.ts';

export interface LinksOptions {
  self: PeerConfig;
  others: readonly PeerConfig[];
  network: Network;
  clock: Clock;
  /** Running time of this server, milliseconds. */
  now: () => number;
  log: Logger;
  /** The ensemble this server's data belongs to, '' when it has none yet. */
  cluster: () => string;
  onConnected: (peer: number) => void;
  onDisconnected: (peer: number) => void;
  onMessage: (peer: number, message: PeerMessage) => void;
  /** A peer's data belongs to another ensemble. */
  onForeign: (peer: number, reason: string) => void;
}

export interface Links {
  /** Opens the quorum port. @throws system errors */
  listen(): Promise<void>;
  /** Starts dialling. */
  start(): void;
  /** Whether both directions to the peer stand. */
  connected(peer: number): boolean;
  /** Dropped when there is no connection. Messages of one callback go out together, commands those of one event-loop turn. */
  send(peer: number, message: PeerMessage): void;
  /** Keeps idle connections known to be alive and ends those that are silent for too long (milliseconds). */
  pulse(silenceMs: number): void;
  close(): Promise<void>;
}

interface Link {
  peer: PeerConfig;
  dialled: Socket | undefined;
  /** Whether `dialled` is open. */
  open: boolean;
  accepted: Socket | undefined;
  attempts: number;
  retry: Cancel | undefined;
  lastSent: number;
  lastHeard: number;
  corked: boolean;
  connected: boolean;
}

const firstRetryMs = 5;
const longestRetryMs = 1000;

export function createLinks(options: LinksOptions): Links {
  const { self, network, clock, log } = options;
  const links = new Map<number, Link>();
  const incoming = new Set<Socket>();
  let closed = false;
  for (const peer of options.others)
    links.set(peer.id, {
      peer,
      dialled: undefined,
      open: false,
      accepted: undefined,
      attempts: 0,
      retry: undefined,
      lastSent: 0,
      lastHeard: 0,
      corked: false,
      connected: false,
    });

  const update = (link: Link) => {
    const connected = link.open && link.accepted !== undefined;
    if (connected === link.connected || closed) return;
    link.connected = connected;
    if (connected) options.onConnected(link.peer.id);
    else options.onDisconnected(link.peer.id);
  };

  const dial = (link: Link) => {
    if (closed || link.dialled) return;
    link.retry?.();
    link.retry = undefined;
    const { peer } = link;
    const socket = network.connect(peer.quorumPort, peer.host);
    link.dialled = socket;
    socket.setNoDelay(true);
    socket.once('connect', () => {
      if (closed) return;
      link.open = true;
      link.attempts = 0;
      const hello = { protocol: peerProtocol, from: self.id, to: peer.id, cluster: options.cluster() };
      socket.write(encodePeerMessage({ kind: 'hello', hello }));
      update(link);
    });
    // Only a refusal ever comes back on what this server dialled.
    receive(socket, (message) => {
      if (message.kind !== 'refused') return;
      log.warn('a peer refused the connection', { peer: peer.id, reason: message.reason });
      if (message.foreign) options.onForeign(peer.id, message.reason);
    });
    socket.on('error', (error) => log.debug('connection to a peer', { peer: peer.id, error: messageOf(error) }));
    socket.once('close', () => {
      if (link.dialled !== socket) return;
      link.dialled = undefined;
      link.open = false;
      link.corked = false;
      update(link);
      if (closed) return;
      const delay = Math.min(longestRetryMs, firstRetryMs * 1.5 ** link.attempts++);
      link.retry = clock.after(delay, () => dial(link));
    });
  };

  const receive = (socket: Socket, onMessage: (message: PeerMessage) => void) => {
    const split = createFrameSplitter((frame) => {
      if (!socket.destroyed) onMessage(decodePeerMessage(new JuteReader(frame)));
    }, maxPeerFrameBytes);
    socket.on('data', (chunk) => {
      try {
        split(chunk);
      } catch (error) {
        if (!(error instanceof JuteError || error instanceof FrameError)) throw error;
        log.warn('malformed bytes on the quorum port', { from: socket.remoteAddress, error: messageOf(error) });
        socket.destroy();
      }
    });
  };

  const accept = (socket: Socket) => {
    incoming.add(socket);
    socket.setNoDelay(true);
    let link: Link | undefined;
    const refuse = (reason: string, foreign: boolean) => {
      socket.end(encodePeerMessage({ kind: 'refused', reason, foreign }));
      socket.destroySoon();
    };
    // Strangers don't keep a connection without saying who they are.
    const cancelWait = clock.after(5000, () => {
      if (!link) socket.destroy();
    });
    receive(socket, (message) => {
      if (link) {
        link.lastHeard = options.now();
        if (message.kind !== 'ping') options.onMessage(link.peer.id, message);
        return;
      }
      if (message.kind !== 'hello') return void socket.destroy();
      const { protocol, from, to, cluster } = message.hello;
      const found = links.get(from);
      const own = options.cluster();
      if (protocol !== peerProtocol) return refuse(`protocol ${protocol} is not ${peerProtocol}`, false);
      if (to !== self.id) return refuse(`this is server ${self.id}, not ${to}`, false);
      if (!found) return refuse(`there is no server.${from} in this server's zoo.cfg`, false);
      if (own !== '' && cluster !== '' && own !== cluster) {
        const reason = `the data of server ${from} belongs to another ensemble (${cluster}) than that of server ${self.id} (${own})`;
        options.onForeign(from, reason);
        return refuse(reason, true);
      }
      link = found;
      link.accepted?.destroy();
      if (link.accepted) {
        link.accepted = undefined;
        update(link);
      }
      link.accepted = socket;
      link.lastHeard = options.now();
      // It is there: no reason to wait longer for the next attempt to reach it.
      if (!link.dialled) dial(link);
      update(link);
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      cancelWait();
      incoming.delete(socket);
      if (link?.accepted !== socket) return;
      link.accepted = undefined;
      update(link);
    });
  };

  let server: Server | undefined;
  const send = (peer: number, message: PeerMessage) => {
    const link = links.get(peer);
    if (!link?.dialled || !link.open) return;
    const { dialled } = link;
    if (!link.corked) {
      link.corked = true;
      dialled.cork();
      const release = () => {
        if (link.dialled !== dialled) return;
        link.corked = false;
        dialled.uncork();
      };
      // Forwarded commands come one by one from many clients; all others are sent at one go, and somebody waits.
      if (message.kind === 'forward') setImmediate(release);
      else queueMicrotask(release);
    }
    link.lastSent = options.now();
    dialled.write(encodePeerMessage(message));
  };

  return {
    async listen() {
      server = createServer(accept);
      await new Promise<void>((resolve, reject) => {
        server!.once('error', reject);
        server!.listen({ port: self.quorumPort, host: self.host, backlog: 64 }, () => {
          server!.removeListener('error', reject);
          resolve();
        });
      });
      server.on('error', (error) => log.error('the quorum port failed', { error }));
    },
    start() {
      for (const link of links.values()) dial(link);
    },
    connected: (peer) => links.get(peer)?.connected ?? false,
    send,
    pulse(silenceMs) {
      const now = options.now();
      for (const link of links.values()) {
        if (link.open && now - link.lastSent > silenceMs / 4) send(link.peer.id, { kind: 'ping' });
        if (link.connected && now - link.lastHeard > silenceMs) {
          log.warn('a peer is silent, connecting anew', { peer: link.peer.id });
          link.accepted?.destroy();
          link.dialled?.destroy();
        }
      }
    },
    async close() {
      closed = true;
      for (const link of links.values()) {
        link.retry?.();
        link.dialled?.destroy();
      }
      for (const socket of incoming) socket.destroy();
      const open = server;
      if (open?.listening) await new Promise<void>((resolve) => open.close(() => resolve()));
    },
  };
}
