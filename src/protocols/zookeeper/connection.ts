import type { Socket } from 'node:net';
import { createFrameSplitter } from './framing.ts';

/** Frames over one socket. */
export interface Connection {
  /** Frames of one turn of the event loop leave in one piece. */
  send(frame: Buffer): void;
  /** No callback comes after it. */
  destroy(): void;
}

/** What the client accepts; servers send a node's data (1 MiB by default) and long lists of children. */
const maxReplyBytes = 64 << 20;

/**
 * @param onFrame an error it throws ends the connection
 * @param onClosed once, with the reason
 */
export function createConnection(
  socket: Socket,
  handlers: { onOpen(): void; onFrame(frame: Buffer): void; onClosed(reason: string): void },
): Connection {
  let done = false;
  let corked = false;
  const end = (reason: string) => {
    if (done) return;
    done = true;
    socket.destroy();
    handlers.onClosed(reason);
  };
  const push = createFrameSplitter((frame) => {
    if (!done) handlers.onFrame(frame);
  }, maxReplyBytes);
  socket.on('connect', () => {
    if (!done) handlers.onOpen();
  });
  socket.on('data', (chunk: Buffer) => {
    if (done) return;
    try {
      push(chunk);
    } catch (error) {
      end((error as Error).message);
    }
  });
  socket.on('error', (error) => end(error.message));
  socket.on('end', () => end('closed by the server'));
  socket.on('close', () => end('closed'));
  return {
    send(frame) {
      if (done) return;
      if (!corked) {
        corked = true;
        socket.cork();
        process.nextTick(() => {
          corked = false;
          socket.uncork();
        });
      }
      socket.write(frame);
    },
    destroy() {
      done = true;
      socket.destroy();
    },
  };
}
