import { Agent } from 'node:http';
import { connect, type LookupFunction, type Socket } from 'node:net';

/**
 * Where every outgoing connection of an embedded server starts, so that a node can be cut off from its peers: a
 * partition forbids both sides to dial each other and ends what is connected. Clients from the laptop are no peers.
 */
export interface Network {
  /** Opens a TCP connection; a peer that is cut off fails with EHOSTUNREACH. */
  connect(port: number, host: string): Socket;
  /** Keep-alive HTTP agent over `connect`. */
  readonly httpAgent: Agent;
  /** Forbids these `host:port` or `host` destinations and ends existing connections to them. Replaces the last list. */
  cut(destinations: readonly string[]): void;
  isCut(port: number, host: string): boolean;
  close(): void;
}

/** @param localAddress the node's own address, the source of its connections */
export function createNetwork(localAddress?: string): Network {
  let forbidden = new Set<string>();
  const open = new Map<Socket, string>();
  const isCut = (port: number, host: string) => forbidden.has(host) || forbidden.has(`${host}:${port}`);

  const connectTo = (port: number, host: string): Socket => {
    if (isCut(port, host)) return connectToNobody(unreachable(host, port));
    const target = { port, host, noDelay: true, ...(localAddress && isLoopbackIp(host) ? { localAddress } : {}) };
    const socket = connect(target);
    open.set(socket, `${host}:${port}`);
    socket.once('close', () => open.delete(socket));
    return socket;
  };

  const httpAgent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 16, timeout: 0 });
  (httpAgent as unknown as { createConnection(o: { port: number; host: string }): Socket }).createConnection = (o) =>
    connectTo(o.port, o.host);

  return {
    connect: connectTo,
    httpAgent,
    isCut,
    cut(destinations) {
      forbidden = new Set(destinations);
      for (const [socket, destination] of open) {
        const host = destination.slice(0, destination.lastIndexOf(':'));
        if (forbidden.has(destination) || forbidden.has(host)) socket.destroy(unreachable(destination));
      }
    },
    close() {
      httpAgent.destroy();
      for (const socket of open.keys()) socket.destroy();
    },
  };
}

/**
 * A socket that fails with the error without having dialed anybody. It fails two ticks later: an HTTP agent begins to
 * listen for the errors of a new socket one tick after it got it, and an error that nobody hears ends the process.
 */
function connectToNobody(error: Error): Socket {
  const lookup: LookupFunction = (_host, _options, done) => process.nextTick(done, error, '');
  return connect({ port: 1, host: 'cut-off.invalid', lookup });
}

function unreachable(host: string, port?: number): Error {
  const destination = port === undefined ? host : `${host}:${port}`;
  return Object.assign(new Error(`connect EHOSTUNREACH ${destination} (cut off)`), { code: 'EHOSTUNREACH' });
}

function isLoopbackIp(host: string): boolean {
  return /^127\.\d+\.\d+\.\d+$/.test(host);
}
