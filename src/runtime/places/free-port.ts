import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { systemCode } from '../../support/errors.ts';

/**
 * Whether the port can be had at the address, found out by having it for a moment.
 * @returns undefined when it is free, else the system's reason: EADDRINUSE, EACCES (a right is missing),
 *   EADDRNOTAVAIL (no such address here)
 */
export function whyNotFree(address: string, port: number, protocol: 'tcp' | 'udp'): Promise<string | undefined> {
  return protocol === 'tcp' ? tryTcp(address, port) : tryUdp(address, port);
}

function tryTcp(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => resolve(systemCode(error) ?? 'EUNKNOWN'));
    server.listen({ host: address, port, exclusive: true, backlog: 1 }, () => server.close(() => resolve(undefined)));
  });
}

function tryUdp(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', (error) => {
      socket.close();
      resolve(systemCode(error) ?? 'EUNKNOWN');
    });
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}
