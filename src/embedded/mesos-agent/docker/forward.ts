import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Cancel, Clock } from '../../../support/clock.ts';
import { systemCode } from '../../../support/errors.ts';
import type { Network } from '../../../support/network.ts';

/** A port of the node that leads to one of a container. */
export interface Forward {
  protocol: 'tcp' | 'udp';
  hostPort: number;
  containerPort: number;
}

export interface Forwarder {
  /** The container has another address now. */
  retarget(address: string): void;
  /** Listens no more and breaks what is connected. */
  close(): void;
}

export interface ForwardOptions {
  /** Addresses of the node to listen at. */
  hosts: readonly string[];
  /** The container's. */
  address: string;
  network: Network;
  clock: Clock;
  /** A connection to the container failed: it may have another address now. */
  onFailure: () => void;
}

/** Datagrams from one peer that stays silent for so long are another conversation. */
const udpIdleMs = 60_000;
/** Of more peers the oldest are forgotten. */
const mostUdpPeers = 1024;

/** A port that can't be listened at. */
export class ForwardError extends Error {}

/**
 * Forwards ports of the node to a container, as the engine's own proxies do it where it publishes ports.
 * @throws ForwardError; nothing is left listening then
 */
export async function openForwards(forwards: readonly Forward[], options: ForwardOptions): Promise<Forwarder> {
  let address = options.address;
  const closers: (() => void)[] = [];
  const close = () => {
    for (const closer of closers.splice(0)) closer();
  };
  const target = () => address;
  try {
    for (const forward of forwards)
      for (const host of options.hosts) {
        const open = forward.protocol === 'tcp' ? openTcp : openUdp;
        closers.push(await open(forward, host, target, options));
      }
  } catch (error) {
    close();
    throw error;
  }
  return {
    retarget(now) {
      address = now;
    },
    close,
  };
}

async function openTcp(
  { hostPort, containerPort }: Forward,
  host: string,
  target: () => string,
  { network, onFailure }: ForwardOptions,
): Promise<() => void> {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = network.connect(containerPort, target());
    // One side may say all it has and still listen to the other.
    upstream.allowHalfOpen = true;
    let connected = false;
    upstream.once('connect', () => {
      connected = true;
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.once('close', () => {
        open.delete(socket);
        // After an orderly end the other side has one of its own.
        if (!socket.readableEnded || !socket.writableFinished) other.destroy();
      });
      socket.on('error', () => {
        // Whoever asks where nobody listens learns of it, as nearly as there were no forwarder.
        other.resetAndDestroy();
        if (socket === upstream && !connected) onFailure();
      });
    }
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await listening(server.listen(hostPort, host), `${host}:${hostPort}/tcp`);
  server.on('error', () => {});
  return () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
}

async function openUdp(
  { hostPort, containerPort }: Forward,
  host: string,
  target: () => string,
  { clock }: ForwardOptions,
): Promise<() => void> {
  const peers = new Map<string, { socket: UdpSocket; forget: () => void; touch: () => void }>();
  const server = createSocket('udp4');

  const peerOf = (from: RemoteInfo) => {
    const key = `${from.address}:${from.port}`;
    const known = peers.get(key);
    if (known) return known;
    if (peers.size >= mostUdpPeers) peers.values().next().value?.forget();
    const socket = createSocket('udp4');
    let cancel: Cancel | undefined;
    const peer = {
      socket,
      forget() {
        cancel?.();
        peers.delete(key);
        socket.close();
      },
      touch() {
        cancel?.();
        cancel = clock.after(udpIdleMs, peer.forget);
      },
    };
    socket.on('message', (data) => {
      peer.touch();
      server.send(data, from.port, from.address, () => {});
    });
    // A container that does not listen answers so; datagrams get lost anyway.
    socket.on('error', () => {});
    peers.set(key, peer);
    return peer;
  };

  server.on('message', (data, from) => {
    const peer = peerOf(from);
    peer.touch();
    peer.socket.send(data, containerPort, target(), () => {});
  });
  server.bind(hostPort, host);
  await listening(server, `${host}:${hostPort}/udp`);
  server.on('error', () => {});
  return () => {
    for (const peer of [...peers.values()]) peer.forget();
    server.close();
  };
}

async function listening(server: Server | UdpSocket, shown: string): Promise<void> {
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new ForwardError(
      systemCode(error) === 'EADDRINUSE'
        ? `the node's port ${shown} is taken by something else`
        : `the node's port ${shown} can't be listened at: ${systemCode(error) ?? error}`,
    );
  }
}
